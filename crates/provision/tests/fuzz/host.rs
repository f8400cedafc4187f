//! Scripts over the whole API that a host gives them, against a small device that answers, refuses
//! or answers nonsense: all of it made of bytes.

#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::session::{ID, SESSION, config};
use common::{Device, Typed};
use drover_provision::engine::{
    Config, Next, Provision, Provisioning, Request, Response, Scalar, Timed, Tree, TypedValue,
    path_of,
};
use drover_provision::limits::SCRIPT_LOG_MESSAGES_MAX;
use drover_provision::script::{Budget, Data, Engine, Fault, Script};

/// Bytes as a source of choices; all zero when they have ended.
struct Choices<'b> {
    rest: &'b [u8],
}

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    fn is(&mut self, of: usize) -> bool {
        self.below(of) == of - 1
    }

    fn one<'o>(&mut self, of: &[&'o str]) -> &'o str {
        of[self.below(of.len())]
    }
}

const ROOTS: &[&str] = &[
    "Device",
    "Device",
    "Device",
    "Device",
    "DeviceID",
    "Events",
    "Tags",
    "Downloads",
    "Reboot",
    "FactoryReset",
    "VirtualParameters",
    "*",
    "Nope",
    "[A:b]",
];
const SEGMENTS: &[&str] = &[
    "A",
    "B",
    "Table",
    "Table",
    "1",
    "2",
    "9",
    "10",
    "*",
    "[]",
    "[Key:a]",
    "[Key:new]",
    "[Key:new,Flag:true]",
    "[Row.Key:\"q,]\"]",
    "Key",
    "Flag",
    "Count",
    "When",
    "ID",
    "v",
    "w",
    "Download",
    "FileName",
    "LastFileName",
    "x-y_z",
];
/// Paths that lead somewhere.
const PATHS: &[&str] = &[
    "Device.A.Key",
    "Device.A.Flag",
    "Device.A.Count",
    "Device.A.When",
    "Device.Table.*.Key",
    "Device.Table.[Key:a].Flag",
    "Device.Table.*",
    "Device.Table.[Key:new]",
    "Device.Table.1",
    "DeviceID.ID",
    "Tags.t",
    "Tags.*",
    "Events.Inform",
    "Reboot",
    "FactoryReset",
    "Downloads.[FileName:f]",
    "Downloads.*.Download",
    "Downloads.*.FileName",
    "VirtualParameters.v",
    "VirtualParameters.w",
    "VirtualParameters.*",
    "VirtualParameters.none",
];
const BAD_PATHS: &[&str] =
    &["", ".", "Device..A", "Device.A.b c", "Device.[k", "é", "Device.A.*b", "\\ud800"];
const TIMES: &[&str] = &[
    "1",
    "Date.now()",
    "Date.now(3600000)",
    "Date.now(86400000, 5)",
    "Date.now('0 3 * * *')",
    "Date.now('*/5 * * * * *', 60000)",
    "Date.now() - 7200000",
    "Date.now() + 1e9",
    "0",
    "-1",
    "NaN",
    "Infinity",
    "null",
    "undefined",
    "'1'",
    "true",
    "1e-9",
    "new Date()",
    "[1]",
    "{}",
];
const ATTRIBUTES: &[&str] =
    &["path", "object", "writable", "value", "notification", "accessList", "size", "nope"];
const VALUES: &[&str] = &[
    "'x'",
    "''",
    "'new'",
    "true",
    "false",
    "0",
    "7",
    "-1.5",
    "1e300",
    "NaN",
    "Date.now()",
    "Date.now() + 1",
    "new Date(0)",
    "['y']",
    "['5', 'xsd:unsignedInt']",
    "[1, 'xsd:boolean']",
    "['z', 'nonsense']",
    "[]",
    "[null]",
    "null",
    "undefined",
    "{}",
    "Math.random()",
    "'\\ud800'",
    "10n",
    "[[1]]",
    "'x'.repeat(3000)",
    "args[0]",
    "x",
    "`${x}`",
];
/// Numbers of instances: small, for each is a row.
const INSTANCES: &[&str] =
    &["0", "1", "2", "[0, 1]", "[1, 2]", "[2, 2]", "[3]", "-1", "NaN", "'1'", "null", "[]", "{}"];
