//! The CPE agent for Linux: sockets, system values and the daemon drover-agent.
