//! The programs that tests use and that a build does not bring along.

use std::path::Path;
use std::process::Command;

use crate::cargo;

/// A Debian package and the program that proves it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    pub debian: &'static str,
    pub program: &'static str,
    /// What goes unchecked without it.
    pub purpose: &'static str,
}

/// Everything the tests start that is not ours.
pub const PACKAGES: &[Package] = &[
    Package {
        debian: "libxml2-utils",
        program: "xmllint",
        purpose: "messages are validated with the published schemas",
    },
    Package {
        debian: "iproute2",
        program: "ip",
        purpose: "the agent's values are compared with the kernel's, in a network namespace",
    },
    Package {
        debian: "strace",
        program: "strace",
        purpose: "the order of sync and acknowledgement is read from the system calls",
    },
    Package {
        debian: "postgresql",
        program: "initdb",
        purpose: "the store is kept in a PostgreSQL server",
    },
    Package {
        debian: "openssl",
        program: "openssl",
        purpose: "a PostgreSQL server has to show a certificate",
    },
    Package {
        debian: "curl",
        program: "curl",
        purpose: "the HTTP interfaces meet a foreign client",
    },
    Package { debian: "nftables", program: "nft", purpose: "a device behind a NAT is reached" },
    Package {
        debian: "coturn",
        program: "turnutils_stunclient",
        purpose: "the STUN server meets a foreign client",
    },
    Package {
        debian: "haproxy",
        program: "haproxy",
        purpose: "a proxy lets old devices in, and tells who they are",
    },
];

/// Installs what is missing where that is possible; returns what is missing still.
///
/// A missing program is no failure here: the test that needs it decides, and says so by name.
pub fn install_missing() -> Vec<Package> {
    let missing = missing();
    if !missing.is_empty() && can_install() {
        install(&missing);
    }
    self::missing()
}

/// A line for a person that says what is missing and how to get it.
pub fn describe(missing: &[Package]) -> String {
    let uses = missing.iter().map(|package| format!("{} ({})", package.program, package.purpose));
    let names = missing.iter().map(|package| package.debian);
    format!(
        "missing: {}; on Debian, as root: apt-get install {}",
        uses.collect::<Vec<_>>().join(", "),
        names.collect::<Vec<_>>().join(" ")
    )
}

fn missing() -> Vec<Package> {
    PACKAGES.iter().filter(|package| !is_on_path(package.program)).copied().collect()
}

/// Looks in the administrator's folders too: an ordinary user's search path often lacks them.
/// Debian keeps the programs of a PostgreSQL server in folders of their own.
fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    let administrators = ["/usr/sbin", "/sbin"].map(Into::into);
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let servers = versions.map(|version| version.path().join("bin"));
    folders.chain(administrators).chain(servers).any(|folder| folder.join(program).is_file())
}

fn can_install() -> bool {
    Path::new("/etc/debian_version").exists() && is_root()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Tries to install; what goes wrong is printed, and counted by whoever looks again.
fn install(packages: &[Package]) {
    let names = packages.iter().map(|package| package.debian);
    let mut install = apt_get(["install", "-y", "--no-install-recommends"]);
    install.args(names);
    for command in [&mut apt_get(["update"]), &mut install] {
        println!("xtask: {}", cargo::command_line(command));
        if let Err(error) = cargo::run(command) {
            println!("xtask: {error:#}");
        }
    }
}

fn apt_get<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-qq").args(args).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_name_only() {
        assert!(is_on_path("sh"));
        assert!(!is_on_path("no-program-is-called-this"));
    }

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let line = describe(&PACKAGES[..1]);
        assert!(line.contains("xmllint (messages are validated"), "{line}");
        assert!(line.ends_with("apt-get install libxml2-utils"), "{line}");
    }
}
