//! The forms of paths that documents name by numbers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use drover_provision::document::PathTable;

use super::connection::{Connection, DbError, params};
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
        debug_assert!(!db.is_in_transaction(), "what is not committed can be undone");
        if !self.is_behind.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        self.read(db).inspect_err(|_| self.is_behind.store(true, Ordering::Relaxed))
    }

    /// Forgets all: another server may have taken the place of the one that told it.
    pub(super) fn forget(&self) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::default();
        self.is_behind.store(true, Ordering::Relaxed);
    }

    /// Takes in all that is committed.
    pub(super) fn read(&self, db: &Connection) -> Result<()> {
        let known = self.known();
        let sql = "SELECT id, form FROM path WHERE id > ?1 ORDER BY id";
        let new: Vec<(u32, Arc<str>)> =
            db.query_rows(sql, params![read::bound(known.forms.len())], |row| {
                Result::Ok((row.get(0)?, row.get(1)?))
            })?;
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
    failure: RefCell<Option<DbError>>,
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
    db.query_optional("SELECT form FROM path WHERE id = ?1", params![number], |row| row.get(0))
}

/// The number of a form, which gets one unless there are too many.
fn number(db: &Connection, form: &str) -> Result<Option<u32>> {
    let known =
        db.query_optional("SELECT id FROM path WHERE form = ?1", params![form], |row| row.get(0))?;
    if known.is_some() {
        return Ok(known);
    }
    let sql = "INSERT INTO path (id, form) SELECT coalesce(max(id), 0) + 1, CAST(?1 AS TEXT) \
         FROM path HAVING coalesce(max(id), 0) < ?2 RETURNING id";
    db.query_optional(sql, params![form, FORMS_MAX], |row| row.get(0))
}
