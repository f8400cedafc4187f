//! The parameters of a device in few bytes, as a store keeps them.
//!
//! A document is a byte for its version, the length of what follows before compression, and that
//! compressed with zstd. Inside are columns: first all paths, then all times, and so on, since
//! neighbours of one kind resemble each other. `read.rs` and `write.rs` list them.
//!
//! The paths of all devices of a model are the same but for instance numbers, so a store gives each
//! form of a path a number once and for all: `Device.Hosts.Host.{i}.MACAddress`. A document holds
//! that number and the instance numbers. A fleet whose rows are numbered differently on each device
//! so needs no more forms than its models have paths. A path without a number stands in the
//! document as text: nothing is lost when a store does not want any more forms.
//!
//! Bytes that were written once are read for ever: a change of the form is a new version, and
//! [`decode`] reads all of them.

mod bytes;
mod form;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use crate::limits::DOCUMENT_BYTES_MAX;
use crate::record::Parameters;

pub use form::form;

/// The version that is written.
pub const VERSION: u8 = 2;

/// The numbers that a store has given to forms of paths.
pub trait PathTable {
    /// The number of a form, if it has one.
    fn number(&self, form: &str) -> Option<u32>;
    /// The form with a number.
    fn form(&self, number: u32) -> Option<Arc<str>>;
}

/// Why bytes are no document, or parameters cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The first byte names no version that is known.
    #[error("version {0} is not known: it was written by a newer Drover")]
    Version(u8),
    /// It ends too early.
    #[error("it ends too early")]
    Short,
    /// What is compressed cannot be unpacked.
    #[error("what is compressed cannot be unpacked")]
    Compression,
    /// A path form has a number that the table does not know.
    #[error("path {0} is not known")]
    UnknownPath(u32),
    /// Something in it has no meaning.
    #[error("its {0} have no meaning")]
    Malformed(&'static str),
    /// It has more than a device may have.
    #[error("it is larger than {DOCUMENT_BYTES_MAX} bytes or has too many parameters")]
    TooLarge,
}

/// Writes a document of the current version. Times are kept to the microsecond.
///
/// # Errors
/// [`DocumentError::TooLarge`] for more than [`DOCUMENT_BYTES_MAX`] bytes or
/// [`crate::limits::PARAMETERS_MAX`] parameters.
pub fn encode(parameters: &Parameters, table: &impl PathTable) -> Result<Vec<u8>, DocumentError> {
    let columns = write::columns(parameters, table)?;
    let packed = zstd::bulk::compress(&columns, COMPRESSION_LEVEL);
    let packed = packed.map_err(|_| DocumentError::Compression)?;
    let mut document = vec![VERSION];
    bytes::put(&mut document, columns.len() as u64);
    document.extend(packed);
    Ok(document)
}

/// The compression of zstd that is fastest; higher levels save less than a tenth.
const COMPRESSION_LEVEL: i32 = 1;

/// Reads a document of any version.
///
/// # Errors
/// [`DocumentError`]; whatever the bytes, no more memory is used than for a document of
/// [`DOCUMENT_BYTES_MAX`].
pub fn decode(document: &[u8], table: &impl PathTable) -> Result<Parameters, DocumentError> {
    match document.split_first() {
        None => Err(DocumentError::Short),
        Some((&version @ 1..=VERSION, rest)) => read::parameters(&unpack(rest)?, table, version),
        Some((&version, _)) => Err(DocumentError::Version(version)),
    }
}

fn unpack(rest: &[u8]) -> Result<Vec<u8>, DocumentError> {
    let mut cursor = bytes::Cursor::new(rest);
    let length = usize::try_from(cursor.number()?).map_err(|_| DocumentError::TooLarge)?;
    if length > DOCUMENT_BYTES_MAX {
        return Err(DocumentError::TooLarge);
    }
    let columns = zstd::bulk::decompress(cursor.rest(), length);
    let columns = columns.map_err(|_| DocumentError::Compression)?;
    if columns.len() != length {
        return Err(DocumentError::Compression);
    }
    Ok(columns)
}
