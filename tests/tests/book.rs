//! The book's chapters with commands: what they say is run and compared, line by line.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use drover_tests::process::run;
use drover_tests::programs;
use drover_tests::server::{Options, Server};

/// How long one command may take.
const END: Duration = Duration::from_secs(60);

/// A block of a chapter.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    /// To be saved under this name.
    File { name: String, text: String },
    /// Commands with what they print.
    Console { needs_server: bool, text: String },
}

/// The blocks of a page that stand behind a comment `file: NAME`, and those of a console.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut comment = "";
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(text) = line.strip_prefix("<!-- ") {
            comment = text.trim_end_matches(" -->");
            continue;
        }
        let Some(language) = line.strip_prefix("```") else { continue };
        let mut text = String::new();
        for line in lines.by_ref().take_while(|line| *line != "```") {
            text.push_str(line);
            text.push('\n');
        }
        let needs_server = comment == "needs the server";
        match (comment.strip_prefix("file: "), language) {
            (Some(name), _) => blocks.push(Block::File { name: name.to_owned(), text }),
            (None, "console") => blocks.push(Block::Console { needs_server, text }),
            _ => {}
        }
        comment = "";
    }
    blocks
}

/// Commands, each with the lines that it prints.
fn commands(console: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in console.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => {
                output.push_str(line);
                output.push('\n');
            }
            (None, None) => panic!("output without a command: {line}"),
        }
    }
    commands
}

/// Runs a command as a person does, and gives what is seen: both streams, as they come.
fn typed(command: &str, folder: &Path) -> String {
    let programs = programs::ours("drover");
    let programs = programs.parent().expect("a folder").display();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(format!("exec 2>&1; {command}")).current_dir(folder).env("PATH", path);
    let ended = run(&mut shell, END);
    assert!(ended.code.is_some(), "{command}: {ended:?}");
    ended.stdout
}

/// What a page leaves when all its commands have been run.
struct Done {
    server: Server,
    _folder: tempfile::TempDir,
}

/// Runs the commands of a page, and compares what they print. Those that start the server are not
/// run: the test has one of its own, from where commands need it.
fn work_through(page: &str, least: usize) -> Done {
    let page = fs::read_to_string(programs::workspace().join("docs").join(page)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut server: Option<Server> = None;
    let mut count = 0;
    for block in blocks(&page) {
        match block {
            Block::File { name, text } => {
                let file = folder.path().join(name);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
            Block::Console { needs_server, text } => {
                if needs_server && server.is_none() {
                    server = Some(start(folder.path()));
                }
                for (command, expected) in commands(&text).into_iter().filter(is_run) {
                    let seen = typed(&with_ports(&command, server.as_ref()), folder.path());
                    // The test's server has been told the whole path of its folders.
                    let seen = seen.replace(&format!("{}/", folder.path().display()), "");
                    assert_eq!(seen.trim_end(), expected.trim_end(), "$ {command}");
                    count += 1;
                }
            }
        }
    }
    assert!(count >= least, "the page has only {count} commands");
    Done { server: server.expect("the page has a part with the server"), _folder: folder }
}

/// Whether a command ends by itself.
fn is_run((command, _): &(String, String)) -> bool {
    command != "drover serve --config drover.toml"
}

#[test]
fn presets_and_scripts_are_loaded() {
    if !programs::have("curl", "apt-get install curl") {
        return;
    }
    let Done { server, _folder } = work_through("rules.md", 13);
    assert_eq!(server.nbi.find("provisions", &serde_json::json!({})).len(), 1);
}

#[test]
fn own_objects_in_ten_minutes() {
    if !programs::have("curl", "apt-get install curl") {
        return;
    }
    let Done { server, _folder } = work_through("own-objects.md", 8);
    let device = server.nbi.device("02D20F-Simulated-SIM0000000001").expect("it has come");
    let reason = device["_model"]["_reason"].as_str().unwrap();
    assert!(reason.contains("2.19") && reason.contains("ManufacturerOUI 02D20F"), "{reason}");
    let pin = &device["Device"]["X_EXAMPLE-COM_Lamp"]["1"]["PIN"]["_value"];
    assert!(pin.is_null() || pin == "", "{pin}");
}

#[test]
fn it_is_shown_why_nothing_happened() {
    if !programs::have("curl", "apt-get install curl") {
        return;
    }
    let Done { server, _folder } = work_through("insight.md", 10);
    let target = "GET /devices/02D20F-Simulated-SIM0000000001/snapshots";
    let snapshots = server.nbi.send(target, "").text();
    assert!(snapshots.contains("_until"), "what it was like before is kept: {snapshots}");
}

#[test]
fn files_are_put_and_listed() {
    if !programs::have("curl", "apt-get install curl") {
        return;
    }
    let Done { server, _folder } = work_through("files.md", 3);
    let files = server.nbi.find("files", &serde_json::json!({"metadata.version": "2.0"}));
    assert_eq!(files.len(), 1);
}

/// The server of the page, with the folders that the page made.
fn start(folder: &Path) -> Server {
    let Ok(mut config) = fs::read_to_string(folder.join("drover.toml")) else {
        return Server::start();
    };
    for name in ["models", "rules"] {
        let path = folder.join(name);
        config = config.replace(&format!("{name:?}"), &format!("{:?}", path.to_str().unwrap()));
    }
    assert!(config.contains(folder.to_str().unwrap()), "{config}");
    Server::start_with(Options::with_config(&config))
}

/// The page has the default ports; the test has others.
fn with_ports(command: &str, server: Option<&Server>) -> String {
    let Some(server) = server else { return command.to_owned() };
    let cwmp = command.replace("127.0.0.1:7547", &server.cwmp.to_string());
    cwmp.replace("127.0.0.1:7557", &server.nbi.address.to_string())
}

#[test]
fn blocks_and_commands_are_told_apart() {
    let page = "text\n<!-- file: a.toml -->\n```toml\nx = 1\n```\n```toml\nnot saved\n```\n\
        ```console\n$ a\n1\n2\n$ b\n```\n<!-- needs the server -->\n```console\n$ c\n```\n";
    let file = Block::File { name: "a.toml".to_owned(), text: "x = 1\n".to_owned() };
    let console = |needs_server, text: &str| Block::Console { needs_server, text: text.to_owned() };
    let expected = [file, console(false, "$ a\n1\n2\n$ b\n"), console(true, "$ c\n")];
    assert_eq!(blocks(page), expected);
    let expected = [("a".to_owned(), "1\n2\n".to_owned()), ("b".to_owned(), String::new())];
    assert_eq!(commands("$ a\n1\n2\n$ b\n"), expected);
}
