//! What a tree has of a model, and which profiles that makes up (`TM-04`, `TM-05`).

use std::collections::BTreeMap;

use super::Models;
use super::finding::count;
use super::walk::{Place, Walk};
use crate::draft::ObjectRequirement;
use crate::schema::{Object, Parameter, Profile, Requirement, Schema};
use crate::syntax::Access;
use crate::tree::{RecordedTree, TreeRow};

/// Checks a tree against one profile of a model, with what the profile is based on.
pub fn check_profile<'s>(
    schema: &'s Schema,
    profile: &Profile<'s>,
    tree: &RecordedTree,
) -> ProfileReport {
    Support::new(schema, tree).check(profile)
}

/// The profiles of a model that a tree has, in the order of the document.
pub fn profiles_met<'s>(schema: &'s Schema, tree: &RecordedTree) -> Vec<Profile<'s>> {
    Support::new(schema, tree).profiles_met()
}

/// How a tree stands to a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileReport {
    /// Such as `Baseline:1`.
    pub profile: String,
    /// Everything that the profile asks for: objects, then parameters.
    pub asked: Vec<Asked>,
}

impl ProfileReport {
    /// Whether nothing speaks against it, and at least one of its parameters is there, so that
    /// not all of it is empty tables.
    pub fn conforms(&self) -> bool {
        let mut evidence = Evidence::default();
        self.asked.iter().all(|asked| evidence.takes(asked.is_object(), asked.verdict))
            && evidence.is_enough()
    }

    /// How many requirements have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.asked.iter().filter(|asked| asked.verdict == verdict).count()
    }
}

/// One thing that a profile asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// With `{i}` for each instance.
    pub path: String,
    /// What is asked for, as the XML writes it, such as `readWrite`.
    pub requirement: &'static str,
    /// What the tree says.
    pub verdict: Verdict,
    /// How it is instead; empty when it is satisfied.
    pub detail: String,
}

impl Asked {
    /// Whether it is an object and not a parameter.
    pub fn is_object(&self) -> bool {
        self.path.ends_with('.')
    }
}

/// What speaks for a profile.
#[derive(Debug, Clone, Copy, Default)]
struct Evidence {
    objects: bool,
    parameters: bool,
    asks_for_parameters: bool,
}

impl Evidence {
    /// Returns whether the verdict does not speak against it.
    fn takes(&mut self, is_object: bool, verdict: Verdict) -> bool {
        let is_satisfied = verdict == Verdict::Satisfied;
        self.asks_for_parameters |= !is_object;
        self.objects |= is_object && is_satisfied;
        self.parameters |= !is_object && is_satisfied;
        !verdict.is_against()
    }

    fn is_enough(self) -> bool {
        if self.asks_for_parameters { self.parameters } else { self.objects }
    }
}

/// Whether a requirement is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is.
    Satisfied,
    /// It is not there, or not in every row.
    Missing,
    /// It is there, but cannot be written, or its rows cannot be added or deleted.
    NotWritable,
    /// The recording cannot tell, as a table has no rows.
    Undetermined,
}

impl Verdict {
    /// As a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::Missing => "missing",
            Self::NotWritable => "notWritable",
            Self::Undetermined => "undetermined",
        }
    }

    fn is_against(self) -> bool {
        matches!(self, Self::Missing | Self::NotWritable)
    }
}

/// What a tree has of one model, counted.
#[derive(Debug, Clone)]
pub struct Support<'s> {
    schema: &'s Schema,
    objects: BTreeMap<u32, SeenObject>,
    parameters: BTreeMap<u32, Writable>,
}

#[derive(Debug, Clone, Copy, Default)]
struct SeenObject {
    /// Single objects, or rows.
    instances: usize,
    /// Tables as a whole.
    tables: usize,
    /// Where AddObject is offered.
    add: Writable,
    /// Where DeleteObject is offered.
    delete: Writable,
}

/// Of how many it is known that they can be written.
#[derive(Debug, Clone, Copy, Default)]
struct Writable {
    yes: usize,
    no: usize,
    unknown: usize,
}

impl Writable {
    fn add(&mut self, writable: Option<bool>) {
        let count = match writable {
            Some(true) => &mut self.yes,
            Some(false) => &mut self.no,
            None => &mut self.unknown,
        };
        *count = count.saturating_add(1);
    }

    fn all(self) -> usize {
        self.yes.saturating_add(self.no).saturating_add(self.unknown)
    }

    /// One is enough: a device that can do it may still refuse it elsewhere (`RT-05`).
    fn verdict(self) -> Verdict {
        match self {
            Self { yes: 1.., .. } => Verdict::Satisfied,
            Self { no: 1.., unknown: 0, .. } => Verdict::NotWritable,
            _ => Verdict::Undetermined,
        }
    }
}

impl<'s> Support<'s> {
    /// Counts what a tree has.
    pub fn new(schema: &'s Schema, tree: &RecordedTree) -> Self {
        Self::of_rows(schema, tree.rows.iter())
    }

