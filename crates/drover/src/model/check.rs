//! `drover model check`: how what was recorded of a device stands to its model.

mod load;
mod profiles;
mod text;

use std::path::PathBuf;

use drover_datamodel::conformance::{Finding, Severity, TreeReport, check_tree};
use serde_json::{Value as Json, json};

use self::profiles::Judgement;
use super::terminal::{self, Terminal};
use super::{Include, print_json};
use crate::out::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A TREE is a table with the columns path, writable, value and type, or what GenieACS exports of a \
device. Without --model it is compared with the shipped model of its root that knows most of it, \
and its services with the shipped models of those.
An error is what the model rules out; a warning, what an ACS has to live with or what is probably \
a mistake; a note, what the model allows. Values of hidden parameters are never printed.
Exit codes: 0 no errors, and the profiles asked for are met; 1 otherwise, or failed; 2 bad \
arguments.

Example: drover model check tree.csv --profile Baseline:1")]
pub(super) struct Arguments {
    /// The recorded tree (CSV)
    #[arg(value_name = "TREE")]
    tree: PathBuf,
    /// Name of a shipped model, a compiled file or an XML file; can be given several times, as for
    /// a root and its services
    #[arg(long = "model", value_name = "MODEL|FILE")]
    models: Vec<String>,
    #[command(flatten)]
    include: Include,
    /// Check this profile as well, such as Baseline:1 or VoiceService/Endpoint:1; `all` says which
    /// ones are met; can be given several times
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// Print everything, and not only examples
    #[arg(short, long)]
    verbose: bool,
    /// Print one object as JSON, with everything
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let tree = load::tree(&arguments.tree)?;
    let schemas = load::schemas(&arguments.models, &arguments.include.folders, &tree)?;
    let earlier = load::earlier(&schemas);
    let models = load::models(&schemas, &earlier);
    let report = check_tree(&models, &tree);
    let judgement = Judgement::new(&models, &report, &arguments.profiles, &tree)?;
    if arguments.json {
        print_json(&json(&report, &judgement))?;
    } else {
        let terminal = Terminal::of_stdout();
        let mut text = text::report(&report, arguments.verbose, terminal);
        text += &text::profiles(&judgement, arguments.verbose, terminal);
        terminal::print(&text)?;
    }
    outcome(&report, &judgement)
}

fn outcome(report: &TreeReport, judgement: &Judgement) -> Result<(), Failure> {
    let errors = report.count(Severity::Error);
    let unmet: Vec<&str> = judgement.unmet().collect();
    let mut problems = Vec::new();
    if errors > 0 {
        problems.push(text::count(errors, "error"));
    }
    if !unmet.is_empty() {
        problems.push(format!("not met: {}", unmet.join(", ")));
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Failed(problems.join("; "))) }
}

fn json(report: &TreeReport, judgement: &Judgement) -> Json {
    let models: Vec<String> = report.models.iter().map(ToString::to_string).collect();
    json!({
        "models": models,
        "rows": report.rows,
        "known": report.known,
        "vendor": report.vendor,
        "unknown": report.unknown,
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "notes": report.count(Severity::Note),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "findings_left_out": report.left_out(),
        "profiles": judgement.json(),
        "profiles_met": judgement.met_json(),
    })
}

fn finding(finding: &Finding) -> Json {
    json!({
        "line": finding.line,
        "path": finding.path,
        "kind": finding.kind.name(),
        "severity": finding.severity.name(),
        "message": finding.message,
    })
}

#[cfg(test)]
mod tests;
