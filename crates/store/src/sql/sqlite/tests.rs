//! What is particular to SQLite: the files, their errors, and what survives a crash.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::super::connection::{Connection as Db, params};
use super::super::jobs::Write;
use super::super::paths::Paths;
use super::super::{check, index, read, threads, write};
use super::{Folder as Opening, open};
use crate::contract::{
    Place, at, block_on, contract_tests, indexes_complete, key, parameter, registration, task,
};
use crate::{Error, IndexState, IntegrityReport, Retention, Store, TaskFilter};
use drover_cwmp::ValueType;
use drover_provision::TaskKind;

struct Folder(TempDir);

impl Place for Folder {
    fn new() -> Option<Self> {
        Some(fresh())
    }

    fn open_with(&self, retention: Retention) -> Store {
        Store::open_with(self.0.path(), retention).unwrap()
    }
}

contract_tests!(Folder);

fn fresh() -> Folder {
    Folder(TempDir::new().unwrap())
}

fn raw(db: &Db) -> &Connection {
    match db {
        Db::Sqlite(db) => db,
        Db::Postgres(_) => panic!("this is SQLite"),
    }
}

fn filled(devices: u32) -> (Folder, Store) {
    let folder = fresh();
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
    let folder = fresh();
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
    let folder = fresh();
    let opened = Opening::open(folder.0.path()).unwrap();
    let before = commits(folder.0.path());
    let (writes, outcomes): (Vec<_>, Vec<_>) = (0..50)
        .map(|number| {
            Write::new(move |db| write::save(db, &Paths::default(), &registration(number)))
        })
        .unzip();
    threads::commit(&opened.writer, writes, &opened.location);
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
    let folder = fresh();
    let opened = Opening::open(folder.0.path()).unwrap();
    let (good, good_outcome) =
        Write::new(|db| write::save(db, &Paths::default(), &registration(1)));
    let (bad, bad_outcome) = Write::new(|db| {
        write::save(db, &Paths::default(), &registration(2))?;
        Ok(db.execute("INSERT INTO nowhere VALUES (1)", &[])?)
    });
    let (late, late_outcome) =
        Write::new(|db| write::save(db, &Paths::default(), &registration(3)));
    threads::commit(&opened.writer, vec![good, bad, late], &opened.location);
    assert_eq!(good_outcome.blocking_recv().unwrap(), Ok(()));
    assert_eq!(late_outcome.blocking_recv().unwrap(), Ok(()));
    let error = bad_outcome.blocking_recv().unwrap().unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert_eq!(known(&opened.writer), [true, false, true]);
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let folder = fresh();
    let opened = Opening::open(folder.0.path()).unwrap();
    let db = &opened.writer;
    let pages: i64 = raw(db).pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    raw(db).pragma_update_and_check(None, "max_page_count", pages + 6, |_| Ok(())).unwrap();
    let big = || {
        let mut batch = registration(2);
        let text = noise(200_000);
        batch.parameters.insert("Device.X".to_owned(), Some(parameter(&text, ValueType::String)));
        batch
    };
    let (first, first_outcome) =
        Write::new(|db| write::save(db, &Paths::default(), &registration(1)));
    let (full, full_outcome) = Write::new(move |db| write::save(db, &Paths::default(), &big()));
    let (last, last_outcome) =
        Write::new(|db| write::save(db, &Paths::default(), &registration(3)));
    threads::commit(db, vec![first, full, last], &opened.location);
    let outcomes = [first_outcome, full_outcome, last_outcome]
        .map(|outcome| outcome.blocking_recv().unwrap().is_ok());
    assert!(!outcomes[1]);
    assert_eq!(known(db), outcomes, "what is reported is what is kept");
    raw(db).pragma_update_and_check(None, "max_page_count", 1_000, |_| Ok(())).unwrap();
    let (again, outcome) = Write::new(|db| write::save(db, &Paths::default(), &registration(2)));
    threads::commit(db, vec![again], &opened.location);
    assert_eq!(outcome.blocking_recv().unwrap(), Ok(()), "the store goes on when there is room");
}

