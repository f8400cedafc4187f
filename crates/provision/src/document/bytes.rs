//! Numbers in few bytes: seven bits in each, the lowest first; a bit says that more follow.

use super::DocumentError;

/// Appends a number.
pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(low_bits(number) | 0x80);
        number >>= 7;
    }
    out.push(low_bits(number));
}

/// Appends a number with a sign. Those next to zero are the shortest.
pub(super) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
}

fn low_bits(number: u64) -> u8 {
    u8::try_from(number & 0x7F).unwrap_or_default()
}

/// Bytes that are read from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn byte(&mut self) -> Result<u8, DocumentError> {
        let (first, rest) = self.rest.split_first().ok_or(DocumentError::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], DocumentError> {
        let (first, rest) = self.rest.split_at_checked(length).ok_or(DocumentError::Short)?;
        self.rest = rest;
        Ok(first)
    }

    pub(super) fn number(&mut self) -> Result<u64, DocumentError> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            let shifted = bits << shift;
            if shifted >> shift != bits {
                break;
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DocumentError::Malformed("numbers"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, DocumentError> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ (number & 1).cast_signed().wrapping_neg())
    }

    /// A number of things of which each needs at least one byte of what follows.
    pub(super) fn count(&mut self) -> Result<usize, DocumentError> {
        let count = usize::try_from(self.number()?).map_err(|_| DocumentError::Short)?;
        if count > self.rest.len() { Err(DocumentError::Short) } else { Ok(count) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(number in any::<u64>(), signed in any::<i64>()) {
            let mut out = Vec::new();
            put(&mut out, number);
            put_signed(&mut out, signed);
            let mut cursor = Cursor::new(&out);
            prop_assert_eq!(cursor.number(), Ok(number));
            prop_assert_eq!(cursor.signed(), Ok(signed));
            prop_assert!(cursor.rest().is_empty());
        }
    }

    #[test]
    fn small_numbers_are_short() {
        for (number, length) in [(0, 1), (-1, 1), (63, 1), (-64, 1), (64, 2), (i64::MIN, 10)] {
            let mut out = Vec::new();
            put_signed(&mut out, number);
            assert_eq!(out.len(), length, "{number}");
            assert_eq!(Cursor::new(&out).signed(), Ok(number));
        }
    }

    #[test]
    fn a_number_beyond_64_bits_is_none() {
        let malformed = Err(DocumentError::Malformed("numbers"));
        let mut bytes = [0xFF; 10];
        assert_eq!(Cursor::new(&bytes).number(), malformed);
        bytes[9] = 2;
        assert_eq!(Cursor::new(&bytes).number(), malformed);
        bytes[9] = 1;
        assert_eq!(Cursor::new(&bytes).number(), Ok(u64::MAX));
        assert_eq!(Cursor::new(&bytes[..9]).number(), Err(DocumentError::Short));
    }
}
