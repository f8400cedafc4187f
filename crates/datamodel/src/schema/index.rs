//! Finding a child by name: one table for the whole schema, without allocation.

use super::{Schema, TOP};

/// What a name leads to. Both may have the same name: a parameter and an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    parent: u32,
    /// The number of the object or parameter; [`FREE`] for none.
    id: u32,
    is_object: bool,
}

const FREE: u32 = u32::MAX;

/// Open addressing with a load of at most a half.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
    /// One less than the number of entries, which is a power of two.
    mask: usize,
}

impl Index {
    /// The index of all objects and parameters.
    pub(super) fn of(schema: &Schema) -> Self {
        let items = schema.objects.len().saturating_add(schema.parameters.len());
        let mut index = Self::with_capacity(items);
        for (id, row) in (0_u32..).zip(&schema.objects) {
            if id != TOP {
                index.insert(row.parent, &row.name, id, true);
            }
        }
        for (id, row) in (0_u32..).zip(&schema.parameters) {
            index.insert(row.object, &row.name, id, false);
        }
        index
    }

    /// Room for this many items.
    fn with_capacity(items: usize) -> Self {
        let size = items.saturating_mul(2).max(8).next_power_of_two();
        let free = Entry { parent: 0, id: FREE, is_object: false };
        Self { entries: vec![free; size], mask: size.saturating_sub(1) }
    }

    fn insert(&mut self, parent: u32, name: &str, id: u32, is_object: bool) {
        let mut place = hash(parent, name) & self.mask;
        for _ in 0..self.entries.len() {
            match self.entries.get_mut(place) {
                Some(entry) if entry.id == FREE => {
                    *entry = Entry { parent, id, is_object };
                    return;
                }
                _ => place = place.wrapping_add(1) & self.mask,
            }
        }
    }

    /// The item of this kind below `parent` for which `has_name` holds.
    pub(super) fn find(
        &self,
        parent: u32,
        name: &str,
        is_object: bool,
        has_name: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let mut place = hash(parent, name) & self.mask;
        loop {
            let entry = self.entries.get(place)?;
            if entry.id == FREE {
                return None;
            }
            if entry.parent == parent && entry.is_object == is_object && has_name(entry.id) {
                return Some(entry.id);
            }
            place = place.wrapping_add(1) & self.mask;
        }
    }
}

/// Eight bytes at a time, mixed by a multiplication. Names come from the schema's author, whose
/// collisions would slow down only what they wrote themselves.
fn hash(parent: u32, name: &str) -> usize {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |state: u64, word: u64| (state.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    let (chunks, rest) = name.as_bytes().as_chunks::<8>();
    let mut state = mix(u64::from(parent), 0x517C_C1B7);
    for chunk in chunks {
        state = mix(state, u64::from_le_bytes(*chunk));
    }
    let tail = rest.iter().fold(0, |word: u64, byte| (word << 8) | u64::from(*byte));
    state = mix(state, tail);
    usize::try_from(state >> 32).unwrap_or_default()
}
