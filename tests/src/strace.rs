//! What a program asked the kernel, and in which order: a trace of `strace`, read and judged.
//!
//! `kill -9` keeps the page cache, so a test that kills cannot see whether data had reached the
//! disk. The order of system calls can: what acknowledges data must begin after the sync of that
//! data has ended.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::run;
use crate::programs;
use crate::wait::PATIENCE;

/// The calls that are looked at.
const CALLS: &str = "write,writev,pwrite64,pwritev,pwritev2,send,sendto,sendmsg,read,readv,recv,\
                     recvfrom,recvmsg,fsync,fdatasync,rename,renameat,renameat2";

/// Bytes of each buffer that are kept.
const TEXT_BYTES: &str = "8192";

/// Whether programs can be traced here; see [`programs::missing`].
///
/// # Panics
/// When they cannot and `CI` is set.
pub fn is_usable() -> bool {
    if !programs::have("strace", "on Debian: apt-get install strace") {
        return false;
    }
    let works = run(Command::new("strace").args(["-o", "/dev/null", "true"]), PATIENCE);
    if works.code != Some(0) {
        programs::missing(&format!("the right to trace programs: {}", works.stderr.trim()));
    }
    works.code == Some(0)
}

/// The words to put before a program so that its calls are written to a file.
///
/// With `-D` the tracer is the grandchild, so that the program itself is the process that the test
/// has started and kills.
pub fn wrapper(trace: &Path) -> Vec<OsString> {
    let words = ["strace", "-D", "-f", "-yy", "-q", "-s", TEXT_BYTES, "-e", "signal=none"];
    let mut words: Vec<OsString> = words.iter().map(OsString::from).collect();
    words.extend(["-e".into(), format!("trace={CALLS}").into(), "-o".into(), trace.into()]);
    words
}

/// Something that a program did, in the order of the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Bytes came in on a socket.
    Received {
        /// The socket.
        socket: String,
        /// The bytes, as strace writes them.
        text: String,
    },
    /// The program began to send bytes on a socket.
    Sends {
        /// The socket.
        socket: String,
        /// The bytes, as strace writes them.
        text: String,
    },
    /// The program began to write to a file.
    Writes {
        /// The path.
        path: String,
    },
    /// A sync of a file or folder has begun.
    Syncs {
        /// The path.
        path: String,
    },
    /// A sync of a file or folder has ended well.
    Synced {
        /// The path.
        path: String,
    },
    /// A file has got another name.
    Renamed {
        /// Its path before.
        from: String,
        /// Its path now.
        to: String,
    },
}

/// Reads a trace file.
///
/// # Panics
/// When it cannot be read.
pub fn read(trace: &Path) -> Vec<Event> {
    let bytes = fs::read(trace).unwrap_or_else(|error| panic!("{}: {error}", trace.display()));
    parse(&String::from_utf8_lossy(&bytes))
}

/// Reads the text of a trace.
pub fn parse(text: &str) -> Vec<Event> {
    let mut begun = BTreeMap::new();
    text.lines().flat_map(|line| events(line, &mut begun)).collect()
}

/// Reads a line. A call during which another thread did something is written in two: its beginning
/// with `<unfinished ...>`, its end with `<... name resumed>`.
fn events(line: &str, begun: &mut BTreeMap<String, String>) -> Vec<Event> {
    let Some((thread, call)) = line.trim_start().split_once(' ') else { return Vec::new() };
    let call = call.trim_start();
    if let Some(start) = call.strip_suffix("<unfinished ...>") {
        begun.insert(thread.to_owned(), start.to_owned());
        return beginning(start).into_iter().collect();
    }
    if call.starts_with("<... ") {
        let rest = call.split_once(" resumed>").map_or("", |(_, rest)| rest);
        let start = begun.remove(thread).unwrap_or_default();
        return end(&format!("{start}{rest}")).into_iter().collect();
    }
    beginning(call).into_iter().chain(end(call)).collect()
}

/// What counts from the moment at which it begins: all that lets data out, and what a sync covers.
fn beginning(call: &str) -> Option<Event> {
    let (name, arguments) = call.split_once('(')?;
    if let ("fsync" | "fdatasync", Some(Target::File(path))) = (name, descriptor(arguments)) {
        return Some(Event::Syncs { path });
    }
    let is_write = matches!(
        name,
        "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" | "send" | "sendto" | "sendmsg"
    );
    let target = descriptor(arguments).filter(|_| is_write)?;
    let text = arguments.to_owned();
    match target {
        Target::Socket(socket) => Some(Event::Sends { socket, text }),
        Target::File(path) => Some(Event::Writes { path }),
    }
}

