//! Tables that the server keeps: each row is something that a device shall do once (compat 2.6).
//!
//! `Downloads` is GenieACS's. The others are ours and follow it: a row is created with an instance
//! count, its columns say what is wanted, and the RPC is sent when the column with the name of the
//! action is set to a later time than it has. No data model has a root of these names.

use super::data::{Attributes, Name, Path, Scalar, Timed, Tree, TypedValue};
use super::pattern::Pattern;
use super::reason::Reason;
use super::request::{Request, SoftwareOperation, TimeWindow};

/// A table that the server keeps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Its path.
    pub name: &'static str,
    /// The column that says when to act.
    pub action: &'static str,
    /// The columns that scripts write, besides the action.
    inputs: &'static [(&'static str, Kind)],
    /// The columns that tell what was done last.
    results: &'static [(&'static str, Kind)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Date,
    /// Zero or more.
    Count,
    /// A number that may be negative, with what it is at first.
    Number(i8),
}

const DOWNLOADED: &[(&str, Kind)] = &[
    ("LastFileType", Kind::Text),
    ("LastFileName", Kind::Text),
    ("LastTargetFileName", Kind::Text),
    ("StartTime", Kind::Date),
    ("CompleteTime", Kind::Date),
];

/// The tables, in the order in which their RPCs are sent.
pub(super) const TABLES: [Table; 5] = [
    Table {
        name: "Downloads",
        action: "Download",
        inputs: &[
            ("FileType", Kind::Text),
            ("FileName", Kind::Text),
            ("TargetFileName", Kind::Text),
        ],
        results: DOWNLOADED,
    },
    Table {
        name: "Uploads",
        action: "Upload",
        inputs: &[("FileType", Kind::Text), ("FileName", Kind::Text)],
        results: &[
            ("LastFileType", Kind::Text),
            ("LastFileName", Kind::Text),
            ("StartTime", Kind::Date),
            ("CompleteTime", Kind::Date),
        ],
    },
    Table {
        name: "ScheduledDownloads",
        action: "Schedule",
        inputs: &[
            ("FileType", Kind::Text),
            ("FileName", Kind::Text),
            ("TargetFileName", Kind::Text),
            ("WindowStart", Kind::Count),
            ("WindowEnd", Kind::Count),
            ("WindowMode", Kind::Text),
            ("UserMessage", Kind::Text),
            ("MaxRetries", Kind::Number(-1)),
            ("WindowStart2", Kind::Count),
            ("WindowEnd2", Kind::Count),
            ("WindowMode2", Kind::Text),
            ("UserMessage2", Kind::Text),
            ("MaxRetries2", Kind::Number(-1)),
        ],
        results: DOWNLOADED,
    },
    Table {
        name: "SoftwareOperations",
        action: "Change",
        inputs: &[
            ("Operation", Kind::Text),
            ("URL", Kind::Text),
            ("FileName", Kind::Text),
            ("UUID", Kind::Text),
            ("Version", Kind::Text),
            ("ExecutionEnvRef", Kind::Text),
        ],
        results: &[
            ("LastOperation", Kind::Text),
            ("LastUUID", Kind::Text),
            ("LastVersion", Kind::Text),
            ("LastState", Kind::Text),
            ("LastDeploymentUnitRef", Kind::Text),
            ("LastExecutionUnitRefList", Kind::Text),
            ("StartTime", Kind::Date),
            ("CompleteTime", Kind::Date),
        ],
    },
    Table {
        name: "ScheduledInforms",
        action: "Schedule",
        inputs: &[("DelaySeconds", Kind::Count)],
        results: &[("LastDelaySeconds", Kind::Count)],
    },
];

impl Kind {
    fn first_value(self) -> TypedValue {
        let (scalar, value_type) = match self {
            Self::Text => (Scalar::Text("".into()), "xsd:string"),
            Self::Date => (Scalar::Number(0.0), "xsd:dateTime"),
            Self::Count => (Scalar::Number(0.0), "xsd:unsignedInt"),
            Self::Number(first) => (Scalar::Number(f64::from(first)), "xsd:int"),
        };
        TypedValue { scalar, value_type: value_type.into() }
    }
}

impl Table {
    /// Whether scripts can set a column, which an alias may then name.
    pub(super) fn has_input(&self, column: &Pattern) -> bool {
        let column = column.to_string();
        self.inputs.iter().any(|(name, _)| *name == column) || self.action == column
    }

    /// The columns of a new row, in their order: name, whether scripts can set it, and value.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&'static str, bool, TypedValue)> {
        let action = (self.action, true, Kind::Date.first_value());
        let inputs = self.inputs.iter().map(|(name, kind)| (*name, true, kind.first_value()));
        let results = self.results.iter().map(|(name, kind)| (*name, false, kind.first_value()));
        inputs.chain([action]).chain(results)
    }
}

/// The table that a path is, or lies in.
pub(super) fn table_of(path: &[Name]) -> Option<&'static Table> {
    let root = path.first()?;
    TABLES.iter().find(|table| table.name == root.as_str())
}

/// Whether a path is the column of a row that says when to act.
pub(super) fn is_action(path: &[Name]) -> bool {
    let last = path.last().map_or("", Name::as_str);
    path.len() == 3 && table_of(path).is_some_and(|table| table.action == last)
}

