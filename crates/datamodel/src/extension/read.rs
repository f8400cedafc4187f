//! From the text to an [`Extension`], with all checks that need no model.

use std::ops::Range;

use toml::Spanned;

use super::document::{DeviceTable, Document, Names, ObjectTable, Texts};
use super::names::{check_object_path, counts, is_name};
use super::parameter;
use super::{AddedObject, AddedParameter, Definition, Extension, ExtensionError};
use crate::catalog::DeviceRule;
use crate::compile::{Place, Problems};
use crate::draft::DraftUniqueKey;
use crate::limits::{
    DEVICE_PATTERN_CHARS_MAX, DEVICE_RULES_MAX, EXTENSION_BYTES_MAX, PATH_DEPTH_MAX,
};
use crate::version::ModelName;

pub(super) fn read(text: &str, shown: &str) -> Result<Extension, ExtensionError> {
    let mut reader = Reader {
        text,
        line_ends: Vec::new(),
        shown,
        any_names: false,
        problems: Problems::default(),
    };
    let extension = reader.read();
    match extension.filter(|_| reader.problems.is_acceptable()) {
        Some(extension) => Ok(extension),
        None => Err(ExtensionError { problems: reader.problems.into_list() }),
    }
}

/// What the reading of one file works with.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// Where the lines of the text end.
    line_ends: Vec<usize>,
    shown: &'t str,
    pub(super) any_names: bool,
    problems: Problems,
}

