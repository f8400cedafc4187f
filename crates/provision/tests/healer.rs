//! What a device refuses to set is found and set aside, and the rest arrives.

#![allow(clippy::disallowed_methods, reason = "the environment says how long to search")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::Device;
use drover_provision::engine::{
    Config, Guilt, Healed, Next, Provision, Provisioning, Reason, Request, Scalar, Timed, Tree,
    TypedValue, path_of,
};
use drover_provision::script::{Engine, Fault, Script};
use proptest::prelude::*;

const SESSION: i64 = 1_700_000_000_000;

/// What a device refuses, and how it says so.
#[derive(Debug, Clone)]
struct Refuses {
    paths: BTreeMap<String, u16>,
    /// Whether it names what is bad (`SPV-06`); else it has only this code.
    code: Option<u16>,
}

struct Ran {
    /// How many values each SetParameterValues had.
    sets: Vec<usize>,
    fault: Option<Fault>,
    healed: Vec<Healed>,
    reasons: Vec<(String, Reason)>,
    device: Device,
}

fn path(number: usize) -> String {
    format!("Device.A.{}.P{number}", number % 3 + 1)
}

/// Sets this many parameters to `new`.
fn run(count: usize, refuses: &Refuses, guilty: BTreeSet<Guilt>, heals: bool) -> Ran {
    let mut device = Device::default();
    let mut tree = Tree::default();
    let mut source = String::new();
    let time = SESSION - 1000;
    for number in 0..count {
        let path = path(number);
        let value = (Scalar::Text("old".into()), "xsd:string".to_owned());
        device.parameters.insert(path.clone(), (true, Some(value)));
        source += &format!("declare('{path}', null, {{value: 'new'}});\n");
        tree.change(&path_of(&path), time, |known| {
            known.object = Some(Timed { time, value: false });
            known.writable = Some(Timed { time, value: true });
            let value =
                TypedValue { scalar: Scalar::Text("old".into()), value_type: "xsd:string".into() };
            known.value = Some(Timed { time, value });
        });
    }
    for object in ["", "Device", "Device.A", "Device.A.1", "Device.A.2", "Device.A.3"] {
        tree.mark_listed(&path_of(object), time);
        device.parameters.insert(format!("{object}."), (false, None));
    }
    let script = Script::compile("p", &source).unwrap();
    let scripts = BTreeMap::from([("p".to_owned(), Arc::new(script))]);
    let config = Config { scripts, heals, guilty, ..Config::new(SESSION) };
    let provision = Provision { name: "p".to_owned(), arguments: Vec::new() };
    let mut provisioning = Provisioning::new(Arc::new(config), "d", tree, &[provision]);
    let mut engine = Engine::new().unwrap();
    let mut sets = Vec::new();
    let fault = loop {
        let request = match provisioning.next(&mut engine) {
            Next::Request { request, .. } => request,
            Next::Done => break None,
            Next::Fault(fault) => break Some(fault),
            Next::Extensions(calls) => panic!("{calls:?}"),
        };
        if let Request::SetParameterValues { values } = &request {
            sets.push(values.len());
            let bad = values.iter().filter_map(|(path, ..)| {
                let code = refuses.paths.get(path)?;
                Some((path.clone(), *code, "bad".to_owned()))
            });
            let bad: Vec<_> = bad.collect();
            if !bad.is_empty() {
                match refuses.code {
                    Some(code) => provisioning.refused(code, "refused"),
                    None => provisioning.refused_values(9003, "refused", &bad),
                }
                continue;
            }
        }
        match device.answer(&request) {
            Ok(response) => provisioning.take(response),
            Err(code) => provisioning.refused(code, "refused"),
        }
    };
    let healed = provisioning.healed().to_vec();
    let reasons = provisioning.nothing().map(|it| (it.path.clone(), it.reason)).collect();
    Ran { sets, fault, healed, reasons, device }
}

fn refuses(numbers: &[usize], code: u16, is_named: bool) -> Refuses {
    let paths = numbers.iter().map(|number| (path(*number), code)).collect();
    Refuses { paths, code: (!is_named).then_some(code) }
}

#[test]
fn spv_06_what_is_named_is_left_out_at_once() {
    let ran = run(10, &refuses(&[3, 7], 9007, true), BTreeSet::new(), true);
    assert_eq!((ran.fault, ran.sets), (None, vec![10, 8]));
    let healed: Vec<(&str, u16, &str)> =
        ran.healed.iter().map(|it| (it.path.as_str(), it.code, it.message.as_str())).collect();
    assert_eq!(healed, [("Device.A.1.P3", 9007, "bad"), ("Device.A.2.P7", 9007, "bad")]);
    let reason = ("Device.A.1.P3".to_owned(), Reason::Refused(9007));
    assert!(ran.reasons.contains(&reason), "{:?}", ran.reasons);
}

