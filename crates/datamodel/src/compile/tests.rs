mod limits;
mod versions;

use super::*;
use crate::draft::ObjectRequirement;
use crate::schema::Requirement;
use crate::syntax::{Access, ActiveNotify, DefaultType, Status};
use drover_cwmp::ValueType;

const SPEC: &str = "urn:example-com:tr-900-1-0";

/// A data model document with this content, which starts at line 2.
fn document(spec: &str, content: &str) -> String {
    format!(
        "<dm:document xmlns:dm=\"urn:broadband-forum-org:cwmp:datamodel-1-15\" spec=\"{spec}\">\n\
         {content}\n</dm:document>"
    )
}

/// A model with a root object that holds `content`, which starts at line 4.
fn model(content: &str) -> String {
    let content = format!(
        "<model name=\"Device:2.1\">\n<object name=\"Device.\" access=\"readOnly\">\n{content}"
    );
    document(SPEC, &content)
}

fn compile_with(options: Options, files: &[(&str, &str)]) -> Result<Vec<Compiled>, CompileError> {
    let mut compiler = Compiler::new(options);
    compiler.know_files(files.iter().map(|(name, _)| *name));
    let (first, text) = files[0];
    compiler.handle_document(first, first, text.as_bytes());
    while let Some(wanted) = compiler.poll_wanted() {
        match files.iter().find(|(name, _)| *name == wanted) {
            Some((name, text)) => compiler.handle_document(name, name, text.as_bytes()),
            None => compiler.handle_unreadable(&wanted, "no such file"),
        }
    }
    compiler.compile(first)
}

fn compile(files: &[(&str, &str)]) -> Compiled {
    let compiled = compile_with(Options { with_descriptions: true, ..Options::default() }, files);
    compiled.unwrap_or_else(|error| panic!("{error}")).remove(0)
}

fn check_errors(files: &[(&str, &str)], expected: &[&str]) {
    let error = compile_with(Options::default(), files).expect_err("it must not compile");
    let shown: Vec<String> = error.errors().map(ToString::to_string).collect();
    assert_eq!(shown, expected);
}

/// One model in one file, closed.
fn one(content: &str) -> String {
    model(&format!("{content}\n</object>\n</model>"))
}

fn parameter(name: &str, syntax: &str) -> String {
    format!("<parameter name=\"{name}\" access=\"readWrite\"><syntax>{syntax}</syntax></parameter>")
}

#[test]
fn xml_18_what_a_parameter_says() {
    let text = one(
        "<parameter name=\"A\" access=\"readWrite\" activeNotify=\"canDeny\" forcedInform=\"true\" \
         version=\"2.1\"><description>What it is.</description><syntax hidden=\"true\"><string>\
         <size maxLength=\"8\"/></string><default type=\"factory\" value=\"x\"/></syntax>\
         </parameter>\n<parameter name=\"B\" access=\"writeOnceReadOnly\"/>",
    );
    let Compiled { schema, problems, .. } = compile(&[("a.xml", &text)]);
    assert_eq!(problems, []);
    let a = schema.find_parameter("Device.A").unwrap();
    assert!(a.is_writable() && a.forced_inform() && a.syntax().hidden);
    assert_eq!(a.active_notify(), ActiveNotify::CanDeny);
    assert_eq!((a.description(), a.value_on_creation()), (Some("What it is."), "x"));
    assert_eq!(a.default().unwrap().default_type, DefaultType::Factory);
    assert_eq!(a.version().to_string(), "2.1");
    // XML-18: without syntax, any string; XML-19: such access is of USP.
    let b = schema.find_parameter("Device.B").unwrap();
    assert!(b.check(&"x".repeat(1_000), crate::check::Direction::Report).is_ok());
    assert_eq!((b.access(), b.is_writable()), (Access::WriteOnceReadOnly, false));
}

