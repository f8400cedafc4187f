//! Who may use whom: the table of ARCHITECTURE.md, also for dev- and build-dependencies.

use super::Finding;
use crate::cargo::Package;

/// What a package may use of this workspace.
#[derive(Debug, Clone, Copy)]
enum MayUse {
    Only(&'static [&'static str]),
    Everything,
}

/// A row for each package, those of later steps included.
const TABLE: &[(&str, MayUse)] = &[
    ("drover-cwmp", MayUse::Only(&[])),
    ("drover-datamodel", MayUse::Only(&["drover-cwmp"])),
    ("drover-cpe", MayUse::Only(&["drover-cwmp", "drover-datamodel"])),
    ("drover-quickjs", MayUse::Only(&[])),
    ("drover-provision", MayUse::Only(&["drover-quickjs", "drover-cwmp", "drover-datamodel"])),
    (
        "drover-store",
        MayUse::Only(&[
            "drover-provision",
            "drover-datamodel",
            "drover-cwmp",
            // Its tests alone.
            "drover-test-servers",
        ]),
    ),
    (
        "drover-acs",
        MayUse::Only(&["drover-store", "drover-provision", "drover-datamodel", "drover-cwmp"]),
    ),
    ("drover-agent", MayUse::Only(&["drover-cpe", "drover-datamodel", "drover-cwmp"])),
    (
        "drover-simulator",
        MayUse::Only(&[
            "drover-cpe",
            "drover-provision",
            "drover-store",
            "drover-datamodel",
            "drover-cwmp",
        ]),
    ),
    ("drover-conformance", MayUse::Only(&["drover-cwmp", "drover-datamodel"])),
    ("drover-test-servers", MayUse::Only(&[])),
    ("drover", MayUse::Everything),
    ("drover-tests", MayUse::Everything),
    ("xtask", MayUse::Only(&[])),
];

/// Packages that stand at the top: nothing may use them.
const TOP: &[&str] = &["drover-tests", "xtask"];

/// Compares what each package of the workspace declares with the table.
pub(super) fn check(members: &[&Package]) -> Vec<Finding> {
    let names: Vec<&str> = members.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in members {
        let Some((_, row)) = TABLE.iter().find(|(name, _)| *name == package.name) else {
            findings.push(finding(&package.name, "has no row in the table of who uses whom"));
            continue;
        };
        let declared = package.dependencies.iter().map(|dependency| dependency.name.as_str());
        for used in declared.filter(|name| names.contains(name)) {
            if !allows(*row, &package.name, used) {
                findings.push(finding(&package.name, &format!("may not use {used}")));
            }
        }
    }
    findings
}

fn allows(row: MayUse, user: &str, used: &str) -> bool {
    // `drover` is a top package too, but the end-to-end tests may look inside it.
    let is_top = TOP.contains(&used) || (used == "drover" && user != "drover-tests");
    match row {
        MayUse::Only(names) => names.contains(&used),
        MayUse::Everything => !is_top,
    }
}

fn finding(package: &str, problem: &str) -> Finding {
    let advice = "see \"Who uses whom\" in ARCHITECTURE.md; the table is xtask/src/tidy/layers.rs";
    Finding::in_file(&format!("Cargo.toml of {package}"), format!("{package} {problem}; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::Dependency;

    fn package(name: &str, uses: &[&str]) -> Package {
        Package {
            id: name.to_owned(),
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: None,
            dependencies: uses.iter().map(|name| Dependency { name: (*name).to_owned() }).collect(),
            targets: vec![],
        }
    }

    fn check_all(packages: &[Package]) -> Vec<String> {
        let members: Vec<&Package> = packages.iter().collect();
        check(&members).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_table_is_followed() {
        let packages = [
            package("drover-cwmp", &["quick-xml"]),
            package("drover-cpe", &["drover-cwmp"]),
            package("drover-acs", &["drover-cwmp"]),
            package("drover", &["drover-acs", "drover-cpe"]),
            package("drover-tests", &["drover", "drover-acs"]),
        ];
        assert_eq!(check_all(&packages), [""; 0]);
    }

    #[test]
    fn a_use_from_below_is_found() {
        let packages = [
            package("drover-cwmp", &["drover-cpe"]),
            package("drover-cpe", &[]),
            package("drover-simulator", &["drover-acs"]),
            package("drover-acs", &["drover"]),
            package("drover", &["drover-tests"]),
            package("drover-tests", &[]),
        ];
        let found = check_all(&packages);
        let expected = [
            "drover-cwmp may not use drover-cpe",
            "drover-simulator may not use drover-acs",
            "drover-acs may not use drover",
            "drover may not use drover-tests",
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn a_new_package_needs_a_row() {
        let found = check_all(&[package("drover-magic", &[])]);
        assert!(found[0].contains("drover-magic has no row"), "{found:?}");
    }
}
