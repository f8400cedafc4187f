//! What the server does when its disk does not: nothing that it acknowledged is lost, it says what
//! is wrong, and it goes on by itself when the disk does.
//!
//! The disk is one in memory, in a mount namespace of the server's own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use drover_tests::cpe::{Cpe, agree};
use drover_tests::http;
use drover_tests::process::{Ended, Process, run};
use drover_tests::programs;
use drover_tests::server::{Options, Server};
use drover_tests::strace;
use rusqlite::Connection;
use serde_json::{Value as Json, json};

/// How long a command may take that does not go on.
const END: Duration = Duration::from_secs(60);

/// A program and its arguments behind others that make it a disk of so many bytes on a folder.
fn on_a_disk(folder: &Path, size: &str, more: &str) -> Vec<OsString> {
    let script = format!(
        "mount -t tmpfs -o size={size} disk \"$1\" && cd \"$1\" && shift && {{ {more}; }} && exec \
         \"$@\""
    );
    let words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", &script, "sh"];
    let words = words.into_iter().map(OsString::from);
    words.chain([folder.as_os_str().to_owned()]).collect()
}

/// Whether such disks can be made here.
fn can_mount() -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let words = on_a_disk(folder.path(), "1m", ":");
    let ended = run(Command::new(&words[0]).args(&words[1..]).arg("true"), END);
    if ended.code != Some(0) {
        programs::missing(&format!("the right to mount disks: {}", ended.stderr.trim()));
    }
    ended.code == Some(0)
}

/// The disk of a server, as the server sees it.
fn disk_of(server: &Server, folder: &Path) -> PathBuf {
    let root = format!("/proc/{}/root", server.process.id());
    Path::new(&root).join(folder.strip_prefix("/").expect("a full path"))
}

/// Fills a disk to its last byte.
fn fill(file: &Path) {
    let mut file = File::create(file).expect("a file");
    for size in [1 << 16, 1 << 10, 1] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
}

/// Checks that a device that has something new is told to come again.
#[track_caller]
fn assert_is_not_acknowledged(cpe: &Cpe, colour: &str) {
    let inform = cpe.inform("2 PERIODIC", &[("Device.X.Colour", colour)]);
    let headers = [("Content-Type", "text/xml"), ("SOAPAction", "")];
    let answer = http::once(cpe.server, "POST /", &headers, inform.as_bytes()).expect("an answer");
    let retry_after = answer.header("Retry-After").and_then(|text| text.parse::<u32>().ok());
    assert!(answer.status == 503 && retry_after > Some(0), "{answer:?}");
}

#[test]
fn a_full_disk_loses_nothing_and_is_gone_on_from() {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data = Some(folder.path().join("data"));
    let wrapper = on_a_disk(folder.path(), "4m", ":");
    let mut server = Server::start_with(Options { data, wrapper, ..Options::default() });
    let disk = disk_of(&server, folder.path());
    let cpe = Cpe::new(server.cwmp, "1");
    cpe.hold("1 BOOT", &[("Device.X.Colour", "red")], agree).expect("a session");
    let script = |number: usize| format!("// {number} {}", "x".repeat(40_000));
    let put = |server: &Server, number: usize| {
        server.nbi.send(&format!("PUT /provisions/p{number}"), &script(number)).status
    };
    assert_eq!(put(&server, 0), 200);

    fill(&disk.join("filler"));
    // The log may have some room left.
    let refused = (1..200).find(|number| put(&server, *number) != 200).expect("the disk is full");
    assert_eq!(put(&server, refused), 503);
    let values = json!([["Device.X.Colour", "y".repeat(60_000), "xsd:string"]]);
    let task = json!({"name": "setParameterValues", "parameterValues": values});
    let answer = server.nbi.post_task(&cpe.id(), &task, "");
    assert!(answer.status == 503 && answer.text().contains("at this time"), "{}", answer.text());
    let colour = "z".repeat(60_000);
    assert_is_not_acknowledged(&cpe, &colour);
    let known = server.nbi.value(&cpe.id(), "Device.X.Colour");
    assert_eq!(known, Some(json!("red")), "what is known can be read");
    assert!(server.process.is_running());
    let log = server.process.log();
    assert!(log.contains("full"), "the log says what is wrong: {log}");

    fs::remove_file(disk.join("filler")).expect("removed");
    assert_eq!(put(&server, refused), 200, "the same process goes on");
    cpe.hold("2 PERIODIC", &[("Device.X.Colour", &colour)], agree).expect("a session");
    let acknowledged: Vec<usize> = (0..=refused).collect();
    let check = |server: &Server| {
        for number in &acknowledged {
            let found = server.nbi.find("provisions", &json!({"_id": format!("p{number}")}));
            assert_eq!(found[0]["script"], json!(script(*number)), "p{number}");
        }
        assert_eq!(server.nbi.value(&cpe.id(), "Device.X.Colour"), Some(json!(colour)));
    };
    check(&server);

    // A loss of power: the files are taken from the disk as they are.
    let copy = tempfile::tempdir().expect("a folder");
    for file in ["drover.db", "drover.db-wal"] {
        fs::copy(disk.join("data").join(file), copy.path().join(file)).expect("copied");
    }
    server.process.kill();
    let data = Some(copy.path().to_owned());
    check(&Server::start_with(Options { data, ..Options::default() }));
}

