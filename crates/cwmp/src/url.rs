//! HTTP URLs as CWMP uses them: ACS URL, redirects, connection request URL (`DISC-09`, `CR-03`,
//! `HTTP-13`).

use std::fmt;
use std::str::FromStr;

/// Bytes of a URL that are read at all.
const URL_BYTES_MAX: usize = 2048;

/// An absolute `http` or `https` URL without user info.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpUrl {
    https: bool,
    host: String,
    port: u16,
    target: String,
}

/// Why a text is not such a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Neither `http://` nor `https://`.
    #[error("a URL starts with http:// or https://")]
    Scheme,
    /// No host, or characters that no host has.
    #[error("the URL has no valid host")]
    Host,
    /// Not a number from 1 to 65535.
    #[error("the URL has no valid port; it is a number from 1 to 65535")]
    Port,
    /// `user:password@` (`DISC-09`).
    #[error("the URL contains a user name; credentials are separate settings")]
    UserInfo,
    /// White space, control characters or more than 2048 bytes.
    #[error("the URL contains white space or control characters, or is too long")]
    Characters,
}

impl HttpUrl {
    /// Whether TLS is asked for.
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// Host name or address; IPv6 addresses without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port, 80 or 443 where none is given.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query: the request target, at least `/`.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Host and port as the `Host` header has them; the port only where it is not the default.
    pub fn authority(&self) -> String {
        let default = if self.https { 443 } else { 80 };
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }

    /// Whether both lead to the same server.
    pub fn same_server(&self, other: &Self) -> bool {
        self.https == other.https
            && self.port == other.port
            && self.host.eq_ignore_ascii_case(&other.host)
    }

    /// The URL that a `Location` header means, absolute or relative (RFC 9110 §10.2.2).
    ///
    /// # Errors
    /// When the result is not an HTTP URL.
    pub fn join(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.trim();
        if let Some(rest) = location.strip_prefix("//") {
            let scheme = if self.https { "https" } else { "http" };
            return format!("{scheme}://{rest}").parse();
        }
        if location.contains("://") {
            return location.parse();
        }
        let base = self.target.split(['?', '#']).next().unwrap_or("/");
        let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
        let target = match location.chars().next() {
            Some('/') => location.to_owned(),
            Some('?') => format!("{base}{location}"),
            Some(_) => format!("{folder}/{location}"),
            None => self.target.clone(),
        };
        check_characters(&target)?;
        Ok(Self { target: without_fragment(&target).to_owned(), ..self.clone() })
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.target)
    }
}

impl FromStr for HttpUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        check_characters(text)?;
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let https = if scheme.eq_ignore_ascii_case("https") {
            true
        } else if scheme.eq_ignore_ascii_case("http") {
            false
        } else {
            return Err(UrlError::Scheme);
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_authority(authority)?;
        let port = match port {
            None | Some("") => {
                if https {
                    443
                } else {
                    80
                }
            }
            Some(digits) => digits.parse().ok().filter(|port| *port != 0).ok_or(UrlError::Port)?,
        };
        let target = without_fragment(target);
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { https, host: host.to_owned(), port, target })
    }
}

fn check_characters(text: &str) -> Result<(), UrlError> {
    let bad = |c: char| c.is_whitespace() || c.is_control();
    if text.len() > URL_BYTES_MAX || text.contains(bad) {
        return Err(UrlError::Characters);
    }
    Ok(())
}

fn without_fragment(target: &str) -> &str {
    target.split('#').next().unwrap_or_default()
}

/// Host and port of an authority; an IPv6 literal is in brackets (`CR-03`).
fn split_authority(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(UrlError::Host)?;
        let address = host.split('%').next().unwrap_or_default();
        address.parse::<std::net::Ipv6Addr>().map_err(|_| UrlError::Host)?;
        let port = match after {
            "" => None,
            _ => Some(after.strip_prefix(':').ok_or(UrlError::Host)?),
        };
        return Ok((host, port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~%".contains(&b);
    if host.is_empty() || !host.bytes().all(allowed) {
        return Err(UrlError::Host);
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> HttpUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn parts() {
        let parsed = url("http://acs.example:7547/cwmp?x=1#y");
        assert_eq!((parsed.host(), parsed.port()), ("acs.example", 7547));
        assert_eq!(parsed.target(), "/cwmp?x=1");
        assert_eq!(parsed.to_string(), "http://acs.example:7547/cwmp?x=1");
        assert_eq!(url("HTTPS://acs.example").to_string(), "https://acs.example/");
        assert_eq!(url("http://acs.example:80?q").to_string(), "http://acs.example/?q");
    }

    #[test]
    fn cr_03_ipv6_literals_are_in_brackets() {
        let parsed = url("http://[2001:db8::1]:7547/x");
        assert_eq!((parsed.host(), parsed.port()), ("2001:db8::1", 7547));
        assert_eq!(parsed.authority(), "[2001:db8::1]:7547");
        assert_eq!("http://[nonsense]/".parse::<HttpUrl>(), Err(UrlError::Host));
    }

    #[test]
    fn refusals_say_why() {
        let cases = [
            ("acs.example", UrlError::Scheme),
            ("ftp://acs.example", UrlError::Scheme),
            ("http://", UrlError::Host),
            ("http://a b/", UrlError::Characters),
            ("http://a\r\nX: y/", UrlError::Characters),
            ("http://user:secret@acs.example/", UrlError::UserInfo),
            ("http://acs.example:0/", UrlError::Port),
            ("http://acs.example:65536/", UrlError::Port),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<HttpUrl>(), Err(error), "{text}");
        }
    }

    #[test]
    fn http_13_locations_absolute_and_relative() {
        let base = url("http://acs.example:7547/a/b?c");
        let check = |location: &str, expected: &str| {
            assert_eq!(base.join(location).expect(location).to_string(), expected);
        };
        check("http://other.example/x", "http://other.example/x");
        check("//other.example/x", "http://other.example/x");
        check("/x", "http://acs.example:7547/x");
        check("x", "http://acs.example:7547/a/x");
        check("?d", "http://acs.example:7547/a/b?d");
        assert!(base.join("gopher://x").is_err());
    }
}
