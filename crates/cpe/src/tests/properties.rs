//! Properties of random trees and random requests.

use std::collections::BTreeSet;

use drover_cwmp::ValueType;
use drover_cwmp::message::{ParameterValueStruct, SetParameterValues};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Parts of a tree: paths below `Device.` with tables in them.
fn paths() -> impl Strategy<Value = Vec<String>> {
    let object = prop_oneof![Just("A."), Just("B."), Just("T.{i}."), Just("U.{i}.")];
    let path = (vec(object, 0..4), 0..4_u8)
        .prop_map(|(objects, name)| format!("Device.{}P{name}", objects.concat()));
    vec(path, 1..24)
}

fn tree(paths: &[String]) -> Arc<Model> {
    let mut builder = ModelBuilder::new("Device");
    builder.standard().value(URL, ACS);
    for (index, path) in paths.iter().enumerate() {
        for (start, _) in path.match_indices("{i}.") {
            builder.table(&path[..start + 4], TableSpec::writable().rows_max(3));
        }
        let spec = match index % 3 {
            0 => ParameterSpec::string().writable(),
            1 => ParameterSpec::boolean().writable(),
            _ => ParameterSpec::int().range(0..=9).value("1").writable(),
        };
        builder.parameter(path, spec);
    }
    Arc::new(builder.build().expect("a model"))
}

/// Adds a row to every table there is, several times.
fn grow(world: &mut World, choices: &[usize]) {
    for choice in choices {
        let tables: Vec<String> = all_names(world)
            .into_iter()
            .filter(|(name, writable)| {
                let is_row = name.trim_end_matches('.').ends_with(|c: char| c.is_ascii_digit());
                *writable && name.ends_with('.') && !is_row
            })
            .map(|(name, _)| name)
            .collect();
        if let Some(table) = tables.get(choice % tables.len().max(1)) {
            world.execute(add(table));
        }
    }
}

