//! Typed names for what the agent has of TR-181.
//!
//! [`device`] is made from `paths.txt` and the published model when the agent is built: a module
//! for each object with a constant for each parameter, and a type for each enumeration.
//!
//! ```
//! use drover_agent::tree::{Reading, device};
//! use device::ethernet::interface;
//!
//! let mut reading = Reading::default();
//! reading.set(interface::ENABLE.at([1]), true);
//! reading.set(interface::STATUS.at([1]), interface::Status::LowerLayerDown);
//! let status = ("Device.Ethernet.Interface.1.Status".to_owned(), "LowerLayerDown".to_owned());
//! assert_eq!(reading.values[1], status);
//! ```
//!
//! A wrong path does not compile,
//!
//! ```compile_fail,E0425
//! # use drover_agent::tree::{Reading, device};
//! # use device::ethernet::interface;
//! # let mut reading = Reading::default();
//! reading.set(interface::ENABLED.at([1]), true);
//! ```
//!
//! nor does a value of another type,
//!
//! ```compile_fail,E0277
//! # use drover_agent::tree::{Reading, device};
//! # use device::ethernet::interface;
//! # let mut reading = Reading::default();
//! reading.set(interface::ENABLE.at([1]), "true");
//! ```
//!
//! another number of rows,
//!
//! ```compile_fail,E0308
//! # use drover_agent::tree::{Reading, device};
//! # use device::ethernet::interface;
//! # let mut reading = Reading::default();
//! reading.set(interface::ENABLE.at([1, 2]), true);
//! ```
//!
//! a word that the model does not have,
//!
//! ```compile_fail,E0599
//! # use drover_agent::tree::{Reading, device};
//! # use device::ethernet::interface;
//! # let mut reading = Reading::default();
//! reading.set(interface::STATUS.at([1]), interface::Status::Broken);
//! ```
//!
//! or the word of another parameter:
//!
//! ```compile_fail,E0277
//! # use drover_agent::tree::{Reading, device};
//! # use device::ethernet::interface;
//! # let mut reading = Reading::default();
//! reading.set(interface::STATUS.at([1]), device::time::Status::Disabled);
//! ```

use std::marker::PhantomData;

use drover_cwmp::DateTime;
use drover_datamodel::syntax::{ActiveNotify, Syntax};

pub use generated::device;
pub(crate) use generated::{PARAMETERS, ROOT_DATA_MODEL_VERSION, TABLES};

/// A parameter whose values are of type `T` and whose path has `N` instance numbers.
#[derive(Debug)]
pub struct Parameter<T: ?Sized, const N: usize> {
    path: &'static str,
    /// As the model says; as many as one likes where it does not.
    chars_max: usize,
    value: PhantomData<fn(&T)>,
}

impl<T: ?Sized, const N: usize> Parameter<T, N> {
    const fn new(path: &'static str, chars_max: usize) -> Self {
        Self { path, chars_max, value: PhantomData }
    }

    /// The parameter in the rows with these numbers, the outermost first.
    pub fn at(&self, rows: [u32; N]) -> Place<T> {
        let Self { path, chars_max, value } = *self;
        Place { path: fill_in(path, &rows), chars_max, value }
    }
}

impl<T: ?Sized> Parameter<T, 0> {
    /// The full path.
    pub const fn path(&self) -> &'static str {
        self.path
    }
}

/// A parameter in certain rows.
#[derive(Debug)]
pub struct Place<T: ?Sized> {
    path: String,
    chars_max: usize,
    value: PhantomData<fn(&T)>,
}

impl<T: ?Sized> Place<T> {
    /// The full path, and a value cut to the length that the model allows.
    pub fn with(self, value: impl ValueOf<T>) -> (String, String) {
        (self.path, value.into_text(self.chars_max))
    }
}

/// A table whose path has `N` instance numbers, its own not counted.
#[derive(Debug)]
pub struct Table<const N: usize> {
    path: &'static str,
}

impl<const N: usize> Table<N> {
    const fn new(path: &'static str) -> Self {
        Self { path }
    }

    /// The table in the rows with these numbers, such as `Device.IP.Interface.2.IPv4Address.`.
    pub fn at(&self, rows: [u32; N]) -> String {
        fill_in(self.path, &rows)
    }

    /// A reference to a row of it (`TM-12`), such as `Device.IP.Interface.2`.
    pub fn reference(&self, rows: [u32; N], number: u32) -> String {
        format!("{}{number}", self.at(rows))
    }
}

/// A single object whose path has `N` instance numbers.
#[derive(Debug)]
pub struct Object<const N: usize> {
    path: &'static str,
}

impl<const N: usize> Object<N> {
    const fn new(path: &'static str) -> Self {
        Self { path }
    }
}

impl Object<0> {
    /// The full path with the dot at its end.
    pub const fn path(&self) -> &'static str {
        self.path
    }
}

/// A list of values of type `T`.
#[derive(Debug)]
pub struct List<T: ?Sized>(PhantomData<fn(&T)>);

/// What a parameter of type `T` can be set to.
pub trait ValueOf<T: ?Sized> {
    /// In the form in which it travels. A longer text loses its end, and a longer list its last
    /// items.
    fn into_text(self, chars_max: usize) -> String;
}

