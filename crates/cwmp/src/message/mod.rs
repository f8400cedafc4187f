//! The messages of CWMP: every RPC and response of TR-069a6 §A.3 and §A.4, and the fault.

mod content;
mod fault;
mod macros;
mod members;
mod operations;
mod rpcs;
mod structs;

pub use content::Base64;
pub use operations::{InstallOpStruct, Operation, UninstallOpStruct, UpdateOpStruct};
pub use rpcs::*;
pub use structs::*;

use std::fmt;

use crate::error::{Misuse, Violation};
use crate::fault::Fault;
use crate::version::CwmpVersion;
use crate::xml::{Element, ReadError, XmlReader, XmlWriter};
use content::Content as _;

/// Who may receive a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// The ACS calls, the CPE answers.
    Cpe,
    /// The CPE calls, the ACS answers.
    Acs,
    /// Either side calls (only GetRPCMethods).
    Both,
}

/// What a message is in the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A request to the given side.
    Request(Recipient),
    /// The response to a request of that side.
    Response(Recipient),
    /// A fault, which answers any request (`SOAP-15`).
    Fault,
}

macro_rules! messages {
    ($($request:ident $response:ident $name:literal to $recipient:ident since $since:ident;)*) => {
        /// One message: what the body of an envelope holds.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Message {
            $(
                #[doc = concat!("`cwmp:", $name, "`")]
                $request($request),
                #[doc = concat!("`cwmp:", $name, "Response`")]
                $response($response),
            )*
            /// A SOAP fault with CWMP's detail.
            Fault(Fault),
            /// An RPC whose name we do not know, to be answered with fault 9000 or 8000
            /// (`SOAP-16`).
            Unknown(UnknownRpc),
            /// A known message with arguments that cannot be read, to be answered with fault 9003
            /// or 8003 (`SOAP-16`).
            Invalid(InvalidArguments),
        }

        impl Message {
            /// Name of the element, such as `GetParameterValues`; `Fault` for a fault.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(
                        Self::$request(_) => $name,
                        Self::$response(_) => concat!($name, "Response"),
                    )*
                    Self::Fault(_) => "Fault",
                    Self::Unknown(_) => "an unknown RPC",
                    Self::Invalid(invalid) => invalid.name,
                }
            }

            /// What the message is in the conversation.
            pub const fn kind(&self) -> Kind {
                match self {
                    $(
                        Self::$request(_) => Kind::Request(Recipient::$recipient),
                        Self::$response(_) => Kind::Response(Recipient::$recipient),
                    )*
                    Self::Fault(_) => Kind::Fault,
                    Self::Unknown(_) => Kind::Request(Recipient::Both),
                    Self::Invalid(invalid) => invalid.kind,
                }
            }

            /// The first version that has it (table of section 1).
            pub const fn since(&self) -> CwmpVersion {
                match self {
                    $(Self::$request(_) | Self::$response(_) => CwmpVersion::$since,)*
                    Self::Fault(_) | Self::Unknown(_) | Self::Invalid(_) => CwmpVersion::V1_0,
                }
            }

            /// Whether this is the response to `request`, which faults are to every request.
            pub const fn answers(&self, request: &Self) -> bool {
                match (self, request) {
                    $((Self::$response(_), Self::$request(_)) => true,)*
                    (Self::Fault(_), _) => matches!(request.kind(), Kind::Request(_)),
                    (Self::Invalid(answer), _) => match answer.kind {
                        Kind::Response(_) => answer.answers(request.name()),
                        _ => false,
                    },
                    _ => false,
                }
            }

            /// Reads the open element as the message of its name.
            pub(crate) fn read(
                reader: &mut XmlReader<'_>,
                element: &Element<'_>,
            ) -> Result<Self, ReadError> {
                match element.local() {
                    $(
                        $name => {
                            invalid_or($request::read(reader, element, $name).map(Self::$request),
                                $name, Kind::Request(Recipient::$recipient))
                        }
                        concat!($name, "Response") => {
                            invalid_or($response::read(reader, element, $name).map(Self::$response),
                                concat!($name, "Response"), Kind::Response(Recipient::$recipient))
                        }
                    )*
                    name => {
                        let name = name.chars().take(256).collect();
                        Ok(Self::Unknown(UnknownRpc { name }))
                    }
                }
            }

            /// Writes the body entry.
            pub(crate) fn write(&self, writer: &mut XmlWriter) {
                match self {
                    $(
                        Self::$request(message) => {
                            write_body(writer, concat!("cwmp:", $name),
                                |writer| message.write_members(writer));
                        }
                        Self::$response(message) => {
                            write_body(writer, concat!("cwmp:", $name, "Response"),
                                |writer| message.write_members(writer));
                        }
                    )*
                    Self::Fault(fault) => fault::write(fault, writer),
                    Self::Unknown(UnknownRpc { name }) => {
                        writer.raw("<cwmp:");
                        writer.raw(name);
                        writer.raw("/>");
                    }
                    Self::Invalid(invalid) => {
                        writer.raw("<cwmp:");
                        writer.raw(invalid.name);
                        writer.raw("/>");
                    }
                }
            }

            /// Complains about the first member that breaks a limit of the standard.
            ///
            /// # Errors
            /// [`Misuse::Invalid`] names the member.
            pub fn check(&self) -> Result<(), Misuse> {
                match self {
                    $(
                        Self::$request(message) => message.check($name)?,
                        Self::$response(message) => message.check($name)?,
                    )*
                    Self::Fault(fault) => fault::check(fault)?,
                    Self::Unknown(_) | Self::Invalid(_) => {}
                }
                Ok(())
            }
        }

        $(
            impl From<$request> for Message {
                fn from(message: $request) -> Self {
                    Self::$request(message)
                }
            }

            impl From<$response> for Message {
                fn from(message: $response) -> Self {
                    Self::$response(message)
                }
            }
        )*

        /// Names of all RPCs with the side that answers them and the first version that has them.
        pub const RPCS: &[(&str, Recipient, CwmpVersion)] =
            &[$(($name, Recipient::$recipient, CwmpVersion::$since),)*];
    };
}

