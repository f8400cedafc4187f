//! What survives a restart (sections 4.1, 13, 17.9 to 17.11).

use drover_cwmp::message::{FactoryReset, Reboot, ScheduleInform};

use super::*;
use crate::RestoreError;

impl World {
    /// Switches the device off and on: all that is left is its snapshot. `meanwhile` is what the
    /// box says before the device runs again.
    fn restart(self, meanwhile: impl FnOnce(&mut Self)) -> Self {
        let state = self.endpoint.device().snapshot(&self.now());
        let mut next = Self { boot_second: self.boot_second, ..Self::with(model()) };
        if let Some(second) = &mut next.boot_second {
            *second += self.uptime.as_secs() as i64;
        }
        let now = next.now();
        assert_eq!(next.device().restore(&state, &now), Ok(()));
        meanwhile(&mut next);
        next.boot();
        next
    }
}

#[test]
fn what_the_acs_did_is_kept() {
    let mut world = World::settled();
    world.execute(set([
        ("Device.Time.Enable", Value::boolean(true)),
        ("Device.ManagementServer.Password", Value::string("secret")),
        ("Device.ManagementServer.Username", Value::string("me")),
    ]));
    world.execute(add("Device.NAT.PortMapping."));
    world.execute(add("Device.NAT.PortMapping."));
    world.execute(delete("Device.NAT.PortMapping.2."));
    world.execute(add("Device.NAT.PortMapping.1.Client."));
    world.set("Device.NAT.PortMapping.1.Client.1.Name", Value::string("pc"));
    world.notify("Device.NAT.PortMapping.1.Client.1.Name", 2);
    world.update("Device.DeviceInfo.UpTime", "77");
    let mut world = world.restart(|_| {});
    assert_eq!(world.value("Device.Time.Enable"), "true", "SPV-11");
    assert_eq!(world.value("Device.NAT.PortMapping.1.Client.1.Name"), "pc");
    assert_eq!(world.value("Device.DeviceInfo.UpTime"), "0", "the box says so again");
    let credentials = world.device().acs_credentials().expect("kept");
    assert_eq!(credentials.password().expose(), "secret");
    let attributes = world.device().attributes("Device.NAT.PortMapping.1.Client.1.Name");
    assert_eq!(attributes.expect("known").notification, 2, "SPA-09");
    assert_eq!(codes(&world.session([]).inform), ["1 BOOT"], "EVT-09");
    world.execute(add("Device.NAT.PortMapping."));
    let rows = world.device().instances("Device.NAT.PortMapping.");
    assert_eq!(rows, Some(vec![1, 3]), "PATH-03");
}

#[test]
fn evt_11_a_change_while_the_device_was_off_is_noticed() {
    let mut world = World::new();
    world.update("Device.DeviceInfo.SoftwareVersion", "1.0.1");
    world.boot();
    world.session([]);
    let mut world = world.restart(|world| {
        world.update("Device.DeviceInfo.SoftwareVersion", "2.0");
    });
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["1 BOOT", "4 VALUE CHANGE"]);
    let mut world = world.restart(|world| {
        world.update("Device.DeviceInfo.SoftwareVersion", "2.0");
    });
    assert_eq!(codes(&world.session([]).inform), ["1 BOOT"]);
}

#[test]
fn evt_05_which_events_outlive_a_restart() {
    let mut world = World::settled();
    world.notify("Device.Time.Status", 1);
    world.update("Device.Time.Status", "x");
    let now = world.now();
    assert!(world.device().handle_connection_request(&now));
    world.device().add_event(drover_cwmp::event::EventCode::Periodic, "", &now);
    let mut world = world.restart(|_| {});
    let inform = world.session([]).inform;
    assert_eq!(codes(&inform), ["1 BOOT", "2 PERIODIC"]);
    assert!(!names(&inform).contains(&"Device.Time.Status"), "EVT-13");
}

#[test]
fn retry_03_the_count_outlives_a_restart_and_the_table_starts_anew() {
    let mut world = World::new();
    world.boot();
    for _ in 0..3 {
        world.lost_session();
        world.wait();
    }
    let mut world = world.restart(|_| {});
    assert_eq!(world.lost_session().retry_count, 3);
    assert_eq!(world.wait(), 5);
}

#[test]
fn rbt_02_a_power_failure_between_the_answer_and_the_reboot() {
    let mut world = World::settled();
    world.execute(Reboot { command_key: "job".to_owned() });
    let mut world = world.restart(|_| {});
    assert_eq!(codes(&world.session([]).inform), ["1 BOOT", "M Reboot"]);
}

