//! A connection to a database of either engine, with what both have in common.
//!
//! Statements are written once, with `?1` for the first value. What only one engine has stands in
//! its own module, or asks [`Connection::dialect`].

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use super::postgres::Session;
use super::sqlite;
use crate::encode::Unreadable;
use crate::query::{Binding, Dialect};

pub(super) type Result<T> = std::result::Result<T, DbError>;

/// What a database says when it refuses, or what is wrong with a row.
#[derive(Debug, thiserror::Error)]
pub(super) enum DbError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("{}", super::postgres::describe(.0))]
    Postgres(#[from] postgres::Error),
    /// The connection to a server was lost before.
    #[error("the connection was lost")]
    Lost,
    /// Another Drover uses the database of a server.
    #[error("another Drover uses it")]
    InUse,
    /// A row holds what no row should.
    #[error("{0}")]
    Unreadable(String),
}

impl From<Unreadable> for DbError {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl DbError {
    /// Whether a statement was stopped because it took too long or is in vain.
    pub(super) fn is_interruption(&self) -> bool {
        match self {
            Self::Sqlite(error) => {
                error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
            }
            Self::Postgres(error) => {
                error.code() == Some(&postgres::error::SqlState::QUERY_CANCELED)
            }
            Self::Lost | Self::InUse | Self::Unreadable(_) => false,
        }
    }
}

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// A connection that one thread uses.
pub(super) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Box<Session>),
}

