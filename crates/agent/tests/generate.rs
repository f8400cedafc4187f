//! What the build script makes of a list of paths.

#[path = "../build/generate/mod.rs"]
mod generate;

use drover_datamodel::shipped;

fn generated(list: &str) -> Result<String, String> {
    let schema = shipped::model("Device:2.19").expect("it is shipped");
    generate::generate(&schema, list).map_err(|error| error.to_string())
}

#[test]
fn a_list_becomes_modules_constants_and_types() {
    let list = "# A comment.\n\n\
        Device.IP.Interface.{i}.   # with rows\n\
        Device.IP.Interface.{i}.Status\n\
        Device.IP.Interface.{i}.MaxMTUSize\n\
        Device.IP.Interface.{i}.IPv4Address.{i}.\n\
        Device.IP.Interface.{i}.IPv4Address.{i}.IPAddress\n\
        Device.Ethernet.Interface.{i}.\n\
        Device.Ethernet.Interface.{i}.Status\n\
        Device.Ethernet.Interface.{i}.LowerLayers\n\
        Device.ManagementServer.CWMPRetryIntervalMultiplier writable\n\
        Device.ManagementServer.Password writable\n\
        Device.ManagementServer.SupportedConnReqMethods\n\
        Device.IP.IPv4Status\nDevice.IP.IPv6Status";
    let code = generated(list).expect("a good list");
    let expected = [
        "pub mod device {",
        "pub const OBJECT: crate::tree::accessors::Object<0> = \
         crate::tree::accessors::Object::new(\"Device.IP.\");",
        "pub const TABLE: crate::tree::accessors::Table<1> = \
         crate::tree::accessors::Table::new(\"Device.IP.Interface.{i}.IPv4Address.\");",
        "pub const STATUS: crate::tree::accessors::Parameter<Status, 1> =",
        "LowerLayerDown = \"LowerLayerDown\",",
        "pub const MAX_MTU_SIZE: crate::tree::accessors::Parameter<u32, 1> =",
        "pub const IP_ADDRESS: crate::tree::accessors::Parameter<str, 2> = \
         crate::tree::accessors::Parameter::new(\
         \"Device.IP.Interface.{i}.IPv4Address.{i}.IPAddress\", 15);",
        // The same words are the same type.
        "pub use crate::tree::device::ip::interface::Status;",
        "pub use crate::tree::device::ip::Ipv4Status as Ipv6Status;",
        "Parameter<crate::tree::accessors::List<str>, 1> = \
         crate::tree::accessors::Parameter::new(\
         \"Device.Ethernet.Interface.{i}.LowerLayers\", 1024);",
        "Parameter<crate::tree::accessors::List<SupportedConnReqMethods>, 0>",
        "ranges: vec![drover_datamodel::syntax::Range { min: Some(\"1000\".into()), \
         max: Some(\"65535\".into()), optional: false, ..Default::default() }]",
        "hidden: true, value_type: drover_cwmp::ValueType::String, \
         sizes: vec![drover_datamodel::syntax::Size { min: 0, max: Some(256) }]",
        "Facts { path: \"Device.IP.Interface.{i}.IPv4AddressNumberOfEntries\", writable: false,",
        "pub(crate) const ROOT_DATA_MODEL_VERSION: &str = \"2.19\";",
    ];
    for piece in expected {
        assert!(code.contains(piece), "{piece} is missing in:\n{code}");
    }
    assert_eq!(code.matches("pub enum Status {").count(), 1, "{code}");
}

#[test]
fn deleted_words_are_no_variants() {
    let code = generated("Device.Time.Status").expect("a good list");
    assert!(code.contains("Unsynchronized = \"Unsynchronized\","), "{code}");
    assert!(!code.contains("FailedToSynchronize"), "{code}");
}

#[test]
fn lines_that_cannot_be_used_are_named() {
    let cases = [
        ("#\n\nDevice.Time.Nothing", "3: Device:2.19 has no Device.Time.Nothing"),
        ("Device.Time.", "1: Device.Time. is an object"),
        ("Device.Time.Enable read", "1: only \"writable\" may follow"),
        ("Device.Time.Enable writable x", "1: only \"writable\" may follow"),
        ("Device.Time.Status writable", "1: Device.Time.Status is read-only in Device:2.19"),
        ("Device.Time.Enable\nDevice.Time.Enable", "2: Device.Time.Enable is listed a second"),
        ("Device.IP.Interface.{i}.Enable", "which must be listed before it"),
        ("Device.IP.Interface.{i}.IPv4Address.{i}.", "lies in Device.IP.Interface.{i}., which"),
        ("Device.IP.Interface.1.Enable", "is no path of a parameter"),
        ("Device.IP.Interface.", "is no path of a parameter"),
        ("Device.IP.Interface.{i}. writable", "is no path of a parameter"),
        (
            "Device.IP.Interface.{i}.\nDevice.IP.InterfaceNumberOfEntries",
            "2: Device.IP.InterfaceNumberOfEntries is listed a second time",
        ),
        ("Device.DNS.Relay.Forwarding.{i}.", "cannot count rows: its name is another"),
        ("Device.DeviceInfo.BootFirmwareImage writable", "is a reference"),
    ];
    for (list, expected) in cases {
        let error = generated(list).expect_err(list);
        assert!(error.contains(expected), "{error}");
    }
}
