//! What a device keeps over a restart, as bytes.
//!
//! The encoding is `DRV`, a version, and the members of [`Saved`] in their order: integers in
//! groups of seven bits, lowest first, the high bit set on all but the last; texts with their
//! length in bytes in front. Parameters are named by path, so that a newer firmware with another
//! model reads what it still knows.

use std::time::Duration;

use drover_cwmp::event::{Event, EventCode, EventStore};
use drover_cwmp::retry::{RetryPolicy, SessionRetry};
use drover_datamodel::check::canonical;

use super::{Attributes, Device};
use crate::clock::Clock;
use crate::limits::{REBOOTS_MAX, SCHEDULED_INFORMS_MAX};
use crate::tree::{Origin, Rows};

const MAGIC: &[u8; 3] = b"DRV";
const VERSION: u8 = 1;

/// A snapshot cannot be used. The device is as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The bytes are something else.
    #[error("this is not the state of a device")]
    NotAState,
    /// A newer firmware wrote it.
    #[error("the state has version {0}; this firmware knows version {VERSION} and older")]
    Version(u8),
    /// The bytes end too early, go on after the end, or hold what cannot be.
    #[error("the state is damaged at byte {0}")]
    Damaged(usize),
}

/// The members in the order of the encoding.
#[derive(Debug, Default, PartialEq, Eq)]
struct Saved {
    bootstrapped: Option<String>,
    retry_count: u32,
    factory_reset: bool,
    reboots: Vec<String>,
    events: Vec<Event>,
    informs: Vec<SavedInform>,
    tables: Vec<(String, Rows)>,
    values: Vec<SavedValue>,
    attributes: Vec<(String, Attributes)>,
}

#[derive(Debug, PartialEq, Eq)]
struct SavedInform {
    /// Seconds that were left.
    remaining: u64,
    /// Unix seconds at which it is due, if the time was known.
    due_second: Option<u64>,
    command_key: String,
}

#[derive(PartialEq, Eq)]
struct SavedValue {
    path: String,
    origin: Origin,
    text: String,
}

impl std::fmt::Debug for SavedValue {
    /// Without the text, which may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SavedValue").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Device {
    /// Everything that must survive a restart. It holds the device's passwords, so it belongs
    /// where only the device can read it.
    pub fn snapshot(&self, now: &Clock) -> Vec<u8> {
        let saved = Saved {
            bootstrapped: self.bootstrapped.as_deref().map(str::to_owned),
            retry_count: self.retry.retry_count(),
            factory_reset: self.factory_reset,
            reboots: self.reboots.iter().map(|key| key.to_string()).collect(),
            events: self.events.snapshot(),
            informs: self.saved_informs(now),
            tables: self.saved_tables(),
            values: self.saved_values(),
            attributes: self.saved_attributes(),
        };
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        saved.write(&mut bytes);
        bytes
    }

    /// Goes on from a [`snapshot`](Self::snapshot); to be called on a new device of the same kind,
    /// before [`handle_boot`](Self::handle_boot). What the model no longer has is left out.
    ///
    /// # Errors
    /// [`RestoreError`]; the device is then unchanged.
    pub fn restore(&mut self, state: &[u8], now: &Clock) -> Result<(), RestoreError> {
        let saved = Saved::read(state)?;
        self.bootstrapped = saved.bootstrapped.map(Into::into);
        self.retry = SessionRetry::new(RetryPolicy::default(), saved.retry_count);
        self.factory_reset = saved.factory_reset;
        self.reboots = saved.reboots.into_iter().take(REBOOTS_MAX).map(Into::into).collect();
        self.events = EventStore::restore(saved.events);
        self.events.handle_reboot();
        for inform in saved.informs.into_iter().take(SCHEDULED_INFORMS_MAX) {
            let due = now.uptime.saturating_add(inform.wait(now));
            self.schedule.restore_inform(due, &inform.command_key);
        }
        for (path, rows) in saved.tables {
            if let Some(place) = self.tree.resolve(&path)
                && self.tree.model.table(place.node).is_some()
            {
                self.tree.restore_rows(place.at().to_key(), rows);
            }
        }
        for value in saved.values {
            self.restore_value(&value);
        }
        for (path, attributes) in saved.attributes {
            if let Some((place, _)) = self.tree.resolve_parameter(&path) {
                self.attributes.insert(place.at().to_key(), attributes);
            }
        }
        Ok(())
    }

    fn restore_value(&mut self, value: &SavedValue) {
        let Some((place, parameter)) = self.tree.resolve_parameter(&value.path) else { return };
        // The type may be another in a newer model.
        if let Some(text) = canonical(parameter.spec.value_type, &value.text) {
            self.tree.store(place.at(), &text, value.origin);
        }
    }

    fn saved_informs(&self, now: &Clock) -> Vec<SavedInform> {
        let save = |inform: &super::schedule::ScheduledInform| {
            let remaining = inform.due.saturating_sub(now.uptime).as_secs();
            let second = now.wall.and_then(|wall| u64::try_from(wall.as_second()).ok());
            SavedInform {
                remaining,
                due_second: second.map(|second| second.saturating_add(remaining)),
                command_key: inform.command_key.to_string(),
            }
        };
        self.schedule.informs().iter().map(save).collect()
    }

    fn saved_tables(&self) -> Vec<(String, Rows)> {
        let tables = self.tree.changed_tables();
        tables
            .filter_map(|(key, rows)| Some((self.tree.place_of(key)?.path, rows.clone())))
            .collect()
    }

