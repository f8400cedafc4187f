//! What the script engine needs of QuickJS that its safe bindings do not have: code that is
//! compiled once ([`Bytecode`]), and a runtime that is looked at while it takes memory ([`Meter`]).
//!
//! All `unsafe` code of Drover is here, behind an interface that is safe.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

mod bytecode;
mod meter;

pub use bytecode::Bytecode;
pub use meter::Meter;