const NOTIFICATIONS: &[&str] = &["0", "1", "2", "7.9", "-1", "'x'", "null"];
const LISTS: &[&str] = &["[]", "['Subscriber']", "['a', 'b']", "'Subscriber'", "null", "[null]"];
const READS: &[&str] = &[
    ".value",
    ".value[0]",
    ".value?.[0]",
    ".path",
    ".size",
    ".object",
    ".writable",
    ".notification",
    ".accessList",
    ".nope",
    ".value?.[1]",
    "",
];
/// The attributes of one call, each with one of its values.
const KINDS: &[(&str, &[&str])] = &[
    ("value", VALUES),
    ("path", INSTANCES),
    ("notification", NOTIFICATIONS),
    ("accessList", LISTS),
    ("writable", VALUES),
];

fn path(choices: &mut Choices<'_>) -> String {
    match choices.below(32) {
        31 => choices.one(BAD_PATHS).to_owned(),
        0..=19 => choices.one(PATHS).to_owned(),
        _ => {
            let mut path = choices.one(ROOTS).to_owned();
            for _ in 0..choices.below(5) {
                path = format!("{path}.{}", choices.one(SEGMENTS));
            }
            path
        }
    }
}

fn times(choices: &mut Choices<'_>) -> String {
    let count = choices.below(4);
    if count == 0 {
        return choices.one(&["null", "undefined", "{}", "5", "[]"]).to_owned();
    }
    let entries =
        (0..count).map(|_| format!("{}: {}", choices.one(ATTRIBUTES), choices.one(TIMES)));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}

fn values(choices: &mut Choices<'_>) -> String {
    let count = choices.below(3);
    if count == 0 {
        return choices.one(&["null", "undefined", "{}", "'x'"]).to_owned();
    }
    let entries = (0..count).map(|_| {
        let (name, values) = KINDS[choices.below(KINDS.len())];
        format!("{name}: {}", choices.one(values))
    });
    format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
}

fn declare(choices: &mut Choices<'_>) -> String {
    let path = path(choices);
    match choices.below(4) {
        0 => format!("declare('{path}', {})", times(choices)),
        _ => format!("declare('{path}', {}, {})", times(choices), values(choices)),
    }
}

fn statement(choices: &mut Choices<'_>, depth: usize) -> String {
    let below = depth.saturating_sub(1);
    match choices.below(if depth > 0 { 18 } else { 13 }) {
        0..=3 => format!("x = {};", declare(choices)),
        4 => format!("x = {}{};", declare(choices), choices.one(READS)),
        5 => format!("x = x{};", choices.one(READS)),
        6 => format!("log(`${{x{}}}`);", choices.one(READS)),
        7 => format!("log('m', {{x, y: [x{}], version: 1}});", choices.one(READS)),
        8 => "commit();".to_owned(),
        9 => format!("clear('{}', {}, {});", path(choices), choices.one(TIMES), times(choices)),
        10 => format!("x = ext('f', 'g', {});", choices.one(VALUES)),
        11 => format!("x = Math.random(); if (x < 0.5) Math.random.seed({});", choices.one(VALUES)),
        12 => format!("x = [Date.now({0}), new Date({0}), Date.UTC(2020, 1), args];", {
            choices.one(&["", "1000", "3600000, 0", "'* * * * *'", "NaN", "-1", "'nope'"])
        }),
        13 => format!(
            "for (const y of {}) {{ x = y{}; {} }}",
            { declare(choices) },
            choices.one(READS),
            statement(choices, below)
        ),
        14 => format!(
            "try {{ {} }} catch (e) {{ x = e; {} }} finally {{ log('f'); }}",
            { statement(choices, below) },
            statement(choices, below)
        ),
        15 => format!("if (x) {{ {} }} else {{ {} }}", statement(choices, below), {
            statement(choices, below)
        }),
        16 => format!("Promise.resolve(x).then((y) => {{ {} }});", statement(choices, below)),
        _ => choices.one(&["return x;", "throw x;", "throw new TypeError('t');"]).to_owned(),
    }
}

