//! The settings of the collection `config` that sessions follow (compat 4.4).

use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::SignedDuration;

use super::SessionConfig;
use super::settings::Settings;
use crate::expression::{Context, Expression, Unknown, Value};
use crate::limits::{SETTING_BATCH_MAX, SETTING_COMMITS_MAX, SETTING_SECONDS_MAX};
use crate::rules::{Resource, ResourceKind};

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// A whole number within bounds.
    Number(u32, u32),
    Boolean,
}

/// The settings that count, and what they hold.
const KNOWN: [(&str, Kind); 10] = [
    ("cwmp.booleanLiteral", Kind::Boolean),
    ("cwmp.datetimeMilliseconds", Kind::Boolean),
    ("cwmp.downloadSuccessOnTimeout", Kind::Boolean),
    ("cwmp.downloadTimeout", Kind::Number(1, SETTING_SECONDS_MAX)),
    ("cwmp.gpvBatchSize", Kind::Number(1, SETTING_BATCH_MAX)),
    ("cwmp.maxCommitIterations", Kind::Number(1, SETTING_COMMITS_MAX)),
    ("cwmp.retryDelay", Kind::Number(0, SETTING_SECONDS_MAX)),
    ("cwmp.sessionTimeout", Kind::Number(1, SETTING_SECONDS_MAX)),
    ("cwmp.skipRootGpn", Kind::Boolean),
    ("cwmp.skipWritableCheck", Kind::Boolean),
];

/// A setting that says something else for each device.
#[derive(Debug, Clone, PartialEq)]
pub struct OfDevice {
    name: &'static str,
    kind: Kind,
    expression: Expression,
}

impl SessionConfig {
    /// Takes the settings among some resources. What names no parameter and no time is put into
    /// effect at once, the rest for each device when its session begins. What cannot be used leaves
    /// the default.
    #[must_use]
    pub fn with_settings(mut self, resources: &[Resource]) -> Self {
        let mut settings = Settings::clone(&self.settings);
        let mut of_device = Vec::new();
        self.auth = None;
        for Resource { name, text, .. } in
            resources.iter().filter(|it| it.kind == ResourceKind::Config)
        {
            if name == "cwmp.auth" {
                let nobody = || Expression::Literal(Value::Bool(false));
                self.auth = Some(Expression::parse(text).unwrap_or_else(|_| nobody()).into());
            }
            let Some((name, kind)) = KNOWN.iter().find(|(known, _)| known == name) else {
                continue;
            };
            let Ok(expression) = Expression::parse(text) else { continue };
            match expression.partial(&Unknown) {
                Expression::Literal(value) if kind.complain(name, &value).is_ok() => {
                    set(&mut settings, &mut self.names_per_request, name, &value);
                }
                Expression::Literal(_) => {}
                expression => of_device.push(OfDevice { name, kind: *kind, expression }),
            }
        }
        self.settings = settings.into();
        self.of_device = of_device.into();
        self
    }

    /// The settings for a device, with how many names one request may have; and what is wrong with
    /// those that leave the default.
    pub(super) fn for_device(&self, device: &impl Context) -> (Arc<Settings>, usize, Vec<String>) {
        let mut names_per_request = self.names_per_request;
        if self.of_device.is_empty() {
            return (Arc::clone(&self.settings), names_per_request, Vec::new());
        }
        let (mut settings, mut wrong) = (Settings::clone(&self.settings), Vec::new());
        for OfDevice { name, kind, expression } in &*self.of_device {
            let value = expression.evaluate(device);
            match kind.complain(name, &value) {
                Ok(()) => set(&mut settings, &mut names_per_request, name, &value),
                Err(complaint) => wrong.push(complaint),
            }
        }
        (settings.into(), names_per_request, wrong)
    }
}

/// Complains about a setting whose value, as far as it is known without a device, cannot be used.
///
/// # Errors
/// One line that says what it must be.
pub fn check_setting(name: &str, expression: &Expression) -> Result<(), String> {
    let Some((_, kind)) = KNOWN.iter().find(|(known, _)| *known == name) else { return Ok(()) };
    kind.complain(name, &expression.evaluate(&Unknown))
}

impl Kind {
    /// `NULL` says nothing, and leaves the default.
    fn complain(self, name: &str, value: &Value) -> Result<(), String> {
        match (self, value) {
            (_, Value::Null) | (Self::Boolean, Value::Bool(_)) => Ok(()),
            (Self::Boolean, _) => Err(format!("{name} must be true or false")),
            (Self::Number(least, most), value) => match whole(value, least..=most) {
                Some(_) => Ok(()),
                None => Err(format!("{name} must be a whole number from {least} to {most}")),
            },
        }
    }
}

