//! Searching for devices.
//!
//! What the index decides is one statement. Where every record must be read, the devices are cut
//! into slices that the reading threads share, and that end early when the page is full, the time
//! is over or nobody waits any more.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use drover_provision::DeviceRecord;
use drover_provision::view::DeviceView;
use tokio::sync::{Semaphore, oneshot};

use super::connection::{Access, Connection, FromField, Param, Row, ToParam as _, Use};
use super::jobs::Failure;
use super::paths::Paths;
use super::threads::Threads;
use super::{Answer, Outcome, Result, index, read};
use crate::encode::Unreadable;
use crate::error::Error;
use crate::find::Position;
use crate::limits::{
    COUNT_SLICE_DEVICES, LIST_WORDS_MAX, PAGE_DEVICES_MAX, PROGRESS_OPERATIONS, READERS,
    SCAN_SLICE_DEVICES, SCAN_SLICES_PLANNED, SOURCE_ROWS_MAX,
};
use crate::query::{Binding, Compiled, Dialect, Source, compile};
use crate::{Count, DeviceCursor, DevicePage, DeviceQuery, SortBy};

/// How many searches read at the same time: all threads but one, which stays for sessions.
pub(super) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(READERS.saturating_sub(1)))
}

/// A search of one caller.
#[derive(Debug, Clone)]
struct Search {
    query: Arc<DeviceQuery>,
    deadline: Instant,
    is_over: Arc<AtomicBool>,
}

/// Ends what still runs for a search when its future is dropped, or done.
struct End(Arc<AtomicBool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

thread_local! {
    /// The search for which this thread reads.
    static CURRENT: RefCell<Option<Search>> = const { RefCell::new(None) };
}

/// Lets a connection stop in the middle of a statement when the search of its thread is in vain.
pub(super) fn make_patient(db: &mut rusqlite::Connection) -> rusqlite::Result<()> {
    let is_in_vain =
        || CURRENT.with_borrow(|search| search.as_ref().is_some_and(Search::is_in_vain));
    db.progress_handler(PROGRESS_OPERATIONS, Some(is_in_vain))
}

/// A part of the devices, in the order of the query.
#[derive(Debug, Clone)]
struct Slice {
    after: Option<DeviceCursor>,
    /// The last one; without, all that follow.
    until: Option<DeviceCursor>,
}

type Found = Vec<(DeviceCursor, DeviceRecord)>;

/// What the first look at a query brings.
enum Plan<T> {
    Done(T),
    Scan,
}

pub(super) async fn find(
    threads: &Threads,
    places: &Arc<Semaphore>,
    query: DeviceQuery,
) -> Answer<DevicePage> {
    let limit = query.limit.min(PAGE_DEVICES_MAX);
    let (search, _end) = Search::begin(query)?;
    if limit == 0 {
        let (devices, next) = (Vec::new(), search.query.after.clone());
        return Ok(DevicePage { devices, next, is_scan: false });
    }
    let whole = Slice { after: search.query.after.clone(), until: None };
    let job = {
        let whole = whole.clone();
        move |search: &Search, db: &Connection, paths: &Paths| {
            let compiled = search.compile(db)?;
            if compiled.as_ref().is_some_and(Compiled::is_scan) {
                return Ok(Plan::Scan);
            }
            search.page(db, paths, compiled.as_ref(), &whole, limit + 1).map(Plan::Done)
        }
    };
    let plan = search.run(threads, places, job).await?;
    match plan.await.map_err(|_| Error::Closed)?? {
        Plan::Done(found) => Ok(page(found, limit, false)),
        Plan::Scan => {
            let found = scan(threads, places, &search, whole, limit + 1).await?;
            Ok(page(found, limit, true))
        }
    }
}

/// A page of what was found, which is one more than the limit when there are more.
fn page(mut found: Found, limit: usize, is_scan: bool) -> DevicePage {
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| has_more).map(|(cursor, _)| cursor.clone());
    let devices = found.into_iter().map(|(_, record)| record).collect();
    DevicePage { devices, next, is_scan }
}

