//! The rules of this project that no compiler checks.
//!
//! Each rule is a module with one `check`, which takes what it looks at as data and returns what
//! it found. [`check`] reads the workspace once and hands it to all of them.

use std::fmt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::cargo::{Metadata, workspace_root};

mod adr;
mod layers;
mod lengths;
mod licences;
mod links;
mod manifests;
mod marks;
mod purity;
mod requirements;
mod sources;

use sources::Sources;

/// A breach of a rule: where it is, what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `folder/file:line`, or the file alone.
    pub place: String,
    pub message: String,
}

impl Finding {
    fn in_line(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { place: format!("{path}:{line}"), message: message.into() }
    }

    fn in_file(path: &str, message: impl Into<String>) -> Self {
        Self { place: path.to_owned(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Checks this workspace and prints what was found; fails when there is anything.
pub fn run() -> Result<()> {
    let findings = check(&workspace_root())?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: nothing to mend"),
        count => bail!("tidy found {count} thing(s) to mend"),
    }
    Ok(())
}

/// Checks the workspace in this folder against every rule.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let sources = Sources::read(root)?;
    let metadata = Metadata::load()?;
    let mut findings = layers::check(&metadata.members());
    findings.extend(purity::check(&metadata));
    findings.extend(manifests::check(&sources)?);
    findings.extend(licences::check(&metadata.packages, sources.text("deny.toml")?)?);
    findings.extend(links::check(&sources));
    findings.extend(adr::check(&sources));
    findings.extend(requirements::check(&sources, sources.text(requirements::LIST)?));
    findings.extend(marks::check(&sources));
    findings.extend(lengths::check(&sources));
    Ok(findings)
}