#[test]
fn xml_16_what_an_object_says() {
    let text = one("<parameter name=\"RowNumberOfEntries\" access=\"readOnly\"/>\n\
         <parameter name=\"Kind\" access=\"readWrite\"/></object>\n\
         <object name=\"Device.Row.{i}.\" access=\"readWrite\" minEntries=\"0\" \
         maxEntries=\"unbounded\" numEntriesParameter=\"RowNumberOfEntries\" \
         enableParameter=\"Enable\"><uniqueKey functional=\"false\"><parameter ref=\"Alias\"/>\
         </uniqueKey><uniqueKey><parameter ref=\"A\"/><parameter ref=\"Sub.B\"/></uniqueKey>\
         <parameter name=\"Enable\"/><parameter name=\"Alias\"/><parameter name=\"A\"/></object>\n\
         <object name=\"Device.Row.{i}.Sub.\" access=\"readOnly\" minEntries=\"0\" \
         maxEntries=\"1\">\
         <parameter name=\"B\"/></object>\n\
         <object name=\"Device.One.\" access=\"readOnly\" minEntries=\"0\" maxEntries=\"1\" \
         discriminatorParameter=\"Kind\" mountType=\"mountPoint\">");
    let Compiled { schema, problems, .. } = compile(&[("a.xml", &text)]);
    assert_eq!(problems, []);
    let row = schema.find_object("Device.Row.").unwrap();
    assert!(row.is_table() && row.is_writable_table());
    assert_eq!((row.entries_min(), row.entries_max()), (0, None));
    assert_eq!(row.num_entries_parameter().unwrap().path(), "Device.RowNumberOfEntries");
    assert_eq!(row.enable_parameter().unwrap().path(), "Device.Row.{i}.Enable");
    let keys: Vec<_> =
        row.unique_keys().map(|key| (key.functional, key.parameters.len())).collect();
    assert_eq!(keys, [(false, 1), (true, 2)]);
    let one = schema.find_object("Device.One.").unwrap();
    assert!(one.is_mount_point() && !one.is_table());
    assert_eq!(one.discriminator_parameter().unwrap().name(), "Kind");
}

#[test]
fn types_are_followed_and_facets_replace_their_kind() {
    let types = "<dataType name=\"Word\"><string><size maxLength=\"9\"/><pattern value=\"a*\"/>\
         </string></dataType>\n\
         <dataType name=\"Short\" base=\"Word\"><size maxLength=\"3\"/></dataType>\n";
    let content = [
        parameter("Named", "<dataType ref=\"Short\"/>"),
        parameter("Narrowed", "<dataType base=\"Short\"><pattern value=\"aa\"/></dataType>"),
        parameter(
            "List",
            "<list minItems=\"1\" maxItems=\"4\"><size maxLength=\"20\"/></list>\
             <unsignedInt><range minInclusive=\"1\" maxInclusive=\"5\"/><range minInclusive=\"9\"/>\
             <units value=\"seconds\"/></unsignedInt><default type=\"object\" value=\"[1,2]\"/>",
        ),
    ]
    .join("\n");
    let text = one(&content).replacen("<model", &format!("{types}<model"), 1);
    let Compiled { schema, problems, .. } = compile(&[("a.xml", &text)]);
    assert_eq!(problems, []);
    let syntax = |name: &str| schema.find_parameter(&format!("Device.{name}")).unwrap().syntax();
    let named = syntax("Named");
    assert_eq!((named.sizes[0].max, &*named.patterns[0].value), (Some(3), "a*"));
    assert_eq!(named.type_name.as_deref(), Some("Short"));
    let narrowed = syntax("Narrowed");
    assert_eq!(narrowed.patterns.len(), 1);
    assert_eq!((narrowed.sizes[0].max, &*narrowed.patterns[0].value), (Some(3), "aa"));
    let list = syntax("List");
    assert_eq!((list.value_type, list.wire_type()), (ValueType::UnsignedInt, ValueType::String));
    assert_eq!((list.ranges.len(), list.units.as_deref()), (2, Some("seconds")));
    let items = list.list.as_ref().unwrap();
    assert_eq!((items.items_min, items.items_max, items.sizes[0].max), (1, Some(4), Some(20)));
    assert_eq!(schema.find_parameter("Device.List").unwrap().value_on_creation(), "1,2");
}

