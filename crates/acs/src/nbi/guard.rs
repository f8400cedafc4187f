//! Keeps web pages away: without logins, whoever can send a request from this machine is trusted,
//! and a browser on it sends requests for any page that it shows.

use std::net::IpAddr;

use axum::http::header::{HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, StatusCode};

use super::error::ApiError;

/// Refuses requests that a browser sends for another site, and those to a name that is not this
/// machine's own (a page can give its name our address).
pub(super) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let forbidden = |text: &str| Err(ApiError::new(StatusCode::FORBIDDEN, text));
    if headers.contains_key(ORIGIN) {
        return forbidden("requests with an Origin header are refused: no web page may use this");
    }
    let site = headers.get(HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| site != "none" && site != "same-origin") {
        return forbidden("requests of other web sites are refused");
    }
    let mut hosts = headers.get_all(HOST).iter();
    if !hosts.all(|host| host.to_str().is_ok_and(is_own_name)) {
        return forbidden("the Host header must be localhost or a loopback address");
    }
    Ok(())
}

/// Whether a `Host` header names this machine: `localhost` or a loopback address, with or without a
/// port.
fn is_own_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || name.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(headers: &[(&'static str, &'static str)]) -> bool {
        let pairs = headers.iter().map(|(name, value)| {
            (HeaderName::from_static(name), value.parse().expect("a header value"))
        });
        check(&pairs.collect()).is_ok()
    }

    #[test]
    fn only_names_of_this_machine_are_served() {
        for host in ["localhost", "LOCALHOST:7557", "127.0.0.1:7557", "127.1.2.3", "[::1]:7557"] {
            assert!(is_allowed(&[("host", host)]), "{host}");
        }
        for host in
            ["evil.example", "evil.example:7557", "10.0.0.1", "[fe80::1]", "localhost.evil", ""]
        {
            assert!(!is_allowed(&[("host", host)]), "{host}");
        }
        assert!(is_allowed(&[]), "HTTP/1.0 has no Host");
    }

    #[test]
    fn browsers_are_refused() {
        let own = ("host", "localhost");
        assert!(!is_allowed(&[own, ("origin", "http://localhost:7557")]));
        assert!(!is_allowed(&[own, ("origin", "null")]));
        assert!(!is_allowed(&[own, ("sec-fetch-site", "cross-site")]));
        assert!(is_allowed(&[own, ("sec-fetch-site", "none")]));
    }
}
