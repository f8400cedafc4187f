//! The threads of the store and the queues before them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::jobs::{Failure, Read, Report, Write};
use super::open::{Opened, explain, open_beside};
use super::paths::Paths;
use super::{find, index};
use crate::error::Error;
use crate::limits::{
    CHECKPOINT_BUSY_MILLISECONDS, CHECKPOINT_ROWS, LOG_BYTES_MAX, READERS, READS_WAITING_MAX,
    WRITES_PER_COMMIT_MAX, WRITES_WAITING_MAX,
};

/// The running threads. Dropping it finishes what waits and closes the database.
#[derive(Debug)]
pub(super) struct Threads {
    writes: Option<mpsc::Sender<Write>>,
    reads: Option<mpsc::Sender<Read>>,
    handles: Vec<JoinHandle<()>>,
    paths: Arc<Paths>,
    path: PathBuf,
    /// Given back after the database is closed.
    lock: Arc<File>,
}

type ReadQueue = Arc<Mutex<mpsc::Receiver<Read>>>;

impl Threads {
    pub(super) fn start(opened: Opened) -> Result<Self, Error> {
        let Opened { writer, path, lock } = opened;
        let (writes, write_queue) = mpsc::channel(WRITES_WAITING_MAX);
        let (reads, read_queue) = mpsc::channel(READS_WAITING_MAX);
        let read_queue: ReadQueue = Arc::new(Mutex::new(read_queue));
        let (wake, woken) = sync_channel(1);
        let paths = Arc::new(Paths::default());
        paths.read(&writer).map_err(|error| explain(&path, &error))?;
        let mut threads = Self {
            writes: Some(writes),
            reads: Some(reads),
            handles: Vec::new(),
            paths: paths.clone(),
            path: path.clone(),
            lock: Arc::new(lock),
        };
        let checkpointer = open_beside(&path, false)?;
        // While it waits for a reader, such as a backup, nobody can write.
        checkpointer
            .busy_timeout(Duration::from_millis(CHECKPOINT_BUSY_MILLISECONDS))
            .map_err(|error| explain(&path, &error))?;
        for _ in 0..READERS {
            let (mut db, queue) = (open_beside(&path, true)?, read_queue.clone());
            find::make_patient(&mut db).map_err(|error| explain(&path, &error))?;
            let path = path.clone();
            threads.spawn("store-read", &path.clone(), move || read_all(&db, &queue, &path))?;
        }
        let log = path.with_extension("db-wal");
        threads.spawn("store-log", &path, move || write_back_all(&checkpointer, &woken, &log))?;
        let (own_path, checkpoint) = (path.clone(), Checkpoint { wake, written_back: 0 });
        threads.spawn("store-write", &path, move || {
            write_all(&writer, &paths, write_queue, checkpoint, &own_path);
        })?;
        Ok(threads)
    }

    /// Runs a write; returns after its commit.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection, &Paths) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let paths = self.paths.clone();
        let (job, outcome) = Write::new(move |db| operation(db, &paths));
        let queue = self.writes.as_ref().ok_or(Error::Closed)?;
        queue.send(job).await.map_err(|_| Error::Closed)?;
        outcome.await.map_err(|_| Error::Closed)?
    }

    /// Runs a read.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection, &Paths) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        self.begin_read(operation).await?.await.map_err(|_| Error::Closed)?
    }

    /// Puts a read into the queue, and returns where its outcome comes.
    pub(super) async fn begin_read<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection, &Paths) -> Result<T, Failure> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, Error>>, Error> {
        let paths = self.paths.clone();
        let (job, outcome) = Read::new(move |db| operation(db, &paths));
        let queue = self.reads.as_ref().ok_or(Error::Closed)?;
        queue.send(job).await.map_err(|_| Error::Closed)?;
        Ok(outcome)
    }

    /// Runs something that takes long, on a thread and a connection of its own that cannot write.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection, &Paths) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, outcome) = oneshot::channel();
        let (path, paths, lock) = (self.path.clone(), self.paths.clone(), self.lock.clone());
        let run = move || {
            let done = open_beside(&path, true).and_then(|db| {
                operation(&db, &paths)
                    .map_err(|failure| failure.into_error(&|error| explain(&path, error)))
            });
            // The folder stays ours for as long as anything is read in it.
            drop(lock);
            // Nobody may be waiting any more.
            drop(sender.send(done));
        };
        start("store-aside", &self.path, run)?;
        outcome.await.map_err(|_| Error::Closed)?
    }

    fn spawn(
        &mut self,
        name: &str,
        path: &Path,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<(), Error> {
        self.handles.push(start(name, path, run)?);
        Ok(())
    }
}

