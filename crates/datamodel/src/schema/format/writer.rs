//! Writing the payload.

use std::collections::BTreeMap;

use super::super::{ObjectRow, ParameterRow, ProfileRow, Schema};
use crate::pattern::Pattern;
use crate::syntax::{
    DefaultValue, Enumeration, EnumerationRefFacet, InstanceRefFacet, List, PathRefFacet, Range,
    Size, Syntax,
};
use crate::version::Version;

/// Collects numbers, and texts that are written once and referred to by number.
#[derive(Default)]
struct Writer<'s> {
    body: Vec<u8>,
    texts: Vec<&'s str>,
    numbers: BTreeMap<&'s str, u64>,
}

pub(super) fn write(schema: &Schema) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.schema(schema);
    let mut head = Writer::default();
    head.count(writer.texts.len());
    for text in &writer.texts {
        head.count(text.len());
        head.body.extend_from_slice(text.as_bytes());
    }
    head.body.extend_from_slice(&writer.body);
    head.body
}

impl<'s> Writer<'s> {
    fn schema(&mut self, schema: &'s Schema) {
        self.text(&schema.name.name);
        self.version(schema.name.version);
        self.text(&schema.spec);
        self.flags([schema.is_service]);
        self.count(schema.syntaxes.len());
        for syntax in &schema.syntaxes {
            self.syntax(syntax);
        }
        self.count(schema.objects.len());
        for (id, object) in schema.objects.iter().enumerate() {
            self.object(id, object);
            let range = object.parameters.clone();
            self.number(u64::from(range.end.saturating_sub(range.start)));
            for row in range.filter_map(|id| schema.parameter_row(id)) {
                self.parameter(row, object.version);
            }
        }
        // What objects link to is written when all parameters are known to the reader.
        for object in &schema.objects {
            for link in [object.num_entries, object.enable, object.discriminator] {
                self.number(link.map_or(0, |id| u64::from(id).saturating_add(1)));
            }
        }
        self.count(schema.profiles.len());
        for profile in &schema.profiles {
            self.profile(profile);
        }
    }

    fn object(&mut self, id: usize, row: &'s ObjectRow) {
        // Most objects follow their parent closely.
        let parent = usize::try_from(row.parent).unwrap_or_default();
        self.count(id.saturating_sub(parent));
        self.text(&row.name);
        self.flags([row.is_table, row.mount_point, row.entries_max.is_some()]);
        self.byte(row.access as u8);
        self.byte(row.status as u8);
        self.number(u64::from(row.entries_min));
        if let Some(max) = row.entries_max {
            self.number(u64::from(max));
        }
        self.version(row.version);
        self.count(row.unique_keys.len());
        for key in &row.unique_keys {
            self.flags([key.functional]);
            self.count(key.parameters.len());
            key.parameters.iter().for_each(|name| self.text(name));
        }
        self.option(row.description.as_deref());
    }

    fn parameter(&mut self, row: &'s ParameterRow, inherited: Version) {
        self.text(&row.name);
        self.number(u64::from(row.syntax));
        let same_version = row.version == inherited;
        self.flags([row.forced_inform, row.default.is_some(), same_version]);
        self.byte(
            (row.access as u8) | ((row.status as u8) << 2) | ((row.active_notify as u8) << 4),
        );
        if !same_version {
            self.version(row.version);
        }
        if let Some(DefaultValue { default_type, value }) = &row.default {
            self.byte(*default_type as u8);
            self.text(value);
        }
        self.option(row.description.as_deref());
    }

    fn syntax(&mut self, syntax: &'s Syntax) {
        self.byte(syntax.value_type as u8);
        self.option(syntax.type_name.as_deref());
        self.flags([
            syntax.hidden,
            syntax.secured,
            syntax.command,
            syntax.list.is_some(),
            syntax.path_ref.is_some(),
            syntax.instance_ref.is_some(),
            syntax.enumeration_ref.is_some(),
        ]);
        if let Some(list) = &syntax.list {
            self.list(list);
        }
        self.sizes(&syntax.sizes);
        self.count(syntax.ranges.len());
        syntax.ranges.iter().for_each(|range| self.range(range));
        self.count(syntax.patterns.len());
        syntax.patterns.iter().for_each(|pattern| self.pattern(pattern));
        self.count(syntax.enumerations.len());
        syntax.enumerations.iter().for_each(|word| self.enumeration(word));
        if let Some(reference) = &syntax.path_ref {
            self.path_ref(reference);
        }
        if let Some(InstanceRefFacet { strength, target_parent, scope }) = &syntax.instance_ref {
            self.byte(*strength as u8);
            self.byte(*scope as u8);
            self.text(target_parent);
        }
        if let Some(reference) = &syntax.enumeration_ref {
            let EnumerationRefFacet { target_parameter, scope, null_value } = reference;
            self.byte(*scope as u8);
            self.text(target_parameter);
            self.option(null_value.as_deref());
        }
        self.option(syntax.units.as_deref());
    }

