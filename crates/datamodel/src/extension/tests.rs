use proptest::prelude::*;

use super::*;
use crate::limits::{DEVICE_PATTERN_CHARS_MAX, DEVICE_RULES_MAX, EXTENSION_BYTES_MAX};

fn all(error: &ExtensionError) -> String {
    let problems: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    problems.join("\n")
}

#[track_caller]
fn parse(text: &str) -> Extension {
    Extension::parse(text, "lamp.toml").unwrap_or_else(|error| panic!("{}", all(&error)))
}

/// The text cannot be read, and all that is said of it is `messages`.
#[track_caller]
fn check_unreadable(text: &str, messages: &str) {
    let error = Extension::parse(text, "lamp.toml").expect_err(text);
    assert_eq!(all(&error), messages, "{text}");
}

/// An extension of the small model below, with `body` from line 3 on.
fn with_head(body: &str) -> String {
    format!("extends = \"Device:2.1\"\nname = \"X_EXAMPLE_Lamp:1.0\"\n{body}")
}

/// A parameter that must be refused, in line 4.
#[track_caller]
fn check_bad_parameter(table: &str, message: &str) {
    let text = with_head(&format!("[object.\"Device.X_A_B.\"]\nparameter.P = {{ {table} }}"));
    check_unreadable(&text, &format!("lamp.toml:4: Device.X_A_B.P: {message}"));
}

/// What cannot be applied to the small model.
#[track_caller]
fn check_unfit(body: &str, messages: &str) {
    let error = parse(&with_head(body)).apply(&base()).expect_err(body);
    assert_eq!(all(&error), messages, "{body}");
}

fn base() -> Schema {
    use crate::compile::{Compiler, Options};

    let document = br#"<dm:document xmlns:dm="urn:broadband-forum-org:cwmp:datamodel-1-15">
      <model name="Device:2.1">
        <object name="Device." access="readOnly" minEntries="1" maxEntries="1">
          <parameter name="Mode" access="readOnly">
            <syntax><string><enumeration value="Day"/><enumeration value="Night"/></string></syntax>
          </parameter>
          <parameter name="X_A_RowNumberOfEntries" access="readOnly"/>
          <parameter name="PortNumberOfEntries"><syntax><unsignedInt/></syntax></parameter>
        </object>
        <object name="Device.Port.{i}." access="readOnly" minEntries="0" maxEntries="unbounded"
            numEntriesParameter="PortNumberOfEntries"/>
        <object name="Device.Gone." access="readOnly" status="deleted"/>
      </model>
    </dm:document>"#;
    let mut compiler = Compiler::new(Options::default());
    compiler.handle_document("base.xml", "base.xml", document);
    compiler.compile("base.xml").unwrap().remove(0).schema
}