impl Connection {
    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement, which is kept prepared. Returns how many rows it changed.
    pub(super) fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        match self {
            Self::Sqlite(db) => sqlite::statement::execute(db, sql, params),
            Self::Postgres(db) => db.execute(sql, params),
        }
    }

    /// Runs several statements without values.
    pub(super) fn execute_batch(&self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(db) => Ok(db.execute_batch(sql)?),
            Self::Postgres(db) => db.execute_batch(sql),
        }
    }

    /// The rows of a query, which is kept prepared.
    pub(super) fn query_rows<T, E: From<DbError>>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&mut Row) -> std::result::Result<T, E>,
    ) -> std::result::Result<Vec<T>, E> {
        let mut rows = Vec::new();
        self.query(Use::Often, sql, params, |row| {
            rows.push(read(row)?);
            Ok::<_, E>(ControlFlow::Continue(()))
        })?;
        Ok(rows)
    }

    /// The first row of a query, which is kept prepared, if there is one.
    pub(super) fn query_optional<T, E: From<DbError>>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnOnce(&mut Row) -> std::result::Result<T, E>,
    ) -> std::result::Result<Option<T>, E> {
        let (mut read, mut first) = (Some(read), None);
        self.query(Use::Often, sql, params, |row| {
            first = read.take().map(|read| read(row)).transpose()?;
            Ok::<_, E>(ControlFlow::Break(()))
        })?;
        Ok(first)
    }

    /// The one row of a query that always has one; the query is kept prepared.
    pub(super) fn query_row<T, E: From<DbError>>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        read: impl FnOnce(&mut Row) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let row = self.query_optional(sql, params, read)?;
        row.ok_or_else(|| DbError::from(Unreadable("answer without a row")).into())
    }

    /// Calls a function with each row of a query until it breaks off. The query is not kept
    /// prepared, unless it is said to come often.
    ///
    /// With PostgreSQL all rows are there before the first is read, as the function may ask the
    /// same connection.
    pub(super) fn query<E: From<DbError>>(
        &self,
        comes: Use,
        sql: &str,
        params: &[Param<'_>],
        mut read: impl FnMut(&mut Row) -> std::result::Result<ControlFlow<()>, E>,
    ) -> std::result::Result<(), E> {
        match self {
            Self::Sqlite(db) => sqlite::statement::query(db, comes, sql, params, read),
            Self::Postgres(db) => {
                for row in db.query(comes, sql, params)? {
                    if read(&mut super::postgres::row(&row)?)?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// Stops statements of this transaction that take longer. SQLite asks meanwhile whether it
    /// should go on, see [`make_patient`](super::find::make_patient).
    pub(super) fn limit_statements(&self, time: Duration) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(db) => db.limit_statements(time),
        }
    }

    /// Connects anew if the server has closed the connection that writes. Returns whether it had:
    /// then nothing that was read before needs to be true any more.
    pub(super) fn revive(&self) -> Result<bool> {
        match self {
            Self::Sqlite(_) => Ok(false),
            Self::Postgres(db) => db.revive(),
        }
    }

    /// Begins a transaction, on a new connection should the server have closed one that only reads.
    pub(super) fn begin(&self, access: Access) -> Result<()> {
        match (self, access) {
            (Self::Sqlite(db), Access::Read) => Ok(db.execute_batch("BEGIN")?),
            (Self::Sqlite(db), Access::Write) => Ok(db.execute_batch("BEGIN IMMEDIATE")?),
            (Self::Postgres(db), access) => db.begin(access),
        }
    }

    /// Ends the transaction. When this returns, its changes are on the disk.
    pub(super) fn commit(&self) -> Result<()> {
        match self {
            Self::Sqlite(db) => Ok(db.execute_batch("COMMIT")?),
            Self::Postgres(db) => db.commit(),
        }
    }

    /// Ends the transaction, if there still is one, without its changes.
    pub(super) fn roll_back(&self) -> Result<()> {
        if !self.is_in_transaction() {
            return Ok(());
        }
        match self {
            Self::Sqlite(db) => Ok(db.execute_batch("ROLLBACK")?),
            Self::Postgres(db) => db.roll_back(),
        }
    }

    /// Whether a transaction is open. An error such as a full disk, or the loss of the connection,
    /// undoes the whole of it.
    pub(super) fn is_in_transaction(&self) -> bool {
        match self {
            Self::Sqlite(db) => !db.is_autocommit(),
            Self::Postgres(db) => db.is_in_transaction(),
        }
    }
}

/// How often a statement comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It is kept prepared.
    Often,
    /// Another one will be different.
    Once,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Field {
    #[default]
    Null,
    Integer(i64),
    Number(f64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row of an answer.
#[derive(Debug, Default)]
pub(super) struct Row(pub(super) Vec<Field>);

impl Row {
    /// The integer in a column, counted from 0, which stays there.
    pub(super) fn peek(&self, column: usize) -> Result<i64> {
        match self.0.get(column) {
            Some(Field::Integer(integer)) => Ok(*integer),
            _ => unexpected("integer"),
        }
    }

    /// Takes the value of a column, counted from 0, out of the row.
    pub(super) fn get<T: FromField>(&mut self, column: usize) -> Result<T> {
        let field = self.0.get_mut(column).map(std::mem::take);
        T::from_field(field.unwrap_or_default())
    }
}

/// What a column can be read as.
pub(super) trait FromField: Sized {
    fn from_field(field: Field) -> Result<Self>;
}

fn unexpected<T>(what: &'static str) -> Result<T> {
    Err(Unreadable(what).into())
}

impl FromField for i64 {
    fn from_field(field: Field) -> Result<Self> {
        match field {
            Field::Integer(integer) => Ok(integer),
            _ => unexpected("integer"),
        }
    }
}

impl FromField for u32 {
    fn from_field(field: Field) -> Result<Self> {
        let integer = i64::from_field(field)?;
        integer.try_into().map_err(|_| Unreadable("number, which is too large or negative").into())
    }
}

impl FromField for u64 {
    fn from_field(field: Field) -> Result<Self> {
        let integer = i64::from_field(field)?;
        integer.try_into().map_err(|_| Unreadable("number, which is negative").into())
    }
}

impl FromField for bool {
    fn from_field(field: Field) -> Result<Self> {
        Ok(i64::from_field(field)? != 0)
    }
}

impl FromField for f64 {
    fn from_field(field: Field) -> Result<Self> {
        match field {
            Field::Number(number) => Ok(number),
            _ => unexpected("number"),
        }
    }
}

impl FromField for String {
    fn from_field(field: Field) -> Result<Self> {
        match field {
            Field::Text(text) => Ok(text),
            _ => unexpected("text"),
        }
    }
}

impl FromField for Arc<str> {
    fn from_field(field: Field) -> Result<Self> {
        String::from_field(field).map(Self::from)
    }
}

impl FromField for Vec<u8> {
    fn from_field(field: Field) -> Result<Self> {
        match field {
            Field::Bytes(bytes) => Ok(bytes),
            _ => unexpected("bytes"),
        }
    }
}

impl FromField for Field {
    fn from_field(field: Field) -> Result<Self> {
        Ok(field)
    }
}

impl<T: FromField> FromField for Option<T> {
    fn from_field(field: Field) -> Result<Self> {
        match field {
            Field::Null => Ok(None),
            field => T::from_field(field).map(Some),
        }
    }
}

/// A value for a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Param<'a> {
    Null,
    Integer(i64),
    Number(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// What can be a value for a statement.
pub(super) trait ToParam {
    fn to_param(&self) -> Param<'_>;
}

impl ToParam for i64 {
    fn to_param(&self) -> Param<'_> {
        Param::Integer(*self)
    }
}

impl ToParam for u32 {
    fn to_param(&self) -> Param<'_> {
        Param::Integer((*self).into())
    }
}

impl ToParam for bool {
    fn to_param(&self) -> Param<'_> {
        Param::Integer((*self).into())
    }
}

impl ToParam for f64 {
    fn to_param(&self) -> Param<'_> {
        Param::Number(*self)
    }
}

impl ToParam for str {
    fn to_param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for String {
    fn to_param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for [u8] {
    fn to_param(&self) -> Param<'_> {
        Param::Bytes(self)
    }
}

impl ToParam for Vec<u8> {
    fn to_param(&self) -> Param<'_> {
        Param::Bytes(self)
    }
}

impl ToParam for Field {
    fn to_param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Integer(integer) => Param::Integer(*integer),
            Self::Number(number) => Param::Number(*number),
            Self::Text(text) => Param::Text(text),
            Self::Bytes(bytes) => Param::Bytes(bytes),
        }
    }
}

impl ToParam for Binding {
    fn to_param(&self) -> Param<'_> {
        match self {
            Self::Integer(integer) => Param::Integer(*integer),
            Self::Number(number) => Param::Number(*number),
            Self::Text(text) => Param::Text(text),
        }
    }
}

impl<T: ToParam> ToParam for Option<T> {
    fn to_param(&self) -> Param<'_> {
        self.as_ref().map_or(Param::Null, T::to_param)
    }
}

impl<T: ToParam + ?Sized> ToParam for &T {
    fn to_param(&self) -> Param<'_> {
        T::to_param(self)
    }
}

/// The values for a statement, in the order of their numbers.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::sql::connection::ToParam::to_param(&$value)),*]
    };
}
pub(super) use params;
