//! `drover serve`, started as a user starts it.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::nbi::Nbi;
use crate::process::Process;
use crate::programs;

/// How to start a server.
#[derive(Debug, Default)]
pub struct Options {
    /// The configuration file, but for the addresses.
    pub config: String,
    /// The folder of the database; without it, a temporary one.
    pub data: Option<PathBuf>,
    /// The address of a database of PostgreSQL, instead of the folder.
    pub database: Option<String>,
    /// What comes before the program on the command line, such as `strace` with its options.
    pub wrapper: Vec<OsString>,
    /// `DROVER_LOG`; without it, the default.
    pub log: Option<String>,
}

impl Options {
    /// Options with this configuration.
    pub fn with_config(config: &str) -> Self {
        Self { config: config.to_owned(), ..Self::default() }
    }
}

/// A running server, which is killed when dropped.
#[derive(Debug)]
pub struct Server {
    /// The program.
    pub process: Process,
    /// Where devices connect.
    pub cwmp: SocketAddr,
    /// Where programs connect.
    pub nbi: Nbi,
    /// Where devices load files, unless they are not served.
    pub files: Option<SocketAddr>,
    /// Where devices connect by TLS, if they can.
    pub cwmp_tls: Option<SocketAddr>,
    /// Where devices load files by TLS, if they can.
    pub files_tls: Option<SocketAddr>,
    /// Where STUN is served.
    pub stun: Option<SocketAddr>,
    folder: TempDir,
}

impl Server {
    /// Starts a server with open authentication and a temporary folder.
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// Starts a server and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start_with(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = folder.path().join("drover.toml");
        fs::write(&config, &options.config).expect("the configuration is written");
        let data = options.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let process = Process::start("drover serve", &mut command(&options, &config, &data));
        let Addresses { cwmp, nbi, files, cwmp_tls, files_tls, stun } = addresses(&process);
        let cwmp = cwmp.expect("a line with the CWMP address");
        let nbi = Nbi::new(nbi.expect("a line with the NBI address"));
        Self { process, cwmp, nbi, files, cwmp_tls, files_tls, stun, folder }
    }

    /// The temporary folder of the configuration and, if nothing else was said, of the data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL for devices.
    pub fn url(&self) -> String {
        format!("http://{}/", self.cwmp)
    }
}

fn command(options: &Options, config: &Path, data: &Path) -> Command {
    let mut words = options.wrapper.clone();
    words.push(programs::ours("drover").into_os_string());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg("serve").arg("--config").arg(config);
    match &options.database {
        Some(database) => {
            // Files lie beside the configuration, and not where the tests are run.
            let files = config.with_file_name("files");
            command.env("DROVER_DATABASE", database).env("DROVER_FILES__FOLDER", files)
        }
        None => command.arg("--data").arg(data),
    };
    command.env("DROVER_CWMP__LISTEN", "[\"127.0.0.1:0\"]");
    command.env("DROVER_NBI__LISTEN", "127.0.0.1:0");
    command.env("DROVER_FILES__LISTEN", "127.0.0.1:0");
    if let Some(log) = &options.log {
        command.env("DROVER_LOG", log);
    }
    command
}

#[derive(Debug, Default)]
struct Addresses {
    cwmp: Option<SocketAddr>,
    nbi: Option<SocketAddr>,
    files: Option<SocketAddr>,
    cwmp_tls: Option<SocketAddr>,
    files_tls: Option<SocketAddr>,
    stun: Option<SocketAddr>,
}

/// Reads the lines that a server says before it is ready.
fn addresses(process: &Process) -> Addresses {
    let mut found = Addresses::default();
    loop {
        let Some(line) = process.line() else {
            panic!("drover serve ended at its start:\n{}", process.log());
        };
        let (name, url) = line.split_once(' ').unwrap_or((line.as_str(), ""));
        let place = match (name, url.starts_with("https://")) {
            ("CWMP", false) => &mut found.cwmp,
            ("NBI", false) => &mut found.nbi,
            ("Files", false) => &mut found.files,
            ("CWMP", true) => &mut found.cwmp_tls,
            ("Files", true) => &mut found.files_tls,
            ("STUN", _) => &mut found.stun,
            ("ready", _) => return found,
            _ => panic!("unexpected output: {line}"),
        };
        *place = place.take().or_else(|| address(url));
    }
}

fn address(url: &str) -> Option<SocketAddr> {
    let (_, rest) = url.trim().split_once("://")?;
    rest.trim_end_matches('/').parse().ok()
}
