//! Every RPC and its response, members in the order of the schema (TR-069a6 §A.3 and §A.4).

use super::content::Base64;
use super::macros::structure;
use super::operations::Operation;
use super::structs::*;
use crate::datetime::DateTime;
use crate::limits::*;

macro_rules! empty {
    ($($(#[$meta:meta])* $name:ident;)*) => {
        $(structure! { $(#[$meta])* $name {} })*
    };
}

empty! {
    /// Asks for the RPCs that the other side accepts (`GRM-01`). Both sides may ask.
    GetRpcMethods;
    /// `SPA-01`
    SetParameterAttributesResponse;
    /// `RBT-01`
    RebootResponse;
    /// Restores the factory state after the session (`FR-01`).
    FactoryReset;
    /// `FR-01`
    FactoryResetResponse;
    /// Deprecated (`GQT-01`).
    GetQueuedTransfers;
    /// `GQT-02`
    GetAllQueuedTransfers;
    /// `SI-01`
    ScheduleInformResponse;
    /// `OPT-01`
    SetVouchersResponse;
    /// `SDL-01`
    ScheduleDownloadResponse;
    /// `CXL-01`
    CancelTransferResponse;
    /// `DU-01`
    ChangeDuStateResponse;
    /// `TC-01`
    TransferCompleteResponse;
    /// `ATC-01`
    AutonomousTransferCompleteResponse;
    /// `DU-06`
    DuStateChangeCompleteResponse;
    /// `DU-07`
    AutonomousDuStateChangeCompleteResponse;
    /// `RQD-01`
    RequestDownloadResponse;
}

structure! {
    /// `GRM-01`
    GetRpcMethodsResponse {
        /// Names of the RPCs, this one included (`GRM-02`).
        method_list: Vec<String> = "MethodList" required,
    }
}

structure! {
    /// Sets parameters, all or none (`SPV-01`, `SPV-02`).
    SetParameterValues {
        /// The parameters, in any order.
        parameter_list: Vec<ParameterValueStruct> = "ParameterList" required,
        /// Becomes `ManagementServer.ParameterKey` on success (`SPV-04`).
        parameter_key: String = "ParameterKey" required (PARAMETER_KEY_CHARS_MAX),
    }
}

structure! {
    /// `SPV-01`
    SetParameterValuesResponse {
        /// 0 applied, 1 committed but not yet applied (`SPV-03`).
        status: u32 = "Status" required,
    }
}

structure! {
    /// Reads parameters (`GPV-01`).
    GetParameterValues {
        /// Full or partial paths; the empty one is the whole tree (`GPV-02`).
        parameter_names: Vec<String> = "ParameterNames" required,
    }
}

structure! {
    /// `GPV-01`
    GetParameterValuesResponse {
        /// The values, in any order (`GPV-06`).
        parameter_list: Vec<ParameterValueStruct> = "ParameterList" required,
    }
}

structure! {
    /// Asks what exists (`GPN-01`).
    GetParameterNames {
        /// Full or partial path; the empty one is the root.
        parameter_path: String = "ParameterPath" required (NAME_CHARS_MAX),
        /// Only the children (`GPN-03`), or everything below (`GPN-02`).
        next_level: bool = "NextLevel" required,
    }
}

structure! {
    /// `GPN-01`
    GetParameterNamesResponse {
        /// What exists, in any order.
        parameter_list: Vec<ParameterInfoStruct> = "ParameterList" required,
    }
}

structure! {
    /// Sets notification and access (`SPA-01`).
    SetParameterAttributes {
        /// The changes; later ones win.
        parameter_list: Vec<SetParameterAttributesStruct> = "ParameterList" required,
    }
}

structure! {
    /// Reads notification and access (`GPA-01`).
    GetParameterAttributes {
        /// Full or partial paths.
        parameter_names: Vec<String> = "ParameterNames" required,
    }
}

structure! {
    /// `GPA-01`
    GetParameterAttributesResponse {
        /// One entry for each parameter (`GPA-02`).
        parameter_list: Vec<ParameterAttributeStruct> = "ParameterList" required,
    }
}

structure! {
    /// Creates a row (`ADD-01`).
    AddObject {
        /// Path of the table, with trailing dot.
        object_name: String = "ObjectName" required (NAME_CHARS_MAX),
        /// As in SetParameterValues.
        parameter_key: String = "ParameterKey" required (PARAMETER_KEY_CHARS_MAX),
    }
}

structure! {
    /// `ADD-01`
    AddObjectResponse {
        /// Number of the new row.
        instance_number: u32 = "InstanceNumber" required,
        /// 0 applied, 1 committed.
        status: u32 = "Status" required,
    }
}

structure! {
    /// Deletes a row (`DEL-01`).
    DeleteObject {
        /// Path of the row, with trailing dot.
        object_name: String = "ObjectName" required (NAME_CHARS_MAX),
        /// As in SetParameterValues.
        parameter_key: String = "ParameterKey" required (PARAMETER_KEY_CHARS_MAX),
    }
}

structure! {
    /// `DEL-01`
    DeleteObjectResponse {
        /// 0 applied, 1 committed.
        status: u32 = "Status" required,
    }
}

structure! {
    /// Fetches a file (`DL-01`).
    Download {
        /// Comes back in TransferComplete.
        command_key: String = "CommandKey" required (COMMAND_KEY_CHARS_MAX),
        /// `1 Firmware Upgrade Image` and so on (`DL-03`).
        file_type: String = "FileType" required (FILE_TYPE_CHARS_MAX),
        /// Where the file is, without user info.
        url: String = "URL" required (TRANSFER_TEXT_CHARS_MAX),
        /// For the file server.
        username: String = "Username" required (TRANSFER_TEXT_CHARS_MAX),
        /// For the file server.
        password: String = "Password" required (TRANSFER_TEXT_CHARS_MAX),
        /// Bytes, 0 for unknown.
        file_size: u32 = "FileSize" required,
        /// Name on the device.
        target_file_name: String = "TargetFileName" required (TRANSFER_TEXT_CHARS_MAX),
        /// Seconds from receipt (`DL-05`).
        delay_seconds: u32 = "DelaySeconds" required,
        /// Where to send a user's browser afterwards.
        success_url: String = "SuccessURL" required (TRANSFER_TEXT_CHARS_MAX),
        /// Where to send a user's browser after a failure.
        failure_url: String = "FailureURL" required (TRANSFER_TEXT_CHARS_MAX),
    }
}

structure! {
    /// `DL-01`
    DownloadResponse {
        /// 0 done and applied, 1 not yet (`DL-02`).
        status: u32 = "Status" required,
        /// Unknown with status 1.
        start_time: DateTime = "StartTime" lenient,
        /// Unknown with status 1.
        complete_time: DateTime = "CompleteTime" lenient,
    }
}

structure! {
    /// Restarts the device after the session (`RBT-01`).
    Reboot {
        /// Comes back with the event `M Reboot`.
        command_key: String = "CommandKey" required (COMMAND_KEY_CHARS_MAX),
    }
}

structure! {
    /// `GQT-01`
    GetQueuedTransfersResponse {
        /// At most 16.
        transfer_list: Vec<QueuedTransferStruct> = "TransferList" required (TRANSFERS_MAX),
    }
}

structure! {
    /// `GQT-02`
    GetAllQueuedTransfersResponse {
        /// At most 16.
        transfer_list: Vec<AllQueuedTransferStruct> = "TransferList" required (TRANSFERS_MAX),
    }
}

structure! {
    /// Asks for a session later (`SI-01`).
    ScheduleInform {
        /// Seconds from receipt, not 0.
        delay_seconds: u32 = "DelaySeconds" required,
        /// Comes back with the event `M ScheduleInform`.
        command_key: String = "CommandKey" required (COMMAND_KEY_CHARS_MAX),
    }
}

structure! {
    /// Deprecated (`OPT-01`).
    SetVouchers {
        /// Signed vouchers.
        voucher_list: Vec<Base64> = "VoucherList" required,
    }
}

structure! {
    /// Deprecated (`OPT-02`).
    GetOptions {
        /// Name of an option; empty for all.
        option_name: String = "OptionName" required (SHORT_TEXT_CHARS_MAX),
    }
}

structure! {
    /// `OPT-02`
    GetOptionsResponse {
        /// The options.
        option_list: Vec<OptionStruct> = "OptionList" required,
    }
}

structure! {
    /// Sends a file (`UL-01`).
    Upload {
        /// Comes back in TransferComplete.
        command_key: String = "CommandKey" required (COMMAND_KEY_CHARS_MAX),
        /// `3 Vendor Configuration File 1` and so on (`UL-02`).
        file_type: String = "FileType" required (FILE_TYPE_CHARS_MAX),
        /// Where the file goes, without user info.
        url: String = "URL" required (TRANSFER_TEXT_CHARS_MAX),
        /// For the file server.
        username: String = "Username" required (TRANSFER_TEXT_CHARS_MAX),
        /// For the file server.
        password: String = "Password" required (TRANSFER_TEXT_CHARS_MAX),
        /// Seconds from receipt.
        delay_seconds: u32 = "DelaySeconds" required,
    }
}

structure! {
    /// `UL-01`
    UploadResponse {
        /// 0 done, 1 not yet.
        status: u32 = "Status" required,
        /// Unknown with status 1.
        start_time: DateTime = "StartTime" lenient,
        /// Unknown with status 1.
        complete_time: DateTime = "CompleteTime" lenient,
    }
}

structure! {
    /// Fetches a file in time windows (`SDL-01`).
    ScheduleDownload {
        /// Comes back in TransferComplete.
        command_key: String = "CommandKey" required (COMMAND_KEY_CHARS_MAX),
        /// As in Download.
        file_type: String = "FileType" required (FILE_TYPE_CHARS_MAX),
        /// Where the file is.
        url: String = "URL" required (TRANSFER_TEXT_CHARS_MAX),
        /// For the file server.
        username: String = "Username" required (TRANSFER_TEXT_CHARS_MAX),
        /// For the file server.
        password: String = "Password" required (TRANSFER_TEXT_CHARS_MAX),
        /// Bytes, 0 for unknown.
        file_size: u32 = "FileSize" required,
        /// Name on the device.
        target_file_name: String = "TargetFileName" required (TRANSFER_TEXT_CHARS_MAX),
        /// One or two windows.
        time_window_list: Vec<TimeWindowStruct> = "TimeWindowList" required (TIME_WINDOWS_MAX),
    }
}

structure! {
    /// Cancels queued transfers (`CXL-01`).
    CancelTransfer {
        /// Of the transfers to cancel.
        command_key: String = "CommandKey" required (COMMAND_KEY_CHARS_MAX),
    }
}

structure! {
    /// Installs, updates, removes software modules (`DU-01`).
    ChangeDuState {
        /// At least one.
        operations: Vec<Operation> = "Operations" repeated,
        /// Comes back in DUStateChangeComplete.
        command_key: Option<String> = "CommandKey" optional (COMMAND_KEY_CHARS_MAX),
    }
}

structure! {
    /// Begins a session (`INF-01`).
    Inform {
        /// Who the device is.
        device_id: DeviceIdStruct = "DeviceId" required,
        /// Why it calls (`EVT-01`).
        event: Vec<EventStruct> = "Event" lenient (EVENTS_MAX),
        /// Always 1 (`SOAP-07`).
        max_envelopes: u32 = "MaxEnvelopes" lenient,
        /// Local time with its offset from UTC (`TYPE-05`).
        current_time: DateTime = "CurrentTime" lenient,
        /// Failed attempts since the last successful session (`RETRY-04`).
        retry_count: u32 = "RetryCount" lenient,
        /// Forced parameters, and what changed (`INF-02`).
        parameter_list: Vec<ParameterValueStruct> = "ParameterList" lenient,
    }
}

structure! {
    /// `INF-01`
    InformResponse {
        /// Always 1.
        max_envelopes: u32 = "MaxEnvelopes" lenient,
    }
}

structure! {
    /// Says how a transfer ended (`TC-01`).
    TransferComplete {
        /// That of the request.
        command_key: String = "CommandKey" lenient (COMMAND_KEY_CHARS_MAX),
        /// How it ended.
        fault_struct: FaultStruct = "FaultStruct" required,
        /// When it began, UTC.
        start_time: DateTime = "StartTime" lenient,
        /// When it was complete and applied, UTC.
        complete_time: DateTime = "CompleteTime" lenient,
    }
}

structure! {
    /// Says how a transfer ended that no ACS asked for (`ATC-01`).
    AutonomousTransferComplete {
        /// Where the file was announced.
        announce_url: String = "AnnounceURL" lenient (LONG_URL_CHARS_MAX),
        /// Where it was.
        transfer_url: String = "TransferURL" lenient (LONG_URL_CHARS_MAX),
        /// Download or upload.
        is_download: bool = "IsDownload" required,
        /// As in `ATC-03`.
        file_type: String = "FileType" required (FILE_TYPE_CHARS_MAX),
        /// Bytes.
        file_size: u32 = "FileSize" lenient,
        /// Name on the device.
        target_file_name: String = "TargetFileName" lenient (TRANSFER_TEXT_CHARS_MAX),
        /// How it ended.
        fault_struct: FaultStruct = "FaultStruct" required,
        /// When it began, UTC.
        start_time: DateTime = "StartTime" lenient,
        /// When it was complete, UTC.
        complete_time: DateTime = "CompleteTime" lenient,
    }
}

structure! {
    /// Says how the operations of a ChangeDUState ended (`DU-06`).
    DuStateChangeComplete {
        /// In the order of the operations.
        results: Vec<OpResultStruct> = "Results" repeated,
        /// That of the request.
        command_key: Option<String> = "CommandKey" optional (COMMAND_KEY_CHARS_MAX),
    }
}

structure! {
    /// Says that software modules changed on their own (`DU-07`).
    AutonomousDuStateChangeComplete {
        /// What happened.
        results: Vec<AutonOpResultStruct> = "Results" repeated,
    }
}

structure! {
    /// Asks the ACS for a Download (`RQD-01`).
    RequestDownload {
        /// What kind of file.
        file_type: String = "FileType" required (FILE_TYPE_CHARS_MAX),
        /// Further wishes.
        file_type_arg: Vec<ArgStruct> = "FileTypeArg" lenient (FILE_TYPE_ARGS_MAX),
    }
}

structure! {
    /// A user was sent back from a web page (`KCK-01`), deprecated.
    Kicked {
        /// Argument of the page.
        command: String = "Command" required (COMMAND_KEY_CHARS_MAX),
        /// Where the user came from.
        referer: String = "Referer" required (SHORT_TEXT_CHARS_MAX),
        /// Argument of the page.
        arg: String = "Arg" required (TRANSFER_TEXT_CHARS_MAX),
        /// Where to go on.
        next: String = "Next" required (LONG_URL_CHARS_MAX),
    }
}

structure! {
    /// `KCK-01`
    KickedResponse {
        /// Where to send the user.
        next_url: String = "NextURL" required (LONG_URL_CHARS_MAX),
    }
}
