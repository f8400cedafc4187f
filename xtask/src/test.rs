//! `cargo xtask test`: every check there is, one after the other, until one fails.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::cargo::{cargo, command_line, has_subcommand, run as run_command};
use crate::packages;

/// One program to run, and the cargo subcommand that must be there for it.
#[derive(Debug)]
struct Step {
    name: &'static str,
    command: Command,
    needs: Option<Needs>,
}

/// A cargo subcommand that not every machine has.
#[derive(Debug, Clone, Copy)]
struct Needs {
    subcommand: &'static str,
    how_to_get: &'static str,
    /// A machine that decides whether a change is good must have it.
    in_ci: bool,
}

/// What came of a step.
#[derive(Debug)]
enum Outcome {
    Passed,
    Skipped(Needs),
}

/// Runs all steps; prints each with its duration, and a last line that says how it ended.
pub fn run() -> Result<()> {
    let start = Instant::now();
    let is_ci = is_ci();
    report_packages();
    let mut lines = Vec::new();
    for mut step in steps(is_ci) {
        let step_start = Instant::now();
        println!("\nxtask: {}: {}", step.name, command_line(&step.command));
        let outcome = run_step(&mut step, is_ci);
        lines.push(line(step.name, &outcome, step_start.elapsed()));
        if let Err(error) = outcome {
            print_lines(&lines);
            return Err(error.context(format!("step \"{}\" failed", step.name)));
        }
    }
    print_lines(&lines);
    println!("xtask: all passed in {:.0?}", start.elapsed());
    Ok(())
}

/// Whether this machine decides over a change (the variable is set by every CI service).
fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

fn report_packages() {
    let missing = packages::install_missing();
    if !missing.is_empty() {
        println!("xtask: {}", packages::describe(&missing));
    }
}

fn steps(is_ci: bool) -> Vec<Step> {
    vec![
        Step { name: "format", command: cargo(["fmt", "--all", "--check"]), needs: Some(RUSTFMT) },
        Step { name: "lints", command: lints(), needs: Some(CLIPPY) },
        Step { name: "build", command: build(), needs: None },
        Step { name: "tests", command: tests(is_ci), needs: None },
        Step { name: "doc tests", command: doc_tests(), needs: None },
        Step { name: "docs", command: docs(), needs: None },
        Step { name: "licences", command: licences(), needs: Some(DENY) },
    ]
}

const RUSTFMT: Needs =
    Needs { subcommand: "fmt", how_to_get: "rustup component add rustfmt", in_ci: true };
const CLIPPY: Needs =
    Needs { subcommand: "clippy", how_to_get: "rustup component add clippy", in_ci: true };
/// Tidy checks the licences on every machine; this one also looks at sources and bans.
const DENY: Needs =
    Needs { subcommand: "deny", how_to_get: "cargo install cargo-deny", in_ci: false };

fn lints() -> Command {
    cargo(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
}

/// Builds the programs that end-to-end tests start, together with the tests: in one call the
/// libraries get one set of features, and nothing is built a second time for the test runner.
fn build() -> Command {
    cargo(["build", "--workspace", "--bins", "--tests", "--locked"])
}

fn tests(is_ci: bool) -> Command {
    if !has_subcommand("nextest") {
        return cargo(["test", "--workspace", "--bins", "--lib", "--tests", "--locked"]);
    }
    let profile = if is_ci { "ci" } else { "default" };
    cargo(["nextest", "run", "--workspace", "--locked", "--profile", profile])
}

fn doc_tests() -> Command {
    cargo(["test", "--workspace", "--doc", "--locked"])
}

fn docs() -> Command {
    let mut command = cargo(["doc", "--workspace", "--no-deps", "--locked"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn licences() -> Command {
    cargo(["deny", "check", "licenses", "bans", "sources"])
}

fn run_step(step: &mut Step, is_ci: bool) -> Result<Outcome> {
    match step.needs {
        Some(needs) if !has_subcommand(needs.subcommand) => missing(needs, is_ci),
        _ => run_command(&mut step.command).map(|()| Outcome::Passed),
    }
}

fn missing(needs: Needs, is_ci: bool) -> Result<Outcome> {
    if is_ci && needs.in_ci {
        return Err(anyhow!("`cargo {}` is not here: {}", needs.subcommand, needs.how_to_get));
    }
    Ok(Outcome::Skipped(needs))
}

fn line(name: &str, outcome: &Result<Outcome>, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    match outcome {
        Ok(Outcome::Passed) => format!("{name:<10} passed   {seconds:>6.1} s"),
        Ok(Outcome::Skipped(needs)) => {
            let Needs { subcommand, how_to_get, .. } = needs;
            format!("{name:<10} SKIPPED  no `cargo {subcommand}` here: {how_to_get}")
        }
        Err(_) => format!("{name:<10} FAILED   {seconds:>6.1} s"),
    }
}

fn print_lines(lines: &[String]) {
    println!();
    for line in lines {
        println!("xtask: {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_component_fails_only_where_it_decides() {
        assert!(missing(CLIPPY, true).is_err());
        assert!(matches!(missing(CLIPPY, false), Ok(Outcome::Skipped(_))));
        assert!(matches!(missing(DENY, true), Ok(Outcome::Skipped(_))));
    }

    #[test]
    fn each_outcome_can_be_told_from_its_line() {
        let took = Duration::from_millis(1_500);
        assert_eq!(line("tests", &Ok(Outcome::Passed), took), "tests      passed      1.5 s");
        let failed = line("lints", &Err(anyhow!("no")), took);
        assert_eq!(failed, "lints      FAILED      1.5 s");
        let skipped = line("licences", &Ok(Outcome::Skipped(DENY)), took);
        assert!(skipped.contains("SKIPPED") && skipped.contains("cargo install cargo-deny"));
    }

    #[test]
    fn a_failing_program_is_named() {
        let error = run_command(&mut Command::new("false")).unwrap_err().to_string();
        assert!(error.starts_with("`false` failed"), "{error}");
    }
}
