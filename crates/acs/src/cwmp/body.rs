//! Request bodies: bounded in size, time and number, and inflated where they are compressed.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderValue};
use tokio::time::{Instant, timeout_at};

use crate::limits::{
    BODY_BYTES_PER_SECOND_MIN, BODY_SECONDS_MAX, DISCARD_BYTES_MAX, INFLATE_STEP_BYTES,
};
use crate::net::chain;

/// The bytes of all request bodies that may be held at one time.
#[derive(Debug)]
pub(crate) struct Budget {
    max: usize,
    held: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, held: AtomicUsize::new(0) })
    }

    fn take(&self, bytes: usize) -> bool {
        let add = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.max);
        self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).is_ok()
    }
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), BodyError> {
        if !self.budget.take(bytes) {
            return Err(BodyError::Overload);
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// What one body may take.
#[derive(Debug, Clone)]
pub(crate) struct BodyLimits {
    /// Bytes, as sent and inflated.
    pub(crate) bytes: usize,
    /// Time apart from its size.
    pub(crate) time: Duration,
    /// The bytes of all bodies.
    pub(crate) budget: Arc<Budget>,
}

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the inflated body is larger than {0} bytes")]
    InflatesTooLarge(usize),
    #[error("the body took too long: {0} bytes came")]
    TooSlow(usize),
    #[error("the content encoding {0:?} is not supported; gzip and deflate are")]
    Encoding(String),
    #[error("the body is not valid {0}")]
    Inflate(&'static str),
    #[error("the body is not XML: it starts with byte 0x{0:02x}")]
    NotXml(u8),
    #[error("the body ended early: {0}")]
    Lost(String),
    #[error("the bodies of other requests take up all the memory that is set aside")]
    Overload,
}

/// A body as it was sent.
#[derive(Debug)]
pub(crate) struct SentBody {
    bytes: Vec<u8>,
    encoding: Encoding,
    share: Share,
}

/// A body that can be read. It counts against the budget as long as it lives.
#[derive(Debug)]
pub(crate) struct PlainBody {
    bytes: Vec<u8>,
    _share: Share,
}

impl PlainBody {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Deflate,
}

impl Encoding {
    /// Reads `Content-Encoding` (`HTTP-22`).
    fn read(headers: &HeaderMap) -> Result<Self, BodyError> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let Some(first) = values.next() else { return Ok(Self::Identity) };
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        if let Some(second) = values.next() {
            return Err(BodyError::Encoding(format!("{}, {}", text(first), text(second))));
        }
        let name = text(first);
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(BodyError::Encoding(name.chars().take(64).collect())),
        }
    }
}

/// Reads a body within its limits. A body that cannot be an envelope is refused at its first byte.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut incoming: Incoming,
    limits: &BodyLimits,
) -> Result<SentBody, BodyError> {
    let encoding = Encoding::read(headers)?;
    if incoming.size_hint().lower() > limits.bytes as u64 {
        return Err(BodyError::TooLarge(limits.bytes));
    }
    let share = Share { budget: Arc::clone(&limits.budget), bytes: 0 };
    let mut body = SentBody { bytes: Vec::new(), encoding, share };
    let start = Instant::now();
    loop {
        let deadline = start + time_for(body.bytes.len(), limits.time);
        match timeout_at(deadline, next_data(&mut incoming)).await {
            Err(_) => return Err(BodyError::TooSlow(body.bytes.len())),
            Ok(None) => return Ok(body),
            Ok(Some(data)) => body.push(&data?, limits)?,
        }
    }
}

impl SentBody {
    fn push(&mut self, data: &[u8], limits: &BodyLimits) -> Result<(), BodyError> {
        if self.bytes.len().saturating_add(data.len()) > limits.bytes {
            return Err(BodyError::TooLarge(limits.bytes));
        }
        self.share.grow(data.len())?;
        let was_empty = self.bytes.is_empty();
        self.bytes.extend_from_slice(data);
        if was_empty && self.encoding == Encoding::Identity {
            check_start(&self.bytes)?;
        }
        Ok(())
    }

    /// Whether it has to be inflated, which may take long.
    pub(crate) const fn is_compressed(&self) -> bool {
        !matches!(self.encoding, Encoding::Identity)
    }

