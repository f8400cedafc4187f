//! Values in PostgreSQL's types.

use std::borrow::Cow;
use std::error::Error;

use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::encode::Unreadable;
use crate::sql::connection::{DbError, Field, Param, Result, Row};

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        column: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn Error + Sync + Send>> {
        match *self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(integer) => match *column {
                Type::INT4 => i32::try_from(integer)?.to_sql(column, out),
                #[expect(clippy::cast_precision_loss, reason = "the index has exact ones alone")]
                Type::FLOAT8 => (integer as f64).to_sql(column, out),
                _ => integer.to_sql_checked(column, out),
            },
            Self::Number(number) => number.to_sql_checked(column, out),
            Self::Text(text) => storable(text).to_sql_checked(column, out),
            Self::Bytes(bytes) => bytes.to_sql_checked(column, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // The column of a NULL can be any; values look at theirs themselves.
        true
    }

    to_sql_checked!();
}

/// PostgreSQL has no text with a NUL, so U+0000 and U+0001 are written as two characters, in a way
/// that keeps the order of texts. No XML has either; scripts and operators can give them.
fn storable(text: &str) -> Cow<'_, str> {
    match text.contains(['\0', '\u{1}']) {
        true => Cow::Owned(text.replace('\u{1}', "\u{1}\u{2}").replace('\0', "\u{1}\u{1}")),
        false => Cow::Borrowed(text),
    }
}

fn original(text: String) -> String {
    match text.contains('\u{1}') {
        true => text.replace("\u{1}\u{1}", "\0").replace("\u{1}\u{2}", "\u{1}"),
        false => text,
    }
}

/// A row in the fields of both engines.
pub(in crate::sql) fn row(row: &postgres::Row) -> Result<Row> {
    let fields = (0..row.len()).map(|column| field(row, column));
    Ok(Row(fields.collect::<Result<_>>()?))
}

fn field(row: &postgres::Row, column: usize) -> Result<Field> {
    let column_type = row.columns().get(column).map(postgres::Column::type_);
    let field = match column_type {
        Some(&Type::INT8) => row.try_get::<_, Option<i64>>(column)?.map(Field::Integer),
        Some(&Type::INT4) => {
            row.try_get::<_, Option<i32>>(column)?.map(|integer| Field::Integer(integer.into()))
        }
        Some(&Type::BOOL) => {
            row.try_get::<_, Option<bool>>(column)?.map(|is| Field::Integer(is.into()))
        }
        Some(&Type::FLOAT8) => row.try_get::<_, Option<f64>>(column)?.map(Field::Number),
        Some(&Type::TEXT) => {
            row.try_get::<_, Option<String>>(column)?.map(|text| Field::Text(original(text)))
        }
        Some(&Type::BYTEA) => row.try_get::<_, Option<Vec<u8>>>(column)?.map(Field::Bytes),
        _ => return Err(DbError::from(Unreadable("type of a column"))),
    };
    Ok(field.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_can_be_stored_and_keeps_its_place(
            a in "[\\x00-\\x03a]{0,6}",
            b in "[\\x00-\\x03a]{0,6}",
        ) {
            let (stored_a, stored_b) = (storable(&a), storable(&b));
            prop_assert!(!stored_a.contains('\0'));
            prop_assert_eq!(stored_a.cmp(&stored_b), a.cmp(&b));
            prop_assert_eq!(original(stored_a.clone().into_owned()), a);
        }
    }
}
