//! The published models: everything that compiles, against the counts of the rules (`DM-02`,
//! `CMP-07`), against what is shipped, and against the expanded files.
#![cfg(all(feature = "compile", feature = "shipped"))]
#![allow(clippy::disallowed_methods, reason = "a test reads files")]

mod common;

use common::{compile, model, shared};
use drover_datamodel::compile::Options;
use drover_datamodel::diff::diff;
use drover_datamodel::schema::Stats;
use drover_datamodel::shipped::MODELS;

/// File, model, objects, tables, parameters, profiles: section 1 of the rules.
const COUNTS: &[(&str, &str, [usize; 4])] = &[
    ("tr-181-2-19-1-cwmp.xml", "Device:2.19", [873, 444, 7343, 243]),
    ("tr-181-2-11-0.xml", "Device:2.11", [472, 225, 3926, 182]),
    ("tr-181-1-7-0.xml", "Device:1.14", [120, 47, 848, 66]),
    ("tr-106-1-2-0.xml", "Device:1.2", [19, 2, 156, 13]),
    ("tr-098-1-8-0.xml", "InternetGatewayDevice:1.14", [192, 91, 1801, 92]),
    ("tr-069-1-0-0.xml", "InternetGatewayDevice:1.0", [50, 19, 472, 0]),
    ("tr-104-2-0-2-cwmp.xml", "VoiceService:2.0", [113, 56, 849, 21]),
    ("tr-104-2-0-2-cwmp-full.xml", "VoiceService:2.0", [113, 56, 849, 21]),
    ("tr-104-1-1-0.xml", "VoiceService:1.1", [43, 18, 350, 5]),
    ("tr-135-1-4-1-cwmp.xml", "STBService:1.4", [99, 32, 519, 36]),
    ("tr-135-1-4-1-cwmp-full.xml", "STBService:1.4", [99, 32, 519, 36]),
    ("tr-140-1-3-1-cwmp.xml", "StorageService:1.3", [19, 9, 126, 15]),
    ("tr-140-1-3-1-cwmp-full.xml", "StorageService:1.3", [19, 9, 126, 15]),
    ("tr-196-2-1-2-cwmp-full.xml", "FAPService:2.1", [245, 55, 1734, 71]),
];

#[test]
fn dm_02_the_counts_are_exact() {
    let Some(folder) = shared("data-models") else { return };
    for (file, name, counts) in COUNTS {
        let [objects, tables, parameters, profiles] = *counts;
        let expected = Stats { objects, tables, parameters, profiles };
        assert_eq!(model(&folder, file, name).stats(), expected, "{name} of {file}");
    }
}

#[test]
fn what_is_shipped_is_what_the_documents_say_byte_for_byte() {
    let Some(folder) = shared("data-models") else { return };
    for shipped in &MODELS {
        let schema = model(&folder, shipped.source, shipped.name);
        let same = schema.to_bytes() == shipped.bytes;
        assert!(same, "{} is out of date: cargo xtask model", shipped.name);
    }
}

#[test]
fn what_is_shipped_takes_at_most_one_mebibyte() {
    let bytes: usize = MODELS.iter().map(|model| model.bytes.len()).sum();
    assert!(bytes <= 1024 * 1024, "{bytes}");
}

#[test]
fn an_expanded_file_says_the_same_as_its_source() {
    let Some(folder) = shared("data-models") else { return };
    for (source, expanded, name) in [
        ("tr-104-2-0-2-cwmp.xml", "tr-104-2-0-2-cwmp-full.xml", "VoiceService:2.0"),
        ("tr-135-1-4-1-cwmp.xml", "tr-135-1-4-1-cwmp-full.xml", "STBService:1.4"),
        ("tr-140-1-3-1-cwmp.xml", "tr-140-1-3-1-cwmp-full.xml", "StorageService:1.3"),
    ] {
        let differences = diff(&model(&folder, source, name), &model(&folder, expanded, name));
        let shown: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert!(shown.is_empty(), "{name}: {}", shown.join("\n"));
    }
}

#[test]
fn every_published_model_compiles_and_survives_its_compiled_form() {
    let Some(folder) = shared("data-models") else { return };
    let (mut compiled, mut failed) = (0, Vec::new());
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if !std::fs::read_to_string(folder.join(&file)).unwrap().contains("<model name=\"") {
            continue;
        }
        let options = Options { with_descriptions: true, ..Options::default() };
        let Ok(models) = compile(&folder, &file, options) else {
            failed.push(file);
            continue;
        };
        for it in models.into_iter().map(|it| it.schema) {
            let again = drover_datamodel::Schema::from_bytes(&it.to_bytes()).unwrap();
            assert!(again == it, "{} of {file}", it.name());
            let (rebuilt, problems) = drover_datamodel::Schema::build(&it.to_draft());
            assert!(rebuilt == it, "{} of {file}: {problems:?}", it.name());
            compiled += 1;
        }
    }
    failed.sort();
    // They change objects of the models that import them.
    assert_eq!(failed, ["tr-181-2-19-0-stats.xml", "tr-181-2-19-0-wifi-base.xml"]);
    assert!(compiled >= 138, "{compiled}");
}
