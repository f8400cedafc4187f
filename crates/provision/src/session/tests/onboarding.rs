//! How a device gets credentials of its own (`AUTH-08`, `AUTH-09`).

use std::net::IpAddr;

use drover_cwmp::Value;
use drover_cwmp::auth::{Credentials, Secret};
use drover_cwmp::message::Message;

use crate::authentication::{Admitted, Decision, Proof};
use crate::harness::*;
use crate::*;

const BOOTSTRAP: &[(&str, &str)] = &[("0 BOOTSTRAP", ""), ("1 BOOT", "")];
const PERIODIC: &[(&str, &str)] = &[("2 PERIODIC", "")];
const USERNAME: &str = "Device.ManagementServer.Username";
const PASSWORD: &str = "Device.ManagementServer.Password";

fn address() -> IpAddr {
    "192.0.2.1".parse().unwrap()
}

fn own(password: &str) -> Credentials {
    Credentials::new("00D09E-Box-1", Secret::new(password))
}

fn setup() -> (Server, Device) {
    let mut device = Device::new(&[(USERNAME, Value::string("")), (PASSWORD, Value::string(""))]);
    device.hidden = [PASSWORD.to_owned()].into();
    (Server::new(), device)
}

fn visit(server: &mut Server, device: &mut Device, events: &[(&str, &str)], decision: Decision) {
    server.shelf.admitted = Some(Admitted { decision, address: address() });
    device.log.clear();
    server.visit(events, device);
}

/// What the device was asked to set.
fn set(device: &Device) -> Vec<(String, String)> {
    let sets = device.log.iter().filter_map(|message| match message {
        Message::SetParameterValues(set) => Some(&set.parameter_list),
        _ => None,
    });
    sets.flatten().map(|it| (it.name.clone(), it.value.text.clone())).collect()
}

#[test]
fn auth_09_a_new_device_gets_its_own_credentials_before_all_else() {
    let (mut server, mut device) = setup();
    visit(&mut server, &mut device, BOOTSTRAP, Decision::Onboard(own("0123")));
    let expected = [(USERNAME, "00D09E-Box-1"), (PASSWORD, "0123")];
    assert_eq!(set(&device), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(server.shelf.credentials.next, Some(own("0123")));
    assert_eq!(server.shelf.credentials.home, Some(address()));
    visit(&mut server, &mut device, PERIODIC, Decision::Accept(Proof::Next));
    assert_eq!(set(&device), []);
    assert_eq!(server.shelf.credentials.current, Some(own("0123")));
    assert_eq!(server.shelf.credentials.next, None);
    assert!(server.record().parameters[PASSWORD].value.as_ref().unwrap().value.text.is_empty());
}

#[test]
fn a_device_that_refuses_keeps_what_it_had() {
    let (mut server, mut device) = setup();
    device.tree.get_mut(PASSWORD).unwrap().1 = false;
    visit(&mut server, &mut device, BOOTSTRAP, Decision::Onboard(own("0123")));
    assert_eq!(set(&device).len(), 2);
    let known = &server.shelf.credentials;
    assert_eq!((&known.current, &known.next), (&None, &None));
}

#[test]
fn a_task_that_sets_the_password_is_known_before_the_device_has_it() {
    let (mut server, mut device) = setup();
    server.shelf.credentials.current = Some(own("old"));
    let value = SetValue {
        name: PASSWORD.to_owned(),
        value: NewValue::Text("new".to_owned()),
        value_type: None,
    };
    let task = TaskKind::SetParameterValues { values: vec![value] };
    server.visit(BOOTSTRAP, &mut device);
    let _ = server.add_task(task);
    visit(&mut server, &mut device, PERIODIC, Decision::Accept(Proof::Own));
    assert_eq!(server.shelf.credentials.current, Some(own("old")));
    assert_eq!(server.shelf.credentials.next, Some(own("new")));
}