#[test]
fn references_are_resolved() {
    let text = one(&format!(
        "{}</object>\n<object name=\"Device.A.\" access=\"readOnly\">{}{}</object>\n\
         <object name=\"Device.B.{{i}}.\" access=\"readOnly\" minEntries=\"0\" \
         maxEntries=\"unbounded\">{}",
        parameter("Words", "<list/><string/>"),
        parameter(
            "Row",
            "<string><pathRef refType=\"strong\" targetParent=\".B. #.Gone.\" \
             targetType=\"row\"/></string>"
        ),
        parameter(
            "Number",
            "<unsignedInt><instanceRef refType=\"weak\" targetParent=\"#.B.\"/>\
             </unsignedInt>"
        ),
        parameter(
            "Word",
            "<string><enumerationRef targetParam=\"##.Words\" nullValue=\"\"/>\
             </string>"
        ),
    ));
    let Compiled { problems, .. } = compile(&[("a.xml", &text)]);
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let expected = "a.xml:2: Device.A.Row: its reference leads to Device.Gone., which the model \
         does not have";
    assert!(shown.iter().any(|problem| problem == expected), "{shown:?}");
}

#[test]
fn xml_03_imports_bring_what_they_list_under_a_name_of_their_own() {
    let main = document(
        SPEC,
        "<import file=\"tr-901-1.xml\" spec=\"urn:x:tr-901-1-2\"><dataType name=\"Mine\" \
         ref=\"_Theirs\"/><component name=\"C\"/><model name=\"_Base:1.0\" ref=\"Base:1.0\"/>\
         </import>\n<model name=\"Base:1.1\" base=\"_Base:1.0\">\
         <component ref=\"C\" path=\"Base.\" version=\"1.1\"/>\n\
         <parameter name=\"Beside\"><syntax><dataType ref=\"Mine\"/></syntax></parameter></model>",
    );
    let other = document(
        "urn:x:tr-901-1-2-0",
        "<dataType name=\"_Theirs\"><int/></dataType>\
         <component name=\"C\"><parameter name=\"P\" version=\"1.0\"/>\
         <object name=\"Sub.\"><parameter name=\"Q\" version=\"1.7\"/></object></component>\
         <model name=\"Base:1.0\" isService=\"true\"><object name=\"Base.\" access=\"readOnly\"/>\
         </model>",
    );
    let files = [("main.xml", &*main), ("tr-901-1-1-0.xml", ""), ("tr-901-1-2-0.xml", &other)];
    let Compiled { schema, problems, .. } = compile(&files);
    assert_eq!(problems, []);
    assert!(schema.is_service());
    let beside = schema.find_parameter("Beside").unwrap();
    assert_eq!(beside.value_type(), ValueType::Int);
    // XML-13: the reference raises lower versions.
    let version = |path: &str| schema.find_parameter(path).unwrap().version().to_string();
    assert_eq!((version("Base.P"), version("Base.Sub.Q")), ("1.1".to_owned(), "1.7".to_owned()));
    let files = [("main.xml", &*main)];
    check_errors(
        &files,
        &[
            "main.xml:2: tr-901-1.xml: there is no such file, nor a version of it for \
         urn:x:tr-901-1-2; put it beside the document",
            "main.xml:3: Base:1.1: there is no base model _Base:1.0; import it",
        ],
    );
}

