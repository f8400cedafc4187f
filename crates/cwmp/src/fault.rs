//! CWMP faults and their codes (TR-069a6 §A.5, section 23 of the requirements).

use std::fmt;

/// A fault code: 9000-9899 from a CPE, 8000-8899 from an ACS, 0 for "no fault" in the result of a
/// transfer or a deployment unit operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FaultCode(pub u32);

/// Who is at fault in the eyes of the one who answers, as SOAP's `faultcode` says (`SOAP-14`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FaultSide {
    /// The sender of the request.
    Client,
    /// The one who answers.
    #[default]
    Server,
}

impl FaultSide {
    /// `Client` or `Server`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "Client",
            Self::Server => "Server",
        }
    }
}

macro_rules! fault_codes {
    ($($(#[$meta:meta])* $name:ident = $code:literal $side:ident $text:literal;)*) => {
        impl FaultCode {
            $($(#[$meta])* pub const $name: Self = Self($code);)*

            /// Every code the standard names, in ascending order.
            pub const STANDARD: &'static [Self] = &[$(Self::$name),*];

            /// The meaning, in the words of the table; for a code it does not name, that of its
            /// range (`FLT-02`).
            pub const fn meaning(self) -> &'static str {
                match self.0 {
                    0 => "no fault",
                    $($code => $text,)*
                    8800..=8899 | 9800..=9899 => "vendor-defined fault",
                    8000..=8799 => "unknown fault of an ACS",
                    9000..=9799 => "unknown fault of a CPE",
                    _ => "unknown fault",
                }
            }

            /// Whose fault it is (`SOAP-14`).
            pub const fn side(self) -> FaultSide {
                match self.0 {
                    $($code => FaultSide::$side,)*
                    _ => FaultSide::Server,
                }
            }
        }
    };
}

fault_codes! {
    /// 8000
    ACS_METHOD_NOT_SUPPORTED = 8000 Server "method not supported";
    /// 8001
    ACS_REQUEST_DENIED = 8001 Server "request denied";
    /// 8002
    ACS_INTERNAL_ERROR = 8002 Server "internal error";
    /// 8003
    ACS_INVALID_ARGUMENTS = 8003 Client "invalid arguments";
    /// 8004
    ACS_RESOURCES_EXCEEDED = 8004 Server "resources exceeded";
    /// 8005: the identical request is to be sent again in this session (`MRB-01`)
    RETRY_REQUEST = 8005 Server "retry request";
    /// 8006
    ACS_VERSION_INCOMPATIBLE = 8006 Server "ACS version incompatible with CPE";
    /// 9000
    METHOD_NOT_SUPPORTED = 9000 Server "method not supported";
    /// 9001
    REQUEST_DENIED = 9001 Server "request denied";
    /// 9002
    INTERNAL_ERROR = 9002 Server "internal error";
    /// 9003
    INVALID_ARGUMENTS = 9003 Client "invalid arguments";
    /// 9004
    RESOURCES_EXCEEDED = 9004 Server "resources exceeded";
    /// 9005
    INVALID_PARAMETER_NAME = 9005 Client "invalid parameter name";
    /// 9006
    INVALID_PARAMETER_TYPE = 9006 Client "invalid parameter type";
    /// 9007
    INVALID_PARAMETER_VALUE = 9007 Client "invalid parameter value";
    /// 9008
    NON_WRITABLE_PARAMETER = 9008 Client "attempt to set a non-writable parameter";
    /// 9009
    NOTIFICATION_REQUEST_REJECTED = 9009 Server "notification request rejected";
    /// 9010
    FILE_TRANSFER_FAILURE = 9010 Server "file transfer failure";
    /// 9011
    UPLOAD_FAILURE = 9011 Server "upload failure";
    /// 9012
    FILE_SERVER_AUTHENTICATION_FAILURE = 9012 Server "file server authentication failure";
    /// 9013
    UNSUPPORTED_TRANSFER_PROTOCOL = 9013 Server "unsupported protocol for file transfer";
    /// 9014
    CANNOT_JOIN_MULTICAST_GROUP = 9014 Server "cannot join multicast group";
    /// 9015
    CANNOT_CONTACT_FILE_SERVER = 9015 Server "cannot contact file server";
    /// 9016
    CANNOT_ACCESS_FILE = 9016 Server "cannot access file";
    /// 9017
    CANNOT_COMPLETE_DOWNLOAD = 9017 Server "cannot complete download";
    /// 9018
    FILE_CORRUPTED = 9018 Server "file corrupted or unusable";
    /// 9019
    FILE_AUTHENTICATION_FAILURE = 9019 Server "file authentication failure";
    /// 9020
    OUTSIDE_TIME_WINDOWS = 9020 Client "not completed within the time windows";
    /// 9021
    CANCELLATION_NOT_PERMITTED = 9021 Client "cancellation not permitted in the current state";
    /// 9022
    INVALID_UUID_FORMAT = 9022 Server "invalid UUID format";
    /// 9023
    UNKNOWN_EXECUTION_ENVIRONMENT = 9023 Server "unknown execution environment";
    /// 9024
    DISABLED_EXECUTION_ENVIRONMENT = 9024 Server "disabled execution environment";
    /// 9025
    EXECUTION_ENVIRONMENT_MISMATCH = 9025 Server
        "deployment unit does not fit the execution environment";
    /// 9026
    DUPLICATE_DEPLOYMENT_UNIT = 9026 Server "duplicate deployment unit";
    /// 9027
    SYSTEM_RESOURCES_EXCEEDED = 9027 Server "system resources exceeded";
    /// 9028
    UNKNOWN_DEPLOYMENT_UNIT = 9028 Server "unknown deployment unit";
    /// 9029
    INVALID_DEPLOYMENT_UNIT_STATE = 9029 Server "invalid deployment unit state";
    /// 9030
    DOWNGRADE_NOT_PERMITTED = 9030 Server "update is a downgrade, not permitted";
    /// 9031
    VERSION_NOT_SPECIFIED = 9031 Server "update: version not specified";
    /// 9032
    VERSION_ALREADY_EXISTS = 9032 Server "update: version already exists";
}

impl FaultCode {
    /// No fault (`TC-01`).
    pub const NONE: Self = Self(0);

    /// Whether this is a code that a CPE sends.
    pub const fn is_cpe(self) -> bool {
        matches!(self.0, 9000..=9899)
    }

    /// Whether this is a code that an ACS sends.
    pub const fn is_acs(self) -> bool {
        matches!(self.0, 8000..=8899)
    }

    /// Whether TransferComplete and AutonomousTransferComplete may carry it (`TC-02`).
    pub const fn allowed_in_transfer(self) -> bool {
        matches!(self.0, 0 | 9001 | 9002 | 9010..=9012 | 9014..=9020 | 9033..=9899)
    }

    /// Whether the result of a deployment unit operation may carry it (`DU-08`).
    pub const fn allowed_in_du_result(self) -> bool {
        matches!(
            self.0,
            0 | 9001 | 9003 | 9012 | 9013 | 9015..=9018 | 9022..=9032 | 9033..=9899
        )
    }

    /// The first CWMP version that has it (table of section 1).
    pub const fn since(self) -> crate::version::CwmpVersion {
        use crate::version::CwmpVersion;
        match self.0 {
            8006 => CwmpVersion::V1_4,
            9014..=9019 => CwmpVersion::V1_1,
            9020..=9032 => CwmpVersion::V1_2,
            _ => CwmpVersion::V1_0,
        }
    }
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.meaning())
    }
}

/// The answer to a request that failed: a SOAP fault with CWMP's detail (`SOAP-14`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fault {
    /// SOAP's `faultcode`.
    pub side: FaultSide,
    /// `FaultCode`
    pub fault_code: FaultCode,
    /// `FaultString`, optional in the schema, free text for people (`FLT-01`).
    pub fault_string: Option<String>,
    /// The parameters that made a SetParameterValues fail (`SPV-06`).
    pub set_parameter_values_faults: Vec<SetParameterValuesFault>,
}

