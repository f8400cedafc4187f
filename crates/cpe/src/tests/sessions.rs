//! When a device calls, what its Inform says, and what happens when that fails (sections 4, 5, 13,
//! 20 to 22).

use drover_cwmp::CwmpNamespace;

use super::*;

const WATCHED: &str = "Device.Time.Status";
const CONNECTION_REQUEST_URL: &str = "Device.ManagementServer.ConnectionRequestURL";

/// A device whose ACS watches one parameter in the given way.
fn watched(notification: i32) -> World {
    let mut world = World::settled();
    world.notify(WATCHED, notification);
    world
}

fn periodic(interval: u32) -> World {
    let mut world = World::settled();
    world.execute(set([
        ("Device.ManagementServer.PeriodicInformInterval", Value::unsigned_int(interval)),
        ("Device.ManagementServer.PeriodicInformEnable", Value::boolean(true)),
    ]));
    world
}

fn connection_request(world: &mut World) {
    let now = world.now();
    assert!(world.device().handle_connection_request(&now));
}

#[test]
fn inf_01_02_the_first_inform() {
    let mut world = World::new();
    world.boot_second = Some(1_700_000_000);
    world.update(CONNECTION_REQUEST_URL, "http://192.0.2.1:7547/abc");
    world.boot();
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["0 BOOTSTRAP", "1 BOOT"]);
    assert_eq!(inform.device_id.oui, "00D09E");
    assert_eq!(inform.device_id.serial_number, "1");
    assert_eq!((inform.max_envelopes, inform.retry_count), (1, 0));
    assert_eq!(inform.current_time.to_string(), "2023-11-14T22:13:20Z");
    let expected = [
        "Device.RootDataModelVersion",
        "Device.DeviceInfo.HardwareVersion",
        "Device.DeviceInfo.SoftwareVersion",
        "Device.DeviceInfo.ProvisioningCode",
        "Device.ManagementServer.ParameterKey",
        "Device.ManagementServer.ConnectionRequestURL",
    ];
    let mut listed = names(&inform);
    listed.sort_unstable();
    let mut sorted = expected;
    sorted.sort_unstable();
    assert_eq!(listed, sorted, "FIP-01");
    assert!(!world.wants_session());
    assert_eq!(world.endpoint.poll_timeout(), None, "CONN-02: nothing left to do");
}

#[test]
fn evt_08_09_a_known_acs_gets_boot_only() {
    let mut world = World::settled();
    world.boot();
    assert_eq!(codes(&world.session([]).inform), ["1 BOOT"]);
}

#[test]
fn evt_10_ses_16_a_new_url_is_used_after_the_session_with_bootstrap() {
    let mut world = World::settled();
    world.notify(WATCHED, 2);
    connection_request(&mut world);
    let url = Value::string("http://other.example/");
    let session = world.session([set([(URL, url.clone())]), get([WATCHED])]);
    assert_eq!(session.answers.len(), 2);
    assert!(world.wants_session());
    let session = world.session([set([(URL, url)])]);
    assert_eq!(
        (session.url.as_str(), codes(&session.inform)),
        ("http://other.example/", vec!["0 BOOTSTRAP"])
    );
    assert!(!world.wants_session(), "the same value is no change");
    let attributes = world.device().attributes(WATCHED).expect("known");
    assert_eq!(attributes.notification, 0, "SPA-09");
}

#[test]
fn evt_05_bootstrap_discards_what_was_to_be_said_to_the_former_acs() {
    let mut world = watched(1);
    world.update(WATCHED, "Synchronized");
    world.update(URL, "http://other.example/");
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["0 BOOTSTRAP"]);
    assert!(!names(&inform).contains(&WATCHED), "EVT-13");
}

