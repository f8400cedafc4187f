//! The drover command: ACS, demo and simulator.
