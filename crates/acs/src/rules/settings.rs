//! The settings of the collection `config` that sessions follow (compat 4.4).
//!
//! GenieACS evaluates them for each device. Here they are evaluated once, without a device: what a
//! setting says of parameters is `NULL`, and then the default counts.

use std::ops::RangeInclusive;

use drover_provision::expression::{Expression, Unknown, Value};
use drover_provision::rules::{Resource, ResourceKind};
use drover_provision::{SessionConfig, Settings};
use jiff::SignedDuration;

use crate::limits::{SETTING_BATCH_MAX, SETTING_COMMITS_MAX, SETTING_SECONDS_MAX};

/// What a setting holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A whole number within bounds.
    Number(u32, u32),
    Boolean,
}

/// The settings that count, and what they hold.
const KNOWN: [(&str, Kind); 6] = [
    ("cwmp.downloadSuccessOnTimeout", Kind::Boolean),
    ("cwmp.downloadTimeout", Kind::Number(1, SETTING_SECONDS_MAX)),
    ("cwmp.gpvBatchSize", Kind::Number(1, SETTING_BATCH_MAX)),
    ("cwmp.maxCommitIterations", Kind::Number(1, SETTING_COMMITS_MAX)),
    ("cwmp.retryDelay", Kind::Number(0, SETTING_SECONDS_MAX)),
    ("cwmp.skipRootGpn", Kind::Boolean),
];

/// The settings among some resources, put into effect. What cannot be used leaves the default.
pub(super) fn apply(resources: &[Resource], mut config: SessionConfig) -> SessionConfig {
    let mut settings = Settings::clone(&config.settings);
    for Resource { name, text, .. } in resources.iter().filter(|it| it.kind == ResourceKind::Config)
    {
        let Ok(expression) = Expression::parse(text) else { continue };
        if let (Ok(()), value) = (check(name, &expression), expression.evaluate(&Unknown)) {
            set(&mut config, &mut settings, name, &value);
        }
    }
    config.settings = settings.into();
    config
}

/// Complains about a setting whose value, as far as it is known without a device, cannot be used.
pub(super) fn check(name: &str, expression: &Expression) -> Result<(), String> {
    let Some((_, kind)) = KNOWN.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    let value = expression.evaluate(&Unknown);
    match (kind, &value) {
        (_, Value::Null) => Ok(()),
        (Kind::Boolean, Value::Bool(_)) => Ok(()),
        (Kind::Boolean, _) => Err(format!("{name} must be true or false")),
        (Kind::Number(least, most), value) => match whole(value, *least..=*most) {
            Some(_) => Ok(()),
            None => Err(format!("{name} must be a whole number from {least} to {most}")),
        },
    }
}

fn set(config: &mut SessionConfig, settings: &mut Settings, name: &str, value: &Value) {
    let number = whole(value, 0..=u32::MAX);
    let truth = value.truth();
    let size = number.and_then(|number| usize::try_from(number).ok());
    match name {
        "cwmp.downloadSuccessOnTimeout" => put(&mut settings.success_on_timeout, truth),
        "cwmp.downloadTimeout" => put(&mut settings.transfer_timeout, number),
        "cwmp.gpvBatchSize" => {
            put(&mut settings.batch_size, size);
            put(&mut config.names_per_request, size);
        }
        "cwmp.maxCommitIterations" => put(&mut settings.commits_max, size),
        "cwmp.retryDelay" => {
            let delay = number.map(|seconds| SignedDuration::from_secs(i64::from(seconds)));
            put(&mut settings.retry_delay, delay);
        }
        "cwmp.skipRootGpn" => put(&mut settings.skip_root, truth),
        _ => {}
    }
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// A whole number within bounds; a text that is one counts, as older settings have them.
fn whole(value: &Value, range: RangeInclusive<u32>) -> Option<u32> {
    let number = match value {
        Value::Number(number) => format!("{number}").parse().ok(),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) => None,
    };
    number.filter(|number| range.contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, text: &str) -> Resource {
        Resource { kind: ResourceKind::Config, name: name.to_owned(), text: text.to_owned() }
    }

    fn complaint(name: &str, text: &str) -> Option<String> {
        check(name, &Expression::parse(text).expect("an expression")).err()
    }

    #[test]
    fn settings_are_followed() {
        let resources = [
            setting("cwmp.downloadSuccessOnTimeout", "TRUE"),
            setting("cwmp.downloadTimeout", "60 * 2"),
            setting("cwmp.gpvBatchSize", "'16'"),
            setting("cwmp.maxCommitIterations", "8"),
            setting("cwmp.retryDelay", "0"),
            setting("cwmp.skipRootGpn", "false"),
            setting("ui.pageSize", "20"),
        ];
        let SessionConfig { settings, names_per_request, .. } =
            apply(&resources, SessionConfig::default());
        assert_eq!(settings.retry_delay, SignedDuration::ZERO);
        assert_eq!((settings.transfer_timeout, settings.success_on_timeout), (120, true));
        assert_eq!((settings.batch_size, names_per_request), (16, 16));
        assert_eq!((settings.commits_max, settings.skip_root), (8, false));
    }

    #[test]
    fn what_cannot_be_used_leaves_the_default() {
        let resources = [
            setting("cwmp.retryDelay", "DeviceID.Delay"),
            setting("cwmp.downloadTimeout", "0"),
            setting("cwmp.gpvBatchSize", "("),
            setting("cwmp.skipRootGpn", "'yes'"),
        ];
        let config = apply(&resources, SessionConfig::default());
        let default = Settings::default();
        assert_eq!(config.settings.retry_delay, default.retry_delay);
        assert_eq!(config.settings.transfer_timeout, default.transfer_timeout);
        assert_eq!(config.settings.skip_root, default.skip_root);
        assert_eq!(config.names_per_request, SessionConfig::default().names_per_request);
    }

    #[test]
    fn bounds_are_told() {
        let must = |name: &str, range: &str| {
            Some(format!("cwmp.{name} must be a whole number from {range}"))
        };
        assert_eq!(complaint("cwmp.gpvBatchSize", "1000"), None);
        assert_eq!(complaint("cwmp.gpvBatchSize", "1001"), must("gpvBatchSize", "1 to 1000"));
        assert_eq!(complaint("cwmp.gpvBatchSize", "0"), must("gpvBatchSize", "1 to 1000"));
        assert_eq!(complaint("cwmp.gpvBatchSize", "1.5"), must("gpvBatchSize", "1 to 1000"));
        assert_eq!(complaint("cwmp.gpvBatchSize", "DeviceID.OUI"), None);
        assert!(complaint("cwmp.maxCommitIterations", "257").is_some());
        assert!(complaint("cwmp.retryDelay", "-1").is_some());
        assert!(complaint("cwmp.retryDelay", "31622401").is_some());
        let told = complaint("cwmp.skipRootGpn", "1");
        assert_eq!(told.as_deref(), Some("cwmp.skipRootGpn must be true or false"));
        assert_eq!(complaint("ui.pageSize", "'any'"), None);
    }
}
