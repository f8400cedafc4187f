//! Values of watched parameters over time.
//!
//! Each value of a batch becomes a point. A device keeps so many of them for a parameter; with
//! each new one the oldest moves into the point of its hour, then the oldest hour into that of its
//! day, and the oldest day is removed. So a save costs the same however long the history is.

use drover_cwmp::{Value, ValueType};
use drover_provision::engine::Scalar;
use drover_provision::view::scalar;
use drover_provision::{Batch, DeviceKey, Known};
use jiff::Timestamp;

use super::connection::{Connection, Row, params};
use super::index::is_full_path;
use super::{Outcome, Result, read};
use crate::encode::{self, Unreadable};
use crate::error::Error;
use crate::limits::{HISTORY_POINTS_MAX, POINTS_REMOVED_PER_SAVE, WATCHED_MAX};
use crate::{Point, Retention, Step};
use drover_provision::limits::PATH_BYTES_MAX;

const HOUR_MICROSECONDS: i64 = 3_600_000_000;
const DAY_MICROSECONDS: i64 = 24 * HOUR_MICROSECONDS;

const COLUMNS: &str = "step, time, least, most, mean, last, count";

impl Step {
    const ALL: [Self; 3] = [Self::Each, Self::Hour, Self::Day];

    const fn code(self) -> i64 {
        match self {
            Self::Each => 0,
            Self::Hour => 1,
            Self::Day => 2,
        }
    }

    /// Microseconds that a point stands for.
    const fn width(self) -> i64 {
        match self {
            Self::Each => 1,
            Self::Hour => HOUR_MICROSECONDS,
            Self::Day => DAY_MICROSECONDS,
        }
    }

    /// What the oldest points become; `None` for those that are removed.
    const fn coarser(self) -> Option<Self> {
        match self {
            Self::Each => Some(Self::Hour),
            Self::Hour => Some(Self::Day),
            Self::Day => None,
        }
    }

    const fn kept(self, retention: &Retention) -> u32 {
        match self {
            Self::Each => retention.points,
            Self::Hour => retention.hours,
            Self::Day => retention.days,
        }
    }
}

/// Keeps the values of watched parameters, of all devices from now on.
pub(super) fn watch(db: &Connection, path: &str) -> Outcome<()> {
    if path.len() > PATH_BYTES_MAX || !is_full_path(path) {
        return Err(Error::InvalidPath(path.chars().take(PATH_BYTES_MAX).collect()).into());
    }
    db.execute("INSERT INTO watched (path) VALUES (?1) ON CONFLICT DO NOTHING", params![path])?;
    if watched(db)?.len() > WATCHED_MAX {
        return Err(Error::TooManyWatched.into());
    }
    Ok(())
}

/// Forgets a parameter. Its points are removed later, but not seen any more.
pub(super) fn unwatch(db: &Connection, path: &str) -> Outcome<bool> {
    Ok(db.execute("UPDATE watched SET path = NULL WHERE path = ?1", params![path])? > 0)
}

pub(super) fn watched(db: &Connection) -> Outcome<Vec<String>> {
    let sql = "SELECT path FROM watched WHERE path IS NOT NULL ORDER BY path";
    Ok(db.query_rows(sql, &[], |row| row.get(0))?)
}

/// Adds the values of a batch, and removes some of what nobody watches any more.
pub(super) fn save(
    db: &Connection,
    device: i64,
    batch: &Batch,
    retention: &Retention,
) -> Result<()> {
    let sql = "SELECT number, path FROM watched";
    let watched: Vec<(i64, Option<String>)> =
        db.query_rows(sql, &[], |row| Result::Ok((row.get(0)?, row.get(1)?)))?;
    let mut room = POINTS_REMOVED_PER_SAVE;
    for (number, path) in watched {
        let Some(path) = path else {
            remove_some(db, number, std::mem::take(&mut room))?;
            continue;
        };
        let parameter = batch.parameters.get(&path).and_then(Option::as_ref);
        let known = parameter.and_then(|parameter| parameter.value.as_ref());
        if let Some(value) = known.and_then(numeric) {
            let series = Series { db, watched: number, device };
            series.add(&value, retention)?;
        }
    }
    Ok(())
}