/// Text that cannot be compressed to less than half.
fn noise(chars: usize) -> String {
    let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    std::iter::successors(Some(1), next)
        .take(chars)
        .map(|state| format!("{:x}", state >> 60))
        .collect()
}

fn known(db: &Db) -> [bool; 3] {
    [1, 2, 3].map(|number| read::device(db, &Paths::default(), &key(number)).unwrap().is_some())
}

#[test]
fn what_is_undone_leaves_no_path_behind() {
    let folder = fresh();
    let opened = Opening::open(folder.0.path()).unwrap();
    let paths = Arc::new(Paths::default());
    let with = |number: u32, path: &str, fails: bool| {
        let mut batch = registration(number);
        batch.parameters.insert(path.to_owned(), Some(parameter(path, ValueType::String)));
        let paths = paths.clone();
        Write::new(move |db| {
            write::save(db, &paths, &batch)?;
            if fails {
                db.execute("INSERT INTO nowhere VALUES (1)", &[])?;
            }
            Ok(())
        })
    };
    // In both groups the number that is undone is given to another path at once.
    for round in [0, 10] {
        let writes = [
            with(round + 1, &format!("Device.A{round}"), false),
            with(round + 2, &format!("Device.B{round}"), true),
            with(round + 3, &format!("Device.C{round}"), false),
        ];
        paths.catch_up(&opened.writer).unwrap();
        let (writes, outcomes): (Vec<_>, Vec<_>) = writes.into_iter().unzip();
        threads::commit(&opened.writer, writes, &opened.location);
        let outcomes: Vec<bool> =
            outcomes.into_iter().map(|outcome| outcome.blocking_recv().unwrap().is_ok()).collect();
        assert_eq!(outcomes, [true, false, true]);
    }
    paths.catch_up(&opened.writer).unwrap();
    for (number, path) in [(1, "A0"), (3, "C0"), (11, "A10"), (13, "C10")] {
        let record = read::device(&opened.writer, &paths, &key(number)).unwrap().unwrap();
        let names: Vec<_> = record.parameters.keys().collect();
        assert_eq!(names, [&format!("Device.{path}")]);
    }
    let forms: i64 =
        raw(&opened.writer).query_row("SELECT max(id) FROM path", [], |row| row.get(0)).unwrap();
    assert_eq!(forms, 4);
}

#[test]
fn a_session_with_nothing_new_leaves_the_document_alone() {
    let (folder, store) = filled(1);
    let mut batch = registration(0);
    batch.parameters.insert("Device.X".to_owned(), Some(parameter("1", ValueType::Int)));
    block_on(store.save(batch)).unwrap();
    drop(store);
    let db = Connection::open(folder.0.path().join("drover.db")).unwrap();
    db.execute_batch(
        "CREATE TRIGGER locked BEFORE UPDATE ON document BEGIN SELECT raise(ABORT, 'x'); END",
    )
    .unwrap();
    drop(db);
    let store = folder.open();
    block_on(async {
        store.save(registration(0)).await.unwrap();
        let mut batch = registration(0);
        batch.parameters.insert("Device.X".to_owned(), Some(parameter("2", ValueType::Int)));
        assert!(store.save(batch).await.is_err());
    });
}

#[test]
fn the_index_is_asked_and_not_all_devices() {
    let folder = fresh();
    let opened = Opening::open(folder.0.path()).unwrap();
    let plan = |sql: &str| {
        let mut statement =
            raw(&opened.writer).prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    };
    for sql in [
        "SELECT device FROM param WHERE path = 1 AND value = 'x'",
        "SELECT device FROM param WHERE path = 1 AND value > 7 ORDER BY value, device",
        "DELETE FROM param WHERE path = 1 AND (value, device) <= (2, 3)",
        "SELECT device FROM tag WHERE tag = 'x'",
        "SELECT id FROM device WHERE last_inform > 5 ORDER BY last_inform DESC",
    ] {
        let plan = plan(sql);
        assert!(plan.contains("SEARCH") && !plan.contains("SCAN"), "{sql}: {plan}");
    }
}