/// What a row says is to be sent.
///
/// # Errors
/// [`Reason::Incomplete`] if the row does not say enough for a request.
pub(super) fn request(tree: &Tree, row: &[Name]) -> Result<Request, Reason> {
    let Some((table, number)) = table_of(row).zip(row.get(1)) else {
        return Err(Reason::NoSuchPath);
    };
    let row = Row { tree, path: row };
    let instance = number.as_str().to_owned();
    let request = match table.name {
        "Downloads" => Some(Request::Download {
            instance,
            file_type: row.text("FileType"),
            file_name: row.text("FileName"),
            target_file_name: row.text("TargetFileName"),
        }),
        "Uploads" => row.upload(instance),
        "ScheduledDownloads" => row.scheduled_download(instance),
        "SoftwareOperations" => row.software_operation(instance),
        _ => row
            .count("DelaySeconds")
            .filter(|delay| *delay > 0)
            .map(|delay_seconds| Request::ScheduleInform { instance, delay_seconds }),
    };
    request.ok_or(Reason::Incomplete)
}

struct Row<'t> {
    tree: &'t Tree,
    path: &'t [Name],
}

impl Row<'_> {
    fn value(&self, column: &str) -> Option<&Scalar> {
        let mut path = self.path.to_vec();
        path.push(Name::from(column));
        let value = self.tree.attributes(&path)?.value.as_ref()?;
        Some(&value.value.scalar)
    }

    fn text(&self, column: &str) -> String {
        match self.value(column) {
            Some(Scalar::Text(text)) => text.to_string(),
            _ => String::new(),
        }
    }

    fn count(&self, column: &str) -> Option<u32> {
        let Some(Scalar::Number(number)) = self.value(column) else { return None };
        let is_count = (0.0..=f64::from(u32::MAX)).contains(number);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "is checked")]
        is_count.then_some(*number as u32)
    }

    fn upload(&self, instance: String) -> Option<Request> {
        let (file_type, file_name) = (self.text("FileType"), self.text("FileName"));
        (!file_type.is_empty()).then_some(Request::Upload { instance, file_type, file_name })
    }

    fn scheduled_download(&self, instance: String) -> Option<Request> {
        let file_type = self.text("FileType");
        let first = self.window("")?;
        let mut windows = vec![first];
        // The second window is left out where it has no end.
        if self.count("WindowEnd2") != Some(0) {
            let second = self.window("2")?;
            let is_after = windows.iter().all(|first| first.end_seconds <= second.start_seconds);
            if !is_after {
                return None;
            }
            windows.push(second);
        }
        (!file_type.is_empty()).then(|| Request::ScheduleDownload {
            instance,
            file_type,
            file_name: self.text("FileName"),
            target_file_name: self.text("TargetFileName"),
            windows,
        })
    }

    /// A time window (`SDL-02`), by the end of the names of its columns.
    fn window(&self, end: &str) -> Option<TimeWindow> {
        let start_seconds = self.count(&format!("WindowStart{end}"))?;
        let end_seconds = self.count(&format!("WindowEnd{end}"))?;
        let retries = self.value(&format!("MaxRetries{end}"));
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        let max_retries = match retries {
            Some(Scalar::Number(number)) if *number >= -1.0 => *number as i32,
            _ => return None,
        };
        let mode = self.text(&format!("WindowMode{end}"));
        let mode = if mode.is_empty() { "1 At Any Time".to_owned() } else { mode };
        (start_seconds < end_seconds).then(|| TimeWindow {
            start_seconds,
            end_seconds,
            mode,
            user_message: self.text(&format!("UserMessage{end}")),
            max_retries,
        })
    }

    fn software_operation(&self, instance: String) -> Option<Request> {
        let url = self.text("URL");
        let file_name = self.text("FileName");
        let uuid = self.text("UUID");
        let version = self.text("Version");
        let execution_env_ref = self.text("ExecutionEnvRef");
        let operation = match self.text("Operation").as_str() {
            "Install" if !url.is_empty() || !file_name.is_empty() => {
                SoftwareOperation::Install { url, file_name, uuid, execution_env_ref }
            }
            "Update" => SoftwareOperation::Update { url, file_name, uuid, version },
            "Uninstall" if !uuid.is_empty() => {
                SoftwareOperation::Uninstall { uuid, version, execution_env_ref }
            }
            _ => return None,
        };
        Some(Request::ChangeDUState { instance, operation })
    }
}

/// Creates a row with these values.
pub(super) fn create(
    tree: &mut Tree,
    table: &Table,
    keys: &std::collections::BTreeMap<Pattern, Box<str>>,
    time: i64,
) {
    let root = [Name::from(table.name)];
    let numbers = tree.children(&root).filter_map(|name| name.as_str().parse::<u32>().ok());
    let number = numbers.max().unwrap_or_default().saturating_add(1).to_string();
    let row: Path = vec![Name::from(table.name), Name::from(number.as_str())];
    tree.change(&row, time, |attributes| {
        attributes.object = Some(Timed { time, value: true });
        attributes.writable = Some(Timed { time, value: true });
    });
    for (name, is_writable, mut value) in table.columns() {
        let key = keys.iter().find(|(key, _)| key.to_string() == name);
        if let Some((_, wanted)) = key.filter(|_| is_writable) {
            value.scalar = super::coerce(&Scalar::Text(wanted.clone()), &value.value_type);
        }
        let mut path = row.clone();
        path.push(Name::from(name));
        tree.change(&path, time, |attributes| *attributes = kept(time, is_writable, value));
    }
}

/// What is known of a parameter that the server keeps.
pub(super) fn kept(time: i64, is_writable: bool, value: TypedValue) -> Attributes {
    Attributes {
        object: Some(Timed { time, value: false }),
        writable: Some(Timed { time, value: is_writable }),
        value: Some(Timed { time, value }),
        ..Attributes::default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "times are far below 2^53")]
pub(super) fn date(milliseconds: i64) -> TypedValue {
    TypedValue { scalar: Scalar::Number(milliseconds as f64), value_type: "xsd:dateTime".into() }
}

pub(super) fn text(text: &str) -> TypedValue {
    TypedValue { scalar: Scalar::Text(text.into()), value_type: "xsd:string".into() }
}
