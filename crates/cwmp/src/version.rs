//! Protocol versions and their namespaces (TR-069a6 §3.5, `VER-01`), and their negotiation
//! (section 10 of the requirements).

use std::fmt;
use std::str::FromStr;

/// A version of CWMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum CwmpVersion {
    /// Issue 1 and Amendment 1.
    V1_0,
    /// Amendment 2.
    V1_1,
    /// Amendment 3.
    V1_2,
    /// Amendment 4.
    V1_3,
    /// Amendments 5 and 6.
    #[default]
    V1_4,
}

impl CwmpVersion {
    /// All versions, oldest first.
    pub const ALL: [Self; 5] = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3, Self::V1_4];

    /// `1.0` … `1.4`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
        }
    }

    /// The namespace that an envelope of this version uses: from 1.2 on always `…cwmp-1-2`
    /// (`VER-01`).
    pub const fn namespace(self) -> CwmpNamespace {
        match self {
            Self::V1_0 => CwmpNamespace::V1_0,
            Self::V1_1 => CwmpNamespace::V1_1,
            Self::V1_2 | Self::V1_3 | Self::V1_4 => CwmpNamespace::V1_2,
        }
    }

    /// The versions a CPE offers when its newest is `self`, as the header
    /// `SupportedCWMPVersions` lists them (`NEG-01`).
    pub fn up_to(self) -> Vec<Self> {
        Self::ALL.into_iter().filter(|version| *version <= self).collect()
    }
}

impl fmt::Display for CwmpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a version of CWMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a CWMP version; known are 1.0, 1.1, 1.2, 1.3 and 1.4")]
pub struct UnknownVersion;

impl FromStr for CwmpVersion {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let text = text.trim();
        Self::ALL.into_iter().find(|version| version.as_str() == text).ok_or(UnknownVersion)
    }
}

/// The namespace of the `cwmp:` prefix in one envelope.
///
/// `…cwmp-1-3` and `…cwmp-1-4` do not exist in the standard; some devices use them all the same and
/// are answered in kind (`VER-01`, `LEN-02`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum CwmpNamespace {
    /// `urn:dslforum-org:cwmp-1-0`
    V1_0,
    /// `urn:dslforum-org:cwmp-1-1`
    V1_1,
    /// `urn:dslforum-org:cwmp-1-2`
    #[default]
    V1_2,
    /// `urn:dslforum-org:cwmp-1-3`, non-standard.
    V1_3,
    /// `urn:dslforum-org:cwmp-1-4`, non-standard.
    V1_4,
}

impl CwmpNamespace {
    /// All namespaces, oldest first.
    pub const ALL: [Self; 5] = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3, Self::V1_4];

    /// The namespace name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "urn:dslforum-org:cwmp-1-0",
            Self::V1_1 => "urn:dslforum-org:cwmp-1-1",
            Self::V1_2 => "urn:dslforum-org:cwmp-1-2",
            Self::V1_3 => "urn:dslforum-org:cwmp-1-3",
            Self::V1_4 => "urn:dslforum-org:cwmp-1-4",
        }
    }

    /// Recognises a namespace name by its suffix (`LEN-02`).
    pub fn recognise(name: &str) -> Option<Self> {
        let (head, digit) = name.trim().split_at_checked(name.trim().len().checked_sub(1)?)?;
        if !head.to_ascii_lowercase().ends_with("cwmp-1-") {
            return None;
        }
        match digit {
            "0" => Some(Self::V1_0),
            "1" => Some(Self::V1_1),
            "2" => Some(Self::V1_2),
            "3" => Some(Self::V1_3),
            "4" => Some(Self::V1_4),
            _ => None,
        }
    }

    /// The version that an envelope in this namespace speaks when nothing else tells (`NEG-04`).
    pub const fn version(self) -> CwmpVersion {
        match self {
            Self::V1_0 => CwmpVersion::V1_0,
            Self::V1_1 => CwmpVersion::V1_1,
            Self::V1_2 => CwmpVersion::V1_2,
            Self::V1_3 => CwmpVersion::V1_3,
            Self::V1_4 => CwmpVersion::V1_4,
        }
    }
}

