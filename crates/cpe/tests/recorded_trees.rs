//! Trees of real devices, as models.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "reads recordings")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use drover_cpe::{Clock, Device, Endpoint, Identity, Model, SessionSettings};
use drover_cwmp::Message;
use drover_cwmp::message::{GetParameterNames, GetParameterValues};
use drover_datamodel::shipped;
use drover_datamodel::tree::RecordedTree;

/// The recordings; `None` with a word about it where they are not at hand.
fn recordings() -> Option<Vec<PathBuf>> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("DROVER_SHARED").map_or(default, PathBuf::from);
    let folder = shared.join("devices");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no recorded trees in {}; set DROVER_SHARED", folder.display());
        return None;
    };
    let paths = entries.map(|entry| entry.expect("a folder entry").path());
    let trees: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|kind| kind == "csv")).collect();
    assert!(!trees.is_empty(), "no trees in {}", folder.display());
    Some(trees)
}

fn answer(device: &mut Device, request: impl Into<Message>, now: &Clock) -> Message {
    let answer = device.execute(&request.into(), now).answer;
    answer.check().expect("the answer keeps to the standard");
    answer
}

/// Each tree as it was recorded, and with the facts of the newest model of its root.
fn models(text: &str) -> [Result<Model, drover_cpe::CsvError>; 2] {
    let plain = Model::from_csv(text);
    let root = plain.as_ref().map_or("Device", Model::root);
    let schema = shipped::MODELS.iter().find(|model| model.name.starts_with(&format!("{root}:")));
    let schema = schema.expect("a model for each root").schema();
    let tree = RecordedTree::from_csv(text).expect("a tree");
    let described = Model::from_tree(&tree, Some(&schema));
    [plain, described]
}

#[test]
fn every_recorded_tree_becomes_a_device_that_keeps_to_the_standard() {
    let now = Clock::relative(Duration::ZERO);
    let texts = recordings().into_iter().flatten().map(|path| {
        let text = std::fs::read_to_string(&path).expect("readable");
        (path.display().to_string(), text)
    });
    let all = texts
        .flat_map(|(name, text)| models(&text).map(|model| (name.clone(), text.clone(), model)));
    for (name, text, model) in all {
        let model = Arc::new(model.unwrap_or_else(|error| panic!("{name}: {error}")));
        let identity = Identity::new("Recorded", "00D09E", "Tree", "1").expect("valid");
        let mut device = Device::new(Arc::clone(&model), identity);
        let url = format!("{}.ManagementServer.URL", model.root());
        device.set_factory_value(&url, "http://acs.example/").expect("there is a URL");
        device.handle_boot(&now, 0);
        let all = GetParameterNames { parameter_path: String::new(), next_level: false };
        let Message::GetParameterNamesResponse(names) = answer(&mut device, all, &now) else {
            panic!("{name}: no names")
        };
        let names: Vec<String> = names.parameter_list.into_iter().map(|info| info.name).collect();
        let parameters = names.iter().filter(|name| !name.ends_with('.')).count();
        assert_eq!(parameters, model.factory_parameter_count(), "{name}");
        for row in text.lines().skip(1).filter(|row| row.starts_with(model.root())) {
            let path = row.split(',').next().expect("a path");
            assert!(names.iter().any(|name| name == path), "{name}: {path} is missing");
        }
        let all = GetParameterValues { parameter_names: vec![String::new()] };
        let Message::GetParameterValuesResponse(values) = answer(&mut device, all, &now) else {
            panic!("{name}: no values")
        };
        assert_eq!(values.parameter_list.len(), parameters, "{name}");
        let mut endpoint = Endpoint::new(device);
        let post = endpoint.start_session(&now, [0; 16], &SessionSettings::default());
        assert!(post.expect("a session").body.starts_with(b"<?xml"), "{name}");
        assert!(endpoint.device().memory_size() < 4096, "{name}");
    }
}