/// The kernel lets nobody make a disk read-only while files on it are open for writing, except when
/// it does so itself after an error. So a tracer answers in its place.
#[test]
fn a_disk_that_becomes_read_only_is_gone_on_from() {
    if !strace::is_usable() {
        return;
    }
    let server = Server::start();
    let cpe = Cpe::new(server.cwmp, "1");
    cpe.hold("1 BOOT", &[("Device.X.Colour", "red")], agree).expect("a session");
    assert_eq!(server.nbi.send("PUT /provisions/before", "// x").status, 200);
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=pwrite64", "-e", "inject=pwrite64:error=EROFS"]);
    command.args(["-o", "/dev/null", "-p", &server.process.id().to_string()]);
    let tracer = Process::start("strace", &mut command);
    tracer.wait_for_log(&["attached"]);
    assert_eq!(server.nbi.send("PUT /provisions/meanwhile", "// x").status, 503);
    assert_is_not_acknowledged(&cpe, "blue");
    let colour = || server.nbi.value(&cpe.id(), "Device.X.Colour");
    assert_eq!(colour(), Some(json!("red")), "what is known can be read");
    tracer.signal("INT");
    tracer.wait(END);
    assert_eq!(server.nbi.send("PUT /provisions/after", "// x").status, 200);
    cpe.hold("2 PERIODIC", &[("Device.X.Colour", "blue")], agree).expect("a session");
    assert_eq!(colour(), Some(json!("blue")));
    let mut names: Vec<Json> =
        server.nbi.find("provisions", &json!({})).iter().map(|it| it["_id"].clone()).collect();
    names.sort_by_key(Json::to_string);
    assert_eq!(names, [json!("after"), json!("before")]);
}

#[test]
fn a_device_whose_data_is_damaged_hides_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let serve = || {
        let data = Some(folder.path().to_owned());
        Server::start_with(Options { data, ..Options::default() })
    };
    let server = serve();
    let devices = ["1", "2", "3"].map(|serial| Cpe::new(server.cwmp, serial));
    for cpe in &devices {
        cpe.hold("1 BOOT", &[("Device.X.Colour", "red")], agree).expect("a session");
    }
    server.process.signal("TERM");
    assert_eq!(server.process.wait(END).code, Some(0));
    damage(&folder.path().join("drover.db"));

    let server = serve();
    let [one, two, three] = devices.map(|cpe| Cpe { server: server.cwmp, ..cpe });
    let colour = |cpe: &Cpe| server.nbi.value(&cpe.id(), "Device.X.Colour");
    let listed = server.nbi.find("devices", &json!({"Device.X.Colour": "red"}));
    assert_eq!(listed.len(), 2, "the others are found: {listed:?}");
    assert_eq!(server.nbi.find("devices", &json!({})).len(), 3, "and it is in the list");
    let session = two.hold("2 PERIODIC", &[("Device.X.Colour", "blue")], agree);
    assert!(session.is_err(), "nothing is saved over what cannot be read");
    server.process.wait_for_log(&["unreadable document of device", &two.id()]);
    for cpe in [&one, &three] {
        cpe.hold("2 PERIODIC", &[("Device.X.Colour", "blue")], agree).expect("a session");
        assert_eq!(colour(cpe), Some(json!("blue")));
    }
    let target = format!("DELETE /devices/{}", two.id());
    assert_eq!(server.nbi.send(&target, "").status, 200);
    two.hold("2 PERIODIC", &[("Device.X.Colour", "green")], agree).expect("registered anew");
    assert_eq!(colour(&two), Some(json!("green")));
}

