//! The compiled form: versioned, compact, the same bytes for the same schema.
//!
//! `DROVERDM`, a byte with the version of the format, then the rest packed with zlib: a table of
//! all texts, then objects, parameters, syntaxes and profiles as numbers of variable length.

mod reader;
mod writer;

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::Schema;
use crate::limits::SCHEMA_BYTES_MAX;

/// What every compiled schema begins with.
pub const MAGIC: &[u8; 8] = b"DROVERDM";

/// Version of the format that is written. Any other is refused: compile the documents again.
pub const FORMAT_VERSION: u8 = 1;

/// Bytes are no compiled schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// They begin with something else.
    #[error("this is no compiled schema; make one with drover model compile")]
    NotASchema,
    /// A version of the format that we do not know.
    #[error(
        "the compiled schema has version {0} of the format and this program reads \
         {FORMAT_VERSION}; compile it again"
    )]
    Version(u8),
    /// It is cut off or changed.
    #[error("the compiled schema is damaged ({0}); compile it again")]
    Damaged(&'static str),
    /// Larger than any model can be.
    #[error("the compiled schema unpacks to more than {} MiB", SCHEMA_BYTES_MAX >> 20)]
    TooLarge,
}

impl Schema {
    /// The compiled form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let payload = writer::write(self);
        let mut bytes = MAGIC.to_vec();
        bytes.push(FORMAT_VERSION);
        let mut encoder = ZlibEncoder::new(bytes, Compression::best());
        // Writing into memory does not fail.
        let written = encoder.write_all(&payload).and_then(|()| encoder.finish());
        written.unwrap_or_default()
    }

    /// Reads the compiled form.
    ///
    /// # Errors
    /// [`FormatError`] when it is something else, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(FormatError::NotASchema)?;
        let (version, packed) = rest.split_first().ok_or(FormatError::Damaged("it is cut off"))?;
        if *version != FORMAT_VERSION {
            return Err(FormatError::Version(*version));
        }
        let limit = u64::try_from(SCHEMA_BYTES_MAX).unwrap_or(u64::MAX);
        let mut payload = Vec::new();
        let read = ZlibDecoder::new(packed).take(limit.saturating_add(1)).read_to_end(&mut payload);
        read.map_err(|_| FormatError::Damaged("it does not unpack"))?;
        if payload.len() > SCHEMA_BYTES_MAX {
            return Err(FormatError::TooLarge);
        }
        reader::read(&payload)
    }
}
