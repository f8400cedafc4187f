//! What only some versions of the schema have, and words that it does not know.

use super::*;
use crate::diff::diff;
use crate::syntax::TargetType;

/// The document in the words of another version of the schema.
fn of_version(minor: u32, text: &str) -> String {
    text.replacen("datamodel-1-15", &format!("datamodel-1-{minor}"), 1)
}

/// The second of two models, which changes the first.
fn changed(minor: u32, old: &str, new: &str) -> Schema {
    let text = document(
        SPEC,
        &format!(
            "<model name=\"M:1.0\"><object name=\"M.\" status=\"deprecated\">{old}</object>\
             </model>\n<model name=\"M:1.1\" base=\"M:1.0\"><object base=\"M.\">{new}</object>\
             </model>"
        ),
    );
    let text = of_version(minor, &text);
    compile_with(Options::default(), &[("a.xml", &text)]).unwrap().remove(1).schema
}

#[test]
fn xml_24_what_a_change_leaves_out_is_the_default_up_to_version_9() {
    let old = "<parameter name=\"P\" access=\"readWrite\" status=\"obsoleted\" \
               activeNotify=\"canDeny\" forcedInform=\"true\"/>";
    let check = |minor, new: &str, notify, status| {
        let mut schema = changed(minor, old, new);
        schema.show_deleted(true);
        let p = schema.find_parameter("M.P").unwrap();
        assert_eq!((p.active_notify(), p.status()), (notify, status), "{minor}");
        assert!(p.forced_inform() && p.is_writable(), "these never go");
        schema.root().unwrap().status()
    };
    let new = "<parameter base=\"P\" access=\"readWrite\"/>";
    for minor in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] {
        let of_object = check(minor, new, ActiveNotify::Normal, Status::Current);
        assert_eq!(of_object, Status::Current);
    }
    for minor in [10, 14, 15, 99] {
        let of_object = check(minor, new, ActiveNotify::CanDeny, Status::Obsoleted);
        assert_eq!(of_object, Status::Deprecated);
    }
    let new = "<parameter base=\"P\" access=\"readWrite\" status=\"deleted\" \
               activeNotify=\"forceEnabled\"/>";
    check(4, new, ActiveNotify::ForceEnabled, Status::Deleted);
    check(15, new, ActiveNotify::ForceEnabled, Status::Deleted);
}

#[test]
fn tm_15_a_size_without_maximum_was_16_up_to_version_2() {
    let text = one(&parameter("P", "<string><size minLength=\"3\"/></string>"));
    for (minor, max) in [(0, Some(16)), (2, Some(16)), (3, None), (15, None)] {
        let schema = compile(&[("a.xml", &of_version(minor, &text))]).schema;
        let size = schema.find_parameter("Device.P").unwrap().syntax().sizes[0];
        assert_eq!((size.min, size.max), (3, max), "{minor}");
    }
}

#[test]
fn an_import_may_leave_out_its_file() {
    let main = document(
        SPEC,
        "<import spec=\"urn:x:tr-901-1-2\"><dataType name=\"T\"/></import>\
         <model name=\"M:1.0\"><object name=\"M.\"><parameter name=\"P\"><syntax>\
         <dataType ref=\"T\"/></syntax></parameter></object></model>",
    );
    let other = document("urn:x:tr-901-1-2", "<dataType name=\"T\"><int/></dataType>");
    let files = [("a.xml", main.as_str()), ("tr-901-1-2-0.xml", &other)];
    let schema = compile(&files).schema;
    assert_eq!(schema.find_parameter("M.P").unwrap().value_type(), ValueType::Int);
}

