//! `drover model compile`: from documents and extensions to compiled files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use drover_datamodel::compile::{Compiled, Options, Problem, Severity};
use drover_datamodel::{ModelName, Schema};
use serde_json::{Value as Json, json};
use tempfile::NamedTempFile;

use super::files::{self, CompileFailure, FromFile};
use super::terminal::{self, printable};
use super::words::count;
use super::{Include, print_json, stats};
use crate::out::{self, Failure};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is wrong goes to standard error as FILE:LINE: PATH: MESSAGE. One error in one document, and \
nothing is written.
Exit codes: 0 compiled, 1 a document is wrong or cannot be read, 2 bad arguments.

Example: drover model compile tr-181-2-19-1-cwmp.xml -o models/")]
pub(super) struct Arguments {
    /// Documents of data models and device types (XML) and vendor extensions (TOML); what they
    /// need is looked for beside them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Folder for the compiled models, as NAME-VERSION.model, or the one file to write; without it,
    /// the files are only checked
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    include: Include,
    /// Leave out what is wrong, and say so, instead of giving no model
    #[arg(long)]
    lenient: bool,
    /// Keep the descriptions, which `show` and `search` then use
    #[arg(long)]
    with_descriptions: bool,
    /// Say every warning instead of their number
    #[arg(short, long)]
    verbose: bool,
    /// Print an object with models and problems as JSON
    #[arg(long)]
    json: bool,
}

/// What came of all the documents.
#[derive(Default)]
struct Outcome {
    models: Vec<Model>,
    problems: Vec<Problem>,
    /// Documents that gave no model.
    failed: usize,
}

struct Model {
    source: PathBuf,
    schema: Schema,
    /// What a vendor added.
    extension: Option<ModelName>,
    /// Where it goes.
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut outcome = compile_all(arguments)?;
    if outcome.failed == 0 {
        if let Some(output) = &arguments.output {
            name_outputs(&mut outcome.models, output)?;
            write_all(&outcome.models)?;
        }
    } else {
        outcome.models.clear();
    }
    if arguments.json {
        print_json(&outcome.json())?;
    } else {
        report_problems(arguments, &outcome.problems);
        terminal::print(&outcome.models.iter().map(Model::line).collect::<String>())?;
    }
    outcome.verdict(arguments)
}

fn compile_all(arguments: &Arguments) -> Result<Outcome, Failure> {
    let Arguments { lenient, with_descriptions, .. } = *arguments;
    let options = Options { lenient, with_descriptions };
    let mut outcome = Outcome::default();
    for file in &arguments.files {
        let problems = match files::compile(file, &arguments.include.folders, options) {
            Ok(compiled) => outcome.take(file, compiled),
            Err(CompileFailure::Shell(failure)) => return Err(failure),
            Err(CompileFailure::Document(error)) => {
                outcome.failed += 1;
                error.problems
            }
        };
        // Documents that are given often import the same ones.
        for problem in problems {
            if !outcome.problems.contains(&problem) {
                outcome.problems.push(problem);
            }
        }
    }
    Ok(outcome)
}

impl Outcome {
    /// Keeps the models of a document; all of them come with the same problems.
    fn take(&mut self, source: &Path, models: Vec<FromFile>) -> Vec<Problem> {
        let mut problems = Vec::new();
        for FromFile { compiled, extension } in models {
            let Compiled { schema, problems: its, .. } = compiled;
            let source = source.to_owned();
            self.models.push(Model { source, schema, extension, output: None });
            problems = its;
        }
        problems
    }

    fn count(&self, is_counted: impl Fn(Severity) -> bool) -> usize {
        self.problems.iter().filter(|problem| is_counted(problem.severity)).count()
    }

