//! Scripts against a device: what the engine asks, changes, says and refuses (compat 2).

#![allow(clippy::disallowed_methods, reason = "the environment says how long to search")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::Device;
use drover_provision::engine::{
    Config, Discovery, Next, Provision, Provisioning, Reason, Request, Scalar, Timed, Tree,
    TypedValue, path_of, transfer,
};
use drover_provision::operation::Operation;
use drover_provision::script::{Data, Engine, Fault, Script};

const SESSION: i64 = 1_700_000_000_000;

/// What a run leaves: its requests in short, the lines of its scripts, its fault, and why what was
/// declared changed nothing.
#[derive(Debug)]
struct Ran {
    requests: Vec<String>,
    logs: Vec<String>,
    fault: Option<Fault>,
    nothing: Vec<(String, Reason)>,
    tree: Tree,
    operations: Vec<Operation>,
    lines_left_out: usize,
}

struct Setup {
    device: Device,
    tree: Tree,
    config: Config,
    provisions: Vec<Provision>,
    /// Names that the device refuses to set, with the fault code.
    refuses: BTreeMap<String, u16>,
}

fn text(value: &str) -> (Scalar, String) {
    (Scalar::Text(value.into()), "xsd:string".to_owned())
}

fn boolean(value: bool) -> (Scalar, String) {
    (Scalar::Bool(value), "xsd:boolean".to_owned())
}

/// A device with two networks, which nothing is known of.
fn setup() -> Setup {
    let mut device = Device { next_instance: 10, ..Device::default() };
    for (path, is_writable) in [
        ("Device.", false),
        ("Device.Info.", false),
        ("Device.WiFi.", false),
        ("Device.WiFi.SSID.", true),
        ("Device.WiFi.SSID.1.", true),
        ("Device.WiFi.SSID.2.", true),
    ] {
        device.parameters.insert(path.to_owned(), (is_writable, None));
    }
    for (path, is_writable, value) in [
        ("Device.Info.Version", false, text("1.0")),
        ("Device.Info.Name", true, text("box")),
        ("Device.WiFi.SSID.1.SSID", true, text("a")),
        ("Device.WiFi.SSID.1.Enable", true, boolean(true)),
        ("Device.WiFi.SSID.2.SSID", true, text("b")),
        ("Device.WiFi.SSID.2.Enable", true, boolean(false)),
    ] {
        device.parameters.insert(path.to_owned(), (is_writable, Some(value)));
    }
    let columns = [("SSID".to_owned(), text("")), ("Enable".to_owned(), boolean(false))];
    device.templates.insert("Device.WiFi.SSID.".to_owned(), columns.to_vec());
    let config = Config { heals: false, discovery: Discovery::Compat, ..Config::new(SESSION) };
    Setup {
        device,
        tree: Tree::default(),
        config,
        provisions: Vec::new(),
        refuses: BTreeMap::new(),
    }
}

impl Setup {
    /// Adds a provision with this script.
    fn script(mut self, source: &str) -> Self {
        let name = format!("p{}", self.provisions.len());
        let script = Script::compile(&name, source).unwrap();
        self.config.scripts.insert(name.clone(), Arc::new(script));
        self.provision(&name, Vec::new())
    }

    fn provision(mut self, name: &str, arguments: Vec<Data>) -> Self {
        self.provisions.push(Provision { name: name.to_owned(), arguments });
        self
    }

    fn virtual_parameter(mut self, name: &str, source: &str) -> Self {
        let script = Script::compile(name, source).unwrap();
        self.config.virtual_parameters.insert(name.to_owned(), Arc::new(script));
        self
    }

    /// Makes all known that there is, an hour before the session.
    fn known(mut self) -> Self {
        let time = SESSION - 3_600_000;
        self.tree.mark_listed(&[], time);
        for (path, (is_writable, value)) in &self.device.parameters {
            let is_object = path.ends_with('.');
            let path = path_of(path);
            self.tree.change(&path, time, |known| {
                known.object = Some(Timed { time, value: is_object });
                known.writable = Some(Timed { time, value: *is_writable });
                known.value = value.clone().map(|(scalar, value_type)| Timed {
                    time,
                    value: TypedValue { scalar, value_type: value_type.into() },
                });
            });
            if is_object {
                self.tree.mark_listed(&path, time);
            }
        }
        self
    }

    fn run(mut self) -> Ran {
        self.run_once()
    }