/// Reads the records of a part of the devices until enough are found.
async fn scan(
    threads: &Threads,
    places: &Arc<Semaphore>,
    search: &Search,
    mut rest: Slice,
    limit: usize,
) -> Answer<Found> {
    let mut found = Found::new();
    loop {
        let after = rest.after.clone();
        let plan = move |search: &Search, db: &Connection, _: &Paths| search.slices(db, after);
        let slices = search.run(threads, places, plan).await?;
        let slices = slices.await.map_err(|_| Error::Closed)??;
        let last = slices.last().cloned();
        let mut waiting: VecDeque<oneshot::Receiver<Answer<Found>>> = VecDeque::new();
        let mut slices = slices.into_iter();
        loop {
            while waiting.len() < READERS
                && let Some(slice) = slices.next()
            {
                let job = move |search: &Search, db: &Connection, paths: &Paths| {
                    let compiled = search.compile(db)?;
                    search.page(db, paths, compiled.as_ref(), &slice, limit)
                };
                waiting.push_back(search.run(threads, places, job).await?);
            }
            let Some(first) = waiting.pop_front() else { break };
            found.extend(first.await.map_err(|_| Error::Closed)??);
            if found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
        }
        match last.and_then(|slice| slice.until) {
            Some(end) => rest.after = Some(end),
            None => return Ok(found),
        }
    }
}

pub(super) async fn count(
    threads: &Threads,
    places: &Arc<Semaphore>,
    query: DeviceQuery,
) -> Answer<Count> {
    let (search, _end) = Search::begin(query)?;
    let job = |search: &Search, db: &Connection, paths: &Paths| {
        let compiled = search.compile(db)?;
        if compiled.as_ref().is_some_and(Compiled::is_scan) {
            return Ok(Plan::Scan);
        }
        search.count(db, paths, compiled.as_ref(), None).map(Plan::Done)
    };
    let plan = search.run(threads, places, job).await?;
    if let Plan::Done(number) = plan.await.map_err(|_| Error::Closed)?? {
        return Ok(Count { number, is_scan: false });
    }
    let ends = |_: &Search, db: &Connection, _: &Paths| {
        let sql = "SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM device";
        Ok(db.query_row(sql, &[], |row| Result::Ok((row.get(0)?, row.get(1)?)))?)
    };
    let ends = search.run(threads, places, ends).await?;
    let (mut next, last): (i64, i64) = ends.await.map_err(|_| Error::Closed)??;
    let mut number = 0_u64;
    let mut waiting: VecDeque<oneshot::Receiver<Answer<u64>>> = VecDeque::new();
    loop {
        while waiting.len() < READERS && next <= last {
            let range = (next, next.saturating_add(COUNT_SLICE_DEVICES - 1));
            next = next.saturating_add(COUNT_SLICE_DEVICES);
            let job = move |search: &Search, db: &Connection, paths: &Paths| {
                let compiled = search.compile(db)?;
                search.count(db, paths, compiled.as_ref(), Some(range))
            };
            waiting.push_back(search.run(threads, places, job).await?);
        }
        let Some(first) = waiting.pop_front() else { break };
        number = number.saturating_add(first.await.map_err(|_| Error::Closed)??);
    }
    Ok(Count { number, is_scan: true })
}

impl Search {
    fn begin(query: DeviceQuery) -> Answer<(Self, End)> {
        let is_key = |position: &Position| matches!(position, Position::Key(_));
        let fits = |cursor: &DeviceCursor| is_key(&cursor.0) == (query.sort_by == SortBy::Key);
        if !query.after.as_ref().is_none_or(fits) {
            return Err(Error::InvalidCursor);
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let now = Instant::now();
        // An hour is as good as any time that no clock can tell.
        let deadline = now.checked_add(query.time_limit);
        let deadline = deadline.unwrap_or_else(|| now + Duration::from_secs(3_600));
        let search = Self { query: Arc::new(query), deadline, is_over: is_over.clone() };
        Ok((search, End(is_over)))
    }

    /// Hands a job to the reading threads, once there is a place for it.
    async fn run<T: Send + 'static>(
        &self,
        threads: &Threads,
        places: &Arc<Semaphore>,
        job: impl FnOnce(&Self, &Connection, &Paths) -> Outcome<T> + Send + 'static,
    ) -> Answer<oneshot::Receiver<Answer<T>>> {
        let place = places.clone().acquire_owned().await.map_err(|_| Error::Closed)?;
        let search = self.clone();
        let begun = threads.begin_read(move |db, paths| {
            let outcome = search.patiently(db, |db| job(&search, db, paths));
            drop(place);
            outcome
        });
        begun.await
    }

