//! The licences of all libraries, against the list that deny.toml allows.
//!
//! cargo-deny checks more, where it is installed; this runs everywhere.

use anyhow::{Context, Result};
use serde::Deserialize;
use spdx::{Expression, LicenseReq, ParseMode};

use super::Finding;
use crate::cargo::Package;

#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

/// Licences that one package may have beyond the list.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate", alias = "name")]
    package: String,
    allow: Vec<String>,
}

/// Checks what each package says of itself.
pub(super) fn check(packages: &[Package], deny: &str) -> Result<Vec<Finding>> {
    let deny: Deny = toml::from_str(deny).context("cannot read deny.toml")?;
    let problem = |package| problem(package, &deny.licenses).map(|text| finding(package, &text));
    Ok(packages.iter().filter_map(problem).collect())
}

fn problem(package: &Package, licences: &Licences) -> Option<String> {
    let Some(text) = &package.license else {
        return Some("states no licence".to_owned());
    };
    let Ok(expression) = Expression::parse_mode(text, ParseMode::LAX) else {
        return Some(format!("states a licence that is no SPDX expression: {text}"));
    };
    let is_allowed = |licence: &LicenseReq| {
        let name = licence.to_string();
        let exception =
            |entry: &Exception| entry.package == package.name && entry.allow.contains(&name);
        licences.allow.contains(&name) || licences.exceptions.iter().any(exception)
    };
    (!expression.evaluate(is_allowed)).then(|| format!("is licensed as {text}"))
}

fn finding(package: &Package, problem: &str) -> Finding {
    let Package { name, version, .. } = package;
    let advice = "take another library, or allow the licence in deny.toml with a reason";
    Finding::in_file("Cargo.lock", format!("{name} {version} {problem}; {advice}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = "[licenses]\nallow = [\"MIT\", \"Apache-2.0\", \"Unicode-3.0\"]\n\
        exceptions = [{ crate = \"roots\", allow = [\"CDLA-Permissive-2.0\"] }]\n";

    fn found(name: &str, license: Option<&str>) -> Vec<Finding> {
        let package = Package {
            id: name.to_owned(),
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
            dependencies: vec![],
            targets: vec![],
        };
        check(&[package], DENY).unwrap()
    }

    #[test]
    fn a_choice_needs_one_and_a_sum_all() {
        assert_eq!(found("a", Some("MIT OR GPL-3.0-only")), []);
        assert_eq!(found("a", Some("MIT/Apache-2.0")), []);
        assert_eq!(found("a", Some("(MIT OR Apache-2.0) AND Unicode-3.0")), []);
        let both = found("a", Some("MIT AND GPL-3.0-only"));
        assert!(both[0].message.contains("a 1.0.0 is licensed as MIT AND GPL"), "{both:?}");
    }

    #[test]
    fn an_exception_is_for_one_package() {
        assert_eq!(found("roots", Some("CDLA-Permissive-2.0")), []);
        assert_eq!(found("other", Some("CDLA-Permissive-2.0")).len(), 1);
    }

    #[test]
    fn a_licence_must_be_stated_and_readable() {
        assert!(found("a", None)[0].message.contains("states no licence"));
        assert!(found("a", Some("ask me"))[0].message.contains("no SPDX expression"));
    }
}
