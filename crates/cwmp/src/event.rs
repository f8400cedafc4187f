//! Events of an Inform, and the CPE's store of those not yet delivered (TR-069a6 §3.7.1.5).

mod store;

use std::fmt;

pub use store::{Added, EventStore};

use crate::limits::EVENT_CODE_CHARS_MAX;

/// Why a session was started (table of section 13).
///
/// The variants with text hold the whole code, such as `X 00D09E Overheated`; build them with
/// [`parse`](Self::parse), so that writing and reading agree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventCode {
    /// `0 BOOTSTRAP`: first contact with this ACS.
    Bootstrap,
    /// `1 BOOT`: power-up or reset.
    Boot,
    /// `2 PERIODIC`.
    Periodic,
    /// `3 SCHEDULED`, with [`Self::MScheduleInform`].
    Scheduled,
    /// `4 VALUE CHANGE`.
    ValueChange,
    /// `5 KICKED`, deprecated.
    Kicked,
    /// `6 CONNECTION REQUEST`.
    ConnectionRequest,
    /// `7 TRANSFER COMPLETE`, with the `M` events of the transfers.
    TransferComplete,
    /// `8 DIAGNOSTICS COMPLETE`.
    DiagnosticsComplete,
    /// `9 REQUEST DOWNLOAD`.
    RequestDownload,
    /// `10 AUTONOMOUS TRANSFER COMPLETE`.
    AutonomousTransferComplete,
    /// `11 DU STATE CHANGE COMPLETE`, with [`Self::MChangeDuState`].
    DuStateChangeComplete,
    /// `12 AUTONOMOUS DU STATE CHANGE COMPLETE`.
    AutonomousDuStateChangeComplete,
    /// `13 WAKEUP`.
    Wakeup,
    /// `14 HEARTBEAT`, alone in its Inform (`HBT-02`).
    Heartbeat,
    /// `M Reboot`.
    MReboot,
    /// `M ScheduleInform`.
    MScheduleInform,
    /// `M Download`.
    MDownload,
    /// `M ScheduleDownload`.
    MScheduleDownload,
    /// `M Upload`.
    MUpload,
    /// `M ChangeDUState`.
    MChangeDuState,
    /// `M X_<VENDOR>_<method>`: the end of a vendor's RPC.
    MVendor(String),
    /// `X <VENDOR> <event>`.
    Vendor(String),
    /// A code that is none of these, to be ignored (`EVT-06`).
    Unknown(String),
}

/// Which response takes an event off the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveredBy {
    /// InformResponse.
    InformResponse,
    /// TransferCompleteResponse.
    TransferCompleteResponse,
    /// KickedResponse.
    KickedResponse,
    /// RequestDownloadResponse.
    RequestDownloadResponse,
    /// AutonomousTransferCompleteResponse.
    AutonomousTransferCompleteResponse,
    /// DUStateChangeCompleteResponse.
    DuStateChangeCompleteResponse,
    /// AutonomousDUStateChangeCompleteResponse.
    AutonomousDuStateChangeCompleteResponse,
    /// What the vendor says. The store takes InformResponse, the one answer every session has.
    Vendor,
}

/// How long an undelivered event is tried again (`EVT-05`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventRetry {
    /// Until it is delivered, over reboots too.
    Keep,
    /// Until the next reboot.
    Boot,
    /// As the CPE likes. The store takes until the next reboot.
    May,
    /// Not at all.
    No,
    /// What the vendor says. The store takes until it is delivered.
    Vendor,
}

/// One row of the table of section 13.
struct Row {
    code: EventCode,
    text: &'static str,
    delivered_by: DeliveredBy,
    retry: EventRetry,
}

const fn row(
    code: EventCode,
    text: &'static str,
    delivered_by: DeliveredBy,
    retry: EventRetry,
) -> Row {
    Row { code, text, delivered_by, retry }
}

