//! Every limit of this crate, as a named constant with its unit.
//!
//! Limits of the standard carry the requirement they come from; the others are ours and bound what
//! a peer can make us read, hold or repeat (`SEC-04`).

// Envelopes

/// Bytes of one envelope the reader accepts unless told otherwise (`HTTP-20` asks for at least
/// 64 MiB of an ACS).
pub const ENVELOPE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Open elements at one time; the deepest message of the standard needs nine.
pub const XML_DEPTH_MAX: usize = 32;
/// Attributes of one element.
pub const XML_ATTRIBUTES_MAX: usize = 64;
/// Namespace prefixes in scope at one time.
pub const XML_NAMESPACES_MAX: usize = 64;
/// Characters kept of the XML library's own description of an error, which quotes the message.
pub const XML_ERROR_CHARS_MAX: usize = 200;
/// Members of one list that has no limit of its own in the standard.
pub const LIST_ITEMS_MAX: usize = 500_000;
/// Bytes of one value or other text.
pub const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Different peculiarities remembered of one message; further ones are only counted.
pub const TOLERATED_MAX: usize = 32;
/// Header elements of one envelope.
pub const HEADER_ELEMENTS_MAX: usize = 32;
/// Characters of the header `ID` that are kept (`SOAP-08`).
pub const ID_CHARS_MAX: usize = 4096;

// Members of messages, in characters (TR-069a6 §A.3, schema)

/// `DeviceId.Manufacturer` (`ID-01`).
pub const MANUFACTURER_CHARS_MAX: usize = 64;
/// `DeviceId.OUI`, exactly (`ID-01`).
pub const OUI_CHARS: usize = 6;
/// `DeviceId.ProductClass` (`ID-01`).
pub const PRODUCT_CLASS_CHARS_MAX: usize = 64;
/// `DeviceId.SerialNumber` (`ID-01`).
pub const SERIAL_NUMBER_CHARS_MAX: usize = 64;
/// `EventCode` (`EVT-01`).
pub const EVENT_CODE_CHARS_MAX: usize = 64;
/// `CommandKey` (`EVT-01`, `RBT-01`).
pub const COMMAND_KEY_CHARS_MAX: usize = 32;
/// `ParameterKey` (`SPV-01`).
pub const PARAMETER_KEY_CHARS_MAX: usize = 32;
/// Parameter and object names (`PATH-01`).
pub const NAME_CHARS_MAX: usize = 256;
/// RPC names (`GRM-01`, `RPCS-03`).
pub const METHOD_CHARS_MAX: usize = 64;
/// Entries of an access list (`SPA-01`).
pub const ACCESS_LIST_CHARS_MAX: usize = 64;
/// `FileType` (`DL-01`).
pub const FILE_TYPE_CHARS_MAX: usize = 64;
/// `URL`, `SuccessURL`, `FailureURL`, `Username`, `Password`, `TargetFileName`, `FaultString` of a
/// transfer (`DL-01`, `TC-01`).
pub const TRANSFER_TEXT_CHARS_MAX: usize = 256;
/// `AnnounceURL`, `TransferURL`, `NextURL`, URLs of deployment units (`ATC-01`, `DU-02`).
pub const LONG_URL_CHARS_MAX: usize = 1024;
/// `Version` of a deployment unit (`DU-02`).
pub const VERSION_CHARS_MAX: usize = 32;
/// Name of a `FileTypeArg`, `OptionName`, `Referer`, `WindowMode` (`RQD-01`, `OPT-02`, `KCK-01`).
pub const SHORT_TEXT_CHARS_MAX: usize = 64;

// Members of messages, in list items

/// Events of one Inform (`EVT-01`).
pub const EVENTS_MAX: usize = 64;
/// Transfers in a queue listing (`GQT-01`, `GQT-02`).
pub const TRANSFERS_MAX: usize = 16;
/// Time windows of a ScheduleDownload (`SDL-01`).
pub const TIME_WINDOWS_MAX: usize = 2;
/// Arguments of a RequestDownload (`RQD-01`).
pub const FILE_TYPE_ARGS_MAX: usize = 16;

// Sessions

/// Redirects that follow one another before a session fails (`HTTP-14` asks for at least five).
pub const REDIRECTS_MAX: u32 = 5;
/// Answers 8005 to one request before a session fails (`MRB-01`).
pub const RETRY_REQUESTS_MAX: u32 = 10;
/// Authentication challenges to one POST before a session fails (`AUTH-07`, `DIG-04`).
pub const CHALLENGES_MAX: u32 = 4;
/// Messages that one session may exchange before the ACS or the CPE ends it.
pub const SESSION_MESSAGES_MAX: u32 = 10_000;

// Authentication, cookies, events, paths

/// Bytes of one `WWW-Authenticate`, `Authorization` or `Set-Cookie` header that is looked at; a
/// longer one is treated as unreadable.
pub const AUTH_HEADER_BYTES_MAX: usize = 8 * 1024;
/// Challenges read from all `WWW-Authenticate` headers of one response.
pub const AUTH_CHALLENGES_MAX: usize = 8;
/// Parameters read of one challenge or one `Authorization`.
pub const AUTH_PARAMETERS_MAX: usize = 32;
/// Digest nonces of one server whose use is remembered; the oldest ones become stale beyond it.
pub const AUTH_NONCES_MAX: usize = 65_536;
/// Cookies of one session of the CPE; further ones are not kept.
pub const COOKIES_MAX: usize = 32;
/// Bytes of name, value and path of one cookie; a bigger one is not kept.
pub const COOKIE_BYTES_MAX: usize = 4 * 1024;
/// Waiting events with a CommandKey and vendor events. With one of each of the fifteen numbered
/// events they always fit into one Inform (`EVT-01`).
pub const MULTIPLE_EVENTS_MAX: usize = 48;
/// Seconds that a session retry waits at most, whatever the policy computes (100 years).
pub const RETRY_WAIT_SECONDS_MAX: u64 = 3_155_760_000;
/// Characters of an alias (`ALI-04`).
pub const ALIAS_CHARS_MAX: usize = 64;