/// Makes the document of the second device one that nobody can read.
fn damage(database: &Path) {
    let db = Connection::open(database).expect("the database");
    let sql = "UPDATE document SET body = x'010100' WHERE device = 2";
    assert_eq!(db.execute(sql, []), Ok(1));
}

/// `drover serve` on a disk that cannot be written to.
fn serve_read_only(prepare: &str) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    let prepare = format!("{prepare}; mount -o remount,ro disk .");
    let words = on_a_disk(folder.path(), "4m", &prepare);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(programs::ours("drover"));
    command.args(["serve", "--data"]).arg(folder.path().join("data"));
    command
        .env("DROVER_CWMP__LISTEN", "[\"127.0.0.1:0\"]")
        .env("DROVER_NBI__LISTEN", "127.0.0.1:0");
    run(&mut command, END)
}

#[test]
fn a_disk_that_cannot_be_written_to_is_named_at_the_start() {
    if !can_mount() {
        return;
    }
    let stopped = tempfile::tempdir().expect("a folder");
    let server =
        Server::start_with(Options { data: Some(stopped.path().to_owned()), ..Options::default() });
    server.process.signal("TERM");
    assert_eq!(server.process.wait(END).code, Some(0));
    let copy = format!("cp -r {} data", stopped.path().display());
    for prepare in [":", "mkdir data", &copy] {
        let ended = serve_read_only(prepare);
        assert_eq!(ended.code, Some(1), "{prepare}: {ended:?}");
        let line = ended.stderr.lines().last().unwrap_or_default();
        assert!(line.contains("Read-only file system") && line.contains("data"), "{ended:?}");
    }
}

#[test]
fn a_database_that_is_taken_away_takes_no_acknowledgement_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start_with(Options { data: Some(data.clone()), ..Options::default() });
    server.process.wait_for_log(&["a new database is made"]);
    let cpe = Cpe::new(server.cwmp, "1");
    cpe.hold("1 BOOT", &[("Device.X.Colour", "red")], agree).expect("a session");
    let away = folder.path().join("away");
    fs::rename(&data, &away).expect("moved");
    assert_eq!(server.nbi.send("PUT /provisions/p", "// x").status, 503);
    assert_is_not_acknowledged(&cpe, "blue");
    server.process.wait_for_log(&["was moved, deleted or replaced"]);
    fs::rename(&away, &data).expect("moved back");
    assert_eq!(server.nbi.send("PUT /provisions/p", "// x").status, 200);
    cpe.hold("2 PERIODIC", &[("Device.X.Colour", "blue")], agree).expect("a session");
    assert_eq!(server.nbi.value(&cpe.id(), "Device.X.Colour"), Some(json!("blue")));
}

#[test]
fn a_damaged_database_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("drover.db");
    let serve = || {
        let mut command = Command::new(programs::ours("drover"));
        run(command.args(["serve", "--data"]).arg(folder.path()), END)
    };
    for (bytes, says) in
        [(vec![7; 100_000], "restore a backup"), (b"SQLite format 3\0".to_vec(), "restore")]
    {
        fs::write(&database, bytes).expect("written");
        let ended = serve();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let line = ended.stderr.lines().last().unwrap_or_default();
        assert!(line.contains("drover.db") && line.contains(says), "{ended:?}");
    }
}
