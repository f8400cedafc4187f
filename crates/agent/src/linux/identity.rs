//! Who this box is: operating system, host name, hardware, a stable serial number.

use sha2::{Digest, Sha256};

use crate::linux::files::read_optional;

/// What the host tells about itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The name of the host.
    pub host_name: String,
    /// `PRETTY_NAME` of os-release, such as `Debian GNU/Linux 12 (bookworm)`.
    pub os_name: String,
    /// `VERSION_ID` of os-release; empty on rolling distributions.
    pub os_version: String,
    /// The release of the running kernel, as `uname -r` prints it.
    pub kernel_release: String,
    /// The build of the running kernel, as `uname -v` prints it.
    pub kernel_version: String,
    /// Processor architecture such as `x86_64`.
    pub architecture: String,
    /// Maker of the hardware (DMI), where the firmware tells it.
    pub hardware_vendor: Option<String>,
    /// Model of the hardware (DMI or device tree), where the firmware tells it.
    pub hardware_model: Option<String>,
    /// Version of the hardware (DMI), where the firmware tells it.
    pub hardware_version: Option<String>,
    /// A serial number made from the machine ID, which stays as long as the installation does.
    pub serial_number: Option<String>,
}

/// Reads the host's identity. Nothing of it is required to exist, so this cannot fail.
pub fn identity() -> Identity {
    let os_release = read_optional("/etc/os-release")
        .or_else(|| read_optional("/usr/lib/os-release"))
        .unwrap_or_default();
    Identity {
        host_name: kernel_text("hostname"),
        os_name: os_release_value(&os_release, "PRETTY_NAME").unwrap_or_else(|| "Linux".to_owned()),
        os_version: os_release_value(&os_release, "VERSION_ID").unwrap_or_default(),
        kernel_release: kernel_text("osrelease"),
        kernel_version: kernel_text("version"),
        architecture: std::env::consts::ARCH.to_owned(),
        hardware_vendor: dmi("sys_vendor"),
        hardware_model: dmi("product_name").or_else(|| read_optional("/proc/device-tree/model")),
        hardware_version: dmi("product_version").or_else(|| dmi("board_version")),
        serial_number: read_optional("/etc/machine-id").as_deref().and_then(serial_number),
    }
}

/// The serial number that belongs to a machine ID: 16 hexadecimal digits of a keyed hash.
///
/// machine-id(5) asks not to show the ID itself on a network, hence the hash. A file that holds
/// no ID (`uninitialized`, as on an image before its first boot) gives none.
fn serial_number(machine_id: &str) -> Option<String> {
    let digits = machine_id.len() == 32 && machine_id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !digits {
        return None;
    }
    let hash = Sha256::digest(format!("drover-agent serial number {machine_id}"));
    Some(hash.iter().take(8).map(|byte| format!("{byte:02X}")).collect())
}

fn kernel_text(name: &str) -> String {
    read_optional(&format!("/proc/sys/kernel/{name}")).unwrap_or_default()
}

/// A DMI value, unless the maker left the field as it was delivered.
fn dmi(name: &str) -> Option<String> {
    const UNFILLED: [&str; 5] =
        ["To Be Filled By O.E.M.", "Default string", "Not Specified", "System Version", "None"];
    let value = read_optional(&format!("/sys/class/dmi/id/{name}"))?;
    let unfilled = UNFILLED.iter().any(|unfilled| value.eq_ignore_ascii_case(unfilled));
    (!unfilled).then_some(value)
}

/// A value of os-release(5); quotes are taken off.
fn os_release_value(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    let value = value.trim().trim_matches(|quote| quote == '"' || quote == '\'');
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_number_is_stable_and_hides_the_machine_id() {
        let serial = serial_number("0123456789abcdef0123456789abcdef").unwrap();
        // Fixed: a device that changes its serial number becomes another device (ID-02).
        assert_eq!(serial, "864C9ED88608A7D8");
        assert_eq!(serial_number("uninitialized"), None);
        assert_eq!(serial_number(""), None);
    }

    #[test]
    fn os_release_is_unquoted() {
        let text = "NAME=\"X\"\nPRETTY_NAME=\"Some Linux 1\"\nVERSION_ID='12'\nID=x\nEMPTY=\n";
        assert_eq!(os_release_value(text, "PRETTY_NAME").unwrap(), "Some Linux 1");
        assert_eq!(os_release_value(text, "VERSION_ID").unwrap(), "12");
        assert_eq!(os_release_value(text, "ID").unwrap(), "x");
        assert_eq!(os_release_value(text, "EMPTY"), None);
    }

    #[test]
    fn agrees_with_uname() {
        let uname = |flag: &str| {
            let output = std::process::Command::new("uname").arg(flag).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        let identity = identity();
        assert_eq!(identity.kernel_release, uname("-r"));
        assert_eq!(identity.kernel_version, uname("-v"));
        assert_eq!(identity.host_name, uname("-n"));
        assert_eq!(identity.architecture, uname("-m"));
    }
}
