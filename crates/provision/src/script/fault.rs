//! How a script fails.

use rquickjs::Object;

use crate::limits::{FAULT_TEXT_CHARS_MAX, SCRIPT_NAME_CHARS_MAX};

/// The file name of the prelude in stacks, which show a script's own lines alone.
pub(super) const PRELUDE: &str = "drover:prelude";

/// Why a script failed, as its users see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `script.` and the name of what was thrown, without control characters; `script` when it has
    /// none, or an empty one.
    pub code: String,
    /// The error's message.
    pub message: String,
    /// More about an error.
    pub detail: Option<FaultDetail>,
}

/// The error that a script threw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultDetail {
    /// Its name, such as `TypeError`.
    pub name: String,
    /// Its message.
    pub message: String,
    /// Where it was thrown: name and message, then a line for each function.
    pub stack: String,
}

impl Fault {
    /// A fault without an error behind it.
    pub fn plain(message: impl Into<String>) -> Self {
        Self { code: "script".to_owned(), message: message.into(), detail: None }
    }

    /// A fault as if the script had thrown such an error.
    pub(super) fn error(name: &str, message: &str, frames: &str) -> Self {
        let stack = if frames.is_empty() {
            format!("{name}: {message}")
        } else {
            format!("{name}: {message}\n{frames}")
        };
        Self {
            code: format!("script.{name}"),
            message: message.to_owned(),
            detail: Some(FaultDetail { name: name.to_owned(), message: message.to_owned(), stack }),
        }
    }

    /// The fault of a run that took too long.
    pub(super) fn timed_out(milliseconds: u32) -> Self {
        let message = format!("Script execution timed out after {milliseconds}ms");
        Self::error("Error", &message, "")
    }

    /// Reads what `thrown` of the prelude made of what was thrown.
    pub(super) fn from_thrown(thrown: &Object<'_>, script: &str) -> Self {
        let text = |name: &str| thrown.get::<_, Option<String>>(name).ok().flatten();
        let message = text("message").unwrap_or_default();
        let name = text("name").map(|name| name.chars().filter(|c| !c.is_control()).collect());
        match name.filter(|name: &String| !name.trim().is_empty()) {
            Some(name) => {
                let frames = own_frames(&text("stack").unwrap_or_default(), script);
                Self::error(&name, &message, &frames)
            }
            None => Self::plain(message),
        }
    }

    /// Cuts texts that no script may make longer.
    pub(super) fn bounded(mut self) -> Self {
        cut(&mut self.code, SCRIPT_NAME_CHARS_MAX);
        cut(&mut self.message, FAULT_TEXT_CHARS_MAX);
        self
    }
}

fn cut(text: &mut String, chars: usize) {
    if let Some((end, _)) = text.char_indices().nth(chars) {
        text.truncate(end);
    }
}

/// The frames of a stack without those of the prelude, and with columns as in the source: its first
/// line stands behind the beginning of a function.
fn own_frames(stack: &str, script: &str) -> String {
    let place = format!("({PRELUDE}:");
    let frames = stack.lines().filter(|line| !line.contains(&place) && !line.trim().is_empty());
    let frames: Vec<String> = frames.map(|frame| shifted(frame, script)).collect();
    frames.join("\n")
}

fn shifted(frame: &str, script: &str) -> String {
    let start = format!("({script}:1:");
    let column = || {
        let (before, rest) = frame.rsplit_once(&start)?;
        let column: usize = rest.strip_suffix(')')?.parse().ok()?;
        Some((before, column.checked_sub(super::PROLOGUE.len())?.max(1)))
    };
    match column() {
        Some((before, column)) => format!("{before}{start}{column})"),
        None => frame.to_owned(),
    }
}
