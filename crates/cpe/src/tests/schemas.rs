//! Models that a schema describes.

use drover_cwmp::ValueType;
use drover_datamodel::draft::{Draft, DraftObject, DraftParameter};
use drover_datamodel::syntax::{
    Access, DefaultType, DefaultValue, Enumeration, List, Range, Size, Syntax,
};
use drover_datamodel::tree::RecordedTree;
use drover_datamodel::{Schema, shipped};

use super::*;
use crate::BuildError;

fn tr_181() -> Arc<Schema> {
    shipped::model("Device:2.19").expect("it is shipped")
}

fn world(schema: &Schema, paths: &[&str]) -> World {
    let mut builder = ModelBuilder::new(schema.root_name());
    builder.standard_of(schema);
    for path in paths {
        builder.declare(schema, path);
    }
    builder.value(&format!("{}.ManagementServer.URL", schema.root_name()), ACS);
    let mut world = World::with(Arc::new(builder.build().expect("a model")));
    world.boot();
    world.session([]);
    world
}

/// A model with one table, whose columns have the given syntaxes.
fn small(columns: Vec<(&str, Syntax)>) -> Schema {
    let parameters = columns.into_iter().map(|(name, syntax)| DraftParameter {
        name: name.to_owned(),
        access: Access::ReadWrite,
        syntax,
        ..DraftParameter::default()
    });
    let count = DraftParameter {
        name: "RowsThereAre".to_owned(),
        syntax: Syntax { value_type: ValueType::UnsignedInt, ..Syntax::default() },
        ..DraftParameter::default()
    };
    let root = DraftObject {
        path: "Device.".to_owned(),
        entries_min: 1,
        entries_max: Some(1),
        parameters: vec![count],
        ..DraftObject::default()
    };
    let table = DraftObject {
        path: "Device.Row.{i}.".to_owned(),
        access: Access::ReadWrite,
        entries_max: Some(2),
        num_entries_parameter: Some("RowsThereAre".to_owned()),
        parameters: parameters.collect(),
        ..DraftObject::default()
    };
    let (schema, problems) = Schema::build(&Draft {
        name: "Device:2.99".to_owned(),
        objects: vec![root, table],
        ..Draft::default()
    });
    assert_eq!(problems, []);
    schema
}