macro_rules! plain_values {
    ($($kind:ty),*) => {
        $(impl ValueOf<$kind> for $kind {
            fn into_text(self, _: usize) -> String {
                self.to_string()
            }
        })*
    };
}

plain_values!(bool, i32, u32, i64, u64, DateTime);

impl ValueOf<str> for &str {
    fn into_text(self, chars_max: usize) -> String {
        self.chars().take(chars_max).collect()
    }
}

impl ValueOf<str> for &String {
    fn into_text(self, chars_max: usize) -> String {
        self.as_str().into_text(chars_max)
    }
}

impl ValueOf<str> for String {
    fn into_text(self, chars_max: usize) -> String {
        self.as_str().into_text(chars_max)
    }
}

impl<T: ?Sized, V: ValueOf<T>, const COUNT: usize> ValueOf<List<T>> for [V; COUNT] {
    fn into_text(self, chars_max: usize) -> String {
        joined(self.into_iter().map(|item| item.into_text(usize::MAX)), chars_max)
    }
}

impl<T: ?Sized, V: ValueOf<T>> ValueOf<List<T>> for Option<V> {
    fn into_text(self, chars_max: usize) -> String {
        joined(self.into_iter().map(|item| item.into_text(usize::MAX)), chars_max)
    }
}

/// As many items as there is room for.
fn joined(items: impl Iterator<Item = String>, chars_max: usize) -> String {
    let mut list = String::new();
    for item in items {
        let comma = if list.is_empty() { "" } else { "," };
        let longer = format!("{list}{comma}{}", escaped(&item));
        if longer.chars().count() > chars_max {
            break;
        }
        list = longer;
    }
    list
}

/// An item of a list: without commas and white space of its own (`TM-11`).
fn escaped(item: &str) -> String {
    let mut escaped = String::with_capacity(item.len());
    for c in item.chars() {
        match c {
            ',' | '%' | ' ' | '\t' | '\n' | '\r' => {
                escaped.push_str(&format!("%{:02X}", u32::from(c)));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Puts the numbers in the places of `{i}`.
fn fill_in(template: &str, rows: &[u32]) -> String {
    let mut path = String::with_capacity(template.len() + rows.len());
    let mut parts = template.split("{i}");
    path.push_str(parts.next().unwrap_or_default());
    for (part, row) in parts.zip(rows) {
        path.push_str(&row.to_string());
        path.push_str(part);
    }
    path
}

/// What the model says about a parameter and what the agent lets an ACS do.
#[derive(Debug)]
pub(crate) struct Facts {
    /// With `{i}` for each instance.
    pub(crate) path: &'static str,
    pub(crate) writable: bool,
    pub(crate) forced_inform: bool,
    pub(crate) notify: ActiveNotify,
    pub(crate) default: &'static str,
    /// For what is not writable, no more than the type.
    pub(crate) syntax: fn() -> Syntax,
}

/// An enumeration with the words that its variants stand for.
macro_rules! words {
    (#[doc = $doc:literal] pub enum $name:ident { $($variant:ident = $word:literal,)* }) => {
        #[doc = concat!("A word of ", $doc)]
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant,)*
        }

        impl $name {
            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl crate::tree::accessors::ValueOf<$name> for $name {
            fn into_text(self, _: usize) -> String {
                self.as_str().to_owned()
            }
        }
    };
}

/// What build.rs makes of `paths.txt`.
#[allow(clippy::needless_update, clippy::enum_variant_names, reason = "no person writes it")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/device.rs"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_where_instances_are() {
        let address = device::ip::interface::ipv4_address::IP_ADDRESS.at([2, 30]).with("::");
        assert_eq!(address.0, "Device.IP.Interface.2.IPv4Address.30.IPAddress");
        let table = device::ip::interface::ipv4_address::TABLE;
        assert_eq!(table.at([2]), "Device.IP.Interface.2.IPv4Address.");
        assert_eq!(table.reference([2], 30), "Device.IP.Interface.2.IPv4Address.30");
        assert_eq!(device::management_server::URL.path(), "Device.ManagementServer.URL");
        assert_eq!(device::device_info::memory_status::OBJECT.path(), {
            "Device.DeviceInfo.MemoryStatus."
        });
    }

    #[test]
    fn tm_11_items_have_no_commas_and_no_white_space() {
        let text = ValueOf::<List<str>>::into_text(["a, b", "100%", "c"], 17);
        assert_eq!(text, "a%2C%20b,100%25,c");
        assert_eq!(ValueOf::<List<str>>::into_text(None::<&str>, 17), "");
    }

    #[test]
    fn values_are_no_longer_than_the_model_allows() {
        let of = |place: Place<str>, text: &str| place.with(text).1;
        let name = || device::device_info::MODEL_NAME.at([]);
        assert_eq!(of(name(), &"ä".repeat(64)), "ä".repeat(64));
        assert_eq!(of(name(), &"ä".repeat(65)), "ä".repeat(64));
        let versions = || device::device_info::ADDITIONAL_SOFTWARE_VERSION.at([]);
        let (short, long) = ("a".repeat(31), "b".repeat(33));
        let both = versions().with([&short, &"b".repeat(32)]).1;
        assert_eq!(both.len(), 64);
        assert_eq!(versions().with([&short, &long, "c"].map(String::from)).1, short);
    }
}