    /// Runs a job for as long as somebody waits and the time is not over.
    fn patiently<T>(
        &self,
        db: &Connection,
        job: impl FnOnce(&Connection) -> Outcome<T>,
    ) -> Outcome<T> {
        self.go_on(db)?;
        CURRENT.set(Some(self.clone()));
        let outcome = db
            .limit_statements(self.deadline.saturating_duration_since(Instant::now()))
            .map_err(Failure::from)
            .and_then(|()| job(db));
        CURRENT.set(None);
        match outcome {
            Err(Failure::Database(error)) if error.is_interruption() => {
                // PostgreSQL answers nothing more in a transaction with an error.
                db.roll_back()?;
                db.begin(Access::Read)?;
                Err(self.too_slow(db))
            }
            outcome => outcome,
        }
    }

    fn is_in_vain(&self) -> bool {
        self.is_over.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }

    fn go_on(&self, db: &Connection) -> Outcome<()> {
        if self.is_in_vain() { Err(self.too_slow(db)) } else { Ok(()) }
    }

    /// Says what would help.
    fn too_slow(&self, db: &Connection) -> Failure {
        let compiled = self.compile_only(db).ok().flatten();
        let paths = compiled.map(|compiled| compiled.not_indexed).unwrap_or_default();
        let paths = paths.into_iter().collect();
        Error::TooSlow { limit: self.query.time_limit, paths }.into()
    }

    /// The filter in the words of the database, if a scan is allowed or it is none.
    fn compile(&self, db: &Connection) -> Outcome<Option<Compiled>> {
        let compiled = self.compile_only(db)?;
        match compiled {
            Some(compiled) if compiled.is_scan() && !self.query.allow_scan => {
                let paths = compiled.not_indexed.into_iter().collect();
                Err(Error::NotIndexed { paths }.into())
            }
            compiled => Ok(compiled),
        }
    }

    fn compile_only(&self, db: &Connection) -> Result<Option<Compiled>> {
        let Some(filter) = &self.query.filter else { return Ok(None) };
        let catalogue = index::complete(db)?.into_iter().collect();
        Ok(Some(compile(filter, &catalogue, db.dialect(), self.query.now)))
    }

    /// The devices of a slice that the filter lets through, not more than the limit.
    fn page(
        &self,
        db: &Connection,
        paths: &Paths,
        compiled: Option<&Compiled>,
        slice: &Slice,
        limit: usize,
    ) -> Outcome<Found> {
        let way = match compiled {
            Some(compiled) => self.way(db, compiled)?,
            None => Way::Through(Vec::new(), Listed::default()),
        };
        let columns = read::DEVICE_COLUMNS;
        let (mut statement, listed) = match way {
            Way::From(source) => {
                (Statement::from(db.dialect(), columns, compiled, &source), Listed::default())
            }
            Way::Through(sources, listed) => {
                (Statement::through(columns, compiled, &sources), listed)
            }
        };
        statement.restrict(self.query.sort_by, self.query.descending, slice);
        statement
            .sql
            .push_str(&format!(" ORDER BY {}", order(self.query.sort_by, self.query.descending)));
        if compiled.is_none_or(|compiled| compiled.residual.is_none()) && listed.is_all() {
            statement.sql.push_str(&format!(" LIMIT {limit}"));
        }
        let mut found = Found::new();
        self.each(db, paths, (compiled, &listed), &statement, |id, record| {
            found.push((self.cursor(id, &record), record));
            found.len() < limit
        })?;
        Ok(found)
    }