/// What an ACS chooses for a session from what the Inform says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The version of the session.
    pub version: CwmpVersion,
    /// The namespace of every envelope the ACS sends in it (`NEG-06`).
    pub namespace: CwmpNamespace,
    /// Whether the answer carries `UseCWMPVersion` (`NEG-02`: only when the CPE offered a list).
    pub announce: bool,
}

/// Chooses the version of a session on the ACS's side (`NEG-02`, `NEG-03`, `NEG-05`).
///
/// `newest` is the newest version this ACS speaks, `offered` the CPE's `SupportedCWMPVersions`
/// where it sent that header, `namespace` the one of its Inform. `None` means that no offered
/// version is acceptable, which is answered with fault 8006.
pub fn choose(
    newest: CwmpVersion,
    offered: Option<&[CwmpVersion]>,
    namespace: CwmpNamespace,
    session_timeout: bool,
) -> Option<Choice> {
    let Some(offered) = offered else {
        let from_namespace = namespace.version();
        // A CPE that sends SessionTimeout in cwmp-1-2 speaks at least 1.3 (`NEG-05`).
        let version = if session_timeout && from_namespace == CwmpVersion::V1_2 {
            CwmpVersion::V1_3
        } else {
            from_namespace
        };
        return Some(Choice { version: version.min(newest), namespace, announce: false });
    };
    let version = offered.iter().copied().filter(|version| *version <= newest).max()?;
    // A device that came in a namespace of its own invention understands only that one.
    let namespace = match namespace {
        CwmpNamespace::V1_3 | CwmpNamespace::V1_4 => namespace,
        _ => version.namespace(),
    };
    Some(Choice { version, namespace, announce: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_recognised_by_suffix() {
        for namespace in CwmpNamespace::ALL {
            assert_eq!(CwmpNamespace::recognise(namespace.as_str()), Some(namespace));
        }
        assert_eq!(CwmpNamespace::recognise("urn:dslforum-org:cwmp-1-5"), None);
        assert_eq!(
            CwmpNamespace::recognise("URN:DSLFORUM-ORG:CWMP-1-1"),
            Some(CwmpNamespace::V1_1)
        );
        assert_eq!(CwmpNamespace::recognise(""), None);
        assert_eq!(CwmpNamespace::recognise("é"), None);
    }

    #[test]
    fn ver_01_versions_from_1_2_on_share_a_namespace() {
        let names: Vec<_> = CwmpVersion::ALL.iter().map(|v| v.namespace()).collect();
        let newest = CwmpNamespace::V1_2;
        assert_eq!(names, [CwmpNamespace::V1_0, CwmpNamespace::V1_1, newest, newest, newest]);
    }

    #[test]
    fn neg_02_the_newest_common_version_is_chosen_and_announced() {
        let offered = CwmpVersion::V1_4.up_to();
        let choice = choose(CwmpVersion::V1_3, Some(&offered), CwmpNamespace::V1_2, false);
        let choice = choice.expect("1.3 is offered");
        assert_eq!(choice.version, CwmpVersion::V1_3);
        assert!(choice.announce);
    }

    #[test]
    fn neg_03_no_common_version() {
        assert_eq!(
            choose(CwmpVersion::V1_1, Some(&[CwmpVersion::V1_4]), CwmpNamespace::V1_2, false),
            None
        );
    }

    #[test]
    fn neg_05_without_a_list_the_namespace_decides() {
        let by = |namespace, timeout| {
            choose(CwmpVersion::V1_4, None, namespace, timeout).expect("a version").version
        };
        assert_eq!(by(CwmpNamespace::V1_0, false), CwmpVersion::V1_0);
        assert_eq!(by(CwmpNamespace::V1_2, false), CwmpVersion::V1_2);
        assert_eq!(by(CwmpNamespace::V1_2, true), CwmpVersion::V1_3);
    }
}
