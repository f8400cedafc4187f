//! The recorded results of GenieACS, in `expressions.txt` of the shared folder.
#![allow(clippy::disallowed_methods, reason = "a test reads recordings")]

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::DeviceKey;

const NOW: i64 = 1_700_000_000_000;

/// The lines of the recording that begin with a word; none when there is no recording, outside CI.
fn lines(word: &str) -> Vec<String> {
    let default = || {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        project.join("../shared/genieacs/vectors")
    };
    let folder = std::env::var_os("DROVER_ENGINE_VECTORS").map_or_else(default, PathBuf::from);
    let file = folder.join("expressions.txt");
    let Ok(text) = std::fs::read_to_string(&file) else {
        let is_ci = std::env::var("CI").is_ok_and(|ci| !matches!(&*ci, "" | "0" | "false"));
        let missing = format!("{} is missing; set DROVER_ENGINE_VECTORS", file.display());
        assert!(!is_ci, "{missing}");
        #[expect(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: {missing}");
        }
        return Vec::new();
    };
    let found: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ').map(str::to_owned))
        .collect();
    assert!(!found.is_empty(), "{word} is not in {}", file.display());
    found
}

/// The numbers in a text, whatever stands around them.
fn numbers(text: &str) -> Vec<f64> {
    text.split([' ', ',', '[', ']']).filter_map(|word| word.parse().ok()).collect()
}

/// The ids in the order of the recording.
fn ids() -> Vec<String> {
    lines("random").iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn vectors_random() {
    for line in lines("random") {
        let (id, rest) = line.split_once(' ').unwrap();
        let mut random = DeviceRandom::new(id);
        let drawn: Vec<f64> = (0..3).map(|_| random.next_number()).collect();
        assert_eq!(drawn, numbers(rest), "{id}");
    }
}

#[test]
fn vectors_variance() {
    for line in lines("variance") {
        let (id, rest) = line.split_once(' ').unwrap();
        let offsets = [86_400_000.0, 3_600_000.0, 300_000.0].map(|max| device_offset(id, max));
        assert_eq!(offsets.to_vec(), numbers(rest), "{id}");
    }
}

#[test]
fn vectors_interval() {
    let (day, hour, now) = (86_400_000.0, 3_600_000.0, 1_700_000_000_000.0);
    for (line, id) in lines("interval").iter().zip(ids()) {
        let times = [
            last_interval(now, day, None, &id),
            last_interval(now, hour, None, &id),
            last_interval(now, hour, Some(0.0), &id),
        ];
        assert_eq!(times.to_vec(), numbers(line), "{id}");
    }
}

#[test]
fn vectors_cron() {
    for line in lines("cron") {
        let mut parts = line.split('\'');
        let (_, text, rest) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let cron = Cron::parse(text).unwrap();
        let now = Timestamp::from_millisecond(NOW).unwrap();
        let times = [cron.previous(now, &TimeZone::UTC), cron.next(now, &TimeZone::UTC)];
        let times = times.map(|time| time.unwrap().as_millisecond());
        let (_, expected) = rest.split_once('[').unwrap();
        let expected: Vec<i64> =
            expected.split([',', ' ', ']']).filter_map(|word| word.parse().ok()).collect();
        assert_eq!(times.to_vec(), expected, "{text}");
    }
}

#[test]
fn vectors_encode_tag() {
    for line in lines("encodeTag") {
        let (name, rest) = line.strip_prefix('"').unwrap().split_once('"').unwrap();
        let (encoded, decoded) = rest.trim_start().split_once(' ').unwrap();
        assert_eq!(encode_tag(name), encoded);
        assert_eq!(decode_tag(encoded).as_deref(), Some(decoded.trim_matches('"')));
    }
}

#[test]
fn vectors_device_id() {
    // GenieACS keeps the case of an OUI; our keys have it in upper case (`LEN-08`).
    let keys = [
        DeviceKey::new("00236a", "96318REF-SR360", "NA0A4-0003196"),
        DeviceKey::new("A B", "é/1.2", ""),
    ];
    for line in lines("deviceId") {
        let ids: Vec<&str> = line.split(' ').collect();
        assert_eq!(keys[0].as_str().to_lowercase(), ids[0].to_lowercase());
        assert_eq!(keys[1].as_str().trim_end_matches('-'), ids[1]);
    }
}
