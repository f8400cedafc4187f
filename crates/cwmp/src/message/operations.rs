//! Operations of a ChangeDUState: elements whose `xsi:type` tells which of three structures they
//! are (`SOAP-06`, `DU-02`).

use super::content::{Content, violation};
use super::macros::structure;
use crate::error::Violation;
use crate::limits::{LONG_URL_CHARS_MAX, TRANSFER_TEXT_CHARS_MAX, VERSION_CHARS_MAX};
use crate::xml::{Element, ReadError, XmlReader, XmlWriter};

structure! {
    /// Installs a deployment unit.
    InstallOpStruct {
        /// Where its file is.
        url: String = "URL" required (LONG_URL_CHARS_MAX),
        /// UUID to give it; the CPE makes one when absent (`DU-09`).
        uuid: Option<String> = "UUID" optional,
        /// For the file server.
        username: Option<String> = "Username" optional (TRANSFER_TEXT_CHARS_MAX),
        /// For the file server.
        password: Option<String> = "Password" optional (TRANSFER_TEXT_CHARS_MAX),
        /// Path of the execution environment.
        execution_env_ref: Option<String> = "ExecutionEnvRef" optional (TRANSFER_TEXT_CHARS_MAX),
    }
}

structure! {
    /// Updates one or all deployment units (`DU-03`).
    UpdateOpStruct {
        /// Which unit.
        uuid: Option<String> = "UUID" optional,
        /// Which of its versions.
        version: Option<String> = "Version" optional (VERSION_CHARS_MAX),
        /// Where the new file is.
        url: Option<String> = "URL" optional (LONG_URL_CHARS_MAX),
        /// For the file server.
        username: Option<String> = "Username" optional (TRANSFER_TEXT_CHARS_MAX),
        /// For the file server.
        password: Option<String> = "Password" optional (TRANSFER_TEXT_CHARS_MAX),
    }
}

structure! {
    /// Removes a deployment unit.
    UninstallOpStruct {
        /// Which unit.
        uuid: String = "UUID" required,
        /// Which of its versions; all when absent (`DU-03`).
        version: Option<String> = "Version" optional (VERSION_CHARS_MAX),
        /// Path of the execution environment.
        execution_env_ref: Option<String> = "ExecutionEnvRef" optional (TRANSFER_TEXT_CHARS_MAX),
    }
}

/// One operation of a ChangeDUState (`DU-02`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `cwmp:InstallOpStruct`
    Install(InstallOpStruct),
    /// `cwmp:UpdateOpStruct`
    Update(UpdateOpStruct),
    /// `cwmp:UninstallOpStruct`
    Uninstall(UninstallOpStruct),
}

impl Operation {
    const fn type_name(&self) -> &'static str {
        match self {
            Self::Install(_) => "cwmp:InstallOpStruct",
            Self::Update(_) => "cwmp:UpdateOpStruct",
            Self::Uninstall(_) => "cwmp:UninstallOpStruct",
        }
    }
}

impl Content for Operation {
    fn read(
        reader: &mut XmlReader<'_>,
        element: &Element<'_>,
        member: &'static str,
    ) -> Result<Self, ReadError> {
        let name = element.attribute("type").unwrap_or_default().into_owned();
        match name.rsplit(':').next().unwrap_or_default() {
            "InstallOpStruct" => Content::read(reader, element, member).map(Self::Install),
            "UpdateOpStruct" => Content::read(reader, element, member).map(Self::Update),
            "UninstallOpStruct" => Content::read(reader, element, member).map(Self::Uninstall),
            _ => Err(ReadError::Argument(violation(
                member,
                "needs the xsi:type InstallOpStruct, UpdateOpStruct or UninstallOpStruct",
            ))),
        }
    }

    fn write(&self, writer: &mut XmlWriter, member: &'static str) {
        writer.open_with(member, &format!("xsi:type=\"{}\"", self.type_name()));
        match self {
            Self::Install(operation) => operation.write_members(writer),
            Self::Update(operation) => operation.write_members(writer),
            Self::Uninstall(operation) => operation.write_members(writer),
        }
        writer.close(member);
    }

    fn check(&self, member: &'static str) -> Result<(), Violation> {
        match self {
            Self::Install(operation) => operation.check(member),
            Self::Update(operation) => operation.check(member),
            Self::Uninstall(operation) => operation.check(member),
        }
    }
}
