//! The ACS: CWMP listener, northbound API and connection requests.
