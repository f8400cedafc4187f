//! `drover model diff`: what differs between two models.

use std::sync::Arc;

use drover_datamodel::Schema;
use drover_datamodel::diff::{Difference, diff};
use serde_json::{Value as Json, json};

use super::terminal::{self, ADDED, CHANGED, REMOVED, Terminal, printable};
use super::{Include, files, print_json};
use crate::out::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A line begins with + for what only B has, - for what only A has, and ~ for what differs. \
Descriptions and the versions of items are not compared. When a file holds several models, those \
of the same name are compared with each other.
Exit codes: 0 equal (nothing is printed), 1 different or failed, 2 bad arguments.

Example: drover model diff Device:2.11 Device:2.19")]
pub(super) struct Arguments {
    /// Name of a shipped model, a compiled file or an XML file
    #[arg(value_name = "A")]
    left: String,
    /// What to compare it with
    #[arg(value_name = "B")]
    right: String,
    #[command(flatten)]
    include: Include,
    /// Print an array of differences as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let left = files::load(&arguments.left, &arguments.include.folders)?;
    let right = files::load(&arguments.right, &arguments.include.folders)?;
    let differences = compare(&left, &right);
    if arguments.json {
        print_json(&differences.iter().map(json).collect::<Vec<_>>())?;
    } else {
        let (terminal, several) = (Terminal::of_stdout(), left.len().max(right.len()) > 1);
        let line = |it: &Of| line(it, several, terminal);
        terminal::print(&differences.iter().map(line).collect::<String>())?;
    }
    if differences.is_empty() {
        return Ok(());
    }
    let count = |kind| differences.iter().filter(|it| kind_of(&it.difference) == kind).count();
    Err(Failure::Failed(format!(
        "the models differ: {} only in {}, {} only in {}, {} changed",
        count(Kind::Removed),
        arguments.left,
        count(Kind::Added),
        arguments.right,
        count(Kind::Changed),
    )))
}

/// A difference and the name of the model.
#[derive(Debug, PartialEq)]
struct Of {
    model: String,
    difference: Difference,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Added,
    Removed,
    Changed,
}

/// As the sign at the beginning of its line: what has a property that only one model gives is in
/// both.
fn kind_of(difference: &Difference) -> Kind {
    match (&difference.left, &difference.right) {
        (Some(_), None) if difference.property.is_empty() => Kind::Removed,
        (None, Some(_)) if difference.property.is_empty() => Kind::Added,
        _ => Kind::Changed,
    }
}

fn compare(left: &[Arc<Schema>], right: &[Arc<Schema>]) -> Vec<Of> {
    let mut differences = Vec::new();
    for (a, b) in pairs(left, right) {
        let name = |schema: &&Arc<Schema>| schema.name().to_string();
        let model = a.as_ref().or(b.as_ref()).map(name).unwrap_or_default();
        let found = match (a, b) {
            (Some(a), Some(b)) => diff(a, b),
            _ => vec![Difference {
                subject: format!("model {model}"),
                property: "",
                left: a.map(|_| String::new()),
                right: b.map(|_| String::new()),
            }],
        };
        differences.extend(found.into_iter().map(|it| Of { model: model.clone(), difference: it }));
    }
    differences
}

type Pair<'s> = (Option<&'s Arc<Schema>>, Option<&'s Arc<Schema>>);

/// Which model is compared with which: two single ones with each other whatever their names; else
/// those of the same name and version, then those of the same name.
fn pairs<'s>(left: &'s [Arc<Schema>], right: &'s [Arc<Schema>]) -> Vec<Pair<'s>> {
    if let ([a], [b]) = (left, right) {
        return vec![(Some(a), Some(b))];
    }
    let mut free: Vec<&Arc<Schema>> = right.iter().collect();
    let mut pairs: Vec<Pair<'_>> = left.iter().map(|schema| (Some(schema), None)).collect();
    let is_same = |a: &Schema, b: &Schema| a.name() == b.name();
    let has_same_root = |a: &Schema, b: &Schema| a.root_name() == b.root_name();
    for rule in [&is_same as &dyn Fn(&Schema, &Schema) -> bool, &has_same_root] {
        for (a, b) in pairs.iter_mut().filter(|(_, b)| b.is_none()) {
            let place = free.iter().position(|b| a.is_some_and(|a| rule(a, b)));
            *b = place.map(|place| free.remove(place));
        }
    }
    pairs.extend(free.into_iter().map(|schema| (None, Some(schema))));
    pairs
}

