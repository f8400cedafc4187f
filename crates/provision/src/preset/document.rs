//! Presets as GenieACS stores them, in JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{Preset, Schedule, WantedProvision};
use crate::compat::{Cron, InvalidCron};
use crate::expression::{Expression, NotAnExpression, ParseError, Value};

/// A document is no preset.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidPreset {
    /// It is no object, or a member is not what it must be.
    #[error("{place}: expected {expected}")]
    Shape {
        /// Where: a JSON pointer, or empty for the document.
        place: String,
        /// What is expected there.
        expected: &'static str,
    },
    /// The precondition or an argument is no expression.
    #[error("{place}: {error}")]
    Expression {
        /// Where: a JSON pointer.
        place: String,
        /// What is wrong with it.
        error: ParseError,
    },
    /// The precondition or an argument is no expression in JSON.
    #[error("{place}: {error}")]
    Filter {
        /// Where: a JSON pointer.
        place: String,
        /// What is wrong with it.
        error: NotAnExpression,
    },
    /// The schedule has no cron schedule.
    #[error("/schedule: {0}")]
    Cron(InvalidCron),
    /// An object that a configuration names is not there.
    #[error("{place}: there is no object {name:?}")]
    NoSuchObject {
        /// Where: a JSON pointer.
        place: String,
        /// The name.
        name: String,
    },
}

/// Documents of the collection `objects`, which older presets name, by their name.
pub type Objects = BTreeMap<String, Map<String, Json>>;

impl Preset {
    /// Reads a preset: `{weight, channel, schedule, events, precondition, configurations}`, all of
    /// them optional. The older kinds of configurations are read too: `value`, `age`, `add_tag`,
    /// `delete_tag`, `add_object` and `delete_object`.
    ///
    /// # Errors
    /// [`InvalidPreset`] says what is wrong and where. An invalid schedule is an error, where
    /// GenieACS runs the preset always.
    pub fn from_json(name: &str, json: &Json, objects: &Objects) -> Result<Self, InvalidPreset> {
        let Json::Object(document) = json else {
            return Err(shape("", "an object"));
        };
        Ok(Self {
            name: name.to_owned(),
            weight: weight(document.get("weight"))?,
            channel: channel(document.get("channel"))?,
            schedule: schedule(document.get("schedule"))?,
            events: events(document.get("events"))?,
            precondition: precondition(document.get("precondition"))?,
            provisions: configurations(document.get("configurations"), objects)?,
        })
    }
}

fn shape(place: impl Into<String>, expected: &'static str) -> InvalidPreset {
    InvalidPreset::Shape { place: place.into(), expected }
}

fn weight(json: Option<&Json>) -> Result<f64, InvalidPreset> {
    let number = match json {
        None | Some(Json::Null) => Some(0.0),
        Some(Json::Number(number)) => number.as_f64(),
        Some(Json::String(text)) => text.trim().parse().ok().filter(|it: &f64| it.is_finite()),
        Some(_) => None,
    };
    number.ok_or_else(|| shape("/weight", "a number"))
}

fn channel(json: Option<&Json>) -> Result<String, InvalidPreset> {
    match json {
        None | Some(Json::Null) => Ok("default".to_owned()),
        Some(Json::String(channel)) if channel.is_empty() => Ok("default".to_owned()),
        Some(Json::String(channel)) => Ok(channel.clone()),
        Some(_) => Err(shape("/channel", "a text")),
    }
}

fn schedule(json: Option<&Json>) -> Result<Option<Schedule>, InvalidPreset> {
    let text = match json {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Json::String(text)) => text.trim(),
        Some(_) => return Err(shape("/schedule", "a text")),
    };
    let expected = "a duration in seconds and a cron schedule, such as \"3600 0 3 * * *\"";
    let (seconds, cron) =
        text.split_once(char::is_whitespace).ok_or_else(|| shape("/schedule", expected))?;
    let seconds = seconds.parse().map_err(|_| shape("/schedule", expected))?;
    let cron = Cron::parse(cron.trim()).map_err(InvalidPreset::Cron)?;
    Ok(Some(Schedule { seconds, cron }))
}

fn events(json: Option<&Json>) -> Result<BTreeMap<String, bool>, InvalidPreset> {
    match json {
        None | Some(Json::Null) => Ok(BTreeMap::new()),
        Some(Json::Object(events)) => {
            let event = |(name, wanted): (&String, &Json)| match wanted {
                Json::Bool(wanted) => Ok((name.clone(), *wanted)),
                _ => Err(shape(format!("/events/{}", pointer(name)), "true or false")),
            };
            events.iter().map(event).collect()
        }
        // As the user interface writes them: "0 BOOTSTRAP, -1 BOOT".
        Some(Json::String(text)) => {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            let event = |name: &str| match name.strip_prefix('-') {
                Some(absent) => (absent.trim().to_owned(), false),
                None => (name.to_owned(), true),
            };
            Ok(names.map(event).collect())
        }
        Some(_) => Err(shape("/events", "an object of events with true or false")),
    }
}