    fn verdict(&self, arguments: &Arguments) -> Result<(), Failure> {
        let warnings = self.count(|severity| severity == Severity::Warning);
        let errors = self.count(|severity| severity > Severity::Warning);
        if self.failed > 0 {
            let nothing = if arguments.output.is_some() { "; nothing was written" } else { "" };
            let place = match arguments.files.len() {
                1 => String::new(),
                all => format!(" in {} of {all} documents", self.failed),
            };
            let errors = count(errors, "error");
            return Err(Failure::Failed(format!("{errors}{place}{nothing}")));
        }
        let is_told = arguments.verbose || arguments.json;
        if errors > 0 && !arguments.json {
            out::note(format_args!("{} left out", count(errors, "thing")));
        }
        if warnings > 0 && !is_told {
            out::note(format_args!("{}; --verbose says them", count(warnings, "warning")));
        }
        Ok(())
    }

    fn json(&self) -> Json {
        let model = |model: &Model| {
            let mut value = stats::counts(&model.schema);
            value["source"] = json!(model.source.display().to_string());
            value["extension"] = json!(model.extension.as_ref().map(ToString::to_string));
            value["spec"] = json!(model.schema.spec());
            value["output"] = json!(model.output.as_ref().map(|it| it.display().to_string()));
            value
        };
        let problem = |problem: &Problem| {
            json!({
                "severity": match problem.severity {
                    Severity::Warning => "warning",
                    Severity::Error => "error",
                    Severity::Fatal => "fatal",
                },
                "file": problem.place.file,
                "line": (problem.place.line > 0).then_some(problem.place.line),
                "path": (!problem.path.is_empty()).then_some(&problem.path),
                "message": problem.message,
            })
        };
        json!({
            "models": self.models.iter().map(model).collect::<Vec<_>>(),
            "problems": self.problems.iter().map(problem).collect::<Vec<_>>(),
        })
    }
}

impl Model {
    /// Such as `Device:2.19+X_EXAMPLE-COM_Lamp:1.0`.
    fn name(&self) -> String {
        let extension = self.extension.as_ref().map(|name| format!("+{name}"));
        format!("{}{}", self.schema.name(), extension.unwrap_or_default())
    }

    fn line(&self) -> String {
        let stats = self.schema.stats();
        let output = self.output.as_ref().map(|it| format!(" → {}", it.display()));
        let text = format!(
            "{}: {} with {}, {}, {}{}",
            self.source.display(),
            self.name(),
            count(stats.objects, "object"),
            count(stats.parameters, "parameter"),
            count(stats.profiles, "profile"),
            output.unwrap_or_default(),
        );
        format!("{}\n", printable(&text))
    }
}

/// Errors are always said, warnings on request; what was left out is an error that was forgiven.
fn report_problems(arguments: &Arguments, problems: &[Problem]) {
    for problem in problems {
        let is_warning = problem.severity == Severity::Warning;
        if is_warning && !arguments.verbose {
            continue;
        }
        let mut shown = problem.clone();
        if is_warning {
            shown.message.insert_str(0, "warning: ");
        }
        out::note(printable(&shown.to_string()));
    }
}

/// Says where each model goes: into the folder, or to the very file if there is one model.
fn name_outputs(models: &mut [Model], output: &Path) -> Result<(), Failure> {
    if !output.is_dir() {
        let [model] = models else {
            let (output, count) = (output.display(), models.len());
            return Err(Failure::Usage(format!(
                "{output} is no folder, and there are {count} models to write; make the folder"
            )));
        };
        model.output = Some(output.to_owned());
        return Ok(());
    }
    let mut sources: BTreeMap<String, &Path> = BTreeMap::new();
    for model in models {
        let name = file_name(&model.name())?;
        model.output = Some(output.join(&name));
        if let Some(other) = sources.insert(name, &model.source) {
            return Err(Failure::Usage(format!(
                "{} and {} both give {}; compile one of them",
                other.display(),
                model.source.display(),
                model.name()
            )));
        }
    }
    Ok(())
}