fn refused(world: &mut World, path: &str, value: Value) -> Option<(u32, String)> {
    match world.set(path, value) {
        Message::SetParameterValuesResponse(_) => None,
        Message::Fault(fault) => {
            let fault = fault.set_parameter_values_faults.first().expect("a fault of a parameter");
            Some((fault.fault_code.0, fault.fault_string.clone().unwrap_or_default()))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rt_04_values_that_the_schema_rules_out_are_9007() {
    const PING: &str = "Device.IP.Diagnostics.IPPing.";
    const CHADDR: &str = "Device.DHCPv4.Server.Pool.{i}.StaticAddress.{i}.Chaddr";
    let mut paths: Vec<String> =
        ["DiagnosticsState", "DSCP"].iter().map(|name| format!("{PING}{name}")).collect();
    paths.extend(["Device.ManagementServer.InformParameter.{i}.EventList", CHADDR].map(Into::into));
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let mut world = world(&tr_181(), &paths);
    world.execute(add("Device.DHCPv4.Server.Pool."));
    world.execute(add("Device.DHCPv4.Server.Pool.1.StaticAddress."));
    world.execute(add("Device.ManagementServer.InformParameter."));
    let state = format!("{PING}DiagnosticsState");
    let chaddr = CHADDR.replace("{i}", "1");
    let cases = [
        (state.as_str(), Value::string("Requested"), ""),
        // DIAG-01: only the device may say that it is done.
        (&state, Value::string("Complete"), "only the device can give"),
        (&state, Value::string("X_ACME_Later"), "must be one of: Requested, Canceled"),
        (&format!("{PING}DSCP"), Value::unsigned_int(63), ""),
        (&format!("{PING}DSCP"), Value::unsigned_int(64), "must be 0 to 63"),
        (&chaddr, Value::string("02:00:5e:00:00:01"), ""),
        (&chaddr, Value::string("02-00-5e-00-00-01"), "must match"),
        (
            "Device.ManagementServer.InformParameter.1.EventList",
            Value::string("1 BOOT,"),
            "must not end in a comma",
        ),
        ("Device.ManagementServer.URL", Value::string("ftp://acs.example"), ""),
    ];
    for (path, value, expected) in cases {
        let is_url = path.ends_with("URL");
        match refused(&mut world, path, value.clone()) {
            None => assert!(expected.is_empty() && !is_url, "{path} = {value:?}"),
            Some((code, text)) => {
                assert_eq!(code, 9007, "{path} = {value:?}");
                assert!(is_url || !expected.is_empty() && text.contains(expected), "{text}");
            }
        }
    }
    assert_eq!(world.value(&state), "Requested");
}

#[test]
fn tm_15_a_string_without_a_size_has_16_characters() {
    let list = Syntax { list: Some(List::default()), ..Syntax::default() };
    let words = ["A", "B"].map(|word| Enumeration { value: word.into(), ..Default::default() });
    let words = Syntax { enumerations: words.to_vec(), ..list.clone() };
    let schema = small(vec![("Text", Syntax::default()), ("List", list), ("Words", words)]);
    let mut world = world(&schema, &["Device.Row.{i}.Text", "Device.Row.{i}.List"]);
    world.execute(add("Device.Row."));
    let mut refused = |name: &str, text: &str| {
        let path = format!("Device.Row.1.{name}");
        refused(&mut world, &path, Value::string(text)).map(|(code, _)| code)
    };
    assert_eq!(refused("Text", &"ä".repeat(16)), None);
    assert_eq!(refused("Text", &"ä".repeat(17)), Some(9007));
    assert_eq!(refused("List", &"a".repeat(100)), None, "an item of a list is not meant");
    let bytes = crate::limits::VALUE_BYTES_MAX;
    assert_eq!(refused("List", &"a".repeat(bytes)), None);
    assert_eq!(refused("List", &"a".repeat(bytes + 1)), Some(9007));
}

#[test]
fn an_unknown_word_in_a_list_is_told_with_those_there_are() {
    let words = |count: usize| Syntax {
        list: Some(List::default()),
        enumerations: (0..count)
            .map(|word| Enumeration { value: format!("w{word}").into(), ..Default::default() })
            .collect(),
        ..Syntax::default()
    };
    let most = crate::limits::WORDS_SHOWN_MAX;
    let schema = small(vec![("Few", words(most)), ("Many", words(most + 1))]);
    let mut world = world(&schema, &["Device.Row.{i}.Few", "Device.Row.{i}.Many"]);
    world.execute(add("Device.Row."));
    assert_eq!(refused(&mut world, "Device.Row.1.Few", Value::string("w1, w0")), None);
    assert_eq!(world.value("Device.Row.1.Few"), "w1,w0");
    let (code, text) = refused(&mut world, "Device.Row.1.Few", Value::string("w1,x")).expect("few");
    assert_eq!(code, 9007);
    assert!(text.contains("a list of these: w0, w1,") && text.ends_with("w15"), "{text}");
    let (_, text) = refused(&mut world, "Device.Row.1.Many", Value::string("x")).expect("many");
    assert!(text.ends_with("w15, …"), "{text}");
}

#[test]
fn rt_03_hidden_secured_and_command_read_as_null() {
    let key = "Device.WiFi.AccessPoint.{i}.Security.KeyPassphrase";
    let mut world = world(&tr_181(), &[key, "Device.IP.Interface.{i}.Reset"]);
    world.execute(add("Device.WiFi.AccessPoint."));
    world.execute(add("Device.IP.Interface."));
    let password = "Device.ManagementServer.Password";
    let values = [
        (key.replace("{i}", "1"), Value::string("a pass phrase"), ""),
        ("Device.IP.Interface.1.Reset".to_owned(), Value::boolean(true), "false"),
        (password.to_owned(), Value::string("secret"), ""),
    ];
    for (path, value, null) in values {
        assert_eq!(refused(&mut world, &path, value), None, "{path}");
        assert_eq!(world.value(&path), null, "{path}");
    }
}

#[test]
fn rt_01_02_tables_come_with_their_counter_defaults_and_limits() {
    let paths = ["Device.DNS.Relay.Forwarding.{i}.DNSServer", "Device.Time.Client.{i}.Port"];
    let mut world = world(&tr_181(), &paths);
    world.execute(add("Device.DNS.Relay.Forwarding."));
    assert_eq!(world.value("Device.DNS.Relay.ForwardNumberOfEntries"), "1", "not named so");
    let set = [("Device.DNS.Relay.ForwardNumberOfEntries", Value::unsigned_int(7))];
    assert_eq!(world.fault(super::set(set)).set_parameter_values_faults[0].fault_code.0, 9008);
    world.execute(add("Device.Time.Client."));
    assert_eq!(world.value("Device.Time.Client.1.Port"), "123", "the default for new rows");
    assert_eq!(world.value("Device.Time.ClientNumberOfEntries"), "1");

    let schema = small(vec![("Text", Syntax::default())]);
    let mut world = self::world(&schema, &["Device.Row.{i}.Text"]);
    for expected in ["1", "2"] {
        world.execute(add("Device.Row."));
        assert_eq!(world.value("Device.RowsThereAre"), expected);
    }
    assert_eq!(world.fault(add("Device.Row.")).fault_code.0, 9004, "ADD-06");
}

#[test]
fn the_protocol_s_own_parameters_are_those_of_the_schema() {
    let mut world = world(&tr_181(), &[]);
    assert_eq!(world.value("Device.RootDataModelVersion"), "2.19");
    let interval = "Device.ManagementServer.PeriodicInformInterval";
    assert_eq!(world.value(interval), "3600", "which the schema leaves open");
    assert!(refused(&mut world, interval, Value::unsigned_int(0)).is_some());
    let long = format!("http://acs.example/{}", "a".repeat(1000));
    assert_eq!(refused(&mut world, URL, Value::string(&long)), None, "2048 characters in 2.19");
}

#[test]
fn what_the_schema_lacks_is_named() {
    let schema = tr_181();
    let error = |path: &str| {
        let mut builder = ModelBuilder::new("Device");
        builder.declare(&schema, path);
        builder.build().map(|_| ()).expect_err(path)
    };
    let path = "Device.IP.Interface.{i}.Nothing".to_owned();
    let expected = BuildError::NotInSchema { path, schema: "Device:2.19".to_owned() };
    assert_eq!(error("Device.IP.Interface.{i}.Nothing"), expected);
    let text = expected.to_string();
    assert_eq!(
        text,
        "Device.IP.Interface.{i}.Nothing: Device:2.19 has no such object or parameter"
    );
    assert!(matches!(error("Device.Nothing.{i}.Name"), BuildError::NotInSchema { path, .. }
        if path == "Device.Nothing.{i}."));
    assert!(error("Device.IP.Interface.").to_string().contains("ends in {i}."));
    assert!(error("Device.IP.Interface.1.").to_string().contains("no such row"));
    assert!(error("Device.IP").to_string().contains("ends in a dot"));
}

#[test]
fn spec_methods_narrow_what_a_schema_says() {
    let schema = tr_181();
    let state = "Device.IP.Diagnostics.IPPing.DiagnosticsState";
    let known = schema.find_parameter(state).expect("a parameter");
    let spec = ParameterSpec::of(&known).one_of(["Requested"]);
    let mut builder = builder();
    builder.parameter(state, spec);
    let mut world = World::with(Arc::new(builder.build().expect("a model")));
    world.boot();
    assert_eq!(refused(&mut world, state, Value::string("Requested")), None);
    assert!(refused(&mut world, state, Value::string("Canceled")).is_some());
}

fn recorded(rows: &str, schema: Option<&Schema>) -> World {
    let text = format!("path,writable,value,type\n{rows}");
    let tree = RecordedTree::from_csv(&text).expect("a tree");
    let model = Model::from_tree(&tree, schema).expect("a model");
    let root = model.root().to_owned();
    let mut world = World::with(Arc::new(model));
    let url = format!("{root}.ManagementServer.URL");
    world.device().set_factory_value(&url, ACS).expect("a URL");
    world.boot();
    world
}

#[test]
fn a_recorded_tree_takes_the_facts_of_a_schema_where_the_recording_allows() {
    let rows = "\
Device.ManagementServer.Password,true,secret,xsd:string
Device.ManagementServer.STUNEnable,false,1,xsd:boolean
Device.Firewall.Config,true,High,xsd:string
Device.Firewall.Version,true,v,xsd:string
Device.Firewall.X_ACME_Note,true,n,xsd:string
Device.UserInterface.PasswordUserSelectable,true,yes,xsd:string
Device.WiFi.Radio.1.OperatingFrequencyBand,true,2.4GHz+5GHz,xsd:string
Device.WiFi.AccessPoint.,true,,
Device.WiFi.AccessPoint.1.,true,,
Device.WiFi.AccessPoint.1.Security.KeyPassphrase,true,recorded pass,xsd:string
Device.Time.Client.,true,,
Device.Time.Client.3.Port,true,1123,xsd:unsignedInt
";
    let schema = tr_181();
    let mut plain = recorded(rows, None);
    let mut world = recorded(rows, Some(&schema));
    let key = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase";
    assert_eq!((plain.value(key).as_str(), world.value(key).as_str()), ("recorded pass", ""));
    world.execute(add("Device.Time.Client."));
    plain.execute(add("Device.Time.Client."));
    let port = "Device.Time.Client.4.Port";
    assert_eq!((plain.value(port).as_str(), world.value(port).as_str()), ("0", "123"));
    assert_eq!(world.value("Device.Time.Client.3.Port"), "1123", "as it was recorded");
    let long = "a".repeat(100);
    let cases = [
        ("Device.Firewall.Config", Value::string("Low"), None, None),
        ("Device.Firewall.Config", Value::string("Off"), Some(9007), None),
        ("Device.Firewall.Version", Value::string(&long), Some(9007), None),
        ("Device.Firewall.X_ACME_Note", Value::string(&long), None, None),
        // The recorded access and type are stronger.
        ("Device.ManagementServer.STUNEnable", Value::boolean(true), Some(9008), Some(9008)),
        ("Device.UserInterface.PasswordUserSelectable", Value::string("no"), None, None),
        // So is a value that the schema does not have.
        ("Device.WiFi.Radio.1.OperatingFrequencyBand", Value::string("all"), None, None),
        (port, Value::unsigned_int(0), Some(9007), None),
    ];
    for (path, value, with, without) in cases {
        let code = |world: &mut World| refused(world, path, value.clone()).map(|(code, _)| code);
        assert_eq!((code(&mut world), code(&mut plain)), (with, without), "{path} = {value:?}");
    }
    assert_eq!(world.value("Device.RootDataModelVersion"), "2.19");
}

#[test]
fn fip_02_a_schema_does_not_put_every_wan_address_into_the_inform() {
    let connection = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANIPConnection.";
    let rows = format!(
        "InternetGatewayDevice.WANDevice.1.WANConnectionNumberOfEntries,false,7,xsd:unsignedInt\n\
         {connection}1.ExternalIPAddress,false,192.0.2.1,xsd:string\n\
         {connection}2.ExternalIPAddress,false,192.0.2.2,xsd:string\n"
    );
    let schema = shipped::model("InternetGatewayDevice:1.14").expect("it is shipped");
    let mut world = recorded(&rows, Some(&schema));
    let count = "InternetGatewayDevice.WANDevice.1.WANConnectionNumberOfEntries";
    assert_eq!(world.value(count), "1", "RT-01: counted, whatever it is called");
    let inform = world.session([]).inform;
    let addresses: Vec<&str> =
        names(&inform).into_iter().filter(|name| name.contains("ExternalIP")).collect();
    assert_eq!(addresses, [format!("{connection}1.ExternalIPAddress")]);
    assert!(names(&inform).contains(&"InternetGatewayDevice.DeviceInfo.SpecVersion"));
}

#[test]
fn the_syntax_of_a_model_is_shared() {
    let range = Range { min: Some("1".into()), max: Some("9".into()), ..Range::default() };
    let number = Syntax { value_type: ValueType::Int, ranges: vec![range], ..Syntax::default() };
    let text = Syntax { sizes: vec![Size { min: 0, max: Some(64) }], ..Syntax::default() };
    let units = Syntax { units: Some("s".into()), ..number.clone() };
    let schema = small(vec![("A", number), ("B", units), ("C", text)]);
    let mut builder = ModelBuilder::new("Device");
    for name in ["A", "B", "C"] {
        builder.declare(&schema, &format!("Device.Row.{{i}}.{name}"));
    }
    builder.row("Device.Row.", 1).row("Device.Row.", 2);
    let model = builder.build().expect("a model");
    let syntaxes = model.syntaxes();
    assert_eq!(syntaxes.len(), 9, "three in the template and in each row");
    let first = syntaxes.iter().filter(|syntax| Arc::ptr_eq(syntax, &syntaxes[0])).count();
    assert_eq!(first, 6, "what a number counts is nothing to check");
}

#[test]
fn a_default_of_the_factory_is_the_value_of_a_device() {
    let mut draft = small(vec![("Text", Syntax::default())]).to_draft();
    let value = DefaultValue { default_type: DefaultType::Factory, value: "here".into() };
    draft.objects[1].parameters[0].default = Some(value);
    let (schema, problems) = Schema::build(&draft);
    assert_eq!(problems, []);
    let mut builder = ModelBuilder::new("Device");
    builder.declare(&schema, "Device.Row.{i}.Text").row("Device.Row.", 1);
    let world = World::with(Arc::new(builder.build().expect("a model")));
    assert_eq!(world.value("Device.Row.1.Text"), "here");
}