/// Removes some points of parameters that nobody watches any more. Returns whether there are more.
pub(super) fn remove_unwatched(db: &Connection, limit: usize) -> Outcome<bool> {
    let sql = "SELECT number FROM watched WHERE path IS NULL LIMIT 1";
    let number: Option<i64> = db.query_optional(sql, &[], |row| row.get(0))?;
    number.map_or(Ok(false), |number| Ok(remove_some(db, number, limit).map(|()| true)?))
}

fn remove_some(db: &Connection, watched: i64, limit: usize) -> Result<()> {
    if limit == 0 {
        return Ok(());
    }
    let sql = "DELETE FROM point WHERE (watched, device, step, time) IN \
         (SELECT watched, device, step, time FROM point WHERE watched = ?1 LIMIT ?2)";
    let removed = db.execute(sql, params![watched, read::bound(limit)])?;
    if removed < u64::try_from(limit).unwrap_or(u64::MAX) {
        db.execute("DELETE FROM watched WHERE number = ?1", params![watched])?;
    }
    Ok(())
}

pub(super) fn history(
    db: &Connection,
    key: &DeviceKey,
    path: &str,
    from: Timestamp,
    to: Timestamp,
) -> Outcome<Vec<Point>> {
    let Some(device) = read::device_id(db, key)? else { return Ok(Vec::new()) };
    let sql = "SELECT number FROM watched WHERE path = ?1";
    let watched: Option<i64> = db.query_optional(sql, params![path], |row| row.get(0))?;
    let Some(watched) = watched else { return Ok(Vec::new()) };
    let series = Series { db, watched, device };
    let mut points = Vec::new();
    for step in Step::ALL.into_iter().rev() {
        points.extend(series.between(step, from, to)?);
    }
    // After the clock went back, an hour may begin before the end of another step.
    points.sort_by_key(|point| (point.time, std::cmp::Reverse(point.step)));
    Ok(points)
}

/// A value that can be drawn: a number, a boolean as 0 or 1, or a text that is a decimal number.
fn numeric(known: &Known<Value>) -> Option<Known<f64>> {
    let number = match scalar(&known.value) {
        _ if known.value.value_type == ValueType::DateTime => return None,
        Scalar::Bool(value) => f64::from(u8::from(value)),
        Scalar::Number(number) => number,
        Scalar::Text(text) if ValueType::Decimal.accepts(&text) => text.trim().parse().ok()?,
        Scalar::Text(_) => return None,
    };
    number.is_finite().then(|| Known::new(number, known.time))
}

/// The points of one parameter of one device.
struct Series<'a> {
    db: &'a Connection,
    watched: i64,
    device: i64,
}

