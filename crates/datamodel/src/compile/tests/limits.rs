//! What a document can make us hold or do: at the limit, and one beyond it.

use super::*;
use crate::limits::{
    BASE_DEPTH_MAX, COMPONENT_DEPTH_MAX, MODEL_BYTES_MAX, PATH_BYTES_MAX, PATH_CHARS_USUAL,
    PROBLEM_CHARS_MAX, PROBLEMS_MAX, UNIQUE_KEYS_MAX, XML_ATTRIBUTE_BYTES_MAX, XML_TEXT_BYTES_MAX,
};

fn error(text: &str) -> String {
    let result = compile_with(Options::default(), &[("a.xml", text)]);
    result.expect_err("it is beyond the limit").to_string()
}

#[test]
fn unique_keys() {
    let keys = |count: usize| {
        let key = |number| format!("<uniqueKey><parameter ref=\"K{number}\"/></uniqueKey>");
        one(&(0..count).map(key).collect::<String>())
    };
    let schema = compile(&[("a.xml", &keys(UNIQUE_KEYS_MAX))]).schema;
    assert_eq!(schema.root().unwrap().unique_keys().count(), UNIQUE_KEYS_MAX);
    assert!(error(&keys(UNIQUE_KEYS_MAX + 1)).contains("more than 100 unique keys"));
}

#[test]
fn path_01_a_path_that_is_too_long_for_devices_is_a_warning() {
    let named = |length: usize| {
        let name = "N".repeat(length - "Device.".len());
        compile(&[("a.xml", &one(&format!("<parameter name=\"{name}\"/>")))]).problems
    };
    assert_eq!(named(PATH_CHARS_USUAL), []);
    let problems = named(PATH_CHARS_USUAL + 1);
    assert!(problems[0].to_string().ends_with(": the path has more than 256 characters (PATH-01)"));
    assert_eq!(problems[0].severity, Severity::Warning);
}

#[test]
fn the_bytes_of_a_path() {
    let parameter = |length: usize| {
        let name = "N".repeat(length - "Device.".len());
        one(&format!("<parameter name=\"{name}\"/>"))
    };
    compile(&[("a.xml", &parameter(PATH_BYTES_MAX))]);
    let message = "the path has more than 4096 bytes";
    assert!(error(&parameter(PATH_BYTES_MAX + 1)).ends_with(message));
    let object = |length: usize| {
        let name = "N".repeat(length - "Device..".len());
        one(&format!("</object><object name=\"Device.{name}.\">"))
    };
    compile(&[("a.xml", &object(PATH_BYTES_MAX))]);
    assert!(error(&object(PATH_BYTES_MAX + 1)).ends_with(message));
    // Components within each other put paths together.
    let component = |length: usize| {
        let path = "N".repeat(length - "Device..".len());
        let text = one(&format!(
            "</object><component ref=\"C\" path=\"Device.{path}.\"/><object \
                                 name=\"Device.Z.\">"
        ));
        text.replacen("<model", "<component name=\"C\"/><model", 1)
    };
    compile(&[("a.xml", &component(PATH_BYTES_MAX))]);
    assert!(error(&component(PATH_BYTES_MAX + 1)).ends_with(message));
}

#[test]
fn the_value_of_an_attribute() {
    let word = |length: usize| {
        one(&parameter(
            "A",
            &format!("<string><enumeration value=\"{}\"/></string>", "x".repeat(length)),
        ))
    };
    compile(&[("a.xml", &word(XML_ATTRIBUTE_BYTES_MAX))]);
    let error = error(&word(XML_ATTRIBUTE_BYTES_MAX + 1));
    assert_eq!(error, "a.xml:4: the attribute value has more than 65536 bytes");
}

#[test]
fn the_text_of_a_description() {
    let text = |length: usize| one(&format!("<description>{}</description>", "x".repeat(length)));
    compile(&[("a.xml", &text(XML_TEXT_BYTES_MAX))]);
    let expected = "a.xml:4: the description has more than 1048576 bytes";
    assert_eq!(error(&text(XML_TEXT_BYTES_MAX + 1)), expected);
    assert_eq!(error(&text(XML_TEXT_BYTES_MAX).replace("</desc", "&lt;</desc")), expected);
}