#[cfg(feature = "shipped")]
#[test]
fn the_worked_example() {
    use crate::check::Direction::Set;
    use crate::syntax::ActiveNotify;

    let extension = parse(include_str!("lamp.toml"));
    assert_eq!(extension.name().to_string(), "X_EXAMPLE-COM_Lamp:1.0");
    assert_eq!(extension.extends().to_string(), "Device:2.19");
    assert_eq!(extension.description(), Some("The lamps of the HG100 family."));
    let rule = &extension.devices()[0];
    assert_eq!(rule.product_class, ["HG100".into(), "HG100-*".into()]);

    let standard = crate::shipped::model("Device:2.19").unwrap();
    let model = extension.apply(&standard).unwrap();
    assert_eq!(model.stats().objects, standard.stats().objects + 2);
    // Nine of the lamp, one of its statistics, one that counts lamps, and the PIN.
    assert_eq!(model.stats().parameters, standard.stats().parameters + 11);
    assert_eq!(model.name(), standard.name());

    let lamp = model.find_object("Device.X_EXAMPLE-COM_Lamp.3.").unwrap();
    assert!(lamp.is_writable_table());
    assert_eq!((lamp.entries_min(), lamp.entries_max()), (0, Some(8)));
    assert_eq!(lamp.description(), Some("A lamp."));
    assert_eq!(lamp.enable_parameter().unwrap().name(), "Enable");
    let counter = lamp.num_entries_parameter().unwrap();
    assert_eq!(counter.path(), "Device.X_EXAMPLE-COM_LampNumberOfEntries");
    let keys: Vec<_> =
        lamp.unique_keys().map(|key| (key.functional, &*key.parameters[0])).collect();
    assert_eq!(keys, [(false, "Alias"), (false, "Name"), (true, "Socket")]);

    let parameter = |name: &str| lamp.parameter(name).unwrap();
    let names: Vec<_> = lamp.parameters().map(|it| it.name()).collect();
    let expected = "Enable Alias Name Socket Status Brightness Colours FollowsRadios";
    assert_eq!(names.join(" "), expected);
    assert_eq!(parameter("Enable").value_on_creation(), "false");
    assert_eq!(parameter("Brightness").value_on_creation(), "50");
    let status = parameter("Status");
    assert!(!status.is_writable());
    assert_eq!(status.active_notify(), ActiveNotify::ForceDefaultEnabled);
    assert_eq!(status.syntax().enumerations[2].description.as_deref(), Some("Replace it."));
    let accepts = |name: &str, text: &str| parameter(name).check(text, Set).is_ok();
    assert!(accepts("Brightness", "95") && !accepts("Brightness", "101"));
    assert!(!accepts("Brightness", "96"), "the step is 5");
    assert!(accepts("Colours", "#00FF00, #FF0000") && !accepts("Colours", "#00FF00,red"));
    assert!(!accepts("Colours", "#000000,#000000,#000000,#000000,#000000"));
    assert!(
        accepts("FollowsRadios", "Device.WiFi.Radio.1") && !accepts("FollowsRadios", "Radio 1")
    );
    assert!(accepts("Name", "a name of the lamp's own"));
    let pin = model.find_parameter("Device.DeviceInfo.X_EXAMPLE-COM_PIN").unwrap();
    assert!(pin.syntax().reads_as_null() && pin.check("123", Set).is_err());
    let radio = model.find_parameter("Device.WiFi.Radio.1.Status").unwrap();
    let words = &radio.syntax().enumerations;
    assert_eq!(&*words.last().unwrap().value, "X_EXAMPLE-COM_Dimmed");
    // The compiled form has all of it.
    assert!(Schema::from_bytes(&model.to_bytes()).unwrap() == model);
}

#[test]
fn what_is_added_comes_in_the_order_of_the_file() {
    let text = with_head(
        "[object.\"Device.X_A_Z.B.\"]\nparameter.Y = { type = \"int\" }\n\
         parameter.X = { type = \"int\" }\n\
         [object.\"Device.X_A_Z.\".parameter.W]\ntype = \"int\"\n\
         [object.\"Device.X_A_A.\"]\n",
    );
    let extension = parse(&text);
    let paths: Vec<String> = extension.paths().collect();
    let expected = "Device.X_A_Z.B. Device.X_A_Z.B.Y Device.X_A_Z.B.X Device.X_A_Z. \
                    Device.X_A_Z.W Device.X_A_A.";
    assert_eq!(paths.join(" "), expected);
    let model = extension.apply(&base()).unwrap();
    let children: Vec<_> =
        model.root().unwrap().children().map(|it| it.name().to_owned()).collect();
    assert_eq!(children, ["Port", "X_A_Z", "X_A_A"]);
}

#[test]
fn one_extension_on_top_of_another() {
    let first = parse(&with_head("[object.\"Device.X_A_B.\"]"));
    let second =
        parse(&with_head("[object.\"Device.X_A_B.\"]\nparameter.P = { type = \"string\" }"));
    let both = second.apply(&first.apply(&base()).unwrap()).unwrap();
    // Without a size it is a text of any length, other than TM-15 says.
    let parameter = both.find_parameter("Device.X_A_B.P").unwrap();
    assert!(parameter.check(&"x".repeat(100), crate::check::Direction::Set).is_ok());
    let error = first.apply(&first.apply(&base()).unwrap());
    // The object alone can stand in both.
    assert!(error.is_ok());
}