#[test]
fn xml_05_a_specification_that_differs_is_an_error() {
    let main = document(
        SPEC,
        "<import file=\"b.xml\" spec=\"urn:x:tr-901-2-0\"><dataType name=\"T\"/></import>\
         <model name=\"M:1.0\"><object name=\"M.\"/></model>",
    );
    let other = document("urn:x:tr-901-1-0", "<dataType name=\"T\"><int/></dataType>");
    check_errors(
        &[("a.xml", &main), ("b.xml", &other)],
        &["a.xml:2: b.xml: the import is for urn:x:tr-901-2-0, but b.xml is urn:x:tr-901-1-0; \
             add \
         the right version of the file"],
    );
}

#[test]
fn xml_14_the_outermost_document_fills_virtual_components() {
    let outer = document(
        SPEC,
        "<import file=\"b.xml\"><model name=\"_M:1.0\" ref=\"M:1.0\"/></import>\
         <component name=\"V\"><parameter name=\"Real\"/></component>\
         <model name=\"M:1.0\" base=\"_M:1.0\"/>",
    );
    let inner = document(
        "urn:x:b",
        "<component name=\"V\" virtual=\"true\"><parameter name=\"Default\"/></component>\
         <model name=\"M:1.0\"><object name=\"M.\"><component ref=\"V\"/></object></model>",
    );
    let schema = compile(&[("a.xml", &outer), ("b.xml", &inner)]).schema;
    assert!(schema.find("M.Real").is_some() && schema.find("M.Default").is_none());
    let schema = compile(&[("b.xml", &inner)]).schema;
    assert!(schema.find("M.Default").is_some());
}

#[test]
fn xml_24_and_25_later_versions_change_what_is_there() {
    let text = document(
        SPEC,
        &format!(
            "<model name=\"M:1.0\"><object name=\"M.\" access=\"readOnly\">\
             <description>Old.</description>{}</object></model>\n\
             <model name=\"M:1.1\" base=\"M:1.0\">\n\
             <object base=\"M.\" status=\"deprecated\"><description action=\"append\">More.\
             </description>\n<parameter base=\"P\" access=\"readOnly\" status=\"obsoleted\">\
             <syntax><string><enumeration value=\"c\"/></string></syntax></parameter>\n\
             <parameter name=\"New\"/></object></model>",
            parameter(
                "P",
                "<string><size maxLength=\"5\"/><enumeration value=\"a\"/>\
                 <enumeration value=\"b\" access=\"readOnly\" optional=\"true\" code=\"-3\"/>\
                 </string><default type=\"object\" value=\"a\"/>"
            ),
        ),
    );
    let options = Options { with_descriptions: true, ..Options::default() };
    let models = compile_with(options, &[("a.xml", &text)]).unwrap();
    let [old, new] = &models[..] else { panic!("CMP-04: every model is compiled") };
    let words = |schema: &Schema| {
        let syntax = schema.find_parameter("M.P").unwrap().syntax().clone();
        assert_eq!(syntax.sizes[0].max, Some(5), "what is not mentioned stays");
        syntax.enumerations.iter().map(|word| word.value.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        (words(&old.schema), words(&new.schema)),
        (vec!["a".into(), "b".into()], vec!["c".into()])
    );
    let code = old.schema.find_parameter("M.P").unwrap().syntax().enumerations[1].clone();
    assert_eq!((code.code, code.read_only, code.optional), (Some(-3), true, true));
    let p = new.schema.find_parameter("M.P").unwrap();
    assert_eq!((p.status(), p.value_on_creation()), (Status::Obsoleted, "a"));
    assert_eq!(p.version().to_string(), "1.0");
    assert_eq!(new.schema.find_parameter("M.New").unwrap().version().to_string(), "1.1");
    let object = new.schema.root().unwrap();
    assert_eq!((object.status(), object.description()), (Status::Deprecated, Some("Old.\nMore.")));
    // CMP-05
    let problems: Vec<String> = new.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, ["a.xml:5: M.P: what could be written becomes read-only"]);
}