    /// How many devices the filter lets through, of those with numbers in a range.
    fn count(
        &self,
        db: &Connection,
        paths: &Paths,
        compiled: Option<&Compiled>,
        range: Option<(i64, i64)>,
    ) -> Outcome<u64> {
        let source = match compiled {
            Some(compiled) => smallest(db, compiled, SOURCE_ROWS_MAX)?,
            None => None,
        };
        let is_exact = compiled.is_none_or(|compiled| compiled.residual.is_none());
        if let (true, Some((source, _)), None) = (is_exact, &source, range)
            && compiled.is_none_or(|compiled| compiled.is_all_of(source))
        {
            let sql = format!("SELECT count(*) FROM ({}) AS rows", source.sql);
            return Ok(count_rows(db, &sql, &source.bindings)?);
        }
        let columns = if is_exact { "count(*)" } else { read::DEVICE_COLUMNS };
        let mut statement = match &source {
            Some((source, _)) => Statement::from(db.dialect(), columns, compiled, source),
            None => Statement::through(columns, compiled, &[]),
        };
        if let Some((first, last)) = range {
            let first = statement.bind(Binding::Integer(first));
            let last = statement.bind(Binding::Integer(last));
            statement.sql.push_str(&format!(" AND device.id BETWEEN {first} AND {last}"));
        }
        if is_exact {
            return Ok(count_rows(db, &statement.sql, &statement.bindings)?);
        }
        let mut number = 0_u64;
        self.each(db, paths, (compiled, &Listed::default()), &statement, |_, _| {
            number = number.saturating_add(1);
            true
        })?;
        Ok(number)
    }

    /// How to come to a page: from the devices of the smallest source, or through the devices in
    /// their order until the page is full, which is better when many are meant.
    fn way(&self, db: &Connection, compiled: &Compiled) -> Outcome<Way> {
        match smallest(db, compiled, SOURCE_ROWS_MAX)? {
            Some((source, rows)) if rows < SOURCE_ROWS_MAX => return Ok(Way::From(source)),
            _ => {}
        }
        let (mut sources, mut listed) = (Vec::new(), Listed::default());
        // PostgreSQL makes such lists well, and answers with all rows at a time.
        if db.dialect() == Dialect::Sqlite {
            for source in compiled.sources().filter(|source| source.is_list) {
                let Some(devices) = self.list(db, &source)? else { continue };
                listed.retain(devices);
                sources.push(source);
            }
        }
        Ok(Way::Through(sources, listed))
    }

