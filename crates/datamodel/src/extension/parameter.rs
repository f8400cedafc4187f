//! One parameter of an extension.

use std::collections::BTreeSet;

use drover_cwmp::ValueType;
use toml::Spanned;

use super::Change;
use super::document::{ParameterTable, Scalar, Texts, Word};
use super::names::{PATH_CHARS_MAX, VENDOR_VALUE_CHARS_MAX, Vendor, bounds, counts, is_name};
use super::read::Reader;
use super::types;
use crate::check::{Direction, check};
use crate::draft::DraftParameter;
use crate::pattern::{self, Pattern};
use crate::syntax::{
    Access, DefaultType, DefaultValue, Enumeration, PathRefFacet, Range, Size, Strength, Syntax,
    TargetType,
};

/// Reads a parameter of the object at `object`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    object: &str,
    name: &str,
    line: u32,
    table: ParameterTable,
) -> Change {
    let path = format!("{object}{name}");
    if !is_name(name) {
        let message =
            format!("{name:?} is no name, which has letters, digits, '_' and '-' only (TM-08)");
        reader.error_in(line, &path, &message);
    }
    if path.chars().count() > PATH_CHARS_MAX {
        let message = format!("a path has at most {PATH_CHARS_MAX} characters (TM-16)");
        reader.error_in(line, &path, &message);
    }
    let mut parameter = ParameterReader { reader, path, line };
    match &table.value_type {
        Some(text) => {
            let text = text.clone();
            Change::New(Box::new(parameter.new_parameter(name, &text, table)))
        }
        None => parameter.widen(table),
    }
}

struct ParameterReader<'r, 't> {
    reader: &'r mut Reader<'t>,
    path: String,
    line: u32,
}

impl ParameterReader<'_, '_> {
    /// Without a type, it is about a parameter of the model.
    fn widen(&mut self, table: ParameterTable) -> Change {
        let is_other = table.description.is_some()
            || table.size.is_some()
            || table.range.is_some()
            || table.step.is_some()
            || table.items.is_some()
            || table.list_size.is_some()
            || !table.values.is_empty()
            || !table.patterns.is_empty()
            || !table.references.is_empty()
            || table.strong
            || table.units.is_some()
            || table.default.is_some()
            || table.hidden
            || table.command
            || table.active_notify.is_some()
            || table.forced_inform
            || table.status.is_some();
        let access: Option<Access> = table.access.map(Into::into);
        if is_other {
            self.error(
                "a parameter needs a type; one of the model takes access and add_values only",
            );
        } else if access == Some(Access::ReadOnly) {
            self.error("access can only be widened, to readWrite (XML-24)");
        } else if access.is_none() && table.add_values.is_empty() {
            self.error("a parameter needs a type; for one of the model give access or add_values");
        }
        let words = table.add_values.into_iter();
        let words = words.map(|word| self.vendor_word(word)).collect();
        Change::Widen { writable: access.is_some(), words }
    }

    fn vendor_word(&mut self, word: Spanned<Word>) -> Enumeration {
        let span = word.span();
        let word = enumeration(word.into_inner());
        let is_vendors = Vendor::of(&word.value) == Vendor::Valid
            && word.value.chars().count() <= VENDOR_VALUE_CHARS_MAX;
        if !is_vendors && !self.reader.any_names {
            let message = format!(
                "a word that is added to the standard is called X_<VENDOR>_{} and has at most \
                 {VENDOR_VALUE_CHARS_MAX} characters (TM-16); for a device that does otherwise \
                 write names = \"any\" at the top",
                word.value
            );
            self.reader.error(span, &self.path, &message);
        }
        word
    }

    fn new_parameter(
        &mut self,
        name: &str,
        value_type: &Spanned<String>,
        mut table: ParameterTable,
    ) -> DraftParameter {
        if !table.add_values.is_empty() {
            self.error("add_values is for parameters of the model; give values beside a type");
        }
        let syntax = self.syntax(value_type, &mut table);
        let default = table.default.as_ref().and_then(|text| self.default(&syntax, text));
        DraftParameter {
            name: name.to_owned(),
            access: table.access.map(Into::into).unwrap_or_default(),
            status: table.status.map(Into::into).unwrap_or_default(),
            active_notify: table.active_notify.map(Into::into).unwrap_or_default(),
            forced_inform: table.forced_inform,
            syntax,
            default,
            description: table.description.map(Into::into),
            ..DraftParameter::default()
        }
    }