    /// Runs all provisions; the device keeps what they do.
    fn run_once(&mut self) -> Ran {
        let config = Arc::new(self.config.clone());
        let tree = self.tree.clone();
        let mut provisioning =
            Provisioning::new(config, "202BC1-BM632w-000000", tree, &self.provisions);
        let mut engine = Engine::new().unwrap();
        let mut requests = Vec::new();
        let fault = loop {
            match provisioning.next(&mut engine) {
                Next::Request { request, .. } => {
                    requests.push(short(&request));
                    let refused = match &request {
                        Request::SetParameterValues { values } => {
                            values.iter().find_map(|(path, ..)| self.refuses.get(path))
                        }
                        _ => None,
                    };
                    match refused.map_or_else(|| self.device.answer(&request), |code| Err(*code)) {
                        Ok(response) => provisioning.take(response),
                        Err(code) => provisioning.refused(code, "refused"),
                    }
                }
                Next::Extensions(calls) => {
                    requests.push(format!("ext {calls:?}"));
                    provisioning.answer(calls.iter().map(|_| Ok(Data::Number(7.0))));
                }
                Next::Done => break None,
                Next::Fault(fault) => break Some(fault),
            }
        };
        let nothing = provisioning.nothing().map(|it| (it.path.clone(), it.reason)).collect();
        let logs = provisioning.take_logs().into_iter().map(|line| line.message).collect();
        let operations = provisioning.take_operations();
        let lines_left_out = provisioning.lines_left_out();
        let tree = provisioning.tree().clone();
        Ran { requests, logs, fault, nothing, operations, lines_left_out, tree }
    }
}

/// A request in a line.
fn short(request: &Request) -> String {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => text.to_string(),
    };
    match request {
        Request::GetParameterNames { path, is_next_level: true } => format!("names {path}"),
        Request::GetParameterNames { path, .. } => format!("all names {path}"),
        Request::GetParameterValues { names, .. } => format!("values {}", names.join(" ")),
        Request::GetParameterAttributes { names } => format!("attributes {}", names.join(" ")),
        Request::SetParameterValues { values } => {
            let values: Vec<String> =
                values.iter().map(|(path, it, _)| format!("{path}={}", scalar(it))).collect();
            format!("set {}", values.join(" "))
        }
        Request::SetParameterAttributes { attributes } => {
            let attributes: Vec<String> = attributes
                .iter()
                .map(|(path, it)| format!("{path} {:?} {:?}", it.notification, it.access_list))
                .collect();
            format!("set attributes {}", attributes.join(" "))
        }
        Request::AddObject { object_name, instance_values } => {
            format!("add {object_name} {instance_values:?}")
        }
        Request::DeleteObject { object_name } => format!("delete {object_name}"),
        Request::Download { file_type, file_name, .. } => {
            format!("download {file_type} {file_name}")
        }
        Request::Upload { file_type, file_name, .. } => format!("upload {file_type} {file_name}"),
        Request::ScheduleDownload { file_type, file_name, windows, .. } => {
            let windows = windows.iter().map(|it| {
                let (start, end) = (it.start_seconds, it.end_seconds);
                format!(" {start}..{end} {} {}", it.mode, it.max_retries)
            });
            let windows: Vec<String> = windows.collect();
            format!("schedule {file_type} {file_name}{}", windows.concat())
        }
        Request::ChangeDUState { operation, .. } => format!("software {operation:?}"),
        Request::ScheduleInform { delay_seconds, .. } => format!("inform in {delay_seconds}"),
        Request::Reboot => "reboot".to_owned(),
        Request::FactoryReset => "reset".to_owned(),
    }
}

fn value(tree: &Tree, path: &str) -> Option<Scalar> {
    let known = tree.attributes(&path_of(path))?.value.as_ref()?;
    Some(known.value.scalar.clone())
}

fn texts(items: &[&str]) -> Vec<Data> {
    items.iter().map(|item| Data::Text((*item).to_owned())).collect()
}

#[test]
fn compat_2_1_each_commit_sends_what_it_sets() {
    let script = "declare('Device.Info.Name', null, {value: 'x'}); commit();
        declare('Device.Info.Name', null, {value: 'y'});";
    let ran = setup().known().script(script).run();
    assert_eq!(ran.requests, ["set Device.Info.Name=x", "set Device.Info.Name=y"]);
    assert_eq!(ran.fault, None);
}

#[test]
fn compat_2_1_the_later_declaration_wins() {
    let ran = setup()
        .known()
        .script("declare('Device.Info.Name', null, {value: 'x'});")
        .script("declare('Device.Info.Name', null, {value: 'y'});")
        .run();
    assert_eq!(ran.requests, ["set Device.Info.Name=y"]);
}

#[test]
fn compat_2_1_what_is_set_before_a_read_waits_for_the_end() {
    let script = "declare('Device.Info.Name', null, {value: 'x'});
        const now = Date.now();
        log(declare('Device.Info.Version', {value: now}).value[0]);
        declare('Device.WiFi.SSID.1.SSID', null, {value: 'z'});";
    let ran = setup().known().script(script).run();
    let expected =
        ["values Device.Info.Version", "set Device.Info.Name=x Device.WiFi.SSID.1.SSID=z"];
    assert_eq!(ran.requests, expected);
    assert_eq!(ran.logs, ["1.0"]);
    let waited = ("Device.Info.Name".to_owned(), Reason::Waits);
    assert!(ran.nothing.contains(&waited), "{:?}", ran.nothing);
}

