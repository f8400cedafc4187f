//! Session cookies, at both ends (TR-069a6 §3.4.2).

use crate::limits::{AUTH_HEADER_BYTES_MAX, COOKIE_BYTES_MAX, COOKIES_MAX};

/// The cookies that a CPE holds during one session.
///
/// A cookie goes back only to the host that set it, whatever its `Domain` says (`COOK-06`), to
/// requests below its path, and over TLS only if it is marked so. All are dropped at the end of the
/// session, so `Expires` and `Max-Age` only matter where they delete a cookie at once (`COOK-02`).
#[derive(Debug, Clone, Default)]
pub struct SessionJar {
    cookies: Vec<Cookie>,
}

/// Its value identifies a session, so it does not show in debug output.
#[derive(Clone)]
struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
    secure: bool,
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=(..) for {}{}", self.name, self.host, self.path)
    }
}

impl Cookie {
    fn is_same(&self, other: &Self) -> bool {
        self.host == other.host && self.path == other.path && self.name == other.name
    }

    fn matches(&self, host: &str, path: &str, secure: bool) -> bool {
        self.host.eq_ignore_ascii_case(host)
            && path_matches(&self.path, path)
            && (secure || !self.secure)
    }
}

impl SessionJar {
    /// Takes in one `Set-Cookie` header that `host` (name or address without port) sent in answer
    /// to a request to `path` (the request target).
    ///
    /// Attributes are read in any case, unknown ones are ignored (`COOK-05`, `LEN-19`). A cookie is
    /// not kept if it has no name, is for another domain or bigger than [`COOKIE_BYTES_MAX`], or
    /// when there are [`COOKIES_MAX`] others already.
    pub fn handle_set_cookie(&mut self, host: &str, path: &str, header: &str) {
        let Some((cookie, deleted)) = parse_set_cookie(host, path, header) else {
            return;
        };
        if deleted {
            self.cookies.retain(|other| !other.is_same(&cookie));
        } else if let Some(known) = self.cookies.iter_mut().find(|other| other.is_same(&cookie)) {
            *known = cookie;
        } else if self.cookies.len() < COOKIES_MAX {
            self.cookies.push(cookie);
        }
    }

    /// The value of the `Cookie` header for a request to `path` (the request target) of `host`;
    /// `secure` says whether it goes over TLS. `None` if there is nothing to send.
    ///
    /// Cookies with longer paths come first, otherwise they stand in the order they were set.
    pub fn header(&self, host: &str, path: &str, secure: bool) -> Option<String> {
        let matching = self.cookies.iter().filter(|cookie| cookie.matches(host, path, secure));
        let mut matching: Vec<&Cookie> = matching.collect();
        matching.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs = matching.iter().map(|Cookie { name, value, .. }| format!("{name}={value}"));
        let pairs: Vec<String> = pairs.collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The session ended: all cookies are dropped (`COOK-02`).
    pub fn clear(&mut self) {
        self.cookies.clear();
    }
}

/// The cookie, and whether it is to be deleted.
fn parse_set_cookie(host: &str, target: &str, header: &str) -> Option<(Cookie, bool)> {
    let too_long = header.len() > AUTH_HEADER_BYTES_MAX;
    if too_long || header.chars().any(|c| c.is_control() && c != '\t') {
        return None;
    }
    let mut items = header.split(';');
    let (name, value) = items.next()?.split_once('=')?;
    let mut cookie = Cookie {
        host: host.to_ascii_lowercase(),
        path: default_path(target).to_owned(),
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        secure: false,
    };
    let mut deletion = Deletion::default();
    for item in items {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "path" if value.starts_with('/') => cookie.path = value.to_owned(),
            "domain" if !domain_matches(value, host) => return None,
            "secure" => cookie.secure = true,
            "max-age" => deletion.by_max_age = max_age_deletes(value),
            "expires" => deletion.by_expires = expires_deletes(value),
            _ => {}
        }
    }
    let bytes = [&cookie.name, &cookie.value, &cookie.path].map(String::len);
    let fits = bytes.into_iter().fold(0, usize::saturating_add) <= COOKIE_BYTES_MAX;
    let keep = fits && !cookie.name.is_empty();
    keep.then(|| (cookie, deletion.is_due()))
}

/// What the two attributes say; `Max-Age` goes first (RFC 6265 section 5.3).
#[derive(Default)]
struct Deletion {
    by_max_age: Option<bool>,
    by_expires: bool,
}

impl Deletion {
    fn is_due(&self) -> bool {
        self.by_max_age.unwrap_or(self.by_expires)
    }
}

/// `None` if the value is not a number, which counts as if the attribute were missing.
fn max_age_deletes(value: &str) -> Option<bool> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| value.starts_with('-') || digits.bytes().all(|byte| byte == b'0'))
}