/// A component of a JSON pointer.
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn precondition(json: Option<&Json>) -> Result<Expression, InvalidPreset> {
    let place = || "/precondition".to_owned();
    match json {
        None | Some(Json::Null) => Ok(Expression::Literal(Value::Bool(true))),
        Some(Json::String(text)) if text.trim().is_empty() => {
            Ok(Expression::Literal(Value::Bool(true)))
        }
        // Older presets have a filter in JSON, as it is or as text.
        Some(Json::String(text)) => match serde_json::from_str(text) {
            Ok(filter @ Json::Object(_)) => Expression::from_filter(&filter)
                .map_err(|error| InvalidPreset::Filter { place: place(), error }),
            _ => Expression::parse(text)
                .map_err(|error| InvalidPreset::Expression { place: place(), error }),
        },
        Some(filter @ Json::Object(_)) => Expression::from_filter(filter)
            .map_err(|error| InvalidPreset::Filter { place: place(), error }),
        Some(json @ Json::Array(_)) => Expression::from_json(json)
            .map_err(|error| InvalidPreset::Filter { place: place(), error }),
        Some(_) => Err(shape("/precondition", "an expression")),
    }
}

fn configurations(
    json: Option<&Json>,
    objects: &Objects,
) -> Result<Vec<WantedProvision>, InvalidPreset> {
    let items = match json {
        None | Some(Json::Null) => return Ok(Vec::new()),
        Some(Json::Array(items)) => items,
        Some(_) => return Err(shape("/configurations", "an array")),
    };
    let mut provisions = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let place = format!("/configurations/{index}");
        let Json::Object(item) = item else { return Err(shape(place, "an object")) };
        provisions.push(configuration(item, &place, objects)?);
    }
    Ok(provisions)
}

fn configuration(
    item: &Map<String, Json>,
    place: &str,
    objects: &Objects,
) -> Result<WantedProvision, InvalidPreset> {
    let text = |member: &str| match item.get(member) {
        Some(Json::String(text)) => Ok(text.clone()),
        _ => Err(shape(format!("{place}/{member}"), "a text")),
    };
    let provision = |name: &str, arguments: Vec<Expression>| WantedProvision {
        name: name.to_owned(),
        arguments,
    };
    let literal = |text: String| Expression::Literal(Value::Text(text));
    Ok(match text("type")?.as_str() {
        "provision" => {
            let name = text("name")?;
            let arguments = match item.get("args") {
                None | Some(Json::Null) => Vec::new(),
                Some(Json::Array(arguments)) => {
                    let argument = |(index, json)| {
                        Expression::from_json(json).map_err(|error| InvalidPreset::Filter {
                            place: format!("{place}/args/{index}"),
                            error,
                        })
                    };
                    arguments.iter().enumerate().map(argument).collect::<Result<_, _>>()?
                }
                Some(_) => return Err(shape(format!("{place}/args"), "an array")),
            };
            WantedProvision { name, arguments }
        }
        "value" => {
            let value = scalar(item.get("value"))
                .ok_or_else(|| shape(format!("{place}/value"), "a text, a number or a boolean"))?;
            provision("value", vec![literal(text("name")?), Expression::Literal(value)])
        }
        "age" => {
            let age = match scalar(item.get("age")) {
                Some(Value::Number(age)) => age,
                Some(Value::Text(age)) if age.parse::<f64>().is_ok_and(f64::is_finite) => {
                    age.parse().unwrap_or_default()
                }
                _ => return Err(shape(format!("{place}/age"), "a number of seconds")),
            };
            let age = Expression::Literal(Value::number(age));
            provision("refresh", vec![literal(text("name")?), age])
        }
        kind @ ("add_tag" | "delete_tag") => {
            let is_set = Expression::Literal(Value::Bool(kind == "add_tag"));
            provision("tag", vec![literal(text("tag")?), is_set])
        }
        kind @ ("add_object" | "delete_object") => {
            let name = text("object")?;
            let object = objects.get(&name).ok_or_else(|| InvalidPreset::NoSuchObject {
                place: format!("{place}/object"),
                name: name.clone(),
            })?;
            let path = format!("{}.{}", text("name")?.trim_end_matches('.'), alias(object));
            let count = Value::number(if kind == "add_object" { 1.0 } else { 0.0 });
            provision("instances", vec![literal(path), Expression::Literal(count)])
        }
        _ => {
            let expected =
                "provision, value, age, add_tag, delete_tag, add_object or delete_object";
            return Err(shape(format!("{place}/type"), expected));
        }
    })
}

fn scalar(json: Option<&Json>) -> Option<Value> {
    match json? {
        Json::Bool(value) => Some(Value::Bool(*value)),
        Json::Number(number) => number.as_f64().map(Value::number),
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// The instances that an object means: by its keys, or by all that it says without them.
fn alias(object: &Map<String, Json>) -> String {
    let named: Option<Vec<&str>> = match object.get("_keys") {
        Some(Json::Array(keys)) => keys.iter().map(Json::as_str).collect(),
        _ => None,
    };
    let is_key = |name: &str| match &named {
        Some(named) => named.contains(&name),
        None => !name.starts_with('_'),
    };
    let pairs = object.iter().filter(|(name, _)| is_key(name)).filter_map(|(name, value)| {
        let value = Expression::Literal(scalar(Some(value))?);
        let text = value.evaluate(&crate::expression::Unknown);
        let text = text.to_text()?.into_owned();
        Some(format!("{name}:{text:?}"))
    });
    let pairs: Vec<String> = pairs.collect();
    format!("[{}]", pairs.join(","))
}