#[test]
fn not_03_an_active_change_starts_a_session() {
    let mut world = watched(2);
    assert!(world.update(WATCHED, "Synchronized"));
    assert!(!world.update(WATCHED, "Synchronized"), "the same again is no change");
    assert!(world.wants_session());
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["4 VALUE CHANGE"]);
    let reported = inform.parameter_list.iter().find(|parameter| parameter.name == WATCHED);
    assert_eq!(reported.expect("INF-02").value.text, "Synchronized");
    connection_request(&mut world);
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["6 CONNECTION REQUEST"]);
    assert!(!names(&inform).contains(&WATCHED), "reported once");
}

#[test]
fn not_03_a_passive_change_waits_for_the_next_inform() {
    let mut world = watched(1);
    world.update(WATCHED, "Synchronized");
    assert!(!world.wants_session());
    assert_eq!(world.endpoint.poll_timeout(), None);
    connection_request(&mut world);
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["4 VALUE CHANGE", "6 CONNECTION REQUEST"]);
    assert!(names(&inform).contains(&WATCHED));
}

#[test]
fn a_passive_change_that_waits_does_not_hold_back_an_active_one() {
    let mut world = watched(1);
    world.update(WATCHED, "Synchronized");
    world.update("Device.DeviceInfo.SoftwareVersion", "2.0");
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["4 VALUE CHANGE"]);
    assert!(names(&inform).contains(&WATCHED), "INF-02: all that changed");
}

#[test]
fn inf_02_03_no_duplicates_and_changes_that_went_back() {
    let mut world = watched(1);
    for text in ["a", "b", "Disabled"] {
        world.update(WATCHED, text);
    }
    world.update("Device.DeviceInfo.SoftwareVersion", "2.0");
    let inform = world.session([]).inform;
    let mut names = names(&inform);
    assert!(names.contains(&WATCHED), "INF-03");
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn spv_12_changes_by_the_acs_are_no_news() {
    let mut world = World::settled();
    world.notify("Device.Time.Enable", 2);
    world.notify("Device.NAT.PortMappingNumberOfEntries", 2);
    world.set("Device.Time.Enable", Value::boolean(true));
    world.execute(add("Device.NAT.PortMapping."));
    assert!(!world.wants_session(), "NOT-08");
    let now = world.now();
    let device = world.device();
    device.notify_rows(&now);
    assert!(world.wants_session());
}

impl Device {
    /// A row that comes without the ACS.
    fn notify_rows(&mut self, now: &Clock) {
        assert_eq!(self.set_instances("Device.NAT.PortMapping.", &[1, 2], now), Ok(true));
    }
}

/// A device whose ACS can choose parameters of the Inform.
fn with_inform_parameters() -> World {
    let table = "Device.ManagementServer.InformParameter.{i}.";
    let mut builder = builder();
    builder
        .table(table, TableSpec::writable())
        .parameter(&format!("{table}Enable"), ParameterSpec::boolean().writable())
        .parameter(&format!("{table}ParameterName"), ParameterSpec::string().writable())
        .parameter(&format!("{table}EventList"), ParameterSpec::string().writable());
    let mut world = World::with(Arc::new(builder.build().expect("a model")));
    world.boot();
    world.session([]);
    world.execute(add("Device.ManagementServer.InformParameter."));
    world
}

fn choose(world: &mut World, name: &str, events: &str) -> Message {
    let row = "Device.ManagementServer.InformParameter.1.";
    world.execute(set([
        (format!("{row}Enable").as_str(), Value::boolean(true)),
        (format!("{row}ParameterName").as_str(), Value::string(name)),
        (format!("{row}EventList").as_str(), Value::string(events)),
    ]))
}

#[test]
fn inf_02_parameters_that_the_acs_has_chosen() {
    let mut world = with_inform_parameters();
    let name = "Device.Ethernet.Interface.*.Name";
    let listed = |world: &mut World, events: &str| {
        assert!(matches!(choose(world, name, events), Message::SetParameterValuesResponse(_)));
        connection_request(world);
        let inform = world.session([]).inform;
        names(&inform).contains(&"Device.Ethernet.Interface.1.Name")
    };
    assert!(listed(&mut world, "6 CONNECTION REQUEST"));
    assert!(listed(&mut world, "1 BOOT, 6 CONNECTION REQUEST"));
    assert!(!listed(&mut world, "1 BOOT,2 PERIODIC"));
    assert!(listed(&mut world, ""), "all but VALUE CHANGE");
    world.update("Device.DeviceInfo.SoftwareVersion", "2.0");
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["4 VALUE CHANGE"]);
    assert!(!names(&inform).contains(&"Device.Ethernet.Interface.1.Name"));
}

