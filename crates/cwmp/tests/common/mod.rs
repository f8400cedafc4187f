//! Strategies for every message, within the limits and patterns of the schemas, and the way to the
//! shared material.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::disallowed_methods, clippy::print_stderr, reason = "tests may look around")]

use std::path::PathBuf;

use drover_cwmp::message::*;
use drover_cwmp::{
    CwmpVersion, DateTime, Fault, FaultCode, FaultSide, Message, SetParameterValuesFault, Value,
    ValueType, encode_base64,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// The folder of shared material, or `None` with a loud notice; in CI its absence is a failure.
pub(crate) fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("DROVER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let folder = root.join(part);
    if folder.exists() {
        return Some(folder);
    }
    missing(&format!("{} (set DROVER_SHARED)", folder.display()));
    None
}

/// Says that a component is missing: a failure in CI, a loud skip elsewhere.
pub(crate) fn missing(what: &str) {
    assert!(std::env::var_os("CI").is_none(), "missing in CI: {what}");
    eprintln!("SKIPPED, missing: {what}");
}

/// How many cases a property tries: few in the tests, many with `DROVER_SOAK`.
pub(crate) fn cases(few: u32) -> ProptestConfig {
    let many = std::env::var_os("DROVER_SOAK").is_some();
    ProptestConfig::with_cases(if many { few * 100 } else { few })
}

/// Any text that XML can carry.
pub(crate) fn text(max: usize) -> BoxedStrategy<String> {
    let character = prop_oneof![
        6 => proptest::char::range(' ', '~'),
        1 => Just('\n'),
        1 => Just('\r'),
        1 => Just('\t'),
        1 => any::<char>().prop_filter("a character of XML", |c| {
            matches!(c, '\u{85}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
        }),
    ];
    vec(character, 0..=max).prop_map(|chars| chars.into_iter().collect()).boxed()
}

fn name() -> BoxedStrategy<String> {
    "(Device|InternetGatewayDevice)(\\.[A-Z][A-Za-z0-9]{0,12}|\\.[1-9]|\\.\\[cpe-[a-z]{1,6}\\]){1,6}"
        .boxed()
}

fn object() -> BoxedStrategy<String> {
    name().prop_map(|name| name + ".").boxed()
}

fn command_key() -> BoxedStrategy<String> {
    text(32)
}

pub(crate) fn date_time() -> BoxedStrategy<DateTime> {
    prop_oneof![
        Just(DateTime::UNKNOWN),
        Just(DateTime::INFINITE),
        (1_i64..4_000_000_000, -14_i8..=14, 0_i32..1000).prop_map(|(seconds, hours, millis)| {
            let timestamp = jiff::Timestamp::new(seconds, millis * 1_000_000).expect("in range");
            DateTime::from_timestamp(timestamp, jiff::tz::Offset::constant(hours))
        }),
    ]
    .boxed()
}

pub(crate) fn value() -> BoxedStrategy<Value> {
    prop_oneof![
        text(80).prop_map(Value::string),
        any::<bool>().prop_map(Value::boolean),
        any::<i32>().prop_map(Value::int),
        any::<u32>().prop_map(Value::unsigned_int),
        any::<u64>().prop_map(Value::unsigned_long),
        any::<i64>().prop_map(|number| Value::new(ValueType::Long, number.to_string())),
        date_time().prop_map(Value::date_time),
        vec(any::<u8>(), 0..40).prop_map(|b| Value::new(ValueType::Base64, encode_base64(&b))),
        "([0-9A-F]{2}){0,20}".prop_map(|hex| Value::new(ValueType::HexBinary, hex)),
        "-?[0-9]{1,9}\\.[0-9]{1,3}".prop_map(|text| Value::new(ValueType::Decimal, text)),
    ]
    .boxed()
}

fn parameter() -> BoxedStrategy<ParameterValueStruct> {
    (name(), value()).prop_map(|(name, value)| ParameterValueStruct { name, value }).boxed()
}

fn names() -> BoxedStrategy<Vec<String>> {
    vec(prop_oneof![name(), object(), Just(String::new())], 1..6).boxed()
}

fn access_list() -> BoxedStrategy<Vec<String>> {
    vec(Just("Subscriber".to_owned()), 0..3).boxed()
}

/// File types of Download, Upload and transfers that the schemas of every version know.
fn file_type(standard: &'static [&'static str]) -> BoxedStrategy<String> {
    prop_oneof![
        proptest::sample::select(standard).prop_map(str::to_owned),
        "X [0-9A-F]{6} [A-Za-z][A-Za-z ]{0,20}",
    ]
    .boxed()
}

const DOWNLOADS: &[&str] =
    &["1 Firmware Upgrade Image", "2 Web Content", "3 Vendor Configuration File"];
const UPLOADS: &[&str] = &["1 Vendor Configuration File", "2 Vendor Log File"];

fn url() -> BoxedStrategy<String> {
    "http://[a-z]{1,12}\\.example(:[1-9][0-9]{1,3})?/[a-z0-9?&=]{0,40}(%2F)?".boxed()
}

fn uuid() -> BoxedStrategy<String> {
    "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".boxed()
}

fn transfer_fault(version: CwmpVersion) -> BoxedStrategy<FaultStruct> {
    let mut codes = vec![0_u32, 9001, 9002, 9010, 9011, 9012];
    if version >= CwmpVersion::V1_2 {
        codes.extend([9014, 9020, 9850]);
    }
    let code = proptest::sample::select(codes);
    (code, text(256))
        .prop_map(|(code, fault_string)| FaultStruct { fault_code: FaultCode(code), fault_string })
        .boxed()
}

fn du_fault() -> BoxedStrategy<DeploymentUnitFaultStruct> {
    let code = proptest::sample::select(&[0_u32, 9001, 9003, 9013, 9022, 9032, 9899][..]);
    (code, option::of(text(60)))
        .prop_map(|(code, fault_string)| DeploymentUnitFaultStruct {
            fault_code: FaultCode(code),
            fault_string,
        })
        .boxed()
}

fn du_state() -> BoxedStrategy<DeploymentUnitState> {
    use DeploymentUnitState::{Failed, Installed, Uninstalled};
    proptest::sample::select(vec![Installed, Uninstalled, Failed]).boxed()
}

fn op_result() -> BoxedStrategy<OpResultStruct> {
    (uuid(), name(), text(32), du_state(), any::<bool>(), date_time(), date_time(), du_fault())
        .prop_map(|(uuid, reference, version, current_state, resolved, start, complete, fault)| {
            OpResultStruct {
                uuid,
                deployment_unit_ref: reference,
                version,
                current_state,
                resolved,
                execution_unit_ref_list: "Device.A.1,Device.A.2".to_owned(),
                start_time: start,
                complete_time: complete,
                fault,
            }
        })
        .boxed()
}

fn auton_op_result() -> BoxedStrategy<AutonOpResultStruct> {
    use OperationPerformed::{Install, Uninstall, Update};
    (op_result(), proptest::sample::select(vec![Install, Update, Uninstall]))
        .prop_map(|(result, operation_performed)| AutonOpResultStruct {
            uuid: result.uuid,
            deployment_unit_ref: result.deployment_unit_ref,
            version: result.version,
            current_state: result.current_state,
            resolved: result.resolved,
            execution_unit_ref_list: result.execution_unit_ref_list,
            start_time: result.start_time,
            complete_time: result.complete_time,
            fault: result.fault,
            operation_performed,
        })
        .boxed()
}

fn operation() -> BoxedStrategy<Operation> {
    let install = (url(), option::of(uuid()), option::of(text(256)), option::of(name())).prop_map(
        |(url, uuid, username, execution_env_ref)| {
            let password = username.clone();
            let install = InstallOpStruct { url, uuid, username, password, execution_env_ref };
            Operation::Install(install)
        },
    );
    let update = (option::of(uuid()), option::of(text(32)), option::of(url())).prop_map(
        |(uuid, version, url)| {
            let update = UpdateOpStruct { uuid, version, url, ..UpdateOpStruct::default() };
            Operation::Update(update)
        },
    );
    let uninstall = (uuid(), option::of(text(32)), option::of(name())).prop_map(
        |(uuid, version, execution_env_ref)| {
            Operation::Uninstall(UninstallOpStruct { uuid, version, execution_env_ref })
        },
    );
    prop_oneof![install, update, uninstall].boxed()
}

fn event(version: CwmpVersion) -> BoxedStrategy<EventStruct> {
    let mut codes = vec![
        "0 BOOTSTRAP",
        "1 BOOT",
        "2 PERIODIC",
        "3 SCHEDULED",
        "4 VALUE CHANGE",
        "5 KICKED",
        "6 CONNECTION REQUEST",
        "7 TRANSFER COMPLETE",
        "8 DIAGNOSTICS COMPLETE",
        "9 REQUEST DOWNLOAD",
        "M Reboot",
        "M Download",
        "M Upload",
        "M ScheduleInform",
        "M X_00D09E_Thing",
        "X 00D09E something odd",
    ];
    if version >= CwmpVersion::V1_2 {
        codes.extend(["11 DU STATE CHANGE COMPLETE", "13 WAKEUP", "14 HEARTBEAT"]);
        codes.extend(["M ScheduleDownload", "M ChangeDUState"]);
    }
    (proptest::sample::select(codes), command_key())
        .prop_map(|(code, command_key)| EventStruct { event_code: code.to_owned(), command_key })
        .boxed()
}

fn device_id() -> BoxedStrategy<DeviceIdStruct> {
    (text(64), "[0-9A-F]{6}", text(64), text(64))
        .prop_map(|(manufacturer, oui, product_class, serial_number)| DeviceIdStruct {
            manufacturer,
            oui,
            product_class,
            serial_number,
        })
        .boxed()
}

fn inform(version: CwmpVersion) -> BoxedStrategy<Inform> {
    (device_id(), vec(event(version), 0..6), date_time(), any::<u32>(), vec(parameter(), 0..8))
        .prop_map(|(device_id, event, current_time, retry_count, parameter_list)| Inform {
            device_id,
            event,
            max_envelopes: 1,
            current_time,
            retry_count,
            parameter_list,
        })
        .boxed()
}

fn attributes(version: CwmpVersion) -> BoxedStrategy<SetParameterAttributesStruct> {
    let most = if version >= CwmpVersion::V1_4 { 6 } else { 2 };
    (name(), any::<bool>(), 0..=most, any::<bool>(), access_list())
        .prop_map(|(name, notification_change, notification, access_list_change, access_list)| {
            SetParameterAttributesStruct {
                name,
                notification_change,
                notification,
                access_list_change,
                access_list,
            }
        })
        .boxed()
}

fn window() -> BoxedStrategy<TimeWindowStruct> {
    (any::<u32>(), any::<u32>(), text(256), -1..5_i32)
        .prop_map(|(window_start, window_end, user_message, max_retries)| TimeWindowStruct {
            window_start,
            window_end,
            window_mode: "3 When Idle".to_owned(),
            user_message,
            max_retries,
        })
        .boxed()
}

fn option_struct() -> BoxedStrategy<OptionStruct> {
    (text(64), any::<u32>(), 0..=3_u32, 0..=2_i32, date_time(), option::of(date_time()), 0..=1_i32)
        .prop_map(
            |(option_name, voucher_sn, state, mode, start_date, expiration_date, transfer)| {
                OptionStruct {
                    option_name,
                    voucher_sn,
                    state,
                    mode,
                    start_date,
                    expiration_date,
                    is_transferable: transfer,
                }
            },
        )
        .boxed()
}

pub(crate) fn fault(version: CwmpVersion) -> BoxedStrategy<Fault> {
    let codes: Vec<_> =
        FaultCode::STANDARD.iter().copied().filter(|code| code.since() <= version).collect();
    let side = prop_oneof![Just(FaultSide::Client), Just(FaultSide::Server)];
    let details =
        (name(), proptest::sample::select(&[9001_u32, 9005, 9007][..]), option::of(text(20)))
            .prop_map(|(parameter_name, code, fault_string)| SetParameterValuesFault {
                parameter_name,
                fault_code: FaultCode(code),
                fault_string,
            });
    (side, proptest::sample::select(codes), option::of(text(60)), vec(details, 0..3))
        .prop_map(|(side, fault_code, fault_string, set_parameter_values_faults)| Fault {
            side,
            fault_code,
            fault_string,
            set_parameter_values_faults,
        })
        .boxed()
}

fn status_and_times() -> BoxedStrategy<(u32, DateTime, DateTime)> {
    (0..=1_u32, date_time(), date_time()).boxed()
}

fn from<T: Into<Message> + std::fmt::Debug + 'static>(
    strategy: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Message> {
    strategy.prop_map(Into::into).boxed()
}

/// A strategy for every message that the given version has, one entry a message.
pub(crate) fn messages(version: CwmpVersion) -> Vec<BoxedStrategy<Message>> {
    let mut all = requests_to_cpe(version);
    all.extend(requests_to_acs(version));
    all.extend(responses());
    all.push(from(fault(version)));
    all
}

fn requests_to_cpe(version: CwmpVersion) -> Vec<BoxedStrategy<Message>> {
    let transfer = || (command_key(), url(), text(256), text(256), any::<u32>());
    vec![
        from(Just(GetRpcMethods {})),
        from((vec(parameter(), 0..8), text(32)).prop_map(|(parameter_list, parameter_key)| {
            SetParameterValues { parameter_list, parameter_key }
        })),
        from(names().prop_map(|parameter_names| GetParameterValues { parameter_names })),
        from((prop_oneof![name(), object(), Just(String::new())], any::<bool>()).prop_map(
            |(parameter_path, next_level)| GetParameterNames { parameter_path, next_level },
        )),
        from(
            vec(attributes(version), 1..5)
                .prop_map(|parameter_list| SetParameterAttributes { parameter_list }),
        ),
        from(names().prop_map(|parameter_names| GetParameterAttributes { parameter_names })),
        from(
            (object(), text(32))
                .prop_map(|(object_name, parameter_key)| AddObject { object_name, parameter_key }),
        ),
        from(
            (object(), text(32)).prop_map(|(object_name, parameter_key)| DeleteObject {
                object_name,
                parameter_key,
            }),
        ),
        from(command_key().prop_map(|command_key| Reboot { command_key })),
        from((transfer(), file_type(DOWNLOADS), text(256)).prop_map(
            |((command_key, url, username, password, number), file_type, target_file_name)| {
                Download {
                    command_key,
                    file_type,
                    url: url.clone(),
                    username,
                    password,
                    file_size: number,
                    target_file_name,
                    delay_seconds: number,
                    success_url: url,
                    failure_url: String::new(),
                }
            },
        )),
        from((transfer(), file_type(UPLOADS)).prop_map(
            |((command_key, url, username, password, delay_seconds), file_type)| Upload {
                command_key,
                file_type,
                url,
                username,
                password,
                delay_seconds,
            },
        )),
        from((transfer(), file_type(DOWNLOADS), vec(window(), 1..=2)).prop_map(
            |((command_key, url, username, password, file_size), file_type, time_window_list)| {
                ScheduleDownload {
                    command_key,
                    file_type,
                    url,
                    username,
                    password,
                    file_size,
                    target_file_name: String::new(),
                    time_window_list,
                }
            },
        )),
        from(Just(GetQueuedTransfers {})),
        from(Just(GetAllQueuedTransfers {})),
        from((any::<u32>(), command_key()).prop_map(|(delay_seconds, command_key)| {
            ScheduleInform { delay_seconds, command_key }
        })),
        from(
            vec(vec(any::<u8>(), 0..40).prop_map(Base64), 1..4)
                .prop_map(|voucher_list| SetVouchers { voucher_list }),
        ),
        from(text(64).prop_map(|option_name| GetOptions { option_name })),
        from(Just(FactoryReset {})),
        from(command_key().prop_map(|command_key| CancelTransfer { command_key })),
        from(
            (vec(operation(), 1..4), option::of(command_key()))
                .prop_map(|(operations, command_key)| ChangeDuState { operations, command_key }),
        ),
    ]
}

fn requests_to_acs(version: CwmpVersion) -> Vec<BoxedStrategy<Message>> {
    vec![
        from(inform(version)),
        from((command_key(), transfer_fault(version), date_time(), date_time()).prop_map(
            |(command_key, fault_struct, start_time, complete_time)| TransferComplete {
                command_key,
                fault_struct,
                start_time,
                complete_time,
            },
        )),
        from(
            (url(), any::<bool>(), file_type(DOWNLOADS), transfer_fault(version), date_time())
                .prop_map(|(url, is_download, file_type, fault_struct, time)| {
                    AutonomousTransferComplete {
                        announce_url: url.clone(),
                        transfer_url: url,
                        is_download,
                        file_type,
                        file_size: 7,
                        target_file_name: String::new(),
                        fault_struct,
                        start_time: time,
                        complete_time: time,
                    }
                }),
        ),
        from(
            (vec(op_result(), 1..4), option::of(command_key()))
                .prop_map(|(results, command_key)| DuStateChangeComplete { results, command_key }),
        ),
        from(
            vec(auton_op_result(), 1..4)
                .prop_map(|results| AutonomousDuStateChangeComplete { results }),
        ),
        from((file_type(DOWNLOADS), vec((text(64), text(256)), 0..4)).prop_map(
            |(file_type, arguments)| RequestDownload {
                file_type,
                file_type_arg:
                    arguments.into_iter().map(|(name, value)| ArgStruct { name, value }).collect(),
            },
        )),
        from(
            (text(32), text(64), text(256), text(1024))
                .prop_map(|(command, referer, arg, next)| Kicked { command, referer, arg, next }),
        ),
    ]
}

fn responses() -> Vec<BoxedStrategy<Message>> {
    let queued = (command_key(), 1..=3_u32);
    vec![
        from(
            vec("[A-Za-z_]{1,64}", 1..20)
                .prop_map(|method_list| GetRpcMethodsResponse { method_list }),
        ),
        from((0..=1_u32).prop_map(|status| SetParameterValuesResponse { status })),
        from(
            vec(parameter(), 0..8)
                .prop_map(|parameter_list| GetParameterValuesResponse { parameter_list }),
        ),
        from(vec((prop_oneof![name(), object()], any::<bool>()), 0..8).prop_map(|infos| {
            GetParameterNamesResponse {
                parameter_list: infos
                    .into_iter()
                    .map(|(name, writable)| ParameterInfoStruct { name, writable })
                    .collect(),
            }
        })),
        from(Just(SetParameterAttributesResponse {})),
        from(vec((name(), 0..=2_i32, access_list()), 0..5).prop_map(|attributes| {
            GetParameterAttributesResponse {
                parameter_list: attributes
                    .into_iter()
                    .map(|(name, notification, access_list)| ParameterAttributeStruct {
                        name,
                        notification,
                        access_list,
                    })
                    .collect(),
            }
        })),
        from(
            (1..=u32::MAX, 0..=1_u32).prop_map(|(instance_number, status)| AddObjectResponse {
                instance_number,
                status,
            }),
        ),
        from((0..=1_u32).prop_map(|status| DeleteObjectResponse { status })),
        from(Just(RebootResponse {})),
        from(Just(FactoryResetResponse {})),
        from(Just(ScheduleInformResponse {})),
        from(Just(SetVouchersResponse {})),
        from(Just(ScheduleDownloadResponse {})),
        from(Just(CancelTransferResponse {})),
        from(Just(ChangeDuStateResponse {})),
        from(Just(TransferCompleteResponse {})),
        from(Just(AutonomousTransferCompleteResponse {})),
        from(Just(DuStateChangeCompleteResponse {})),
        from(Just(AutonomousDuStateChangeCompleteResponse {})),
        from(Just(RequestDownloadResponse {})),
        from(text(1024).prop_map(|next_url| KickedResponse { next_url })),
        from(Just(InformResponse { max_envelopes: 1 })),
        from(status_and_times().prop_map(|(status, start_time, complete_time)| DownloadResponse {
            status,
            start_time,
            complete_time,
        })),
        from(status_and_times().prop_map(|(status, start_time, complete_time)| UploadResponse {
            status,
            start_time,
            complete_time,
        })),
        from(vec(queued, 0..=16).prop_map(|transfers| {
            GetQueuedTransfersResponse {
                transfer_list: transfers
                    .into_iter()
                    .map(|(command_key, state)| QueuedTransferStruct { command_key, state })
                    .collect(),
            }
        })),
        from(vec((command_key(), 1..=3_u32, file_type(DOWNLOADS)), 0..=16).prop_map(|transfers| {
            GetAllQueuedTransfersResponse {
                transfer_list: transfers
                    .into_iter()
                    .map(|(command_key, state, file_type)| AllQueuedTransferStruct {
                        command_key,
                        state,
                        is_download: true,
                        file_type,
                        file_size: 1,
                        target_file_name: String::new(),
                    })
                    .collect(),
            }
        })),
        from(vec(option_struct(), 0..4).prop_map(|option_list| GetOptionsResponse { option_list })),
    ]
}
