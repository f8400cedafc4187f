//! The provisioning engine: from what scripts declare to the least set of requests (compat 2).

mod builtin;
mod data;
mod declaration;
mod discovery;
mod healer;
mod kept;
mod machine;
mod pattern;
mod reason;
mod request;
mod run;
mod sync;
pub mod transfer;
mod virtual_parameter;

pub(crate) use builtin::{CHANGE_DU_STATE, SCHEDULE_INFORM, UPLOAD};
pub use data::{
    Attributes, Listed, Name, Path, Scalar, Timed, Tree, TypedValue, coerce, path_of, written,
};
pub use declaration::{Declaration, Get, NewAttributes, NewValue, Set};
pub use discovery::{Discovery, DiscoveryLimits, Refusals};
pub use healer::{Guilt, Healed};
pub use machine::{Config, Next, Provision, Provisioning};
pub use pattern::{InvalidPattern, Pattern, Segment};
pub use reason::{Nothing, Reason};
pub use request::{Request, Response, SoftwareOperation, TimeWindow};
pub use run::LogLine;