#[test]
fn one_large_type_in_many_parameters() {
    let value = "x".repeat(60_000);
    let types = (0..100).map(|number| format!("<enumeration value=\"{number}{value}\"/>"));
    let types =
        format!("<dataType name=\"T\"><string>{}</string></dataType>", types.collect::<String>());
    let text = |count: usize| {
        let content =
            (0..count).map(|number| parameter(&format!("P{number}"), "<dataType ref=\"T\"/>"));
        let text = one(&content.collect::<String>());
        text.replacen("<model", &format!("{types}<model"), 1)
    };
    let fitting = MODEL_BYTES_MAX / (100 * 60_100);
    compile(&[("a.xml", &text(fitting))]);
    let error = error(&text(fitting + 5));
    let message = "the model says more than 64 MiB, with the facets of each parameter and the path \
                   of each object";
    assert!(error.ends_with(message), "{error}");
}

#[test]
fn models_on_top_of_each_other() {
    let models = |count: usize| {
        let model = |number: usize| match number {
            0 => "<model name=\"M:1.0\"><object name=\"M.\"/></model>".to_owned(),
            _ => format!("<model name=\"M:1.{number}\" base=\"M:1.{}\"/>", number - 1),
        };
        document(SPEC, &(0..count).map(model).collect::<String>())
    };
    let text = models(BASE_DEPTH_MAX);
    assert_eq!(
        compile_with(Options::default(), &[("a.xml", &text)]).unwrap().len(),
        BASE_DEPTH_MAX
    );
    assert!(error(&models(BASE_DEPTH_MAX + 1)).ends_with("or on more than 64 others"));
}

#[test]
fn components_within_each_other() {
    let components = |count: usize| {
        let mut components =
            "<component name=\"C0\"><parameter name=\"P\"/></component>".to_owned();
        for number in 1..count {
            let below = number - 1;
            components.push_str(&format!(
                "<component name=\"C{number}\"><component ref=\"C{below}\"/></component>"
            ));
        }
        let text = one(&format!("<component ref=\"C{}\"/>", count - 1));
        text.replacen("<model", &format!("{components}<model"), 1)
    };
    assert!(
        compile(&[("a.xml", &components(COMPONENT_DEPTH_MAX))]).schema.find("Device.P").is_some()
    );
    assert!(error(&components(COMPONENT_DEPTH_MAX + 1)).ends_with("or more than 32 others"));
}

#[test]
fn profiles_on_top_of_each_other() {
    let profiles = |count: usize| {
        let mut text = "</object><profile name=\"P0:1\"><object ref=\"Device.\" \
                        requirement=\"present\"/></profile>"
            .to_owned();
        for number in 1..count {
            let below = number - 1;
            text.push_str(&format!("<profile name=\"P{number}:1\" extends=\"P{below}:1\"/>"));
        }
        one(&format!("{text}<object name=\"Device.Z.\">"))
    };
    let schema = compile(&[("a.xml", &profiles(BASE_DEPTH_MAX))]).schema;
    let top = schema.profiles().last().unwrap();
    assert_eq!(top.requirements().len(), 1, "nothing is lost on the way");
    let message = "P64:1: the profile builds on itself, or on more than 64 others";
    assert!(error(&profiles(BASE_DEPTH_MAX + 1)).ends_with(message));
    let circle = "</object><profile name=\"A:1\" base=\"B:1\"/><profile name=\"B:1\" \
                  extends=\"A:1\"/><object name=\"Device.Z.\">";
    assert!(error(&one(circle)).contains("A:1: the profile builds on itself"));
}

#[test]
fn the_text_of_a_problem() {
    let access =
        |length: usize| one(&format!("<parameter name=\"A\" access=\"{}\"/>", "x".repeat(length)));
    let message = |text: &str| {
        let error = compile_with(Options::default(), &[("a.xml", text)]).unwrap_err();
        error.problems[0].message.chars().count()
    };
    let around = "there is no access \"\"".len();
    assert_eq!(message(&access(PROBLEM_CHARS_MAX - around)), PROBLEM_CHARS_MAX);
    assert_eq!(message(&access(PROBLEM_CHARS_MAX)), PROBLEM_CHARS_MAX + 1);
}

#[test]
fn errors_in_types_stop_too() {
    let text =
        one(&(0..10_000).map(|it| parameter(&format!("P{it}"), "<dataType/>")).collect::<String>());
    let error = compile_with(Options::default(), &[("a.xml", &text)]).unwrap_err();
    assert_eq!(error.problems.len(), PROBLEMS_MAX);
}

#[test]
fn what_is_no_text_is_refused() {
    let text = one("<parameter name=\"A\"/>\n<parameter name=\"B\u{0}\"/>");
    assert_eq!(error(&text), "a.xml:5: no well-formed XML: there is a control character");
    let text = one("<description>a\u{1f}b</description>");
    assert!(error(&text).ends_with("there is a control character"));
    compile(&[("a.xml", &one("<description>a\tb\r\nc</description>"))]);
}
