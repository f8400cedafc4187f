//! The ACS: CWMP listener, northbound API and connection requests.
//!
//! This is a shell: sockets, HTTP, clocks and randomness. What a session does is decided by
//! `drover-provision`, what is kept by `drover-store`. A reply leaves only when what it
//! acknowledges is durable.
//!
//! [`serve`] starts everything; [`AcsConfig`] says how. [`models`] reads data models from files,
//! and [`check_rules`] says what is wrong with a folder of presets and scripts.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod config;
mod connection_request;
mod cwmp;
mod entropy;
mod files;
pub mod limits;
mod meters;
pub mod models;
mod nbi;
mod net;
mod peer;
mod proxy;
mod reacher;
mod rules;
mod scripts;
mod server;
mod stun;
mod tls;

pub use config::{
    AcsConfig, AdmissionConfig, AuthConfig, AuthMode, CertificateConfig, ConfigError,
    ConnectionRequestConfig, CwmpConfig, CwmpLimits, FilesConfig, ModelsConfig, NbiConfig,
    OnboardingConfig, ProxyConfig, RecordConfig, RecordSessions, ScriptsConfig, StunConfig,
    TlsConfig, UserConfig,
};
pub use connection_request::{ConnectionRequestError, ConnectionRequester};
pub use entropy::NoEntropy;
pub use files::FilesError;
pub use proxy::Network;
pub use rules::{RulesError, RulesSummary, check_rules};
pub use server::{Running, ServeError, TlsAddresses, serve};
pub use tls::{TlsError, check_certificates};