messages! {
    GetRpcMethods GetRpcMethodsResponse "GetRPCMethods" to Both since V1_0;
    SetParameterValues SetParameterValuesResponse "SetParameterValues" to Cpe since V1_0;
    GetParameterValues GetParameterValuesResponse "GetParameterValues" to Cpe since V1_0;
    GetParameterNames GetParameterNamesResponse "GetParameterNames" to Cpe since V1_0;
    SetParameterAttributes SetParameterAttributesResponse "SetParameterAttributes"
        to Cpe since V1_0;
    GetParameterAttributes GetParameterAttributesResponse "GetParameterAttributes"
        to Cpe since V1_0;
    AddObject AddObjectResponse "AddObject" to Cpe since V1_0;
    DeleteObject DeleteObjectResponse "DeleteObject" to Cpe since V1_0;
    Reboot RebootResponse "Reboot" to Cpe since V1_0;
    Download DownloadResponse "Download" to Cpe since V1_0;
    GetQueuedTransfers GetQueuedTransfersResponse "GetQueuedTransfers" to Cpe since V1_0;
    ScheduleInform ScheduleInformResponse "ScheduleInform" to Cpe since V1_0;
    SetVouchers SetVouchersResponse "SetVouchers" to Cpe since V1_0;
    GetOptions GetOptionsResponse "GetOptions" to Cpe since V1_0;
    Upload UploadResponse "Upload" to Cpe since V1_0;
    FactoryReset FactoryResetResponse "FactoryReset" to Cpe since V1_0;
    GetAllQueuedTransfers GetAllQueuedTransfersResponse "GetAllQueuedTransfers" to Cpe since V1_1;
    ScheduleDownload ScheduleDownloadResponse "ScheduleDownload" to Cpe since V1_2;
    CancelTransfer CancelTransferResponse "CancelTransfer" to Cpe since V1_2;
    ChangeDuState ChangeDuStateResponse "ChangeDUState" to Cpe since V1_2;
    Inform InformResponse "Inform" to Acs since V1_0;
    TransferComplete TransferCompleteResponse "TransferComplete" to Acs since V1_0;
    AutonomousTransferComplete AutonomousTransferCompleteResponse "AutonomousTransferComplete"
        to Acs since V1_1;
    DuStateChangeComplete DuStateChangeCompleteResponse "DUStateChangeComplete" to Acs since V1_2;
    AutonomousDuStateChangeComplete AutonomousDuStateChangeCompleteResponse
        "AutonomousDUStateChangeComplete" to Acs since V1_2;
    RequestDownload RequestDownloadResponse "RequestDownload" to Acs since V1_0;
    Kicked KickedResponse "Kicked" to Acs since V1_0;
}

/// An RPC that this implementation does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRpc {
    /// Its name without prefix.
    pub name: String,
}

/// A known message whose arguments cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidArguments {
    /// Name of the message.
    pub name: &'static str,
    /// What it would be if it were readable.
    pub kind: Kind,
    /// What is wrong.
    pub violation: Violation,
}

impl InvalidArguments {
    const fn answers(&self, request: &str) -> bool {
        let (own, request) = (self.name.as_bytes(), request.as_bytes());
        match own.split_at_checked(request.len()) {
            Some((head, tail)) => same(head, request) && same(tail, b"Response"),
            None => false,
        }
    }
}

const fn same(mut left: &[u8], mut right: &[u8]) -> bool {
    while let (Some((a, left_rest)), Some((b, right_rest))) =
        (left.split_first(), right.split_first())
    {
        if *a != *b {
            return false;
        }
        (left, right) = (left_rest, right_rest);
    }
    left.is_empty() && right.is_empty()
}

impl Message {
    /// Whether this is a request that the given side answers.
    pub const fn is_request_to_cpe(&self) -> bool {
        matches!(self.kind(), Kind::Request(Recipient::Cpe | Recipient::Both))
    }

    /// Whether this is a request that an ACS answers.
    pub const fn is_request_to_acs(&self) -> bool {
        matches!(self.kind(), Kind::Request(Recipient::Acs | Recipient::Both))
    }

    /// Whether this is a response or a fault.
    pub const fn is_answer(&self) -> bool {
        matches!(self.kind(), Kind::Response(_) | Kind::Fault)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(unknown) => write!(f, "unknown RPC {:?}", unknown.name),
            Self::Fault(fault) => write!(f, "Fault {}", fault.fault_code.0),
            other => f.write_str(other.name()),
        }
    }
}

impl From<Fault> for Message {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Turns an unreadable argument into a message that can be answered with a fault.
fn invalid_or(
    read: Result<Message, ReadError>,
    name: &'static str,
    kind: Kind,
) -> Result<Message, ReadError> {
    match read {
        Err(ReadError::Argument(violation)) => {
            Ok(Message::Invalid(InvalidArguments { name, kind, violation }))
        }
        other => other,
    }
}

fn write_body(writer: &mut XmlWriter, tag: &str, members: impl FnOnce(&mut XmlWriter)) {
    writer.open(tag);
    members(writer);
    writer.close(tag);
}

pub(crate) use fault::read as read_fault;
