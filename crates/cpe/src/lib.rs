//! The device side of CWMP: tree, attributes, notifications, events and schedule. Without I/O.
