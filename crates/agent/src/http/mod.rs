//! HTTP as the agent needs it: one client connection to the ACS, and the connection request server.

mod client;
mod listener;
mod local;

pub use client::{HttpClient, HttpError, Response};
pub use listener::{ConnectionRequestAccess, ConnectionRequestListener};
pub use local::local_address;