    /// The devices of a source, if a list has room for them. SQLite takes several times longer for
    /// one of its own.
    fn list(&self, db: &Connection, source: &Source) -> Outcome<Option<Vec<u64>>> {
        let (mut devices, mut fits) = (Vec::<u64>::new(), true);
        db.query(Use::Once, &source.sql, &params(&source.bindings), |row| {
            self.go_on(db)?;
            let (place, bit) = place(row.get(0)?);
            if place >= LIST_WORDS_MAX {
                fits = false;
                return Ok::<_, Failure>(ControlFlow::Break(()));
            }
            if place >= devices.len() {
                devices.resize(place.saturating_add(1).next_power_of_two(), 0);
            }
            devices[place] |= bit;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(fits.then_some(devices))
    }

    /// Calls a function with each device that the filter lets through, until that returns false.
    fn each(
        &self,
        db: &Connection,
        paths: &Paths,
        (compiled, listed): (Option<&Compiled>, &Listed),
        statement: &Statement,
        mut found: impl FnMut(i64, DeviceRecord) -> bool,
    ) -> Outcome<()> {
        let residual = compiled.and_then(|compiled| compiled.residual.as_ref());
        db.query(Use::Once, &statement.sql, &statement.params(), |row| {
            self.go_on(db)?;
            if !listed.is_all() && !listed.has(row.peek(0)?) {
                return Ok(ControlFlow::Continue(()));
            }
            let (id, record) = self.record(db, paths, row)?;
            let view = DeviceView::new(&record, self.query.now);
            let is_meant = residual.is_none_or(|residual| residual.evaluate(&view).is_true());
            Ok(match is_meant && !found(id, record) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
        })
    }

    fn record(
        &self,
        db: &Connection,
        paths: &Paths,
        row: &mut Row,
    ) -> Outcome<(i64, DeviceRecord)> {
        let (id, record) = read::device_row(row)?;
        Ok((id, read::listed(db, paths, id, record)?))
    }

    fn cursor(&self, id: i64, record: &DeviceRecord) -> DeviceCursor {
        let fields = &record.fields;
        DeviceCursor(match self.query.sort_by {
            SortBy::Key => Position::Key(record.key.as_str().to_owned()),
            SortBy::LastInform => Position::Time(fields.last_inform.as_microsecond(), id),
            SortBy::Registered => Position::Time(fields.registered.as_microsecond(), id),
        })
    }

    /// The next slices of the devices behind a place.
    fn slices(&self, db: &Connection, mut after: Option<DeviceCursor>) -> Outcome<Vec<Slice>> {
        let (sort_by, descending) = (self.query.sort_by, self.query.descending);
        let column = sort_by.column();
        let mut slices = Vec::new();
        for _ in 0..SCAN_SLICES_PLANNED {
            let columns = format!("device.id, device.{column}");
            let mut statement = Statement::through(&columns, None, &[]);
            statement.restrict(sort_by, descending, &Slice { after: after.clone(), until: None });
            statement.sql.push_str(&format!(
                " ORDER BY {} LIMIT 1 OFFSET {}",
                order(sort_by, descending),
                SCAN_SLICE_DEVICES - 1
            ));
            let until = db.query_optional(&statement.sql, &statement.params(), |row| {
                Result::Ok(DeviceCursor(match sort_by {
                    SortBy::Key => Position::Key(row.get(1)?),
                    _ => Position::Time(row.get(1)?, row.get(0)?),
                }))
            })?;
            let is_last = until.is_none();
            slices.push(Slice { after, until: until.clone() });
            if is_last {
                break;
            }
            after = until;
        }
        Ok(slices)
    }
}

/// A statement while it is put together.
struct Statement {
    sql: String,
    bindings: Vec<Binding>,
}

impl Statement {
    /// Of the devices of a source, those for which the rest of the condition is true.
    fn from(dialect: Dialect, columns: &str, compiled: Option<&Compiled>, source: &Source) -> Self {
        let join = match dialect {
            // So SQLite takes the tables in this order.
            Dialect::Sqlite => "CROSS JOIN",
            Dialect::Postgres => "JOIN",
        };
        let from = format!("({}) AS source {join} device ON device.id = source.device", source.sql);
        let sources = std::slice::from_ref(source);
        Self::new(columns, &from, compiled, sources, source.bindings.clone())
    }

    /// Of all devices, those for which the condition is true; but for the parts of some sources.
    fn through(columns: &str, compiled: Option<&Compiled>, sources: &[Source]) -> Self {
        Self::new(columns, "device", compiled, sources, Vec::new())
    }

    fn new(
        columns: &str,
        from: &str,
        compiled: Option<&Compiled>,
        sources: &[Source],
        mut bindings: Vec<Binding>,
    ) -> Self {
        let condition = match compiled {
            Some(compiled) => compiled.sql(sources, &mut bindings),
            None => "TRUE".to_owned(),
        };
        Self { sql: format!("SELECT {columns} FROM {from} WHERE {condition}"), bindings }
    }

    fn restrict(&mut self, sort_by: SortBy, descending: bool, slice: &Slice) {
        let (after, until) = if descending { ("<", ">=") } else { (">", "<=") };
        for (operator, cursor) in [(after, &slice.after), (until, &slice.until)] {
            let Some(DeviceCursor(position)) = cursor else { continue };
            let column = sort_by.column();
            let condition = match position {
                Position::Key(key) => {
                    let key = self.bind(Binding::Text(key.clone()));
                    format!(" AND device.{column} {operator} {key}")
                }
                Position::Time(time, id) => {
                    let time = self.bind(Binding::Integer(*time));
                    let id = self.bind(Binding::Integer(*id));
                    format!(" AND (device.{column}, device.id) {operator} ({time}, {id})")
                }
            };
            self.sql.push_str(&condition);
        }
    }

    fn bind(&mut self, binding: Binding) -> String {
        self.bindings.push(binding);
        format!("?{}", self.bindings.len())
    }

    fn params(&self) -> Vec<Param<'_>> {
        params(&self.bindings)
    }
}

fn params(bindings: &[Binding]) -> Vec<Param<'_>> {
    bindings.iter().map(Binding::to_param).collect()
}

/// The number that a query of one counts.
fn count_rows<T: FromField>(db: &Connection, sql: &str, bindings: &[Binding]) -> Result<T> {
    let mut number = None;
    db.query(Use::Once, sql, &params(bindings), |row| {
        number = Some(row.get(0)?);
        Result::Ok(ControlFlow::Break(()))
    })?;
    number.ok_or_else(|| Unreadable("answer without a row").into())
}

impl SortBy {
    const fn column(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::LastInform => "last_inform",
            Self::Registered => "registered",
        }
    }
}

