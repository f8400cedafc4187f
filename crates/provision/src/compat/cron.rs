//! Cron schedules as GenieACS reads them.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::limits::CRON_CHARS_MAX;

/// How far a schedule is searched; the days of a leap year's February 29 that are a Monday can be
/// 40 years apart.
const YEARS_SEARCHED: i16 = 100;

/// A cron schedule: `minute hour day month weekday`, or the same with a second in front.
///
/// A field is `*`, `?`, a number, a range `1-5`, a name (`JAN`, `MON`; any case), each with a step
/// (`*/15`, `10-40/10`, `5/20` for "from 5 on"), or a list of these. Unlike in Unix, **a day
/// must match both its fields**, the day of the month and the weekday. Weekdays are 0 to 6 from
/// Sunday on; 7 is Saturday too, as in GenieACS.
///
/// Every instant whose local time matches is one of its times: none in the hour that is left out
/// in spring, and both in the hour that comes twice in autumn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    seconds: Set,
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    weekdays: Set,
}

/// The text is no cron schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    /// It has not five or six fields, or is longer than any schedule.
    #[error("a cron schedule has five fields, or six with a second in front, and not {0}")]
    Fields(usize),
    /// The text is too long.
    #[error("a cron schedule has at most {CRON_CHARS_MAX} characters")]
    TooLong,
    /// A field is not understood.
    #[error(
        "{text:?} is not {field}: write *, a number or name from {min} to {max}, a range such as \
         {min}-{max}, a step such as */5, or a list of these"
    )]
    Field {
        /// Which field.
        field: &'static str,
        /// What stands there.
        text: String,
        /// Its lowest number.
        min: u8,
        /// Its highest number.
        max: u8,
    },
    /// No month has such a day.
    #[error("no day is on this schedule: its months are shorter than its day of the month")]
    Impossible,
}

/// The schedule has no time within a century.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the schedule has no time within {YEARS_SEARCHED} years")]
pub struct NoSuchTime;