#[test]
fn more_of_a_parameter_of_the_model() {
    let text = with_head(
        "[object.\"Device.\"]\nparameter.Mode.access = \"readWrite\"\n\
         parameter.Mode.add_values = [\"X_A_Dusk\", \
         { value = \"X_A_Dawn\", access = \"readOnly\" }]",
    );
    let model = parse(&text).apply(&base()).unwrap();
    let mode = model.find_parameter("Device.Mode").unwrap();
    let words: Vec<_> =
        mode.syntax().enumerations.iter().map(|it| (&*it.value, it.read_only)).collect();
    assert!(mode.is_writable());
    let expected = [("Day", false), ("Night", false), ("X_A_Dusk", false), ("X_A_Dawn", true)];
    assert_eq!(words, expected);
}

#[test]
fn devices_that_break_tm_16() {
    let text = with_head(
        "names = \"any\"\n[object.\"Device.CpuInfo.\"]\nparameter.Temp = { type = \"string\" }\n\
         [object.\"Device.\"]\nparameter.Mode.add_values = [\"Twilight\"]\n\
         [object.\"Device.Old.{i}.\"]\nnumber_of_entries = \"\"",
    );
    let model = parse(&text).apply(&base()).unwrap();
    assert!(model.find_parameter("Device.CpuInfo.Temp").is_some());
    assert!(model.find_object("Device.Old.").unwrap().num_entries_parameter().is_none());
    assert_eq!(model.find_parameter("Device.OldNumberOfEntries"), None);
}

#[test]
fn malformed_files() {
    let cases = [
        ("", "lamp.toml:1: missing field `extends`"),
        ("extends = \"Device:2.1\"", "lamp.toml:1: missing field `name`"),
        (
            "extends = \"Device\"\nname = \"Lamp\"",
            "lamp.toml:2: \"Lamp\" is no name with a version, such as X_EXAMPLE-COM_Lamp:1.0\n\
             lamp.toml:1: \"Device\" is no name with a version, such as Device:2.19",
        ),
        ("\n\nextends = ", "lamp.toml:3: string values must be quoted, expected literal string"),
    ];
    for (text, message) in cases {
        check_unreadable(text, message);
    }
    let cases = [
        (
            "nam = 1",
            "lamp.toml:3: unknown field `nam`, expected one of `extends`, `name`, `description`, \
             `names`, `device`, `object`",
        ),
        (
            "[object.\"Device.X_A_B.\"]\nparameter.P = { type = \"int\", rang = \"1..2\" }",
            "lamp.toml:4: unknown field `rang`, expected one of `type`, `access`, `description`, \
             `size`, `range`, `step`, `items`, `list_size`, `values`, `add_values`, `patterns`, \
             `references`, `strong`, `units`, `default`, `hidden`, `command`, `active_notify`, \
             `forced_inform`, `status`",
        ),
        (
            "[object.\"Device.X_A_B.\"]\nstatus = \"deleted\"",
            "lamp.toml:4: unknown variant `deleted`, expected one of `current`, `deprecated`, \
             `obsoleted`",
        ),
        (
            "[object.\"Device.X_A_B.\"]\nparameter.P = { type = \"int\", range = 5 }",
            "lamp.toml:4: invalid type: integer `5`, expected a text in quotes, or a list of them",
        ),
        (
            "[[device]]\nproduct_class = []",
            "lamp.toml:3: a [[device]] without any rule; for all devices write \
             manufacturer_oui = \"*\"",
        ),
        (
            "[[device]]\nproduct_class = \"\"",
            "lamp.toml:3: a pattern for devices has 1 to 256 characters",
        ),
        (
            "[[device]]\nmanufacturer_oui = [\"02D20F\", \"02:d2:0f\"]",
            "lamp.toml:3: an OUI has no separators here: write it as 02D20F",
        ),
    ];
    for (body, message) in cases {
        check_unreadable(&with_head(body), message);
    }
}