impl Reader<'_> {
    fn read(&mut self) -> Option<Extension> {
        if self.text.len() > EXTENSION_BYTES_MAX {
            let message =
                format!("the file is larger than {} MiB; split it", EXTENSION_BYTES_MAX >> 20);
            self.error_in(0, "", &message);
            return None;
        }
        self.line_ends = self.text.match_indices('\n').map(|(at, _)| at).collect();
        let document = match toml::from_str::<Document>(self.text) {
            Ok(document) => document,
            Err(error) => {
                let line = error.span().map_or(0, |span| self.line(span.start));
                self.error_in(line, "", &one_line(error.message()));
                return None;
            }
        };
        self.document(document)
    }

    fn document(&mut self, document: Document) -> Option<Extension> {
        self.any_names = document.names == Names::Any;
        let name = self.model_name(&document.name, "X_EXAMPLE-COM_Lamp:1.0");
        let extends = self.model_name(&document.extends, "Device:2.19");
        let devices = self.devices(&document.device);
        let (name, extends) = (name?, extends?);
        let mut tables: Vec<_> = document.object.into_iter().collect();
        tables.sort_by_cached_key(|(path, table)| first_place(path, table));
        let objects =
            tables.into_iter().map(|(path, table)| self.object(&path, table, &extends)).collect();
        Some(Extension {
            shown: self.shown.into(),
            name,
            extends,
            extends_line: self.line(document.extends.span().start),
            description: document.description.map(Into::into),
            devices,
            any_names: self.any_names,
            objects,
        })
    }

    fn model_name(&mut self, name: &Spanned<String>, example: &str) -> Option<ModelName> {
        let parsed = name.get_ref().parse::<ModelName>().ok().filter(|it| is_name(&it.name));
        if parsed.is_none() {
            let message =
                format!("{:?} is no name with a version, such as {example}", *name.get_ref());
            self.error(name.span(), "", &message);
        }
        parsed
    }

    fn devices(&mut self, tables: &[Spanned<DeviceTable>]) -> Vec<DeviceRule> {
        if tables.len() > DEVICE_RULES_MAX {
            let line = tables.get(DEVICE_RULES_MAX).map_or(0, |it| self.line(it.span().start));
            let message = format!("more than {DEVICE_RULES_MAX} [[device]]; give several patterns");
            self.error_in(line, "", &message);
            return Vec::new();
        }
        tables.iter().map(|table| self.device(table)).collect()
    }

    fn device(&mut self, table: &Spanned<DeviceTable>) -> DeviceRule {
        let span = table.span();
        let table = table.get_ref();
        let mut patterns = |texts: &Texts| -> Vec<Box<str>> {
            for text in &texts.0 {
                let is_long = text.chars().nth(DEVICE_PATTERN_CHARS_MAX).is_some();
                if text.is_empty() || is_long {
                    let message = format!(
                        "a pattern for devices has 1 to {DEVICE_PATTERN_CHARS_MAX} characters"
                    );
                    self.error(span.clone(), "", &message);
                }
            }
            texts.0.iter().map(|text| text.as_str().into()).collect()
        };
        let rule = DeviceRule {
            manufacturer: patterns(&table.manufacturer),
            manufacturer_oui: patterns(&table.manufacturer_oui),
            product_class: patterns(&table.product_class),
            model_name: patterns(&table.model_name),
            hardware_version: patterns(&table.hardware_version),
            software_version: patterns(&table.software_version),
        };
        if rule.manufacturer_oui.iter().any(|text| is_separated_oui(text)) {
            let message = "an OUI has no separators here: write it as 02D20F";
            self.error(span.clone(), "", message);
        }
        if rule.is_empty() {
            let message = "a [[device]] without any rule; for all devices write \
                           manufacturer_oui = \"*\"";
            self.error(span, "", message);
        }
        rule
    }

    fn object(
        &mut self,
        path: &Spanned<String>,
        table: ObjectTable,
        extends: &ModelName,
    ) -> AddedObject {
        let line = self.line(first_place(path, &table));
        let path = path.get_ref().clone();
        if let Err(message) = check_object_path(&path, &extends.name) {
            self.error_in(line, &path, &message);
        } else if path.split('.').count() > PATH_DEPTH_MAX {
            let message = format!("a path has at most {PATH_DEPTH_MAX} components");
            self.error_in(line, &path, &message);
        }
        let definition = self.definition(&path, line, &table);
        let mut tables: Vec<_> = table.parameter.into_iter().collect();
        tables.sort_by_key(|(name, _)| name.span().start);
        let parameters = tables
            .into_iter()
            .map(|(name, table)| {
                let line = self.line(name.span().start);
                let name = name.into_inner();
                let change = parameter::read(self, &path, &name, line, table);
                AddedParameter { line, name, change }
            })
            .collect();
        AddedObject { line, path, definition, parameters }
    }

    fn definition(&mut self, path: &str, line: u32, table: &ObjectTable) -> Definition {
        // That the dot is missing has been said.
        let is_table = path.strip_suffix('.').unwrap_or(path).ends_with("{i}");
        let entries = table.entries.as_ref().and_then(|text| {
            let counts = counts::<u32>(text.get_ref());
            counts.map_err(|message| self.error(text.span(), path, &message)).ok()
        });
        if !is_table {
            let is_single = |entries: (u32, Option<u32>)| entries.1 == Some(1);
            if entries.is_some_and(|entries| !is_single(entries)) {
                let message = "an object without {i} is there once, or not: entries is \"0..1\"";
                self.error_in(line, path, message);
            }
            let of_tables = table.access.is_some()
                || table.number_of_entries.is_some()
                || table.enable.is_some()
                || !table.unique_keys.is_empty()
                || !table.unique_keys_if_enabled.is_empty();
            if of_tables {
                let message = "access, number_of_entries, enable and unique_keys are for tables, \
                               whose paths end in {i}.";
                self.error_in(line, path, message);
            }
        }
        if !table.unique_keys_if_enabled.is_empty() && table.enable.is_none() {
            let message = "unique_keys_if_enabled needs enable, the parameter that switches a row";
            self.error_in(line, path, message);
        }
        let text = |text: &Option<Spanned<String>>| text.as_ref().map(|it| it.get_ref().clone());
        Definition {
            description: table.description.as_deref().map(Into::into),
            access: table.access.map(Into::into),
            entries,
            number_of_entries: text(&table.number_of_entries),
            enable: text(&table.enable),
            unique_keys: unique_keys(table),
            status: table.status.map(Into::into),
        }
    }

    pub(super) fn error(&mut self, span: Range<usize>, path: &str, message: &str) {
        let line = self.line(span.start);
        self.error_in(line, path, message);
    }

    pub(super) fn error_in(&mut self, line: u32, path: &str, message: &str) {
        let place = Place { file: self.shown.into(), line };
        self.problems.error(place, path, message);
    }

    /// The line of a byte of the text.
    pub(super) fn line(&self, byte: usize) -> u32 {
        let breaks = self.line_ends.partition_point(|end| *end < byte);
        u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// Where an object first stands: its header may come after those of its parameters, or not at all.
fn first_place(path: &Spanned<String>, table: &ObjectTable) -> usize {
    let parameters = table.parameter.keys().map(|name| name.span().start);
    parameters.chain([path.span().start]).min().unwrap_or_default()
}

fn unique_keys(table: &ObjectTable) -> Vec<DraftUniqueKey> {
    let key = |functional: bool| {
        move |names: &Texts| DraftUniqueKey { functional, parameters: names.0.clone() }
    };
    let always = table.unique_keys.iter().map(key(false));
    always.chain(table.unique_keys_if_enabled.iter().map(key(true))).collect()
}

/// Whether it is written as the first half of a MAC address, and so matches no device.
fn is_separated_oui(text: &str) -> bool {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-')).collect();
    digits.len() < text.len()
        && digits.len() == 6
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