#[test]
fn a_decimal_range_narrows_a_type_that_is_based_on_another() {
    let types = "<dataType name=\"Any\"><decimal/></dataType>\
                 <dataType name=\"Some\" base=\"Any\"><decimalRange minInclusive=\"0.5\" \
                 maxInclusive=\"1.5\" step=\"0.1\"/></dataType>";
    let text = one(&parameter("P", "<dataType ref=\"Some\"/>"));
    let schema = compile(&[("a.xml", &text.replacen("<model", &format!("{types}<model"), 1))]);
    let range = schema.schema.find_parameter("Device.P").unwrap().syntax().ranges[0].clone();
    assert_eq!((range.min.as_deref(), range.step.as_deref()), (Some("0.5"), Some("0.1")));
}

#[test]
fn a_list_can_be_deleted() {
    let old = parameter("P", "<list maxItems=\"3\"/><string/>");
    let new = "<parameter base=\"P\" access=\"readWrite\"><syntax><list status=\"deleted\"/>\
               <string/></syntax></parameter>";
    assert_eq!(changed(15, &old, new).find_parameter("M.P").unwrap().syntax().list, None);
}

#[test]
fn both_forms_of_a_boolean_are_read() {
    let text = document(
        SPEC,
        "<component name=\"V\" virtual=\"0\"/><model name=\"M:1.0\" isService=\"1\">\
         <object name=\"M.{i}.\"><uniqueKey functional=\"0\"><parameter ref=\"P\"/></uniqueKey>\
         <uniqueKey functional=\"1\"><parameter ref=\"Q\"/></uniqueKey>\
         <parameter name=\"P\" forcedInform=\"1\"><syntax hidden=\"1\" secured=\"0\"><string>\
         <enumeration value=\"a\" optional=\"1\"/><enumeration value=\"b\" optional=\"0\"/>\
         </string></syntax></parameter><parameter name=\"Q\"/></object></model>",
    );
    let schema = compile(&[("a.xml", &text)]).schema;
    let p = schema.find_parameter("M.{i}.P").unwrap();
    assert!(schema.is_service() && p.forced_inform());
    assert_eq!((p.syntax().hidden, p.syntax().secured), (true, false));
    let optional: Vec<bool> = p.syntax().enumerations.iter().map(|word| word.optional).collect();
    assert_eq!(optional, [true, false]);
    let keys: Vec<bool> = schema.root().unwrap().unique_keys().map(|key| key.functional).collect();
    assert_eq!(keys, [false, true]);
}

#[test]
fn what_a_profile_no_longer_asks_for() {
    let text = one("<parameter name=\"A\"/><parameter name=\"B\"/></object>\n\
         <profile name=\"P:1\" version=\"2.0\"><object ref=\"Device.\" requirement=\"present\">\
         <parameter ref=\"A\" requirement=\"readOnly\"/>\
         <parameter ref=\"B\" requirement=\"readOnly\" status=\"deleted\"/></object>\
         <object ref=\"Device.Gone.\" requirement=\"present\" status=\"deleted\">\
         <parameter ref=\"C\" requirement=\"readOnly\"/></object></profile>\
         <object name=\"Device.Z.\">");
    let Compiled { schema, problems, .. } = compile(&[("a.xml", &text)]);
    assert_eq!(problems, []);
    assert_eq!(schema.profile("P:1").unwrap().requirements().len(), 2);
}

#[test]
fn the_least_version_of_a_profile() {
    let text = one("</object><profile name=\"P:1\" minVersion=\"IGD:1.2 Device:2.0\"/>\
                    <profile name=\"Q:1\" minVersion=\"IGD:1.2\"/>\
                    <profile name=\"R:1\" minVersion=\"Device:2.0\" version=\"2.1\"/>\
                    <object name=\"Device.Z.\">");
    let schema = compile(&[("a.xml", &of_version(5, &text))]).schema;
    let versions: Vec<String> = schema.profiles().map(|it| it.version().to_string()).collect();
    assert_eq!(versions, ["2.0", "2.1", "2.1"]);
}