/// There is no clock here, and none is needed for the one date that servers write to delete a
/// cookie, the first of January 1970.
fn expires_deletes(value: &str) -> bool {
    value.split([' ', '-']).any(|part| part == "1970")
}

/// The directory of a request target (RFC 6265 section 5.1.4).
fn default_path(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or_default();
    match path.rfind('/') {
        Some(end) if end > 0 && path.starts_with('/') => path.get(..end).unwrap_or("/"),
        _ => "/",
    }
}

/// Whether a request target lies below the path of a cookie (RFC 6265 section 5.1.4).
fn path_matches(cookie_path: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let path = if path.starts_with('/') { path } else { "/" };
    path.strip_prefix(cookie_path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cookie_path.ends_with('/'))
}

/// Whether `host` is `domain` or lies below it; an empty domain says nothing.
fn domain_matches(domain: &str, host: &str) -> bool {
    let domain = domain.trim_start_matches('.').to_ascii_lowercase();
    let host = host.to_ascii_lowercase();
    let above = host.strip_suffix(&domain);
    domain.is_empty() || above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// Finds the cookie called `name` in a `Cookie` header, for an ACS.
///
/// The first one counts, so attributes that a device echoes do no harm unless they come before and
/// are called `name`. Quotes round the value are removed. The answer may be empty.
pub fn find_cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let pairs = header.split([';', ',']).filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(key, _)| key.trim() == name);
    named.next().map(|(_, value)| unquoted(value.trim()))
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// The value of a `Set-Cookie` header for an ACS (`COOK-03`). `name` and `value` must consist of
/// letters, digits, `-`, `_` and `.`; `secure` says whether it goes over TLS.
pub fn set_cookie(name: &str, value: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly{secure}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOST: &str = "acs.example";

    fn jar(headers: &[&str]) -> SessionJar {
        let mut jar = SessionJar::default();
        for header in headers {
            jar.handle_set_cookie(HOST, "/cwmp", header);
        }
        jar
    }

    fn sent(headers: &[&str]) -> Option<String> {
        jar(headers).header(HOST, "/cwmp", false)
    }

    #[test]
    fn cook_01_all_cookies_go_back_as_name_and_value() {
        let headers = [
            "session=s1-0; Path=/; HttpOnly",
            "quoted=\"a b\"; path=\"/\"; MAX-AGE=3600",
            "odd=a=b;Version=1;SameSite=Lax; Expires=Wed, 21 Oct 2065 07:28:00 GMT",
            "  empty =  ",
        ];
        let expected = "session=s1-0; quoted=\"a b\"; odd=a=b; empty=";
        assert_eq!(sent(&headers).as_deref(), Some(expected));
        assert_eq!(sent(&[]), None);
    }

    #[test]
    fn cook_05_a_cookie_is_replaced_and_deleted() {
        assert_eq!(sent(&["a=1", "b=2", "a=3"]).as_deref(), Some("a=3; b=2"));
        for deletion in [
            "a=; Max-Age=0",
            "a=x; max-age=\"-1\"",
            "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "a=; expires=Thu, 01-Jan-1970 00:00:00 GMT; Max-Age=soon",
        ] {
            assert_eq!(sent(&["a=1", "b=2", deletion]).as_deref(), Some("b=2"), "{deletion}");
        }
        let kept = "a=3; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=9";
        assert_eq!(sent(&["a=1", kept]).as_deref(), Some("a=3"), "Max-Age goes first");
    }

    #[test]
    fn cook_02_the_end_of_the_session_clears_them() {
        let mut jar = jar(&["a=1"]);
        jar.clear();
        assert_eq!(jar.header(HOST, "/cwmp", false), None);
    }

    #[test]
    fn cook_06_a_cookie_stays_with_its_host() {
        let jar = jar(&["a=1", "b=2; Domain=.Example", "c=3; domain=other.example"]);
        assert_eq!(jar.header("ACS.example", "/", false).as_deref(), Some("a=1; b=2"));
        assert_eq!(jar.header("other.example", "/", false), None);
        assert_eq!(jar.header("sub.acs.example", "/", false), None);
        assert!(domain_matches("acs.example", HOST));
        assert!(!domain_matches("s.example", HOST), "half a label is no domain");
    }

    #[test]
    fn a_cookie_stays_below_its_path() {
        for (path, target, expected) in [
            ("/", "/cwmp", true),
            ("/cwmp", "/cwmp", true),
            ("/cwmp", "/cwmp?x=/y", true),
            ("/cwmp", "/cwmp/a", true),
            ("/cwmp/", "/cwmp/a", true),
            ("/cwmp/", "/cwmp", false),
            ("/cwmp", "/cwmp2", false),
            ("/other", "/cwmp", false),
            ("/", "", true),
        ] {
            let jar = jar(&[&format!("a=1; Path={path}")]);
            let found = jar.header(HOST, target, false).is_some();
            assert_eq!(found, expected, "{path} {target}");
        }
        let mut jar = SessionJar::default();
        jar.handle_set_cookie(HOST, "/a/b?c=/d", "x=1");
        jar.handle_set_cookie(HOST, "/a/b", "y=2; Path=relative");
        jar.handle_set_cookie(HOST, "/a/b", "z=3; Path=/a/b");
        assert_eq!(jar.header(HOST, "/a/b", false).as_deref(), Some("z=3; x=1; y=2"));
        assert_eq!(jar.header(HOST, "/b", false), None);
    }

    #[test]
    fn a_secure_cookie_needs_tls() {
        let jar = jar(&["a=1; SECURE"]);
        assert_eq!(jar.header(HOST, "/", false), None);
        assert_eq!(jar.header(HOST, "/", true).as_deref(), Some("a=1"));
    }

    #[test]
    fn unusable_cookies_are_not_kept() {
        for header in ["", "a", "=1", "; Path=/", "a=1\r\nX: y", "a=\u{0}"] {
            assert_eq!(sent(&[header]), None, "{header:?}");
        }
    }

    #[test]
    fn cookies_are_bounded_in_number_and_bytes() {
        let many: Vec<String> = (0..=COOKIES_MAX).map(|n| format!("c{n}=1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(jar(&many).cookies.len(), COOKIES_MAX);
        let mut full = jar(&many);
        full.handle_set_cookie(HOST, "/", "c0=2");
        assert!(full.header(HOST, "/", false).unwrap().starts_with("c0=2; "), "replaced when full");
        // Name and path are one byte each.
        let sized = |bytes: usize| format!("a={}; Path=/", "v".repeat(bytes - 2));
        assert_eq!(jar(&[&sized(COOKIE_BYTES_MAX)]).cookies.len(), 1);
        assert_eq!(jar(&[&sized(COOKIE_BYTES_MAX + 1)]).cookies.len(), 0);
        let padded = |bytes: usize| format!("a=1;{}", " ".repeat(bytes - 4));
        assert_eq!(jar(&[&padded(AUTH_HEADER_BYTES_MAX)]).cookies.len(), 1);
        assert_eq!(jar(&[&padded(AUTH_HEADER_BYTES_MAX + 1)]).cookies.len(), 0);
    }

    #[test]
    fn values_do_not_show() {
        assert!(!format!("{:?}", jar(&["a=topsecret"])).contains("topsecret"));
    }

    #[test]
    fn the_server_finds_its_cookie_as_devices_send_it() {
        for header in [
            "session=s1-0",
            "session=s1-0; Path=/; HttpOnly",
            "session=s1-0; Path=/; HttpOnly; session1=s1-1; Path=/; HttpOnly",
            "session1=s1-1; session=s1-0",
            "$Version=\"1\"; session=\"s1-0\"; $Path=\"/\"",
            "x;session = s1-0 ;",
            "other=1, session=s1-0",
            "session=s1-0; session=old",
        ] {
            assert_eq!(find_cookie(header, "session"), Some("s1-0"), "{header}");
        }
        for header in ["", "session", "session1=a", "Session=a", "xsession=a; HttpOnly"] {
            assert_eq!(find_cookie(header, "session"), None, "{header}");
        }
        assert_eq!(find_cookie("session=", "session"), Some(""));
    }

    #[test]
    fn cook_03_the_server_sets_the_attributes() {
        assert_eq!(set_cookie("s", "v1", false), "s=v1; Path=/; HttpOnly");
        assert_eq!(set_cookie("s", "v1", true), "s=v1; Path=/; HttpOnly; Secure");
    }

    proptest! {
        #[test]
        fn what_the_server_sets_comes_back(value in "[A-Za-z0-9_.-]{1,40}", secure: bool) {
            let mut jar = SessionJar::default();
            jar.handle_set_cookie(HOST, "/a", &set_cookie("s", &value, secure));
            jar.handle_set_cookie(HOST, "/a", "t=other");
            let header = jar.header(HOST, "/a", secure).unwrap();
            prop_assert_eq!(find_cookie(&header, "s"), Some(value.as_str()));
        }

        #[test]
        fn garbage_stays_within_its_header(header in any::<String>(), name in ".{0,9}") {
            let mut jar = SessionJar::default();
            jar.handle_set_cookie(HOST, &header, &header);
            jar.handle_set_cookie(&header, "/", &format!("{name}={header}; Path={header}"));
            let sent = jar.header(HOST, "/", true).unwrap_or_default();
            prop_assert!(!sent.contains(['\r', '\n']));
            find_cookie(&header, &name);
        }
    }
}
