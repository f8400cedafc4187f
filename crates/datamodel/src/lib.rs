//! TR-106 data models without I/O: a reader of the published XML, a compact schema that everything
//! else uses, lookup and validation.
//!
//! Documents go in as bytes and a schema comes out; the caller finds the files. A [`Schema`]
//! answers what a path is, what may be written there and what a profile asks for.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

pub mod catalog;
pub mod check;
#[cfg(feature = "compile")]
pub mod compile;
pub mod conformance;
pub mod diff;
pub mod draft;
#[cfg(feature = "compile")]
pub mod extension;
pub mod limits;
pub mod markup;
pub mod pattern;
pub mod reference;
pub mod schema;
#[cfg(feature = "shipped")]
pub mod shipped;
pub mod summary;
pub mod syntax;
pub mod tree;
mod version;

pub use schema::Schema;
pub use version::{ModelName, Version, VersionError};
