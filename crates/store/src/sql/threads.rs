//! The threads of the store and the queues before them.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Access, Connection, DbError};
use super::jobs::{Failure, Read, Report, Write};
use super::paths::Paths;
use super::sqlite::{self, Checkpoint};
use super::{Location, index};
use crate::error::Error;
use crate::limits::{READERS, READS_WAITING_MAX, WRITES_PER_COMMIT_MAX, WRITES_WAITING_MAX};

/// A database that is ours, with the connection that writes.
pub(super) struct Opened {
    pub(super) writer: Connection,
    pub(super) location: Location,
}

/// The running threads. Dropping it finishes what waits and closes the database.
#[derive(Debug)]
pub(super) struct Threads {
    writes: Option<mpsc::Sender<Write>>,
    reads: Option<mpsc::Sender<Read>>,
    handles: Vec<JoinHandle<()>>,
    paths: Arc<Paths>,
    /// Given back after the database is closed.
    location: Arc<Location>,
}

type ReadQueue = Arc<Mutex<mpsc::Receiver<Read>>>;

impl Threads {
    pub(super) fn start(opened: Opened) -> Result<Self, Error> {
        let Opened { writer, location } = opened;
        let (writes, write_queue) = mpsc::channel(WRITES_WAITING_MAX);
        let (reads, read_queue) = mpsc::channel(READS_WAITING_MAX);
        let read_queue: ReadQueue = Arc::new(Mutex::new(read_queue));
        let (wake, woken) = sync_channel(1);
        let paths = Arc::new(Paths::default());
        paths.read(&writer).map_err(|error| location.explain(&error))?;
        let location = Arc::new(location);
        let mut threads = Self {
            writes: Some(writes),
            reads: Some(reads),
            handles: Vec::new(),
            paths: paths.clone(),
            location: location.clone(),
        };
        for _ in 0..READERS {
            let (db, queue) = (location.connect(Access::Read)?, read_queue.clone());
            let location = location.clone();
            threads.spawn("store-read", move || read_all(&db, &queue, &location))?;
        }
        if let Location::Folder(folder) = &*location {
            let (checkpointer, log) = (folder.checkpointer()?, folder.log());
            let run = move || sqlite::write_back_all(&checkpointer, &woken, &log);
            threads.spawn("store-log", run)?;
        }
        let checkpoint = Checkpoint::new(wake);
        threads.spawn("store-write", move || {
            write_all(&writer, &paths, write_queue, checkpoint, &location);
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
        // The folder stays ours for as long as anything is read in it.
        let (location, paths) = (self.location.clone(), self.paths.clone());
        let run = move || {
            let done = location.connect(Access::Read).and_then(|db| {
                operation(&db, &paths)
                    .map_err(|failure| failure.into_error(&|error| location.explain(error)))
            });
            // Nobody may be waiting any more.
            drop(sender.send(done));
        };
        start(&self.location, "store-aside", run)?;
        outcome.await.map_err(|_| Error::Closed)?
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        self.handles.push(start(&self.location, name, run)?);
        Ok(())
    }
}

fn start(
    location: &Location,
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(run);
    spawned.map_err(|error| location.failed(format!("no thread: {error}")))
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

/// Commits what comes, and builds indexes in between and while nothing comes.
fn write_all(
    db: &Connection,
    paths: &Paths,
    mut queue: mpsc::Receiver<Write>,
    mut checkpoint: Checkpoint,
    location: &Location,
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
            if db.revive().unwrap_or_default() {
                paths.forget();
            }
            // What is not known yet is looked up, should this fail.
            drop(paths.catch_up(db));
            commit(db, gather(first, &mut queue), location);
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
pub(super) fn work(db: &Connection, paths: &Paths) -> Result<bool, DbError> {
    paths.catch_up(db)?;
    db.begin(Access::Write)?;
    let done = index::step(db, paths).and_then(|()| db.commit());
    if done.is_err() {
        db.roll_back()?;
    }
    done?;
    index::has_work(db)
}

/// Commits a group of writes with one sync, then tells their callers.
pub(super) fn commit(db: &Connection, group: Vec<Write>, location: &Location) {
    let explain = |error: &DbError| location.explain(error);
    let mut reports: Vec<Report> = Vec::with_capacity(group.len());
    let mut outcome =
        location.look().and_then(|()| db.begin(Access::Write).map_err(|error| explain(&error)));
    for write in group {
        if let Err(error) = &outcome {
            reports.push(write.fail(error.clone(), &explain));
            continue;
        }
        reports.push(write.run(db, &explain));
        // An error such as a full disk undoes the whole transaction.
        if !db.is_in_transaction() {
            outcome =
                Err(location.failed("another write of the same transaction failed".to_owned()));
        }
    }
    if outcome.is_ok() {
        outcome = db.commit().map_err(|error| explain(&error));
        // What went into a file that was taken away meanwhile is not saved either.
        outcome = outcome.and_then(|()| location.look());
    }
    if outcome.is_err() {
        // Nothing more can be done should even this fail: the callers learn that nothing is saved.
        drop(db.roll_back());
    }
    for report in reports {
        report(outcome.clone());
    }
}

fn read_all(db: &Connection, queue: &ReadQueue, location: &Location) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(read) = next else { return };
        read.run(db, &|error| location.explain(error));
    }
}
