//! What differs between two models: objects, parameters, access, types, facets, defaults, profiles.
//!
//! Descriptions, the versions of items, the order of enumerations and words that are deleted are no
//! differences; a named type and a built-in one are the same when they allow the same values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::reference::resolve;
use crate::schema::{Object, Parameter, Profile, Requirement, Schema};
use crate::syntax::{Scope, Size, Status, Syntax};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Path, or name of a profile.
    pub subject: String,
    /// What differs; empty when the subject is in one of the models only.
    pub property: &'static str,
    /// How it is in the first model; `None` when it is not there.
    pub left: Option<String>,
    /// How it is in the second model.
    pub right: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match (&self.left, &self.right) {
            (Some(_), None) if self.property.is_empty() => '-',
            (None, Some(_)) if self.property.is_empty() => '+',
            _ => '~',
        };
        write!(f, "{sign} {}", self.subject)?;
        if !self.property.is_empty() {
            let show = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
            write!(f, " {}: {} → {}", self.property, show(&self.left), show(&self.right))?;
        }
        Ok(())
    }
}

/// Compares two models, deleted items included. The differences come in the order of the first.
pub fn diff(left: &Schema, right: &Schema) -> Vec<Difference> {
    let (mut left, mut right) = (left.clone(), right.clone());
    left.show_deleted(true);
    right.show_deleted(true);
    let mut differences = Vec::new();
    let names = (left.name().to_string(), right.name().to_string());
    compare(&mut differences, "model", "name", Some(names.0), Some(names.1));
    compare(&mut differences, "model", "isService", left.is_service(), right.is_service());
    objects(&mut differences, &left, &right);
    parameters(&mut differences, &left, &right);
    profiles(&mut differences, &left, &right);
    differences
}