/// `Device-2.19.model`. The name comes from a document, so it may not lead elsewhere.
fn file_name(name: &str) -> Result<String, Failure> {
    let is_safe = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | ':');
    if !name.chars().all(is_safe) || name.starts_with('.') {
        let message = "cannot be the name of a file; give one with -o FILE";
        return Err(Failure::Failed(format!("the name {:?} {message}", printable(name))));
    }
    Ok(format!("{}.model", name.replace(':', "-")))
}

/// Writes all models beside their places before any of them takes its place.
fn write_all(models: &[Model]) -> Result<(), Failure> {
    let mut written = Vec::new();
    for model in models {
        let Some(output) = &model.output else { continue };
        let file = write_beside(output, &model.schema.to_bytes());
        written.push((output, file.map_err(|error| unwritable(output, &error))?));
    }
    for (output, file) in written {
        file.persist(output).map_err(|error| unwritable(output, &error.error))?;
        // The new name is only there after a crash when its folder has been saved, too.
        File::open(folder_of(output))
            .and_then(|folder| folder.sync_all())
            .map_err(|error| unwritable(output, &error))?;
    }
    Ok(())
}

fn write_beside(output: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    if fs::metadata(output).is_ok_and(|it| !it.is_file()) {
        return Err(io::Error::other("it is there and is no file"));
    }
    // As for any new file, the umask says who may read it.
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o666))
        .prefix(".drover-")
        .tempfile_in(folder_of(output))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn unwritable(output: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot write {}: {error}", output.display()))
}

#[cfg(test)]
mod tests {
    use drover_datamodel::shipped;

    use super::*;

    fn model(name: &str, source: &str) -> Model {
        let schema = Schema::clone(&shipped::model(name).unwrap());
        Model { source: source.into(), schema, extension: None, output: None }
    }

    fn refused(models: &mut [Model], output: &Path) -> String {
        match name_outputs(models, output) {
            Err(Failure::Usage(text) | Failure::Failed(text)) => text,
            Ok(()) => panic!("{output:?} was accepted"),
        }
    }

    #[test]
    fn each_model_has_its_own_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.model");
        let mut one = [model("VoiceService:1.1", "a.xml")];
        name_outputs(&mut one, &file).unwrap();
        assert_eq!(one[0].output, Some(file.clone()));
        name_outputs(&mut one, folder.path()).unwrap();
        assert_eq!(one[0].output, Some(folder.path().join("VoiceService-1.1.model")));

        let mut two = [model("VoiceService:1.1", "a.xml"), model("VoiceService:1.1", "b.xml")];
        assert!(refused(&mut two, &file).contains("there are 2 models to write"));
        assert!(refused(&mut two, folder.path()).starts_with("a.xml and b.xml both give Voice"));
    }

    #[test]
    fn a_name_does_not_lead_out_of_the_folder() {
        for (name, expected) in [
            ("Lamp:1.0", Some("Lamp-1.0.model")),
            ("X_EXAMPLE-COM_Lamp:1.0", Some("X_EXAMPLE-COM_Lamp-1.0.model")),
            ("Device:2.19+X_A_Lamp:1.0", Some("Device-2.19+X_A_Lamp-1.0.model")),
            ("../Lamp:1.0", None),
            ("/etc/Lamp:1.0", None),
            ("..:1.0", None),
        ] {
            assert_eq!(file_name(name).ok().as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_file_is_replaced_and_a_device_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut models = [model("VoiceService:1.1", "a.xml")];
        let output = folder.path().join("x.model");
        fs::write(&output, "old").unwrap();
        models[0].output = Some(output.clone());
        write_all(&models).unwrap();
        assert_eq!(Schema::from_bytes(&fs::read(&output).unwrap()).unwrap(), models[0].schema);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        models[0].output = Some("/dev/null".into());
        assert!(write_all(&models).is_err());
        models[0].output = Some(folder.path().join("none/x.model"));
        assert!(write_all(&models).is_err());
    }
}
