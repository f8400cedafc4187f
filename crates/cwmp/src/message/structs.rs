//! The structures that messages are made of (TR-069a6 §A.3, §A.4).

use super::macros::{structure, words};
use crate::datetime::DateTime;
use crate::fault::FaultCode;
use crate::limits::*;
use crate::value::Value;

structure! {
    /// Who a device is (`ID-01`).
    DeviceIdStruct {
        /// For people only (`ID-05`).
        manufacturer: String = "Manufacturer" lenient (MANUFACTURER_CHARS_MAX),
        /// Six upper-case hexadecimal digits.
        oui: String = "OUI" lenient (OUI_CHARS),
        /// May be empty (`ID-05`).
        product_class: String = "ProductClass" lenient (PRODUCT_CLASS_CHARS_MAX),
        /// Unique for one OUI and product class (`ID-02`).
        serial_number: String = "SerialNumber" required (SERIAL_NUMBER_CHARS_MAX),
    }
}

structure! {
    /// An event of an Inform (`EVT-01`).
    EventStruct: "EventStruct" {
        /// The full string with number and text, such as `1 BOOT` (`EVT-02`).
        event_code: String = "EventCode" required (EVENT_CODE_CHARS_MAX),
        /// Empty except for `M` events.
        command_key: String = "CommandKey" lenient (COMMAND_KEY_CHARS_MAX),
    }
}

structure! {
    /// A parameter with its value (`SPV-01`).
    ParameterValueStruct: "ParameterValueStruct" {
        /// Full path.
        name: String = "Name" required (NAME_CHARS_MAX),
        /// The value with its type.
        value: Value = "Value" required,
    }
}

structure! {
    /// A parameter or object that exists (`GPN-01`).
    ParameterInfoStruct: "ParameterInfoStruct" {
        /// Path; objects end in a dot (`GPN-06`).
        name: String = "Name" required (NAME_CHARS_MAX),
        /// What it means for each kind of path: `GPN-07`.
        writable: bool = "Writable" lenient,
    }
}

structure! {
    /// A change of attributes (`SPA-01`).
    SetParameterAttributesStruct: "SetParameterAttributesStruct" {
        /// Full or partial path.
        name: String = "Name" required (NAME_CHARS_MAX),
        /// Whether `notification` is to be set.
        notification_change: bool = "NotificationChange" required,
        /// 0 to 6 (`NOT-01`).
        notification: i32 = "Notification" required,
        /// Whether `access_list` is to be set.
        access_list_change: bool = "AccessListChange" required,
        /// Who besides the ACS may write (`NOT-07`).
        access_list: Vec<String> = "AccessList" required,
    }
}

structure! {
    /// The attributes of a parameter (`GPA-01`).
    ParameterAttributeStruct: "ParameterAttributeStruct" {
        /// Full path.
        name: String = "Name" required (NAME_CHARS_MAX),
        /// 0 to 6 (`NOT-01`).
        notification: i32 = "Notification" required,
        /// Who besides the ACS may write (`NOT-07`).
        access_list: Vec<String> = "AccessList" lenient,
    }
}

structure! {
    /// How a transfer ended (`TC-01`).
    FaultStruct {
        /// 0 for success.
        fault_code: FaultCode = "FaultCode" required,
        /// Free text.
        fault_string: String = "FaultString" lenient (TRANSFER_TEXT_CHARS_MAX),
    }
}

structure! {
    /// When a ScheduleDownload may be done (`SDL-01`).
    TimeWindowStruct: "TimeWindowStruct" {
        /// Seconds from receipt.
        window_start: u32 = "WindowStart" required,
        /// Seconds from receipt.
        window_end: u32 = "WindowEnd" required,
        /// `1 At Any Time` … `4 Confirmation Needed` or a vendor's (`SDL-03`).
        window_mode: String = "WindowMode" required (SHORT_TEXT_CHARS_MAX),
        /// Shown to the user in mode 4.
        user_message: String = "UserMessage" lenient (TRANSFER_TEXT_CHARS_MAX),
        /// -1: the CPE decides (`SDL-04`).
        max_retries: i32 = "MaxRetries" required,
    }
}

structure! {
    /// A queued transfer (`GQT-01`).
    QueuedTransferStruct: "QueuedTransferStruct" {
        /// That of the Download or Upload.
        command_key: String = "CommandKey" lenient (COMMAND_KEY_CHARS_MAX),
        /// 1 not yet started, 2 in progress, 3 completed.
        state: u32 = "State" required,
    }
}

