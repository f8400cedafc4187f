//! One connection to a server, made anew when it was lost.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error as _;
use std::time::Duration;

use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Client, Row, Statement};

use super::{LOCK, Server};
use crate::limits::{SERVER_LOCK_MILLISECONDS, SERVER_STATEMENTS_KEPT};
use crate::sql::connection::{Access, DbError, Param, Result, Use};

/// A connection to a server.
pub(in crate::sql) struct Session {
    server: Server,
    access: Access,
    client: RefCell<Client>,
    /// By their text.
    statements: RefCell<HashMap<String, Statement>>,
    is_in_transaction: Cell<bool>,
    is_lost: Cell<bool>,
}

impl Session {
    /// The connection that may write holds the lock that keeps other Drovers out.
    pub(super) fn connect(server: Server, access: Access) -> Result<Self> {
        let client = RefCell::new(begin_session(&server, access)?);
        Ok(Self {
            server,
            access,
            client,
            statements: RefCell::default(),
            is_in_transaction: Cell::new(false),
            is_lost: Cell::new(false),
        })
    }

    /// Makes the connection anew if it was lost. Returns whether it was.
    pub(in crate::sql) fn revive(&self) -> Result<bool> {
        if !self.is_lost.get() && self.on_client(|client| client.batch_execute("")).is_ok() {
            return Ok(false);
        }
        self.reconnect()?;
        Ok(true)
    }

    fn reconnect(&self) -> Result<()> {
        let client = begin_session(&self.server, self.access)?;
        self.statements.borrow_mut().clear();
        self.client.replace(client);
        self.is_in_transaction.set(false);
        self.is_lost.set(false);
        Ok(())
    }

    pub(in crate::sql) fn begin(&self, access: Access) -> Result<()> {
        let sql = match access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Access::Write => "BEGIN",
        };
        let begin = || self.execute_batch(sql);
        let mut begun = begin();
        // The writer must know that its connection is another, see `revive`.
        if begun.is_err() && self.is_lost.get() && self.access == Access::Read {
            self.reconnect()?;
            begun = begin();
        }
        begun?;
        self.is_in_transaction.set(true);
        Ok(())
    }

    pub(in crate::sql) fn commit(&self) -> Result<()> {
        let committed = self.execute_batch("COMMIT");
        self.is_in_transaction.set(false);
        committed
    }

    pub(in crate::sql) fn roll_back(&self) -> Result<()> {
        self.is_in_transaction.set(false);
        self.execute_batch("ROLLBACK")
    }

    pub(in crate::sql) fn is_in_transaction(&self) -> bool {
        self.is_in_transaction.get()
    }

    pub(in crate::sql) fn limit_statements(&self, time: Duration) -> Result<()> {
        // For the server, 0 is no limit.
        let milliseconds = time.as_millis().clamp(1, 3_600_000);
        self.execute_batch(&format!("SET LOCAL statement_timeout = {milliseconds}"))
    }

    pub(in crate::sql) fn execute_batch(&self, sql: &str) -> Result<()> {
        self.on_client(|client| client.batch_execute(sql))
    }

    pub(in crate::sql) fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64> {
        let statement = self.prepare(sql)?;
        self.on_client(|client| client.execute(&statement, &values(params)))
    }

    pub(in crate::sql) fn query(
        &self,
        comes: Use,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>> {
        if comes == Use::Once {
            return self.on_client(|client| client.query(&translated(sql), &values(params)));
        }
        let statement = self.prepare(sql)?;
        self.on_client(|client| client.query(&statement, &values(params)))
    }

    fn prepare(&self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.on_client(|client| client.prepare(&translated(sql)))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= SERVER_STATEMENTS_KEPT {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    fn on_client<T>(
        &self,
        run: impl FnOnce(&mut Client) -> std::result::Result<T, postgres::Error>,
    ) -> Result<T> {
        if self.is_lost.get() {
            return Err(DbError::Lost);
        }
        let outcome = run(&mut self.client.borrow_mut());
        if outcome.as_ref().is_err_and(is_loss) {
            self.is_lost.set(true);
            self.is_in_transaction.set(false);
        }
        Ok(outcome?)
    }
}

/// Whether an error means that the connection is no more.
fn is_loss(error: &postgres::Error) -> bool {
    const ENDS: [SqlState; 4] = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    let is_broken = error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
    is_broken || error.is_closed() || error.code().is_some_and(|code| ENDS.contains(code))
}

fn begin_session(server: &Server, access: Access) -> Result<Client> {
    let mut client = server.client()?;
    // Whatever the server's settings are, what is committed is on the disk.
    client.batch_execute(
        "SET search_path TO drover; \
         SELECT set_config('synchronous_commit', 'on', false) \
             WHERE current_setting('synchronous_commit') = 'off'",
    )?;
    if access == Access::Write {
        lock(&mut client)?;
    }
    Ok(client)
}

/// Keeps other Drovers out for as long as the connection lasts. The server may need a moment to
/// see that the connection of a Drover that has just ended is no more.
fn lock(client: &mut Client) -> Result<()> {
    client.batch_execute(&format!("SET lock_timeout = {SERVER_LOCK_MILLISECONDS}"))?;
    match client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]) {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            return Err(DbError::InUse);
        }
        locked => locked?,
    };
    Ok(client.batch_execute("SET lock_timeout TO DEFAULT")?)
}

/// The statement with PostgreSQL's placeholders: `$1` where it has `?1`.
fn translated(sql: &str) -> String {
    let mut translated = String::with_capacity(sql.len());
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        let is_placeholder = c == '?' && chars.peek().is_some_and(char::is_ascii_digit);
        translated.push(if is_placeholder { '$' } else { c });
    }
    translated
}

fn values<'a>(params: &'a [Param<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_translated_and_nothing_else() {
        assert_eq!(
            translated("a = ?1 AND b = $2::text OR c = '?' AND d ?| ?12"),
            "a = $1 AND b = $2::text OR c = '?' AND d ?| $12"
        );
    }
}