#[test]
fn bad_objects() {
    let cases = [
        ("Device.X_A_B", "", "the path of an object ends in a dot"),
        ("Device.X_A_B.{i}", "access = \"readWrite\"", "the path of an object ends in a dot"),
        ("X.Y.", "", "a path begins with Device., as the extended model does"),
        ("Device.X_A_B.1.", "", "write {i} in place of the instance number 1"),
        (
            "Device.X_A_B.{i}.",
            "entries = \"8\"",
            "\"8\": a range is written \"1..8\", \"1..\" or \"..8\", and includes both ends",
        ),
        ("Device.X_A_B.{i}.", "entries = \"3..1\"", "\"3..1\": the first end is the smaller one"),
        (
            "Device.X_A_B.",
            "entries = \"..8\"",
            "an object without {i} is there once, or not: entries is \"0..1\"",
        ),
        (
            "Device.X_A_B.",
            "access = \"readWrite\"",
            "access, number_of_entries, enable and unique_keys are for tables, whose paths end in \
             {i}.",
        ),
        (
            "Device.X_A_B.{i}.",
            "unique_keys_if_enabled = [[\"A\"]]",
            "unique_keys_if_enabled needs enable, the parameter that switches a row",
        ),
    ];
    for (path, keys, message) in cases {
        let text = with_head(&format!("[object.\"{path}\"]\n{keys}"));
        let line = if keys.starts_with("entries") && path.ends_with("{i}.") { 4 } else { 3 };
        check_unreadable(&text, &format!("lamp.toml:{line}: {path}: {message}"));
    }
}

#[test]
fn bad_parameters() {
    let cases = [
        (
            "type = \"int\", size = \"..8\"",
            "size is for string, base64 and hexBinary; a number has a range",
        ),
        (
            "type = \"string\", size = \"8\"",
            "\"8\": a range is written \"1..8\", \"1..\" or \"..8\", and includes both ends",
        ),
        ("type = \"string\", size = \"9..8\"", "\"9..8\": the first end is the smaller one"),
        ("type = \"string\", size = \"-1..8\"", "\"-1\" is no count"),
        ("type = \"string\", range = \"1..8\"", "range is for numbers; a string has a size"),
        ("type = \"unsignedInt\", range = \"-1..8\"", "\"-1\" is no unsignedInt"),
        (
            "type = \"int\", range = [\"1..2\", \"9..8\"]",
            "\"9..8\": the first end is the smaller one",
        ),
        ("type = \"int\", range = \"-5..-6\"", "\"-5..-6\": the first end is the smaller one"),
        (
            "type = \"decimal\", range = \"0.5..0.25\"",
            "\"0.5..0.25\": the first end is the smaller one",
        ),
        (
            "type = \"int\", range = \"9..8\", step = 5",
            "\"9..8\": the first end is the smaller one",
        ),
        ("type = \"int\", step = 5", "step is a number above 0, and stands beside a range"),
        (
            "type = \"int\", range = \"0..\", step = 0",
            "step is a number above 0, and stands beside a range",
        ),
        ("type = \"string\", items = \"..8\"", "items and list_size are for a type \"list of …\""),
        (
            "type = \"int\", values = [\"1\"]",
            "values and patterns are for strings; a number has a range",
        ),
        ("type = \"string\", values = [\"A\", \"A\"]", "the value \"A\" stands here twice"),
        (
            "type = \"string\", patterns = [\"(\"]",
            "the pattern \"(\" cannot be used: the pattern is malformed at character 1: this \
             '(' has no ')'",
        ),
        (
            "type = \"string\", references = [\"Device.X.\"]",
            "\"Device.X.\" is no table, whose path ends in {i}.; references are paths of rows",
        ),
        (
            "type = \"string\", strong = true",
            "strong says something of references; name the tables there",
        ),
        (
            "type = \"int\", references = [\"Device.X.{i}.\"]",
            "references are for strings, or lists of them, without values and patterns",
        ),
        (
            "type = \"boolean\", default = \"maybe\"",
            "the default \"maybe\" does not fit: the value must be of type xsd:boolean: true, \
             false, 1 or 0",
        ),
        (
            "type = \"int\", range = \"0..9\", default = 10",
            "the default \"10\" does not fit: the value must be 0 to 9",
        ),
        (
            "type = \"string\", values = [\"A\"], default = \"B\"",
            "the default \"B\" is none of the values",
        ),
        (
            "type = \"MACAddress\", default = \"00\"",
            "the default \"00\" does not fit: the value must match '' or \
             '([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}'",
        ),
        (
            "type = \"string\", add_values = [\"X_A_B\"]",
            "add_values is for parameters of the model; give values beside a type",
        ),
        (
            "units = \"s\"",
            "a parameter needs a type; one of the model takes access and add_values only",
        ),
        ("access = \"readOnly\"", "access can only be widened, to readWrite (XML-24)"),
        ("", "a parameter needs a type; for one of the model give access or add_values"),
        (
            "add_values = [\"Dusk\"]",
            "a word that is added to the standard is called X_<VENDOR>_Dusk and has at most 31 \
             characters (TM-16); for a device that does otherwise write names = \"any\" at the top",
        ),
    ];
    for (table, message) in cases {
        check_bad_parameter(table, message);
    }
    let longest = format!("X_A_{}", "a".repeat(27));
    let text = |word: &str| {
        with_head(&format!("[object.\"Device.\"]\nparameter.Mode.add_values = [\"{word}\"]"))
    };
    assert!(Extension::parse(&text(&longest), "").is_ok());
    assert!(Extension::parse(&text(&format!("{longest}a")), "").is_err());
    let error = Extension::parse(
        &with_head("[object.\"Device.X_A_B.\"]\nparameter.P = { type = \"uint\" }"),
        "lamp.toml",
    );
    let message = all(&error.unwrap_err());
    assert!(message.starts_with("lamp.toml:4: Device.X_A_B.P: there is no type \"uint\"; use "));
    assert!(message.contains("unsignedInt") && message.contains("MACAddress"), "{message}");
}

