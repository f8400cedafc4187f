//! What happened in a session, for people who want to know why.

use drover_cwmp::{Envelope, Message};
use jiff::{SignedDuration, Timestamp};

use crate::engine::Nothing;

/// A session with all that was said, decided and logged in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// When its Inform came.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Its events.
    pub events: Vec<String>,
    /// How it ended, in words; `complete` when both sides had nothing more.
    pub outcome: String,
    /// What happened, in its order.
    pub entries: Vec<Entry>,
    /// Entries that did not fit.
    pub left_out: u32,
    /// Declarations that changed nothing, and why.
    pub nothing: Vec<Nothing>,
    /// Presets whose declarations were not even looked at, and why.
    pub idle: Vec<IdlePreset>,
}

/// A preset whose provisions did not run in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdlePreset {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: IdleReason,
}

/// Why the provisions of a preset did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdleReason {
    /// Events that it wants were not there, or such that it does not want.
    #[error("its events are not those of the session")]
    Events,
    /// The session did not begin at one of its times.
    #[error("its schedule was not due")]
    Schedule,
    /// Its precondition does not hold.
    #[error("its precondition is false")]
    Precondition,
    /// Whether its precondition holds is not known, as for a parameter that the device lacks.
    #[error("its precondition is NULL: something that it names is not known")]
    Unknown,
    /// Its channel is blocked by a fault.
    #[error("its channel is blocked until {until:.0} ({code})")]
    Blocked {
        /// The code of the fault.
        code: String,
        /// When it is tried again.
        until: Timestamp,
    },
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub time: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The device sent this envelope. Values of secrets are masked.
    Received(String),
    /// The server sent this envelope. Values of secrets are masked.
    Sent(String),
    /// The server decided something: which presets hold, which channel is blocked, what a task
    /// became.
    Decided(String),
    /// A script logged this line.
    Logged(String),
    /// Something failed.
    Failed(String),
}

impl What {
    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Received(_) => "received",
            Self::Sent(_) => "sent",
            Self::Decided(_) => "decided",
            Self::Logged(_) => "logged",
            Self::Failed(_) => "failed",
        }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        match self {
            Self::Received(text)
            | Self::Sent(text)
            | Self::Decided(text)
            | Self::Logged(text)
            | Self::Failed(text) => text,
        }
    }
}

/// One call of a session: by the server, or by the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rpc {
    /// The number of the entry that is its request, from 0 on.
    pub entry: usize,
    /// Its name, such as `GetParameterValues`.
    pub name: String,
    /// How long its answer took; `None` when there was none, or when the clock went back.
    pub duration: Option<SignedDuration>,
}

impl What {
    /// The message, when it is one that can be read.
    pub fn message(&self) -> Option<Message> {
        let (Self::Received(xml) | Self::Sent(xml)) = self else { return None };
        Some(Envelope::parse(xml.as_bytes()).ok()?.envelope.message)
    }
}

impl Trace {
    /// The calls of the session, in their order. A request is answered by the next message of the
    /// other side: neither may have two under way (`SES-09`).
    pub fn rpcs(&self) -> Vec<Rpc> {
        let messages: Vec<_> = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(number, entry)| {
                let is_sent = matches!(entry.what, What::Sent(_));
                Some((number, entry.time, is_sent, entry.what.message()?))
            })
            .collect();
        let requests = messages.iter().enumerate().filter(|(_, (.., it))| !it.is_answer());
        requests
            .map(|(index, (entry, time, is_sent, message))| {
                let mut later = messages.iter().skip(index.saturating_add(1));
                let answer = later.find(|(_, _, is_answer_sent, _)| is_answer_sent != is_sent);
                let duration = answer.map(|(_, answered, ..)| answered.duration_since(*time));
                let duration = duration.filter(|duration| !duration.is_negative());
                Rpc { entry: *entry, name: message.to_string(), duration }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(body: &str) -> String {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:cwmp=\"urn:dslforum-org:cwmp-1-0\"><s:Header><cwmp:ID s:mustUnderstand=\"1\">1\
             </cwmp:ID></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
    }

    fn trace(entries: Vec<(i64, What)>) -> Trace {
        let time = |millisecond| Timestamp::from_millisecond(millisecond).expect("a time");
        let entry = |(millisecond, what)| Entry { time: time(millisecond), what };
        Trace {
            began: time(0),
            ended: time(99),
            events: Vec::new(),
            outcome: "complete".to_owned(),
            entries: entries.into_iter().map(entry).collect(),
            left_out: 0,
            nothing: Vec::new(),
            idle: Vec::new(),
        }
    }

    #[test]
    fn calls_are_told_with_the_time_of_their_answers() {
        let received = |body: &str| What::Received(xml(body));
        let sent = |body: &str| What::Sent(xml(body));
        let fault = "<s:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring>\
             <detail><cwmp:Fault><FaultCode>9002</FaultCode><FaultString>no</FaultString>\
             </cwmp:Fault></detail></s:Fault>";
        let trace = trace(vec![
            (10, received("<cwmp:GetRPCMethods/>")),
            (11, What::Decided("a preset holds".to_owned())),
            (13, sent("<cwmp:GetRPCMethodsResponse><MethodList/></cwmp:GetRPCMethodsResponse>")),
            (20, sent("<cwmp:GetRPCMethods/>")),
            (25, received(fault)),
            (30, sent("<cwmp:FactoryReset/>")),
            (29, received("<cwmp:FactoryResetResponse/>")),
            (40, received("no envelope")),
            (41, sent("<cwmp:FactoryReset/>")),
        ]);
        let milliseconds = |milliseconds| Some(SignedDuration::from_millis(milliseconds));
        let rpc = |entry, name: &str, duration| Rpc { entry, name: name.to_owned(), duration };
        let expected = [
            rpc(0, "GetRPCMethods", milliseconds(3)),
            rpc(3, "GetRPCMethods", milliseconds(5)),
            rpc(5, "FactoryReset", None),
            rpc(8, "FactoryReset", None),
        ];
        assert_eq!(trace.rpcs(), expected);
    }
}
