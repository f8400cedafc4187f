//! The messages that scripts are made of.

use arbitrary::Arbitrary;
use drover_cwmp::message::*;
use drover_cwmp::{CwmpNamespace, Envelope, Fault, FaultCode, Message, Value};

/// A request as an ACS might send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum AcsRequest {
    Methods,
    Get,
    Set,
    Add,
    Reboot,
    Reset,
    Download,
    /// From version 1.2 on.
    ChangeDu,
}

impl AcsRequest {
    pub(crate) fn message(self) -> Message {
        match self {
            Self::Methods => GetRpcMethods {}.into(),
            Self::Get => GetParameterValues { parameter_names: vec!["Device.".into()] }.into(),
            Self::Set => {
                let value = Value::string("<&>\u{e9}");
                let parameter = ParameterValueStruct { name: "Device.A".into(), value };
                SetParameterValues { parameter_list: vec![parameter], parameter_key: "k".into() }
                    .into()
            }
            Self::Add => {
                AddObject { object_name: "Device.B.".into(), parameter_key: String::new() }.into()
            }
            Self::Reboot => Reboot { command_key: "r".into() }.into(),
            Self::Reset => FactoryReset {}.into(),
            Self::Download => {
                Download { url: "http://files.example/f".into(), ..Download::default() }.into()
            }
            Self::ChangeDu => ChangeDuState::default().into(),
        }
    }
}

/// A request as a CPE might send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(crate) enum CpeRequest {
    Methods,
    Transfer,
    Kicked,
    RequestDownload,
    /// From version 1.1 on.
    Autonomous,
    /// From version 1.2 on.
    DuStateChange,
}

impl CpeRequest {
    pub(crate) fn message(self) -> Message {
        match self {
            Self::Methods => GetRpcMethods {}.into(),
            Self::Transfer => {
                TransferComplete { command_key: "t".into(), ..TransferComplete::default() }.into()
            }
            Self::Kicked => Kicked::default().into(),
            Self::RequestDownload => RequestDownload::default().into(),
            Self::Autonomous => AutonomousTransferComplete::default().into(),
            Self::DuStateChange => DuStateChangeComplete::default().into(),
        }
    }
}

/// What belongs into no session.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) enum Odd {
    /// An RPC that nobody knows.
    Unknown,
    /// A request with arguments that cannot be read.
    Unreadable,
    /// A request that only the other side may send.
    FromAcs(AcsRequest),
    /// A request that only the other side may send.
    FromCpe(CpeRequest),
    /// A response out of the blue.
    Response,
    /// A response whose members cannot be read.
    UnreadableResponse,
    /// An InformResponse out of the blue.
    InformResponse,
    /// A second Inform.
    Inform,
}

impl Odd {
    pub(crate) fn message(&self) -> Message {
        match self {
            Self::Unknown => Message::Unknown(UnknownRpc { name: "X_00D09E_Frob".into() }),
            Self::Unreadable => unreadable("AddObject"),
            Self::FromAcs(request) => request.message(),
            Self::FromCpe(request) => request.message(),
            Self::Response => RebootResponse {}.into(),
            Self::UnreadableResponse => unreadable("AddObjectResponse"),
            Self::InformResponse => InformResponse { max_envelopes: 1 }.into(),
            Self::Inform => inform().into(),
        }
    }
}

/// A message of which only the empty element travels.
fn unreadable(name: &'static str) -> Message {
    let problem = "is missing".into();
    let violation = drover_cwmp::Violation { member: "ObjectName", problem };
    Message::Invalid(InvalidArguments { name, kind: Kind::Request(Recipient::Both), violation })
}

/// The Inform of every session.
pub(crate) fn inform() -> Inform {
    let device_id = DeviceIdStruct {
        manufacturer: "Example".into(),
        oui: "00D09E".into(),
        product_class: "Test".into(),
        serial_number: "0001".into(),
    };
    Inform { device_id, max_envelopes: 1, ..Inform::default() }
}

/// The response to any request of this module, a fault to any other.
pub(crate) fn response_to(request: &Message) -> Message {
    match request {
        Message::GetRpcMethods(_) => GetRpcMethodsResponse::default().into(),
        Message::GetParameterValues(_) => GetParameterValuesResponse::default().into(),
        Message::SetParameterValues(_) => SetParameterValuesResponse::default().into(),
        Message::AddObject(_) => AddObjectResponse::default().into(),
        Message::Reboot(_) => RebootResponse {}.into(),
        Message::FactoryReset(_) => FactoryResetResponse {}.into(),
        Message::Download(_) => DownloadResponse::default().into(),
        Message::ChangeDuState(_) => ChangeDuStateResponse {}.into(),
        Message::TransferComplete(_) => TransferCompleteResponse {}.into(),
        Message::Kicked(_) => KickedResponse::default().into(),
        Message::RequestDownload(_) => RequestDownloadResponse {}.into(),
        Message::AutonomousTransferComplete(_) => AutonomousTransferCompleteResponse {}.into(),
        Message::DuStateChangeComplete(_) => DuStateChangeCompleteResponse {}.into(),
        Message::Inform(_) => InformResponse { max_envelopes: 1 }.into(),
        _ => Fault::new(FaultCode::REQUEST_DENIED).into(),
    }
}

/// The bytes of an envelope.
pub(crate) fn written(
    id: Option<String>,
    hold: Option<bool>,
    message: impl Into<Message>,
) -> Vec<u8> {
    let mut envelope = Envelope::new(CwmpNamespace::V1_2, id, message);
    envelope.header.hold_requests = hold;
    envelope.to_xml().into_bytes()
}
