//! The book's pages about scripts and expressions: every script of theirs compiles, every preset is
//! one, and what the pages say that comes of them does.

#![allow(clippy::disallowed_methods, reason = "reads the pages of the book")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use common::session::{ID, Ran, SESSION, config, run};
use common::{Device, Typed};
use drover_provision::engine::{Provision, Scalar, Timed, Tree, TypedValue, coerce, path_of};
use drover_provision::expression::{Context, Expression, Value};
use drover_provision::limits;
use drover_provision::preset::{Objects, Preset};
use drover_provision::script::{Data, Script};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A block of a page.
#[derive(Debug)]
struct Block {
    line: usize,
    language: String,
    /// The comment in front of it.
    comment: String,
    text: String,
    /// The block of kind `text` that follows it.
    result: Option<String>,
}

/// The blocks of a page, also those in lists.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut comment = String::new();
    let mut is_next = false;
    let mut lines = (1..).zip(page.lines());
    while let Some((line, text)) = lines.next() {
        if let Some(inner) = text.trim().strip_prefix("<!-- ") {
            inner.trim_end_matches(" -->").clone_into(&mut comment);
            continue;
        }
        let Some(language) = text.trim_start().strip_prefix("```") else {
            is_next = false;
            continue;
        };
        let indent = text.len() - text.trim_start().len();
        let inside = lines.by_ref().map(|(_, text)| text.get(indent..).unwrap_or_default());
        let inside: Vec<&str> = inside.take_while(|text| *text != "```").collect();
        let inside = inside.join("\n");
        match blocks.last_mut() {
            Some(last) if is_next && language == "text" => last.result = Some(inside),
            _ => blocks.push(Block {
                line,
                language: language.to_owned(),
                comment: std::mem::take(&mut comment),
                text: inside,
                result: None,
            }),
        }
        is_next = true;
    }
    blocks
}

/// The device of the page, as its table says.
fn device() -> Device {
    let text = |text: &str| (Scalar::Text(text.into()), "xsd:string".to_owned());
    let count = |number: f64| (Scalar::Number(number), "xsd:unsignedInt".to_owned());
    let boolean = |value: bool| (Scalar::Bool(value), "xsd:boolean".to_owned());
    let parameters: [(&str, bool, Typed); 9] = [
        ("Device.DeviceInfo.ModelName", false, text("HG100")),
        ("Device.DeviceInfo.SoftwareVersion", false, text("1.0")),
        ("Device.DeviceInfo.UpTime", false, count(3600.0)),
        ("Device.ManagementServer.PeriodicInformInterval", true, count(300.0)),
        ("Device.WiFi.SSID.1.SSID", true, text("home")),
        ("Device.WiFi.SSID.1.Enable", true, boolean(true)),
        ("Device.WiFi.SSID.2.SSID", true, text("guest")),
        ("Device.WiFi.SSID.2.Enable", true, boolean(false)),
        ("Device.WiFi.AccessPoint.1.Security.KeyPassphrase", true, text("")),
    ];
    let mut device = Device { next_instance: 1, ..Device::default() };
    for (path, is_writable, value) in parameters {
        for (end, _) in path.match_indices('.') {
            device.parameters.insert(path[..=end].to_owned(), (path.contains("SSID"), None));
        }
        device.parameters.insert(path.to_owned(), (is_writable, Some(value)));
    }
    for path in ["Device.NAT.", "Device.NAT.PortMapping."] {
        device.parameters.insert(path.to_owned(), (path.contains("Mapping"), None));
    }
    let columns =
        [("Enable", boolean(false)), ("ExternalPort", count(0.0)), ("InternalClient", text(""))];
    let columns = columns.map(|(name, value)| (name.to_owned(), value));
    device.templates.insert("Device.NAT.PortMapping.".to_owned(), columns.to_vec());
    device
}

fn put(tree: &mut Tree, path: &str, time: i64, is_writable: bool, value: Option<&Typed>) {
    tree.change(&path_of(path), time, |known| {
        known.object = Some(Timed { time, value: path.ends_with('.') });
        known.writable = Some(Timed { time, value: is_writable });
        known.value = value.map(|(scalar, value_type)| {
            let scalar = coerce(scalar, value_type);
            Timed { time, value: TypedValue { scalar, value_type: value_type.as_str().into() } }
        });
    });
}

/// What is known of the device: all of it, an hour old.
fn known(device: &Device) -> Tree {
    let mut tree = Tree::default();
    let time = SESSION - 3_600_000;
    tree.mark_listed(&[], time);
    for (path, (is_writable, value)) in &device.parameters {
        put(&mut tree, path, time, *is_writable, value.as_ref());
        if path.ends_with('.') {
            tree.mark_listed(&path_of(path), time);
        }
    }
    let id = (Scalar::Text(ID.into()), "xsd:string".to_owned());
    put(&mut tree, "DeviceID.ID", SESSION, false, Some(&id));
    let tag = (Scalar::Bool(true), "xsd:boolean".to_owned());
    put(&mut tree, "Tags.lab", SESSION, true, Some(&tag));
    tree
}