#[test]
fn an_index_that_was_not_finished_is_finished_later() {
    let folder = fresh();
    let opened = Opening::open(folder.0.path()).unwrap();
    let (db, paths) = (&opened.writer, Paths::default());
    let devices = 250;
    for number in 0..devices {
        let mut batch = registration(number);
        let value = Some(parameter(&number.to_string(), ValueType::UnsignedInt));
        batch.parameters.insert("Device.X".to_owned(), value);
        write::save(db, &paths, &batch).unwrap();
    }
    index::add(db, "Device.X").unwrap();
    let mine = || {
        let all = index::list(db).unwrap();
        all.into_iter().find(|index| index.path == "Device.X").unwrap().state
    };
    let rows = || -> u32 {
        raw(db).query_row("SELECT count(*) FROM param", [], |row| row.get(0)).unwrap()
    };
    assert!(threads::work(db, &paths).unwrap());
    assert_eq!((rows(), mine()), (100, IndexState::Building));
    // Meanwhile a device behind changes, one ahead changes, and one of each goes.
    for (number, text) in [(7, "7000"), (207, "207000")] {
        let mut batch = registration(number);
        let value = Some(parameter(text, ValueType::UnsignedInt));
        batch.parameters.insert("Device.X".to_owned(), value);
        write::save(db, &paths, &batch).unwrap();
    }
    for number in [8, 208] {
        write::delete_device(db, &paths, &key(number)).unwrap();
    }
    assert!(check::check(db, &paths).unwrap().is_sound());
    drop(opened);
    let store = folder.open();
    block_on(async {
        indexes_complete(&store).await;
        let report = store.check().await.unwrap();
        assert!(report.is_sound() && report.devices == 248, "{report:?}");
    });
    drop(store);
    let db = Connection::open(folder.0.path().join("drover.db")).unwrap();
    let values: Vec<u32> = db
        .prepare("SELECT value FROM param ORDER BY value DESC LIMIT 3")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(values, [207_000, 7_000, 249]);
}

