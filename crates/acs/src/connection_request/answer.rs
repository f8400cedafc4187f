//! A reader for what the connection request servers of devices send (quirks 29 and 30).

/// What matters of an HTTP response: the status line, and the challenges of a 401.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// The values of `WWW-Authenticate`, folded lines joined.
    pub(super) challenges: Vec<String>,
}

impl Answer {
    /// Reads as much as there is. `None` when it does not start with a status line.
    ///
    /// Lines end with CR LF or LF alone, headers may be folded, the blank line may be missing.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let status = status(lines.next()?)?;
        let mut headers: Vec<String> = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            match headers.last_mut() {
                Some(last) if line.starts_with([' ', '\t']) => last.push_str(line),
                _ => headers.push(line.to_owned()),
            }
        }
        let challenges = headers.iter().filter_map(|header| challenge(header)).collect();
        Some(Self { status, challenges })
    }
}

fn status(line: &str) -> Option<u16> {
    let mut words = line.split_ascii_whitespace();
    words.next().filter(|version| version.starts_with("HTTP/"))?;
    let status = words.next()?.parse().ok()?;
    (100..=599).contains(&status).then_some(status)
}

fn challenge(header: &str) -> Option<String> {
    let (name, value) = header.split_once(':')?;
    let is_challenge = name.trim().eq_ignore_ascii_case("www-authenticate");
    is_challenge.then(|| value.trim().to_owned())
}

/// Whether the status line is there.
pub(super) fn has_status(bytes: &[u8]) -> bool {
    bytes.contains(&b'\n')
}

/// Whether nothing that follows could matter: the status alone decides, except for a 401, whose
/// headers are needed.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    let needs_headers = |bytes| Answer::read(bytes).is_some_and(|answer| answer.status == 401);
    has_status(bytes) && (!needs_headers(bytes) || has_blank_line(bytes))
}

fn has_blank_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, status: u16, challenges: &[&str]) {
        let expected =
            Answer { status, challenges: challenges.iter().map(ToString::to_string).collect() };
        assert_eq!(Answer::read(text.as_bytes()), Some(expected), "{text:?}");
        assert!(is_complete(text.as_bytes()), "{text:?}");
    }

    #[test]
    fn quirk_29_bare_line_feeds_and_folded_headers() {
        let folded = "HTTP/1.1 401 Unauthorized\nServer: x\nWWW-Authenticate: Digest \
                      realm=\"r\",\n nonce=\"n\",\n\tqop=\"auth\"\nContent-Length: 0\n\n";
        check(folded, 401, &["Digest realm=\"r\", nonce=\"n\",\tqop=\"auth\""]);
        check("HTTP/1.1 503 Service Unvailable\n", 503, &[]);
    }

    #[test]
    fn quirk_30_the_status_line_decides() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/xml\r\n\r\nhi", 200, &[]);
        check("HTTP/1.0 204\r\n", 204, &[]);
        check("HTTP/1.1  302   Found\r\nLocation: http://elsewhere/\r\n\r\n", 302, &[]);
        let two = "HTTP/1.1 401 No\r\nwww-authenticate: Basic realm=x\r\n\
                   WWW-AUTHENTICATE:Digest a=b\r\n\r\n";
        check(two, 401, &["Basic realm=x", "Digest a=b"]);
    }

    #[test]
    fn a_401_without_end_is_read_as_far_as_it_goes() {
        let cut = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=r, nonce=n\r\n";
        assert!(!is_complete(cut) && has_status(cut));
        let answer = Answer::read(cut).expect("a status line");
        assert_eq!(answer.challenges, ["Digest realm=r, nonce=n"]);
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for text in [
            "",
            "\n",
            "SSH-2.0-dropbear\r\n",
            "HTTP/1.1\r\n",
            "HTTP/1.1 99 x\r\n",
            "HTTP/1.1 abc\n",
        ] {
            assert_eq!(Answer::read(text.as_bytes()), None, "{text:?}");
        }
        assert!(!has_status(b"HTTP/1.1 200 OK"));
    }
}