    fn syntax(&mut self, value_type: &Spanned<String>, table: &mut ParameterTable) -> Syntax {
        let Some(mut syntax) = types::parse(value_type.get_ref()) else {
            let message =
                format!("there is no type {:?}; use {}", *value_type.get_ref(), types::names());
            self.reader.error(value_type.span(), &self.path, &message);
            return Syntax::default();
        };
        syntax.hidden = table.hidden;
        syntax.command = table.command;
        syntax.units = table.units.take().map(Into::into);
        self.sizes(&mut syntax, table.size.as_ref());
        self.ranges(&mut syntax, table.range.as_ref(), table.step.as_ref());
        self.list(&mut syntax, table);
        self.words(&mut syntax, table);
        self.references(&mut syntax, table);
        // TM-15 would allow 16 characters; but who describes a device by hand means any text.
        let says_nothing = syntax.sizes.is_empty()
            && syntax.patterns.is_empty()
            && syntax.enumerations.is_empty()
            && syntax.path_ref.is_none();
        if syntax.value_type == ValueType::String && says_nothing {
            syntax.sizes.push(Size::default());
        }
        syntax
    }

    fn sizes(&mut self, syntax: &mut Syntax, texts: Option<&Spanned<Texts>>) {
        let Some(texts) = texts else { return };
        let has_size = matches!(
            syntax.value_type,
            ValueType::String | ValueType::Base64 | ValueType::HexBinary
        );
        if !has_size {
            let message = "size is for string, base64 and hexBinary; a number has a range";
            return self.reader.error(texts.span(), &self.path, message);
        }
        syntax.sizes =
            self.each(texts, |text| counts::<u64>(text).map(|(min, max)| Size { min, max }));
    }

    fn ranges(
        &mut self,
        syntax: &mut Syntax,
        texts: Option<&Spanned<Texts>>,
        step: Option<&Spanned<Scalar>>,
    ) {
        let value_type = syntax.value_type;
        if let Some(texts) = texts {
            if !is_number(value_type) {
                let message = "range is for numbers; a string has a size";
                return self.reader.error(texts.span(), &self.path, message);
            }
            syntax.ranges = self.each(texts, |text| range(value_type, text));
        }
        let Some(step) = step else { return };
        let is_positive = |text: &str| {
            let zero = Range { min: Some("0".into()), ..Range::default() };
            let positive = Syntax { value_type, ranges: vec![zero], ..Syntax::default() };
            let checked = check(&positive, text, Direction::Report);
            checked.is_ok_and(|checked| checked.text != "0")
        };
        let text = &step.get_ref().0;
        // A range that is wrong has been named.
        if texts.is_none() || !is_number(value_type) || !is_positive(text) {
            let message = "step is a number above 0, and stands beside a range";
            return self.reader.error(step.span(), &self.path, message);
        }
        for range in &mut syntax.ranges {
            range.step = (text != "1").then(|| text.as_str().into());
        }
    }

    fn list(&mut self, syntax: &mut Syntax, table: &ParameterTable) {
        let Some(list) = &mut syntax.list else {
            if table.items.is_some() || table.list_size.is_some() {
                self.error("items and list_size are for a type \"list of …\"");
            }
            return;
        };
        if let Some(text) = &table.items {
            match counts::<u32>(text.get_ref()) {
                Ok((min, max)) => (list.items_min, list.items_max) = (min, max),
                Err(message) => self.reader.error(text.span(), &self.path, &message),
            }
        }
        if let Some(texts) = &table.list_size {
            let size = |text: &str| counts::<u64>(text).map(|(min, max)| Size { min, max });
            list.sizes = self.each(texts, size);
        }
    }