fn script(choices: &mut Choices<'_>) -> String {
    let statements = (0..=choices.below(8)).map(|_| {
        let statement = statement(choices, 2);
        // Most errors are caught, so that a script comes further.
        if choices.is(16) {
            statement
        } else {
            format!("try {{ {statement} }} catch (e) {{ x = e; }}")
        }
    });
    let statements: Vec<String> = statements.collect();
    format!("let x = args[0];\n{}", statements.join("\n"))
}

fn virtual_parameter(choices: &mut Choices<'_>) -> String {
    let returned = choices.one(&[
        "{writable: true, value: x}",
        "{writable: true, value: args[1].value ?? 'v'}",
        "{writable: false, value: [7, 'xsd:unsignedInt']}",
        "{writable: true, value: [`${args[1].value}`, 'xsd:string']}",
        "{value: Date.now()}",
        "x",
    ]);
    format!("{}\nreturn {returned};", script(choices))
}

/// The arguments of a provision.
fn arguments(choices: &mut Choices<'_>) -> Vec<Data> {
    let arguments = (0..choices.below(4)).map(|_| match choices.below(7) {
        0 => Data::Null,
        1 => Data::Bool(true),
        2 => Data::Number(f64::from(choices.byte()) - 2.0),
        3 => Data::Text(choices.one(&["+1", "-1", "t", "value", "accessList", "f"]).to_owned()),
        _ => Data::Text(path(choices)),
    });
    arguments.collect()
}

/// A provision that needs no script, with arguments that fit, or any.
fn builtin(choices: &mut Choices<'_>) -> Provision {
    let names = ["refresh", "value", "tag", "reboot", "reset", "download", "instances", "unknown"];
    let name = choices.one(&names);
    let text = |text: &str| Data::Text(text.to_owned());
    let arguments = match name {
        _ if choices.is(4) => arguments(choices),
        "refresh" => vec![Data::Text(path(choices)), Data::Number(f64::from(choices.byte()))],
        "value" => vec![Data::Text(path(choices)), text(choices.one(&["x", "1", "true"]))],
        "tag" => vec![text("t"), Data::Bool(choices.is(2))],
        "download" => vec![text("3 Vendor Configuration File"), text("f")],
        "instances" => vec![Data::Text(path(choices)), text(choices.one(&["+1", "-1", "2"]))],
        _ => Vec::new(),
    };
    Provision { name: name.to_owned(), arguments }
}

fn device(choices: &mut Choices<'_>) -> Device {
    let text = |text: &str| (Scalar::Text(text.into()), "xsd:string".to_owned());
    let row: [(&str, Typed); 2] =
        [("Key", text("a")), ("Flag", (Scalar::Bool(false), "xsd:boolean".to_owned()))];
    let mut device = Device { next_instance: 10, ..Device::default() };
    let mut add = |path: &str, value: Option<Typed>| {
        if !choices.is(8) {
            device.parameters.insert(path.to_owned(), (!choices.is(3), value));
        }
    };
    for path in ["Device.", "Device.A.", "Device.Table.", "Device.Table.1.", "Device.Table.2."] {
        add(path, None);
        for (column, value) in row.iter().filter(|_| path != "Device.") {
            add(&format!("{path}{column}"), Some(value.clone()));
        }
    }
    add("Device.A.Count", Some((Scalar::Number(5.0), "xsd:unsignedInt".to_owned())));
    add("Device.A.When", Some((Scalar::Number(0.0), "xsd:dateTime".to_owned())));
    let columns = row.map(|(column, value)| (column.to_owned(), value));
    device.templates.insert("Device.Table.".to_owned(), columns.to_vec());
    device
}

