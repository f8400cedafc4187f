//! HTTP digest with MD5, from the side of a client.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

/// The parameters of a challenge or an answer, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(Vec<Field>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    value: String,
    quoted: bool,
}

impl Fields {
    /// Reads what follows the word `Digest`; `None` for another scheme.
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut fields = Vec::new();
        while let Some((name, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let quoted = after.starts_with('"');
            let (value, after) = match after.strip_prefix('"') {
                Some(text) => text.split_once('"')?,
                None => after.split_at(after.find(',').unwrap_or(after.len())),
            };
            let name = name.trim_matches([' ', ',', '\t']).to_owned();
            fields.push(Field { name, value: value.trim().to_owned(), quoted });
            rest = after;
        }
        Some(Self(fields))
    }

    /// The value of a field.
    pub fn find(&self, name: &str) -> Option<&str> {
        let same = |field: &&Field| field.name.eq_ignore_ascii_case(name);
        self.0.iter().find(same).map(|field| field.value.as_str())
    }

    /// Replaces a value that is there.
    pub fn replace(&mut self, name: &str, value: &str) {
        for field in &mut self.0 {
            if field.name.eq_ignore_ascii_case(name) {
                value.clone_into(&mut field.value);
            }
        }
    }

    /// As a header again, with the quotes where they were.
    pub fn header(&self) -> String {
        let fields = self.0.iter().map(|Field { name, value, quoted }| {
            if *quoted { format!("{name}=\"{value}\"") } else { format!("{name}={value}") }
        });
        format!("Digest {}", fields.collect::<Vec<_>>().join(", "))
    }

    /// Computes the response for the other fields.
    pub fn sign(&mut self, method: &str, password: &str) {
        let get = |name: &str| self.find(name).unwrap_or_default().to_owned();
        let secret = md5(&format!("{}:{}:{password}", get("username"), get("realm")));
        let request = md5(&format!("{method}:{}", get("uri")));
        let response = match self.find("qop") {
            None => md5(&format!("{secret}:{}:{request}", get("nonce"))),
            Some(qop) => {
                let (nonce, nc, cnonce) = (get("nonce"), get("nc"), get("cnonce"));
                md5(&format!("{secret}:{nonce}:{nc}:{cnonce}:{qop}:{request}"))
            }
        };
        self.replace("response", &response);
    }
}

fn md5(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// User name and password of a `Basic` header.
pub fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 2617, section 3.5.
    #[test]
    fn the_example_of_the_rfc_is_computed() {
        let header = "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", \
                      nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", \
                      qop=auth, nc=00000001, cnonce=\"0a4f113b\", response=\"?\"";
        let mut fields = Fields::parse(header).unwrap();
        fields.sign("GET", "Circle Of Life");
        assert_eq!(fields.find("response"), Some("6629fae49393a05397450978507c4ef1"));
        assert!(fields.header().contains("qop=auth, nc=00000001, cnonce=\"0a4f113b\""));
    }

    #[test]
    fn basic_is_read_with_an_empty_password() {
        let expected = ("8KA8WA1151100043".to_owned(), String::new());
        assert_eq!(basic("Basic OEtBOFdBMTE1MTEwMDA0Mzo="), Some(expected));
        assert_eq!(basic("Digest a=b"), None);
    }
}