#[test]
fn xml_25_a_bare_list_keeps_what_it_does_not_mention() {
    let text = document(
        SPEC,
        &format!(
            "<model name=\"M:1.0\"><object name=\"M.\">{}</object></model>\n\
             <model name=\"M:1.1\" base=\"M:1.0\"><object base=\"M.\"><parameter base=\"P\">\
             <syntax>\
             <list minItems=\"1\"/><string/><default type=\"object\" value=\"[]\"/></syntax>\
             </parameter></object></model>",
            parameter("P", "<list maxItems=\"4\"><size maxLength=\"99\"/></list><string/>"),
        ),
    );
    let models = compile_with(Options::default(), &[("a.xml", &text)]).unwrap();
    let p = models[1].schema.find_parameter("M.P").unwrap();
    let list = p.syntax().list.clone().unwrap();
    assert_eq!((list.items_min, list.items_max, list.sizes[0].max), (1, Some(4), Some(99)));
    assert_eq!(p.value_on_creation(), "");
}

#[test]
fn versions_are_those_of_the_object_where_documents_give_them() {
    let text = document(
        SPEC,
        "<component name=\"C\"><parameter name=\"C\" version=\"1.0\"/></component>\
         <model name=\"M:2.9\"><object name=\"M.\" version=\"2.0\"><parameter name=\"A\"/>\
         <component ref=\"C\"/><parameter name=\"L\" version=\"2.5\"/></object>\
         <object base=\"M.\"><parameter name=\"B\"/></object></model>",
    );
    let schema = compile(&[("a.xml", &text)]).schema;
    let version = |name: &str| schema.find_parameter(&format!("M.{name}")).unwrap().version();
    let versions: Vec<String> = ["A", "B", "C", "L"].map(|it| version(it).to_string()).into();
    assert_eq!(versions, ["2.0", "2.0", "2.0", "2.5"]);
}

#[test]
fn deleted_facets_and_defaults_are_gone() {
    let text = document(
        SPEC,
        &format!(
            "<model name=\"M:1.0\"><object name=\"M.\">{}</object></model>\n\
             <model name=\"M:1.1\" base=\"M:1.0\"><object base=\"M.\"><parameter base=\"P\">\
             <syntax>\
             <string><size status=\"deleted\"/></string><default type=\"object\" value=\"\" \
             status=\"deleted\"/></syntax></parameter></object></model>",
            parameter(
                "P",
                "<string><size maxLength=\"5\"/></string>\
                 <default type=\"object\" value=\"a\"/>"
            ),
        ),
    );
    let models = compile_with(Options::default(), &[("a.xml", &text)]).unwrap();
    let p = models[1].schema.find_parameter("M.P").unwrap();
    assert!(p.syntax().sizes.is_empty() && p.default().is_none());
}

#[test]
fn xml_22_profiles_build_on_each_other() {
    let text = one(
        "<parameter name=\"A\" access=\"readWrite\"/><parameter name=\"B\" access=\"readWrite\"/>\
         </object><object name=\"Device.T.{i}.\" access=\"readWrite\"/>\
         <profile name=\"P:1\" version=\"2.0\"><object ref=\"Device.\" requirement=\"present\">\
         <parameter ref=\"A\" requirement=\"readOnly\"/></object></profile>\
         <profile name=\"P:2\" base=\"P:1\"><object ref=\"Device.T.{i}.\" requirement=\"create\"/>\
         <object ref=\"Device.\" requirement=\"present\">\
         <parameter ref=\"A\" requirement=\"readWrite \"/></object></profile>\
         <profile name=\"Q:1\" extends=\"P:2\">\
         <object ref=\"Device.T.{i}.\" requirement=\"delete\"/>\
         <object ref=\"Device.\" requirement=\"notSpecified\"><parameter ref=\"B\" \
         requirement=\"readOnly\"/></object></profile><object name=\"Device.Z.\">",
    );
    let schema = compile(&[("a.xml", &text)]).schema;
    let q = schema.profile("Q:1").unwrap();
    let requirements = q.requirements();
    let shown: Vec<String> = requirements
        .iter(&schema)
        .map(|requirement| match requirement {
            Requirement::Object(object, asked) => format!("{} {}", object.path(), asked.name()),
            Requirement::Parameter(parameter, access) => {
                format!("{} {}", parameter.path(), access.name())
            }
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Device. present",
            "Device.T.{i}. createDelete",
            "Device.A readWrite",
            "Device.B readOnly",
        ]
    );
    assert_eq!(ObjectRequirement::Create.union(ObjectRequirement::Present).name(), "create");
}

