//! A PostgreSQL server of our own, in a temporary folder, on a socket in it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use ::postgres::{Client, NoTls};
use tempfile::TempDir;

use crate::missing;

/// A server that runs until it is dropped, or until the thread that started it ends.
#[derive(Debug)]
pub struct PostgresServer {
    programs: PathBuf,
    folder: TempDir,
    /// Further settings.
    settings: Vec<String>,
    process: Option<Child>,
}

impl PostgresServer {
    /// Starts one. `None` where PostgreSQL is missing, as [`missing`] says.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            missing("the PostgreSQL server; on Debian, apt-get install postgresql");
            return None;
        };
        let folder = TempDir::new().unwrap();
        give_to_server(folder.path());
        let mut server = Self { programs, folder, settings: Vec::new(), process: None };
        let made = server
            .command("initdb")
            .args(["--username=drover", "--auth=trust", "--encoding=UTF8", "--no-sync"])
            // Not the order of bytes, which our columns must have nevertheless.
            .args(["--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8"])
            .arg(server.data())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        server.run();
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of PostgreSQL, which never runs as root.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if is_root() {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        }
        command.arg(program).current_dir(self.folder.path());
        command
    }

    /// Starts the server that was killed; returns when it can be used.
    ///
    /// # Panics
    /// When it does not start.
    pub fn run(&mut self) {
        self.try_run().unwrap_or_else(|log| panic!("the server did not start: {log}"));
    }

    fn try_run(&mut self) -> Result<(), String> {
        let mut process = self
            .command("postgres")
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(self.folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"])
            .args(["-c", "synchronous_commit=off"])
            .args(self.settings.iter().flat_map(|setting| ["-c", setting]))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut lines = String::new();
        while !lines.contains("ready to accept connections") {
            if log.read_line(&mut lines).unwrap() == 0 {
                process.wait().unwrap();
                return Err(lines);
            }
        }
        // Its log must not fill the pipe.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        self.process = Some(process);
        Ok(())
    }

    /// Starts the server anew, on a free port of this machine. It shows the certificate in the file
    /// with this name and the suffix `crt`, whose key is in that with the suffix `key`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn listen_with_tls(&mut self, certificate: &Path) -> u16 {
        self.kill();
        for suffix in ["crt", "key"] {
            let to = self.folder.path().join("server").with_extension(suffix);
            fs::copy(certificate.with_extension(suffix), &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            give_to_server(&to);
        }
        let file = |suffix| self.folder.path().join("server").with_extension(suffix);
        let files = (file("crt"), file("key"));
        loop {
            // PostgreSQL knows no port 0, and somebody may take a free one in between.
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            self.settings = vec![
                "listen_addresses=127.0.0.1".to_owned(),
                format!("port={port}"),
                "ssl=on".to_owned(),
                format!("ssl_cert_file={}", files.0.display()),
                format!("ssl_key_file={}", files.1.display()),
            ];
            match self.try_run() {
                Ok(()) => return port,
                Err(log) => assert!(log.contains("in use"), "{log}"),
            }
        }
    }

    /// Ends the server as a crash does.
    ///
    /// # Panics
    /// When it does not end.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let ended = self
            .command("pg_ctl")
            .args(["stop", "-m", "immediate", "-D"])
            .arg(self.data())
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        process.wait().unwrap();
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("host={} user=drover dbname={database}", self.folder.path().display())
    }

    /// Runs statements without results, on a thread of its own, as a test may run futures.
    ///
    /// # Panics
    /// When the server refuses one.
    pub fn execute(&self, database: &str, sql: &str) {
        let url = self.url(database);
        thread::scope(|scope| {
            let run = || Client::connect(&url, NoTls).unwrap().batch_execute(sql).unwrap();
            scope.spawn(run).join().unwrap();
        });
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn give_to_server(folder: &Path) {
    if is_root() {
        let given = Command::new("chown").arg("postgres").arg(folder).status().unwrap();
        assert!(given.success(), "chown");
    }
}

/// Where the server's programs are: Debian keeps them out of the search path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = folders.chain(std::env::split_paths(&path)).collect();
    folders.into_iter().find(|folder| folder.join("initdb").exists())
}
