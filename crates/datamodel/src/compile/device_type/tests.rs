use std::sync::Arc;

use crate::check::Direction::Set;
use crate::compile::{CompileError, Compiled, Compiler, Options};
use crate::schema::Schema;
use crate::syntax::{Access, ActiveNotify};

/// The model that the device types are about.
const MODEL: &str = r#"<dm:document xmlns:dm="urn:broadband-forum-org:cwmp:datamodel-1-15"
    spec="urn:example-com:house-1-2">
  <dataType name="Colour"><string><size maxLength="16"/></string></dataType>
  <model name="House:1.2">
    <object name="House." access="readOnly" minEntries="1" maxEntries="1">
      <parameter name="Mode" access="readWrite">
        <syntax>
          <string>
            <enumeration value="Day"/>
            <enumeration value="Night"/>
            <enumeration value="Broken" access="readOnly"/>
          </string>
        </syntax>
      </parameter>
      <parameter name="Serial" access="readOnly"><syntax><string/></syntax></parameter>
      <parameter name="RoomNumberOfEntries" access="readOnly">
        <syntax><unsignedInt/></syntax>
      </parameter>
    </object>
    <object name="House.Room.{i}." access="readWrite" minEntries="0" maxEntries="8"
        numEntriesParameter="RoomNumberOfEntries" enableParameter="Enable">
      <uniqueKey functional="false"><parameter ref="Alias"/></uniqueKey>
      <uniqueKey><parameter ref="Name"/></uniqueKey>
      <parameter name="Enable" access="readWrite"><syntax><boolean/></syntax></parameter>
      <parameter name="Alias" access="writeOnceReadOnly">
        <syntax><string><size maxLength="64"/></string></syntax>
      </parameter>
      <parameter name="Name" access="readWrite" activeNotify="canDeny">
        <syntax><string><size maxLength="32"/></string><default type="factory" value="R"/></syntax>
      </parameter>
      <parameter name="Heat" access="readWrite">
        <syntax><int><range minInclusive="-10" maxInclusive="40"/></int></syntax>
      </parameter>
      <parameter name="Paint" access="readWrite">
        <syntax><dataType ref="Colour"/></syntax>
      </parameter>
      <parameter name="Days" access="readWrite">
        <syntax><list maxItems="7"><size maxLength="64"/></list><string/></syntax>
      </parameter>
    </object>
    <object name="House.Room.{i}.Door." access="readOnly" minEntries="1" maxEntries="1">
      <parameter name="Open" access="readOnly"><syntax><boolean/></syntax></parameter>
    </object>
    <profile name="Basic:1"><object ref="House." requirement="present">
      <parameter ref="Mode" requirement="readWrite"/></object></profile>
    <profile name="Rooms:1" base="Basic:1"><object ref="House.Room.{i}." requirement="createDelete">
      <parameter ref="Name" requirement="readWrite"/></object></profile>
    <profile name="More:1" extends="Rooms:1"/>
  </model>
</dm:document>"#;

const HEAD: &str = r#"<dt:document xmlns:dt="urn:broadband-forum-org:cwmp:devicetype-1-0"
    deviceType="urn:example-com:hut" uuid="00112233-4455-6677-8899-aabbccddeeff">
  <annotation>Not of interest.</annotation>
  <import file="https://example.com/models/house.xml"><model name="House:1.2"/></import>
  <feature name="Router"/><feature name="X_EXAMPLE-COM_Chimney"/>
"#;

/// A device type of the model; `listed` stands from line 7 on.
fn hut(listed: &str) -> String {
    format!("{HEAD}<model ref=\"House:1.2\">\n{listed}\n</model></dt:document>")
}

fn run(lenient: bool, files: &[(&str, &str)]) -> Result<Compiled, CompileError> {
    let mut compiler = Compiler::new(Options { lenient, ..Options::default() });
    compiler.know_files(files.iter().map(|(name, _)| *name));
    let mut next = Some(files[0].0.to_owned());
    while let Some(name) = next {
        let (name, text) = files.iter().find(|(known, _)| *known == name).unwrap();
        compiler.handle_document(name, name, text.as_bytes());
        next = compiler.poll_wanted();
    }
    compiler.compile(files[0].0).map(|mut all| {
        assert_eq!(all.len(), 1);
        all.remove(0)
    })
}

#[track_caller]
fn compile(listed: &str) -> Compiled {
    run(false, &[("hut.xml", &hut(listed)), ("house.xml", MODEL)])
        .unwrap_or_else(|error| panic!("{}", shown(&error.problems)))
}