    fn list(&mut self, list: &List) {
        self.number(u64::from(list.items_min));
        self.number(list.items_max.map_or(0, |max| u64::from(max).saturating_add(1)));
        self.byte(list.nested_brackets as u8);
        self.sizes(&list.sizes);
    }

    fn sizes(&mut self, sizes: &[Size]) {
        self.count(sizes.len());
        for Size { min, max } in sizes {
            self.number(*min);
            self.flags([max.is_some()]);
            if let Some(max) = max {
                self.number(*max);
            }
        }
    }

    fn range(&mut self, range: &'s Range) {
        self.flags([range.optional]);
        for bound in [&range.min, &range.max, &range.step] {
            self.option(bound.as_deref());
        }
    }

    fn pattern(&mut self, pattern: &'s Pattern) {
        self.text(&pattern.value);
        self.flags([pattern.read_only, pattern.version.is_some()]);
        self.byte(pattern.status as u8);
        if let Some(version) = pattern.version {
            self.version(version);
        }
        self.option(pattern.description.as_deref());
    }

    fn enumeration(&mut self, word: &'s Enumeration) {
        self.text(&word.value);
        self.flags([word.read_only, word.optional, word.version.is_some(), word.code.is_some()]);
        self.byte(word.status as u8);
        if let Some(version) = word.version {
            self.version(version);
        }
        if let Some(code) = word.code {
            // Small numbers of either sign stay short.
            self.number(((code << 1) ^ (code >> 63)).cast_unsigned());
        }
        self.option(word.description.as_deref());
    }

    fn path_ref(&mut self, reference: &'s PathRefFacet) {
        self.byte(reference.strength as u8);
        self.byte(reference.scope as u8);
        self.byte(reference.target_type as u8);
        self.count(reference.target_parents.len());
        reference.target_parents.iter().for_each(|parent| self.text(parent));
        self.option(reference.target_data_type.as_deref());
    }

    fn profile(&mut self, row: &'s ProfileRow) {
        self.text(&row.name);
        self.option(row.base.as_deref());
        self.count(row.extends.len());
        row.extends.iter().for_each(|name| self.text(name));
        self.version(row.version);
        self.byte(row.status as u8);
        self.count(row.objects.len());
        let mut last = 0;
        for (id, requirement) in &row.objects {
            self.step(&mut last, *id);
            self.byte(*requirement as u8);
        }
        self.count(row.parameters.len());
        let mut last = 0;
        for (id, access) in &row.parameters {
            self.step(&mut last, *id);
            self.byte(*access as u8);
        }
        self.option(row.description.as_deref());
    }

    /// A number as its distance from the last one.
    fn step(&mut self, last: &mut u32, id: u32) {
        let distance = i64::from(id).saturating_sub(i64::from(*last));
        self.number(((distance << 1) ^ (distance >> 63)).cast_unsigned());
        *last = id;
    }

    fn version(&mut self, version: Version) {
        self.number(u64::from(version.major));
        self.number(u64::from(version.minor));
        self.number(u64::from(version.patch));
    }

    fn text(&mut self, text: &'s str) {
        let next = u64::try_from(self.texts.len()).unwrap_or(u64::MAX);
        let number = *self.numbers.entry(text).or_insert_with(|| {
            self.texts.push(text);
            next
        });
        self.number(number);
    }

    /// 0 for none, else the number of the text and 1.
    fn option(&mut self, text: Option<&'s str>) {
        let Some(text) = text else { return self.byte(0) };
        self.byte(1);
        self.text(text);
    }

    fn flags<const N: usize>(&mut self, flags: [bool; N]) {
        let bits = flags.iter().rev().fold(0_u8, |bits, flag| (bits << 1) | u8::from(*flag));
        self.byte(bits);
    }

    fn count(&mut self, count: usize) {
        self.number(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Seven bits a byte, the lowest first.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            let [low, ..] = number.to_le_bytes();
            self.byte(low | 0x80);
            number >>= 7;
        }
        let [low, ..] = number.to_le_bytes();
        self.byte(low);
    }

    fn byte(&mut self, byte: u8) {
        self.body.push(byte);
    }
}