    fn words(&mut self, syntax: &mut Syntax, table: &mut ParameterTable) {
        let has_words = !table.values.is_empty() || !table.patterns.is_empty();
        if syntax.value_type != ValueType::String && has_words {
            self.error("values and patterns are for strings; a number has a range");
            return;
        }
        if !table.values.is_empty() {
            syntax.enumerations.clear();
        }
        let mut known = BTreeSet::new();
        for word in std::mem::take(&mut table.values) {
            let (span, word) = (word.span(), enumeration(word.into_inner()));
            if !known.insert(word.value.clone()) {
                let message = format!("the value {:?} stands here twice", word.value);
                self.reader.error(span, &self.path, &message);
            }
            syntax.enumerations.push(word);
        }
        if !table.patterns.is_empty() {
            syntax.patterns.clear();
        }
        for text in &table.patterns {
            if let Err(error) = pattern::validate(text.get_ref()) {
                let message = format!("the pattern {:?} cannot be used: {error}", *text.get_ref());
                self.reader.error(text.span(), &self.path, &message);
            }
            syntax.patterns.push(Pattern::new(text.get_ref().as_str()));
        }
    }

    fn references(&mut self, syntax: &mut Syntax, table: &ParameterTable) {
        if table.references.is_empty() {
            if table.strong {
                self.error("strong says something of references; name the tables there");
            }
            return;
        }
        let is_plain = syntax.value_type == ValueType::String
            && syntax.enumerations.is_empty()
            && syntax.patterns.is_empty();
        if !is_plain {
            self.error("references are for strings, or lists of them, without values and patterns");
        }
        let mut target_parents = Vec::new();
        for text in &table.references {
            match text.get_ref().strip_suffix("{i}.") {
                Some(parent) => target_parents.push(parent.into()),
                None => {
                    let message = format!(
                        "{:?} is no table, whose path ends in {{i}}.; references are paths of rows",
                        *text.get_ref()
                    );
                    self.reader.error(text.span(), &self.path, &message);
                }
            }
        }
        syntax.path_ref = Some(PathRefFacet {
            strength: if table.strong { Strength::Strong } else { Strength::Weak },
            target_parents,
            target_type: TargetType::Row,
            ..PathRefFacet::default()
        });
    }

    fn default(&mut self, syntax: &Syntax, text: &Spanned<Scalar>) -> Option<DefaultValue> {
        let value = text.get_ref().0.as_str();
        let message = match check(syntax, value, Direction::Report) {
            Ok(checked) if checked.unknown_words.is_empty() => {
                return Some(DefaultValue {
                    default_type: DefaultType::Factory,
                    value: value.into(),
                });
            }
            Ok(_) => format!("the default {value:?} is none of the values"),
            Err(error) => format!("the default {value:?} does not fit: {error}"),
        };
        self.reader.error(text.span(), &self.path, &message);
        None
    }

    /// Reads each of several texts, or says what is wrong with it.
    fn each<T>(
        &mut self,
        texts: &Spanned<Texts>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for text in &texts.get_ref().0 {
            match read(text) {
                Ok(it) => all.push(it),
                Err(message) => self.reader.error(texts.span(), &self.path, &message),
            }
        }
        all
    }

    fn error(&mut self, message: &str) {
        self.reader.error_in(self.line, &self.path, message);
    }
}

fn enumeration(word: Word) -> Enumeration {
    let access: Option<Access> = word.access.map(Into::into);
    Enumeration {
        value: word.value.into(),
        read_only: access == Some(Access::ReadOnly),
        optional: word.optional,
        description: word.description.map(Into::into),
        ..Enumeration::default()
    }
}

fn is_number(value_type: ValueType) -> bool {
    matches!(
        value_type,
        ValueType::Int
            | ValueType::UnsignedInt
            | ValueType::Long
            | ValueType::UnsignedLong
            | ValueType::Decimal
    )
}

fn range(value_type: ValueType, text: &str) -> Result<Range, String> {
    let (min, max) = bounds(text)?;
    for bound in [min, max].into_iter().flatten() {
        if !value_type.accepts(bound) {
            return Err(format!("{bound:?} is no {}", value_type.name()));
        }
    }
    let from = Range { min: min.map(Into::into), ..Range::default() };
    let at_least_min = Syntax { value_type, ranges: vec![from.clone()], ..Syntax::default() };
    if max.is_some_and(|max| check(&at_least_min, max, Direction::Report).is_err()) {
        return Err(format!("{text:?}: the first end is the smaller one"));
    }
    Ok(Range { max: max.map(Into::into), ..from })
}