#[test]
fn words_that_the_schema_does_not_have_are_errors() {
    let reference = |attributes: &str| format!("<string><pathRef {attributes}/></string>");
    let cases = [
        (
            reference("refType=\"weak\" targetType=\"thing\""),
            "targetType is one of any, parameter, object, single, table, row, not \"thing\"",
        ),
        (
            reference("refType=\"weak\" targetParentScope=\"all\""),
            "targetParentScope is one of normal, model, object, not \"all\"",
        ),
        (
            "<string><enumerationRef targetParam=\"A\" targetParamScope=\"all\"/></string>".into(),
            "targetParamScope is one of normal, model, object, not \"all\"",
        ),
        (
            "<list nestedBrackets=\"maybe\"/><string/>".into(),
            "nestedBrackets is one of legacy, permitted, required, not \"maybe\"",
        ),
        (
            "<list maxItems=\"4294967296\"/><string/>".into(),
            "maxItems is a number, not \"4294967296\"",
        ),
        (
            "<list minItems=\"2\" maxItems=\"1\"/><string/>".into(),
            "maxItems is smaller than minItems",
        ),
        (
            "<string><enumeration value=\"a\" access=\"none\"/></string>".into(),
            "access is one of readWrite, readOnly, not \"none\"",
        ),
        (
            "<string><enumeration value=\"a\" optional=\"yes\"/></string>".into(),
            "optional is one of false, 0, true, 1, not \"yes\"",
        ),
        (
            "<string><enumeration value=\"a\" code=\"one\"/></string>".into(),
            "code is a number, not \"one\"",
        ),
        (
            "<string><pattern value=\"a\" version=\"new\"/></string>".into(),
            "a version is Major.Minor, not \"new\"",
        ),
    ];
    for (syntax, message) in cases {
        let text = one(&parameter("A", &syntax));
        check_errors(&[("a.xml", &text)], &[&format!("a.xml:4: Device.A: {message}")]);
    }
    let cases = [
        (
            "<parameter name=\"A\" version=\"new\" forcedInform=\"yes\"/>",
            vec![
                "a.xml:4: Device.A: a version is Major.Minor, not \"new\"",
                "a.xml:4: Device.A: forcedInform is true or false, not \"yes\"",
            ],
        ),
        (
            "</object>\n<object name=\"Device.O.\" mountType=\"on\">",
            vec!["a.xml:5: Device.O.: there is no mountType \"on\""],
        ),
    ];
    for (content, expected) in cases {
        check_errors(&[("a.xml", &one(content))], &expected);
    }
    let text = one(&parameter("A", &reference("refType=\"strong\" targetType=\"row\"")));
    let schema = compile(&[("a.xml", &text)]).schema;
    let facet = schema.find_parameter("Device.A").unwrap().syntax().path_ref.clone().unwrap();
    assert_eq!(facet.target_type, TargetType::Row);
}

#[test]
fn older_expanded_files_name_the_version_before_as_the_base() {
    let profiles = |more: &str| {
        let text = one(&format!(
            "<parameter name=\"A\"/></object><profile name=\"P:1\"><object ref=\"Device.\" \
             requirement=\"present\"><parameter ref=\"A\" requirement=\"readOnly\"/></object>\
             </profile><profile name=\"P:2\" {more}/><object name=\"Device.Z.\">"
        ));
        compile(&[("a.xml", &text)]).schema
    };
    let source = profiles("extends=\"P:1\"");
    assert_eq!(diff(&source, &profiles("base=\"P:1\" extends=\"P:1\"")), []);
    assert_eq!(diff(&source, &profiles("base=\"P:1\"")), []);
    let lost: Vec<String> =
        diff(&source, &profiles("")).iter().map(|difference| difference.to_string()).collect();
    assert_eq!(
        lost,
        [
            "~ profile P:2 builds on: P:1 → none",
            "~ profile P:2 Device. requirement: present → none",
            "~ profile P:2 Device.A requirement: readOnly → none",
        ]
    );
}
