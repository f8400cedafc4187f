//! Durable storage of the ACS.