structure! {
    /// A queued transfer, whoever asked for it (`GQT-02`).
    AllQueuedTransferStruct: "AllQueuedTransferStruct" {
        /// That of the request; empty for transfers the ACS did not ask for.
        command_key: String = "CommandKey" lenient (COMMAND_KEY_CHARS_MAX),
        /// 1 not yet started, 2 in progress, 3 completed.
        state: u32 = "State" required,
        /// Download or upload.
        is_download: bool = "IsDownload" required,
        /// As in `ATC-03`.
        file_type: String = "FileType" lenient (FILE_TYPE_CHARS_MAX),
        /// Bytes, 0 for unknown.
        file_size: u32 = "FileSize" lenient,
        /// Name on the device.
        target_file_name: String = "TargetFileName" lenient (TRANSFER_TEXT_CHARS_MAX),
    }
}

structure! {
    /// An argument of a RequestDownload (`RQD-01`).
    ArgStruct: "ArgStruct" {
        /// Name of the argument.
        name: String = "Name" required (SHORT_TEXT_CHARS_MAX),
        /// Its value.
        value: String = "Value" required (TRANSFER_TEXT_CHARS_MAX),
    }
}

structure! {
    /// An option that vouchers can switch (`OPT-02`), deprecated.
    OptionStruct: "OptionStruct" {
        /// Name of the option.
        option_name: String = "OptionName" required (SHORT_TEXT_CHARS_MAX),
        /// Serial number of the voucher.
        voucher_sn: u32 = "VoucherSN" required,
        /// 0 to 3 (`OPT-03`).
        state: u32 = "State" required,
        /// 0 to 2 (`OPT-03`).
        mode: i32 = "Mode" required,
        /// Since when.
        start_date: DateTime = "StartDate" lenient,
        /// Until when, in mode 1.
        expiration_date: Option<DateTime> = "ExpirationDate" optional,
        /// 0 or 1.
        is_transferable: i32 = "IsTransferable" required,
    }
}

impl Default for DateTime {
    /// The unknown time.
    fn default() -> Self {
        Self::UNKNOWN
    }
}

words! {
    /// State of a deployment unit after an operation (`DU-06`).
    DeploymentUnitState {
        /// `Installed`
        Installed = "Installed",
        /// `Uninstalled`
        Uninstalled = "Uninstalled",
        /// `Failed`
        Failed = "Failed",
    }
}

impl Default for DeploymentUnitState {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

words! {
    /// What was done to a deployment unit (`DU-07`).
    OperationPerformed {
        /// `Install`
        Install = "Install",
        /// `Update`
        Update = "Update",
        /// `Uninstall`
        Uninstall = "Uninstall",
    }
}

impl Default for OperationPerformed {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

structure! {
    /// How an operation on a deployment unit ended (`DU-06`).
    DeploymentUnitFaultStruct {
        /// 0 for success.
        fault_code: FaultCode = "FaultCode" required,
        /// Free text.
        fault_string: Option<String> = "FaultString" optional,
    }
}

structure! {
    /// Result of one operation of a ChangeDUState (`DU-06`).
    OpResultStruct {
        /// UUID of the deployment unit.
        uuid: String = "UUID" required,
        /// Path of its instance.
        deployment_unit_ref: String = "DeploymentUnitRef" lenient,
        /// Its version.
        version: String = "Version" lenient (VERSION_CHARS_MAX),
        /// What state it is in now.
        current_state: DeploymentUnitState = "CurrentState" required,
        /// Whether all its dependencies are there.
        resolved: bool = "Resolved" required,
        /// Paths of its execution units, a list.
        execution_unit_ref_list: String = "ExecutionUnitRefList" lenient,
        /// When the operation began.
        start_time: DateTime = "StartTime" lenient,
        /// When it ended.
        complete_time: DateTime = "CompleteTime" lenient,
        /// How it ended.
        fault: DeploymentUnitFaultStruct = "Fault" required,
    }
}

structure! {
    /// Result of an operation that no ACS asked for (`DU-07`).
    AutonOpResultStruct {
        /// UUID of the deployment unit.
        uuid: String = "UUID" required,
        /// Path of its instance.
        deployment_unit_ref: String = "DeploymentUnitRef" lenient,
        /// Its version.
        version: String = "Version" lenient (VERSION_CHARS_MAX),
        /// What state it is in now.
        current_state: DeploymentUnitState = "CurrentState" required,
        /// Whether all its dependencies are there.
        resolved: bool = "Resolved" required,
        /// Paths of its execution units, a list.
        execution_unit_ref_list: String = "ExecutionUnitRefList" lenient,
        /// When the operation began.
        start_time: DateTime = "StartTime" lenient,
        /// When it ended.
        complete_time: DateTime = "CompleteTime" lenient,
        /// How it ended.
        fault: DeploymentUnitFaultStruct = "Fault" required,
        /// What was done.
        operation_performed: OperationPerformed = "OperationPerformed" required,
    }
}
