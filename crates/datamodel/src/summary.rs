//! How a device says which models and profiles it has: `DeviceSummary` (`TM-17`) and
//! `SupportedDataModel` (`DI-01`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::conformance::{Models, Support, service_instances};
use crate::limits::SUMMARY_BYTES_MAX;
use crate::schema::{Profile, Schema};
use crate::tree::RecordedTree;
use crate::version::{ModelName, Version};

/// What `DeviceSummary` holds: the root object, then an entry for each instance of a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceSummary {
    /// None, where `SupportedDataModel` takes its place.
    pub objects: Vec<SummaryObject>,
}

/// An object with the profiles that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryObject {
    /// Such as `VoiceService:1.0`.
    pub model: ModelName,
    /// Which instance of the service it is.
    pub instance: Instance,
    /// The profiles, each with its highest version.
    pub profiles: Vec<ProfileName>,
}

/// Which instance of a service is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Instance {
    /// `[]`: the root object, or a service that has no instance now.
    #[default]
    None,
    /// `[1]`
    Fixed(u32),
    /// `[+1]`: its number may change.
    Changing(u32),
}

/// A profile with its version, such as `Baseline:1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName {
    /// Such as `Baseline`.
    pub name: Box<str>,
    /// Such as 1.
    pub version: u32,
}

impl DeviceSummary {
    /// What a device could say of itself that has this tree: the profiles of which nothing is
    /// missing, and the instances of the services that it has.
    pub fn of_tree(models: &Models<'_>, tree: &RecordedTree) -> Self {
        let mut objects = Vec::new();
        if let Some(root) = models.root() {
            let support = Support::new(root, tree);
            objects.push(SummaryObject::new(root, Instance::None, &support));
        }
        for service in service_instances(models, tree) {
            let instance = match service.number {
                None => Instance::None,
                Some(number) if service.is_changing => Instance::Changing(number),
                Some(number) => Instance::Fixed(number),
            };
            objects.push(SummaryObject::new(service.schema, instance, &service.support));
        }
        Self { objects }
    }
}

impl SummaryObject {
    fn new(schema: &Schema, instance: Instance, support: &Support<'_>) -> Self {
        let name = schema.root_name().into();
        let model = ModelName { name, version: schema.name().version };
        let profiles = match instance {
            Instance::None if schema.is_service() => Vec::new(),
            _ => highest(&support.profiles_met()),
        };
        Self { model, instance, profiles }
    }
}

/// A version contains the ones before it (`TM-04`), so that the highest says all.
fn highest(profiles: &[Profile<'_>]) -> Vec<ProfileName> {
    let names = profiles.iter().filter_map(|profile| profile.name().parse::<ProfileName>().ok());
    let names: Vec<ProfileName> = names.collect();
    let mut versions: BTreeMap<&str, u32> = BTreeMap::new();
    for profile in &names {
        let version = versions.entry(&profile.name).or_default();
        *version = (*version).max(profile.version);
    }
    let is_highest = |it: &&ProfileName| versions.get(&*it.name) == Some(&it.version);
    names.iter().filter(is_highest).cloned().collect()
}

impl fmt::Display for DeviceSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, &self.objects)
    }
}

impl fmt::Display for SummaryObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Version { major, minor, .. } = self.model.version;
        write!(f, "{}:{major}.{minor}[{}](", self.model.name, self.instance)?;
        separated(f, &self.profiles)?;
        f.write_str(")")
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Fixed(number) => write!(f, "{number}"),
            Self::Changing(number) => write!(f, "+{number}"),
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.version)
    }
}