    /// What the ACS set, and the last known values of what is watched: a difference after the
    /// restart, such as a new `SoftwareVersion`, is then noticed (`EVT-11`).
    fn saved_values(&self) -> Vec<SavedValue> {
        let model = &self.tree.model;
        let values = self.tree.values().filter(|(key, stored)| {
            let parameter = model.parameter(key.at().node);
            stored.origin == Origin::Acs
                || parameter.is_some_and(|parameter| self.notification(key.at(), parameter) != 0)
        });
        let save = |(key, stored): (&crate::key::Key, &crate::tree::Stored)| {
            let path = self.tree.place_of(key)?.path;
            Some(SavedValue { path, origin: stored.origin, text: stored.text.to_string() })
        };
        values.filter_map(save).collect()
    }

    fn saved_attributes(&self) -> Vec<(String, Attributes)> {
        let attributes = self.attributes.iter();
        attributes.filter_map(|(key, own)| Some((self.tree.place_of(key)?.path, *own))).collect()
    }
}

impl SavedInform {
    /// How long it still has to wait: by the absolute time if it is known, which goes on while a
    /// device is off.
    fn wait(&self, now: &Clock) -> Duration {
        let second = now.wall.and_then(|wall| u64::try_from(wall.as_second()).ok());
        match (self.due_second, second) {
            (Some(due), Some(now)) => Duration::from_secs(due.saturating_sub(now)),
            _ => Duration::from_secs(self.remaining),
        }
    }
}

impl Saved {
    fn write(&self, out: &mut Vec<u8>) {
        match &self.bootstrapped {
            Some(url) => {
                number(out, 1);
                text(out, url);
            }
            None => number(out, 0),
        }
        number(out, self.retry_count.into());
        number(out, self.factory_reset.into());
        list(out, &self.reboots, |out, key| text(out, key));
        list(out, &self.events, |out, event| {
            text(out, event.code.as_str());
            text(out, &event.command_key);
        });
        list(out, &self.informs, |out, inform| {
            number(out, inform.remaining);
            number(out, inform.due_second.map_or(0, |second| second.saturating_add(1)));
            text(out, &inform.command_key);
        });
        list(out, &self.tables, |out, (path, rows)| {
            text(out, path);
            number(out, rows.highest.into());
            list(out, &rows.numbers, |out, row| number(out, (*row).into()));
        });
        list(out, &self.values, |out, value| {
            text(out, &value.path);
            number(out, (value.origin == Origin::Shell).into());
            text(out, &value.text);
        });
        list(out, &self.attributes, |out, (path, attributes)| {
            text(out, path);
            number(out, attributes.notification.into());
            number(out, attributes.subscriber.into());
        });
    }

    fn read(state: &[u8]) -> Result<Self, RestoreError> {
        let body = state.strip_prefix(MAGIC).ok_or(RestoreError::NotAState)?;
        match body.first() {
            Some(&VERSION) => {}
            Some(version) => return Err(RestoreError::Version(*version)),
            None => return Err(RestoreError::Damaged(state.len())),
        }
        let mut reader = Reader { bytes: state, at: MAGIC.len() + 1 };
        let saved = Self::read_members(&mut reader).ok_or(RestoreError::Damaged(reader.at))?;
        if reader.at != state.len() {
            return Err(RestoreError::Damaged(reader.at));
        }
        Ok(saved)
    }

    fn read_members(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            bootstrapped: if reader.flag()? { Some(reader.text()?) } else { None },
            retry_count: reader.small()?,
            factory_reset: reader.flag()?,
            reboots: reader.list(Reader::text)?,
            events: reader.list(|reader| {
                let (code, _) = EventCode::parse(&reader.text()?);
                Some(Event { code, command_key: reader.text()? })
            })?,
            informs: reader.list(|reader| {
                let remaining = reader.number()?;
                let due_second = reader.number()?.checked_sub(1);
                Some(SavedInform { remaining, due_second, command_key: reader.text()? })
            })?,
            tables: reader.list(|reader| Some((reader.text()?, reader.rows()?)))?,
            values: reader.list(|reader| {
                let path = reader.text()?;
                let origin = if reader.flag()? { Origin::Shell } else { Origin::Acs };
                Some(SavedValue { path, origin, text: reader.text()? })
            })?,
            attributes: reader.list(|reader| {
                let path = reader.text()?;
                let notification = u8::try_from(reader.small()?).ok().filter(|own| *own <= 2)?;
                Some((path, Attributes { notification, subscriber: reader.flag()? }))
            })?,
        })
    }
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [bits, ..] = (value & 0x7f).to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(bits);
            return;
        }
        out.push(bits | 0x80);
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    number(out, items.len() as u64);
    for item in items {
        write(out, item);
    }
}

/// Reads what the functions above write; `None` where the bytes cannot be that.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if bits.leading_zeros() < shift {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn flag(&mut self) -> Option<bool> {
        match self.number()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let end = self.at.checked_add(length)?;
        let bytes = self.bytes.get(self.at..end)?;
        let text = str::from_utf8(bytes).ok()?;
        self.at = end;
        Some(text.to_owned())
    }

    /// Every item takes at least one byte, so the bytes bound the list.
    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }

    fn rows(&mut self) -> Option<Rows> {
        let highest = self.small()?;
        let numbers = self.list(Self::small)?;
        let ascending = numbers.windows(2).all(|pair| pair[0] < pair[1]);
        let in_range =
            numbers.first() != Some(&0) && numbers.last().is_none_or(|last| *last <= highest);
        (ascending && in_range).then_some(Rows { numbers, highest })
    }
}
