//! The server over real sockets: devices that behave, devices that do not, and northbound clients.

mod auth;
mod connection_request;
mod files;
mod harness;
mod hostile;
mod http;
mod insight;
mod metrics;
mod nbi;
mod rules;
mod sessions;
mod tasks;