#[test]
fn spv_17_forced_parameters_cannot_be_chosen() {
    let mut world = with_inform_parameters();
    let bad = [
        ("Device.DeviceInfo.SoftwareVersion", ""),
        ("Device.Time.", ""),
        ("Device..Time", ""),
        (WATCHED, "4 VALUE CHANGE"),
    ];
    for (name, events) in bad {
        let Message::Fault(fault) = choose(&mut world, name, events) else { panic!("{name}") };
        assert_eq!(fault.set_parameter_values_faults[0].fault_code.0, 9007, "{name} {events}");
    }
    assert!(matches!(
        choose(&mut world, "Device.Nothing.*.Yet", ""),
        Message::SetParameterValuesResponse(_)
    ));
    connection_request(&mut world);
    world.session([]);
}

#[test]
fn inf_08_a_deleted_row_is_not_reported() {
    let mut world = World::settled();
    world.notify("Device.Ethernet.Interface.1.Name", 1);
    world.update("Device.Ethernet.Interface.1.Name", "lan0");
    let now = world.now();
    let none = world.device().set_instances("Device.Ethernet.Interface.", &[], &now);
    assert_eq!(none, Ok(true));
    connection_request(&mut world);
    let inform = world.session([]).inform;
    assert!(!names(&inform).contains(&"Device.Ethernet.Interface.1.Name"));
}

#[test]
fn conn_03_ses_15_changes_during_a_session_follow_it() {
    let mut world = watched(2);
    connection_request(&mut world);
    let session = world.session_with([], |world| {
        world.update(WATCHED, "Synchronized");
        assert!(!world.wants_session());
    });
    assert_eq!(codes(&session.inform), ["6 CONNECTION REQUEST"]);
    assert_eq!(codes(&world.session([]).inform), ["4 VALUE CHANGE"]);
    assert!(!world.wants_session());
}

#[test]
fn not_04_throttle_delays_active_changes_only() {
    let mut builder = builder();
    builder.value("Device.ManagementServer.DefaultActiveNotificationThrottle", "100");
    let mut world = World::with(Arc::new(builder.build().expect("a model")));
    world.boot();
    world.session([]);
    world.notify(WATCHED, 2);
    world.pass(10);
    world.update(WATCHED, "a");
    assert!(!world.wants_session());
    assert_eq!(world.wait(), 90);
    world.session([]);
    world.update(WATCHED, "b");
    connection_request(&mut world);
    assert!(world.wants_session(), "another reason is not delayed");
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["4 VALUE CHANGE", "6 CONNECTION REQUEST"]);
    assert_eq!(world.endpoint.poll_timeout(), None);
}

#[test]
fn cr_07_to_09_connection_requests() {
    let mut world = World::settled();
    connection_request(&mut world);
    connection_request(&mut world);
    assert!(world.wants_session());
    let session = world.session_with([], |world| {
        connection_request(world);
        connection_request(world);
    });
    assert_eq!(codes(&session.inform), ["6 CONNECTION REQUEST"], "CR-08");
    assert_eq!(codes(&world.session([]).inform), ["6 CONNECTION REQUEST"], "CR-09: one more");
    assert!(!world.wants_session());
}

