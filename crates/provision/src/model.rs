//! Which data model a device has, by what its record tells.

use std::borrow::Cow;
use std::ops::Bound;

use drover_cwmp::ValueType;
use drover_datamodel::catalog::{
    Catalog, DeviceHints, DeviceIdentity, DeviceModel, SupportedModel,
};
use drover_datamodel::schema::Item;

use crate::limits::{SERVICES_MAX, SUPPORTED_MODELS_MAX, TOP_OBJECTS_MAX};
use crate::record::{DeviceRecord, is_hidden};

/// The model that fits the device best; `None` when its root object is not yet known or is that of
/// no model, so that only the device itself can say what it has (`RT-10`).
pub fn device_model(catalog: &Catalog, record: &DeviceRecord) -> Option<DeviceModel> {
    let root = record.fields.root.as_deref()?;
    let value = |path: &str| text(record, &format!("{root}{path}"));
    let identity = &record.fields.identity;
    let filled = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let supported = supported_models(record, root);
    let supported: Vec<SupportedModel<'_>> =
        supported.iter().map(|(uuid, urn)| SupportedModel { uuid, urn }).collect();
    let services = children(record, &format!("{root}Services."), SERVICES_MAX);
    let services: Vec<&str> = services.iter().filter_map(|path| path.rsplit('.').nth(1)).collect();
    let tops = children(record, root, TOP_OBJECTS_MAX);
    catalog.select(&DeviceHints {
        root: root.trim_end_matches('.'),
        identity: DeviceIdentity {
            manufacturer: filled(&identity.manufacturer),
            manufacturer_oui: filled(&identity.oui),
            product_class: filled(&identity.product_class),
            model_name: value("DeviceInfo.ModelName"),
            hardware_version: value("DeviceInfo.HardwareVersion"),
            software_version: value("DeviceInfo.SoftwareVersion"),
        },
        root_data_model_version: value("RootDataModelVersion"),
        device_summary: value("DeviceSummary"),
        supported_models: &supported,
        services: &services,
        paths: &tops,
    })
}

/// Whether a parameter is a secret: by its name, or because a model hides it (`RT-03`, `SEC-01`).
/// Older models hide switches such as `Reset`, too, whose state is no secret.
pub(crate) fn is_secret_in(model: &DeviceModel, path: &str) -> bool {
    let parameter = model.find(path).and_then(Item::parameter);
    parameter.is_some_and(|parameter| {
        let syntax = parameter.syntax();
        (syntax.hidden || syntax.secured) && syntax.wire_type() != ValueType::Boolean
    })
}

/// Whether a parameter of some device is a secret: by its name, or by the newest model of its root.
/// Where the device is known, its own model says so.
pub fn is_secret(catalog: &Catalog, path: &str) -> bool {
    let Some((root, below)) = path.split_once('.') else { return false };
    if is_hidden(path) {
        return true;
    }
    let service = below.strip_prefix("Services.").and_then(|below| below.split('.').next());
    let services: Vec<&str> = service.into_iter().collect();
    let hints = DeviceHints { root, services: &services, ..DeviceHints::default() };
    catalog.select(&hints).is_some_and(|model| is_secret_in(&model, path))
}

/// Whether another value of this parameter may mean another model.
pub(crate) fn is_hint(path: &str) -> bool {
    const ENDINGS: [&str; 5] = [
        ".RootDataModelVersion",
        ".DeviceSummary",
        ".DeviceInfo.ModelName",
        ".DeviceInfo.HardwareVersion",
        ".DeviceInfo.SoftwareVersion",
    ];
    ENDINGS.iter().any(|ending| path.ends_with(ending))
        || path.contains(".DeviceInfo.SupportedDataModel.")
}

fn text<'r>(record: &'r DeviceRecord, path: &str) -> Option<&'r str> {
    let text = record.value(path)?.text.as_str();
    (!text.is_empty()).then_some(text)
}

/// UUID and URN of the rows of `DeviceInfo.SupportedDataModel` (`DI-01`).
fn supported_models<'r>(record: &'r DeviceRecord, root: &str) -> Vec<(&'r str, &'r str)> {
    let table = format!("{root}DeviceInfo.SupportedDataModel.");
    let rows = children(record, &table, SUPPORTED_MODELS_MAX);
    let cell = |row: &str, name: &str| text(record, &format!("{row}{name}")).unwrap_or_default();
    rows.into_iter().map(|row| (cell(row, "UUID"), cell(row, "URN"))).collect()
}