fn all_names(world: &mut World) -> Vec<(String, bool)> {
    match world.execute(list_names("", false)) {
        Message::GetParameterNamesResponse(response) => {
            response.parameter_list.into_iter().map(|info| (info.name, info.writable)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn all_values(world: &mut World) -> Vec<ParameterValueStruct> {
    match world.execute(get([""])) {
        Message::GetParameterValuesResponse(response) => response.parameter_list,
        other => panic!("{other:?}"),
    }
}

fn booted(paths: &[String]) -> World {
    let mut world = World::with(tree(paths));
    world.boot();
    world
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::boolean),
        (-3..12_i32).prop_map(Value::int),
        "[a-z<&]{0,6}".prop_map(Value::string),
        Just(Value::new(ValueType::Boolean, "TRUE")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn names_list_exactly_what_values_reads(
        paths in paths(),
        growth in vec(any::<usize>(), 0..12),
    ) {
        let mut world = booted(&paths);
        grow(&mut world, &growth);
        let names = all_names(&mut world);
        let unique: BTreeSet<&String> = names.iter().map(|(name, _)| name).collect();
        prop_assert_eq!(unique.len(), names.len());
        let parameters = names.iter().map(|(name, _)| name).filter(|name| !name.ends_with('.'));
        let parameters: Vec<String> = parameters.cloned().collect();
        let read: Vec<String> =
            all_values(&mut world).into_iter().map(|parameter| parameter.name).collect();
        prop_assert_eq!(&parameters, &read);
        // Level by level gives the same as all at once.
        let mut walked = Vec::new();
        let mut open = vec![String::new()];
        while let Some(path) = open.pop() {
            let Message::GetParameterNamesResponse(next) = world.execute(list_names(&path, true))
            else { panic!("no response") };
            for info in next.parameter_list {
                if info.name.ends_with('.') {
                    open.push(info.name.clone());
                }
                walked.push((info.name, info.writable));
            }
        }
        walked.sort();
        let mut names = names;
        names.sort();
        prop_assert_eq!(walked, names);
        // And each name is one that can be asked for.
        for name in parameters {
            prop_assert!(matches!(
                world.execute(get([&name])),
                Message::GetParameterValuesResponse(response) if response.parameter_list.len() == 1
            ));
        }
    }

    #[test]
    fn setting_is_all_or_nothing(
        paths in paths(),
        growth in vec(any::<usize>(), 0..8),
        choices in vec((any::<usize>(), values()), 1..6),
        break_it in any::<bool>(),
    ) {
        let mut world = booted(&paths);
        grow(&mut world, &growth);
        let before = all_values(&mut world);
        let snapshot = world.endpoint.device().snapshot(&world.now());
        let mut list: Vec<ParameterValueStruct> = choices
            .into_iter()
            .map(|(choice, value)| {
                let name = before[choice % before.len()].name.clone();
                ParameterValueStruct { name, value }
            })
            .collect();
        if break_it {
            list.push(ParameterValueStruct {
                name: "Device.Nothing".to_owned(),
                value: Value::int(1),
            });
        }
        let request =
            SetParameterValues { parameter_list: list.clone(), parameter_key: "k".to_owned() };
        match world.execute(request) {
            Message::Fault(fault) => {
                prop_assert_eq!(fault.fault_code.0, 9003);
                prop_assert_eq!(all_values(&mut world), before);
                prop_assert_eq!(world.endpoint.device().snapshot(&world.now()), snapshot);
            }
            _ => {
                prop_assert!(!break_it);
                for ParameterValueStruct { name, value } in list {
                    let read = world.endpoint.device().value(&name).expect("it exists");
                    let hidden = name.ends_with("Password");
                    prop_assert!(hidden || read.means_the_same(&value), "{} {:?}", name, read);
                }
            }
        }
    }

    #[test]
    fn a_snapshot_brings_back_the_same_device(
        paths in paths(),
        growth in vec(any::<usize>(), 0..12),
        choices in vec((any::<usize>(), values()), 0..12),
        watched in vec((any::<usize>(), 0..=2_i32), 0..6),
    ) {
        let mut world = booted(&paths);
        grow(&mut world, &growth);
        let names: Vec<String> =
            all_values(&mut world).into_iter().map(|parameter| parameter.name).collect();
        for (choice, value) in choices {
            world.execute(set([(names[choice % names.len()].as_str(), value)]));
        }
        for (choice, notification) in watched {
            world.execute(notify(&names[choice % names.len()], notification));
        }
        let now = world.now();
        let state = world.device().snapshot(&now);
        let mut copy = World::with(Arc::clone(world.device().model()));
        prop_assert_eq!(copy.device().restore(&state, &now), Ok(()));
        prop_assert_eq!(all_values(&mut copy), all_values(&mut world));
        prop_assert_eq!(all_names(&mut copy), all_names(&mut world));
        for name in names {
            prop_assert_eq!(copy.device().attributes(&name), world.device().attributes(&name));
        }
        // `1 BOOT` does not outlive the restart, and so comes last in both.
        copy.boot();
        world.boot();
        let state = world.device().snapshot(&now);
        prop_assert_eq!(copy.device().snapshot(&now), state);
    }

    #[test]
    fn no_state_panics(bytes in vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>()) {
        let now = Clock::relative(Duration::ZERO);
        let mut device = Device::new(model(), identity("1"));
        let mut state = b"DRV\x01".to_vec();
        state.extend(&bytes);
        let _ = device.restore(&state, &now);
        // A real state with one byte changed.
        let mut world = World::settled();
        world.execute(add("Device.NAT.PortMapping."));
        world.notify("Device.Time.Status", 1);
        let mut state = world.endpoint.device().snapshot(&now);
        let index = cut.index(state.len());
        state[index] = state[index].wrapping_add(bytes.first().copied().unwrap_or(1));
        if device.restore(&state, &now).is_ok() {
            device.handle_boot(&now, 0);
            let _ = device.execute(&get([""]), &now);
        }
    }

    #[test]
    fn no_path_panics(path in "\\PC{0,40}", dotted in "([A-Za-z0-9{}\\[\\]*]{0,3}\\.){0,6}") {
        let mut world = World::settled();
        for path in [path.as_str(), dotted.as_str()] {
            world.execute(get([path]));
            world.execute(list_names(path, true));
            world.execute(set([(path, Value::int(1))]));
            world.execute(add(path));
            world.execute(delete(path));
            world.execute(notify(path, 1));
        }
    }

    #[test]
    fn no_recording_panics(rows in vec("[A-Za-z0-9.,\"\n]{0,20}", 0..20), tail in "\\PC{0,40}") {
        let text = format!("path,writable,value,type\n{}\n{tail}", rows.join("\n"));
        let _ = Model::from_csv(&text);
    }
}
