//! What does not change while the agent runs.

use drover_cwmp::DateTime;

use crate::config::DeviceConfig;
use crate::linux::Identity;
use crate::tree::accessors::ROOT_DATA_MODEL_VERSION;
use crate::tree::device::device_info;
use crate::tree::{Reading, device};

/// The maker, if neither configuration nor firmware names one.
const MANUFACTURER: &str = "Drover";

/// The OUI, if none is configured. It is locally administered: no maker can own it.
const OUI: &str = "D20E4A";

/// The product class, if none is configured.
const PRODUCT_CLASS: &str = "Linux";

/// Longest text of an identity, in characters.
const TEXT_CHARS_MAX: usize = 64;

/// The identity of the device and the versions it reports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Facts {
    /// `DeviceInfo.Manufacturer`
    pub manufacturer: String,
    /// `DeviceInfo.ManufacturerOUI`
    pub oui: String,
    /// `DeviceInfo.ProductClass`
    pub product_class: String,
    /// `DeviceInfo.SerialNumber`
    pub serial_number: String,
    /// `DeviceInfo.FirstUseDate`, as a dateTime.
    pub first_use: String,
    host: Identity,
}

impl Facts {
    /// Joins what is configured with what the host tells. `serial_number` is used when neither
    /// does.
    pub fn new(
        config: &DeviceConfig,
        host: Identity,
        serial_number: &str,
        first_use: String,
    ) -> Self {
        let vendor = host.hardware_vendor.as_deref();
        let serial = host.serial_number.as_deref();
        Self {
            manufacturer: first([&config.manufacturer, vendor.unwrap_or_default(), MANUFACTURER]),
            oui: first([&config.oui, OUI]),
            product_class: first([&config.product_class, PRODUCT_CLASS]),
            serial_number: first([
                &config.serial_number,
                serial.unwrap_or_default(),
                serial_number,
            ]),
            first_use,
            host,
        }
    }

    /// Everything but the identity, which the device itself keeps.
    pub(crate) fn write(&self, reading: &mut Reading) {
        let host = &self.host;
        let model = host.hardware_model.as_deref().unwrap_or(&host.architecture);
        let hardware = host.hardware_version.as_deref().unwrap_or(&host.architecture);
        let own = concat!("drover-agent ", env!("CARGO_PKG_VERSION"));
        let first_use = self.first_use.parse().unwrap_or(DateTime::UNKNOWN);
        reading.set(device::ROOT_DATA_MODEL_VERSION.at([]), ROOT_DATA_MODEL_VERSION);
        reading.set(device_info::MODEL_NAME.at([]), model);
        reading.set(device_info::DESCRIPTION.at([]), &host.os_name);
        reading.set(device_info::HARDWARE_VERSION.at([]), hardware);
        reading.set(device_info::SOFTWARE_VERSION.at([]), &host.kernel_release);
        let hardware = [&host.architecture];
        reading.set(device_info::ADDITIONAL_HARDWARE_VERSION.at([]), hardware);
        let software = [own, &host.os_name];
        reading.set(device_info::ADDITIONAL_SOFTWARE_VERSION.at([]), software);
        reading.set(device_info::FIRST_USE_DATE.at([]), first_use);
        reading.set(device_info::HOST_NAME.at([]), &host.host_name);
    }
}

/// The first text that is not empty, cut to the length of an identity.
fn first<const N: usize>(texts: [&str; N]) -> String {
    limited(texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default())
}

fn limited(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_wins_over_the_host_and_the_host_over_the_default() {
        let mut host = crate::linux::identity();
        host.hardware_vendor = Some("Maker".to_owned());
        host.serial_number = None;
        let facts = Facts::new(&DeviceConfig::default(), host.clone(), "random", String::new());
        assert_eq!((facts.manufacturer.as_str(), facts.oui.as_str()), ("Maker", OUI));
        assert_eq!(facts.serial_number, "random");
        host.serial_number = Some("from-host".to_owned());
        let mut config = DeviceConfig { manufacturer: "x".repeat(65), ..Default::default() };
        let facts = Facts::new(&config, host.clone(), "random", String::new());
        assert_eq!(facts.serial_number, "from-host");
        assert_eq!(facts.manufacturer.len(), 64);
        config.serial_number = "configured".to_owned();
        assert_eq!(Facts::new(&config, host, "random", String::new()).serial_number, "configured");
    }

    #[test]
    fn the_default_oui_is_locally_administered_and_not_a_group() {
        let first = u8::from_str_radix(&OUI[..2], 16).unwrap();
        assert_eq!(first & 0b11, 0b10);
    }
}