#[test]
fn what_does_not_fit_the_model() {
    let parameter = |object: &str, name: &str| {
        format!("[object.\"{object}\"]\nparameter.{name} = {{ type = \"string\" }}")
    };
    let any = "for a device that does otherwise write names = \"any\" at the top";
    let cases = [
        (
            "[object.\"Device.Lamp.\"]".to_owned(),
            format!(
                "lamp.toml:3: Device.Lamp.: Device:2.1 has no such object; what a vendor adds is \
                 called X_<VENDOR>_Lamp (TM-16); {any}"
            ),
        ),
        (
            "[object.\"Device.X_lamp.\"]".to_owned(),
            format!(
                "lamp.toml:3: Device.X_lamp.: X_lamp is no vendor's name: those are \
                 X_<VENDOR>_Name with an OUI, or a domain in upper case, as VENDOR (TM-16); {any}"
            ),
        ),
        (
            parameter("Device.", "Colour"),
            format!(
                "lamp.toml:4: Device.Colour: Device:2.1 has no such parameter; what a vendor adds \
                 is called X_<VENDOR>_Colour (TM-16); {any}"
            ),
        ),
        (
            "[object.\"Device.X_A_B.C.\"]".to_owned(),
            "lamp.toml:3: Device.X_A_B.C.: neither Device:2.1 nor the extension has Device.X_A_B., \
             which should hold it; add that, too"
                .to_owned(),
        ),
        (
            parameter("Device.", "Mode"),
            "lamp.toml:4: Device.Mode: Device:2.1 has this parameter already; give only access or \
             add_values, and no type"
                .to_owned(),
        ),
        (
            "[object.\"Device.\"]\nparameter.X_A_B.access = \"readWrite\"".to_owned(),
            "lamp.toml:4: Device.X_A_B: Device:2.1 has no such parameter; a new one needs a type"
                .to_owned(),
        ),
        (
            "[object.\"Device.Port.{i}.\"]\naccess = \"readWrite\"".to_owned(),
            "lamp.toml:3: Device.Port.{i}.: Device:2.1 has this object already; only parameters \
             can be added to it"
                .to_owned(),
        ),
        (
            "[object.\"Device.Port.\"]".to_owned(),
            "lamp.toml:3: Device.Port.: it is Device.Port.{i}. already; an object is a table or \
             single"
                .to_owned(),
        ),
        (
            parameter("Device.Gone.", "X_A_B"),
            "lamp.toml:3: Device.Gone.: Device:2.1 has deleted this object (TM-07)".to_owned(),
        ),
        (
            "[object.\"Device.X_A_Row.{i}.\"]".to_owned(),
            "lamp.toml:3: Device.X_A_RowNumberOfEntries: the parameter that counts the rows of a \
             table is an unsignedInt"
                .to_owned(),
        ),
        (
            "[object.\"Device.X_A_B.{i}.\"]\nenable = \"On\"\nunique_keys = [\"Name\"]"
                .to_owned(),
            "lamp.toml:3: Device.X_A_B.{i}.: enable names \"On\", which the row does not have; add \
             it\nlamp.toml:3: Device.X_A_B.{i}.: unique_keys names \"Name\", which the row does \
             not have; add it"
                .to_owned(),
        ),
        (
            "[object.\"Device.\"]\nparameter.X_A_B = { type = \"string\", \
             references = [\"Device.Plug.{i}.\"] }"
                .to_owned(),
            "lamp.toml:4: Device.X_A_B: it refers to Device.Plug.{i}., which neither Device:2.1 \
             nor the extension has"
                .to_owned(),
        ),
        (
            "[object.\"Device.\"]\nparameter.PortNumberOfEntries.add_values = [\"X_A_B\"]"
                .to_owned(),
            "lamp.toml:4: Device.PortNumberOfEntries: it has no enumeration to which a word could \
             be added"
                .to_owned(),
        ),
    ];
    for (body, message) in &cases {
        check_unfit(body, message);
    }
    let other = "extends = \"Device:1.1\"\nname = \"X_A:1.0\"";
    let error = parse(other).apply(&base()).unwrap_err();
    assert_eq!(error.to_string(), "lamp.toml:1: it extends Device:1.1, and this is Device:2.1");
    // Another minor version may have what is needed.
    let later = "extends = \"Device:2.9\"\nname = \"X_A:1.0\"\n[object.\"Device.X_A_B.\"]";
    assert!(parse(later).apply(&base()).is_ok());
}

