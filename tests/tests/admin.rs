//! `drover admin`: work on the database of a server that does not run.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use drover_tests::cpe::{Cpe, agree};
use drover_tests::process::{Ended, run};
use drover_tests::programs;
use drover_tests::server::{Options, Server};

/// How long one command may take.
const END: Duration = Duration::from_secs(60);

fn admin(data: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(programs::ours("drover"));
    command.arg("admin").arg("--data").arg(data).args(arguments);
    run(&mut command, END)
}

/// What a command prints that succeeds.
#[track_caller]
fn done(data: &Path, arguments: &[&str]) -> String {
    let ended = admin(data, arguments);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{arguments:?}: {ended:?}");
    ended.stdout
}

/// Checks that a command fails with one line that says this.
#[track_caller]
fn fails(data: &Path, arguments: &[&str], code: i32, says: &str) {
    let ended = admin(data, arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}: {ended:?}");
    assert!(ended.stderr.contains(says) && ended.stderr.lines().count() == 1, "{ended:?}");
}

fn serve(data: &Path) -> Server {
    Server::start_with(Options { data: Some(data.to_owned()), ..Options::default() })
}

#[test]
fn admin_works_on_the_database_of_a_stopped_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let file = folder.path().join("backup");
    let file = file.to_str().expect("text");
    fails(&data, &["check"], 1, "there is no database in");
    assert!(!data.exists(), "nothing was made");
    let server = serve(&data);
    let device = Cpe::new(server.cwmp, "1");
    device.hold("2 PERIODIC", &[("Device.X.Colour", "red")], agree).expect("a session");
    for command in [&["check"][..], &["backup", file], &["index", "list"], &["restore", file]] {
        let says = if command[0] == "restore" { "backup" } else { "stop it first" };
        fails(&data, command, 1, says);
    }
    server.process.signal("TERM");
    assert_eq!(server.process.wait(END).code, Some(0));

    assert_eq!(done(&data, &["check"]), "1 device, nothing is wrong");
    let path = "Device.X.Colour";
    assert!(!done(&data, &["index", "list"]).contains(path));
    for _ in 0..2 {
        assert_eq!(done(&data, &["index", "add", path]), "");
    }
    assert!(done(&data, &["index", "list"]).lines().any(|line| line == path), "and complete");
    fails(&data, &["index", "add", ""], 1, "drover: ");
    assert_eq!(done(&data, &["watch", "add", path]), "");
    assert_eq!(done(&data, &["watch", "list"]), path);
    assert_eq!(done(&data, &["watch", "drop", path]), "");
    fails(&data, &["watch", "drop", path], 1, "no history of Device.X.Colour");

    let quiet = done(&data, &["sessions", &device.id()]);
    assert!(quiet.starts_with("no session is on record"), "{quiet}");
    for odd in ["00D09E-Scripted-9", "odd"] {
        fails(&data, &["sessions", odd], 1, &format!("there is no device {odd}"));
    }
    assert_eq!(done(&data, &["knowledge", "list"]), "");
    fails(&data, &["knowledge", "forget", "x"], 1, "nothing is known of x");

    assert!(done(&data, &["backup", file]).starts_with(file));
    fails(&data, &["backup", file], 1, "is there already");
    assert_eq!(done(&data, &["index", "drop", path]), "");
    fails(&data, &["index", "drop", path], 1, "no index of Device.X.Colour");
    fails(&data, &["restore", file], 1, "--replace");
    assert!(done(&data, &["restore", file, "--replace"]).contains("restored from"));
    assert!(done(&data, &["index", "list"]).lines().any(|line| line == path), "as in the backup");

    let other = folder.path().join("other");
    done(&other, &["restore", file]);
    assert_eq!(done(&other, &["check"]), "1 device, nothing is wrong");
    let server = serve(&other);
    assert_eq!(
        server.nbi.value(&device.id(), path).and_then(|it| it.as_str().map(str::to_owned)),
        Some("red".to_owned())
    );
}

#[test]
fn admin_says_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let no_backup = folder.path().join("text");
    fs::write(&no_backup, "no backup").expect("written");
    fails(&data, &["restore", no_backup.to_str().expect("text")], 1, "text");
    fails(&data, &["restore", "/nowhere/backup"], 1, "/nowhere/backup");
    fails(&data, &["sing"], 2, "sing");
    fs::create_dir(&data).expect("a folder");
    fs::write(data.join("drover.db"), "no database").expect("written");
    fails(&data, &["check"], 1, "drover.db");
}