#[test]
fn what_is_not_named_is_found_by_halving() {
    let ran = run(16, &refuses(&[5], 9002, false), BTreeSet::new(), true);
    assert_eq!(ran.fault, None);
    assert_eq!(ran.sets, [16, 8, 4, 2, 1, 1, 2, 8]);
    assert_eq!(ran.healed.len(), 1);
    assert_eq!((&*ran.healed[0].path, ran.healed[0].code), ("Device.A.3.P5", 9002));
    // Where the first half is good, the other is not sent as a whole again.
    let ran = run(16, &refuses(&[15], 9002, false), BTreeSet::new(), true);
    assert_eq!(ran.sets, [16, 8, 4, 2, 1, 1]);
}

#[test]
fn what_is_known_is_not_sent_again() {
    let refuses = refuses(&[3, 7], 9002, false);
    let first = run(10, &refuses, BTreeSet::new(), true);
    let guilty: BTreeSet<Guilt> = first.healed.iter().map(|it| it.guilt.clone()).collect();
    assert_eq!(guilty.len(), 2);
    let second = run(10, &refuses, guilty.clone(), true);
    assert_eq!((second.fault, second.sets, second.healed), (None, vec![8], Vec::new()));
    let reason = ("Device.A.1.P3".to_owned(), Reason::Refused(9002));
    assert!(second.reasons.contains(&reason), "{:?}", second.reasons);
    // Where nothing is healed, it is sent as GenieACS does.
    let third = run(10, &refuses, guilty, false);
    assert_eq!((third.fault.unwrap().code.as_str(), third.sets), ("cwmp.9002", vec![10]));
}

#[test]
fn a_path_that_the_device_does_not_know_is_looked_for_first() {
    // It is there when looked for, and refused again.
    let ran = run(4, &refuses(&[2], 9005, true), BTreeSet::new(), true);
    assert_eq!((ran.fault, ran.sets), (None, vec![4, 3, 1]));
    assert_eq!(ran.healed[0].guilt.value, None);
}

#[test]
fn what_is_no_matter_of_values_stays_a_fault() {
    let ran = run(4, &refuses(&[2], 9000, false), BTreeSet::new(), true);
    assert_eq!((ran.fault.unwrap().code.as_str(), ran.sets), ("cwmp.9000", vec![4]));
}

#[test]
fn the_search_has_an_end() {
    // Every second of many: more requests than are worth it.
    let numbers: Vec<usize> = (0..200).step_by(2).collect();
    let ran = run(200, &refuses(&numbers, 9002, false), BTreeSet::new(), true);
    assert_eq!(ran.fault.unwrap().code, "cwmp.9002");
    assert!(ran.sets.len() <= 140, "{}", ran.sets.len());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("DROVER_SOAK").is_some() { 5_000 } else { 60 },
        ..ProptestConfig::default()
    })]

    /// Whatever a device refuses, the rest is set, the bad ones are named, and it takes no more
    /// requests than `1 + 2 g log2 n`, or two when the device names them.
    #[test]
    fn the_rest_arrives(
        count in 1usize..=32,
        bad in prop::collection::btree_set(0usize..32, 0..6),
        is_named in any::<bool>(),
        code in prop::sample::select(vec![9001u16, 9002, 9003, 9006, 9007, 9008]),
    ) {
        let bad: Vec<usize> = bad.into_iter().filter(|number| *number < count).collect();
        let refuses = refuses(&bad, code, is_named);
        let ran = run(count, &refuses, BTreeSet::new(), true);
        prop_assert_eq!(ran.fault, None);
        let healed: BTreeSet<&str> = ran.healed.iter().map(|it| it.path.as_str()).collect();
        prop_assert_eq!(&healed, &refuses.paths.keys().map(String::as_str).collect());
        prop_assert_eq!(healed.len(), ran.healed.len());
        for number in 0..count {
            let (_, value) = &ran.device.parameters[&path(number)];
            let expected = if bad.contains(&number) { "old" } else { "new" };
            prop_assert_eq!(&value.as_ref().unwrap().0, &Scalar::Text(expected.into()));
        }
        let depth = count.next_power_of_two().trailing_zeros() as usize;
        let bound = if is_named { 2 } else { 1 + 2 * bad.len() * depth };
        prop_assert!(ran.sets.len() <= bound.max(1), "{:?} {bound}", ran.sets);
    }
}