/// What counts from the moment at which it ended well.
fn end(call: &str) -> Option<Event> {
    let (name, arguments) = call.split_once('(')?;
    let result = arguments.rsplit_once(" = ")?.1;
    if result.starts_with('-') || result.starts_with('?') {
        return None;
    }
    match (name, descriptor(arguments)) {
        ("fsync" | "fdatasync", Some(Target::File(path))) => Some(Event::Synced { path }),
        ("read" | "readv" | "recv" | "recvfrom" | "recvmsg", Some(Target::Socket(socket))) => {
            Some(Event::Received { socket, text: arguments.to_owned() })
        }
        ("rename" | "renameat" | "renameat2", _) => renamed(arguments),
        _ => None,
    }
}

enum Target {
    Socket(String),
    File(String),
}

/// The first argument, such as `7</tmp/x/db-wal>` or `9<TCP:[127.0.0.1:80->127.0.0.1:4711]>`.
fn descriptor(arguments: &str) -> Option<Target> {
    let (number, rest) = arguments.split_once('<')?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if rest.starts_with("TCP") {
        let socket = rest.split_once(']').map_or(rest, |(socket, _)| socket);
        return Some(Target::Socket(socket.to_owned()));
    }
    let path = rest.split_once('>').map(|(path, _)| path.trim_end_matches("(deleted)"))?;
    path.starts_with('/').then(|| Target::File(path.to_owned()))
}

fn renamed(arguments: &str) -> Option<Event> {
    let mut texts = arguments.split('"').skip(1).step_by(2);
    let (from, to) = (texts.next()?, texts.next()?);
    Some(Event::Renamed { from: from.to_owned(), to: to.to_owned() })
}

/// What an acknowledgement needs.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'a> {
    /// What stands in the request: the bytes that came in.
    pub request: &'a str,
    /// What stands in the acknowledgement: the bytes that go out.
    pub acknowledgement: &'a str,
    /// The end of the path of each file whose content must be on the disk.
    pub file: &'a str,
}

/// Checks every acknowledgement of the trace: between the request and it, the file was written and
/// synced, and nothing of the file is left unsynced. Returns how many there were.
///
/// # Errors
/// What was acknowledged too early.
pub fn check(events: &[Event], rule: Rule<'_>) -> Result<usize, String> {
    let mut state = State::default();
    let mut count = 0;
    for event in events {
        match event {
            Event::Received { socket, text } if text.contains(rule.request) => {
                state.asked.insert(socket.clone(), state.synced);
            }
            Event::Writes { path } if path.ends_with(rule.file) => {
                state.dirty.insert(path.clone(), false);
            }
            Event::Syncs { path } => state.begin_sync(path),
            Event::Synced { path } => state.end_sync(path),
            Event::Sends { socket, text } if text.contains(rule.acknowledgement) => {
                if let Some(before) = state.asked.remove(socket) {
                    state.judge(before, text)?;
                    count += 1;
                }
            }
            _ => {}
        }
    }
    Ok(count)
}

/// Checks that between request and acknowledgement a file was replaced as a whole and for good: a
/// new one was written and synced, took the place of the old one, and the folder was synced.
/// Returns how many acknowledgements there were.
///
/// # Errors
/// The steps that there were, when they are not those.
pub fn check_replacement(events: &[Event], rule: Rule<'_>, folder: &str) -> Result<usize, String> {
    let steps_needed = ["synced", "renamed", "folder synced"];
    let mut steps: Option<Vec<&str>> = None;
    let mut count = 0;
    for event in events {
        match event {
            Event::Received { text, .. } if text.contains(rule.request) => steps = Some(Vec::new()),
            Event::Sends { text, .. } if text.contains(rule.acknowledgement) => {
                let steps = steps.take().unwrap_or_default();
                if !steps.ends_with(&steps_needed) {
                    return Err(format!("before the acknowledgement the file was {steps:?}"));
                }
                count += 1;
            }
            other => {
                if let (Some(steps), Some(step)) = (&mut steps, step(other, rule.file, folder)) {
                    steps.push(step);
                }
            }
        }
    }
    Ok(count)
}

/// What a call does to the file with this ending.
fn step<'a>(event: &Event, file: &str, folder: &str) -> Option<&'a str> {
    match event {
        Event::Writes { path } if path.ends_with(file) => Some("written"),
        Event::Synced { path } if path.ends_with(file) => Some("synced"),
        Event::Synced { path } if path == folder => Some("folder synced"),
        Event::Renamed { from, .. } if from.ends_with(file) => Some("renamed"),
        _ => None,
    }
}

#[derive(Default)]
struct State {
    /// Files with writes that are not synced, and whether a sync has begun that covers them all.
    dirty: BTreeMap<String, bool>,
    /// How many syncs of written files there were.
    synced: usize,
    /// By socket, how many there were when the request came.
    asked: BTreeMap<String, usize>,
}

impl State {
    fn begin_sync(&mut self, path: &str) {
        if let Some(is_covered) = self.dirty.get_mut(path) {
            *is_covered = true;
        }
    }

