//! The profiles that were asked for.

use drover_datamodel::Schema;
use drover_datamodel::conformance::{Asked, Models, ProfileReport, Support, TreeReport, Verdict};
use drover_datamodel::tree::RecordedTree;
use serde_json::{Value as Json, json};

use super::super::show::near;
use super::super::terminal::printable;
use crate::out::Failure;

/// What the profiles come to.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    pub(super) reports: Vec<Judged>,
    /// The model, and the profiles of it that are met; only when all were asked for.
    pub(super) met: Vec<(String, Vec<String>)>,
}

/// A profile that was asked for.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) model: String,
    pub(super) report: ProfileReport,
}

impl Judgement {
    pub(super) fn new(
        models: &Models<'_>,
        report: &TreeReport,
        names: &[String],
        tree: &RecordedTree,
    ) -> Result<Self, Failure> {
        let mut judgement = Self::default();
        let used: Vec<&Schema> =
            models.iter().filter(|schema| report.models.contains(schema.name())).collect();
        for name in names {
            if name == "all" {
                judgement.met = used.iter().map(|schema| met(schema, tree)).collect();
                continue;
            }
            let schema = find(&used, name)?;
            let profile = schema.profile(profile_part(name));
            // Looked for with the same name just now.
            let Some(profile) = profile else { continue };
            let report = Support::new(schema, tree).check(&profile);
            judgement.reports.push(Judged { model: schema.name().to_string(), report });
        }
        Ok(judgement)
    }

    /// The profiles that were asked for and are not met.
    pub(super) fn unmet(&self) -> impl Iterator<Item = &str> {
        let unmet = self.reports.iter().filter(|it| !it.report.conforms());
        unmet.map(|it| it.report.profile.as_str())
    }

    pub(super) fn json(&self) -> Vec<Json> {
        self.reports.iter().map(Judged::json).collect()
    }

    pub(super) fn met_json(&self) -> Vec<Json> {
        let json = |it: &(String, Vec<String>)| json!({ "model": it.0, "profiles": it.1 });
        self.met.iter().map(json).collect()
    }
}

impl Judged {
    /// What is not satisfied.
    pub(super) fn open(&self) -> impl Iterator<Item = &Asked> {
        self.report.asked.iter().filter(|asked| asked.verdict != Verdict::Satisfied)
    }

    fn json(&self) -> Json {
        let asked = |asked: &Asked| {
            json!({
                "path": asked.path,
                "requirement": asked.requirement,
                "verdict": asked.verdict.name(),
                "detail": asked.detail,
            })
        };
        json!({
            "model": self.model,
            "profile": self.report.profile,
            "is_met": self.report.conforms(),
            "satisfied": self.report.count(Verdict::Satisfied),
            "missing": self.report.count(Verdict::Missing),
            "not_writable": self.report.count(Verdict::NotWritable),
            "undetermined": self.report.count(Verdict::Undetermined),
            "open": self.open().map(asked).collect::<Vec<_>>(),
        })
    }
}

fn met(schema: &Schema, tree: &RecordedTree) -> (String, Vec<String>) {
    let met = Support::new(schema, tree).profiles_met();
    let names = met.iter().map(|profile| profile.name().to_owned());
    (schema.name().to_string(), names.collect())
}

/// `Endpoint:1` of `VoiceService/Endpoint:1`
fn profile_part(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, profile)| profile)
}

/// The first model with this profile. Names such as `Baseline:1` are in several, which a model
/// before it tells apart.
fn find<'s>(schemas: &[&'s Schema], name: &str) -> Result<&'s Schema, Failure> {
    let model = name.rsplit_once('/').map(|(model, _)| model);
    let is_model = |schema: &&&Schema| {
        model.is_none_or(|it| it == schema.root_name() || it == schema.name().to_string())
    };
    let candidates: Vec<&Schema> = schemas.iter().filter(is_model).copied().collect();
    let profile = profile_part(name);
    let found = candidates.iter().find(|schema| schema.profile(profile).is_some());
    found.copied().ok_or_else(|| Failure::Usage(unknown(&candidates, schemas, name)))
}

fn unknown(candidates: &[&Schema], schemas: &[&Schema], name: &str) -> String {
    let models = |schemas: &[&Schema]| {
        schemas.iter().map(|schema| schema.name().to_string()).collect::<Vec<_>>().join(", ")
    };
    let shown = printable(name);
    if candidates.is_empty() {
        return format!("no model of profile {shown:?} is in use; there is {}", models(schemas));
    }
    let all: Vec<&str> = candidates
        .iter()
        .flat_map(|schema| schema.profiles().map(|profile| profile.name()))
        .filter(|profile| !profile.starts_with('_'))
        .collect();
    let hint = match near::names(profile_part(name), all.into_iter())[..] {
        [] => "--profile all says which are met".to_owned(),
        ref names => format!("did you mean {}?", near::list(names, "or")),
    };
    format!("there is no profile {shown:?} in {}; {hint}", models(candidates))
}