fn order(sort_by: SortBy, descending: bool) -> String {
    let direction = if descending { " DESC" } else { "" };
    match sort_by {
        SortBy::Key => format!("device.key{direction}"),
        _ => format!("device.{}{direction}, device.id{direction}", sort_by.column()),
    }
}

/// How to come to a page.
enum Way {
    From(Source),
    /// What the parts of these sources let through is in the list.
    Through(Vec<Source>, Listed),
}

/// Devices by their numbers, a bit for each; without a list, all are in it.
#[derive(Debug, Default)]
struct Listed(Option<Vec<u64>>);

impl Listed {
    const fn is_all(&self) -> bool {
        self.0.is_none()
    }

    fn has(&self, device: i64) -> bool {
        let Some(devices) = &self.0 else { return true };
        let (place, bit) = place(device);
        devices.get(place).is_some_and(|bits| bits & bit != 0)
    }

    /// Takes those away that are not in another list.
    fn retain(&mut self, other: Vec<u64>) {
        match &mut self.0 {
            None => self.0 = Some(other),
            Some(devices) => {
                devices.truncate(other.len());
                devices.iter_mut().zip(other).for_each(|(bits, other)| *bits &= other);
            }
        }
    }
}

/// Where the bit of a device is.
fn place(device: i64) -> (usize, u64) {
    let device = u64::try_from(device).unwrap_or(u64::MAX);
    (usize::try_from(device / 64).unwrap_or(usize::MAX), 1 << (device % 64))
}

/// The source with the fewest devices, with how many it has; that is at most `limit`, of which none
/// may have fewer.
fn smallest(db: &Connection, compiled: &Compiled, limit: i64) -> Result<Option<(Source, i64)>> {
    let mut best: Option<(Source, i64)> = None;
    for source in compiled.sources() {
        let most = best.as_ref().map_or(limit, |(_, rows)| *rows);
        let sql = format!("SELECT count(*) FROM ({} LIMIT {most}) AS rows", source.sql);
        let rows: i64 = count_rows(db, &sql, &source.bindings)?;
        if best.is_none() || rows < most {
            best = Some((source, rows));
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn endless(db: &Connection) -> Outcome<i64> {
        let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) \
                   SELECT count(*) FROM n";
        Ok(db.query_row(sql, &[], |row| row.get(0))?)
    }

    fn connection() -> Connection {
        let mut db = rusqlite::Connection::open_in_memory().unwrap();
        make_patient(&mut db).unwrap();
        Connection::Sqlite(db)
    }

    #[test]
    fn a_statement_is_stopped_when_the_time_is_over() {
        let query = DeviceQuery {
            time_limit: Duration::from_millis(50),
            ..DeviceQuery::new(None, Timestamp::UNIX_EPOCH)
        };
        let (search, _end) = Search::begin(query).unwrap();
        let outcome = search.patiently(&connection(), endless);
        assert!(matches!(outcome, Err(Failure::Own(Error::TooSlow { .. }))), "{outcome:?}");
    }

    #[test]
    fn a_statement_is_stopped_when_nobody_waits_any_more() {
        let (begun, has_begun) = std::sync::mpsc::sync_channel(1);
        let query = DeviceQuery::new(None, Timestamp::UNIX_EPOCH);
        let query = DeviceQuery { time_limit: Duration::MAX, ..query };
        let (search, end) = Search::begin(query).unwrap();
        let running = std::thread::spawn(move || {
            let db = connection();
            let stopped = search.patiently(&db, |db| {
                begun.send(()).unwrap();
                endless(db)
            });
            // The next one on this connection is not concerned.
            let next: Result<i64> = db.query_row("SELECT 1", &[], |row| row.get(0));
            (stopped.is_err(), search.patiently(&db, |_| Ok(())).is_err(), next.unwrap())
        });
        has_begun.recv().unwrap();
        drop(end);
        assert_eq!(running.join().unwrap(), (true, true, 1));
    }
}
