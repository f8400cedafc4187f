//! What was asked for on the command line.

use std::fmt;

/// The text of `cargo xtask --help`.
pub const HELP: &str = "\
Drover's own commands.

Usage: cargo xtask COMMAND

  demo [-- ARGS]             Build Drover and start its demo: a server, the agent of this machine
                             and simulated devices. ARGS go to `drover demo`; `demo -- --once`
                             runs until all of it has happened, prints a table and ends.
  test                       Install what the tests need (as root on Debian), then run every
                             check: format, lints, tests, doc tests, docs, licences.
  tidy                       Check the rules no compiler checks: who uses whom, links, requirement
                             IDs, licences, marks of unfinished work. Part of `test`.
  bench [PACKAGE] [-- ARGS]  Run the benchmarks, of one package or of all; ARGS go to each of them.
  soak [-- ARGS]             Run the end-to-end tests with their long counts (DROVER_SOAK=1);
                             ARGS go to the test runner, for example a test's name.
  model                      Compile the shipped models once more into models/, from the documents
                             in ../shared/data-models (or where DROVER_SHARED points).
  fuzz [TARGET] [-- ARGS]    Fuzz TARGET until stopped, or list the targets. Needs a nightly
                             toolchain and cargo-fuzz.

Exit codes: 0 done, 1 failed, 2 bad arguments.
";

/// One command with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    Help,
    Demo { args: Vec<String> },
    Test,
    Tidy,
    Model,
    Soak { args: Vec<String> },
    Bench { package: Option<String>, args: Vec<String> },
    Fuzz { target: Option<String>, args: Vec<String> },
}

/// Why a command line was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum UsageError {
    NoCommand,
    UnknownCommand(String),
    Unexpected { command: &'static str, argument: String },
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommand => write!(f, "no command given"),
            Self::UnknownCommand(name) => write!(f, "no command is called \"{name}\""),
            Self::Unexpected { command, argument } => {
                write!(f, "`{command}` does not know what to do with \"{argument}\"")
            }
        }
    }
}

/// Reads the arguments that follow `cargo xtask`.
pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Task, UsageError> {
    let mut args = args.into_iter();
    let command = args.next().ok_or(UsageError::NoCommand)?;
    let rest: Vec<String> = args.collect();
    if rest.iter().take_while(|arg| *arg != "--").any(|arg| is_help(arg)) {
        return Ok(Task::Help);
    }
    match command.as_str() {
        name if is_help(name) || name == "help" => Ok(Task::Help),
        "demo" => Ok(Task::Demo { args: after_dashes(rest) }),
        "soak" => Ok(Task::Soak { args: after_dashes(rest) }),
        "test" => without_arguments("test", rest).map(|()| Task::Test),
        "tidy" => without_arguments("tidy", rest).map(|()| Task::Tidy),
        "model" => without_arguments("model", rest).map(|()| Task::Model),
        "bench" => {
            let (package, args) = one_name("bench", rest)?;
            Ok(Task::Bench { package, args })
        }
        "fuzz" => {
            let (target, args) = one_name("fuzz", rest)?;
            Ok(Task::Fuzz { target, args })
        }
        _ => Err(UsageError::UnknownCommand(command)),
    }
}

fn is_help(argument: &str) -> bool {
    matches!(argument, "-h" | "--help")
}

/// Everything is for the program that is started; the two dashes before it are optional.
fn after_dashes(mut rest: Vec<String>) -> Vec<String> {
    if rest.first().is_some_and(|first| first == "--") {
        rest.remove(0);
    }
    rest
}

fn without_arguments(command: &'static str, rest: Vec<String>) -> Result<(), UsageError> {
    match rest.into_iter().next() {
        None => Ok(()),
        Some(argument) => Err(UsageError::Unexpected { command, argument }),
    }
}

/// `[NAME] [-- ARGS]`
fn one_name(
    command: &'static str,
    mut rest: Vec<String>,
) -> Result<(Option<String>, Vec<String>), UsageError> {
    let names = rest.iter().position(|arg| arg == "--").unwrap_or(rest.len());
    let args = after_dashes(rest.split_off(names));
    if rest.len() > 1 || rest.first().is_some_and(|name| name.starts_with('-')) {
        let argument = rest.pop().unwrap_or_default();
        return Err(UsageError::Unexpected { command, argument });
    }
    Ok((rest.pop(), args))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, UsageError> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn demo_passes_its_arguments_on() {
        let once = Task::Demo { args: strings(&["--once", "--devices", "3"]) };
        assert_eq!(parsed("demo -- --once --devices 3"), Ok(once));
        assert_eq!(parsed("demo --once"), Ok(Task::Demo { args: strings(&["--once"]) }));
        assert_eq!(parsed("demo -- --help"), Ok(Task::Demo { args: strings(&["--help"]) }));
    }

    #[test]
    fn help_is_found_before_the_dashes() {
        for line in ["--help", "-h", "help", "demo --help", "bench -h -- x"] {
            assert_eq!(parsed(line), Ok(Task::Help), "{line}");
        }
    }

    #[test]
    fn bench_and_fuzz_take_one_name() {
        let package = Some("drover-cwmp".to_owned());
        let args = strings(&["--quick"]);
        assert_eq!(parsed("bench drover-cwmp -- --quick"), Ok(Task::Bench { package, args }));
        assert_eq!(parsed("fuzz"), Ok(Task::Fuzz { target: None, args: vec![] }));
        let argument = "b".to_owned();
        assert_eq!(parsed("fuzz a b"), Err(UsageError::Unexpected { command: "fuzz", argument }));
    }

    #[test]
    fn wrong_arguments_are_named() {
        assert_eq!(parsed(""), Err(UsageError::NoCommand));
        assert_eq!(parsed("dome"), Err(UsageError::UnknownCommand("dome".to_owned())));
        let message = parsed("tidy --fix").unwrap_err().to_string();
        assert_eq!(message, "`tidy` does not know what to do with \"--fix\"");
    }
}