fn set(settings: &mut Settings, names_per_request: &mut usize, name: &str, value: &Value) {
    let number = whole(value, 0..=u32::MAX);
    let truth = value.truth();
    let size = number.and_then(|number| usize::try_from(number).ok());
    match name {
        "cwmp.booleanLiteral" => put(&mut settings.writing.boolean_literal, truth),
        "cwmp.datetimeMilliseconds" => put(&mut settings.writing.datetime_milliseconds, truth),
        "cwmp.downloadSuccessOnTimeout" => put(&mut settings.success_on_timeout, truth),
        "cwmp.downloadTimeout" => put(&mut settings.transfer_timeout, number),
        "cwmp.gpvBatchSize" => {
            put(&mut settings.batch_size, size);
            put(names_per_request, size);
        }
        "cwmp.maxCommitIterations" => put(&mut settings.commits_max, size),
        "cwmp.retryDelay" => {
            let delay = number.map(|seconds| SignedDuration::from_secs(i64::from(seconds)));
            put(&mut settings.retry_delay, delay);
        }
        "cwmp.sessionTimeout" => settings.session_timeout = number.or(settings.session_timeout),
        "cwmp.skipRootGpn" => put(&mut settings.skip_root, truth),
        "cwmp.skipWritableCheck" => put(&mut settings.skip_writable_check, truth),
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
        check_setting(name, &Expression::parse(text).expect("an expression")).err()
    }

    #[test]
    fn settings_are_followed() {
        let resources = [
            setting("cwmp.downloadSuccessOnTimeout", "TRUE"),
            setting("cwmp.downloadTimeout", "60 * 2"),
            setting("cwmp.gpvBatchSize", "'16'"),
            setting("cwmp.maxCommitIterations", "8"),
            setting("cwmp.retryDelay", "0"),
            setting("cwmp.sessionTimeout", "90"),
            setting("cwmp.skipRootGpn", "false"),
            setting("ui.pageSize", "20"),
        ];
        let SessionConfig { settings, names_per_request, .. } =
            SessionConfig::default().with_settings(&resources);
        assert_eq!(settings.retry_delay, SignedDuration::ZERO);
        assert_eq!((settings.transfer_timeout, settings.success_on_timeout), (120, true));
        assert_eq!((settings.batch_size, names_per_request), (16, 16));
        assert_eq!(settings.session_timeout, Some(90));
        assert_eq!((settings.commits_max, settings.skip_root), (8, false));
    }

    #[test]
    fn what_cannot_be_read_lets_nobody_in() {
        let auth =
            |text: &str| SessionConfig::default().with_settings(&[setting("cwmp.auth", text)]);
        let text = |config: SessionConfig| config.auth.map(|it| it.to_string());
        assert_eq!(text(auth("AUTH('u', 'p')")).as_deref(), Some("AUTH('u', 'p')"));
        assert_eq!(text(auth("AUTH(")).as_deref(), Some("FALSE"));
        assert_eq!(text(auth("true").with_settings(&[])), None);
    }

    #[test]
    fn what_cannot_be_used_leaves_the_default() {
        let resources = [
            setting("cwmp.retryDelay", "DeviceID.Delay"),
            setting("cwmp.downloadTimeout", "0"),
            setting("cwmp.gpvBatchSize", "("),
            setting("cwmp.skipRootGpn", "'yes'"),
        ];
        let config = SessionConfig::default().with_settings(&resources);
        let default = Settings::default();
        assert_eq!(config.settings.retry_delay, default.retry_delay);
        assert_eq!(config.settings.transfer_timeout, default.transfer_timeout);
        assert_eq!(config.settings.skip_root, default.skip_root);
        assert_eq!(config.names_per_request, SessionConfig::default().names_per_request);
    }

    /// A device of one parameter.
    struct Model(&'static str);

    impl Context for Model {
        fn parameter(&self, path: &str) -> Option<Value> {
            Some(if path == "Device.Model" { Value::from(self.0) } else { Value::Null })
        }

        fn now(&self) -> Option<i64> {
            Some(90_000)
        }
    }

    #[test]
    fn a_setting_may_say_something_else_for_each_device() {
        let resources = [
            setting("cwmp.gpvBatchSize", "CASE WHEN Device.Model = 'slow' THEN 4 ELSE 64 END"),
            setting("cwmp.retryDelay", "NOW() / 1000"),
            setting("cwmp.skipWritableCheck", "Device.Model = 'slow'"),
            setting("cwmp.downloadTimeout", "Device.Model"),
            setting("cwmp.commits", "Device.Model"),
            setting("cwmp.booleanLiteral", "Tags.old"),
        ];
        let config = SessionConfig::default().with_settings(&resources);
        let default = Settings::default();
        assert_eq!(config.settings.batch_size, default.batch_size);
        let wrong = "cwmp.downloadTimeout must be a whole number from 1 to 31622400";
        for (model, size, skips) in [("slow", 4, true), ("fast", 64, false)] {
            let (settings, names_per_request, complaints) = config.for_device(&Model(model));
            assert_eq!((settings.batch_size, names_per_request), (size, size));
            assert_eq!(settings.skip_writable_check, skips);
            assert_eq!(settings.retry_delay.as_secs(), 90);
            assert_eq!(settings.transfer_timeout, default.transfer_timeout);
            assert_eq!(settings.writing, default.writing, "NULL says nothing");
            assert_eq!(complaints, [wrong]);
        }
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
