//! Bounded reads of the kernel's text files.

use std::fs::File;
use std::io::Read;

use crate::limits::KERNEL_FILE_BYTES_MAX;
use crate::linux::HostError;

/// The text of `path`, at most [`KERNEL_FILE_BYTES_MAX`] bytes of it. Bytes that are not UTF-8
/// (process names may hold any) are replaced.
pub(super) fn read_text(path: &str) -> Result<String, HostError> {
    let bytes =
        read_bytes(path).map_err(|source| HostError::Read { path: path.to_owned(), source })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The trimmed text of `path`, or nothing when it is missing, unreadable or blank.
///
/// Many files of sysfs exist only for some hardware, and reading `speed` of a link that is down is
/// an error, so their absence is an ordinary answer.
pub(super) fn read_optional(path: &str) -> Option<String> {
    let bytes = read_bytes(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    // Device tree strings end in a NUL.
    let text = text.trim_end_matches('\0').trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The bytes of `path`, at most [`KERNEL_FILE_BYTES_MAX`] of them.
pub(super) fn read_bytes(path: &str) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(KERNEL_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