    fn end_sync(&mut self, path: &str) {
        if self.dirty.get(path) == Some(&true) {
            self.dirty.remove(path);
            self.synced += 1;
        }
    }

    fn judge(&self, before: usize, text: &str) -> Result<(), String> {
        let text: String = text.chars().take(300).collect();
        if !self.dirty.is_empty() {
            let files: Vec<_> = self.dirty.keys().collect();
            return Err(format!("{files:?} was not synced when this was sent: {text}"));
        }
        if self.synced == before {
            return Err(format!("nothing was saved before this was sent: {text}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule<'_> =
        Rule { request: ":Inform>", acknowledgement: "InformResponse", file: "-wal" };

    const ASKED: &str =
        "7 recvfrom(9<TCP:[1:1->2:2]>, \"POST <c:Inform>\"..., 100, 0, NULL, NULL) = 90\n";
    const WRITTEN: &str = "8 pwrite64(5</d/db-wal>, \"x\"..., 24, 0) = 24\n";
    const SYNCED: &str = "8 fdatasync(5</d/db-wal>)          = 0\n";
    const SENT: &str =
        "7 sendto(9<TCP:[1:1->2:2]>, \"HTTP/1.1 200 <InformResponse>\", 90, 0) = 90\n";

    fn judge(lines: &[&str]) -> Result<usize, String> {
        check(&parse(&lines.concat()), RULE)
    }

    #[test]
    fn the_right_order_is_accepted() {
        assert_eq!(judge(&[ASKED, WRITTEN, SYNCED, SENT]), Ok(1));
    }

    #[test]
    fn every_wrong_order_is_refused() {
        assert!(judge(&[ASKED, WRITTEN, SENT, SYNCED]).is_err(), "sent before the sync");
        assert!(judge(&[ASKED, SENT]).is_err(), "nothing was written");
        assert!(judge(&[WRITTEN, SYNCED, ASKED, SENT]).is_err(), "saved before it was asked");
        assert!(judge(&[ASKED, WRITTEN, SYNCED, WRITTEN, SENT]).is_err(), "half of it synced");
        let failed = SYNCED.replace("= 0", "= -1 EIO (Input/output error)");
        assert!(judge(&[ASKED, WRITTEN, &failed, SENT]).is_err(), "the sync failed");
        let other = SYNCED.replace("db-wal", "db");
        assert!(judge(&[ASKED, WRITTEN, &other, SENT]).is_err(), "another file was synced");
    }

    /// A sync counts when it ends, and an acknowledgement when it begins.
    #[test]
    fn calls_that_overlap_are_told_apart() {
        let begins = "8 fdatasync(5</d/db-wal> <unfinished ...>\n";
        let ends = "8 <... fdatasync resumed>)   = 0\n";
        let sends = "7 sendto(9<TCP:[1:1->2:2]>, \"<InformResponse>\", 90, 0 <unfinished ...>\n";
        let sent = "7 <... sendto resumed>) = 90\n";
        assert_eq!(judge(&[ASKED, WRITTEN, begins, ends, sends, sent]), Ok(1));
        assert!(judge(&[ASKED, WRITTEN, begins, sends, ends, sent]).is_err());
        let late = "a write that began after the sync is not covered by it";
        assert!(judge(&[ASKED, WRITTEN, begins, WRITTEN, ends, sends, sent]).is_err(), "{late}");
    }

    #[test]
    fn a_replaced_file_needs_all_steps() {
        let write = "8 write(5</d/state.new>, \"x\"..., 24) = 24\n";
        let sync = "8 fsync(5</d/state.new>) = 0\n";
        let rename = "8 rename(\"/d/state.new\", \"/d/state\") = 0\n";
        let folder = "8 fsync(6</d>) = 0\n";
        let rule = Rule { file: "state.new", ..RULE };
        let judge = |lines: &[&str]| check_replacement(&parse(&lines.concat()), rule, "/d");
        assert_eq!(judge(&[ASKED, write, sync, rename, folder, SENT]), Ok(1));
        assert!(judge(&[ASKED, write, rename, sync, folder, SENT]).is_err(), "renamed too early");
        assert!(judge(&[ASKED, write, sync, rename, SENT, folder]).is_err(), "sent too early");
        assert!(judge(&[ASKED, write, rename, folder, SENT]).is_err(), "no sync");
        assert!(judge(&[ASKED, SENT]).is_err(), "nothing saved");
        assert!(judge(&[ASKED, write, sync, rename, folder, write, SENT]).is_err(), "half saved");
    }

    #[test]
    fn renames_are_read() {
        let line = "7 renameat2(AT_FDCWD</>, \"/a\", AT_FDCWD</>, \"/b\", 0) = 0";
        let renamed = Event::Renamed { from: "/a".to_owned(), to: "/b".to_owned() };
        assert_eq!(parse(line), [renamed]);
        assert_eq!(parse(&line.replace("= 0", "= -1 ENOENT (x)")), []);
    }
}