    /// Inflates the body if it is compressed, to at most `limits.bytes`.
    pub(crate) fn inflate(mut self, limits: &BodyLimits) -> Result<PlainBody, BodyError> {
        let sent = std::mem::take(&mut self.bytes);
        let bytes = match self.encoding {
            _ if sent.is_empty() => sent,
            Encoding::Identity => sent,
            Encoding::Gzip => self.run(MultiGzDecoder::new(&*sent), "gzip", limits)?,
            // "deflate" means zlib (RFC 9110 §8.4.1.2), but some send the bare stream.
            Encoding::Deflate if has_zlib_header(&sent) => {
                self.run(ZlibDecoder::new(&*sent), "deflate", limits)?
            }
            Encoding::Deflate => self.run(DeflateDecoder::new(&*sent), "deflate", limits)?,
        };
        Ok(PlainBody { bytes, _share: self.share })
    }

    fn run(
        &mut self,
        mut decoder: impl Read,
        name: &'static str,
        limits: &BodyLimits,
    ) -> Result<Vec<u8>, BodyError> {
        let mut plain = Vec::new();
        let mut step = vec![0; INFLATE_STEP_BYTES];
        loop {
            let count = decoder.read(&mut step).map_err(|_| BodyError::Inflate(name))?;
            if count == 0 {
                return Ok(plain);
            }
            if plain.len().saturating_add(count) > limits.bytes {
                return Err(BodyError::InflatesTooLarge(limits.bytes));
            }
            self.share.grow(count)?;
            let was_empty = plain.is_empty();
            plain.extend_from_slice(&step[..count]);
            if was_empty {
                check_start(&plain)?;
            }
        }
    }
}

