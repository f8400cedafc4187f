//! The trace of a session.

use drover_provision::engine::{Nothing, Reason};
use drover_provision::trace::{Entry, IdlePreset, IdleReason, Trace, What};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Result, Unreadable, from_json, time, to_json};
use crate::limits::{TRACE_BYTES_MAX, TRACE_LENGTH_MAX};

/// A trace in the form in which it is kept.
#[derive(Debug)]
pub(crate) struct PackedTrace {
    /// Bytes before compression.
    pub(crate) length: usize,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TraceRow {
    began: i64,
    ended: i64,
    events: Vec<String>,
    outcome: String,
    /// Time, kind, text.
    entries: Vec<(i64, u8, String)>,
    left_out: u32,
    /// Path, reason.
    nothing: Vec<(String, String)>,
    /// Preset, reason. Older rows have none.
    #[serde(default)]
    idle: Vec<(String, String)>,
}

/// Packs a trace. Entries at its end that do not fit into [`TRACE_BYTES_MAX`] are left out.
pub(crate) fn pack_trace(trace: &Trace) -> PackedTrace {
    let mut room = TRACE_BYTES_MAX;
    let mut fits = |text: &str| {
        let rest = room.checked_sub(text.len().saturating_add(ENTRY_BYTES));
        room = rest.unwrap_or_default();
        rest.is_some()
    };
    let events = trace.events.iter().take_while(|event| fits(event)).cloned().collect();
    let nothing = trace.nothing.iter().take_while(|nothing| fits(&nothing.path));
    let nothing = nothing.map(|it| (it.path.clone(), reason(it.reason))).collect();
    let idle = trace.idle.iter().take_while(|idle| fits(&idle.name));
    let idle = idle.map(|it| (it.name.clone(), idle_reason(&it.reason))).collect();
    let entries: Vec<_> = trace
        .entries
        .iter()
        .take_while(|entry| fits(entry.what.text()))
        .map(|entry| (entry.time.as_microsecond(), kind(&entry.what), entry.what.text().to_owned()))
        .collect();
    let left_out = u32::try_from(trace.entries.len() - entries.len()).unwrap_or(u32::MAX);
    let json = to_json(&TraceRow {
        began: trace.began.as_microsecond(),
        ended: trace.ended.as_microsecond(),
        events,
        outcome: trace.outcome.clone(),
        entries,
        left_out: trace.left_out.saturating_add(left_out),
        nothing,
        idle,
    });
    let bytes = zstd::bulk::compress(json.as_bytes(), COMPRESSION_LEVEL);
    let bytes = bytes.expect("zstd takes any bytes, and has room for what it makes");
    PackedTrace { length: json.len(), bytes }
}

/// Bytes that an entry has beside its text.
const ENTRY_BYTES: usize = 64;

/// The fastest; higher levels make traces hardly smaller.
const COMPRESSION_LEVEL: i32 = 1;

pub(crate) fn unpack_trace(length: usize, bytes: &[u8]) -> Result<Trace> {
    let broken = Unreadable("trace of a session");
    if length > TRACE_LENGTH_MAX {
        return Err(broken);
    }
    let json = zstd::bulk::decompress(bytes, length).map_err(|_| broken)?;
    let json = String::from_utf8(json).map_err(|_| broken)?;
    let row: TraceRow = from_json(&json, "trace of a session")?;
    let entries = row.entries.into_iter().map(|(at, kind, text)| {
        Ok(Entry { time: time(at)?, what: what(kind, text).ok_or(broken)? })
    });
    Ok(Trace {
        began: time(row.began)?,
        ended: time(row.ended)?,
        events: row.events,
        outcome: row.outcome,
        entries: entries.collect::<Result<_>>()?,
        left_out: row.left_out,
        nothing: nothing(row.nothing)?,
        idle: idle(row.idle)?,
    })
}

const fn kind(what: &What) -> u8 {
    match what {
        What::Received(_) => 0,
        What::Sent(_) => 1,
        What::Decided(_) => 2,
        What::Logged(_) => 3,
        What::Failed(_) => 4,
    }
}

fn what(kind: u8, text: String) -> Option<What> {
    Some(match kind {
        0 => What::Received(text),
        1 => What::Sent(text),
        2 => What::Decided(text),
        3 => What::Logged(text),
        4 => What::Failed(text),
        _ => return None,
    })
}

fn reason(reason: Reason) -> String {
    let code = match reason {
        Reason::NoSuchPath => "noSuchPath",
        Reason::NotWritable => "notWritable",
        Reason::Equal => "equal",
        Reason::EqualToSet => "equalToSet",
        Reason::NoType => "noType",
        Reason::Refused(code) => return format!("{REFUSED}{code}"),
        Reason::Waits => "waits",
        Reason::InTheFuture => "inTheFuture",
        Reason::Incomplete => "incomplete",
        Reason::TableFull => "tableFull",
        Reason::NumberIsTheDevices => "numberIsTheDevices",
    };
    code.to_owned()
}

/// Stands before the fault code.
const REFUSED: &str = "refused ";

fn reason_of(code: &str) -> Option<Reason> {
    if let Some(fault) = code.strip_prefix(REFUSED) {
        return fault.parse().ok().map(Reason::Refused);
    }
    Some(match code {
        "noSuchPath" => Reason::NoSuchPath,
        "notWritable" => Reason::NotWritable,
        "equal" => Reason::Equal,
        "equalToSet" => Reason::EqualToSet,
        "noType" => Reason::NoType,
        "waits" => Reason::Waits,
        "inTheFuture" => Reason::InTheFuture,
        "incomplete" => Reason::Incomplete,
        "tableFull" => Reason::TableFull,
        "numberIsTheDevices" => Reason::NumberIsTheDevices,
        _ => return None,
    })
}

fn nothing(rows: Vec<(String, String)>) -> Result<Vec<Nothing>> {
    let read = |(path, code): (String, String)| {
        let reason = reason_of(&code).ok_or(Unreadable("reason in a trace"))?;
        Ok(Nothing { path, reason })
    };
    rows.into_iter().map(read).collect()
}

/// Stands before the time and the code of the fault.
const BLOCKED: &str = "blocked ";

fn idle_reason(reason: &IdleReason) -> String {
    let code = match reason {
        IdleReason::Events => "events",
        IdleReason::Schedule => "schedule",
        IdleReason::Precondition => "precondition",
        IdleReason::Unknown => "unknown",
        IdleReason::Blocked { code, until } => {
            return format!("{BLOCKED}{} {code}", until.as_microsecond());
        }
    };
    code.to_owned()
}

fn idle_reason_of(text: &str) -> Option<IdleReason> {
    if let Some((until, code)) = text.strip_prefix(BLOCKED).and_then(|text| text.split_once(' ')) {
        let until = Timestamp::from_microsecond(until.parse().ok()?).ok()?;
        return Some(IdleReason::Blocked { code: code.to_owned(), until });
    }
    Some(match text {
        "events" => IdleReason::Events,
        "schedule" => IdleReason::Schedule,
        "precondition" => IdleReason::Precondition,
        "unknown" => IdleReason::Unknown,
        _ => return None,
    })
}

fn idle(rows: Vec<(String, String)>) -> Result<Vec<IdlePreset>> {
    let read = |(name, text): (String, String)| {
        let reason = idle_reason_of(&text).ok_or(Unreadable("preset in a trace"))?;
        Ok(IdlePreset { name, reason })
    };
    rows.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(entries: Vec<What>) -> Trace {
        let at = Timestamp::UNIX_EPOCH;
        Trace {
            began: at,
            ended: at,
            events: vec!["2 PERIODIC".to_owned()],
            outcome: "complete".to_owned(),
            entries: entries.into_iter().map(|what| Entry { time: at, what }).collect(),
            left_out: 3,
            nothing: Vec::new(),
            idle: Vec::new(),
        }
    }

    fn packed_again(trace: &Trace) -> Trace {
        let packed = pack_trace(trace);
        unpack_trace(packed.length, &packed.bytes).unwrap()
    }

    #[test]
    fn every_reason_is_read_back() {
        let reasons = [
            Reason::NoSuchPath,
            Reason::NotWritable,
            Reason::Equal,
            Reason::EqualToSet,
            Reason::NoType,
            Reason::Refused(9007),
            Reason::Waits,
            Reason::InTheFuture,
            Reason::Incomplete,
            Reason::TableFull,
            Reason::NumberIsTheDevices,
        ];
        let nothing = reasons.map(|reason| Nothing { path: "Device.X".to_owned(), reason });
        let code = "cwmp.9002 of a task".to_owned();
        let idle = [
            IdleReason::Events,
            IdleReason::Schedule,
            IdleReason::Precondition,
            IdleReason::Unknown,
            IdleReason::Blocked { code, until: Timestamp::UNIX_EPOCH },
        ];
        let idle = idle.map(|reason| IdlePreset { name: "p".to_owned(), reason }).to_vec();
        let trace = Trace { nothing: nothing.to_vec(), idle, ..trace(Vec::new()) };
        assert_eq!(packed_again(&trace), trace);
    }

    #[test]
    fn older_traces_have_no_presets() {
        let json = to_json(&serde_json::json!({"began": 0, "ended": 0, "events": [],
            "outcome": "complete", "entries": [], "leftOut": 0, "nothing": []}));
        let bytes = zstd::bulk::compress(json.as_bytes(), COMPRESSION_LEVEL).unwrap();
        assert_eq!(unpack_trace(json.len(), &bytes).unwrap().idle, []);
    }

    #[test]
    fn a_trace_has_a_limit() {
        let half = "\u{1}".repeat(TRACE_BYTES_MAX / 2 - 2 * ENTRY_BYTES);
        let (sent, logged) = (What::Sent(half), What::Logged("x".to_owned()));
        let full = trace(vec![sent.clone(), sent.clone()]);
        assert_eq!(packed_again(&full), full);
        let packed = packed_again(&trace(vec![sent.clone(), sent, logged.clone(), logged]));
        assert_eq!((packed.entries.len(), packed.left_out), (2, 5));
    }

    #[test]
    fn what_is_no_trace_is_an_error() {
        let packed = pack_trace(&trace(Vec::new()));
        assert!(unpack_trace(packed.length - 1, &packed.bytes).is_err());
        assert!(unpack_trace(packed.length, b"x").is_err());
        assert!(unpack_trace(usize::MAX, &packed.bytes).is_err());
    }
}