#[test]
fn compat_2_1_scripts_share_their_rounds() {
    let script = "log(declare('Device.Info.*', {value: 1}).size);";
    let ran = setup().script(script).script(script).run();
    let expected = [
        "names ",
        "names Device.",
        "names Device.Info.",
        "values Device.Info.Name Device.Info.Version",
    ];
    assert_eq!(ran.requests, expected);
    assert_eq!(ran.logs, ["2", "2"]);
}

#[test]
fn compat_2_5_commits_and_requests_have_limits() {
    let script = "for (let i = 0; i < 99; ++i) { declare('Device.Info.Name'); commit(); }";
    let ran = setup().known().script(script).run();
    assert_eq!(ran.fault.unwrap().code, "too_many_commits");

    let script = "for (let i = 0; i < 300; ++i) {
            declare('Device.Info.Name', null, {value: String(i)}); commit();
        }";
    let mut many = setup().known().script(script);
    many.config.commits_max = 1000;
    let ran = many.run();
    assert_eq!(ran.fault.unwrap().code, "too_many_rpcs");
    assert_eq!(ran.requests.len(), 255);
}

#[test]
fn compat_2_9_virtual_parameters_may_not_need_each_other_for_ever() {
    let source =
        "return {writable: false, value: declare('VirtualParameters.v', {value: 1}).value};";
    let ran = setup()
        .virtual_parameter("v", source)
        .script("declare('VirtualParameters.v', {value: 1});")
        .run();
    assert_eq!(ran.fault.unwrap().code, "deeply_nested_vparams");
}

#[test]
fn compat_2_9_a_virtual_parameter_that_makes_another_value_is_set_once() {
    let source = "if (args[1].value) log('set');
        return {writable: true, value: 'upper'};";
    let ran = setup()
        .virtual_parameter("v", source)
        .script("declare('VirtualParameters.v', null, {value: 'lower'});")
        .run();
    assert_eq!((ran.fault, ran.logs), (None, vec!["set".to_owned()]));
}

#[test]
fn compat_2_5_a_path_that_the_device_lost_is_looked_for_again() {
    let script = "log(String(declare('Device.Info.Old', {value: Date.now()}).value));";
    let mut setup = setup();
    setup.device.parameters.insert("Device.Info.Old".to_owned(), (false, Some(text("1"))));
    let mut setup = setup.known().script(script);
    setup.device.parameters.remove("Device.Info.Old");
    let ran = setup.run();
    assert_eq!(ran.requests, ["values Device.Info.Old", "names Device.Info."]);
    assert_eq!((ran.fault, ran.logs), (None, vec!["undefined".to_owned()]));
}

#[test]
fn compat_2_10_a_refusal_is_a_fault() {
    let script = "declare('Device.Info.Name', null, {value: 'x'});";
    let mut setup = setup().known().script(script);
    setup.refuses.insert("Device.Info.Name".to_owned(), 9007);
    let fault = setup.run().fault.unwrap();
    assert_eq!((fault.code.as_str(), fault.message.as_str()), ("cwmp.9007", "refused"));
}

#[test]
fn compat_2_4_a_row_that_is_to_be_created_counts_for_others() {
    let script = "declare('Device.WiFi.SSID.[SSID:g]', null, {path: 1});
        declare('Device.WiFi.SSID.[SSID:g,Enable:true]', null, {path: 1});
        declare('Device.WiFi.SSID.[Enable:true,SSID:g]', null, {path: [1, 2]});";
    let ran = setup().known().script(script).run();
    let expected = [
        "add Device.WiFi.SSID. [(\"Enable\", \"true\"), (\"SSID\", \"g\")]",
        "values Device.WiFi.SSID.10.Enable Device.WiFi.SSID.10.SSID",
        "set Device.WiFi.SSID.10.Enable=true Device.WiFi.SSID.10.SSID=g",
        "names Device.WiFi.SSID.",
    ];
    assert_eq!(ran.requests, expected);
    assert_eq!(value(&ran.tree, "Device.WiFi.SSID.10.SSID"), Some(text("g").0));
}

#[test]
fn compat_2_4_surplus_rows_go_one_after_the_other() {
    let ran = setup().known().script("declare('Device.WiFi.SSID.*', null, {path: 0});").run();
    let expected =
        ["delete Device.WiFi.SSID.1.", "delete Device.WiFi.SSID.2.", "names Device.WiFi.SSID."];
    assert_eq!(ran.requests, expected);
    let ran = setup().known().provision("instances", texts(&["Device.WiFi.SSID.*", "-1"])).run();
    assert_eq!(ran.requests, ["delete Device.WiFi.SSID.2.", "names Device.WiFi.SSID."]);
}