#[test]
fn an_index_is_removed_in_steps() {
    let folder = fresh();
    let opened = Opening::open(folder.0.path()).unwrap();
    let (db, paths) = (&opened.writer, Paths::default());
    let path = "Device.DeviceInfo.SoftwareVersion";
    let id: i64 = raw(db)
        .query_row("SELECT id FROM indexed WHERE path = ?1", [path], |row| row.get(0))
        .unwrap();
    for device in 0..2_500_i64 {
        db.execute("INSERT INTO param VALUES (?1, ?2, ?3)", params![id, device % 7, device])
            .unwrap();
    }
    assert!(index::remove(db, path).unwrap());
    assert!(!index::remove(db, path).unwrap());
    index::add(db, path).unwrap();
    let mut steps = 1;
    while threads::work(db, &paths).unwrap() {
        steps += 1;
    }
    // 1,001 rows, as many again, the last ones, and the new index of no device.
    assert_eq!(steps, 4);
    let rows: i64 = raw(db).query_row("SELECT count(*) FROM param", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
    assert!(check::check(db, &paths).unwrap().is_sound());
}

#[test]
fn sessions_go_on_while_an_index_is_built() {
    let (folder, store) = filled(1);
    drop(store);
    let mut db = Connection::open(folder.0.path().join("drover.db")).unwrap();
    let body = block_on(async {
        let store = folder.open();
        let mut batch = registration(0);
        batch.parameters.insert("Device.X".to_owned(), Some(parameter("1", ValueType::Int)));
        store.save(batch).await.unwrap();
        drop(store);
        db.query_row("SELECT body FROM document", [], |row| row.get::<_, Vec<u8>>(0)).unwrap()
    });
    let transaction = db.transaction().unwrap();
    for device in 10..20_000 {
        transaction
            .execute(
                "INSERT INTO device SELECT ?1, ?2, manufacturer, oui, product_class, \
                 serial_number, registered, last_inform, last_boot, last_bootstrap, sessions, \
                 last_events, root, cwmp_version, peculiarities, connection_request_username, \
                 connection_request_password FROM device WHERE id = 1",
                (device, format!("copy-{device}")),
            )
            .unwrap();
        transaction.execute("INSERT INTO document VALUES (?1, ?2)", (device, &body)).unwrap();
    }
    transaction.commit().unwrap();
    drop(db);
    let store = folder.open();
    block_on(async {
        store.add_index("Device.X").await.unwrap();
        let mut saved = 0;
        while state(&store, "Device.X").await == IndexState::Building {
            store.save(registration(0)).await.unwrap();
            saved += 1;
        }
        assert!(saved > 2, "only {saved} sessions came through");
    });
}

async fn state(store: &Store, path: &str) -> IndexState {
    let indexes = store.indexes().await.unwrap();
    indexes.into_iter().find(|index| index.path == path).unwrap().state
}

#[test]
fn a_check_names_what_is_wrong() {
    let (folder, store) = filled(3);
    block_on(async {
        for number in 0..3 {
            let mut batch = registration(number);
            let version = Some(parameter("V1", ValueType::String));
            batch.parameters.insert("Device.DeviceInfo.SoftwareVersion".to_owned(), version);
            store.save(batch).await.unwrap();
        }
        let report = store.check().await.unwrap();
        assert_eq!(report, IntegrityReport { devices: 3, ..IntegrityReport::default() });
    });
    let db = Connection::open(folder.0.path().join("drover.db")).unwrap();
    db.execute_batch("PRAGMA foreign_keys = 0").unwrap();
    let mut expected = Vec::new();
    let mut damage = |sql: &str, problem: &str| {
        db.execute_batch(sql).unwrap();
        expected.push(problem.to_owned());
        let report = block_on(store.check()).unwrap();
        for problem in &expected {
            assert!(report.problems.contains(problem), "{problem} is not in {report:?}");
        }
        assert_eq!(report.problems.len(), expected.len(), "{report:?}");
    };
    damage(
        "DELETE FROM param WHERE device = 1",
        "device 00D09E-Box-0000: its Device.DeviceInfo.SoftwareVersion is not in the index",
    );
    damage(
        "INSERT INTO param SELECT path, 'V0', device FROM param WHERE device = 2",
        "the index of Device.DeviceInfo.SoftwareVersion has 1 rows that no device has: drop it \
         and add it again",
    );
    damage("INSERT INTO param VALUES (999, 1, 1)", "1 rows of param belong to no index");
    damage("INSERT INTO tag VALUES (77, 'x')", "1 rows of tag name a device that is not there");
    check_unreadable(&db, &store);
}

/// An unreadable document is named, and hides only what follows from it.
fn check_unreadable(db: &Connection, store: &Store) {
    db.execute_batch("UPDATE document SET body = x'010100' WHERE device = 3").unwrap();
    let report = block_on(store.check()).unwrap();
    let problem = "device 00D09E-Box-0002: unreadable document: what is compressed cannot be \
                   unpacked";
    assert!(report.problems.iter().any(|known| known == problem), "{report:?}");
    let error = block_on(store.load(&key(2))).unwrap_err();
    assert!(one_line(&error).contains("unreadable document of device 00D09E-Box-0002"), "{error}");
    assert_eq!(block_on(store.delete_device(&key(2))), Ok(true), "it can be removed all the same");
}

#[test]
fn a_backup_becomes_a_store() {
    let (folder, store) = filled(20);
    let place = TempDir::new().unwrap();
    let backup = place.path().join("backup.db");
    block_on(async {
        store.backup(&backup).await.unwrap();
        store.save(registration(99)).await.unwrap();
        let exists = Error::Exists { path: backup.clone() };
        assert_eq!(store.backup(&backup).await, Err(exists));
        let nowhere = place.path().join("no").join("where");
        let error = store.backup(&nowhere).await.unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error:?}");
        one_line(&error);
    });
    assert_eq!(names(place.path()), ["backup.db"]);
    let anew = place.path().join("anew");
    Store::restore(&backup, &anew, false).unwrap();
    let restored = Store::open(&anew).unwrap();
    assert_eq!(counts(&restored), (20, 20));
    assert!(block_on(restored.check()).unwrap().is_sound());
    let locked = Error::Locked { path: anew.clone() };
    assert_eq!(Store::restore(&backup, &anew, true), Err(locked));
    drop(restored);
    let exists = Error::Exists { path: anew.join("drover.db") };
    assert_eq!(Store::restore(&backup, &anew, false), Err(exists));
    // A log of the old database must not get into the new one.
    drop(store);
    let (busy, store) = filled(30);
    let copy = photograph(busy.0.path());
    drop(store);
    Store::restore(&backup, copy.path(), true).unwrap();
    assert_eq!(counts(&Store::open(copy.path()).unwrap()), (20, 20));
    drop(folder);
}