impl Cron {
    /// Reads a schedule.
    ///
    /// # Errors
    /// [`InvalidCron`] says what is wrong with which field.
    pub fn parse(text: &str) -> Result<Self, InvalidCron> {
        if text.len() > CRON_CHARS_MAX {
            return Err(InvalidCron::TooLong);
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let (second, rest) = match fields.as_slice() {
            [second, rest @ ..] if fields.len() == 6 => (*second, rest),
            rest => ("0", rest),
        };
        let &[minute, hour, day, month, weekday] = rest else {
            return Err(InvalidCron::Fields(fields.len()));
        };
        let cron = Self {
            seconds: SECOND.read(second)?,
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays: WEEKDAY.read(weekday)?,
        };
        if cron.is_possible() { Ok(cron) } else { Err(InvalidCron::Impossible) }
    }

    /// The latest time of the schedule that is not after `now`.
    ///
    /// # Errors
    /// [`NoSuchTime`] when there is none within a century.
    pub fn previous(&self, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, NoSuchTime> {
        let mut latest = now;
        // A time zone's offset is constant between two transitions, and so is the arithmetic.
        for transition in zone.preceding(now.checked_add(TICK).map_err(|_| NoSuchTime)?) {
            let start = transition.timestamp();
            if start > latest {
                continue;
            }
            let (first, last) = local_span(start, latest, transition.offset());
            if let Some(hit) = self.last_within(first, last) {
                return at(transition.offset(), hit);
            }
            latest = start.checked_sub(TICK).map_err(|_| NoSuchTime)?;
            if is_far(now, latest) {
                return Err(NoSuchTime);
            }
        }
        let offset = zone.to_offset(latest);
        let (first, last) = local_span(Timestamp::MIN, latest, offset);
        self.last_within(first, last).map_or(Err(NoSuchTime), |hit| at(offset, hit))
    }

    /// The first time of the schedule that is not before `now`.
    ///
    /// # Errors
    /// [`NoSuchTime`] when there is none within a century.
    pub fn next(&self, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, NoSuchTime> {
        let now = whole_second(now).ok_or(NoSuchTime)?;
        let mut earliest = now;
        for transition in zone.following(now) {
            let offset = zone.to_offset(earliest);
            let end = transition.timestamp().checked_sub(TICK).map_err(|_| NoSuchTime)?;
            let (first, last) = local_span(earliest, end, offset);
            if let Some(hit) = self.first_within(first, last) {
                return at(offset, hit);
            }
            earliest = transition.timestamp();
            if is_far(now, earliest) {
                return Err(NoSuchTime);
            }
        }
        let offset = zone.to_offset(earliest);
        let (first, last) = local_span(earliest, Timestamp::MAX, offset);
        self.first_within(first, last).map_or(Err(NoSuchTime), |hit| at(offset, hit))
    }

    /// Whether some month is long enough for some day.
    fn is_possible(&self) -> bool {
        const LENGTHS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let first = self.days.at_least(0);
        let fits = |length: u8| first.is_some_and(|first| first <= length);
        (1..=12u8).zip(LENGTHS).any(|(month, length)| self.months.has(month) && fits(length))
    }

    /// The last matching local time from `first` to `last`.
    fn last_within(&self, first: DateTime, last: DateTime) -> Option<DateTime> {
        let same_day = self.matches_day(last.date()).then(|| self.last_time(last.time())).flatten();
        let hit = match same_day {
            Some(time) => last.date().to_datetime(time),
            None => self.last_day(last.date())?.to_datetime(self.last_time(Time::MAX)?),
        };
        (hit >= first).then_some(hit)
    }

    /// The first matching local time from `first` to `last`.
    fn first_within(&self, first: DateTime, last: DateTime) -> Option<DateTime> {
        let is_today = self.matches_day(first.date());
        let same_day = is_today.then(|| self.first_time(first.time())).flatten();
        let hit = match same_day {
            Some(time) => first.date().to_datetime(time),
            None => self.first_day(first.date())?.to_datetime(self.first_time(Time::MIN)?),
        };
        (hit <= last).then_some(hit)
    }

    fn matches_day(&self, date: Date) -> bool {
        self.months.has(number(date.month()))
            && self.days.has(number(date.day()))
            && self.weekdays.has(number(date.weekday().to_sunday_zero_offset()))
    }

    /// The last matching day before `date`.
    fn last_day(&self, date: Date) -> Option<Date> {
        let end = date.year().checked_sub(YEARS_SEARCHED)?;
        let mut day = date.yesterday().ok()?;
        while day.year() >= end {
            if !self.months.has(number(day.month())) {
                day = day.first_of_month();
            } else if self.matches_day(day) {
                return Some(day);
            }
            day = day.yesterday().ok()?;
        }
        None
    }

    /// The first matching day after `date`.
    fn first_day(&self, date: Date) -> Option<Date> {
        let end = date.year().checked_add(YEARS_SEARCHED)?;
        let mut day = date.tomorrow().ok()?;
        while day.year() <= end {
            if !self.months.has(number(day.month())) {
                day = day.last_of_month();
            } else if self.matches_day(day) {
                return Some(day);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// The last matching time of day up to `limit`.
    fn last_time(&self, limit: Time) -> Option<Time> {
        let [hour, minute, second] = fields(limit);
        let (last_minute, last_second) = (self.minutes.at_most(59)?, self.seconds.at_most(59)?);
        if self.hours.has(hour) {
            let same_minute = self.minutes.has(minute).then(|| self.seconds.at_most(second));
            if let Some(second) = same_minute.flatten() {
                return time(hour, minute, second);
            }
            if let Some(minute) = minute.checked_sub(1).and_then(|m| self.minutes.at_most(m)) {
                return time(hour, minute, last_second);
            }
        }
        let hour = hour.checked_sub(1).and_then(|hour| self.hours.at_most(hour))?;
        time(hour, last_minute, last_second)
    }

    /// The first matching time of day from `limit` on.
    fn first_time(&self, limit: Time) -> Option<Time> {
        let [hour, minute, second] = fields(limit);
        let (first_minute, first_second) = (self.minutes.at_least(0)?, self.seconds.at_least(0)?);
        if self.hours.has(hour) {
            let same_minute = self.minutes.has(minute).then(|| self.seconds.at_least(second));
            if let Some(second) = same_minute.flatten() {
                return time(hour, minute, second);
            }
            if let Some(minute) = self.minutes.at_least(minute.saturating_add(1)) {
                return time(hour, minute, first_second);
            }
        }
        let hour = self.hours.at_least(hour.saturating_add(1))?;
        time(hour, first_minute, first_second)
    }
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// The numbers that a field allows, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Set(u64);

impl Set {
    fn insert(&mut self, number: u8) {
        self.0 |= 1u64.checked_shl(number.into()).unwrap_or(0);
    }

    fn has(self, number: u8) -> bool {
        self.0 & 1u64.checked_shl(number.into()).unwrap_or(0) != 0
    }

    fn at_most(self, limit: u8) -> Option<u8> {
        (0..=limit).rev().find(|number| self.has(*number))
    }

    fn at_least(self, limit: u8) -> Option<u8> {
        (limit..64).find(|number| self.has(*number))
    }
}

/// What a field may hold.
struct Field {
    name: &'static str,
    min: u8,
    max: u8,
    /// Words for the numbers from `min` on.
    words: &'static [&'static str],
}

const SECOND: Field = Field { name: "a second", min: 0, max: 59, words: &[] };
const MINUTE: Field = Field { name: "a minute", min: 0, max: 59, words: &[] };
const HOUR: Field = Field { name: "an hour", min: 0, max: 23, words: &[] };
const DAY: Field = Field { name: "a day of the month", min: 1, max: 31, words: &[] };
const MONTH: Field = Field {
    name: "a month",
    min: 1,
    max: 12,
    words: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
const WEEKDAY: Field = Field {
    name: "a weekday",
    min: 0,
    max: 7,
    words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};

impl Field {
    fn read(&self, text: &str) -> Result<Set, InvalidCron> {
        let mut set = Set::default();
        for item in text.split(',') {
            self.read_item(item, &mut set).ok_or_else(|| InvalidCron::Field {
                field: self.name,
                text: item.to_owned(),
                min: self.min,
                max: self.max,
            })?;
        }
        Ok(set)
    }

    fn read_item(&self, item: &str, set: &mut Set) -> Option<()> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(plain_number(step).filter(|step| *step > 0)?)),
            None => (item, None),
        };
        // A weekday of 7 is no day more, but a second name for one.
        let end = if self.name == WEEKDAY.name { 6 } else { self.max };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (self.number(first)?, self.number(last)?),
            None if matches!(range, "*" | "?") => (self.min, end),
            None => {
                let number = self.number(range)?;
                (number, if step.is_some() { end } else { number })
            }
        };
        if first > last {
            return None;
        }
        for number in (first..=last).step_by(step.unwrap_or(1).into()) {
            set.insert(number.min(end));
        }
        Some(())
    }

    fn number(&self, text: &str) -> Option<u8> {
        let named = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let number = match named {
            Some(place) => u8::try_from(place).ok()?.checked_add(self.min)?,
            None => plain_number(text)?,
        };
        (self.min..=self.max).contains(&number).then_some(number)
    }
}

/// A number of digits alone: no sign, as `parse` would take.
fn plain_number(text: &str) -> Option<u8> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A second in nanoseconds.
const NANOSECONDS: i128 = 1_000_000_000;
/// The smallest difference of two instants.
const TICK: SignedDuration = SignedDuration::from_nanos(1);

fn local_span(first: Timestamp, last: Timestamp, offset: Offset) -> (DateTime, DateTime) {
    (offset.to_datetime(first), offset.to_datetime(last))
}

fn at(offset: Offset, local: DateTime) -> Result<Timestamp, NoSuchTime> {
    offset.to_timestamp(local).map_err(|_| NoSuchTime)
}

/// The instant itself, or the next one without a part of a second.
fn whole_second(time: Timestamp) -> Option<Timestamp> {
    let nanoseconds = time.as_nanosecond();
    let second = i64::try_from(nanoseconds.div_euclid(NANOSECONDS)).ok()?;
    let is_whole = nanoseconds.rem_euclid(NANOSECONDS) == 0;
    Timestamp::from_second(second.checked_add(i64::from(!is_whole))?).ok()
}

fn is_far(a: Timestamp, b: Timestamp) -> bool {
    const SECONDS: i64 = 366 * 86_400 * 100;
    a.as_second().saturating_sub(b.as_second()).saturating_abs() > SECONDS
}

fn number(value: i8) -> u8 {
    value.unsigned_abs()
}

fn fields(time: Time) -> [u8; 3] {
    [number(time.hour()), number(time.minute()), number(time.second())]
}

fn time(hour: u8, minute: u8, second: u8) -> Option<Time> {
    let [hour, minute, second] = [hour, minute, second].map(u8::cast_signed);
    Time::new(hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests;
