//! Statements of [`Connection`](super::super::connection::Connection) in SQLite.

use std::ops::ControlFlow;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql, params_from_iter};

use crate::sql::connection::{DbError, Field, Param, Result, Row, Use};

pub(in crate::sql) fn execute(db: &Connection, sql: &str, params: &[Param<'_>]) -> Result<u64> {
    let changed = db.prepare_cached(sql)?.execute(params_from_iter(params))?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

pub(in crate::sql) fn query<E: From<DbError>>(
    db: &Connection,
    comes: Use,
    sql: &str,
    params: &[Param<'_>],
    read: impl FnMut(&mut Row) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    match comes {
        Use::Often => each(&mut *db.prepare_cached(sql).map_err(DbError::from)?, params, read),
        Use::Once => each(&mut db.prepare(sql).map_err(DbError::from)?, params, read),
    }
}

fn each<E: From<DbError>>(
    statement: &mut Statement<'_>,
    params: &[Param<'_>],
    mut read: impl FnMut(&mut Row) -> std::result::Result<ControlFlow<()>, E>,
) -> std::result::Result<(), E> {
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(params)).map_err(DbError::from)?;
    let mut fields = Row::default();
    while let Some(row) = rows.next().map_err(DbError::from)? {
        fields.0.clear();
        for column in 0..columns {
            let value = row.get_ref(column).map_err(DbError::from)?;
            fields.0.push(field(value).map_err(E::from)?);
        }
        if read(&mut fields)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn field(value: ValueRef<'_>) -> Result<Field> {
    Ok(match value {
        ValueRef::Null => Field::Null,
        ValueRef::Integer(integer) => Field::Integer(integer),
        ValueRef::Real(number) => Field::Number(number),
        ValueRef::Text(text) => {
            let text = String::from_utf8(text.to_vec());
            Field::Text(text.map_err(|_| DbError::Unreadable("text is no UTF-8".to_owned()))?)
        }
        ValueRef::Blob(bytes) => Field::Bytes(bytes.to_vec()),
    })
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Number(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