    /// Counts what some rows of a tree have.
    pub(super) fn of_rows<'t>(schema: &'s Schema, rows: impl Iterator<Item = &'t TreeRow>) -> Self {
        let mut support = Self { schema, objects: BTreeMap::new(), parameters: BTreeMap::new() };
        for entry in Walk::new(&Models::new(schema), rows).entries {
            let writable = entry.row.and_then(|row| row.writable);
            match entry.place {
                Place::Object(object) => {
                    let seen = support.seen(object);
                    seen.instances = seen.instances.saturating_add(1);
                }
                Place::Row(object) => {
                    let seen = support.seen(object);
                    seen.instances = seen.instances.saturating_add(1);
                    seen.delete.add(writable);
                }
                Place::Table(object) => {
                    let seen = support.seen(object);
                    seen.tables = seen.tables.saturating_add(1);
                    seen.add.add(writable);
                }
                Place::Parameter(parameter) => {
                    support.parameters.entry(parameter.id()).or_default().add(writable);
                }
                Place::Vendor | Place::Unknown | Place::Outside => {}
            }
        }
        support
    }

    fn seen(&mut self, object: Object<'_>) -> &mut SeenObject {
        self.objects.entry(object.id()).or_default()
    }

    /// Checks a profile of the same model.
    pub fn check(&self, profile: &Profile<'s>) -> ProfileReport {
        let requirements = profile.requirements();
        let asked = requirements.iter(self.schema).map(|requirement| {
            let (verdict, detail) = self.judge(requirement);
            let (path, requirement) = match requirement {
                Requirement::Object(object, asked) => (object.path(), asked.name()),
                Requirement::Parameter(parameter, access) => (parameter.path(), access.name()),
            };
            Asked { path, requirement, verdict, detail }
        });
        ProfileReport { profile: profile.name().to_owned(), asked: asked.collect() }
    }

    /// The profiles that are met, in the order of the document, but for internal ones.
    pub fn profiles_met(&self) -> Vec<Profile<'s>> {
        let profiles = self.schema.profiles().filter(|profile| !profile.is_internal());
        profiles.filter(|profile| self.meets(profile)).collect()
    }

    /// As [`ProfileReport::conforms`], without the report.
    pub fn meets(&self, profile: &Profile<'s>) -> bool {
        let mut evidence = Evidence::default();
        let requirements = profile.requirements();
        requirements.iter(self.schema).all(|requirement| {
            let is_object = matches!(requirement, Requirement::Object(..));
            evidence.takes(is_object, self.judge(requirement).0)
        }) && evidence.is_enough()
    }

    /// How many rows or single objects there are of an object.
    fn instances(&self, object: Object<'_>) -> usize {
        self.objects.get(&object.id()).map_or(0, |seen| seen.instances)
    }

    fn judge(&self, requirement: Requirement<'s>) -> (Verdict, String) {
        match requirement {
            Requirement::Object(object, asked) => self.object(object, asked),
            Requirement::Parameter(parameter, access) => self.parameter(parameter, access),
        }
    }

    fn object(&self, object: Object<'s>, asked: ObjectRequirement) -> (Verdict, String) {
        if asked == ObjectRequirement::NotSpecified {
            return (Verdict::Satisfied, String::new());
        }
        let seen = self.objects.get(&object.id()).copied().unwrap_or_default();
        if seen.instances == 0 && seen.tables == 0 {
            return self.absent(object);
        }
        let add = if asked.create() { seen.add.verdict() } else { Verdict::Satisfied };
        let delete = if asked.delete() { seen.delete.verdict() } else { Verdict::Satisfied };
        let detail = |method: &str, verdict: Verdict| match verdict {
            Verdict::NotWritable => format!("{method} is not offered"),
            _ if method == "DeleteObject" && seen.instances == 0 => "it has no rows".to_owned(),
            _ => format!("whether {method} is offered was not recorded"),
        };
        match (add, delete) {
            (Verdict::Satisfied, Verdict::Satisfied) => (Verdict::Satisfied, String::new()),
            (Verdict::Satisfied, _) => (delete, detail("DeleteObject", delete)),
            _ => (add, detail("AddObject", add)),
        }
    }

    /// It must be in each row, and be writable in one.
    fn parameter(&self, parameter: Parameter<'s>, access: Access) -> (Verdict, String) {
        let object = parameter.object();
        let seen = self.parameters.get(&parameter.id()).copied().unwrap_or_default();
        let rows = self.instances(object);
        if seen.all() == 0 && rows == 0 && object.parent().is_some() {
            return self.absent(object);
        }
        let lacking = rows.saturating_sub(seen.all());
        if seen.all() == 0 || lacking > 0 {
            let detail = if rows <= 1 || seen.all() == 0 {
                "it is not there".to_owned()
            } else {
                format!("it is missing in {lacking} of {}", count(rows, "instance"))
            };
            return (Verdict::Missing, detail);
        }
        let must_be_writable = match access {
            Access::ReadOnly => false,
            Access::ReadWrite => true,
            Access::WriteOnceReadOnly => parameter.is_writable(),
        };
        let verdict = if must_be_writable { seen.verdict() } else { Verdict::Satisfied };
        let detail = match verdict {
            Verdict::NotWritable => "it cannot be written",
            Verdict::Undetermined => "whether it can be written was not recorded",
            _ => "",
        };
        (verdict, detail.to_owned())
    }

    fn absent(&self, object: Object<'s>) -> (Verdict, String) {
        if let Some(table) = self.empty_table(object) {
            return (Verdict::Undetermined, format!("{} has no rows", table.path()));
        }
        // RT-06: one of several objects is there, and another parameter says which.
        if let Some(discriminator) = object.discriminator_parameter() {
            let detail = format!("{} may rule it out", discriminator.name());
            return (Verdict::Undetermined, detail);
        }
        (Verdict::Missing, "the object is not there".to_owned())
    }

    /// The table that holds the object, or is it, and has no rows.
    fn empty_table(&self, object: Object<'s>) -> Option<Object<'s>> {
        let mut here = object;
        while self.instances(here) == 0 {
            let tables = self.objects.get(&here.id()).map_or(0, |seen| seen.tables);
            if here.is_table() && tables > 0 {
                return Some(here);
            }
            here = here.parent()?;
        }
        None
    }
}