#[test]
fn xml_23_commands_and_events_are_passed_over() {
    let text = one("<command name=\"Go()\"><input><parameter name=\"In\"/></input></command>\
         <event name=\"Gone!\"><parameter name=\"Out\"/></event><unknown><parameter name=\"X\"/>\
         </unknown>");
    assert_eq!(compile(&[("a.xml", &text)]).schema.parameters().count(), 0);
}

#[test]
fn cmp_03_a_base_model_may_have_a_patch() {
    let main = document(
        SPEC,
        "<import file=\"b.xml\"><model name=\"M:2.1\"/></import>\
         <model name=\"N:2.1\" base=\"M:2.1\"/>",
    );
    let base = document("urn:x:b", "<model name=\"M:2.1.3\"><object name=\"N.\"/></model>");
    assert!(compile(&[("a.xml", &main), ("b.xml", &base)]).schema.find("N.").is_some());
}

#[test]
fn a_type_that_is_not_imported_is_found_with_a_warning() {
    let main = document(
        SPEC,
        "<import file=\"b.xml\"><component name=\"C\"/></import>\
         <dataType name=\"Forgotten\"><int/></dataType>\
         <model name=\"M:1.0\"><object name=\"M.\"><component ref=\"C\"/></object></model>",
    );
    let other = document(
        "urn:x:b",
        "<component name=\"C\"><parameter name=\"P\"><syntax><dataType ref=\"Forgotten\"/></syntax>\
         </parameter></component>",
    );
    let Compiled { schema, problems, .. } = compile(&[("a.xml", &main), ("b.xml", &other)]);
    assert_eq!(schema.find_parameter("M.P").unwrap().value_type(), ValueType::Int);
    assert_eq!(
        problems[0].to_string(),
        "b.xml:2: M.P: the data type Forgotten is not imported; that of a.xml:2 is taken"
    );
}

#[test]
fn each_mistake_is_located() {
    let cases: &[(&str, &[&str])] = &[
        (
            "<parameter name=\"A\"/>\n<parameter name=\"A\"/>",
            &["a.xml:5: Device.A: the parameter is defined a second time"],
        ),
        ("<parameter base=\"A\"/>", &["a.xml:4: Device.A: there is no such parameter to change"]),
        ("<parameter/>", &["a.xml:4: Device.: a parameter without name or base"]),
        (
            "<parameter name=\"A.B\"/>",
            &["a.xml:4: Device.A.B: the name of a parameter has a letter first, no dots"],
        ),
        (
            "<parameter name=\"A\" access=\"full\"/>",
            &["a.xml:4: Device.A: there is no access \"full\""],
        ),
        (
            "<parameter name=\"A\" status=\"old\" activeNotify=\"x\"/>",
            &[
                "a.xml:4: Device.A: there is no status \"old\"",
                "a.xml:4: Device.A: there is no activeNotify \"x\"",
            ],
        ),
        (
            "<component ref=\"C\"/>",
            &["a.xml:4: Device.: there is no component C; define or import it"],
        ),
        (
            "</object>\n<object name=\"Device.\">",
            &["a.xml:5: Device.: the object is defined a second time"],
        ),
        (
            "</object>\n<object base=\"Device.X.\">",
            &["a.xml:5: Device.X.: there is no such object to change"],
        ),
        (
            "</object>\n<object name=\"Device.X\">",
            &["a.xml:5: Device.X: the path of an object ends in a dot"],
        ),
        (
            "</object>\n<object name=\"Device.X.{i}.{i}.\">",
            &["a.xml:5: Device.X.{i}.{i}.: {i} stands behind the name of a table"],
        ),
        (
            "</object>\n<object name=\"Device.X.Y.\">",
            &["a.xml:2: Device.X.Y.: the object Device.X. that should hold it is not defined"],
        ),
        (
            "</object>\n<object name=\"Device.X.\" minEntries=\"2\" maxEntries=\"1\">",
            &["a.xml:5: Device.X.: maxEntries is smaller than minEntries"],
        ),
        (
            "</object>\n<profile name=\"P:1\">\n<object ref=\"Device.\" requirement=\"please\"/>\
             </profile><object name=\"Device.Z.\">",
            &["a.xml:6: P:1: Device.: there is no requirement \"please\""],
        ),
    ];
    for (content, expected) in cases {
        check_errors(&[("a.xml", &one(content))], expected);
    }
}

