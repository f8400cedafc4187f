//! Sessions while the server's clock jumps an hour back and forth.

use drover_cwmp::Value;
use drover_cwmp::message::Message;
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::harness::*;
use crate::rules::ResourceKind::{Preset, Provision};
use crate::*;

const PERIODIC: &[(&str, &str)] = &[("2 PERIODIC", "")];
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const SSID: &str = "Device.WiFi.SSID.1.SSID";
const UPTIME: &str = "Device.DeviceInfo.UpTime";

fn wifi() -> Device {
    Device::new(&[
        (SSID, Value::string("factory")),
        (UPTIME, Value::unsigned_int(7)),
        ("Device.DeviceInfo.SoftwareVersion", Value::string("1.0")),
    ])
}

/// A server whose rules read each five minutes, set, schedule by the hour, and fail.
fn ruled() -> Server {
    let mut server = Server::new();
    let preset = |provision: &str, more: &str| {
        format!(
            r#"{{"channel": "{provision}", {more}
                "configurations": [{{"type": "provision", "name": "{provision}"}}]}}"#
        )
    };
    let read = format!("declare('{UPTIME}', {{value: Date.now(300000)}});");
    let set = format!("declare('{SSID}', {{value: Date.now(300000)}}, {{value: 'home'}});");
    server.rule(&[
        (Preset, "read", &preset("read", "")),
        (Preset, "set", &preset("set", "")),
        (Preset, "hourly", &preset("hourly", r#""schedule": "1800 0 * * * *","#)),
        (Preset, "bad", &preset("bad", "")),
        (Provision, "read", &read),
        (Provision, "set", &set),
        (Provision, "hourly", "declare('Tags.hourly', null, {value: true});"),
        (Provision, "bad", "null.x;"),
    ]);
    server
}

fn asked(device: &mut Device, path: &str) -> usize {
    let asks = |message: &Message| match message {
        Message::GetParameterValues(get) => {
            get.parameter_names.iter().any(|name| path.starts_with(name.as_str()))
        }
        _ => false,
    };
    std::mem::take(&mut device.log).iter().filter(|message| asks(message)).count()
}

#[test]
fn a_task_does_not_wait_for_a_clock_that_was_ahead() {
    let (mut server, mut device) = (Server::new(), wifi());
    server.visit(PERIODIC, &mut device);
    server.now += HOUR;
    let set = TaskKind::RefreshObject { path: SSID.to_owned() };
    let id = server.add_task(set);
    server.now -= HOUR;
    server.visit(PERIODIC, &mut device);
    assert!(matches!(server.state(&id), TaskState::Done(_)));
    assert!(asked(&mut device, SSID) > 0);
}

#[test]
fn a_task_that_expires_while_the_clock_goes_ahead_is_removed() {
    let (mut server, mut device) = (Server::new(), wifi());
    server.visit(PERIODIC, &mut device);
    let expires = server.add_task(TaskKind::RefreshObject { path: SSID.to_owned() });
    server.shelf.tasks.get_mut(&expires).unwrap().expiry = Some(server.now + MINUTE);
    let stays = server.add_task(TaskKind::RefreshObject { path: UPTIME.to_owned() });
    server.now += HOUR;
    device.log.clear();
    server.visit(PERIODIC, &mut device);
    assert!(!server.shelf.tasks.contains_key(&expires));
    assert!(matches!(server.state(&stays), TaskState::Done(_)));
}

#[test]
fn values_of_a_clock_that_was_ahead_are_read_again_when_it_is_caught_up_with() {
    let (mut server, mut device) = (ruled(), wifi());
    server.now += HOUR;
    server.visit(PERIODIC, &mut device);
    assert!(asked(&mut device, UPTIME) > 0);
    server.now -= HOUR;
    let mut reads = Vec::new();
    for minute in 0..75 {
        server.visit(PERIODIC, &mut device);
        server.now += MINUTE;
        if asked(&mut device, UPTIME) > 0 {
            reads.push(minute);
        }
    }
    // No sooner than the clock says, and in its rhythm from then on.
    let (first, last) = (reads[0], reads[reads.len() - 1]);
    assert!((55..=66).contains(&first), "{reads:?}");
    assert!(last - first >= 5 && reads.len() <= 5, "{reads:?}");
}

#[test]
fn what_is_read_once_in_a_while_is_read_once_when_the_clock_goes_ahead() {
    let (mut server, mut device) = (ruled(), wifi());
    server.visit(PERIODIC, &mut device);
    server.now += HOUR;
    let reads: Vec<usize> = (0..3)
        .map(|_| {
            device.log.clear();
            server.visit(PERIODIC, &mut device);
            asked(&mut device, UPTIME)
        })
        .collect();
    assert_eq!(reads, [1, 0, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// Wherever the clock jumps within sessions and between them, each ends well, tasks are done,
    /// nothing is asked without end, and the device is as the rules want it.
    #[test]
    fn sessions_go_on_while_the_clock_jumps(
        wrong in prop::collection::vec(
            prop_oneof![3 => Just(0_i64), 1 => Just(-3_600), 1 => Just(3_600)], 60,
        ),
    ) {
        let (mut server, mut device) = (ruled(), wifi());
        let jumps = wrong.windows(2).map(|pair| SignedDuration::from_secs(pair[1] - pair[0]));
        server.jumps = jumps.collect();
        for _ in 0..6 {
            let id = server.add_task(TaskKind::RefreshObject { path: "Device.".to_owned() });
            device.log.clear();
            server.visit(PERIODIC, &mut device);
            prop_assert!(device.log.len() < 12, "{:?}", device.log);
            prop_assert!(matches!(server.state(&id), TaskState::Done(_)));
        }
        prop_assert_eq!(&device.tree[SSID].0, &Value::string("home"));
        prop_assert_eq!(server.shelf.faults.keys().collect::<Vec<_>>(), ["bad"]);
        // When all times that it ever told are over, nothing is stuck.
        server.jumps.clear();
        device.tree.insert(SSID.to_owned(), (Value::string("changed"), true));
        server.now += HOUR + HOUR + MINUTE * 10;
        server.visit(PERIODIC, &mut device);
        prop_assert_eq!(&device.tree[SSID].0, &Value::string("home"));
    }
}
