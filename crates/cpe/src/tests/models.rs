//! Building models, and reading recorded trees.

use super::*;
use crate::BuildError;

fn csv(rows: &str) -> Result<Model, crate::CsvError> {
    Model::from_csv(&format!("path,writable,value,type\n{rows}"))
}

#[test]
fn mistakes_are_named() {
    let check = |build: fn(&mut ModelBuilder), expected: &str| {
        let mut builder = ModelBuilder::new("Device");
        build(&mut builder);
        let error = builder.build().expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(
        |b| {
            b.parameter("Other.X", ParameterSpec::string());
        },
        "does not start with the root",
    );
    check(
        |b| {
            b.parameter("Device.A b", ParameterSpec::string());
        },
        "letters, digits",
    );
    check(
        |b| {
            b.parameter("Device.X", ParameterSpec::int().value("x"));
        },
        "not of type xsd:int",
    );
    check(
        |b| {
            b.table("Device.X.", TableSpec::fixed());
        },
        "ends in {i}.",
    );
    check(
        |b| {
            b.row("Device.X.", 1);
        },
        "no such table",
    );
    check(
        |b| {
            b.value("Device.X", "");
        },
        "no such parameter",
    );
    check(
        |b| {
            b.parameter("Device.X", ParameterSpec::string()).object("Device.X.");
        },
        "nothing lies below a parameter",
    );
    check(
        |b| {
            b.parameter(&format!("Device.{}", "a".repeat(250)), ParameterSpec::string());
        },
        "256 characters",
    );
    let error = ModelBuilder::new("device").build().expect_err("a bad root");
    assert_eq!(error, BuildError::Root("device".to_owned()));
}

#[test]
fn the_order_of_declarations_is_that_of_the_answers() {
    let mut world = World::settled();
    let Message::GetParameterNamesResponse(response) =
        world.execute(list_names("Device.Time.", true))
    else {
        panic!("no response")
    };
    let names: Vec<&str> =
        response.parameter_list.iter().map(|info| &info.name["Device.Time.".len()..]).collect();
    let declared = ["Enable", "NTPServer1", "Status", "Mode", "Offset", "Start", "Busy"];
    assert_eq!(names, declared);
}

#[test]
fn a_recorded_tree_becomes_a_device() {
    let model = csv("\
InternetGatewayDevice.,false,,
InternetGatewayDevice.DeviceInfo.,false,,
InternetGatewayDevice.DeviceInfo.SoftwareVersion,false,V5,xsd:string
InternetGatewayDevice.LANDevice.,false,,
InternetGatewayDevice.LANDevice.1.,false,,
InternetGatewayDevice.LANDevice.1.Hosts.,false,,
InternetGatewayDevice.LANDevice.1.Hosts.Host.,true,,
InternetGatewayDevice.LANDevice.1.Hosts.Host.1.,true,,
InternetGatewayDevice.LANDevice.1.Hosts.Host.1.Active,false,1,xsd:boolean
InternetGatewayDevice.LANDevice.1.Hosts.Host.3.,true,,
InternetGatewayDevice.LANDevice.1.Hosts.Host.3.Name,true,\"a, \"\"b\"\"
c\",xsd:string
InternetGatewayDevice.LANDevice.1.Hosts.HostNumberOfEntries,false,7,xsd:unsignedint
InternetGatewayDevice.LANDevice.1.Empty.,true,,
InternetGatewayDevice.LANDevice.1.EmptyNumberOfEntries,false,0,
InternetGatewayDevice.Odd,false,not a number,xsd:unsignedInt
")
    .expect("a model");
    let mut world = World::with(Arc::new(model));
    let url = "InternetGatewayDevice.ManagementServer.URL";
    assert_eq!(world.device().set_factory_value(url, ACS), Ok(()));
    world.boot();
    world.session([]);
    let hosts = "InternetGatewayDevice.LANDevice.1.Hosts.";
    let at = |name: &str| format!("{hosts}{name}");
    assert_eq!(world.value(&at("Host.1.Active")), "true");
    assert_eq!(world.value(&at("Host.3.Name")), "a, \"b\"\nc");
    assert_eq!(world.device().value(&at("Host.1.Name")), None, "rows as they were recorded");
    assert_eq!(world.value(&at("HostNumberOfEntries")), "2", "counted, not believed");
    assert_eq!(world.value("InternetGatewayDevice.Odd"), "0");
    world.execute(add(&at("Host.")));
    assert_eq!(world.value(&at("Host.4.Active")), "false");
    assert_eq!(world.value(&at("Host.4.Name")), "");
    assert_eq!(world.fault(add("InternetGatewayDevice.LANDevice.")).fault_code.0, 9005);
    world.execute(delete(&at("Host.1.")));
    assert_eq!(world.device().instances(&at("Host.")), Some(vec![3, 4]));
    world.execute(add("InternetGatewayDevice.LANDevice.1.Empty."));
    assert_eq!(world.value("InternetGatewayDevice.LANDevice.1.EmptyNumberOfEntries"), "1");
}

#[test]
fn fip_02_the_wan_address_in_use_is_in_every_inform() {
    let connection = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANIPConnection.";
    let rows = format!(
        "InternetGatewayDevice.ManagementServer.URL,true,{ACS},xsd:string\n\
         {connection}1.ExternalIPAddress,false,192.0.2.1,xsd:string\n\
         {connection}2.ExternalIPAddress,false,192.0.2.2,xsd:string\n"
    );
    let first = |extra: &str| {
        let model = csv(&format!("{rows}{extra}")).expect("a model");
        let mut world = World::with(Arc::new(model));
        world.boot();
        let inform = world.session([]).inform;
        let addresses = inform.parameter_list.iter().filter(|p| p.name.contains("External"));
        let addresses: Vec<String> = addresses.map(|p| p.value.text.clone()).collect();
        assert!(names(&inform).contains(&"InternetGatewayDevice.DeviceInfo.SpecVersion"));
        addresses
    };
    assert_eq!(first(""), ["192.0.2.1"]);
    let service = "InternetGatewayDevice.Layer3Forwarding.DefaultConnectionService";
    assert_eq!(first(&format!("{service},true,{connection}2,xsd:string\n")), ["192.0.2.2"]);
}

#[test]
fn unusable_recordings_are_refused_with_the_line() {
    let error = |rows: &str| csv(rows).expect_err(rows).to_string();
    assert_eq!(Model::from_csv("a,b").expect_err("header").to_string(), CsvHeader::TEXT);
    assert_eq!(error(""), "the tree has no rows");
    assert!(error("Device.,false,,\nDevice.X,maybe,,").starts_with("line 3: writable"));
    assert!(error("Device.X,true,a").starts_with("line 2: a row has four"));
    assert!(error("Device.X,true,a,b,c").starts_with("line 2: there are too many"));
    assert!(error("Device.X,true,\"a,xsd:string").contains("a quote is not closed"));
    assert!(error("Device.X,true,\"a\"b,xsd:string").contains("after a closing quote"));
    assert!(error("Device..X,true,a,").contains("line 2"));
    assert!(error("Device.X.0.,true,,").contains("instance number"));
    assert!(error("Device.X,true,a,\nDevice.X,true,a,").contains("twice"));
    assert!(error("Device.X,true,a,\nOther.X,true,a,").contains("root"));
    assert!(error("Foo.X,true,a,").contains("root"));
    let deep = "a.".repeat(100_000);
    assert!(error(&format!("Device.{deep}X,true,a,")).contains("256"));
}

struct CsvHeader;

impl CsvHeader {
    const TEXT: &str = "line 1: the columns must be path,writable,value,type";
}
