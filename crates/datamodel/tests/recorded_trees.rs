//! Trees of real devices are read completely, in both forms.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may look around"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use drover_datamodel::tree::{RecordedTree, TreeRow};

/// The folder of recorded trees, or `None` with a loud notice; in CI its absence is a failure.
fn recordings() -> Option<PathBuf> {
    let default = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let folder = std::env::var_os("DROVER_SHARED").map_or(default, PathBuf::from).join("devices");
    if folder.exists() {
        return Some(folder);
    }
    let what = format!("recorded trees in {} (set DROVER_SHARED)", folder.display());
    assert!(std::env::var_os("CI").is_none(), "missing in CI: {what}");
    eprintln!("SKIPPED, missing: {what}");
    None
}

/// Rows and leaves of each file, from the table that came with the recordings.
fn expected_counts(readme: &str) -> BTreeMap<String, (usize, usize)> {
    let rows = readme.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", file, _device, _root, rows, leaves, ""] = cells[..] else { return None };
        let file = file.strip_prefix('`')?.strip_suffix('`')?;
        Some((file.to_owned(), (rows.parse().ok()?, leaves.parse().ok()?)))
    });
    rows.collect()
}

fn trees() -> Vec<(String, String)> {
    let Some(folder) = recordings() else { return Vec::new() };
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let trees = entries.filter(|path| path.extension().is_some_and(|kind| kind == "csv"));
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let trees = trees.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap()));
    trees.collect()
}

#[test]
fn every_row_and_leaf_is_read() {
    let Some(folder) = recordings() else { return };
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut counts = BTreeMap::new();
    for (name, text) in trees() {
        let tree = RecordedTree::from_csv(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let leaves = tree.rows.iter().filter(|row| !row.is_object());
        assert!(tree.rows.iter().all(|row| row.writable.is_some()), "{name}");
        for value in leaves.clone().filter_map(|row| row.value.as_ref()) {
            assert!(value.value_type.is_some(), "{name}: {}", value.type_name);
        }
        assert_eq!(tree.dropped, 0, "{name}");
        let unread = leaves.clone().filter(|row| row.value.is_none()).count();
        let is_partly_read = name == "huawei-eg8145v5-voip.csv";
        assert_eq!(unread, if is_partly_read { 281 } else { 0 }, "{name}");
        counts.insert(name, (tree.rows.len(), leaves.count()));
    }
    assert!(!counts.is_empty());
    assert_eq!(counts, expected_counts(&readme));
}

#[test]
fn the_same_rows_are_read_from_genieacs_form() {
    for (name, text) in trees() {
        let tree = RecordedTree::from_csv(&text).unwrap();
        let export = RecordedTree::from_csv(&genieacs_export(&tree.rows)).unwrap();
        assert_eq!(export.dropped, 1, "{name}");
        let pairs = tree.rows.iter().zip(&export.rows);
        for (ours, theirs) in pairs {
            assert_eq!(ours, &TreeRow { line: ours.line, ..theirs.clone() }, "{name}");
        }
        assert_eq!(tree.rows.len(), export.rows.len(), "{name}");
    }
}

fn genieacs_export(rows: &[TreeRow]) -> String {
    let mut text = "Parameter,Object,Object timestamp,Writable,Writable timestamp,Value,\
         Value type,Value timestamp,Notification,Notification timestamp,Access list,\
         Access list timestamp\nDeviceID.ID,false,,false,,\"1-2-3\",xsd:string,,,,,"
        .to_owned();
    for row in rows {
        let path = row.path.strip_suffix('.').unwrap_or(&row.path);
        let (value, type_name) =
            row.value.as_ref().map_or(("", ""), |value| (&value.text, &value.type_name));
        let (object, writable) = (row.is_object(), row.writable.unwrap());
        let value = value.replace('"', "\"\"");
        text += &format!("\n{path},{object},,{writable},,\"{value}\",{type_name},,,,,");
    }
    text
}