fn objects(differences: &mut Vec<Difference>, left: &Schema, right: &Schema) {
    let left: Vec<(String, Object<'_>)> = left.objects().map(|it| (it.path(), it)).collect();
    let right: Vec<(String, Object<'_>)> = right.objects().map(|it| (it.path(), it)).collect();
    pair(differences, left, right, |differences, path, left, right| {
        let (left, right) = (object_facts(left), object_facts(right));
        compare_facts(differences, path, left, right);
    });
}

fn parameters(differences: &mut Vec<Difference>, left: &Schema, right: &Schema) {
    let left: Vec<(String, Parameter<'_>)> = left.parameters().map(|it| (it.path(), it)).collect();
    let right: Vec<(String, Parameter<'_>)> =
        right.parameters().map(|it| (it.path(), it)).collect();
    pair(differences, left, right, |differences, path, left, right| {
        let names = (type_name(left.syntax()), type_name(right.syntax()));
        if let (Some(a), Some(b)) = &names {
            compare(differences, path, "named type", a.clone(), b.clone());
        }
        compare_facts(differences, path, parameter_facts(left), parameter_facts(right));
    });
}

fn profiles(differences: &mut Vec<Difference>, left: &Schema, right: &Schema) {
    let named = |schema| {
        let profiles: Vec<(String, Profile<'_>)> =
            Schema::profiles(schema).map(|it| (format!("profile {}", it.name()), it)).collect();
        profiles
    };
    pair(differences, named(left), named(right), |differences, name, a, b| {
        compare_facts(differences, name, profile_facts(a), profile_facts(b));
        let (a, b) = (requirements(a, left), requirements(b, right));
        let paths: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for path in paths {
            let subject = format!("{name} {path}");
            let (a, b) = (a.get(path).copied(), b.get(path).copied());
            compare(differences, &subject, "requirement", a, b);
        }
    });
}

type Facts = Vec<(&'static str, Option<String>)>;

fn object_facts(object: &Object<'_>) -> Facts {
    let name = |parameter: Option<Parameter<'_>>| parameter.map(|it| it.name().to_owned());
    let keys: BTreeSet<String> = object
        .unique_keys()
        .map(|key| {
            let names: BTreeSet<&str> = key.parameters.iter().map(|name| &**name).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let kind = if key.functional { "" } else { "non-functional " };
            format!("{kind}{}", names.join("+"))
        })
        .collect();
    let max = object.entries_max().map_or_else(|| "unbounded".to_owned(), |max| max.to_string());
    vec![
        ("access", Some(object.access().name().to_owned())),
        ("entries", Some(format!("{} to {max}", object.entries_min()))),
        ("status", Some(object.status().name().to_owned())),
        ("numEntriesParameter", name(object.num_entries_parameter())),
        ("enableParameter", name(object.enable_parameter())),
        ("discriminatorParameter", name(object.discriminator_parameter())),
        ("mountPoint", Some(object.is_mount_point().to_string())),
        ("unique keys", joined(keys)),
    ]
}

fn parameter_facts(parameter: &Parameter<'_>) -> Facts {
    let syntax = parameter.syntax();
    let default = parameter.default();
    let default = default.map(|it| format!("{} {:?}", it.default_type.name(), it.value));
    let mut facts = vec![
        ("access", Some(parameter.access().name().to_owned())),
        ("status", Some(parameter.status().name().to_owned())),
        ("activeNotify", Some(parameter.active_notify().name().to_owned())),
        ("forcedInform", Some(parameter.forced_inform().to_string())),
        ("type", Some(syntax.value_type.name().to_owned())),
        ("default", default),
    ];
    facts.extend(syntax_facts(syntax));
    facts.extend(reference_facts(parameter, syntax));
    facts
}

fn syntax_facts(syntax: &Syntax) -> Facts {
    let flags =
        [(syntax.hidden, "hidden"), (syntax.secured, "secured"), (syntax.command, "command")];
    let flags = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned());
    let list = syntax.list.as_ref().map(|list| {
        let max = list.items_max.map_or_else(|| "unbounded".to_owned(), |max| max.to_string());
        // A size without bounds says nothing.
        let is_open = list.sizes.contains(&Size::default());
        let sizes = sizes(&list.sizes).filter(|_| !is_open).unwrap_or_default();
        format!("{} to {max} items {:?} {sizes}", list.items_min, list.nested_brackets)
    });
    let ranges = syntax.ranges.iter().map(|range| {
        let bound = |bound: &Option<Box<str>>| bound.as_deref().unwrap_or("*").to_owned();
        let step = range.step.as_deref().unwrap_or("1");
        let optional = if range.optional { " optional" } else { "" };
        format!("{}..{} step {step}{optional}", bound(&range.min), bound(&range.max))
    });
    let is_there = |status: Status| status != Status::Deleted;
    let patterns = syntax.patterns.iter().filter(|it| is_there(it.status)).map(|pattern| {
        let read_only = if pattern.read_only { " readOnly" } else { "" };
        format!("{}{read_only} {}", pattern.value, pattern.status.name())
    });
    let words = syntax.enumerations.iter().filter(|it| is_there(it.status));
    let enumerations = words.map(|word| {
        let read_only = if word.read_only { " readOnly" } else { "" };
        let optional = if word.optional { " optional" } else { "" };
        let code = word.code.map(|code| format!(" code {code}")).unwrap_or_default();
        format!("{}{read_only}{optional}{code} {}", word.value, word.status.name())
    });
    vec![
        ("visibility", joined(flags)),
        ("list", list),
        ("size", sizes(&syntax.sizes)),
        ("range", joined(ranges.collect::<BTreeSet<_>>())),
        ("pattern", joined(patterns.collect::<BTreeSet<_>>())),
        ("enumeration", joined(enumerations.collect::<BTreeSet<_>>())),
        ("units", syntax.units.as_ref().map(ToString::to_string)),
    ]
}

fn sizes(sizes: &[Size]) -> Option<String> {
    let sizes: BTreeSet<String> = sizes
        .iter()
        .map(|size| {
            let max = size.max.map_or_else(|| "*".to_owned(), |max| max.to_string());
            format!("{}..{max}", size.min)
        })
        .collect();
    joined(sizes)
}

fn reference_facts(parameter: &Parameter<'_>, syntax: &Syntax) -> Facts {
    let full = |target: &str, scope: Scope| {
        resolve(parameter, target, scope).unwrap_or_else(|| target.to_owned())
    };
    let path = syntax.path_ref.as_ref().map(|facet| {
        let parents: BTreeSet<String> =
            facet.target_parents.iter().map(|parent| full(parent, facet.scope)).collect();
        let parents = joined(parents).unwrap_or_default();
        let data_type = facet.target_data_type.as_deref().unwrap_or_default();
        format!("{:?} {:?} {data_type} {parents}", facet.strength, facet.target_type)
    });
    let instance = syntax.instance_ref.as_ref();
    let instance = instance
        .map(|facet| format!("{:?} {}", facet.strength, full(&facet.target_parent, facet.scope)));
    let enumeration = syntax.enumeration_ref.as_ref().map(|facet| {
        let null = facet.null_value.as_ref().map(|value| format!(" null {value:?}"));
        let null = null.unwrap_or_default();
        format!("{}{null}", full(&facet.target_parameter, facet.scope))
    });
    vec![("pathRef", path), ("instanceRef", instance), ("enumerationRef", enumeration)]
}

/// The public name of a type: internal ones have an underscore and the protocol in their name.
fn type_name(syntax: &Syntax) -> Option<String> {
    let name = syntax.type_name.as_deref()?;
    let name = match name.strip_prefix('_') {
        Some(internal) => internal.trim_end_matches("CWMP").trim_end_matches("USP"),
        None => name,
    };
    Some(name.to_owned())
}

fn profile_facts(profile: &Profile<'_>) -> Facts {
    // Either asks for the same; older expanded files add the previous version as the base.
    let names = profile.base().into_iter().chain(profile.extends());
    vec![
        ("status", Some(profile.status().name().to_owned())),
        ("builds on", joined(names.map(str::to_owned).collect::<BTreeSet<_>>())),
    ]
}

/// What a profile asks for by path, with what it builds on.
fn requirements(profile: &Profile<'_>, schema: &Schema) -> BTreeMap<String, &'static str> {
    let requirements = profile.requirements();
    let entries = requirements.iter(schema).map(|requirement| match requirement {
        Requirement::Object(object, asked) => (object.path(), asked.name()),
        Requirement::Parameter(parameter, access) => (parameter.path(), access.name()),
    });
    entries.collect()
}

/// Reports what only one side has, and compares what both have.
fn pair<T>(
    differences: &mut Vec<Difference>,
    left: Vec<(String, T)>,
    right: Vec<(String, T)>,
    mut compare: impl FnMut(&mut Vec<Difference>, &str, &T, &T),
) {
    let by_name: BTreeMap<&str, &T> = right.iter().map(|(name, it)| (&**name, it)).collect();
    let known: BTreeSet<&str> = left.iter().map(|(name, _)| &**name).collect();
    let only = |name: &str, left, right| Difference {
        subject: name.to_owned(),
        property: "",
        left,
        right,
    };
    for (name, item) in &left {
        match by_name.get(&**name) {
            Some(other) => compare(differences, name, item, other),
            None => differences.push(only(name, Some(String::new()), None)),
        }
    }
    for (name, _) in right.iter().filter(|(name, _)| !known.contains(&**name)) {
        differences.push(only(name, None, Some(String::new())));
    }
}

fn compare_facts(differences: &mut Vec<Difference>, subject: &str, left: Facts, right: Facts) {
    for ((property, left), (_, right)) in left.into_iter().zip(right) {
        compare(differences, subject, property, left, right);
    }
}

fn compare<T>(
    differences: &mut Vec<Difference>,
    subject: &str,
    property: &'static str,
    left: T,
    right: T,
) where
    T: IntoText + PartialEq,
{
    if left != right {
        let subject = subject.to_owned();
        let (left, right) = (left.into_text(), right.into_text());
        differences.push(Difference { subject, property, left, right });
    }
}

trait IntoText {
    fn into_text(self) -> Option<String>;
}

impl IntoText for Option<String> {
    fn into_text(self) -> Self {
        self
    }
}

impl IntoText for Option<&str> {
    fn into_text(self) -> Option<String> {
        self.map(str::to_owned)
    }
}

impl IntoText for String {
    fn into_text(self) -> Option<String> {
        Some(self)
    }
}

impl IntoText for bool {
    fn into_text(self) -> Option<String> {
        Some(self.to_string())
    }
}

fn joined(items: impl IntoIterator<Item = String>) -> Option<String> {
    let items: Vec<String> = items.into_iter().collect();
    (!items.is_empty()).then(|| items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::ObjectRequirement;
    use crate::draft::{Draft, DraftObject, DraftParameter, DraftProfile, DraftUniqueKey};
    use crate::pattern::Pattern;
    use crate::syntax::{
        Access, ActiveNotify, DefaultType, DefaultValue, Enumeration, EnumerationRefFacet,
        InstanceRefFacet, List, PathRefFacet, Range,
    };
    use drover_cwmp::ValueType;

    fn draft() -> Draft {
        let parameter = |name: &str| DraftParameter { name: name.to_owned(), ..Default::default() };
        let table = DraftObject {
            path: "Device.T.{i}.".to_owned(),
            parameters: vec![parameter("P"), parameter("Q")],
            ..DraftObject::default()
        };
        let root = DraftObject {
            path: "Device.".to_owned(),
            parameters: vec![parameter("TNumberOfEntries")],
            ..DraftObject::default()
        };
        let profile = DraftProfile {
            name: "A:1".to_owned(),
            objects: vec![("Device.T.{i}.".to_owned(), ObjectRequirement::Present)],
            parameters: vec![("Device.T.{i}.P".to_owned(), Access::ReadOnly)],
            ..DraftProfile::default()
        };
        Draft {
            name: "Device:2.1".to_owned(),
            objects: vec![root, table],
            profiles: vec![profile],
            ..Draft::default()
        }
    }

    fn check(change: impl FnOnce(&mut Draft), expected: &[&str]) {
        let mut changed = draft();
        change(&mut changed);
        let (left, _) = Schema::build(&draft());
        let (right, problems) = Schema::build(&changed);
        assert_eq!(problems, []);
        let shown: Vec<String> = diff(&left, &right).iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected);
    }

    /// Changes the parameter `P`.
    fn check_parameter(change: impl FnOnce(&mut DraftParameter), expected: &str) {
        let expected = format!("~ Device.T.{{i}}.P {expected}");
        check(|draft| change(&mut draft.objects[1].parameters[0]), &[&expected]);
    }

    fn check_syntax(change: impl FnOnce(&mut Syntax), expected: &str) {
        check_parameter(|parameter| change(&mut parameter.syntax), expected);
    }

    #[test]
    fn equal_models_have_no_differences() {
        check(|_| {}, &[]);
        check(|draft| draft.objects[1].description = Some("text".into()), &[]);
        check(|draft| draft.objects[1].version = crate::Version::new(2, 7), &[]);
    }

    #[test]
    fn items_of_one_side() {
        check(
            |draft| {
                draft.objects[1].parameters.remove(1);
                let path = "Device.New.".to_owned();
                draft.objects.push(DraftObject { path, ..DraftObject::default() });
                draft.profiles.push(DraftProfile { name: "B:1".to_owned(), ..Default::default() });
            },
            &["+ Device.New.", "- Device.T.{i}.Q", "+ profile B:1"],
        );
    }

    #[test]
    fn facts_of_objects() {
        check(
            |draft| {
                let table = &mut draft.objects[1];
                table.access = Access::ReadWrite;
                table.entries_max = Some(4);
                table.num_entries_parameter = Some("TNumberOfEntries".to_owned());
                table.enable_parameter = Some("P".to_owned());
                let parameters = vec!["Q".to_owned(), "P".to_owned()];
                table.unique_keys.push(DraftUniqueKey { functional: true, parameters });
            },
            &[
                "~ Device.T.{i}. access: readOnly → readWrite",
                "~ Device.T.{i}. entries: 0 to unbounded → 0 to 4",
                "~ Device.T.{i}. numEntriesParameter: none → TNumberOfEntries",
                "~ Device.T.{i}. enableParameter: none → P",
                "~ Device.T.{i}. unique keys: none → P+Q",
            ],
        );
    }

    #[test]
    fn facts_of_parameters() {
        check_parameter(|it| it.access = Access::ReadWrite, "access: readOnly → readWrite");
        check_parameter(|it| it.status = Status::Obsoleted, "status: current → obsoleted");
        check_parameter(
            |it| it.active_notify = ActiveNotify::CanDeny,
            "activeNotify: normal → canDeny",
        );
        check_parameter(|it| it.forced_inform = true, "forcedInform: false → true");
        let value = DefaultValue { default_type: DefaultType::Object, value: "".into() };
        check_parameter(|it| it.default = Some(value), "default: none → object \"\"");
    }

    #[test]
    fn facets() {
        check_syntax(|it| it.value_type = ValueType::Int, "type: string → int");
        check_syntax(|it| it.hidden = true, "visibility: none → hidden");
        check_syntax(
            |it| it.list = Some(List { items_max: Some(3), ..List::default() }),
            "list: none → 0 to 3 items Legacy ",
        );
        check_syntax(|it| it.sizes = vec![Size { min: 1, max: None }], "size: none → 1..*");
        let range = Range { min: Some("1".into()), optional: true, ..Range::default() };
        check_syntax(|it| it.ranges = vec![range], "range: none → 1..* step 1 optional");
        let pattern = Pattern { value: "a*".into(), ..Pattern::default() };
        check_syntax(|it| it.patterns = vec![pattern], "pattern: none → a* current");
        let word = Enumeration { value: "w".into(), read_only: true, ..Enumeration::default() };
        check_syntax(|it| it.enumerations = vec![word], "enumeration: none → w readOnly current");
        check_syntax(|it| it.units = Some("dBm".into()), "units: none → dBm");
        let facet = PathRefFacet { target_parents: vec![".T.".into()], ..Default::default() };
        check_syntax(|it| it.path_ref = Some(facet), "pathRef: none → Weak Any  Device.T.");
        let facet = InstanceRefFacet { target_parent: "#.".into(), ..Default::default() };
        check_syntax(|it| it.instance_ref = Some(facet), "instanceRef: none → Weak Device.");
        let facet = EnumerationRefFacet { target_parameter: "Q".into(), ..Default::default() };
        check_syntax(
            |it| it.enumeration_ref = Some(facet),
            "enumerationRef: none → Device.T.{i}.Q",
        );
    }

    #[test]
    fn what_allows_the_same_is_the_same() {
        let same = |change: fn(&mut Syntax)| {
            check(|draft| change(&mut draft.objects[1].parameters[0].syntax), &[]);
        };
        same(|syntax| syntax.type_name = Some("IPAddress".into()));
        same(|syntax| {
            let status = Status::Deleted;
            syntax.enumerations.push(Enumeration { status, ..Enumeration::default() });
        });
    }

    #[test]
    fn requirements_count_with_what_they_build_on() {
        check(
            |draft| {
                draft.profiles[0].parameters[0].1 = Access::ReadWrite;
                draft.profiles[0].parameters.push(("Device.T.{i}.Q".to_owned(), Access::ReadOnly));
            },
            &[
                "~ profile A:1 Device.T.{i}.P requirement: readOnly → readWrite",
                "~ profile A:1 Device.T.{i}.Q requirement: none → readOnly",
            ],
        );
    }
}
