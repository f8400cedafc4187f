//! Pieces of Rust.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use drover_cwmp::ValueType;
use drover_datamodel::schema::{Object, Parameter};
use drover_datamodel::syntax::{Enumeration, List, Range, Size, Status, Syntax};

use super::names;

/// Where the types stand that constants are of.
const ACCESSORS: &str = "crate::tree::accessors";
const SYNTAX: &str = "drover_datamodel::syntax";
const PATTERN: &str = "drover_datamodel::pattern";

/// A module of Rust for an object.
#[derive(Default)]
pub(super) struct Module {
    /// Without `{i}`; empty for the top.
    name: String,
    path: String,
    items: Vec<String>,
    children: Vec<Self>,
    /// Names of constants, and of types and modules.
    names: BTreeSet<String>,
}

impl Module {
    /// The module of an object directly below.
    pub(super) fn child(&mut self, object: &Object<'_>) -> Result<&mut Self, String> {
        let name = names::module(object.name());
        let position = match self.children.iter().position(|child| child.name == name) {
            Some(position) => position,
            None => {
                self.claim(&name)?;
                self.children.push(Self::new(name, object)?);
                self.children.len() - 1
            }
        };
        let child = &mut self.children[position];
        if child.path == object.path() { Ok(child) } else { Err(twice(&child.name)) }
    }

    fn new(name: String, object: &Object<'_>) -> Result<Self, String> {
        let mut module = Self { name, path: object.path(), ..Self::default() };
        if !object.is_table() {
            let path = module.path.clone();
            module.constant("OBJECT", "Object", &path)?;
        }
        Ok(module)
    }

    pub(super) fn table(&mut self, path: &str) -> Result<(), String> {
        let table = path.strip_suffix("{i}.").unwrap_or(path);
        self.constant("TABLE", "Table", table)
    }

    pub(super) fn parameter(&mut self, it: &Parameter<'_>, value: &str) -> Result<(), String> {
        let (name, path) = (names::constant(it.name()), it.path());
        self.claim(&name)?;
        let count = path.matches("{i}").count();
        let chars_max = chars_max(it.syntax());
        self.items.push(format!(
            "/// `{path}`\npub const {name}: {ACCESSORS}::Parameter<{value}, {count}> = \
             {ACCESSORS}::Parameter::new({path:?}, {chars_max});\n"
        ));
        Ok(())
    }

    /// A type for the words of a parameter; its name.
    pub(super) fn enumeration(
        &mut self,
        parameter: &Parameter<'_>,
        words: &[String],
    ) -> Result<String, String> {
        let name = names::variant(parameter.name());
        self.claim(&name)?;
        let variants: Vec<String> = words.iter().map(|word| names::variant(word)).collect();
        let distinct: BTreeSet<&String> = variants.iter().collect();
        if distinct.len() < variants.len() {
            return Err(format!("words of {} look the same in Rust", parameter.path()));
        }
        let mut code = format!("words! {{\n/// `{}`\npub enum {name} {{\n", parameter.path());
        for (variant, word) in variants.iter().zip(words) {
            let _ = writeln!(code, "{variant} = {word:?},");
        }
        code.push_str("}\n}\n");
        self.items.push(code);
        Ok(name)
    }

    /// Another name for the type of the same words; the name.
    pub(super) fn alias(&mut self, it: &Parameter<'_>, type_path: &str) -> Result<String, String> {
        let name = names::variant(it.name());
        self.claim(&name)?;
        let other = if type_path.ends_with(&format!("::{name}")) {
            String::new()
        } else {
            format!(" as {name}")
        };
        self.items.push(format!("pub use {type_path}{other};\n"));
        Ok(name)
    }

    fn constant(&mut self, name: &str, kind: &str, path: &str) -> Result<(), String> {
        self.claim(name)?;
        let count = path.matches("{i}").count();
        self.items.push(format!(
            "/// `{path}`\npub const {name}: {ACCESSORS}::{kind}<{count}> = \
             {ACCESSORS}::{kind}::new({path:?});\n"
        ));
        Ok(())
    }

    fn claim(&mut self, name: &str) -> Result<(), String> {
        if self.names.insert(name.to_owned()) { Ok(()) } else { Err(twice(name)) }
    }

    pub(super) fn render(&self) -> String {
        let inner: String = self.items.iter().cloned().collect();
        let below: String = self.children.iter().map(Self::render).collect();
        if self.name.is_empty() {
            return below;
        }
        format!("/// `{}`\npub mod {} {{\n{inner}{below}}}\n", self.path, self.name)
    }
}

fn twice(name: &str) -> String {
    format!("{name} is already the name of something else in Rust")
}

/// The words that a device can give.
pub(super) fn words(syntax: &Syntax) -> Vec<String> {
    if syntax.value_type != ValueType::String || !syntax.patterns.is_empty() {
        return Vec::new();
    }
    let words = syntax.enumerations.iter().filter(|word| word.status != Status::Deleted);
    words.map(|word| word.value.to_string()).collect()
}

/// The type in Rust of a value, or of an item of a list, that is no word.
pub(super) fn rust_type(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Boolean => "bool",
        ValueType::Int => "i32",
        ValueType::UnsignedInt => "u32",
        ValueType::Long => "i64",
        ValueType::UnsignedLong => "u64",
        ValueType::DateTime => "drover_cwmp::DateTime",
        ValueType::String | ValueType::Base64 | ValueType::HexBinary | ValueType::Decimal => "str",
    }
}