fn line(of: &Of, several: bool, terminal: Terminal) -> String {
    let model = if several { format!("{}: ", of.model) } else { String::new() };
    let text = format!("{model}{}", of.difference);
    let style = match kind_of(&of.difference) {
        Kind::Added => ADDED,
        Kind::Removed => REMOVED,
        Kind::Changed => CHANGED,
    };
    terminal.paint(style, &printable(&text)) + "\n"
}

fn json(of: &Of) -> Json {
    let Difference { subject, property, left, right } = &of.difference;
    let kind = match kind_of(&of.difference) {
        Kind::Added => "added",
        Kind::Removed => "removed",
        Kind::Changed => "changed",
    };
    // A whole object or parameter has no property, and its two texts are empty.
    let text = |text: &Option<String>| text.as_ref().filter(|_| !property.is_empty()).cloned();
    json!({
        "model": of.model,
        "kind": kind,
        "subject": subject,
        "property": Some(property).filter(|it| !it.is_empty()),
        "left": text(left),
        "right": text(right),
    })
}

#[cfg(test)]
mod tests {
    use drover_datamodel::draft::Draft;

    use super::*;

    fn models(names: &[&str]) -> Vec<Arc<Schema>> {
        let draft = |name: &&str| Draft { name: (*name).to_owned(), ..Draft::default() };
        names.iter().map(|name| Arc::new(Schema::build(&draft(name)).0)).collect()
    }

    #[track_caller]
    fn check(left: &[&str], right: &[&str], expected: &[&str]) {
        let (left, right) = (models(left), models(right));
        let name = |schema: Option<&Arc<Schema>>| {
            schema.map_or_else(|| "-".to_owned(), |it| it.name().to_string())
        };
        let paired =
            pairs(&left, &right).into_iter().map(|(a, b)| format!("{} {}", name(a), name(b)));
        assert_eq!(paired.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn models_are_paired_by_name() {
        check(&["A:1.0"], &["B:2.0"], &["A:1.0 B:2.0"]);
        check(&["A:1.0", "B:1.0"], &["B:1.1"], &["A:1.0 -", "B:1.0 B:1.1"]);
        check(&["A:1.0", "A:2.0"], &["A:2.0", "A:3.0"], &["A:1.0 A:3.0", "A:2.0 A:2.0"]);
        check(&["A:1.0"], &["B:1.0", "A:1.0"], &["A:1.0 A:1.0", "- B:1.0"]);
    }

    #[test]
    fn a_model_that_only_one_has_is_a_difference() {
        let found = compare(&models(&["A:1.0"]), &models(&["A:1.0", "B:1.0"]));
        let terminal = Terminal::pipe();
        let lines: Vec<String> = found.iter().map(|it| line(it, false, terminal)).collect();
        assert_eq!(lines, ["+ model B:1.0\n"]);
        let expected = json!({
            "model": "B:1.0",
            "kind": "added",
            "subject": "model B:1.0",
            "property": null,
            "left": null,
            "right": null,
        });
        assert_eq!(json(&found[0]), expected);
    }

    #[test]
    fn a_property_that_only_one_model_gives_is_a_change() {
        let difference = Difference {
            subject: "Device.A".to_owned(),
            property: "default",
            left: None,
            right: Some("\"1\" (factory)".to_owned()),
        };
        let of = Of { model: "Device:2.19".to_owned(), difference };
        assert!(line(&of, false, Terminal::pipe()).starts_with("~ Device.A"));
        let json = json(&of);
        assert_eq!((&json["kind"], &json["left"]), (&json!("changed"), &Json::Null));
        assert_eq!(json["right"], "\"1\" (factory)");
    }
}
