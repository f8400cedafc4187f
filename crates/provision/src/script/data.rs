//! Plain data as it goes into a script and comes out of it.

use std::fmt;

use jiff::Timestamp;
use rquickjs::object::Property;
use rquickjs::{Array, Ctx, Exception, IntoJs, Object, Result, Value};

use crate::limits::SCRIPT_DATA_DEPTH_MAX;

/// What JSON can say, and a date.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number, or not a number.
    Number(f64),
    /// A text.
    Text(String),
    /// A `Date` of a script, in milliseconds of the Unix clock; a script is given the number.
    Date(f64),
    /// A list.
    List(Vec<Self>),
    /// An object with its members in their order.
    Object(Vec<(String, Self)>),
}

impl fmt::Display for Data {
    /// For people: texts as they are, `[1, a]`, `{a: 1}`, times as `2026-11-22T13:16:23Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Date(time) =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "saturates, which is no time")]
                match Timestamp::from_millisecond(*time as i64) {
                    Ok(time) => time.fmt(f),
                    Err(_) => f.write_str("Invalid Date"),
                }
            }
            Self::List(items) => {
                f.write_str("[")?;
                for (place, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if place == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (place, (name, member)) in members.iter().enumerate() {
                    write!(f, "{}{name}: {member}", if place == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

impl Data {
    /// A value with its type, as the attribute `value` has it.
    pub fn typed(value: Self, value_type: &str) -> Self {
        Self::List(vec![value, Self::Text(value_type.to_owned())])
    }

    /// Bytes of its texts, and one for each value.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Date(_) => 1,
            Self::Text(text) => text.len().saturating_add(1),
            Self::List(items) => items.iter().map(Self::size).fold(1, usize::saturating_add),
            Self::Object(members) => members
                .iter()
                .map(|(name, member)| name.len().saturating_add(member.size()))
                .fold(1, usize::saturating_add),
        }
    }

    /// A member of an object.
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The value as an object of a context.
    pub(super) fn to_js<'js>(&self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        self.to_js_at(ctx, 0)
    }

    fn to_js_at<'js>(&self, ctx: &Ctx<'js>, depth: usize) -> Result<Value<'js>> {
        if depth > SCRIPT_DATA_DEPTH_MAX {
            return Err(Exception::throw_range(ctx, "the data is nested too deep"));
        }
        let below = depth.saturating_add(1);
        match self {
            Self::Null => Ok(Value::new_null(ctx.clone())),
            Self::Bool(value) => Ok(Value::new_bool(ctx.clone(), *value)),
            Self::Number(value) | Self::Date(value) => Ok(Value::new_number(ctx.clone(), *value)),
            Self::Text(text) => text.as_str().into_js(ctx),
            Self::List(items) => {
                let array = Array::new(ctx.clone())?;
                for (index, item) in (0u32..).zip(items) {
                    define(array.as_object(), index, item.to_js_at(ctx, below)?)?;
                }
                Ok(array.into_value())
            }
            Self::Object(members) => {
                let object = Object::new(ctx.clone())?;
                for (name, member) in members {
                    define(&object, name.as_str(), member.to_js_at(ctx, below)?)?;
                }
                Ok(object.into_value())
            }
        }
    }

    /// Reads what `flat` of the prelude wrote; `None` for `undefined`.
    pub(super) fn from_flat(flat: &Object<'_>) -> Result<Option<Self>> {
        let length: u32 = flat.get("length")?;
        let mut reader = Reader::default();
        let mut root = None;
        for index in (0..length).step_by(2) {
            let kind: i32 = flat.get(index)?;
            let content: Value<'_> = flat.get(index.saturating_add(1))?;
            root = reader.read(kind, &content)?.or(root);
        }
        Ok(root)
    }
}

/// Defines a member: unlike an assignment, that runs no setter of a script.
fn define<'js, K>(object: &Object<'js>, key: K, value: Value<'js>) -> Result<()>
where
    K: rquickjs::IntoAtom<'js>,
{
    object.prop(key, Property::from(value).writable().enumerable().configurable())
}

/// Lists and objects that are not yet complete, the innermost last.
#[derive(Default)]
struct Reader {
    open: Vec<Open>,
}

struct Open {
    data: Data,
    key: Option<String>,
}

impl Reader {
    /// Reads one entry; the whole data when it was the last one.
    fn read(&mut self, kind: i32, content: &Value<'_>) -> Result<Option<Data>> {
        let data = match kind {
            1 => Data::Bool(content.get()?),
            2 => Data::Number(content.get()?),
            3 => Data::Text(content.get()?),
            4 => Data::Date(content.get()?),
            5 => return Ok(self.open(Data::List(Vec::new()))),
            6 => return Ok(self.open(Data::Object(Vec::new()))),
            7 => match self.open.pop() {
                Some(open) => open.data,
                None => Data::Null,
            },
            8 => {
                let key = content.get()?;
                if let Some(open) = self.open.last_mut() {
                    open.key = Some(key);
                }
                return Ok(None);
            }
            _ => Data::Null,
        };
        Ok(self.close(data))
    }

    fn open(&mut self, data: Data) -> Option<Data> {
        self.open.push(Open { data, key: None });
        None
    }

    fn close(&mut self, data: Data) -> Option<Data> {
        let Some(open) = self.open.last_mut() else { return Some(data) };
        match &mut open.data {
            Data::List(items) => items.push(data),
            Data::Object(members) => members.push((open.key.take().unwrap_or_default(), data)),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_can_read_it() {
        let text = |text: &str| Data::Text(text.to_owned());
        let list = Data::List(vec![Data::Number(1.0), text("a b"), Data::Null]);
        let members = [("n", Data::Number(-0.5)), ("list", list), ("no", Data::Bool(false))];
        let members = members.map(|(name, member)| (name.to_owned(), member)).to_vec();
        assert_eq!(Data::Object(members).to_string(), "{n: -0.5, list: [1, a b, null], no: false}");
        assert_eq!(Data::Date(1_763_817_383_000.0).to_string(), "2025-11-22T13:16:23Z");
        assert_eq!(Data::Date(f64::MAX).to_string(), "Invalid Date");
        assert_eq!(Data::List(Vec::new()).to_string(), "[]");
    }
}