#[test]
fn what_changes_nothing_has_a_reason() {
    let script = "declare('Device.Info.Version', null, {value: '2'});
        declare('Device.Info.Name', null, {value: 'box'});
        declare('Device.Info.Nope', null, {value: 1});
        declare('Reboot', null, {value: Date.now() + 1000});
        declare('Device.WiFi.SSID.7', null, {path: 1});
        declare('Device.Info.*', null, {path: 3});";
    let ran = setup().known().script(script).run();
    assert!(ran.requests.is_empty(), "{:?}", ran.requests);
    let reasons: Vec<(&str, Reason)> =
        ran.nothing.iter().map(|(path, reason)| (path.as_str(), *reason)).collect();
    let expected = [
        ("Device.Info", Reason::NotWritable),
        ("Device.Info.Name", Reason::Equal),
        ("Device.Info.Nope", Reason::NoSuchPath),
        ("Device.Info.Version", Reason::NotWritable),
        ("Device.WiFi.SSID.7", Reason::NumberIsTheDevices),
        ("Reboot", Reason::InTheFuture),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn compat_2_2_attributes_are_read_and_set() {
    let script = "declare('Device.Info.Name', null, {notification: 2, accessList: ['Subscriber']});
        declare('Device.Info.Version', null, {notification: 0});";
    let ran = setup().known().script(script).run();
    // A notification can be set of what is not writable, and is only sent if it is another one.
    let expected = [
        "attributes Device.Info.Name Device.Info.Version",
        "set attributes Device.Info.Name Some(2) Some([\"Subscriber\"])",
    ];
    assert_eq!(ran.requests, expected);
}

#[test]
fn compat_2_6_a_download_is_sent_once() {
    let script =
        "declare('Downloads.[FileType:3 Vendor Configuration File]', {path: 1}, {path: 1});
        declare('Downloads.[FileType:3 Vendor Configuration File].FileName', {value: 1},
            {value: 'f'});
        declare('Downloads.[FileType:3 Vendor Configuration File].Download', {value: 1},
            {value: Date.now()});
        commit();
        log(declare('Downloads.*.LastFileName', {value: 1}).value[0]);";
    let ran = setup().script(script).run();
    assert_eq!(ran.requests, ["download 3 Vendor Configuration File f"]);
    // The name of the file, where GenieACS puts its type.
    assert_eq!((ran.fault, ran.logs), (None, vec!["f".to_owned()]));
}

#[test]
fn compat_2_6_a_transfer_that_ends_later_is_an_operation() {
    let script = "declare('Downloads.[FileName:f,TargetFileName:t]', {path: 1}, {path: 1});
        declare('Downloads.*.FileType', {value: 1}, {value: '1 Firmware Upgrade Image'});
        declare('Downloads.*.Download', {value: 1}, {value: Date.now()});";
    let mut setup = setup().script(script);
    setup.device.is_slow = true;
    let ran = setup.run_once();
    assert_eq!(ran.requests, ["download 1 Firmware Upgrade Image f"]);
    let [operation] = ran.operations.as_slice() else { panic!("{:?}", ran.operations) };
    assert_eq!(operation.command_key, "18bcfe568000000");
    assert_eq!((operation.rpc.as_str(), operation.instance.as_str()), ("Download", "1"));
    assert_eq!((&*operation.file_name, &*operation.target_file_name), ("f", "t"));
    assert_eq!((operation.earlier, operation.time.as_millisecond()), (Some(0), SESSION));
    assert_eq!(value(&ran.tree, "Downloads.1.LastFileName"), Some(text("").0));

    // It is not asked for again until it has failed.
    setup.tree = ran.tree;
    assert!(setup.run_once().requests.is_empty());
    let failure = transfer::failure(9010, "no such file");
    let fault = transfer::completed(&mut setup.tree, operation, Err(failure), SESSION);
    assert_eq!(fault.unwrap().code, "cwmp.9010");
    let ran = setup.run_once();
    assert_eq!(ran.requests, ["download 1 Firmware Upgrade Image f"]);
    setup.tree = ran.tree;
    let done = Ok((SESSION + 1, SESSION + 2));
    assert_eq!(transfer::completed(&mut setup.tree, operation, done, SESSION + 3), None);
    assert_eq!(value(&setup.tree, "Downloads.1.LastFileName"), Some(text("f").0));
    assert!(setup.run_once().requests.is_empty());
}

#[test]
fn what_is_done_once_is_sent_in_the_order_of_its_kinds() {
    let script = "const now = Date.now();
        const row = (table, columns) => {
            declare(table + '.[FileType:x]', {path: 1}, {path: 1});
            for (const name in columns) {
                declare(`${table}.*.${name}`, {value: 1}, {value: columns[name]});
            }
        };
        declare('Reboot', null, {value: now});
        declare('ScheduledInforms.*', {path: 1}, {path: 1});
        declare('ScheduledInforms.*.DelaySeconds', {value: 1}, {value: 60});
        declare('ScheduledInforms.*.Schedule', {value: 1}, {value: now});
        row('Uploads', {FileName: 'log', Upload: now});
        row('ScheduledDownloads', {
            FileName: 'f', WindowStart: 5, WindowEnd: 10, WindowStart2: 10, WindowEnd2: 20,
            WindowMode2: '3 When Idle', MaxRetries2: 3, Schedule: now,
        });
        declare('SoftwareOperations.[UUID:u]', {path: 1}, {path: 1});
        declare('SoftwareOperations.[UUID:u].Operation', {value: 1}, {value: 'Uninstall'});
        declare('SoftwareOperations.[UUID:u].Change', {value: 1}, {value: now});
        row('Downloads', {FileName: 'd', Download: now});";
    let mut setup = setup().script(script);
    let ran = setup.run_once();
    assert_eq!(ran.fault, None);
    let uninstall = r#"software Uninstall { uuid: "u", version: "", execution_env_ref: "" }"#;
    let expected = [
        "download x d",
        "upload x log",
        "schedule x f 5..10 1 At Any Time -1 10..20 3 When Idle 3",
        uninstall,
        "inform in 60",
        "reboot",
    ];
    assert_eq!(ran.requests, expected);
    let waiting: Vec<&str> = ran.operations.iter().map(|it| it.rpc.as_str()).collect();
    assert_eq!(waiting, ["ScheduleDownload", "ChangeDUState"]);
    assert_eq!(ran.operations[0].time.as_millisecond(), SESSION + 20_000);
    assert_eq!(value(&ran.tree, "Uploads.1.LastFileName"), Some(text("log").0));
    let delay = value(&ran.tree, "ScheduledInforms.1.LastDelaySeconds");
    assert_eq!(delay, Some(Scalar::Number(60.0)));
    setup.tree = ran.tree;
    assert!(setup.run_once().requests.is_empty());
}

#[test]
fn what_no_device_could_do_is_not_sent() {
    for (table, columns, action) in [
        ("Uploads", "FileName: 'f'", "Upload"),
        ("ScheduledInforms", "DelaySeconds: 0", "Schedule"),
        ("ScheduledInforms", "DelaySeconds: 'soon'", "Schedule"),
        ("ScheduledDownloads", "FileType: 'x'", "Schedule"),
        ("ScheduledDownloads", "FileType: 'x', WindowStart: 5, WindowEnd: 5", "Schedule"),
        ("ScheduledDownloads", "WindowStart: 5, WindowEnd: 6", "Schedule"),
        (
            "ScheduledDownloads",
            "FileType: 'x', WindowStart: 5, WindowEnd: 9, WindowStart2: 8, WindowEnd2: 10",
            "Schedule",
        ),
        ("SoftwareOperations", "Operation: 'Install', UUID: 'u'", "Change"),
        ("SoftwareOperations", "Operation: 'Uninstall', URL: 'u'", "Change"),
        ("SoftwareOperations", "Operation: 'Explode', URL: 'u'", "Change"),
    ] {
        let script = format!(
            "declare('{table}.*', {{path: 1}}, {{path: 1}});
            const columns = {{{columns}, {action}: Date.now()}};
            for (const name in columns) {{
                declare(`{table}.*.${{name}}`, {{value: 1}}, {{value: columns[name]}});
            }}"
        );
        let ran = setup().script(&script).run();
        assert_eq!((ran.fault, ran.requests), (None, Vec::new()), "{columns}");
        let reason = (format!("{table}.1.{action}"), Reason::Incomplete);
        assert!(ran.nothing.contains(&reason), "{columns}: {:?}", ran.nothing);
    }
}

#[test]
fn rows_are_created_within_limits() {
    let rows = |tree: &Tree| tree.children(&path_of("Uploads")).count();
    let ran = setup().script("declare('Uploads.*', null, {path: 64});").run();
    assert_eq!((ran.fault, rows(&ran.tree)), (None, 64));
    let ran = setup().script("declare('Uploads.*', null, {path: 4e9});").run();
    assert_eq!((ran.fault, rows(&ran.tree)), (None, 64));
    let reason = ("Uploads".to_owned(), Reason::TableFull);
    assert!(ran.nothing.contains(&reason), "{:?}", ran.nothing);
    let ran = setup().script("declare('Uploads.[Nope:1]', null, {path: 1});").run();
    assert_eq!((ran.fault, rows(&ran.tree)), (None, 0));
}

#[test]
fn a_device_gets_and_loses_so_many_rows_in_one_session() {
    const MAX: usize = drover_provision::limits::SCRIPT_ROWS_PER_SESSION_MAX;
    let run = |script: &str| setup().known().script(script).run();
    let rows = |ran: &Ran| ran.tree.children(&path_of("Device.WiFi.SSID")).count();
    // There are two rows at first.
    let at = run(&format!("declare('Device.WiFi.SSID.*', null, {{path: {}}});", MAX + 2));
    assert_eq!((&at.fault, rows(&at)), (&None, MAX + 2));
    for script in [
        &*format!("declare('Device.WiFi.SSID.*', null, {{path: {}}});", MAX + 3),
        "declare('Device.WiFi.SSID.*', null, {path: 1000000});",
        "declare('Device.WiFi.SSID.[SSID:x]', null, {path: 4e9});",
        "declare('Device.WiFi.SSID.1', null, {path: 0});
            for (let i = 0; i < 9999; ++i)
                declare(`Device.WiFi.SSID.[SSID:${i}]`, null, {path: 9});",
    ] {
        let ran = run(script);
        let fault = ran.fault.as_ref().unwrap();
        assert_eq!(fault.code, "too_many_instances", "{script}");
        assert_eq!(ran.requests, [""; 0], "{script}");
        assert!(fault.message.contains("Device.WiFi.SSID."), "{}", fault.message);
        assert_eq!(rows(&ran), 2);
    }
    let ran = run("declare('Device.WiFi.SSID.*', null, {path: 1000000});");
    assert_eq!(
        ran.fault.unwrap().message,
        "with those of Device.WiFi.SSID.*, the declarations of this session create and delete \
         999998 rows, more than 250: declare fewer, or a part of them in each session"
    );
    // What came before counts.
    let script = format!(
        "declare('Device.WiFi.SSID.*', null, {{path: 12}}); commit();
            declare('Device.WiFi.SSID.*', null, {{path: {}}});",
        MAX + 3
    );
    let ran = run(&script);
    assert_eq!(ran.fault.as_ref().unwrap().code, "too_many_instances");
    assert!(ran.fault.as_ref().unwrap().message.contains(" 251 rows"), "{:?}", ran.fault);
    assert_eq!(rows(&ran), 12);
    for (count, code) in [(MAX, None), (MAX + 1, Some("too_many_instances"))] {
        let mut full = setup();
        for row in 3..=count {
            full.device.parameters.insert(format!("Device.WiFi.SSID.{row}."), (true, None));
        }
        let ran = full.known().script("declare('Device.WiFi.SSID.*', null, {path: 0});").run();
        assert_eq!(ran.fault.as_ref().map(|fault| fault.code.as_str()), code);
        assert_eq!(rows(&ran), if code.is_none() { 0 } else { count });
    }
}

#[test]
fn so_much_is_logged_and_the_rest_is_counted() {
    use drover_provision::limits::{
        SCRIPT_LOG_BYTES_PER_SESSION_MAX as MAX, SCRIPT_LOG_LINE_BYTES,
    };
    let logged = |script: &str| {
        let mut setup = setup().script(script);
        setup.config.log_bytes_max = 10 * (SCRIPT_LOG_LINE_BYTES + 4);
        let ran = setup.run();
        assert_eq!(ran.fault, None);
        (ran.logs.len(), ran.lines_left_out)
    };
    assert_eq!(logged("for (let i = 0; i < 10; ++i) log('four');"), (10, 0));
    assert_eq!(logged("for (let i = 0; i < 11; ++i) log('four');"), (10, 1));
    // A short line does not slip in behind a long one, and fields count.
    assert_eq!(logged("log('x'.repeat(1000)); for (let i = 0; i < 9; ++i) log('');"), (0, 10));
    assert_eq!(logged("log('x', {y: 'x'.repeat(1000)});"), (0, 1));
    // Each line counts once, however often its script runs.
    let script = "log('four'); commit(); for (let i = 0; i < 11; ++i) log('four'); commit();";
    assert_eq!(logged(script), (10, 2));
    let ran = setup().script("for (let i = 0; i < 1000; ++i) log('x'.repeat(65536));").run();
    let kept = MAX / (65536 + SCRIPT_LOG_LINE_BYTES);
    assert_eq!((ran.fault, ran.logs.len(), ran.lines_left_out), (None, kept, 1000 - kept));
}

#[test]
fn compat_2_6_the_last_word_on_a_tag_holds() {
    let script = "declare('Tags.a', null, {value: true}); declare('Tags.a', null, {value: false});
        declare('Tags.b', null, {value: false}); declare('Tags.b', null, {value: true});";
    let ran = setup().script(script).run();
    assert_eq!(ran.fault, None);
    assert_eq!(value(&ran.tree, "Tags.a"), None);
    assert_eq!(value(&ran.tree, "Tags.b"), Some(Scalar::Bool(true)));
}

#[test]
fn what_cannot_come_to_rest_ends_in_a_fault() {
    let script = "declare('Downloads.[FileName:a]', null, {path: 1});
        declare('Downloads.*', null, {path: 0});";
    let ran = setup().script(script).run();
    assert_eq!(ran.fault.unwrap().code, "too_many_cycles");
}

#[test]
fn compat_2_7_extensions_of_all_scripts_are_asked_together() {
    let script = "log('a'); log(ext('f', 'g', 1)); log(ext('f', 'g', 1));";
    let ran = setup().script(script).script("ext('f', 'h');").run();
    assert_eq!(ran.requests, [r#"ext [["f", "g", "1"], ["f", "h"]]"#]);
    assert_eq!(ran.logs, ["a", "7", "7"]);
}

#[test]
fn compat_2_8_refresh_asks_as_often_as_it_says() {
    let hourly = |interval: f64| {
        let arguments = vec![
            Data::Text("Device.Info.Version".to_owned()),
            Data::Number(interval),
            Data::Bool(false),
        ];
        setup().known().provision("refresh", arguments).run().requests
    };
    assert!(hourly(86_400_000.0).is_empty());
    assert_eq!(hourly(1.0), ["names Device.Info.", "values Device.Info.Version"]);
    let ran = setup().provision("refresh", vec![Data::Number(1.0)]).run();
    assert_eq!(ran.fault.unwrap().message, "Invalid arguments");
}

#[test]
fn what_the_server_keeps_is_no_row_of_the_device() {
    let script = "declare('Reboot', null, {path: 0}); declare('Tags.*', null, {path: 1});
        declare('Downloads', null, {path: 0});";
    let ran = setup().known().script(script).run();
    assert_eq!((ran.fault, ran.requests), (None, Vec::new()));
    let reboot = ("Reboot".to_owned(), Reason::NotWritable);
    assert!(ran.nothing.contains(&reboot), "{:?}", ran.nothing);
}

#[test]
fn a_device_is_not_asked_for_keys_of_what_the_server_keeps() {
    let ran = setup().script("declare('[Name:x].A', {value: Date.now()});").run();
    assert_eq!(
        (ran.fault, ran.requests),
        (None, vec!["names ".to_owned(), "names Device.".to_owned()])
    );
}

/// It is not equal to itself, so it would be set again and again.
#[test]
fn what_is_not_a_number_is_set_once() {
    let mut setup = setup();
    let value = (Scalar::Number(0.0), "xsd:dateTime".to_owned());
    setup.device.parameters.insert("Device.Info.When".to_owned(), (true, Some(value)));
    let ran = setup.known().script("declare('Device.Info.When', null, {value: NaN});").run();
    assert_eq!((ran.fault, ran.requests), (None, vec!["set Device.Info.When=NaN".to_owned()]));
}

#[test]
fn compat_2_3_single_attributes_are_forgotten() {
    let script = "clear('Device.Info.Name', 0, {value: Date.now()});
        log(declare('Device.Info.Name', {value: 1}).value[0]);";
    let ran = setup().known().script(script).run();
    assert_eq!(ran.requests, ["values Device.Info.Name"]);
    assert_eq!(ran.logs, ["box"]);
}

/// What GenieACS lets scripts do, and what ours do instead: the value comes, and nothing is caught.
#[test]
fn compat_2_7_a_commit_is_caught_only_if_that_is_asked_for() {
    let script = "let v = 'unread';
        try { v = declare('Device.Info.Version', {value: 1}).value[0]; }
        catch (e) { log('caught'); }
        log(v);";
    let ran = setup().known().script(script).run();
    assert_eq!((ran.fault, ran.logs), (None, vec!["1.0".to_owned()]));

    let catching = |script: &str| {
        let mut setup = setup().known().script(script);
        setup.config.catches_commit = true;
        setup.run()
    };
    let ran = catching(script);
    assert_eq!((ran.fault, ran.logs), (None, Vec::new()));
    // Not caught, it stops the script all the same; and it is caught once.
    let ran = catching("log(declare('Device.Info.Version', {value: 1}).value[0]);");
    assert_eq!((ran.fault, ran.logs), (None, vec!["1.0".to_owned()]));
    let twice = format!("{script} declare('Device.Info.Name', {{value: 1}}).value;");
    let fault = catching(&twice).fault.unwrap();
    assert!(fault.message.contains("try/catch"), "{fault:?}");
    let ran = catching("try { commit(); } catch { for (;;); }");
    assert!(ran.fault.unwrap().message.contains("timed out"));
}

mod random {
    use proptest::prelude::*;

    use super::*;

    /// A path that is there, may come to be there, or never is.
    fn path() -> impl Strategy<Value = String> {
        let segment = prop_oneof![
            Just("*"),
            Just("[]"),
            Just("[SSID:a]"),
            Just("[SSID:new]"),
            Just("[Enable:true,SSID:b]"),
            Just("[Nope:1]"),
            Just("SSID"),
            Just("Enable"),
            Just("1"),
            Just("10"),
            Just("Info"),
            Just("Name"),
            Just("Version"),
            Just("WiFi"),
            Just("a"),
            Just("Download"),
        ];
        let root = prop_oneof![
            6 => Just("Device"),
            1 => Just("Tags"),
            1 => Just("Downloads"),
            1 => Just("VirtualParameters"),
            1 => Just("Reboot"),
            1 => Just("*"),
        ];
        let known = prop_oneof![
            Just("Device.WiFi.SSID.*.SSID".to_owned()),
            Just("Device.WiFi.SSID.[SSID:new]".to_owned()),
            Just("Device.WiFi.SSID.*".to_owned()),
            Just("Device.Info.Name".to_owned()),
            Just("Downloads.[FileName:f]".to_owned()),
        ];
        let free = (root, prop::collection::vec(segment, 0..5)).prop_map(|(root, segments)| {
            std::iter::once(root).chain(segments).collect::<Vec<_>>().join(".")
        });
        prop_oneof![known, free]
    }

    fn statement() -> impl Strategy<Value = String> {
        let time = || prop_oneof![Just("1"), Just("Date.now()"), Just("Date.now() - 7200000")];
        let attribute = prop_oneof![
            Just("path"),
            Just("object"),
            Just("writable"),
            Just("value"),
            Just("notification"),
        ];
        let set = prop_oneof![
            Just("null"),
            Just("{value: 'x'}"),
            Just("{value: true}"),
            Just("{value: [5, 'xsd:unsignedInt']}"),
            Just("{value: Date.now()}"),
            Just("{path: 0}"),
            Just("{path: 1}"),
            Just("{path: [1, 2]}"),
            Just("{notification: 1}"),
        ];
        let declare = (path(), attribute, time(), set)
            .prop_map(|(path, attribute, time, set)| {
                format!("declare('{path}', {{{attribute}: {time}}}, {set});")
            })
            .boxed();
        prop_oneof![
            8 => declare.clone(),
            3 => declare.prop_map(|declare| {
                format!("for (const it of {}) it.path;", declare.trim_end_matches(';'))
            }),
            1 => Just("commit();".to_owned()),
            1 => (path(), time()).prop_map(|(path, time)| format!("clear('{path}', {time});")),
            1 => Just("log(ext('f', 'g'));".to_owned()),
        ]
    }

    fn script() -> impl Strategy<Value = String> {
        prop::collection::vec(statement(), 1..7).prop_map(|statements| statements.join("\n"))
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if std::env::var_os("DROVER_SOAK").is_some() { 10_000 } else { 40 },
            ..ProptestConfig::default()
        })]

        /// Whatever scripts declare, the work comes to an end.
        #[test]
        fn whatever_scripts_declare_comes_to_an_end(
            first in script(), second in script(), value in script(), is_known in any::<bool>(),
        ) {
            let source = format!("{value}\nreturn {{writable: true, value: 1}};");
            let setup = setup().virtual_parameter("a", &source).script(&first).script(&second);
            let ran = if is_known { setup.known().run() } else { setup.run() };
            prop_assert!(ran.requests.len() <= 300);
            if let Some(fault) = ran.fault {
                let known = ["script", "too_many_", "deeply_nested_vparams", "cwmp."];
                prop_assert!(
                    known.iter().any(|code| fault.code.starts_with(code)), "{fault:?}"
                );
            }
        }

        /// What scripts declare without commits of their own is so when they have run: another
        /// run finds nothing to change.
        #[test]
        fn what_is_declared_holds_afterwards(first in script(), second in script()) {
            let [first, second] = [first, second].map(|script| script.replace("commit();", ""));
            let mut setup = setup().known().script(&first).script(&second);
            let earlier = setup.run_once();
            if earlier.fault.is_some() {
                return Ok(());
            }
            setup.tree = earlier.tree;
            let ran = setup.run();
            let is_change = |request: &&String| {
                ["set ", "add ", "delete ", "download ", "reboot", "reset"]
                    .iter()
                    .any(|change| request.starts_with(change))
            };
            let changes: Vec<&String> = ran.requests.iter().filter(is_change).collect();
            prop_assert!(changes.is_empty(), "{changes:?}");
        }
    }
}
