//! `drover model search`: items of models that contain words.

use std::sync::Arc;

use drover_datamodel::Schema;
use drover_datamodel::schema::{Object, Parameter};
use drover_datamodel::shipped::MODELS;
use drover_datamodel::syntax::Enumeration;
use serde_json::{Value as Json, json};

use super::terminal::{self, FOUND, Terminal, cut, printable};
use super::{Include, files, print_json, words};
use crate::out::Failure;

/// Columns of `parameter`, the longest kind.
const KIND_CHARS: usize = 9;
/// Columns between kind, path and facts.
const GAP_CHARS: usize = 2;
/// Columns below which facts are not worth showing.
const FACTS_CHARS_MIN: usize = 12;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Upper and lower case are the same. Each of the words must be in the path, at least one of them in \
the last part of it, in a value, in the name of a profile, or in a description if the model has \
them. Into a pipe go lines of kind, path and facts with tabs between them.
Exit codes: 0 found, 1 nothing found, 2 bad arguments.

Example: drover model search wifi channel --model Device:2.19")]
pub(super) struct Arguments {
    /// Words that an item must contain, all of them
    #[arg(value_name = "WORD", required = true)]
    words: Vec<String>,
    /// Model to search; without it, the newest shipped one of each name
    #[arg(short, long, value_name = "MODEL|FILE")]
    model: Option<String>,
    #[command(flatten)]
    include: Include,
    /// Print an array of objects as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let schemas = match &arguments.model {
        Some(model) => files::load(model, &arguments.include.folders)?,
        None => newest(),
    };
    let words: Vec<String> = arguments.words.iter().map(|word| word.to_lowercase()).collect();
    let hits: Vec<Hit> = schemas.iter().flat_map(|schema| search(schema, &words)).collect();
    if arguments.json {
        print_json(&hits.iter().map(Hit::json).collect::<Vec<_>>())?;
    } else {
        terminal::print(&text(&hits, &words, Terminal::of_stdout()))?;
    }
    if hits.is_empty() {
        let names: Vec<String> = schemas.iter().map(|schema| schema.name().to_string()).collect();
        let words = arguments.words.join(" ");
        return Err(Failure::Failed(format!("{words:?} is nowhere in {}", names.join(", "))));
    }
    Ok(())
}

/// The first of each name: they are listed newest first.
fn newest() -> Vec<Arc<Schema>> {
    let mut names: Vec<&str> = Vec::new();
    let mut newest = Vec::new();
    for model in &MODELS {
        let name = model.name.split(':').next().unwrap_or(model.name);
        if !names.contains(&name) {
            names.push(name);
            newest.push(model.schema());
        }
    }
    newest
}

/// One item that was found.
#[derive(Debug)]
struct Hit {
    model: String,
    kind: &'static str,
    /// Path, or name of a profile.
    path: String,
    facts: String,
    /// The word of an enumeration.
    value: Option<String>,
}

/// In the order of the document: each object, its parameters and their values; then the profiles.
fn search(schema: &Schema, words: &[String]) -> Vec<Hit> {
    let mut search = Search { model: schema.name().to_string(), words, hits: Vec::new() };
    for object in std::iter::once(schema.top()).chain(schema.objects()) {
        if !object.name().is_empty() {
            search.object(&object);
        }
        for parameter in object.parameters() {
            search.parameter(&parameter);
        }
    }
    for profile in schema.profiles().filter(|profile| !profile.is_internal()) {
        if search.matches(&[profile.name(), profile.description().unwrap_or_default()], "") {
            let requirements = profile.requirements().len();
            let facts = format!("asks for {requirements} objects and parameters");
            search.hit("profile", profile.name().to_owned(), facts, None);
        }
    }
    search.hits
}

struct Search<'w> {
    model: String,
    /// In lower case.
    words: &'w [String],
    hits: Vec<Hit>,
}

impl Search<'_> {
    fn object(&mut self, object: &Object<'_>) {
        let path = object.path();
        if self.matches(&[object.name(), object.description().unwrap_or_default()], &path) {
            let facts = words::object_facts(object);
            self.hit(words::object_kind(object), path, facts, None);
        }
    }

    fn parameter(&mut self, parameter: &Parameter<'_>) {
        let path = parameter.path();
        if self.matches(&[parameter.name(), parameter.description().unwrap_or_default()], &path) {
            self.hit("parameter", path.clone(), words::short_facts(parameter), None);
        }
        for word in &parameter.syntax().enumerations {
            let description = word.description.as_deref().unwrap_or_default();
            if self.matches(&[&word.value, description], &path) {
                let value = Some(word.value.to_string());
                self.hit("value", path.clone(), value_facts(word), value);
            }
        }
    }

    /// Whether every word is in the item itself or around it, and one in the item itself.
    fn matches(&self, own: &[&str], around: &str) -> bool {
        let own: Vec<String> = own.iter().map(|text| text.to_lowercase()).collect();
        let is_own = |word: &String| own.iter().any(|text| text.contains(word.as_str()));
        if !self.words.iter().any(is_own) {
            return false;
        }
        let around = around.to_lowercase();
        self.words.iter().all(|word| is_own(word) || around.contains(word.as_str()))
    }

    fn hit(&mut self, kind: &'static str, path: String, facts: String, value: Option<String>) {
        self.hits.push(Hit { model: self.model.clone(), kind, path, facts, value });
    }
}

