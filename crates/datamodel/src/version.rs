//! Names and versions of models (TR-106 §2.2, `TM-03`).

use std::fmt;
use std::str::FromStr;

/// A version of a model or of an item of it: major, minor, and a patch that is 0 almost always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version {
    /// What came before cannot be used.
    pub major: u16,
    /// A superset of what came before.
    pub minor: u16,
    /// A correction.
    pub patch: u16,
}

impl Version {
    /// `major.minor`
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor, patch: 0 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch == 0 { Ok(()) } else { write!(f, ".{}", self.patch) }
    }
}

/// A text is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version is two numbers with a dot between them, such as 2.19")]
pub struct VersionError;

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let mut parts = text.trim().split('.').map(str::parse::<u16>);
        let mut next = || parts.next().transpose().map_err(|_| VersionError);
        let (Some(major), minor) = (next()?, next()?) else { return Err(VersionError) };
        let version = Self { major, minor: minor.ok_or(VersionError)?, patch: 0 };
        let version = Self { patch: next()?.unwrap_or(0), ..version };
        if next()?.is_some() { Err(VersionError) } else { Ok(version) }
    }
}

/// Name of a model with its version, such as `Device:2.19`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelName {
    /// Name of the root or service object, such as `Device`.
    pub name: Box<str>,
    /// Its version.
    pub version: Version,
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.version)
    }
}

impl FromStr for ModelName {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let (name, version) = text.trim().split_once(':').ok_or(VersionError)?;
        if name.is_empty() {
            return Err(VersionError);
        }
        Ok(Self { name: name.into(), version: version.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tm_03_versions_are_numbers() {
        assert_eq!("2.19".parse(), Ok(Version::new(2, 19)));
        assert_eq!("2.1.3".parse(), Ok(Version { major: 2, minor: 1, patch: 3 }));
        assert!(Version::new(2, 9) < Version::new(2, 11));
        for bad in ["", "2", "2.", ".1", "2.x", "1.2.3.4", "2.-1", "99999.1"] {
            assert_eq!(bad.parse::<Version>(), Err(VersionError), "{bad}");
        }
    }

    #[test]
    fn names_are_read_and_written() {
        for text in ["Device:2.19", "_InternetGatewayDevice:1.0", "FAPService:2.1.3"] {
            assert_eq!(text.parse::<ModelName>().unwrap().to_string(), text);
        }
        assert!("Device".parse::<ModelName>().is_err());
        assert!(":2.1".parse::<ModelName>().is_err());
    }
}