/// All that the device has, an hour old.
fn known(device: &Device) -> Tree {
    let mut tree = Tree::default();
    let time = SESSION - 3_600_000;
    for (path, (is_writable, value)) in &device.parameters {
        tree.change(&path_of(path), time, |known| {
            known.object = Some(Timed { time, value: path.ends_with('.') });
            known.writable = Some(Timed { time, value: *is_writable });
            known.value = value.clone().map(|(scalar, value_type)| Timed {
                time,
                value: TypedValue { scalar, value_type: value_type.into() },
            });
        });
    }
    tree
}

/// What the device makes of a request.
fn answer(
    device: &mut Device,
    choices: &mut Choices<'_>,
    request: &Request,
) -> Result<Response, u16> {
    match choices.below(24) {
        20 => Err([9001, 9003, 9005, 9007][choices.below(4)]),
        21 => Ok(Response::Done),
        22 => Ok(Response::ParameterValues(Vec::new())),
        23 => Ok(Response::ParameterNames(vec![
            ("Device.A.Key".to_owned(), true),
            ("Tags.t".to_owned(), true),
            ("..".to_owned(), false),
            (String::new(), false),
        ])),
        _ => device.answer(request),
    }
}

/// Everything that can be told of a run.
#[derive(Debug, PartialEq)]
struct Told {
    requests: Vec<(String, Request)>,
    calls: usize,
    logs: Vec<String>,
    fault: Option<Fault>,
    nothing: Vec<String>,
    tree: String,
}

/// Work that bytes describe.
struct Work<'b> {
    config: Config,
    provisions: Vec<Provision>,
    device: Choices<'b>,
}

fn work(bytes: &[u8]) -> Work<'_> {
    // The first byte says how many of the others are the device's.
    let (head, rest) = bytes.split_at(bytes.len().min(1));
    let share = rest.len() * usize::from(head.first().copied().unwrap_or(0)) / 512;
    let (of_device, of_scripts) = rest.split_at(share);
    let mut choices = Choices { rest: of_scripts };
    let mut config = config(SESSION);
    config.budget = Budget { checks: 4, ..Budget::default() };
    config.catches_commit = choices.is(4);
    config.batch_size = choices.below(4);
    let mut provisions = Vec::new();
    for name in ["a", "b"] {
        let source = script(&mut choices);
        let compiled = Script::compile(name, &source);
        let compiled = compiled.unwrap_or_else(|error| panic!("{error}: {source}"));
        config.scripts.insert(name.to_owned(), Arc::new(compiled));
        provisions.push(Provision { name: name.to_owned(), arguments: arguments(&mut choices) });
    }
    for name in ["v", "w"] {
        let source = virtual_parameter(&mut choices);
        let compiled = Script::compile(name, &source);
        let compiled = compiled.unwrap_or_else(|error| panic!("{error}: {source}"));
        config.virtual_parameters.insert(name.to_owned(), Arc::new(compiled));
    }
    if choices.is(2) {
        provisions.push(builtin(&mut choices));
    }
    Work { config, provisions, device: Choices { rest: of_device } }
}