fn separated(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// A text is no DeviceSummary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {position}: {problem}")]
pub struct SummaryError {
    /// Counted from 1; one behind the last for what is missing at the end.
    pub position: usize,
    /// What is wrong there.
    pub problem: SummaryProblem,
}

/// The reasons of [`SummaryError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryProblem {
    /// Something else must stand here.
    #[error("a '{0}' is missing")]
    Missing(char),
    /// No name of an object or profile (`TM-08`).
    #[error("a name is missing: a letter or '_', then letters, digits, '_' and '-'")]
    Name,
    /// No number, or one that is too large.
    #[error("a {0} is missing: a number")]
    Number(&'static str),
    /// More than [`SUMMARY_BYTES_MAX`].
    #[error("the text is longer than {SUMMARY_BYTES_MAX} bytes")]
    TooLong,
}

impl FromStr for DeviceSummary {
    type Err = SummaryError;

    /// White space does not matter. An empty text is a summary without objects.
    fn from_str(text: &str) -> Result<Self, SummaryError> {
        if text.len() > SUMMARY_BYTES_MAX {
            return Err(SummaryError { position: 1, problem: SummaryProblem::TooLong });
        }
        let mut reader = Reader { text, rest: text };
        if reader.is_at_end() {
            return Ok(Self::default());
        }
        let mut objects = vec![reader.object()?];
        while !reader.is_at_end() {
            reader.expect(',')?;
            objects.push(reader.object()?);
        }
        Ok(Self { objects })
    }
}

impl FromStr for ProfileName {
    type Err = SummaryError;

    fn from_str(text: &str) -> Result<Self, SummaryError> {
        let mut reader = Reader { text, rest: text };
        let profile = reader.profile()?;
        if reader.is_at_end() {
            Ok(profile)
        } else {
            Err(reader.error(SummaryProblem::Number("version")))
        }
    }
}

/// What is still to be read.
struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn object(&mut self) -> Result<SummaryObject, SummaryError> {
        let name = self.name()?;
        self.expect(':')?;
        let major = self.number("major version")?;
        self.expect('.')?;
        let minor = self.number("minor version")?;
        self.expect('[')?;
        let instance = self.instance()?;
        self.expect(']')?;
        self.expect('(')?;
        let mut profiles = Vec::new();
        if !self.takes(')') {
            profiles.push(self.profile()?);
            while self.takes(',') {
                profiles.push(self.profile()?);
            }
            self.expect(')')?;
        }
        let model = ModelName { name: name.into(), version: Version::new(major, minor) };
        Ok(SummaryObject { model, instance, profiles })
    }

    fn instance(&mut self) -> Result<Instance, SummaryError> {
        if self.takes('+') {
            return Ok(Instance::Changing(self.number("number of an instance")?));
        }
        if self.trimmed().starts_with(']') {
            return Ok(Instance::None);
        }
        Ok(Instance::Fixed(self.number("number of an instance")?))
    }

    fn profile(&mut self) -> Result<ProfileName, SummaryError> {
        let name = self.name()?.into();
        self.expect(':')?;
        Ok(ProfileName { name, version: self.number("version")? })
    }

    fn name(&mut self) -> Result<&'t str, SummaryError> {
        let text = self.trimmed();
        let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
        let (name, rest) = text.split_at_checked(end.unwrap_or(text.len())).unwrap_or_default();
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Err(self.error(SummaryProblem::Name));
        }
        self.rest = rest;
        Ok(name)
    }

    fn number<T: FromStr>(&mut self, what: &'static str) -> Result<T, SummaryError> {
        let text = self.trimmed();
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, rest) = text.split_at_checked(end).unwrap_or_default();
        let number = digits.parse().map_err(|_| self.error(SummaryProblem::Number(what)))?;
        self.rest = rest;
        Ok(number)
    }

    fn expect(&mut self, c: char) -> Result<(), SummaryError> {
        if self.takes(c) { Ok(()) } else { Err(self.error(SummaryProblem::Missing(c))) }
    }

    fn takes(&mut self, c: char) -> bool {
        match self.trimmed().strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn trimmed(&self) -> &'t str {
        self.rest.trim_start()
    }

    fn is_at_end(&self) -> bool {
        self.trimmed().is_empty()
    }

    fn error(&self, problem: SummaryProblem) -> SummaryError {
        let count = |text: &str| text.chars().count();
        let read = count(self.text).saturating_sub(count(self.trimmed()));
        SummaryError { position: read.saturating_add(1), problem }
    }
}

/// A row of `DeviceInfo.SupportedDataModel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportedDataModel {
    /// Where the document of the device type is.
    pub url: String,
    /// The specification of the model that the document is based on.
    pub urn: String,
    /// What the document lists, such as `IPv6` (`DT-03`).
    pub features: Vec<String>,
}

impl SupportedDataModel {
    /// The rows for a set of models, the root's first. `document` gives the address and the
    /// features of the document that describes one.
    pub fn of_models(
        models: &Models<'_>,
        mut document: impl FnMut(&Schema) -> (String, Vec<String>),
    ) -> Vec<Self> {
        let row = |schema: &Schema| {
            let (url, features) = document(schema);
            Self { url, urn: schema.spec().to_owned(), features }
        };
        models.iter().map(row).collect()
    }

    /// The value of its parameter `Features`, a list (`TM-11`).
    pub fn features_text(&self) -> String {
        self.features.join(",")
    }
}

#[cfg(test)]
mod tests;