#[test]
fn limits() {
    let padded = |length: usize| {
        let head = with_head("#");
        format!("{head}{}", "x".repeat(length - head.len()))
    };
    assert!(Extension::parse(&padded(EXTENSION_BYTES_MAX), "lamp.toml").is_ok());
    check_unreadable(
        &padded(EXTENSION_BYTES_MAX + 1),
        "lamp.toml: the file is larger than 4 MiB; split it",
    );
    let rules = |count| with_head(&"[[device]]\nmodel_name = \"A\"\n".repeat(count));
    assert_eq!(parse(&rules(DEVICE_RULES_MAX)).devices().len(), DEVICE_RULES_MAX);
    check_unreadable(
        &rules(DEVICE_RULES_MAX + 1),
        "lamp.toml:2003: more than 1000 [[device]]; give several patterns",
    );
    let pattern = |count| with_head(&format!("[[device]]\nmodel_name = \"{}\"", "a".repeat(count)));
    assert!(Extension::parse(&pattern(DEVICE_PATTERN_CHARS_MAX), "").is_ok());
    assert!(Extension::parse(&pattern(DEVICE_PATTERN_CHARS_MAX + 1), "").is_err());
    // Below the longest path of an object there is no room for a parameter.
    let object = format!("Device.X_A_{}.", "a".repeat(244));
    let text = with_head(&format!("[object.\"{object}\"]\nparameter.P = {{ type = \"int\" }}"));
    let message = format!("lamp.toml:4: {object}P: a path has at most 256 characters (TM-16)");
    check_unreadable(&text, &message);
}

/// Pieces that a careless author could leave anywhere.
fn fragments() -> impl Strategy<Value = String> {
    let lamp: Vec<String> = include_str!("lamp.toml").lines().map(str::to_owned).collect();
    let odd =
        ["[object]", "[object.\"\"]", "parameter = 1", "\"", "[[device]]", "x.y = {", "é = 1"];
    let pieces = lamp.into_iter().chain(odd.map(str::to_owned)).collect::<Vec<_>>();
    prop::collection::vec(prop::sample::select(pieces), 0..40).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = Extension::parse(&text, "lamp.toml");
    }

    #[test]
    fn no_mixture_panics(text in fragments(), cut in 0_usize..2000) {
        let head = text.get(..cut).unwrap_or(&text);
        for text in [head, &with_head(head)] {
            if let Ok(extension) = Extension::parse(text, "lamp.toml") {
                let _ = extension.apply(&base());
            }
        }
    }
}