#[test]
fn conn_06_nothing_happens_while_cwmp_is_off() {
    let mut builder = builder();
    builder.parameter(
        "Device.ManagementServer.EnableCWMP",
        ParameterSpec::boolean().writable().value("true"),
    );
    let mut world = World::with(Arc::new(builder.build().expect("a model")));
    world.boot();
    world.session([]);
    world.update("Device.ManagementServer.EnableCWMP", "false");
    let now = world.now();
    assert!(!world.device().handle_connection_request(&now));
    world.update("Device.DeviceInfo.SoftwareVersion", "2.0");
    assert!(!world.wants_session());
    assert_eq!(world.endpoint.poll_timeout(), None);
    world.update("Device.ManagementServer.EnableCWMP", "true");
    assert!(world.wants_session());
}

#[test]
fn conn_07_periodic_informs_by_a_local_phase() {
    let mut world = periodic(60);
    let first = world.wait();
    assert!((1..=60).contains(&first), "{first}");
    for _ in 0..3 {
        assert_eq!(codes(&world.session([]).inform), ["2 PERIODIC"]);
        assert_eq!(world.wait(), 60);
    }
}

#[test]
fn conn_07_a_fleet_that_boots_together_does_not_call_together() {
    let mut waits = Vec::new();
    for part in 0..8_u64 {
        let mut builder = builder();
        builder.value("Device.ManagementServer.PeriodicInformEnable", "true");
        builder.value("Device.ManagementServer.PeriodicInformInterval", "800");
        let mut world = World::with(Arc::new(builder.build().expect("a model")));
        world.entropy = part << 61;
        world.boot();
        world.session([]);
        waits.push(world.wait());
    }
    assert_eq!(waits, [800, 700, 600, 500, 400, 300, 200, 100]);
}

#[test]
fn conn_07_periodic_informs_by_absolute_time() {
    let mut world = World::new();
    world.boot_second = Some(1_700_000_000);
    world.boot();
    world.session([]);
    world.execute(set([
        (
            "Device.ManagementServer.PeriodicInformTime",
            Value::new(drover_cwmp::ValueType::DateTime, "2030-01-01T00:00:10Z"),
        ),
        ("Device.ManagementServer.PeriodicInformInterval", Value::unsigned_int(3600)),
        ("Device.ManagementServer.PeriodicInformEnable", Value::boolean(true)),
    ]));
    // 22:13:20 → 23:00:10
    assert_eq!(world.wait(), 46 * 60 + 50);
    world.session([]);
    assert_eq!(world.wait(), 3600);
    world.session([]);
    // The clock is put forward by ten minutes.
    world.boot_second = Some(1_700_000_600);
    world.pass(0);
    assert_eq!(world.wait(), 3000);
}

#[test]
fn conn_07_a_clock_that_runs_slow_brings_no_second_inform() {
    let mut world = World::new();
    world.boot_second = Some(1_700_000_000);
    world.boot();
    world.session([]);
    world.execute(set([
        (
            "Device.ManagementServer.PeriodicInformTime",
            Value::new(drover_cwmp::ValueType::DateTime, "2030-01-01T00:00:00Z"),
        ),
        ("Device.ManagementServer.PeriodicInformInterval", Value::unsigned_int(600)),
        ("Device.ManagementServer.PeriodicInformEnable", Value::boolean(true)),
    ]));
    // It is 22:13:20; the wall clock loses a second until 22:20.
    let due = world.endpoint.poll_timeout().expect("a periodic");
    assert_eq!(due.as_secs(), 400);
    world.boot_second = Some(1_700_000_000 - 1);
    world.pass(400);
    assert_eq!(codes(&world.session([]).inform), ["2 PERIODIC"]);
    assert_eq!(world.wait(), 601);
}

#[test]
fn conn_07_changes_take_effect_at_once() {
    let mut world = periodic(3600);
    world.set("Device.ManagementServer.PeriodicInformInterval", Value::unsigned_int(5));
    assert!(world.wait() <= 5);
    world.session([]);
    world.set("Device.ManagementServer.PeriodicInformEnable", Value::boolean(false));
    assert_eq!(world.endpoint.poll_timeout(), None);
}