/// What a run does, in the lines of the page.
fn told(ran: &Ran, with_nothing: bool) -> String {
    let is_read = |request: &&String| {
        ["names ", "all names ", "values ", "attributes "].iter().any(|it| request.starts_with(it))
    };
    let mut lines: Vec<String> =
        ran.requests.iter().filter(|it| !is_read(it)).map(|it| upload(it)).collect();
    lines.extend(ran.logs.iter().map(|line| format!("log {line}")));
    if with_nothing {
        let nothing = ran.nothing.iter();
        lines.extend(nothing.map(|(path, reason)| format!("nothing {path}: {reason}")));
    }
    lines.extend(ran.fault.iter().map(|fault| format!("fault {}: {}", fault.code, fault.message)));
    lines.join("\n")
}

/// An upload as the page shows it.
fn upload(request: &str) -> String {
    let Some((_, rest)) = request.split_once("Upload { ") else { return request.to_owned() };
    let file_type = rest.split('"').nth(3).unwrap_or_default();
    format!("upload {file_type}")
}

#[test]
fn scripts_of_the_guide_do_what_it_says() {
    let page = page("scripts.md");
    let blocks = blocks(&page);
    let scripts = || blocks.iter().filter(|block| block.language == "js");
    let compiled = |block: &Block| {
        let script = Script::compile("guide", &block.text);
        Arc::new(script.unwrap_or_else(|error| panic!("line {}: {error}", block.line)))
    };
    let virtual_parameters: BTreeMap<String, Arc<Script>> = scripts()
        .filter_map(|block| {
            let name = block.comment.strip_prefix("virtual parameter: ")?;
            Some((name.to_owned(), compiled(block)))
        })
        .collect();
    assert_eq!(virtual_parameters.len(), 2);
    let mut results = 0;
    let mut wrong = Vec::new();
    for block in scripts() {
        let script = compiled(block);
        let Some(expected) = &block.result else { continue };
        results += 1;
        let mut config = config(SESSION);
        config.virtual_parameters.clone_from(&virtual_parameters);
        config.scripts.insert("guide".to_owned(), script);
        let provision = Provision { name: "guide".to_owned(), arguments: Vec::new() };
        let mut device = device();
        let tree = known(&device);
        let ran = run(config, ID, tree, &[provision], &mut device);
        let told = told(&ran, expected.contains("nothing "));
        if told != *expected {
            wrong.push(format!("line {}:\n{told}\n  instead of\n{expected}", block.line));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(results >= 20, "only {results} scripts have a result");
}

#[test]
fn presets_of_the_guide_are_presets() {
    let page = page("scripts.md");
    let blocks = blocks(&page);
    let presets: Vec<&Block> = blocks.iter().filter(|block| block.language == "json").collect();
    assert!(presets.len() >= 3);
    for block in presets {
        let json: serde_json::Value = serde_json::from_str(&block.text)
            .unwrap_or_else(|error| panic!("line {}: {error}", block.line));
        let preset = Preset::from_json("guide", &json, &Objects::new());
        let preset = preset.unwrap_or_else(|error| panic!("line {}: {error}", block.line));
        assert!(!preset.provisions.is_empty(), "line {}", block.line);
    }
}

/// A number as the page writes it.
fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn limits_of_the_guide_are_those_of_the_code() {
    let page = page("scripts.md");
    let mebibytes = |bytes: usize| format!("{} MiB", bytes / 1024 / 1024);
    let kibibytes = |bytes: usize| format!("{} KiB", bytes / 1024);
    for (row, values) in [
        ("a script", vec![number(limits::SCRIPT_BYTES_MAX)]),
        (
            "memory of a run",
            vec![
                mebibytes(limits::SCRIPT_MEMORY_BYTES_MAX),
                kibibytes(limits::SCRIPT_STACK_BYTES_MAX),
            ],
        ),
        (
            "time of a run",
            vec![
                number(usize::try_from(limits::SCRIPT_CHECKS).unwrap() * 10_000),
                format!("{} ms", limits::SCRIPT_MILLISECONDS),
            ],
        ),
        ("`declare` and `clear` in one run", vec![number(limits::SCRIPT_DECLARATIONS_MAX)]),
        (
            "a path",
            vec![number(limits::SCRIPT_PATH_CHARS_MAX), number(limits::PATTERN_SEGMENTS_MAX)],
        ),
        ("a value", vec![number(limits::VALUE_BYTES_MAX)]),
        ("a type, an item of an access list", vec![number(limits::SCRIPT_NAME_CHARS_MAX)]),
        ("an access list", vec![number(limits::SCRIPT_LIST_ITEMS_MAX)]),
        (
            "rows created and deleted in one session",
            vec![number(limits::SCRIPT_ROWS_PER_SESSION_MAX)],
        ),
        (
            "lines of all scripts in one session",
            vec![
                number(limits::SCRIPT_LOG_BYTES_PER_SESSION_MAX),
                number(limits::SCRIPT_LOG_LINE_BYTES),
            ],
        ),
        (
            "`log` in one run",
            vec![number(limits::SCRIPT_LOG_MESSAGES_MAX), number(limits::SCRIPT_LOG_CHARS_MAX)],
        ),
        (
            "what a script returns or logs",
            vec![
                number(limits::SCRIPT_DATA_NODES_MAX),
                number(limits::SCRIPT_DATA_DEPTH_MAX),
                number(limits::SCRIPT_DATA_CHARS_MAX),
            ],
        ),
        (
            "`ext`",
            vec![number(limits::SCRIPT_EXT_ARGUMENTS_MAX), number(limits::SCRIPT_EXT_CHARS_MAX)],
        ),
        ("code for `eval` and `Function`", vec![number(limits::SCRIPT_EVAL_CHARS_MAX)]),
        ("parameters in one request", vec![number(limits::NAMES_PER_REQUEST)]),
    ] {
        let start = format!("| {row} | ");
        let line = page.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("no row {row:?}"));
        for value in values {
            assert!(line.contains(&value), "{line}\n  does not say {value}");
        }
    }
    let rows = format!("Each table holds at most {} rows", limits::SERVER_TABLE_ROWS_MAX);
    assert!(page.contains(&rows), "{rows}");
    let cycles = format!("at most\n  {} times", limits::PRESET_CYCLES_MAX);
    assert!(page.contains(&cycles), "{cycles}");
}

#[test]
fn virtual_parameters_need_each_other_as_deep_as_the_guide_says() {
    assert!(page("scripts.md").contains("at most 7 deep"));
    let fault = |depth: usize| {
        let mut config = config(SESSION);
        for level in 1..=depth {
            let next = format!("declare('VirtualParameters.v{}', {{value: 1}}).value", level + 1);
            let value = if level == depth { "1" } else { &next };
            let source = format!("{value}; return {{writable: false, value: 1}};");
            let script = Arc::new(Script::compile("v", &source).unwrap());
            config.virtual_parameters.insert(format!("v{level}"), script);
        }
        let refresh = Provision {
            name: "refresh".to_owned(),
            arguments: vec![Data::Text("VirtualParameters.v1".to_owned())],
        };
        run(config, ID, Tree::default(), &[refresh], &mut Device::default()).fault
    };
    assert_eq!(fault(7), None);
    assert_eq!(fault(8).unwrap().code, "deeply_nested_vparams");
}

/// What the guide says is there, and what it says is not.
#[test]
fn the_language_is_what_the_guide_says() {
    let page = page("scripts.md");
    let (_, section) = page.split_once("## The language\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let (there, absent) = section.split_once("There is no").unwrap();
    let names = |text: &str| -> Vec<String> {
        text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let (there, absent) = (names(there), names(absent));
    assert!(there.len() >= 8 && absent.len() >= 8, "{there:?} {absent:?}");
    let kind = |name: &str| {
        let mut config = config(SESSION);
        let source = format!("log(typeof globalThis[{name:?}])");
        let script = Arc::new(Script::compile("guide", &source).unwrap());
        config.scripts.insert("guide".to_owned(), script);
        let provision = Provision { name: "guide".to_owned(), arguments: Vec::new() };
        run(config, ID, Tree::default(), &[provision], &mut Device::default()).logs.concat()
    };
    for name in there.iter().filter(|name| name.as_str() != "return") {
        assert_ne!(kind(name), "undefined", "{name} is there");
    }
    for name in absent {
        assert_eq!(kind(&name), "undefined", "{name} is not there");
    }
}

/// The device of the page about expressions.
struct Known;

impl Context for Known {
    fn parameter(&self, path: &str) -> Option<Value> {
        Some(match path {
            "DeviceID.OUI" => Value::from("202BC1"),
            "DeviceID.ProductClass" => Value::from("HG100"),
            "Device.DeviceInfo.SoftwareVersion" => Value::from("1.0.7"),
            "Device.DeviceInfo.UpTime" => Value::Number(3600.0),
            "Tags.lab" => Value::Bool(true),
            _ => Value::Null,
        })
    }

    fn now(&self) -> Option<i64> {
        Some(SESSION)
    }
}

/// Blocks of kind `expressions` have lines `expression → value`, or `expression → error` for what
/// is none.
#[test]
fn expressions_of_the_book_have_the_values_it_says() {
    let page = page("expressions.md");
    let mut count = 0;
    for block in blocks(&page).iter().filter(|block| block.language == "expressions") {
        for line in block.text.lines() {
            let (text, expected) =
                line.split_once('→').unwrap_or_else(|| panic!("no value: {line}"));
            let value = match Expression::parse(text.trim()) {
                Ok(expression) => Expression::Literal(expression.evaluate(&Known)).to_string(),
                Err(_) => "error".to_owned(),
            };
            assert_eq!(value, expected.trim(), "{text}");
            count += 1;
        }
    }
    assert!(count >= 40, "only {count} expressions");
}
