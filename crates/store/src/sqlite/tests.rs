//! What is particular to SQLite: the files, their errors, and what survives a crash.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::jobs::Write;
use super::{open, read, threads, write};
use crate::contract::{Place, at, block_on, contract_tests, key, parameter, registration, task};
use crate::{Error, Store, TaskFilter};
use drover_cwmp::ValueType;
use drover_provision::TaskKind;

struct Folder(TempDir);

impl Place for Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn open(&self) -> Store {
        Store::open(self.0.path()).unwrap()
    }
}

contract_tests!(Folder);

fn filled(devices: u32) -> (Folder, Store) {
    let folder = Folder::new();
    let store = folder.open();
    block_on(async {
        for number in 0..devices {
            store.save(registration(number)).await.unwrap();
            store.insert_task(task(number.into(), number, TaskKind::Reboot)).await.unwrap();
        }
    });
    (folder, store)
}

/// The files as they are at this moment, as a loss of power would leave them.
fn photograph(folder: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for name in ["drover.db", "drover.db-wal"] {
        fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn counts(store: &Store) -> (u64, u64) {
    block_on(async {
        let tasks = store.count_tasks(TaskFilter::default()).await.unwrap();
        (store.count_devices().await.unwrap(), tasks)
    })
}

#[test]
fn what_was_acknowledged_is_in_the_files() {
    let (folder, store) = filled(20);
    let copy = photograph(folder.0.path());
    assert_eq!(counts(&Store::open(copy.path()).unwrap()), (20, 20));
    drop(store);
}

#[test]
fn a_log_that_was_cut_off_anywhere_is_read_up_to_there() {
    let (folder, _store) = filled(4);
    let copy = photograph(folder.0.path());
    let log = copy.path().join("drover.db-wal");
    let whole = fs::read(&log).unwrap();
    let (mut last, mut seen) = ((0, 0), 0);
    for len in (0..=whole.len()).step_by(1_021).chain([whole.len()]) {
        let cut = photograph(copy.path());
        fs::write(cut.path().join("drover.db-wal"), &whole[..len]).unwrap();
        let now = counts(&Store::open(cut.path()).unwrap());
        // Every commit adds one device, or the task of the newest device.
        assert!(now >= last && now.0 - now.1 <= 1, "{now:?} after {last:?} at byte {len}");
        (last, seen) = (now, seen + u64::from(now != last));
    }
    assert_eq!(last, (4, 4));
    assert!(seen > 4, "only {seen} states were seen");
}

#[test]
fn an_orderly_end_writes_the_log_back() {
    let (folder, store) = filled(5);
    drop(store);
    let log = fs::metadata(folder.0.path().join("drover.db-wal"));
    assert!(log.map_or(true, |log| log.len() == 0));
    assert_eq!(counts(&folder.open()), (5, 5));
}

#[test]
fn the_log_is_written_back_while_the_store_runs() {
    let (folder, store) = filled(1);
    let size = || fs::metadata(folder.0.path().join("drover.db")).unwrap().len();
    let before = size();
    let mut batch = registration(0);
    let rows = u32::try_from(crate::limits::CHECKPOINT_ROWS).unwrap();
    for number in 0..rows {
        let parameter = Some(parameter("some text", ValueType::String));
        batch.parameters.insert(format!("Device.Parameter{number}"), parameter);
    }
    let written_back = block_on(async {
        for _ in 0..100 {
            store.save(batch.clone()).await.unwrap();
            if size() > before {
                return true;
            }
        }
        false
    });
    assert!(written_back, "all is still in the log");
}

#[cfg(unix)]
#[test]
fn sec_01_the_files_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, _store) = filled(1);
    for name in ["drover.db", "drover.db-wal"] {
        let mode = fs::metadata(folder.0.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
}

#[test]
fn every_connection_syncs_its_commits() {
    let folder = Folder::new();
    let opened = open::open(folder.0.path()).unwrap();
    let beside = open::open_beside(&opened.path, false).unwrap();
    for db in [&opened.writer, &beside] {
        let synchronous: i64 =
            db.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let automatic: i64 =
            db.pragma_query_value(None, "wal_autocheckpoint", |row| row.get(0)).unwrap();
        assert_eq!((synchronous, automatic), (2, 0));
    }
    let mode: String =
        opened.writer.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_group_of_writes_is_one_commit() {
    let folder = Folder::new();
    let opened = open::open(folder.0.path()).unwrap();
    let before = commits(folder.0.path());
    let (writes, outcomes): (Vec<_>, Vec<_>) =
        (0..50).map(|number| Write::new(move |db| write::save(db, &registration(number)))).unzip();
    threads::commit(&opened.writer, writes, &opened.path);
    assert!(outcomes.into_iter().all(|outcome| outcome.blocking_recv().unwrap() == Ok(())));
    assert_eq!(commits(folder.0.path()) - before, 1);
}

/// The commits in the log: the frames that tell a size of the database.
fn commits(folder: &Path) -> usize {
    let log = fs::read(folder.join("drover.db-wal")).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap());
    let frames = log[32..].chunks(24 + usize::try_from(page).unwrap());
    frames.filter(|frame| frame[4..8] != [0; 4]).count()
}

#[test]
fn one_bad_write_of_a_group_leaves_the_others() {
    let folder = Folder::new();
    let opened = open::open(folder.0.path()).unwrap();
    let (good, good_outcome) = Write::new(|db| write::save(db, &registration(1)));
    let (bad, bad_outcome) = Write::new(|db| {
        write::save(db, &registration(2))?;
        Ok(db.execute("INSERT INTO nowhere VALUES (1)", [])?)
    });
    let (late, late_outcome) = Write::new(|db| write::save(db, &registration(3)));
    threads::commit(&opened.writer, vec![good, bad, late], &opened.path);
    assert_eq!(good_outcome.blocking_recv().unwrap(), Ok(()));
    assert_eq!(late_outcome.blocking_recv().unwrap(), Ok(()));
    let error = bad_outcome.blocking_recv().unwrap().unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert_eq!(known(&opened.writer), [true, false, true]);
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    let opened = open::open(folder.0.path()).unwrap();
    let db = &opened.writer;
    let pages: i64 = db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    db.pragma_update_and_check(None, "max_page_count", pages + 6, |_| Ok(())).unwrap();
    let big = || {
        let mut batch = registration(2);
        let text = "x".repeat(200_000);
        batch.parameters.insert("Device.X".to_owned(), Some(parameter(&text, ValueType::String)));
        batch
    };
    let (first, first_outcome) = Write::new(|db| write::save(db, &registration(1)));
    let (full, full_outcome) = Write::new(move |db| write::save(db, &big()));
    let (last, last_outcome) = Write::new(|db| write::save(db, &registration(3)));
    threads::commit(db, vec![first, full, last], &opened.path);
    let outcomes = [first_outcome, full_outcome, last_outcome]
        .map(|outcome| outcome.blocking_recv().unwrap().is_ok());
    assert!(!outcomes[1]);
    assert_eq!(known(db), outcomes, "what is reported is what is kept");
    db.pragma_update_and_check(None, "max_page_count", 1_000, |_| Ok(())).unwrap();
    let (again, outcome) = Write::new(|db| write::save(db, &registration(2)));
    threads::commit(db, vec![again], &opened.path);
    assert_eq!(outcome.blocking_recv().unwrap(), Ok(()), "the store goes on when there is room");
}

fn known(db: &Connection) -> [bool; 3] {
    [1, 2, 3].map(|number| read::device(db, &key(number)).unwrap().is_some())
}

#[test]
fn a_folder_has_one_user() {
    let folder = Folder::new();
    let store = folder.open();
    let error = Store::open(folder.0.path()).unwrap_err();
    assert_eq!(error, Error::Locked { path: folder.0.path().to_owned() });
    assert!(one_line(&error).contains("stop that one"));
    drop(store);
    folder.open();
}

#[test]
fn a_folder_that_cannot_be_one_is_named() {
    let place = TempDir::new().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = Store::open(&path).unwrap_err();
        assert!(matches!(error, Error::Folder { .. }), "{error:?}");
        assert!(one_line(&error).contains(file.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_damaged_database_is_not_used() {
    let (folder, store) = filled(50);
    drop(store);
    let path = folder.0.path().join("drover.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xAA);
    fs::write(&path, bytes).unwrap();
    let error = Store::open(folder.0.path()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    assert!(one_line(&error).contains("restore it from a backup"), "{error}");
}

#[test]
fn a_foreign_file_is_not_used() {
    let folder = Folder::new();
    let path = folder.0.path().join("drover.db");
    fs::write(&path, "This is not a database at all, but long enough to have a header.".repeat(99))
        .unwrap();
    let foreign = Error::Foreign { path: path.clone() };
    assert_eq!(Store::open(folder.0.path()).unwrap_err(), foreign);
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    assert_eq!(Store::open(folder.0.path()).unwrap_err(), foreign);
}

#[test]
fn a_newer_database_is_not_used() {
    let folder = Folder::new();
    drop(folder.open());
    let path = folder.0.path().join("drover.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch("INSERT INTO migration (number) VALUES (99)").unwrap();
    drop(db);
    let error = Store::open(folder.0.path()).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 99, .. }), "{error:?}");
    one_line(&error);
}

#[test]
fn an_unreadable_row_is_an_error_and_no_panic() {
    let (folder, store) = filled(1);
    drop(store);
    let db = Connection::open(folder.0.path().join("drover.db")).unwrap();
    db.execute_batch("UPDATE device SET last_events = 'x'; UPDATE task SET kind = '{}'").unwrap();
    drop(db);
    let store = folder.open();
    block_on(async {
        let error = store.load(&key(0)).await.unwrap_err();
        assert!(one_line(&error).contains("unreadable events"), "{error}");
        let error = store.due_tasks(&key(0), at(9)).await.unwrap_err();
        assert!(one_line(&error).contains("unreadable task"), "{error}");
        assert_eq!(store.delete_device(&key(0)).await, Ok(true), "it can be removed all the same");
    });
}

#[test]
fn the_store_can_be_used_from_many_threads() {
    let folder = Folder::new();
    let store = folder.open();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    runtime.block_on(async {
        let saves = (0..60_u32).map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.save(registration(number)).await })
        });
        for save in saves.collect::<Vec<_>>() {
            assert_eq!(save.await.unwrap(), Ok(()));
        }
        assert_eq!(store.count_devices().await, Ok(60));
    });
}

fn one_line(error: &Error) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text:?}");
    text
}