#[cfg(unix)]
#[test]
fn sec_01_a_backup_is_for_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, store) = filled(1);
    let place = TempDir::new().unwrap();
    let backup = place.path().join("backup.db");
    block_on(store.backup(&backup)).unwrap();
    let mode = fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[test]
fn what_is_no_good_backup_is_not_restored() {
    let place = TempDir::new().unwrap();
    let folder = place.path().join("folder");
    let missing = place.path().join("missing");
    let error = Store::restore(&missing, &folder, false).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
    let foreign = place.path().join("foreign");
    fs::write(&foreign, "no database at all").unwrap();
    let expected = Error::Foreign { path: foreign.clone() };
    assert_eq!(Store::restore(&foreign, &folder, false), Err(expected));
    let (_source, store) = filled(50);
    let good = place.path().join("good");
    block_on(store.backup(&good)).unwrap();
    let newer = place.path().join("newer");
    fs::copy(&good, &newer).unwrap();
    let db = Connection::open(&newer).unwrap();
    db.execute_batch("INSERT INTO migration (number) VALUES (99)").unwrap();
    drop(db);
    let error = Store::restore(&newer, &folder, false).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 99, .. }), "{error:?}");
    let damaged = place.path().join("damaged");
    let mut bytes = fs::read(&good).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xAA);
    fs::write(&damaged, bytes).unwrap();
    let error = Store::restore(&damaged, &folder, false).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    assert!(!folder.join("drover.db").exists());
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_folder_has_one_user() {
    let folder = fresh();
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
    let folder = fresh();
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
    let folder = fresh();
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

fn one_line(error: &Error) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text:?}");
    text
}

#[cfg(unix)]
#[test]
fn nothing_is_written_to_files_that_are_gone() {
    let (folder, store) = filled(2);
    let (path, log) = (folder.0.path().join("drover.db"), folder.0.path().join("drover.db-wal"));
    let elsewhere = folder.0.path().join("elsewhere");
    let gone = Err(Error::Gone { path: path.clone() });
    block_on(async {
        for file in [&path, &log] {
            fs::rename(file, &elsewhere).unwrap();
            assert_eq!(store.save(registration(7)).await, gone);
            // Another file with the same name is not the same.
            fs::copy(&elsewhere, file).unwrap();
            assert_eq!(store.save(registration(7)).await, gone);
            assert!(store.load(&key(1)).await.unwrap().is_some(), "it can still be read");
            fs::rename(&elsewhere, file).unwrap();
            store.save(registration(7)).await.unwrap();
            assert_eq!(store.delete_device(&key(7)).await, Ok(true));
        }
    });
    let error = Error::Gone { path };
    assert!(one_line(&error).contains("put it back"), "{error}");
    drop(store);
    assert_eq!(counts(&folder.open()), (2, 2));
}

#[test]
fn a_database_that_lost_its_beginning_or_end_is_not_used() {
    let (folder, store) = filled(50);
    drop(store);
    let path = folder.0.path().join("drover.db");
    let whole = fs::read(&path).unwrap();
    let mut headless = whole.clone();
    headless[..100].fill(0);
    fs::write(&path, headless).unwrap();
    let error = Store::open(folder.0.path()).unwrap_err();
    assert_eq!(error, Error::Foreign { path: path.clone() });
    for bytes in [whole.len() / 2, whole.len() - 5_000, 1_000] {
        fs::write(&path, &whole[..bytes]).unwrap();
        let error = Store::open(folder.0.path()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. } | Error::Foreign { .. }), "{error:?}");
        assert!(one_line(&error).contains(path.to_str().unwrap()), "{error}");
    }
    // A log of noise is no log; what was written back is there.
    fs::write(&path, &whole).unwrap();
    fs::write(folder.0.path().join("drover.db-wal"), noise(100_000)).unwrap();
    assert_eq!(counts(&folder.open()), (50, 50));
}
