//! The forms of paths that documents name by numbers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use drover_provision::document::PathTable;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Result, read};
use crate::limits::{FORM_BYTES_MAX, FORMS_MAX};

/// The forms that are committed, in memory. Threads of one store share it.
///
/// What a transaction adds is found in the database alone until it is committed, so nothing here
/// can be undone.
#[derive(Debug, Default)]
pub(super) struct Paths {
    known: RwLock<Arc<Known>>,
    /// A form was looked for in vain: the database may have more by now.
    is_behind: AtomicBool,
}

#[derive(Debug, Clone, Default)]
struct Known {
    /// By number, counted from 1.
    forms: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Paths {
    /// Takes in what has been committed since the last call, if anything was missing. The
    /// connection must be in no transaction of its own.
    pub(super) fn catch_up(&self, db: &Connection) -> Result<()> {
        debug_assert!(db.is_autocommit(), "what is not committed can be undone");
        if !self.is_behind.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        self.read(db).inspect_err(|_| self.is_behind.store(true, Ordering::Relaxed))
    }

    /// Takes in all that is committed.
    pub(super) fn read(&self, db: &Connection) -> Result<()> {
        let known = self.known();
        let mut statement =
            db.prepare_cached("SELECT id, form FROM path WHERE id > ?1 ORDER BY id")?;
        let rows = statement.query_map([read::bound(known.forms.len())], |row| {
            Ok((row.get::<_, u32>(0)?, row.get::<_, Arc<str>>(1)?))
        })?;
        let new: Vec<(u32, Arc<str>)> = rows.collect::<Result<_>>()?;
        if !new.is_empty() {
            let more = Arc::new(known.with(new));
            *self.known.write().unwrap_or_else(PoisonError::into_inner) = more;
        }
        Ok(())
    }

    fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The table as a transaction of `db` sees it.
    pub(super) fn table<'a>(&'a self, db: &'a Connection) -> Table<'a> {
        Table { db, paths: self, known: self.known(), failure: RefCell::new(None) }
    }
}

impl Known {
    fn with(&self, new: Vec<(u32, Arc<str>)>) -> Self {
        let mut more = self.clone();
        for (number, form) in new {
            // Numbers follow one another; behind a gap, forms are looked up in the database.
            if more.forms.len().checked_add(1) != usize::try_from(number).ok() {
                break;
            }
            more.forms.push(form.clone());
            more.numbers.insert(form, number);
        }
        more
    }
}

/// The forms within one transaction. A form without a number gets one when a document is written.
pub(super) struct Table<'a> {
    db: &'a Connection,
    paths: &'a Paths,
    known: Arc<Known>,
    failure: RefCell<Option<rusqlite::Error>>,
}

impl Table<'_> {
    /// Why the database could not be asked, if so.
    pub(super) fn failure(&self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn ask<T>(&self, ask: impl FnOnce(&Connection) -> Result<Option<T>>) -> Option<T> {
        self.paths.is_behind.store(true, Ordering::Relaxed);
        ask(self.db).unwrap_or_else(|error| {
            self.failure.replace(Some(error));
            None
        })
    }
}

impl PathTable for Table<'_> {
    fn number(&self, form: &str) -> Option<u32> {
        let known = self.known.numbers.get(form).copied();
        if known.is_some() || form.len() > FORM_BYTES_MAX {
            return known;
        }
        self.ask(|db| number(db, form))
    }

    fn form(&self, number: u32) -> Option<Arc<str>> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        let known = self.known.forms.get(place).cloned();
        known.or_else(|| self.ask(|db| form(db, number)))
    }
}

fn form(db: &Connection, number: u32) -> Result<Option<Arc<str>>> {
    db.prepare_cached("SELECT form FROM path WHERE id = ?1")?
        .query_row([number], |row| row.get(0))
        .optional()
}

/// The number of a form, which gets one unless there are too many.
fn number(db: &Connection, form: &str) -> Result<Option<u32>> {
    let known = db
        .prepare_cached("SELECT id FROM path WHERE form = ?1")?
        .query_row([form], |row| row.get(0))
        .optional()?;
    if known.is_some() {
        return Ok(known);
    }
    let added = db
        .prepare_cached(
            "INSERT INTO path (form) SELECT ?1 \
             WHERE (SELECT coalesce(max(id), 0) FROM path) < ?2",
        )?
        .execute(params![form, FORMS_MAX])?;
    Ok(if added == 0 { None } else { u32::try_from(db.last_insert_rowid()).ok() })
}
