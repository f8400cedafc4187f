//! Where files are that devices load, and who may: URLs that are good for one file, one direction
//! and a time.
//!
//! A device cannot be trusted to log in to a file server (many ignore `Username` and `Password` of
//! Download), but every device repeats the URL that it was given. So the URL itself is the proof:
//! it holds the second until which it is good, and a code over that, the direction and the name,
//! which only the server can make.
//!
//! ```
//! use drover_provision::{FileAction, FileKey, Files};
//! use jiff::{SignedDuration, Timestamp};
//!
//! let key = FileKey::new([7; 64]);
//! let files = Files { url_prefix: "http://acs.example:7567/".to_owned(), key: Some(key.clone()) };
//! let until = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
//! let url = files.url_of("image.bin", FileAction::Download, until);
//! let path = url.strip_prefix("http://acs.example:7567/").unwrap();
//! let (proof, name) = path.strip_prefix("get/").unwrap().split_once('/').unwrap();
//! assert!(key.allows(FileAction::Download, name, proof, Timestamp::UNIX_EPOCH));
//! assert!(!key.allows(FileAction::Upload, name, proof, Timestamp::UNIX_EPOCH));
//! ```

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use crate::limits::FILE_CODE_BYTES;

/// Where files are, for a device that is to load one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Files {
    /// What stands before the name of a file in its URL, such as `http://acs.example:7567/`.
    pub url_prefix: String,
    /// Signs the URLs; `None` leaves them bare.
    pub key: Option<FileKey>,
}

/// The direction of a transfer, seen from the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAction {
    /// The device reads the file.
    Download,
    /// The device writes it.
    Upload,
}

impl FileAction {
    /// What stands first in the path of a signed URL.
    pub const fn segment(self) -> &'static str {
        match self {
            Self::Download => "get",
            Self::Upload => "put",
        }
    }
}

impl Files {
    /// The URL of a file, good until then if it is signed; of a name that is a URL already, itself.
    pub fn url_of(&self, name: &str, action: FileAction, until: Timestamp) -> String {
        if name.starts_with("http://") || name.starts_with("https://") {
            return name.to_owned();
        }
        let mut url = self.url_prefix.clone();
        if let Some(key) = &self.key {
            let until = until.as_second();
            url.push_str(&format!("{}/{until}-", action.segment()));
            let code = key.code(action, name, until).finalize().into_bytes();
            url.extend(code.iter().take(FILE_CODE_BYTES).map(|byte| format!("{byte:02x}")));
            url.push('/');
        }
        for byte in name.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                    url.push(char::from(byte));
                }
                _ => url.push_str(&format!("%{byte:02X}")),
            }
        }
        url
    }
}

/// Makes and checks the codes of signed URLs.
#[derive(Clone, PartialEq, Eq)]
pub struct FileKey([u8; 64]);

impl FileKey {
    /// A key of random bytes, which must stay the same as long as URLs are to stay good.
    pub const fn new(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Whether the proof of a URL, `<second>-<code>`, lets somebody do this to this file now. The
    /// time that it takes tells nothing of the code.
    pub fn allows(&self, action: FileAction, name: &str, proof: &str, now: Timestamp) -> bool {
        let Some((until, code)) = proof.split_once('-') else { return false };
        let Ok(second) = until.parse::<i64>() else { return false };
        let Some(code) = bytes_of(code) else { return false };
        // Another spelling of the same number would be another URL.
        let is_good = second.to_string() == until && now.as_second() <= second;
        is_good && self.code(action, name, second).verify_truncated_left(&code).is_ok()
    }

    fn code(&self, action: FileAction, name: &str, until: i64) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.0.into());
        mac.update(action.segment().as_bytes());
        mac.update(&until.to_be_bytes());
        mac.update(name.as_bytes());
        mac
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey(..)")
    }
}

/// The bytes of a code, which has one length and small letters only.
fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let is_code = hex.len() == FILE_CODE_BYTES.saturating_mul(2)
        && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let digits = hex.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    is_code.then(|| digits.map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "a b/ü.bin";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn signed(action: FileAction) -> (Files, String) {
        let files = Files { url_prefix: "http://h/".to_owned(), key: Some(FileKey::new([9; 64])) };
        let url = files.url_of(NAME, action, at(100));
        let path = url.strip_prefix("http://h/").unwrap().to_owned();
        (files, path)
    }

    #[test]
    fn a_url_is_good_for_one_file_one_direction_and_a_time() {
        let (files, path) = signed(FileAction::Download);
        let key = files.key.unwrap();
        let mut parts = path.splitn(3, '/');
        assert_eq!(parts.next(), Some("get"));
        let proof = parts.next().unwrap();
        assert_eq!(parts.next(), Some("a%20b/%C3%BC.bin"));
        assert!(key.allows(FileAction::Download, NAME, proof, at(100)));
        assert!(!key.allows(FileAction::Download, NAME, proof, at(101)), "too late");
        assert!(!key.allows(FileAction::Upload, NAME, proof, at(100)), "the other direction");
        assert!(!key.allows(FileAction::Download, "a", proof, at(100)), "another file");
        let other = FileKey::new([8; 64]);
        assert!(!other.allows(FileAction::Download, NAME, proof, at(100)), "another server");
        let (until, code) = proof.split_once('-').unwrap();
        for wrong in [
            String::new(),
            "-".to_owned(),
            format!("{until}-"),
            format!("{until}-{}", &code[2..]),
            format!("{until}-{}", code.to_uppercase().replace('0', "1")),
            format!("{until}-{code}00"),
            format!("+{until}-{code}"),
            format!("0{until}-{code}"),
            format!("101-{code}"),
            format!("99999999999999999999-{code}"),
        ] {
            assert!(!key.allows(FileAction::Download, NAME, &wrong, at(0)), "{wrong}");
        }
    }

    #[test]
    fn a_url_stays_itself_and_secrets_do_not_show() {
        let (files, _) = signed(FileAction::Upload);
        for url in ["http://x/y", "https://x/y?z"] {
            assert_eq!(files.url_of(url, FileAction::Download, at(0)), url);
        }
        assert!(format!("{files:?}").contains("FileKey(..)"));
        let bare = Files { url_prefix: "http://h/".to_owned(), key: None };
        assert_eq!(bare.url_of("a#b", FileAction::Download, at(0)), "http://h/a%23b");
    }
}