fn start(
    name: &str,
    path: &Path,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|error| {
        let reason = format!("no thread: {error}");
        Error::Database { path: path.to_owned(), reason }
    })
}

impl Drop for Threads {
    fn drop(&mut self) {
        // The threads end when their queues are empty and nobody can fill them again.
        (self.writes, self.reads) = (None, None);
        for handle in self.handles.drain(..) {
            // A thread that panicked has reported it already.
            drop(handle.join());
        }
    }
}

/// Wakes the checkpointer after enough changes.
struct Checkpoint {
    wake: SyncSender<()>,
    written_back: u64,
}

impl Checkpoint {
    fn consider(&mut self, db: &Connection) {
        if db.total_changes().saturating_sub(self.written_back) >= CHECKPOINT_ROWS {
            self.written_back = db.total_changes();
            // When it is full the checkpointer has been woken already.
            let _ = self.wake.try_send(());
        }
    }
}

/// Commits what comes, and builds indexes in between and while nothing comes.
fn write_all(
    db: &Connection,
    paths: &Paths,
    mut queue: mpsc::Receiver<Write>,
    mut checkpoint: Checkpoint,
    path: &Path,
) {
    let mut has_work = index::has_work(db).unwrap_or_default();
    loop {
        let group = match has_work {
            true => match queue.try_recv() {
                Ok(first) => Some(first),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => return,
            },
            false => match queue.blocking_recv() {
                Some(first) => Some(first),
                None => return,
            },
        };
        if let Some(first) = group {
            // What is not known yet is looked up, should this fail.
            drop(paths.catch_up(db));
            commit(db, gather(first, &mut queue), path);
            has_work = index::has_work(db).unwrap_or_default();
        }
        if has_work {
            // After an error, such as a full disk, it goes on with the next group.
            has_work = work(db, paths).unwrap_or_default();
        }
        checkpoint.consider(db);
    }
}

fn gather(first: Write, queue: &mut mpsc::Receiver<Write>) -> Vec<Write> {
    let mut group = vec![first];
    while group.len() < WRITES_PER_COMMIT_MAX
        && let Ok(next) = queue.try_recv()
    {
        group.push(next);
    }
    group
}

/// Does a step of what is to be done in the background. Returns whether there is more.
pub(super) fn work(db: &Connection, paths: &Paths) -> Result<bool, rusqlite::Error> {
    paths.catch_up(db)?;
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    index::step(&transaction, paths)?;
    transaction.commit()?;
    index::has_work(db)
}

/// Commits a group of writes with one sync, then tells their callers.
pub(super) fn commit(db: &Connection, group: Vec<Write>, path: &Path) {
    let explain = |error: &rusqlite::Error| explain(path, error);
    let mut reports: Vec<Report> = Vec::with_capacity(group.len());
    let mut outcome = db.execute_batch("BEGIN IMMEDIATE").map_err(|error| explain(&error));
    for write in group {
        if let Err(error) = &outcome {
            reports.push(write.fail(error.clone(), &explain));
            continue;
        }
        reports.push(write.run(db, &explain));
        // An error such as a full disk undoes the whole transaction.
        if db.is_autocommit() {
            outcome = Err(undone(path));
        }
    }
    if outcome.is_ok() {
        outcome = db.execute_batch("COMMIT").map_err(|error| explain(&error));
    }
    if outcome.is_err() && !db.is_autocommit() {
        // Nothing more can be done should even this fail: the callers learn that nothing is saved.
        drop(db.execute_batch("ROLLBACK"));
    }
    for report in reports {
        report(outcome.clone());
    }
}

fn undone(path: &Path) -> Error {
    let reason = "another write of the same transaction failed".to_owned();
    Error::Database { path: path.to_owned(), reason }
}

fn read_all(db: &Connection, queue: &ReadQueue, path: &Path) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(read) = next else { return };
        read.run(db, &|error| explain(path, error));
    }
}

fn write_back_all(db: &Connection, woken: &Receiver<()>, log: &Path) {
    // An error is not lost: the log keeps everything, and the next round tries again.
    while woken.recv().is_ok() {
        drop(write_back(db, "PASSIVE"));
        if log.metadata().is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
            drop(write_back(db, "TRUNCATE"));
        }
    }
    drop(write_back(db, "TRUNCATE"));
}

fn write_back(db: &Connection, mode: &str) -> Result<(), rusqlite::Error> {
    db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}
