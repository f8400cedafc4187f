//! Who a device is.

use drover_cwmp::limits::{
    MANUFACTURER_CHARS_MAX, OUI_CHARS, PRODUCT_CLASS_CHARS_MAX, SERIAL_NUMBER_CHARS_MAX,
};
use drover_cwmp::message::DeviceIdStruct;

use crate::model::Role;

/// Manufacturer, OUI, product class and serial number; they never change (`ID-01`, `ID-02`).
///
/// The parameters of `DeviceInfo` with the same meaning always read as these (`ID-03`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    manufacturer: Box<str>,
    oui: Box<str>,
    product_class: Box<str>,
    serial_number: Box<str>,
}

/// A part of an identity breaks `ID-01`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentity {
    /// The OUI is not six upper-case hexadecimal digits.
    #[error("the OUI is {0:?}; it must be six upper-case hexadecimal digits")]
    Oui(String),
    /// A text is too long.
    #[error("{0} has more than {1} characters")]
    TooLong(&'static str, usize),
    /// There is no serial number.
    #[error("the serial number is empty")]
    NoSerialNumber,
}

impl Identity {
    /// Checks and keeps the four parts; only the product class may be empty.
    ///
    /// # Errors
    /// [`InvalidIdentity`] names the part.
    pub fn new(
        manufacturer: &str,
        oui: &str,
        product_class: &str,
        serial_number: &str,
    ) -> Result<Self, InvalidIdentity> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        if oui.len() != OUI_CHARS || !oui.bytes().all(is_digit) {
            return Err(InvalidIdentity::Oui(oui.to_owned()));
        }
        if serial_number.is_empty() {
            return Err(InvalidIdentity::NoSerialNumber);
        }
        check("the manufacturer", manufacturer, MANUFACTURER_CHARS_MAX)?;
        check("the product class", product_class, PRODUCT_CLASS_CHARS_MAX)?;
        check("the serial number", serial_number, SERIAL_NUMBER_CHARS_MAX)?;
        Ok(Self {
            manufacturer: manufacturer.into(),
            oui: oui.into(),
            product_class: product_class.into(),
            serial_number: serial_number.into(),
        })
    }

    /// For people only (`ID-05`).
    pub fn manufacturer(&self) -> &str {
        &self.manufacturer
    }

    /// Six upper-case hexadecimal digits.
    pub fn oui(&self) -> &str {
        &self.oui
    }

    /// May be empty.
    pub fn product_class(&self) -> &str {
        &self.product_class
    }

    /// Unique for one OUI and product class.
    pub fn serial_number(&self) -> &str {
        &self.serial_number
    }

    /// As it stands in the Inform.
    pub(crate) fn to_struct(&self) -> DeviceIdStruct {
        DeviceIdStruct {
            manufacturer: self.manufacturer.to_string(),
            oui: self.oui.to_string(),
            product_class: self.product_class.to_string(),
            serial_number: self.serial_number.to_string(),
        }
    }

    /// The part that a parameter of `DeviceInfo` shows.
    pub(crate) fn part(&self, role: Role) -> Option<&str> {
        match role {
            Role::Manufacturer => Some(&self.manufacturer),
            Role::ManufacturerOui => Some(&self.oui),
            Role::ProductClass => Some(&self.product_class),
            Role::SerialNumber => Some(&self.serial_number),
            _ => None,
        }
    }

    pub(crate) fn heap_size(&self) -> usize {
        let parts = [&self.manufacturer, &self.oui, &self.product_class, &self.serial_number];
        parts.iter().map(|part| part.len() + 16).sum()
    }
}

fn check(what: &'static str, text: &str, chars_max: usize) -> Result<(), InvalidIdentity> {
    if text.chars().count() > chars_max {
        return Err(InvalidIdentity::TooLong(what, chars_max));
    }
    Ok(())
}