#[test]
fn each_mistake_in_a_type_is_located() {
    let cases = [
        ("<dataType/>", "a dataType without ref or base"),
        ("<dataType ref=\"T\"/>", "there is no data type T; define or import it"),
        (
            "<string><size minLength=\"3\" maxLength=\"2\"/></string>",
            "the maxLength is smaller than the minLength",
        ),
        ("<string><size maxLength=\"x\"/></string>", "maxLength is a number, not \"x\""),
        ("<int><range minInclusive=\"1,0\"/></int>", "minInclusive is a number, not \"1,0\""),
        ("<string><enumeration/></string>", "a enumeration without value"),
        (
            "<string><pathRef refType=\"firm\"/></string>",
            "refType is one of weak, strong, not \"firm\"",
        ),
        (
            "<int/><default type=\"usual\" value=\"1\"/>",
            "type of a default is factory, object or implementation, not usual",
        ),
    ];
    for (syntax, message) in cases {
        let text = one(&parameter("A", syntax));
        check_errors(&[("a.xml", &text)], &[&format!("a.xml:4: Device.A: {message}")]);
    }
    let text = one(&parameter("A", "<string><pattern value=\"(\"/></string>"));
    let error = compile_with(Options::default(), &[("a.xml", &text)]).unwrap_err().to_string();
    assert!(error.starts_with("a.xml:4: Device.A: the pattern \"(\" cannot be used:"), "{error}");
}

#[test]
fn what_leads_back_to_itself_is_found() {
    let types = "<dataType name=\"A\" base=\"B\"/>\n<dataType name=\"B\" base=\"A\"/>\n";
    let text = one(&parameter("P", "<dataType ref=\"A\"/>"));
    let text = text.replacen("<model", &format!("{types}<model"), 1);
    let error = compile_with(Options::default(), &[("a.xml", &text)]).unwrap_err().to_string();
    assert!(error.contains("is based on itself") && error.starts_with("a.xml:"), "{error}");

    let text = document(
        SPEC,
        "<model name=\"A:1.0\" base=\"B:1.0\"/>\n<model name=\"B:1.0\" base=\"A:1.0\"/>",
    );
    let error = compile_with(Options::default(), &[("a.xml", &text)]).unwrap_err().to_string();
    assert!(error.contains("the model is based on itself"), "{error}");

    let text = one("<component ref=\"A\"/>").replacen(
        "<model",
        "<component name=\"A\"><component ref=\"B\"/></component>\n\
         <component name=\"B\"><component ref=\"A\"/></component>\n<model",
        1,
    );
    let error = compile_with(Options::default(), &[("a.xml", &text)]).unwrap_err().to_string();
    assert!(error.contains("includes itself"), "{error}");

    // Imports may go round in a circle; only what is nowhere defined is an error.
    let side = |own: &str, other: &str| {
        let import = format!("<import file=\"{other}\"><dataType name=\"T\"/></import>");
        document(&format!("urn:x:{own}"), &import)
    };
    let a = side("a", "b.xml").replace(
        "</dm:document>",
        "<model name=\"M:1.0\"><object name=\"M.\"><parameter name=\"P\"><syntax>\
         <dataType ref=\"T\"/></syntax></parameter></object></model></dm:document>",
    );
    let b = side("b", "a.xml");
    check_errors(
        &[("a.xml", &a), ("b.xml", &b)],
        &["a.xml:3: M.P: there is no data type T; define or import it"],
    );
}