impl Fault {
    /// A fault with the text of the table.
    pub fn new(fault_code: FaultCode) -> Self {
        Self::with_text(fault_code, capitalised(fault_code.meaning()))
    }

    /// A fault with a text of its own.
    pub fn with_text(fault_code: FaultCode, text: impl Into<String>) -> Self {
        Self {
            side: fault_code.side(),
            fault_code,
            fault_string: Some(text.into()),
            set_parameter_values_faults: Vec::new(),
        }
    }

    /// The fault of a SetParameterValues: 9003 with one entry for every bad parameter (`SPV-06`,
    /// `FLT-03`).
    pub fn set_parameter_values(faults: Vec<SetParameterValuesFault>) -> Self {
        Self { set_parameter_values_faults: faults, ..Self::new(FaultCode::INVALID_ARGUMENTS) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fault_code)?;
        if let Some(text) = &self.fault_string {
            write!(f, ": {text}")?;
        }
        for fault in &self.set_parameter_values_faults {
            write!(f, "; {} {}", fault.parameter_name, fault.fault_code)?;
        }
        Ok(())
    }
}

/// What is wrong with one parameter of a SetParameterValues.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetParameterValuesFault {
    /// `ParameterName`
    pub parameter_name: String,
    /// `FaultCode`
    pub fault_code: FaultCode,
    /// `FaultString`
    pub fault_string: Option<String>,
}

impl SetParameterValuesFault {
    /// The fault of one parameter with a text that says why.
    pub fn new(
        parameter_name: impl Into<String>,
        fault_code: FaultCode,
        text: impl Into<String>,
    ) -> Self {
        Self { parameter_name: parameter_name.into(), fault_code, fault_string: Some(text.into()) }
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ordered_and_split_by_side() {
        assert!(FaultCode::STANDARD.windows(2).all(|pair| pair.first() < pair.last()));
        assert!(FaultCode::STANDARD.iter().all(|code| code.is_cpe() != code.is_acs()));
        assert_eq!(FaultCode::STANDARD.len(), 7 + 33);
    }

    #[test]
    fn flt_02_unknown_codes_are_named_by_range() {
        assert_eq!(FaultCode(9799).meaning(), "unknown fault of a CPE");
        assert_eq!(FaultCode(9811).meaning(), "vendor-defined fault");
        assert_eq!(FaultCode(8123).meaning(), "unknown fault of an ACS");
        assert_eq!(FaultCode(1).meaning(), "unknown fault");
    }

    #[test]
    fn tc_02_and_du_08_codes_of_results() {
        assert!(FaultCode(9012).allowed_in_transfer() && !FaultCode(9013).allowed_in_transfer());
        assert!(FaultCode(9013).allowed_in_du_result() && !FaultCode(9002).allowed_in_du_result());
    }

    #[test]
    fn a_fault_prints_its_parameters() {
        let fault = Fault::set_parameter_values(vec![SetParameterValuesFault::new(
            "Device.Time.Enable",
            FaultCode::INVALID_PARAMETER_VALUE,
            "not a boolean",
        )]);
        assert_eq!(
            fault.to_string(),
            "9003 (invalid arguments): Invalid arguments; \
             Device.Time.Enable 9007 (invalid parameter value)"
        );
    }
}