/// Reads a body and forgets it, so that the connection can go on; false when it is too large or
/// too slow for that.
pub(crate) async fn discard(mut incoming: Incoming, time: Duration) -> bool {
    if incoming.size_hint().lower() > DISCARD_BYTES_MAX as u64 {
        return false;
    }
    let all = async {
        let mut bytes = 0_usize;
        while let Some(data) = next_data(&mut incoming).await {
            let Ok(data) = data else { return false };
            bytes = bytes.saturating_add(data.len());
            if bytes > DISCARD_BYTES_MAX {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(time, all).await.unwrap_or(false)
}

/// The next bytes; trailers are skipped.
async fn next_data(incoming: &mut Incoming) -> Option<Result<Bytes, BodyError>> {
    loop {
        match incoming.frame().await? {
            Err(error) => return Some(Err(BodyError::Lost(chain(&error)))),
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
        }
    }
}

/// Whoever sends one byte a second has `base`, whoever sends a large body at a fair rate has more.
fn time_for(bytes: usize, base: Duration) -> Duration {
    let earned = Duration::from_secs((bytes / BODY_BYTES_PER_SECOND_MIN) as u64);
    base.saturating_add(earned).min(Duration::from_secs(BODY_SECONDS_MAX))
}

/// An envelope starts with `<`, perhaps after a byte order mark, white space (quirk 9) or a NUL
/// (`LEN-04`). What starts otherwise need not be held until its end.
fn check_start(bytes: &[u8]) -> Result<(), BodyError> {
    let is_filler = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    match bytes.iter().find(|byte| !is_filler(byte)) {
        None | Some(b'<' | 0xEF) => Ok(()),
        Some(other) => Err(BodyError::NotXml(*other)),
    }
}

fn has_zlib_header(bytes: &[u8]) -> bool {
    match bytes {
        [first, second, ..] => {
            first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const XML: &[u8] = b"<envelope>\xc3\xa9</envelope>";

    fn limits(bytes: usize, all: usize) -> BodyLimits {
        BodyLimits { bytes, time: Duration::from_secs(1), budget: Budget::new(all) }
    }

    fn sent(bytes: Vec<u8>, encoding: Encoding, limits: &BodyLimits) -> SentBody {
        let share = Share { budget: Arc::clone(&limits.budget), bytes: 0 };
        SentBody { bytes, encoding, share }
    }

    fn inflate(bytes: &[u8], encoding: Encoding, max: usize) -> Result<Vec<u8>, BodyError> {
        let limits = limits(max, 1 << 20);
        sent(bytes.to_vec(), encoding, &limits).inflate(&limits).map(|body| body.bytes)
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).expect("to memory");
        encoder.finish().expect("to memory")
    }

    #[test]
    fn http_21_all_three_forms_are_inflated() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(XML).expect("to memory");
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(XML).expect("to memory");
        let (zlib, raw) = (zlib.finish().expect("zlib"), raw.finish().expect("raw"));
        assert_eq!(inflate(&gzip(XML), Encoding::Gzip, 100).as_deref(), Ok(XML));
        assert_eq!(inflate(&zlib, Encoding::Deflate, 100).as_deref(), Ok(XML));
        assert_eq!(inflate(&raw, Encoding::Deflate, 100).as_deref(), Ok(XML));
        assert_eq!(inflate(b"", Encoding::Gzip, 100).as_deref(), Ok(&b""[..]));
    }

    #[test]
    fn what_is_cut_or_foreign_is_refused() {
        let whole = gzip(XML);
        for length in 1..whole.len() {
            let result = inflate(&whole[..length], Encoding::Gzip, 100);
            assert_eq!(result, Err(BodyError::Inflate("gzip")), "cut at {length}");
        }
        assert_eq!(inflate(XML, Encoding::Gzip, 100), Err(BodyError::Inflate("gzip")));
        assert_eq!(inflate(b"\xff\xff", Encoding::Deflate, 9), Err(BodyError::Inflate("deflate")));
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let max = INFLATE_STEP_BYTES;
        let at = gzip(&vec![b' '; max]);
        let above = gzip(&vec![b' '; max + 1]);
        assert_eq!(inflate(&at, Encoding::Gzip, max).map(|body| body.len()), Ok(max));
        assert_eq!(inflate(&above, Encoding::Gzip, max), Err(BodyError::InflatesTooLarge(max)));
        let letters = gzip(&vec![b'x'; 1 << 22]);
        assert_eq!(inflate(&letters, Encoding::Gzip, 1 << 20), Err(BodyError::NotXml(b'x')));
    }

    #[test]
    fn the_budget_is_shared_and_given_back() {
        let limits = limits(100, 10);
        let mut first = sent(Vec::new(), Encoding::Identity, &limits);
        let mut second = sent(Vec::new(), Encoding::Identity, &limits);
        assert_eq!(first.push(b"<23456", &limits), Ok(()));
        assert_eq!(second.push(b"<2345", &limits), Err(BodyError::Overload));
        drop(first);
        assert_eq!(second.push(b"<234567890", &limits), Ok(()));
        drop(second);
        assert_eq!(limits.budget.held.load(Ordering::Acquire), 0);
    }

    #[test]
    fn sec_04_the_body_limit_holds_at_its_byte() {
        let limits = limits(4, 100);
        let mut body = sent(Vec::new(), Encoding::Identity, &limits);
        assert_eq!(body.push(b"<234", &limits), Ok(()));
        assert_eq!(body.push(b"5", &limits), Err(BodyError::TooLarge(4)));
    }

    #[test]
    fn only_xml_goes_on() {
        for good in ["", " \r\n", "\0", "\u{feff}<a/>", "\n <a/>", "<"] {
            assert_eq!(check_start(good.as_bytes()), Ok(()), "{good:?}");
        }
        assert_eq!(check_start(b" {"), Err(BodyError::NotXml(b'{')));
    }

    #[test]
    fn slow_bodies_have_little_time_and_large_ones_more() {
        let base = Duration::from_secs(30);
        assert_eq!(time_for(60, base), base);
        assert_eq!(time_for(16 * 1024 * 10, base), Duration::from_secs(40));
        assert_eq!(time_for(usize::MAX, base), Duration::from_secs(BODY_SECONDS_MAX));
    }

    #[test]
    fn http_22_other_encodings_are_named() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            Encoding::read(&headers)
        };
        assert_eq!(read(&[]), Ok(Encoding::Identity));
        assert_eq!(read(&["GZIP"]), Ok(Encoding::Gzip));
        assert_eq!(read(&[" deflate "]), Ok(Encoding::Deflate));
        assert_eq!(read(&["br"]), Err(BodyError::Encoding("br".to_owned())));
        assert!(read(&["gzip, gzip"]).is_err() && read(&["gzip", "gzip"]).is_err());
    }
}