impl Series<'_> {
    /// Adds a value; one with the time of another takes its place.
    fn add(&self, value: &Known<f64>, retention: &Retention) -> Result<()> {
        let number = value.value;
        let point = Point {
            time: value.time,
            step: Step::Each,
            least: number,
            most: number,
            mean: number,
            last: number,
            count: 1,
        };
        self.put(&point)?;
        Step::ALL.into_iter().try_for_each(|step| self.shorten(step, retention))
    }

    /// Moves the oldest points of a step into the next, as many as there are too many, but not
    /// more than two: so a smaller number to keep is reached with the saves that come.
    fn shorten(&self, step: Step, retention: &Retention) -> Result<()> {
        for _ in 0..2 {
            let Some(point) = self.surplus(step, step.kept(retention))? else { break };
            self.remove(&point)?;
            if let Some(coarser) = step.coarser() {
                self.merge(coarser, &point)?;
            }
        }
        Ok(())
    }

    /// The oldest point of a step when there are more than so many.
    fn surplus(&self, step: Step, kept: u32) -> Result<Option<Point>> {
        let count = "SELECT count(*) FROM point WHERE watched = ?1 AND device = ?2 AND step = ?3";
        let step = step.code();
        let identity = params![self.watched, self.device, step];
        let count: u32 = self.db.query_row(count, identity, |row| row.get(0))?;
        if count <= kept {
            return Ok(None);
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM point WHERE watched = ?1 AND device = ?2 AND step = ?3 \
             ORDER BY time LIMIT 1"
        );
        self.db.query_optional(&sql, identity, point_row)
    }

    fn remove(&self, point: &Point) -> Result<()> {
        let sql =
            "DELETE FROM point WHERE watched = ?1 AND device = ?2 AND step = ?3 AND time = ?4";
        self.db.execute(
            sql,
            params![self.watched, self.device, point.step.code(), point.time.as_microsecond()],
        )?;
        Ok(())
    }

    /// Adds a point to the one of its hour or day.
    fn merge(&self, step: Step, point: &Point) -> Result<()> {
        let time = point.time.as_microsecond();
        let begin = time.saturating_sub(time.rem_euclid(step.width()));
        let begin = encode::time(begin)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM point WHERE watched = ?1 AND device = ?2 AND step = ?3 \
             AND time = ?4"
        );
        let known = self.db.query_optional(
            &sql,
            params![self.watched, self.device, step.code(), begin.as_microsecond()],
            point_row,
        )?;
        let merged = known.map_or(Point { time: begin, step, ..*point }, |known| Point {
            least: known.least.min(point.least),
            most: known.most.max(point.most),
            mean: mean(&known, point),
            last: point.last,
            count: known.count.saturating_add(point.count),
            ..known
        });
        self.put(&merged)
    }

    fn put(&self, point: &Point) -> Result<()> {
        let sql = "INSERT INTO point (watched, device, step, time, least, most, mean, last, count) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
             ON CONFLICT (watched, device, step, time) DO UPDATE SET least = ?5, most = ?6, \
             mean = ?7, last = ?8, count = ?9";
        self.db.execute(
            sql,
            params![
                self.watched,
                self.device,
                point.step.code(),
                point.time.as_microsecond(),
                point.least,
                point.most,
                point.mean,
                point.last,
                point.count,
            ],
        )?;
        Ok(())
    }

    /// The points of a step that touch a time, its end excluded.
    fn between(&self, step: Step, from: Timestamp, to: Timestamp) -> Result<Vec<Point>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM point WHERE watched = ?1 AND device = ?2 AND step = ?3 \
             AND time > ?4 AND time < ?5 ORDER BY time DESC LIMIT ?6"
        );
        let before = from.as_microsecond().saturating_sub(step.width());
        let limit = read::bound(HISTORY_POINTS_MAX);
        self.db.query_rows(
            &sql,
            params![self.watched, self.device, step.code(), before, to.as_microsecond(), limit],
            point_row,
        )
    }
}

fn point_row(row: &mut Row) -> Result<Point> {
    let code: i64 = row.get(0)?;
    let step = Step::ALL.into_iter().find(|step| step.code() == code);
    Ok(Point {
        time: encode::time(row.get(1)?)?,
        step: step.ok_or(Unreadable("step of a point"))?,
        least: row.get(2)?,
        most: row.get(3)?,
        mean: row.get(4)?,
        last: row.get(5)?,
        count: row.get(6)?,
    })
}

/// The mean of two points, each with the weight of its values. It is never more than any number.
fn mean(left: &Point, right: &Point) -> f64 {
    let (of_left, of_right) = (f64::from(left.count), f64::from(right.count));
    let all = of_left + of_right;
    let mean = (left.mean * of_left + right.mean * of_right) / all;
    // The sum of the greatest numbers is none.
    if mean.is_finite() {
        mean
    } else {
        left.mean * (of_left / all) + right.mean * (of_right / all)
    }
}