fn value_facts(word: &Enumeration) -> String {
    let mut facts = vec![word.value.to_string()];
    facts.extend(word.read_only.then(|| "read-only".to_owned()));
    facts.extend(word.optional.then(|| "optional".to_owned()));
    facts.extend(words::status(word.status).map(str::to_owned));
    facts.join(", ")
}

impl Hit {
    fn json(&self) -> Json {
        let Self { model, kind, path, facts, value } = self;
        json!({ "model": model, "kind": kind, "path": path, "facts": facts, "value": value })
    }
}

fn text(hits: &[Hit], words: &[String], terminal: Terminal) -> String {
    let Some(width) = terminal.width_after(KIND_CHARS + GAP_CHARS) else {
        let line = |hit: &Hit| {
            let cells = [hit.kind, &*printable(&hit.path), &*printable(&hit.facts)];
            cells.join("\t") + "\n"
        };
        return hits.iter().map(line).collect();
    };
    // Two thirds for the paths; a longer one pushes its facts to the right.
    let longest = hits.iter().map(|hit| hit.path.chars().count()).max().unwrap_or(0);
    let path_chars = longest.min(width * 2 / 3);
    let line = |hit: &Hit| {
        let path = printable(&hit.path);
        let taken = path.chars().count().max(path_chars);
        let left = width.saturating_sub(taken + GAP_CHARS);
        let padding = " ".repeat(taken - path.chars().count() + GAP_CHARS);
        let facts = printable(&hit.facts);
        let shown = if left < FACTS_CHARS_MIN { 0 } else { left };
        let facts = cut(&facts, shown);
        let line = format!(
            "{:KIND_CHARS$}  {}{padding}{}",
            hit.kind,
            highlight(&path, words, terminal),
            highlight(&facts, words, terminal),
        );
        line.trim_end().to_owned() + "\n"
    };
    hits.iter().map(line).collect()
}

/// Marks the words. Only letters of ASCII change their case here, so that places stay the same.
fn highlight(text: &str, words: &[String], terminal: Terminal) -> String {
    let lower = text.to_ascii_lowercase();
    let mut marked = vec![false; text.len()];
    for word in words.iter().filter(|word| !word.is_empty()) {
        for (place, _) in lower.match_indices(word.as_str()) {
            marked[place..place + word.len()].fill(true);
        }
    }
    let mut shown = String::new();
    let mut run = String::new();
    let mut is_marked = false;
    for (place, c) in text.char_indices() {
        if marked[place] != is_marked {
            shown += &finish(&mut run, is_marked, terminal);
            is_marked = marked[place];
        }
        run.push(c);
    }
    shown + &finish(&mut run, is_marked, terminal)
}

fn finish(run: &mut String, is_marked: bool, terminal: Terminal) -> String {
    let run = std::mem::take(run);
    if is_marked { terminal.paint(FOUND, &run) } else { run }
}

#[cfg(test)]
mod tests {
    use drover_datamodel::shipped;

    use super::*;

    fn found(model: &str, words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let hits = search(&shipped::model(model).unwrap(), &words);
        hits.iter().map(|hit| format!("{} {}: {}", hit.kind, hit.path, hit.facts)).collect()
    }

    #[test]
    fn all_words_and_one_of_them_in_the_name() {
        let channel = "parameter Device.WiFi.Radio.{i}.Channel: unsignedInt, read-write";
        let lines = found("Device:2.2", &["WIFI", "channel"]);
        assert!(lines.contains(&channel.to_owned()), "{lines:#?}");
        assert!(lines.iter().all(|line| line.to_lowercase().contains("channel")), "{lines:#?}");
        let lines = found("Device:2.2", &["WiFi"]);
        let is_wifi = |line: &String| line.starts_with("object Device.WiFi.: ");
        assert!(lines.iter().any(is_wifi), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.starts_with("parameter Device.WiFi.Radio.{i}.Ch")));
        assert_eq!(found("Device:2.2", &["wifi", "nowhere"]), [""; 0]);
    }

    #[test]
    fn values_and_profiles() {
        let lines = found("Device:2.2", &["5GHz"]);
        assert_eq!(lines, ["value Device.WiFi.Radio.{i}.SupportedFrequencyBands: 5GHz"]);
        let lines = found("Device:2.2", &["WiFiRadio:1"]);
        assert!(lines[0].starts_with("profile WiFiRadio:1: asks for "), "{lines:#?}");
    }

    #[test]
    fn the_newest_of_each_name() {
        let names: Vec<String> = newest().iter().map(|it| it.name().to_string()).collect();
        assert_eq!(names[..2], ["Device:2.19", "InternetGatewayDevice:1.14"]);
        assert_eq!(names.len(), 6);
    }
}
