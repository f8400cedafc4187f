//! Rules: the presets, provisions and virtual parameters by which sessions are held.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::preset::{InvalidPreset, Objects, Preset, sort};
use crate::script::{Script, ScriptError};

/// The kinds of resources that an operator gives the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// A preset, in JSON.
    Preset,
    /// A provision: the text of a script.
    Provision,
    /// A virtual parameter: the text of a script.
    VirtualParameter,
    /// An object that older presets name, in JSON.
    Object,
    /// A setting: an expression.
    Config,
}

impl ResourceKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Preset, Self::Provision, Self::VirtualParameter, Self::Object, Self::Config];

    /// The collection, as routes and folders name it.
    pub const fn collection(self) -> &'static str {
        match self {
            Self::Preset => "presets",
            Self::Provision => "provisions",
            Self::VirtualParameter => "virtual_parameters",
            Self::Object => "objects",
            Self::Config => "config",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Preset => "preset",
            Self::Provision => "provision",
            Self::VirtualParameter => "virtual parameter",
            Self::Object => "object",
            Self::Config => "setting",
        })
    }
}

/// Something that an operator gave the server, as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its name.
    pub name: String,
    /// JSON, or the text of a script.
    pub text: String,
}

/// What sessions are held by, ready for use.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// The presets in their order.
    pub presets: Vec<Preset>,
    /// Provisions by name.
    pub provisions: BTreeMap<String, Arc<Script>>,
    /// Virtual parameters by name.
    pub virtual_parameters: BTreeMap<String, Arc<Script>>,
}

/// A resource that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{kind} {name:?}: {reason}")]
pub struct InvalidResource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    #[source]
    pub reason: InvalidText,
}

/// What is wrong with the text of a resource.
#[derive(Debug, thiserror::Error)]
pub enum InvalidText {
    /// It is no JSON.
    #[error("no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It is no JSON object.
    #[error("expected a JSON object")]
    NoObject,
    /// It is no preset.
    #[error(transparent)]
    Preset(#[from] InvalidPreset),
    /// It is no script.
    #[error(transparent)]
    Script(#[from] ScriptError),
}

impl Rules {
    /// Makes rules of resources. What cannot be used is left out and told; everything else works.
    /// Scripts of `known` whose text is the same are not compiled again.
    pub fn compile(resources: &[Resource], known: &Self) -> (Self, Vec<InvalidResource>) {
        let mut rules = Self::default();
        let mut invalid = Vec::new();
        let mut objects = Objects::new();
        for Resource { kind, name, text } in resources {
            let read = match kind {
                ResourceKind::Object => read_object(text).map(|object| {
                    objects.insert(name.clone(), object);
                }),
                ResourceKind::Provision => script(name, text, &known.provisions).map(|script| {
                    rules.provisions.insert(name.clone(), script);
                }),
                ResourceKind::VirtualParameter => script(name, text, &known.virtual_parameters)
                    .map(|script| {
                        rules.virtual_parameters.insert(name.clone(), script);
                    }),
                ResourceKind::Preset | ResourceKind::Config => Ok(()),
            };
            invalid.extend(read.err().map(|reason| problem(*kind, name, reason)));
        }
        for Resource { name, text, .. } in of_kind(resources, ResourceKind::Preset) {
            match read_preset(name, text, &objects) {
                Ok(preset) => rules.presets.push(preset),
                Err(reason) => invalid.push(problem(ResourceKind::Preset, name, reason)),
            }
        }
        sort(&mut rules.presets);
        (rules, invalid)
    }

    /// Complains about a resource that cannot be used, beside these others.
    ///
    /// # Errors
    /// [`InvalidResource`] says what is wrong with it.
    pub fn check(resource: &Resource, others: &[Resource]) -> Result<(), InvalidResource> {
        let Resource { kind, name, text } = resource;
        let read = match kind {
            ResourceKind::Object => read_object(text).map(drop),
            ResourceKind::Provision | ResourceKind::VirtualParameter => {
                Script::compile(name, text).map(drop).map_err(InvalidText::from)
            }
            ResourceKind::Preset => {
                let named = of_kind(others, ResourceKind::Object).filter_map(|object| {
                    Some((object.name.clone(), read_object(&object.text).ok()?))
                });
                read_preset(name, text, &named.collect()).map(drop)
            }
            ResourceKind::Config => Ok(()),
        };
        read.map_err(|reason| problem(*kind, name, reason))
    }
}

fn of_kind(resources: &[Resource], kind: ResourceKind) -> impl Iterator<Item = &Resource> {
    resources.iter().filter(move |resource| resource.kind == kind)
}

fn problem(kind: ResourceKind, name: &str, reason: InvalidText) -> InvalidResource {
    InvalidResource { kind, name: name.to_owned(), reason }
}

fn script(
    name: &str,
    text: &str,
    known: &BTreeMap<String, Arc<Script>>,
) -> Result<Arc<Script>, InvalidText> {
    match known.get(name).filter(|script| script.text() == text) {
        Some(script) => Ok(Arc::clone(script)),
        None => Ok(Arc::new(Script::compile(name, text)?)),
    }
}

fn read_object(text: &str) -> Result<serde_json::Map<String, Json>, InvalidText> {
    match serde_json::from_str(text)? {
        Json::Object(object) => Ok(object),
        _ => Err(InvalidText::NoObject),
    }
}

fn read_preset(name: &str, text: &str, objects: &Objects) -> Result<Preset, InvalidText> {
    Ok(Preset::from_json(name, &serde_json::from_str(text)?, objects)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(kind: ResourceKind, name: &str, text: &str) -> Resource {
        Resource { kind, name: name.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn what_cannot_be_used_is_told_and_the_rest_works() {
        let resources = [
            resource(ResourceKind::Provision, "good", "declare('Tags.x', null, {value: true});"),
            resource(ResourceKind::Provision, "bad", "declare("),
            resource(ResourceKind::VirtualParameter, "v", "return {writable: false, value: 1};"),
            resource(ResourceKind::Preset, "late", r#"{"weight": 2}"#),
            resource(ResourceKind::Preset, "early", r#"{"weight": 1}"#),
            resource(ResourceKind::Preset, "none", r#"{"weight": "heavy"}"#),
            resource(ResourceKind::Object, "list", "[]"),
        ];
        let (rules, invalid) = Rules::compile(&resources, &Rules::default());
        let names: Vec<_> = rules.presets.iter().map(|preset| &*preset.name).collect();
        assert_eq!(names, ["early", "late"]);
        assert!(rules.provisions.contains_key("good") && rules.virtual_parameters.len() == 1);
        let texts: Vec<_> = invalid.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(texts[0].starts_with("provision \"bad\": SyntaxError"), "{texts:?}");
        assert_eq!(texts[1], "object \"list\": expected a JSON object");
        assert_eq!(texts[2], "preset \"none\": /weight: expected a number");
        let (again, _) = Rules::compile(&resources, &rules);
        assert!(Arc::ptr_eq(&again.provisions["good"], &rules.provisions["good"]));
    }

    #[test]
    fn a_preset_is_checked_with_the_objects_it_names() {
        let preset =
            r#"{"configurations": [{"type": "add_object", "name": "Device.X", "object": "o"}]}"#;
        let preset = resource(ResourceKind::Preset, "p", preset);
        assert!(Rules::check(&preset, &[]).is_err());
        let object = resource(ResourceKind::Object, "o", r#"{"Name": "x"}"#);
        assert!(Rules::check(&preset, &[object]).is_ok());
    }
}