#[test]
fn fr_02_a_power_failure_between_the_answer_and_the_reset() {
    let mut world = World::settled();
    world.set("Device.Time.Enable", Value::boolean(true));
    world.execute(FactoryReset {});
    let mut world = world.restart(|_| {});
    assert_eq!(world.value("Device.Time.Enable"), "false");
    assert_eq!(codes(&world.session([]).inform), ["0 BOOTSTRAP", "1 BOOT"]);
}

#[test]
fn si_03_scheduled_informs_outlive_a_restart() {
    let schedule = || ScheduleInform { delay_seconds: 100, command_key: "later".to_owned() };
    let mut world = World::settled();
    world.execute(schedule());
    world.pass(30);
    let mut world = world.restart(|_| {});
    world.session([]);
    assert_eq!(world.wait(), 70);
    assert_eq!(codes(&world.session([]).inform), ["3 SCHEDULED", "M ScheduleInform"]);
    world.boot_second = Some(1_700_000_000);
    world.execute(schedule());
    // An hour without power.
    let mut world = world.restart(|world| world.boot_second = None);
    world.session([]);
    assert_eq!(world.wait(), 100);
}

#[test]
fn si_03_absolute_time_goes_on_while_the_device_is_off() {
    let mut world = World::settled();
    world.boot_second = Some(1_700_000_000);
    world.execute(ScheduleInform { delay_seconds: 100, command_key: String::new() });
    let state = world.endpoint.device().snapshot(&world.now());
    let mut next = World::with(model());
    next.boot_second = Some(1_700_000_060);
    let now = next.now();
    assert_eq!(next.device().restore(&state, &now), Ok(()));
    next.boot();
    next.session([]);
    assert_eq!(next.wait(), 40);
}

#[test]
fn the_revision_moves_with_everything_that_is_kept() {
    let mut world = World::new();
    let now = world.now();
    let mut last = (world.device().revision(), world.device().snapshot(&now));
    let mut check = |world: &mut World, what: &str| {
        let now = world.now();
        let new = (world.device().revision(), world.device().snapshot(&now));
        assert!(new.0 != last.0 || new.1 == last.1, "{what}: written state moved unnoticed");
        last = new;
    };
    world.boot();
    check(&mut world, "boot");
    let steps: [Message; 6] = [
        set([("Device.Time.Enable", Value::boolean(true))]),
        add("Device.NAT.PortMapping."),
        delete("Device.NAT.PortMapping.1."),
        notify("Device.Time.Status", 1),
        Reboot { command_key: "x".to_owned() }.into(),
        ScheduleInform { delay_seconds: 9, command_key: "y".to_owned() }.into(),
    ];
    for step in steps {
        let what = step.to_string();
        world.execute(step);
        check(&mut world, &what);
    }
    world.update("Device.Time.Status", "x");
    check(&mut world, "passive change");
    world.lost_session();
    check(&mut world, "lost session");
    world.boot();
    check(&mut world, "second boot");
    world.session([]);
    check(&mut world, "session");
}

#[test]
fn damaged_and_newer_states_are_refused() {
    let mut world = World::settled();
    world.set("Device.Time.Enable", Value::boolean(true));
    world.execute(add("Device.NAT.PortMapping."));
    let now = world.now();
    let state = world.device().snapshot(&now);
    let restore = |bytes: &[u8]| Device::new(model(), identity("1")).restore(bytes, &now);
    assert_eq!(restore(&state), Ok(()));
    assert_eq!(restore(b""), Err(RestoreError::NotAState));
    assert_eq!(restore(b"<xml/>"), Err(RestoreError::NotAState));
    assert_eq!(restore(b"DRV\x02whatever"), Err(RestoreError::Version(2)));
    for end in 4..state.len() {
        assert!(matches!(restore(&state[..end]), Err(RestoreError::Damaged(_))), "{end}");
    }
    let longer = [&state[..], b"x"].concat();
    assert_eq!(restore(&longer), Err(RestoreError::Damaged(state.len())));
}

#[test]
fn parameters_that_a_newer_model_lacks_are_left_out() {
    let mut world = World::settled();
    world.set("Device.Time.Enable", Value::boolean(true));
    world.set("Device.Time.Offset", Value::int(3));
    let state = world.endpoint.device().snapshot(&world.now());
    let mut builder = ModelBuilder::new("Device");
    builder
        .standard()
        .value(URL, ACS)
        .parameter("Device.Time.Enable", ParameterSpec::string().writable());
    let model = Arc::new(builder.build().expect("a model"));
    let mut world = World::with(model);
    let now = world.now();
    assert_eq!(world.device().restore(&state, &now), Ok(()));
    assert_eq!(world.value("Device.Time.Enable"), "true");
    assert_eq!(world.device().value("Device.Time.Offset"), None);
}
