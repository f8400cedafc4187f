//! What a device says of its models.

use super::{Catalog, Model, brief};
use crate::catalog::DeviceIdentity;
use crate::limits::HINT_PATHS_MAX;
use crate::summary::DeviceSummary;
use crate::version::{ModelName, Version};

/// What is known of a device when its model is chosen. Everything but the root may be left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeviceHints<'h> {
    /// Name of its root object: `Device` or `InternetGatewayDevice`.
    pub root: &'h str,
    /// Who made it, and what it is.
    pub identity: DeviceIdentity<'h>,
    /// `DeviceInfo` or the root's `RootDataModelVersion` (`DI-06`).
    pub root_data_model_version: Option<&'h str>,
    /// `DeviceSummary` (`TM-17`).
    pub device_summary: Option<&'h str>,
    /// The rows of `DeviceInfo.SupportedDataModel`.
    pub supported_models: &'h [SupportedModel<'h>],
    /// Names of services that it has, such as `VoiceService`.
    pub services: &'h [&'h str],
    /// Some paths that it has. They help where nothing else tells `Device:1` and `Device:2` apart.
    pub paths: &'h [&'h str],
}

/// A row of `DeviceInfo.SupportedDataModel` (`DI-01`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SupportedModel<'h> {
    /// `UUID`: that of a device type document.
    pub uuid: &'h str,
    /// `URN`: the specification of a data model document.
    pub urn: &'h str,
}

/// A version that the device gives of a model.
pub(super) struct Evidence {
    pub(super) version: Version,
    /// Who says so, for operators.
    pub(super) source: String,
}

impl DeviceHints<'_> {
    /// What the device says of the version of a model, the most trustworthy first.
    ///
    /// `summary` is what [`summary`](Self::summary) gives.
    pub(super) fn evidence(
        &self,
        catalog: &Catalog,
        summary: &[ModelName],
        name: &str,
    ) -> Vec<Evidence> {
        let mut all = Vec::new();
        let root_version = self.root_data_model_version.filter(|_| name == self.root);
        if let Some(text) = root_version
            && let Ok(version) = text.parse()
        {
            let source = format!("RootDataModelVersion {}", brief(text));
            all.push(Evidence { version, source });
        }
        let in_summary = summary.iter().filter(|model| &*model.name == name);
        all.extend(in_summary.map(|model| Evidence {
            version: model.version,
            source: format!("DeviceSummary {model}"),
        }));
        for supported in self.supported_models {
            if let Some(model) = model_of_urn(catalog, supported.urn).filter(|it| &*it.name == name)
            {
                let source = format!("SupportedDataModel {}", brief(supported.urn));
                all.push(Evidence { version: model.version, source });
            }
        }
        all
    }

    /// The models of `DeviceSummary`. One that is malformed may still tell its root.
    pub(super) fn summary(&self) -> Vec<ModelName> {
        let text = self.device_summary.unwrap_or_default();
        match text.parse::<DeviceSummary>() {
            Ok(summary) => summary.objects.into_iter().map(|object| object.model).collect(),
            Err(_) => {
                let head = text.split('[').next().unwrap_or_default();
                head.parse().into_iter().filter(|it: &ModelName| &*it.name == self.root).collect()
            }
        }
    }

    /// The paths that are looked at.
    pub(super) fn some_paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().copied().take(HINT_PATHS_MAX)
    }

    /// Whether the device has a service of this name.
    pub(super) fn has_service(&self, name: &str) -> bool {
        let below = |path: &str| {
            let below = path.strip_prefix(self.root).and_then(|it| it.strip_prefix(".Services."));
            below.is_some_and(|below| below.split('.').next() == Some(name))
        };
        self.services.contains(&name) || self.some_paths().any(below)
    }
}

/// The model that a specification defines. Of the earlier ones of the Forum only the major version
/// can be told from the number of the document.
fn model_of_urn(catalog: &Catalog, urn: &str) -> Option<ModelName> {
    let loaded = catalog.models.iter().find(|(_, model)| match model {
        Model::Loaded(schema) => !urn.is_empty() && schema.spec() == urn,
        #[cfg(feature = "shipped")]
        Model::Shipped(_) => false,
    });
    if let Some((name, _)) = loaded {
        return Some(name.clone());
    }
    let document = urn.rsplit_once(':')?.1;
    let mut numbers = document.strip_prefix("tr-")?.split('-').map(str::parse::<u16>);
    let mut next = || numbers.next().and_then(Result::ok);
    let (document, major, minor) = (next()?, next()?, next());
    let newest = u16::MAX;
    let (name, version) = match (document, major) {
        (69 | 98, 1) => ("InternetGatewayDevice", Version::new(1, newest)),
        (106 | 181, 1) => ("Device", Version::new(1, newest)),
        (181, _) => ("Device", Version::new(major, minor?)),
        (104, _) => ("VoiceService", Version::new(major, minor?)),
        (135, _) => ("STBService", Version::new(major, minor?)),
        (140, _) => ("StorageService", Version::new(major, minor?)),
        (196, _) => ("FAPService", Version::new(major, minor?)),
        _ => return None,
    };
    Some(ModelName { name: name.into(), version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn di_01_specifications() {
        let catalog = Catalog::new();
        let cases = [
            ("urn:broadband-forum-org:tr-181-2-11-0", Some("Device:2.11")),
            ("urn:broadband-forum-org:tr-181-2-19-1-cwmp", Some("Device:2.19")),
            ("urn:broadband-forum-org:tr-181-1-7-0", Some("Device:1.65535")),
            ("urn:broadband-forum-org:tr-098-1-8-0", Some("InternetGatewayDevice:1.65535")),
            ("urn:broadband-forum-org:tr-104-1-1-0", Some("VoiceService:1.1")),
            ("urn:broadband-forum-org:tr-143-1-0-2", None),
            ("urn:example-com:lamp-1-0", None),
            ("tr-181-2-11-0", None),
            ("urn:x:tr-181", None),
            ("urn:x:tr-181-2-x", None),
            ("", None),
        ];
        for (urn, expected) in cases {
            let model = model_of_urn(&catalog, urn).map(|model| model.to_string());
            assert_eq!(model.as_deref(), expected, "{urn}");
        }
    }

    #[test]
    fn tm_17_a_malformed_summary_may_tell_the_root() {
        let models = |root, text| {
            let hints = DeviceHints { root, device_summary: Some(text), ..Default::default() };
            hints.summary().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let igd = "InternetGatewayDevice";
        assert_eq!(
            models(igd, "InternetGatewayDevice:1.4[](Baseline:1"),
            ["InternetGatewayDevice:1.4"]
        );
        assert_eq!(
            models(igd, "InternetGatewayDevice:1.4[](A:1), VoiceService:1.0[1](B:1)"),
            ["InternetGatewayDevice:1.4", "VoiceService:1.0"]
        );
        assert_eq!(models("Device", "InternetGatewayDevice:1.4[]("), [""; 0]);
        assert_eq!(models(igd, "nothing of the kind"), [""; 0]);
    }
}
