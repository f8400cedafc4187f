//! Work handed to the threads, and how its outcome comes back.

use tokio::sync::oneshot;

use super::connection::{Access, Connection, DbError};
use crate::error::Error;

/// Why an operation failed inside the database.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database refuses.
    Database(DbError),
    /// The operation itself finds something wrong.
    Own(Error),
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Own(error)
    }
}

impl Failure {
    pub(super) fn into_error(self, explain: &Explain<'_>) -> Error {
        match self {
            Self::Database(error) => explain(&error),
            Self::Own(error) => error,
        }
    }
}

/// Reports an outcome once the transaction is committed, or why it was not.
pub(super) type Report = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// A write: runs inside a transaction, returns how to report.
pub(super) struct Write(RunWrite);

type RunWrite = Box<dyn FnOnce(Result<&Connection, Error>, &Explain<'_>) -> Report + Send>;

/// A read: runs and reports.
pub(super) struct Read(RunRead);

type RunRead = Box<dyn FnOnce(&Connection, &Explain<'_>) + Send>;

/// Turns an error of the database into one of the store.
pub(super) type Explain<'a> = dyn Fn(&DbError) -> Error + 'a;

impl Write {
    pub(super) fn new<T: Send + 'static>(
        operation: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (sender, receiver) = oneshot::channel();
        let run = move |db: Result<&Connection, Error>, explain: &Explain<'_>| -> Report {
            let outcome = db.and_then(|db| {
                all_or_nothing(db, operation).map_err(|failure| failure.into_error(explain))
            });
            // The caller may have gone; the write counts all the same.
            Box::new(move |committed| drop(sender.send(committed.and(outcome))))
        };
        (Self(Box::new(run)), receiver)
    }

    /// Runs in the open transaction of `db`.
    pub(super) fn run(self, db: &Connection, explain: &Explain<'_>) -> Report {
        (self.0)(Ok(db), explain)
    }

    /// Does not run.
    pub(super) fn fail(self, error: Error, explain: &Explain<'_>) -> Report {
        (self.0)(Err(error), explain)
    }
}

impl Read {
    pub(super) fn new<T: Send + 'static>(
        operation: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (sender, receiver) = oneshot::channel();
        let run = move |db: &Connection, explain: &Explain<'_>| {
            let outcome = snapshot(db, operation).map_err(|failure| failure.into_error(explain));
            drop(sender.send(outcome));
        };
        (Self(Box::new(run)), receiver)
    }

    pub(super) fn run(self, db: &Connection, explain: &Explain<'_>) {
        (self.0)(db, explain);
    }
}

/// One write of a group must not take along the others when it fails.
fn all_or_nothing<T>(
    db: &Connection,
    operation: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    db.execute_batch("SAVEPOINT one")?;
    let outcome = operation(db);
    if outcome.is_err() && db.is_in_transaction() {
        db.execute_batch("ROLLBACK TO one")?;
    }
    if db.is_in_transaction() {
        db.execute_batch("RELEASE one")?;
    }
    outcome
}

/// All statements of one read see the same state.
pub(super) fn snapshot<T>(
    db: &Connection,
    operation: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    db.begin(Access::Read)?;
    let outcome = operation(db);
    db.roll_back()?;
    outcome
}