#[test]
fn conn_08_a_periodic_due_in_a_session_follows_it() {
    let mut world = periodic(60);
    connection_request(&mut world);
    let session = world.session_with([], |world| world.pass(60));
    assert_eq!(codes(&session.inform), ["6 CONNECTION REQUEST"]);
    assert!(world.wants_session());
    assert_eq!(codes(&world.session([]).inform), ["2 PERIODIC"]);
}

#[test]
fn missed_periods_are_one_event() {
    let mut world = periodic(60);
    world.pass(1000);
    assert_eq!(codes(&world.session([]).inform), ["2 PERIODIC"]);
    assert!(!world.wants_session());
    assert!(world.wait() <= 60);
}

#[test]
fn retry_01_to_04_waits_and_counts() {
    let mut world = World::new();
    world.boot();
    for (count, wait) in [(0, 5), (1, 10), (2, 20), (3, 40)] {
        let inform = world.lost_session();
        assert_eq!(inform.retry_count, count);
        assert_eq!(codes(&inform), ["0 BOOTSTRAP", "1 BOOT"], "RETRY-08");
        assert!(!world.wants_session());
        assert_eq!(world.wait(), wait);
    }
    assert_eq!(world.session([]).inform.retry_count, 4);
    connection_request(&mut world);
    assert_eq!(world.session([]).inform.retry_count, 0, "SES-20");
}

#[test]
fn retry_02_06_the_policy_is_the_acs_s() {
    let mut world = World::settled();
    world.execute(set([
        ("Device.ManagementServer.CWMPRetryMinimumWaitInterval", Value::unsigned_int(7)),
        ("Device.ManagementServer.CWMPRetryIntervalMultiplier", Value::unsigned_int(3000)),
    ]));
    world.update("Device.DeviceInfo.SoftwareVersion", "2.0");
    world.lost_session();
    assert_eq!(world.wait(), 7);
    world.lost_session();
    assert_eq!(world.wait(), 21);
}

#[test]
fn retry_01_a_new_event_ends_the_wait_but_not_the_same_again() {
    let mut world = World::settled();
    world.update("Device.DeviceInfo.SoftwareVersion", "2.0");
    world.lost_session();
    world.update("Device.DeviceInfo.SoftwareVersion", "3.0");
    assert!(!world.wants_session(), "the change waits already");
    connection_request(&mut world);
    assert!(world.wants_session());
    let inform = world.lost_session();
    assert_eq!(inform.retry_count, 1, "still counted");
    assert_eq!(codes(&inform), ["4 VALUE CHANGE", "6 CONNECTION REQUEST"]);
    assert_eq!(world.wait(), 10);
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["4 VALUE CHANGE"], "CR-16: event 6 is not retried");
    world.update("Device.DeviceInfo.SoftwareVersion", "4.0");
    assert!(world.wants_session(), "delivered, so the next change is news again");
}

#[test]
fn cr_16_a_failed_connection_request_alone_is_not_retried() {
    let mut world = World::settled();
    connection_request(&mut world);
    world.lost_session();
    assert_eq!(world.endpoint.poll_timeout(), None, "INF-07");
    connection_request(&mut world);
    assert_eq!(world.session([]).inform.retry_count, 1, "RETRY-04");
}

#[test]
fn retry_05_ses_21_what_was_delivered_is_not_sent_again() {
    let mut world = World::settled();
    world.update("Device.DeviceInfo.SoftwareVersion", "2.0");
    world.start();
    let next = world.respond(&envelope(InformResponse { max_envelopes: 1 }));
    assert!(matches!(next, Next::Post(_)));
    world.update("Device.DeviceInfo.SoftwareVersion", "3.0");
    let now = world.now();
    let Next::Ended(ended) = world.endpoint.handle_lost(&now, 0) else { panic!("not ended") };
    assert!(matches!(ended.outcome, Outcome::Lost));
    let inform = world.session([]).inform;
    assert_eq!((codes(&inform), inform.retry_count), (vec!["4 VALUE CHANGE"], 1));
    assert!(!world.wants_session());
}