/// An expression for how long a text may be.
fn chars_max(syntax: &Syntax) -> String {
    let sizes = syntax.list.as_ref().map_or(&syntax.sizes, |list| &list.sizes);
    let is_text = syntax.value_type == ValueType::String || syntax.list.is_some();
    let max = sizes.iter().map(|size| size.max).max_by_key(|max| max.unwrap_or(u64::MAX));
    match max.flatten().filter(|_| is_text) {
        Some(max) => max.to_string(),
        None => "usize::MAX".to_owned(),
    }
}

pub(super) fn value_type(item: &str, is_list: bool) -> String {
    if is_list { format!("{ACCESSORS}::List<{item}>") } else { item.to_owned() }
}

pub(super) fn facts(parameter: &Parameter<'_>, writable: bool, syntax: usize) -> String {
    format!(
        "{ACCESSORS}::Facts {{ path: {:?}, writable: {writable}, forced_inform: {}, \
         notify: {SYNTAX}::ActiveNotify::{:?}, default: {:?}, syntax: syntax_{syntax} }}",
        parameter.path(),
        parameter.forced_inform(),
        parameter.active_notify(),
        parameter.value_on_creation(),
    )
}

/// What values look like. What no ACS can set is never checked: its type will do.
pub(super) fn syntax(parameter: &Parameter<'_>, writable: bool) -> Result<String, String> {
    let syntax = parameter.syntax();
    let mut fields = Vec::new();
    if syntax.reads_as_null() {
        fields.push("hidden: true".to_owned());
    }
    if !writable {
        fields.push(format!("value_type: drover_cwmp::ValueType::{:?}", parameter.value_type()));
        return Ok(structure(SYNTAX, "Syntax", &fields));
    }
    let is_reference = syntax.path_ref.is_some()
        || syntax.instance_ref.is_some()
        || syntax.enumeration_ref.is_some();
    if is_reference {
        return Err(format!("{} is a reference, which cannot be writable", parameter.path()));
    }
    fields.push(format!("value_type: drover_cwmp::ValueType::{:?}", syntax.value_type));
    fields.extend(syntax.list.as_ref().map(|it| format!("list: Some({})", list(it))));
    fields.extend(vector("sizes", &syntax.sizes, size));
    fields.extend(vector("ranges", &syntax.ranges, range));
    let patterns: Vec<_> =
        syntax.patterns.iter().filter(|it| it.status != Status::Deleted).cloned().collect();
    fields.extend(vector("patterns", &patterns, |it| {
        let value = format!("value: {:?}.into()", it.value);
        structure(PATTERN, "Pattern", &[value, format!("read_only: {}", it.read_only)])
    }));
    let words: Vec<_> =
        syntax.enumerations.iter().filter(|it| it.status != Status::Deleted).cloned().collect();
    fields.extend(vector("enumerations", &words, word));
    Ok(structure(SYNTAX, "Syntax", &fields))
}

fn list(list: &List) -> String {
    let mut fields = vec![
        format!("items_min: {}", list.items_min),
        format!("items_max: {:?}", list.items_max),
        format!("nested_brackets: {SYNTAX}::NestedBrackets::{:?}", list.nested_brackets),
    ];
    fields.extend(vector("sizes", &list.sizes, size));
    structure(SYNTAX, "List", &fields)
}

fn size(size: &Size) -> String {
    format!("{SYNTAX}::Size {{ min: {}, max: {:?} }}", size.min, size.max)
}

fn range(range: &Range) -> String {
    let bound = |name: &str, bound: &Option<Box<str>>| {
        bound.as_ref().map(|bound| format!("{name}: Some({bound:?}.into())"))
    };
    let fields = [
        bound("min", &range.min),
        bound("max", &range.max),
        bound("step", &range.step),
        Some(format!("optional: {}", range.optional)),
    ];
    structure(SYNTAX, "Range", &fields.into_iter().flatten().collect::<Vec<_>>())
}

fn word(word: &Enumeration) -> String {
    let value = format!("value: {:?}.into()", word.value);
    structure(SYNTAX, "Enumeration", &[value, format!("read_only: {}", word.read_only)])
}

fn vector<T>(name: &str, items: &[T], item: impl Fn(&T) -> String) -> Option<String> {
    let code: Vec<String> = items.iter().map(item).collect();
    (!code.is_empty()).then(|| format!("{name}: vec![{}]", code.join(", ")))
}

/// Fields that are not given have their usual value.
fn structure(module: &str, name: &str, fields: &[String]) -> String {
    format!("{module}::{name} {{ {}, ..Default::default() }}", fields.join(", "))
}

pub(super) fn version(version: &str) -> String {
    format!(
        "/// The model that the tree is a part of.\n\
         pub(crate) const ROOT_DATA_MODEL_VERSION: &str = {version:?};\n"
    )
}

pub(super) fn tables(paths: &[String]) -> String {
    let paths: String = paths.iter().map(|path| format!("{path:?},\n")).collect();
    format!("/// In the order of the list.\npub(crate) const TABLES: &[&str] = &[\n{paths}];\n")
}

pub(super) fn parameters(facts: &[String]) -> String {
    let facts: String = facts.iter().map(|facts| format!("{facts},\n")).collect();
    format!(
        "/// In the order of the list.\n\
         pub(crate) const PARAMETERS: &[{ACCESSORS}::Facts] = &[\n{facts}];\n"
    )
}

pub(super) fn syntaxes(syntaxes: &[String]) -> String {
    let function =
        |(number, code)| format!("fn syntax_{number}() -> {SYNTAX}::Syntax {{ {code} }}\n");
    (0..).zip(syntaxes).map(|pair: (usize, &String)| function(pair)).collect()
}