#[test]
fn a_small_document_cannot_become_a_huge_model() {
    let mut components = String::new();
    for level in 0..25 {
        let below = format!("<component ref=\"C{}\"/>", level + 1).repeat(2);
        components.push_str(&format!("<component name=\"C{level}\">{below}</component>\n"));
    }
    components.push_str("<component name=\"C25\"><unknown/></component>\n");
    let text = one("<component ref=\"C0\"/>").replacen("<model", &format!("{components}<model"), 1);
    let error = compile_with(Options::default(), &[("a.xml", &text)]).unwrap_err().to_string();
    assert!(error.contains("until the model has no end"), "{error}");
}

#[test]
fn documents_that_are_none_are_refused() {
    let cases = [
        ("<a/>", "a.xml:1: the root element is a; that of a data model is dm:document"),
        (
            "<d:document xmlns:d=\"urn:x\"/>",
            "a.xml:1: the namespace \"urn:x\" is none of data models; it must begin with \
             urn:broadband-forum-org:cwmp:datamodel-1- or \
             urn:broadband-forum-org:cwmp:devicetype-1-",
        ),
    ];
    for (text, expected) in cases {
        check_errors(&[("a.xml", text)], &[expected]);
    }
    let empty = document(SPEC, "");
    check_errors(
        &[("a.xml", &empty)],
        &["a.xml:1: the document defines no model; name one that does"],
    );
    let unnamed = document(SPEC, "<model name=\"Device\"/>");
    check_errors(
        &[("a.xml", &unnamed)],
        &["a.xml:2: Device: a model is called Name:Major.Minor, not \"Device\""],
    );
}

#[test]
fn an_outline_says_what_a_document_defines() {
    let text =
        document(SPEC, "<import file=\"x.xml\"/><model name=\"A:1.0\"/><model name=\"B:1.0\"/>");
    let outline = Outline::read("a.xml", text.as_bytes()).unwrap();
    assert_eq!((outline.models.join(" ").as_str(), outline.is_device_type), ("A:1.0 B:1.0", false));
    let error = Outline::read("a.xml", b"<a>\n").unwrap_err().to_string();
    assert!(error.starts_with("a.xml:2: "), "{error}");
}

#[test]
fn a_lenient_compilation_says_what_it_leaves_out() {
    let text = one("<parameter name=\"A\"/>\n<parameter name=\"A\"/>\n<component ref=\"C\"/>");
    let files = [("a.xml", text.as_str())];
    assert!(compile_with(Options::default(), &files).is_err());
    let lenient = Options { lenient: true, ..Options::default() };
    let Compiled { schema, problems, .. } = compile_with(lenient, &files).unwrap().remove(0);
    assert!(schema.find("Device.A").is_some());
    let left_out = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    assert_eq!(left_out, 2);
    // What is no XML has nothing that could be kept.
    assert!(compile_with(lenient, &[("a.xml", "<dm:document")]).is_err());
}

#[test]
fn many_mistakes_are_bounded() {
    let text = one(&"<parameter/>\n".repeat(10_000));
    let error = compile_with(Options::default(), &[("a.xml", &text)]).unwrap_err();
    assert!(error.problems.len() <= crate::limits::PROBLEMS_MAX + 1, "{}", error.problems.len());
    let lenient = Options { lenient: true, ..Options::default() };
    let compiled = compile_with(lenient, &[("a.xml", &text)]).unwrap();
    assert!(compiled[0].problems.len() <= crate::limits::PROBLEMS_MAX * 20);
}
