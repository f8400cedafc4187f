//! The command line of `drover-agent`.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

/// What the command line asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Run the agent.
    Run(RunArguments),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// The options of a run. They win over environment and file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RunArguments {
    /// `--config FILE`
    pub config: Option<PathBuf>,
    /// `--acs-url URL`
    pub acs_url: Option<String>,
    /// `--state DIR`
    pub state: Option<PathBuf>,
}

/// The text of `--help`.
pub const HELP: &str = "\
drover-agent: the TR-069 (CWMP) agent for Linux

Usage: drover-agent [--config FILE] [--acs-url URL] [--state DIR]

  --config FILE   configuration in TOML
  --acs-url URL   where the ACS is, such as http://acs.example:7547/
  --state DIR     folder that keeps the state (default /var/lib/drover-agent)
  --help          print this text
  --version       print the version

Each key of the configuration can also be set by an environment variable:
DROVER_ACS__URL, DROVER_CONNECTION_REQUEST__PORT, DROVER_LOG__LEVEL.
Exit codes: 0 stopped by a signal, 1 failed, 2 bad arguments or configuration.
";

/// Reads the arguments, without the name of the program.
///
/// # Errors
/// One line that names the argument and what to do.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    read(lexopt::Parser::from_args(arguments))
        .map_err(|error| format!("{error}; see drover-agent --help"))
}

fn read(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut run = RunArguments::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("config") => run.config = Some(parser.value()?.into()),
            Long("acs-url") => run.acs_url = Some(parser.value()?.string()?),
            Long("state") => run.state = Some(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Run(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_are_read_in_both_forms() {
        let expected = Command::Run(RunArguments {
            config: Some("/etc/a.toml".into()),
            acs_url: Some("http://a/".to_owned()),
            state: Some("/tmp/s".into()),
        });
        let spaced = read("--config /etc/a.toml --acs-url http://a/ --state /tmp/s");
        assert_eq!(spaced.unwrap(), expected);
        let equals = read("--config=/etc/a.toml --acs-url=http://a/ --state=/tmp/s");
        assert_eq!(equals.unwrap(), expected);
        assert_eq!(read("").unwrap(), Command::Run(RunArguments::default()));
        assert_eq!(read("--help").unwrap(), Command::Help);
        assert_eq!(read("-V").unwrap(), Command::Version);
    }

    #[test]
    fn mistakes_are_named_in_one_line() {
        for (line, name) in [("--acs http://a/", "--acs"), ("file", "file"), ("--state", "--state")]
        {
            let message = read(line).unwrap_err();
            assert!(message.contains(name) && message.contains("--help"), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }
}