fn shown(problems: &[crate::compile::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Strictly an error; leniently, what is wrong is left as the model has it.
#[track_caller]
fn check_wider(listed: &str, message: &str) -> Schema {
    let text = hut(listed);
    let files = [("hut.xml", text.as_str()), ("house.xml", MODEL)];
    let error = run(false, &files).expect_err(listed);
    assert_eq!(shown(&error.errors().cloned().collect::<Vec<_>>()), message);
    run(true, &files).unwrap().schema
}

/// A parameter in the rows of a table.
fn in_room(parameter: &str) -> String {
    format!(
        "<object ref=\"House.Room.{{i}}.\" access=\"readOnly\" minEntries=\"0\" maxEntries=\"8\">\n\
         {parameter}</object>"
    )
}

#[test]
fn dt_02_only_what_is_listed_is_there() {
    let Compiled { schema, problems, device_type } = compile(
        r#"<object ref="House." access="readOnly" minEntries="1" maxEntries="1">
             <parameter ref="Mode" access="readWrite"><syntax><string>
               <enumeration value="Night"/><enumeration value="Broken"/>
             </string></syntax></parameter>
             <parameter ref="RoomNumberOfEntries" access="readOnly"/>
           </object>
           <object ref="House.Room.{i}." access="readOnly" minEntries="1" maxEntries="2">
             <annotation>Two rooms.</annotation>
             <parameter ref="Alias" access="readWrite"/>
             <parameter ref="Name" access="readOnly" activeNotify="willDeny"/>
             <parameter ref="Heat" access="readWrite"><syntax>
               <int><range minInclusive="10" maxInclusive="30"/></int>
               <default type="factory" value="20"/>
             </syntax></parameter>
             <parameter ref="Paint" access="readWrite"><syntax><dataType base="Colour">
               <size maxLength="8"/></dataType></syntax></parameter>
             <parameter ref="Days" access="readWrite"><syntax>
               <list maxItems="2"/><string/></syntax></parameter>
           </object>"#,
    );
    assert_eq!(shown(&problems), "");
    let device_type = device_type.unwrap();
    assert_eq!(&*device_type.device_type, "urn:example-com:hut");
    assert_eq!(&*device_type.uuid, "00112233-4455-6677-8899-aabbccddeeff");
    assert_eq!(device_type.features, ["Router".into(), "X_EXAMPLE-COM_Chimney".into()]);

    assert_eq!(schema.name().to_string(), "House:1.2");
    assert_eq!(schema.spec(), "urn:example-com:house-1-2");
    let paths: Vec<String> = schema.parameters().map(|it| it.path()).collect();
    let expected = "House.Mode House.RoomNumberOfEntries House.Room.{i}.Alias House.Room.{i}.Name \
                    House.Room.{i}.Heat House.Room.{i}.Paint House.Room.{i}.Days";
    assert_eq!(paths.join(" "), expected);
    let room = schema.find_object("House.Room.").unwrap();
    assert_eq!(room.access(), Access::ReadOnly);
    assert_eq!((room.entries_min(), room.entries_max()), (1, Some(2)));
    assert_eq!(room.num_entries_parameter().unwrap().name(), "RoomNumberOfEntries");
    assert_eq!(room.enable_parameter(), None);
    assert_eq!(room.unique_keys().count(), 2);
    let parameter = |name: &str| room.parameter(name).unwrap();
    assert!(parameter("Alias").is_writable() && !parameter("Name").is_writable());
    assert_eq!(parameter("Name").active_notify(), ActiveNotify::CanDeny);
    assert_eq!(parameter("Heat").value_on_creation(), "20");
    let accepts = |name: &str, text: &str| parameter(name).check(text, Set).is_ok();
    assert!(accepts("Heat", "30") && !accepts("Heat", "31"));
    assert!(accepts("Paint", "8 digits") && !accepts("Paint", "9 letters"));
    assert!(accepts("Days", "Mo,Tu") && !accepts("Days", "Mo,Tu,We"));
    let mode = schema.find_parameter("House.Mode").unwrap();
    let words: Vec<_> =
        mode.syntax().enumerations.iter().map(|it| (&*it.value, it.read_only)).collect();
    assert_eq!(words, [("Night", false), ("Broken", true)]);
    // Rows cannot be created, and names cannot be set.
    let profiles: Vec<_> = schema.profiles().map(|it| it.name()).collect();
    assert_eq!(profiles, ["Basic:1"]);
}

#[test]
fn dt_02_what_is_unlisted_above_is_kept_without_parameters() {
    let Compiled { schema, problems, .. } = compile(
        r#"<object ref="House.Room.{i}.Door." access="readOnly" minEntries="1" maxEntries="1">
             <parameter ref="Open" access="readOnly"/></object>
           <parameter ref="House.Serial" access="readOnly"/>"#,
    );
    let message = "hut.xml:6: House.Room.{i}.: it is not listed, but something below it; it is \
                   kept without parameters";
    assert_eq!(shown(&problems), message);
    let paths: Vec<String> = schema.parameters().map(|it| it.path()).collect();
    assert_eq!(paths, ["House.Serial", "House.Room.{i}.Door.Open"]);
    assert_eq!(schema.find_object("House.Room.").unwrap().unique_keys().count(), 0);
    assert_eq!(schema.profiles().count(), 0);
}

#[test]
fn dt_02_a_notification_that_is_not_denied() {
    let parameter = |text: &str| {
        let schema = compile(&in_room(text)).schema;
        schema.find_parameter("House.Room.1.Name").unwrap().active_notify()
    };
    let listed = r#"<parameter ref="Name" access="readWrite"/>"#;
    assert_eq!(parameter(listed), ActiveNotify::Normal);
    let listed = r#"<parameter ref="Name" access="readWrite" activeNotify="normal"/>"#;
    assert_eq!(parameter(listed), ActiveNotify::Normal);
}

#[test]
fn dt_02_what_the_model_lacks_or_forbids() {
    let object = |attributes: &str| format!("<object {attributes}/>");
    let room = |attributes: &str| object(&format!("ref=\"House.Room.{{i}}.\" {attributes}"));
    let cases = [
        (object("ref=\"House.Attic.\""), "hut.xml:7: House.Attic.: House:1.2 has no such object"),
        (
            in_room(r#"<parameter ref="Attic" access="readOnly"/>"#),
            "hut.xml:8: House.Room.{i}.Attic: House:1.2 has no such parameter",
        ),
        (
            format!(
                "{}{}",
                object(r#"ref="House." access="readOnly""#),
                object(r#"ref="House." access="readOnly""#)
            ),
            "hut.xml:7: House.: the object is listed a second time",
        ),
        (
            in_room(&r#"<parameter ref="Heat" access="readOnly"/>"#.repeat(2)),
            "hut.xml:8: House.Room.{i}.Heat: the parameter is listed a second time",
        ),
        (
            object(r#"ref="House." access="create""#),
            "hut.xml:7: House.: rows can be added or deleted here, but not by the model (DT-02)",
        ),
        (
            object(r#"ref="House." access="readWrite""#),
            "hut.xml:7: House.: access of an object is readOnly, create, delete or createDelete, \
             not \"readWrite\"",
        ),
        (
            room(r#"access="readOnly" minEntries="0" maxEntries="unbounded""#),
            "hut.xml:7: House.Room.{i}.: entries 0 to unbounded do not lie within 0 to 8 of the \
             model (DT-02)",
        ),
        (
            room(r#"access="readOnly" minEntries="4" maxEntries="3""#),
            "hut.xml:7: House.Room.{i}.: entries 4 to 3 do not lie within 0 to 8 of the model \
             (DT-02)",
        ),
        (
            room(r#"access="readOnly" minEntries="few" maxEntries="3""#),
            "hut.xml:7: House.Room.{i}.: minEntries is a number, maxEntries one or unbounded",
        ),
        (
            r#"<parameter ref="House.Serial" access="readWrite"/>"#.to_owned(),
            "hut.xml:7: House.Serial: it is readWrite here and readOnly in the model (DT-02)",
        ),
        (
            r#"<parameter ref="House.Serial" access="writable"/>"#.to_owned(),
            "hut.xml:7: House.Serial: access of a parameter is readOnly or readWrite, not \
             \"writable\"",
        ),
        (
            in_room(r#"<parameter ref="Heat" access="readWrite" activeNotify="willDeny"/>"#),
            "hut.xml:8: House.Room.{i}.Heat: it denies active notification, which the model does \
             not allow",
        ),
        (
            in_room(r#"<parameter ref="Heat" access="readWrite" activeNotify="canDeny"/>"#),
            "hut.xml:8: House.Room.{i}.Heat: activeNotify is normal or willDeny, not \"canDeny\"",
        ),
    ];
    for (listed, message) in &cases {
        check_wider(listed, message);
    }
}

#[test]
fn dt_02_facets_are_only_narrowed() {
    let syntax = |name: &str, syntax: &str| {
        let element = format!("<syntax>{syntax}</syntax>");
        in_room(&format!("<parameter ref=\"{name}\" access=\"readWrite\">{element}</parameter>"))
    };
    let cases = [
        (
            "Heat",
            r#"<int><range minInclusive="-10"/></int>"#,
            "its range is wider than that of the model (DT-02)",
        ),
        (
            "Name",
            r#"<string><size maxLength="33"/></string>"#,
            "its size is wider than that of the model (DT-02)",
        ),
        ("Name", "<int/>", "its type is string in the model, not int"),
        ("Paint", r#"<dataType ref="Color"/>"#, "its type is Colour in the model, not Color"),
        (
            "Days",
            r#"<list maxItems="8"/><string/>"#,
            "its list is longer or shorter than in the model (DT-02)",
        ),
        ("Name", r#"<list maxItems="8"/><string/>"#, "it is no list in the model"),
        (
            "Name",
            r#"<string/><default type="factory" value="S"/>"#,
            "its default is \"R\" by the model",
        ),
    ];
    for (name, facets, message) in cases {
        let message = format!("hut.xml:8: House.Room.{{i}}.{name}: {message}");
        let schema = check_wider(&syntax(name, facets), &message);
        // What the model says stands.
        let parameter = schema.find_parameter(&format!("House.Room.1.{name}")).unwrap();
        assert!(name != "Heat" || parameter.check("41", Set).is_err());
        assert!(name != "Name" || parameter.check(&"x".repeat(33), Set).is_err());
        assert!(name != "Days" || parameter.check("1,2,3,4,5,6,7,8", Set).is_err());
    }
    let mode = |word: &str| {
        format!(
            "<parameter ref=\"House.Mode\" access=\"readWrite\"><syntax><string>\
             <enumeration value=\"Day\"/><enumeration value=\"{word}\"/></string></syntax>\
             </parameter>"
        )
    };
    check_wider(&mode("Dusk"), "hut.xml:7: House.Mode: the model has no value \"Dusk\" (DT-02)");
    // TM-20: vendors have words of their own.
    let schema = compile(&mode("X_EXAMPLE-COM_Dusk")).schema;
    let words = &schema.find_parameter("House.Mode").unwrap().syntax().enumerations;
    assert_eq!(words.len(), 2);
}

#[test]
fn dt_01_documents_that_say_too_little_or_too_much() {
    let document = |attributes: &str, body: &str| {
        format!(
            "<dt:document xmlns:dt=\"urn:broadband-forum-org:cwmp:devicetype-1-15\" {attributes}>\n\
             {body}</dt:document>"
        )
    };
    let check = |text: &str, message: &str| {
        let error = run(false, &[("hut.xml", text), ("house.xml", MODEL)]).expect_err(text);
        assert_eq!(shown(&error.errors().cloned().collect::<Vec<_>>()), message);
    };
    let whole = "deviceType=\"urn:x\" uuid=\"y\"";
    check(&document(whole, ""), "hut.xml:1: the device type describes no model");
    check(&document(whole, "<model/>"), "hut.xml:2: a model without ref");
    check(
        &document(whole, "<model ref=\"House:1.2\"/>"),
        "hut.xml:2: there is no model House:1.2; import it, or hand its schema in",
    );
    let import = "<import file=\"house.xml\"><model name=\"House:1.2\"/></import>\n";
    let absent = "<import file=\"house.xml\"><model name=\"Shed:1.0\"/></import>";
    check(
        &document(whole, &format!("{absent}<model ref=\"Shed:1.0\"/>")),
        "hut.xml:2: house.xml does not define the model Shed:1.0",
    );
    let twice = format!("{import}<model ref=\"House:1.2\"/>\n<model ref=\"House:1.2\"/>");
    let message =
        "hut.xml:4: a device type describes one model (DT-01); this second one is left out";
    check(&document(whole, &twice), message);
    let nameless = document("", &format!("{import}<model ref=\"House:1.2\"/>"));
    let compiled = run(false, &[("hut.xml", &nameless), ("house.xml", MODEL)]).unwrap();
    let message = "hut.xml:1: a device type has the attribute deviceType (DT-01)\n\
                   hut.xml:1: a device type has the attribute uuid (DT-01)";
    assert_eq!(shown(&compiled.problems), message);
    let missing = "<import file=\"ftp://example.com/shed.xml\"><model name=\"Shed:1.0\"/></import>";
    let text = document(whole, missing);
    let error = run(false, &[("hut.xml", &text)]).unwrap_err();
    let message = "hut.xml:2: ftp://example.com/shed.xml: there is no such file, nor a version of \
                   it; put it beside the document";
    assert_eq!(error.errors().next().unwrap().to_string(), message);
}

/// Compiles one document, with the model above as a known schema.
fn with_schema(text: &str) -> Result<Vec<Compiled>, CompileError> {
    let mut compiler = Compiler::new(Options::default());
    compiler.handle_document("house.xml", "house.xml", MODEL.as_bytes());
    let model = compiler.compile("house.xml").unwrap().remove(0).schema;
    let mut compiler = Compiler::new(Options::default());
    compiler.know_schemas([Arc::new(model)]);
    compiler.handle_document("hut.xml", "hut.xml", text.as_bytes());
    assert_eq!(compiler.poll_wanted(), None);
    compiler.compile("hut.xml")
}

#[test]
fn dt_04_a_known_schema_takes_the_place_of_a_file() {
    let listed = r#"<parameter ref="House.Serial" access="readOnly"/>"#;
    let compiled = with_schema(&hut(listed)).unwrap().remove(0);
    assert_eq!(shown(&compiled.problems), "");
    assert!(compiled.schema.find_parameter("House.Serial").is_some());
    // TM-03: a later minor version contains an earlier one, but not the other way round.
    let earlier = hut(listed).replace("House:1.2", "House:1.1");
    let compiled = with_schema(&earlier).unwrap().remove(0);
    let message = "hut.xml:6: House:1.2 is taken for House:1.1, which it contains (TM-03)";
    assert_eq!(shown(&compiled.problems), message);
    assert_eq!(compiled.schema.name().to_string(), "House:1.1");
    for unknown in ["House:1.3", "House:2.0", "Shed:1.2"] {
        let text = hut(listed).replace("House:1.2", unknown);
        assert!(with_schema(&text).is_err(), "{unknown}");
    }
    let forgotten =
        hut(listed).replace("<import", "<bibliography").replace("</import", "</bibliography");
    let compiled = with_schema(&forgotten).unwrap().remove(0);
    let message = "hut.xml:6: the model House:1.2 is not imported; the known one is taken";
    assert_eq!(shown(&compiled.problems), message);
}

#[test]
fn a_vendor_model_can_build_on_a_known_schema() {
    let text = r#"<dm:document xmlns:dm="urn:broadband-forum-org:cwmp:datamodel-1-15">
      <import file="house.xml"><model name="House:1.2"/></import>
      <import file="tr-106-types.xml"><dataType name="MAC" ref="MACAddress"/></import>
      <model name="X_EXAMPLE-COM_House:1.0" base="House:1.2">
        <object base="House.">
          <parameter name="X_EXAMPLE-COM_Lock"><syntax><dataType ref="MAC"/></syntax></parameter>
        </object>
      </model>
    </dm:document>"#;
    let compiled = with_schema(text).unwrap().remove(0);
    assert_eq!(shown(&compiled.problems), "");
    let lock = compiled.schema.find_parameter("House.X_EXAMPLE-COM_Lock").unwrap();
    assert!(lock.check("00", Set).is_err());
    assert_eq!(compiled.schema.stats().objects, 3);
    assert_eq!(compiled.schema.profiles().count(), 3);
    let unknown = text.replace("MACAddress", "Nothing");
    let error = with_schema(&unknown).unwrap_err();
    assert!(error.to_string().starts_with("hut.xml:3: tr-106-types.xml: there is no such file"));
}

#[cfg(feature = "shipped")]
#[test]
fn dt_04_no_document_of_the_forum_is_needed() {
    let text = r#"<dt:document xmlns:dt="urn:broadband-forum-org:cwmp:devicetype-1-4"
        deviceType="urn:example-com:hg100" uuid="00112233-4455-6677-8899-aabbccddeeff">
      <import file="https://example.com/tr-181-2-11-0.xml"><model name="Device:2.11"/></import>
      <model ref="Device:2.11">
        <object ref="Device." access="readOnly" minEntries="1" maxEntries="1"/>
        <object ref="Device.DeviceInfo." access="readOnly" minEntries="1" maxEntries="1">
          <parameter ref="SerialNumber" access="readOnly"/>
          <parameter ref="ProvisioningCode" access="readWrite">
            <syntax><string><size maxLength="32"/></string></syntax>
          </parameter>
        </object>
      </model>
    </dt:document>"#;
    let mut compiler = Compiler::new(Options::default());
    compiler.know_schemas(crate::shipped::MODELS.iter().map(|model| model.schema()));
    compiler.handle_document("hg100.xml", "hg100.xml", text.as_bytes());
    let compiled = compiler.compile("hg100.xml").unwrap().remove(0);
    assert_eq!(shown(&compiled.problems), "");
    let stats = compiled.schema.stats();
    assert_eq!((stats.objects, stats.parameters), (2, 2));
    let code = compiled.schema.find_parameter("Device.DeviceInfo.ProvisioningCode").unwrap();
    assert!(code.check(&"x".repeat(33), Set).is_err());
}