/// The numbered events in the order of their numbers, then the `M` events.
static ROWS: [Row; 21] = {
    use DeliveredBy::{
        AutonomousDuStateChangeCompleteResponse as AutonomousDuResponse,
        AutonomousTransferCompleteResponse as AutonomousTransferResponse,
        DuStateChangeCompleteResponse as DuResponse, InformResponse, KickedResponse,
        RequestDownloadResponse, TransferCompleteResponse as TransferResponse,
    };
    use EventCode as Code;
    use EventRetry::{Boot, Keep, May, No};
    [
        row(Code::Bootstrap, "0 BOOTSTRAP", InformResponse, Keep),
        row(Code::Boot, "1 BOOT", InformResponse, Boot),
        row(Code::Periodic, "2 PERIODIC", InformResponse, Keep),
        row(Code::Scheduled, "3 SCHEDULED", InformResponse, Keep),
        row(Code::ValueChange, "4 VALUE CHANGE", InformResponse, Boot),
        row(Code::Kicked, "5 KICKED", KickedResponse, May),
        row(Code::ConnectionRequest, "6 CONNECTION REQUEST", InformResponse, No),
        row(Code::TransferComplete, "7 TRANSFER COMPLETE", TransferResponse, Keep),
        row(Code::DiagnosticsComplete, "8 DIAGNOSTICS COMPLETE", InformResponse, Boot),
        row(Code::RequestDownload, "9 REQUEST DOWNLOAD", RequestDownloadResponse, May),
        row(
            Code::AutonomousTransferComplete,
            "10 AUTONOMOUS TRANSFER COMPLETE",
            AutonomousTransferResponse,
            Keep,
        ),
        row(Code::DuStateChangeComplete, "11 DU STATE CHANGE COMPLETE", DuResponse, Keep),
        row(
            Code::AutonomousDuStateChangeComplete,
            "12 AUTONOMOUS DU STATE CHANGE COMPLETE",
            AutonomousDuResponse,
            Keep,
        ),
        row(Code::Wakeup, "13 WAKEUP", InformResponse, Boot),
        row(Code::Heartbeat, "14 HEARTBEAT", InformResponse, No),
        row(Code::MReboot, "M Reboot", InformResponse, Keep),
        row(Code::MScheduleInform, "M ScheduleInform", InformResponse, Keep),
        row(Code::MDownload, "M Download", TransferResponse, Keep),
        row(Code::MScheduleDownload, "M ScheduleDownload", TransferResponse, Keep),
        row(Code::MUpload, "M Upload", TransferResponse, Keep),
        row(Code::MChangeDuState, "M ChangeDUState", DuResponse, Keep),
    ]
};

impl EventCode {
    /// The codes of the standard: the numbered events, then the `M` events.
    pub fn standard() -> impl Iterator<Item = &'static Self> {
        ROWS.iter().map(|row| &row.code)
    }

    /// Reads a code as devices write it, and says whether it had to be put right.
    ///
    /// A numbered event is known by its number alone; case and white space do not matter
    /// (`LEN-11`). Anything else becomes [`Self::Unknown`], cut to the length of `EVT-01`.
    pub fn parse(text: &str) -> (Self, bool) {
        let words: Vec<&str> = text.split_whitespace().take(EVENT_CODE_CHARS_MAX).collect();
        let cut: String = words.join(" ").chars().take(EVENT_CODE_CHARS_MAX).collect();
        let tidy = cut.trim_end().to_owned();
        let code =
            Self::known(&tidy).or_else(|| Self::vendor(&tidy)).unwrap_or(Self::Unknown(tidy));
        let normalised = code.as_str() != text;
        (code, normalised)
    }

    /// The exact text for the Inform (`EVT-02`).
    pub fn as_str(&self) -> &str {
        match self {
            Self::MVendor(text) | Self::Vendor(text) | Self::Unknown(text) => text,
            code => code.row().map_or("", |row| row.text),
        }
    }

    /// Whether each occurrence has its own entry and CommandKey (`EVT-03`): the `M` events.
    pub fn is_multiple(&self) -> bool {
        self.as_str().starts_with("M ")
    }

    /// The response that delivers it (`EVT-04`).
    pub fn delivered_by(&self) -> DeliveredBy {
        self.row().map_or(DeliveredBy::Vendor, |row| row.delivered_by)
    }

    /// What becomes of it when it cannot be delivered (`EVT-05`).
    pub fn retry(&self) -> EventRetry {
        self.row().map_or(EventRetry::Vendor, |row| row.retry)
    }

    fn row(&self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.code == *self)
    }

    /// Place in the table; events without a row come last.
    fn rank(&self) -> usize {
        ROWS.iter().position(|row| row.code == *self).unwrap_or(ROWS.len())
    }

    fn known(tidy: &str) -> Option<Self> {
        let first = tidy.split(' ').next().unwrap_or_default();
        let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
        let row = if is_number {
            let number: usize = first.parse().ok()?;
            ROWS.get(number).filter(|row| !row.code.is_multiple())
        } else {
            ROWS.iter().find(|row| row.text.eq_ignore_ascii_case(tidy))
        };
        row.map(|row| row.code.clone())
    }

    fn vendor(tidy: &str) -> Option<Self> {
        let (kind, rest) = tidy.split_once(' ')?;
        let is_method = rest.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X_"));
        if kind.eq_ignore_ascii_case("M") && is_method {
            Some(Self::MVendor(format!("M {rest}")))
        } else if kind.eq_ignore_ascii_case("X") {
            Some(Self::Vendor(format!("X {rest}")))
        } else {
            None
        }
    }
}

impl fmt::Display for EventCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One entry of the event list of an Inform.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Event {
    /// What happened.
    pub code: EventCode,
    /// CommandKey of the RPC that caused an `M` event; empty otherwise (`EVT-02`).
    pub command_key: String,
}

impl Event {
    /// An event without CommandKey.
    pub fn new(code: EventCode) -> Self {
        Self { code, command_key: String::new() }
    }

    /// An `M` event with the CommandKey of its RPC.
    pub fn with_key(code: EventCode, command_key: impl Into<String>) -> Self {
        Self { code, command_key: command_key.into() }
    }
}

#[cfg(test)]
mod tests;
