//! What a script asks while it runs.

use super::data::Data;

/// What answers a script: the engine, in the order of the script's calls.
///
/// A script runs again from the top after each commit that is not yet paid. Whoever implements this
/// counts the commits of a run, and answers reads as they were answered at that count before.
///
/// Once [`Host::commit`] or [`Host::ext`] has stopped the run, or its time is over, nothing here is
/// called again in that run, whatever the script still catches.
pub trait Host {
    /// Records a declaration, and gives it the number under which its matches are asked for.
    ///
    /// # Errors
    /// The text of the `Error` that the script is thrown, such as `Invalid parameter path`.
    fn declare(&mut self, declare: Declare) -> Result<u32, String>;

    /// Records that cached data is to be forgotten.
    ///
    /// # Errors
    /// As with [`Host::declare`].
    fn clear(&mut self, clear: Clear) -> Result<(), String>;

    /// The script commits: by `commit()`, which is explicit, or by a read while something is not
    /// committed. The commit at the end of a script is not reported here; that is
    /// [`super::Outcome::Done`].
    fn commit(&mut self, is_explicit: bool) -> Commit;

    /// The paths that match a declaration at this revision, in their order. Asked at most once for
    /// each call of `declare` and revision.
    fn matches(&mut self, declaration: u32) -> Vec<String>;

    /// An attribute of a path at this revision: a number, a boolean, a list of texts, or
    /// [`Data::typed`] for a value. Asked only for attributes that the declaration named.
    fn attribute(&mut self, path: &str, attribute: Attribute) -> Option<Data>;

    /// A call of an extension, with its arguments as texts: the file, the function, and the rest.
    fn ext(&mut self, args: &[String]) -> Ext;

    /// A message for the log, with further fields. Called in every run: which of them were printed
    /// already, the host knows from its commits and extensions.
    fn log(&mut self, message: &str, meta: &[(String, Data)]);
}

/// Whether the run goes on after a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// It was paid before: the next revision is read.
    Continue,
    /// It is new: the run ends here as [`super::Outcome::Aborted`].
    Abort,
}

/// What an extension answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Ext {
    /// Its result.
    Value(Data),
    /// Nothing yet: the run ends here as [`super::Outcome::Aborted`].
    Pending,
}

/// An attribute of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Whether it is an object.
    Object,
    /// Whether it can be set.
    Writable,
    /// Its value and type.
    Value,
    /// Its notification attribute.
    Notification,
    /// Its access list.
    AccessList,
}

/// One call of `declare` with a path that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Declare {
    /// The path as the script wrote it.
    pub path: String,
    /// How recent what is known must be.
    pub times: Times,
    /// What shall be.
    pub set: Settings,
}

/// The times asked for, in milliseconds of the Unix clock: from 1 to the session's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// The set of paths that match.
    pub path: Option<i64>,
    /// Whether they are objects.
    pub object: Option<i64>,
    /// Whether they can be set.
    pub writable: Option<i64>,
    /// Their values.
    pub value: Option<i64>,
    /// Their notification attribute.
    pub notification: Option<i64>,
    /// Their access list.
    pub access_list: Option<i64>,
}

/// The values that a script wants.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// The least and the greatest number of instances.
    pub instances: Option<(u32, u32)>,
    /// The value: a boolean, a number (a date is its milliseconds) or a text.
    pub value: Option<Data>,
    /// The type, when the script tells one.
    pub value_type: Option<String>,
    /// The notification attribute.
    pub notification: Option<i32>,
    /// The access list.
    pub access_list: Option<Vec<String>>,
}

/// One call of `clear`.
#[derive(Debug, Clone, PartialEq)]
pub struct Clear {
    /// The path as the script wrote it.
    pub path: String,
    /// What is older is forgotten, with what is below; without a time, only the attributes are.
    pub time: Option<i64>,
    /// The times of single attributes; `path` is never set.
    pub attributes: Times,
}