#[test]
fn retry_05_http_errors_and_rubbish_are_failures() {
    let mut world = World::new();
    world.boot();
    for (count, status) in [(1, 503), (2, 404), (3, 401)] {
        world.refused_session(status);
        assert_eq!(world.device().retry_count(), count, "{status}");
        world.wait();
    }
    world.start();
    assert!(matches!(world.respond("<not xml"), Next::Ended(_)));
    assert_eq!(world.device().retry_count(), 4);
}

#[test]
fn neg_07_older_envelopes_for_an_acs_that_knows_no_newer() {
    let mut world = World::new();
    world.boot();
    let mut offered = Vec::new();
    for _ in 0..4 {
        offered.push(world.refused_session(400).namespace);
        world.wait();
    }
    use CwmpNamespace::{V1_0, V1_1, V1_2};
    assert_eq!(offered, [V1_2, V1_1, V1_0, V1_2]);
}

#[test]
fn what_is_watched() {
    let mut world = watched(1);
    world.notify("Device.ManagementServer.ConnectionRequestURL", 0);
    let watched = world.device().watched();
    assert!(watched.iter().any(|path| path == WATCHED));
    assert!(watched.iter().any(|path| path == "Device.DeviceInfo.SoftwareVersion"));
    assert!(watched.iter().any(|path| path == CONNECTION_REQUEST_URL), "in every Inform");
    assert!(!watched.iter().any(|path| path == "Device.DeviceInfo.UpTime"));
    let mut builder = builder();
    builder.parameter("Device.GatewayInfo.SerialNumber", ParameterSpec::string());
    let mut world = World::with(Arc::new(builder.build().expect("a model")));
    let watched = world.device().watched();
    assert!(watched.iter().any(|path| path == "Device.GatewayInfo.SerialNumber"), "FIP-03");
}

#[test]
fn len_07_values_without_type_are_what_the_model_says() {
    let mut world = World::settled();
    connection_request(&mut world);
    world.start();
    world.respond(&envelope(InformResponse { max_envelopes: 1 }));
    let body = envelope(set([
        ("Device.Time.Enable", Value::string("1")),
        ("Device.Time.Mode", Value::string("Server")),
    ]));
    let typed = body.clone();
    let untyped = body.replace(" xsi:type=\"xsd:string\"", "");
    assert_ne!(typed, untyped);
    for (body, expected) in [(typed, "false"), (untyped, "true")] {
        assert!(matches!(world.respond(&body), Next::Execute));
        let now = world.now();
        world.endpoint.execute(&now).expect("a request waits");
        assert_eq!(world.value("Device.Time.Enable"), expected);
    }
}

#[test]
fn without_a_usable_url_there_is_no_session() {
    let mut world = World::new();
    let now = world.now();
    assert_eq!(world.device().set_factory_value(URL, ""), Ok(()));
    world.boot();
    assert!(!world.wants_session());
    assert_eq!(world.endpoint.poll_timeout(), None);
    let started = world.endpoint.start_session(&now, [0; 16], &SessionSettings::default());
    assert!(started.expect_err("no URL").to_string().contains("URL"));
    world.update(URL, ACS);
    assert_eq!(codes(&world.session([]).inform), ["0 BOOTSTRAP", "1 BOOT"]);
}

#[test]
fn a_shell_that_calls_out_of_turn_is_told() {
    let mut world = World::new();
    let now = world.now();
    let settings = SessionSettings::default();
    let start = |world: &mut World| {
        let started = world.endpoint.start_session(&now, [0; 16], &settings);
        started.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(start(&mut world).contains("handle_boot"));
    world.boot();
    assert_eq!(start(&mut world), "");
    assert!(start(&mut world).contains("only one"), "SES-03");
    assert!(world.endpoint.execute(&now).is_none());
    assert!(matches!(world.respond(""), Next::Ended(_)));
    assert!(matches!(world.respond(""), Next::Ended(_)), "a response that nobody asked for");
}