/// Paths of what lies directly below an object, objects only, each once.
fn children<'r>(record: &'r DeviceRecord, object: &str, limit: usize) -> Vec<&'r str> {
    let mut found: Vec<&str> = Vec::new();
    let mut from = Cow::Borrowed(object);
    while found.len() < limit {
        let range = record.parameters.range::<str, _>((Bound::Included(&*from), Bound::Unbounded));
        let mut paths =
            range.map(|(path, _)| path.as_str()).take_while(|it| it.starts_with(object));
        let Some(child) = paths.find_map(|path| child_on(path, object)) else { break };
        found.push(child);
        // All that lies below the child is skipped: it sorts before this, as '/' comes after '.'.
        from = Cow::Owned(format!("{}/", child.trim_end_matches('.')));
    }
    found
}

/// The path of the child of an object that a path leads to or through.
fn child_on<'p>(path: &'p str, object: &str) -> Option<&'p str> {
    let end = path.get(object.len()..)?.find('.')?;
    path.get(..object.len().saturating_add(end).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::record_of;

    fn model(values: &[(&str, &str)]) -> Option<String> {
        let record = record_of(values);
        device_model(&Catalog::shipped(), &record).map(|model| model.name())
    }

    #[test]
    fn the_version_decides_that_the_device_gives() {
        let chosen = |values: &[(&str, &str)]| model(values).unwrap();
        assert_eq!(chosen(&[("Device.X", "")]), "Device:2.19");
        assert_eq!(chosen(&[("Device.RootDataModelVersion", "2.11")]), "Device:2.11");
        assert_eq!(chosen(&[("Device.DeviceSummary", "Device:1.0[](Baseline:1)")]), "Device:1.14");
        let urn = "urn:broadband-forum-org:tr-181-2-2-0";
        assert_eq!(chosen(&[("Device.DeviceInfo.SupportedDataModel.1.URN", urn)]), "Device:2.2");
        // Only Device:1 has an object of this name.
        assert_eq!(chosen(&[("Device.LAN.IPAddress", "")]), "Device:1.14");
        let igd = "InternetGatewayDevice.DeviceInfo.SerialNumber";
        assert_eq!(chosen(&[(igd, "1")]), "InternetGatewayDevice:1.14");
        assert_eq!(model(&[("X_Root.A", "1")]), None);
        assert_eq!(model(&[]), None);
    }

    #[test]
    fn services_have_the_version_of_the_device() {
        let summary = "InternetGatewayDevice:1.4[](), VoiceService:1.0[1](Endpoint:1)";
        let record = record_of(&[
            ("InternetGatewayDevice.DeviceSummary", summary),
            ("InternetGatewayDevice.Services.VoiceService.1.VoiceProfileNumberOfEntries", "1"),
        ]);
        let model = device_model(&Catalog::shipped(), &record).unwrap();
        let path = "InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.2.Enable";
        assert_eq!(model.schema_for(path).name().to_string(), "VoiceService:1.1");
    }

    #[test]
    fn secrets_of_any_device() {
        let catalog = Catalog::shipped();
        let igd = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1";
        for secret in [
            "Device.WiFi.AccessPoint.1.Security.RadiusSecret",
            "Device.X_EXAMPLE_Thing.Password",
            &format!("{igd}.PreSharedKey.1.PreSharedKey"),
            "Device.Services.VoiceService.1.DECT.Base.1.PIN",
        ] {
            assert!(is_secret(&catalog, secret), "{secret}");
        }
        for open in ["Device.WiFi.SSID.1.SSID", "Device.IP.Interface.1.Reset", "X.Y", "Nothing"] {
            assert!(!is_secret(&catalog, open), "{open}");
        }
    }

    #[test]
    fn children_are_named_once_and_bounded() {
        let record = record_of(&[
            ("Device.A.1", ""),
            ("Device.A.2", ""),
            ("Device.B.C.D", ""),
            ("Device.E", ""),
            ("Device.F.G", ""),
        ]);
        assert_eq!(children(&record, "Device.", 9), ["Device.A.", "Device.B.", "Device.F."]);
        assert_eq!(children(&record, "Device.", 2), ["Device.A.", "Device.B."]);
        assert!(children(&record, "Device.E.", 9).is_empty());
    }

    #[test]
    fn hints_are_known_by_their_path() {
        assert!(is_hint("Device.RootDataModelVersion"));
        assert!(is_hint("InternetGatewayDevice.DeviceInfo.SoftwareVersion"));
        assert!(is_hint("Device.DeviceInfo.SupportedDataModel.1.URN"));
        assert!(!is_hint("Device.DeviceInfo.UpTime"));
    }
}
