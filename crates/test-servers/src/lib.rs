//! Servers of others that tests start, in temporary folders.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod postgres;

pub use postgres::PostgresServer;

/// Says that something is missing that the test needs.
///
/// # Panics
/// When `CI` is set: nobody may rely upon a test that does not run.
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
pub fn missing(what: &str) {
    let is_ci = std::env::var("CI").is_ok_and(|ci| !matches!(ci.as_str(), "" | "0" | "false"));
    assert!(!is_ci, "missing, and CI is set: {what}");
    eprintln!("SKIPPED, because this is missing: {what}");
}
