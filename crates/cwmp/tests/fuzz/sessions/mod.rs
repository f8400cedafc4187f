//! Any sequence of operations on both session machines.
//!
//! A [`Script`] plays an ACS against any CPE, a CPE against any ACS, or both against each other
//! over a bad line. [`rules`] judges what goes over the wire; it knows the state tables of sections
//! 11 and 12 of the requirements and nothing of the machines.

mod acs;
mod cpe;
mod messages;
mod pair;
mod rules;

use arbitrary::Arbitrary;

/// What happens in one run.
#[derive(Debug, Arbitrary)]
pub(crate) enum Script {
    /// Our ACS and a CPE that does what it likes.
    Acs(acs::AcsScript),
    /// Our CPE and an ACS that does what it likes.
    Cpe(cpe::CpeScript),
    /// Our ACS, our CPE and what happens between them.
    Pair(pair::PairScript),
}

/// Runs the script; panics where a rule is broken.
pub(crate) fn run(script: &Script) {
    match script {
        Script::Acs(script) => acs::run(script),
        Script::Cpe(script) => cpe::run(script),
        Script::Pair(script) => pair::run(script),
    }
}

/// Peers that never come to an end are stopped at the limit of messages. A fuzzer would need too
/// long to get there.
#[allow(dead_code, reason = "only the plain tests run it")]
pub(crate) fn tireless() {
    acs::tireless();
    cpe::tireless();
}