/// The requests of a run are within their limits and ask nothing that no device knows.
fn check(requests: &[(String, Request)], batch_size: usize) {
    assert!(requests.len() <= 255, "{} requests", requests.len());
    let ids: BTreeSet<&String> = requests.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), requests.len(), "an ID came twice");
    let is_object = |path: &str| path.is_empty() || path.ends_with('.');
    let is_ours = |path: &str| {
        let root = path.split('.').next();
        let roots = ["DeviceID", "Events", "Tags", "Reboot", "FactoryReset", "Downloads"];
        root.is_some_and(|root| roots.contains(&root) || root == "VirtualParameters")
    };
    for (_, request) in requests {
        let (paths, is_batch): (Vec<&String>, bool) = match request {
            Request::GetParameterNames { path, .. } => {
                assert!(is_object(path), "{path}");
                (vec![path], false)
            }
            Request::GetParameterValues { names, instance_values } => {
                (names.iter().collect(), instance_values.is_empty())
            }
            Request::GetParameterAttributes { names } => (names.iter().collect(), true),
            Request::SetParameterValues { values } => {
                (values.iter().map(|(path, ..)| path).collect(), false)
            }
            Request::SetParameterAttributes { attributes } => {
                (attributes.iter().map(|(path, _)| path).collect(), true)
            }
            Request::AddObject { object_name, .. } | Request::DeleteObject { object_name } => {
                assert!(is_object(object_name), "{object_name}");
                (vec![object_name], false)
            }
            _ => continue,
        };
        assert!(!paths.is_empty(), "{request:?}");
        assert!(!is_batch || paths.len() <= batch_size.max(1), "{request:?}");
        assert!(!paths.iter().any(|path| is_ours(path)), "{request:?}");
    }
}

fn tell(engine: &mut Engine, bytes: &[u8]) -> Told {
    let Work { config, provisions, device: mut choices } = work(bytes);
    let mut device = device(&mut choices);
    let tree = if choices.is(2) { known(&device) } else { Tree::default() };
    let batch_size = config.batch_size;
    let mut provisioning = Provisioning::new(Arc::new(config), ID, tree, &provisions);
    let mut told = Told {
        requests: Vec::new(),
        calls: 0,
        logs: Vec::new(),
        fault: None,
        nothing: Vec::new(),
        tree: String::new(),
    };
    loop {
        match provisioning.next(engine) {
            Next::Request { id, request } => {
                let answered = answer(&mut device, &mut choices, &request);
                told.requests.push((id, request));
                match answered {
                    Ok(response) => provisioning.take(response),
                    Err(code) => provisioning.refused(code, "refused"),
                }
            }
            Next::Extensions(calls) => {
                assert!(!calls.is_empty());
                told.calls += 1;
                let fault = || Fault {
                    code: "ext.Error".to_owned(),
                    message: "no".to_owned(),
                    detail: None,
                };
                let mut answer = |call: &Vec<String>| match choices.below(8) {
                    6 => Data::List(vec![Data::Null, Data::Bool(true)]),
                    7 => Data::Object(vec![("value".to_owned(), Data::Number(1.0))]),
                    _ => Data::Text(call.join(",")),
                };
                let answers: Vec<_> = calls.iter().map(|call| Ok(answer(call))).collect();
                let is_refused = choices.is(16);
                provisioning.answer(if is_refused { vec![Err(fault())] } else { answers });
                if is_refused && told.calls > 1 {
                    continue;
                }
            }
            Next::Done => break,
            Next::Fault(fault) => {
                assert!(!fault.code.is_empty());
                told.fault = Some(fault);
                break;
            }
        }
        assert!(told.calls <= 2048, "extensions are called for ever");
    }
    check(&told.requests, batch_size);
    told.logs = provisioning.take_logs().iter().map(|line| format!("{line:?}")).collect();
    assert!(told.logs.len() <= SCRIPT_LOG_MESSAGES_MAX * 64);
    told.nothing = provisioning.nothing().map(|it| format!("{it:?}")).collect();
    told.tree = format!("{:?}", provisioning.tree());
    told
}

/// The work ends, its requests are sound, and the same bytes give the same again.
pub(crate) fn run(bytes: &[u8]) {
    let mut engine = Engine::new().expect("there is memory for an interpreter");
    let first = tell(&mut engine, bytes);
    let second = tell(&mut engine, bytes);
    assert_eq!(first, second);
}

/// The scripts that bytes mean, to look at what was found.
#[allow(dead_code, reason = "the fuzz target has no use for it")]
pub(crate) fn scripts(bytes: &[u8]) -> Vec<String> {
    let work = work(bytes);
    let scripts = work.config.scripts.values().chain(work.config.virtual_parameters.values());
    scripts.map(|script| format!("{}:\n{}", script.name(), script.text())).collect()
}
