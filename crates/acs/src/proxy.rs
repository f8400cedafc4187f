//! Who really connects, where a proxy stands before the server: it says so by the PROXY protocol or
//! by headers, and is believed only at addresses that the configuration names.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{FORWARDED, HeaderName};
use ppp::v2::Command;
use ppp::{v1, v2};
use serde::de::{self, Deserialize, Deserializer};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::limits::{PROXY_HEADER_BYTES_MAX, PROXY_LINE_BYTES_MAX};

/// The part of a header of version 2 that says how long it is.
const START_BYTES: usize = 16;
/// What a proxy says of the client's TLS, and in it the common name of the client's certificate
/// (PROXY protocol, 2.2.6).
const TLV_SSL: u8 = 0x20;
const TLV_SSL_COMMON_NAME: u8 = 0x22;
/// The client came by TLS.
const CLIENT_SSL: u8 = 0x01;
/// It brought a certificate, in this connection or in the session that it resumes.
const CLIENT_CERTIFICATE: u8 = 0x02 | 0x04;

/// Addresses that begin alike, such as `10.0.0.0/8`, or a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads an address with or without a number of bits.
    ///
    /// # Errors
    /// A line that says what it must be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address such as \"10.0.0.7\" or \"10.0.0.0/8\"");
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| wrong())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits > most {
            return Err(wrong());
        }
        Ok(Self { base, bits })
    }

    /// Whether an address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

/// What a proxy says of a connection or a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Where it comes from.
    pub(crate) address: SocketAddr,
    /// Whether it came to the proxy by TLS.
    pub(crate) is_tls: bool,
    /// The common name of a certificate that the proxy has verified.
    pub(crate) certificate: Option<String>,
}

/// Reads what stands before everything else on a connection. `None` for one of the proxy itself.
/// Nothing behind it is read.
pub(crate) async fn read_header(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<Origin>, String> {
    let lost = |error: std::io::Error| format!("the header of the PROXY protocol: {error}");
    let mut bytes = vec![0; v1::PROTOCOL_PREFIX.len()];
    stream.read_exact(&mut bytes).await.map_err(lost)?;
    if bytes == v1::PROTOCOL_PREFIX.as_bytes() {
        while !bytes.ends_with(v1::PROTOCOL_SUFFIX.as_bytes()) {
            if bytes.len() >= PROXY_LINE_BYTES_MAX {
                return Err("the line of the PROXY protocol does not end".to_owned());
            }
            bytes.push(stream.read_u8().await.map_err(lost)?);
        }
        return of_line(&bytes);
    }
    let known = bytes.len();
    if bytes != v2::PROTOCOL_PREFIX[..known] {
        return Err("a proxy must begin with the PROXY protocol".to_owned());
    }
    bytes.resize(START_BYTES, 0);
    stream.read_exact(&mut bytes[known..]).await.map_err(lost)?;
    let length = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    if length > PROXY_HEADER_BYTES_MAX {
        return Err(format!("a header of the PROXY protocol of {length} bytes"));
    }
    bytes.resize(START_BYTES + length, 0);
    stream.read_exact(&mut bytes[START_BYTES..]).await.map_err(lost)?;
    of_bytes(&bytes)
}

fn of_line(bytes: &[u8]) -> Result<Option<Origin>, String> {
    let header = v1::Header::try_from(bytes).map_err(|error| error.to_string())?;
    let address = match header.addresses {
        v1::Addresses::Unknown => return Ok(None),
        v1::Addresses::Tcp4(it) => SocketAddr::from((it.source_address, it.source_port)),
        v1::Addresses::Tcp6(it) => SocketAddr::from((it.source_address, it.source_port)),
    };
    Ok(Some(Origin { address, is_tls: false, certificate: None }))
}

fn of_bytes(bytes: &[u8]) -> Result<Option<Origin>, String> {
    let header = v2::Header::try_from(bytes).map_err(|error| error.to_string())?;
    if header.command == Command::Local {
        return Ok(None);
    }
    let address = match header.addresses {
        v2::Addresses::IPv4(it) => SocketAddr::from((it.source_address, it.source_port)),
        v2::Addresses::IPv6(it) => SocketAddr::from((it.source_address, it.source_port)),
        v2::Addresses::Unspecified | v2::Addresses::Unix(_) => return Ok(None),
    };
    let mut origin = Origin { address, is_tls: false, certificate: None };
    for tlv in header.tlvs() {
        let tlv = tlv.map_err(|error| error.to_string())?;
        if tlv.kind == TLV_SSL {
            origin.take_ssl(&tlv.value);
        }
    }
    Ok(Some(origin))
}

impl Origin {
    /// Takes what is said of TLS: a byte of flags, the result of the verification in four bytes, of
    /// which 0 is good, and more in the form of the whole.
    fn take_ssl(&mut self, value: &[u8]) {
        let Some((head, mut rest)) = value.split_at_checked(5) else { return };
        self.is_tls = head[0] & CLIENT_SSL != 0;
        let is_verified = head[0] & CLIENT_CERTIFICATE != 0 && head[1..] == [0; 4];
        while let Some((start, behind)) = rest.split_at_checked(3) {
            let length = usize::from(u16::from_be_bytes([start[1], start[2]]));
            let Some((text, next)) = behind.split_at_checked(length) else { return };
            if start[0] == TLV_SSL_COMMON_NAME && is_verified {
                self.certificate = std::str::from_utf8(text).ok().map(str::to_owned);
            }
            rest = next;
        }
    }

    /// What the headers of a request say: `Forwarded`, or else `X-Forwarded-For` and
    /// `X-Forwarded-Proto`. Of several proxies in a row, the last entry that no trusted one wrote
    /// of itself counts; all before it the client may have written.
    pub(crate) fn of_headers(headers: &HeaderMap, trusted: &[Network]) -> Option<Self> {
        let all = |name: HeaderName| {
            let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.flat_map(|value| value.split(',')).map(|it| it.trim().to_owned())
        };
        let is_trusted = |address: &SocketAddr| trusted.iter().any(|it| it.contains(address.ip()));
        let mut last = None;
        let forwarded: Vec<String> = all(FORWARDED).collect();
        for entry in forwarded.iter().rev() {
            let address = node(&parameter(entry, "for")?)?;
            let is_tls = parameter(entry, "proto").is_some_and(|it| it == "https");
            let origin = Self { address, is_tls, certificate: None };
            if !is_trusted(&address) {
                return Some(origin);
            }
            last = Some(origin);
        }
        if last.is_some() {
            return last;
        }
        let protocol = all(HeaderName::from_static("x-forwarded-proto")).next_back();
        let is_tls = protocol.is_some_and(|it| it.eq_ignore_ascii_case("https"));
        let addresses: Vec<String> = all(HeaderName::from_static("x-forwarded-for")).collect();
        for entry in addresses.iter().rev() {
            let address = node(entry)?;
            let origin = Self { address, is_tls, certificate: None };
            if !is_trusted(&address) {
                return Some(origin);
            }
            last = Some(origin);
        }
        last
    }
}

/// A parameter of an entry of `Forwarded`, in small letters and without quotes.
fn parameter(entry: &str, name: &str) -> Option<String> {
    let pairs = entry.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    let value = values.next()?.1.trim().trim_matches('"');
    Some(value.to_ascii_lowercase())
}

/// An address with or without a port; that of IPv6 may stand in brackets.
fn node(text: &str) -> Option<SocketAddr> {
    let text = text.trim().trim_matches('"');
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let address = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    Some(SocketAddr::new(address.parse().ok()?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).expect("a network")
    }

    #[test]
    fn networks_hold_their_addresses() {
        let is_in = |text: &str, address: &str| {
            network(text).contains(address.parse().expect("an address"))
        };
        assert!(is_in("10.1.0.0/16", "10.1.255.3") && !is_in("10.1.0.0/16", "10.2.0.1"));
        assert!(is_in("10.1.2.3", "10.1.2.3") && !is_in("10.1.2.3", "10.1.2.4"));
        assert!(is_in("10.1.2.3", "::ffff:10.1.2.3") && is_in("0.0.0.0/0", "192.0.2.1"));
        assert!(is_in("2001:db8::/32", "2001:db8:1::1") && !is_in("2001:db8::/32", "2001:db9::1"));
        assert!(!is_in("0.0.0.0/0", "2001:db8::1"));
        for wrong in ["", "10.0.0.0/33", "host", "10.0.0.0/", "::/129", "10.0.0.0/-1"] {
            assert!(Network::parse(wrong).is_err(), "{wrong}");
        }
    }

    async fn read(bytes: &[u8]) -> Result<(Option<Origin>, usize), String> {
        let mut stream = bytes;
        let origin = read_header(&mut stream).await?;
        Ok((origin, stream.len()))
    }

    #[tokio::test]
    async fn both_versions_of_the_protocol_are_read() {
        let line = b"PROXY TCP4 192.0.2.1 192.0.2.9 4711 7547\r\nPOST";
        let address = "192.0.2.1:4711".parse().expect("an address");
        let plain = Origin { address, is_tls: false, certificate: None };
        assert_eq!(read(line).await, Ok((Some(plain.clone()), 4)));
        assert_eq!(read(b"PROXY UNKNOWN\r\nP").await, Ok((None, 1)));
        let mut bytes = v2::PROTOCOL_PREFIX.to_vec();
        let ssl = [TLV_SSL, 0, 15, 7, 0, 0, 0, 0, TLV_SSL_COMMON_NAME, 0, 7];
        bytes.extend([0x21, 0x11, 0, 12 + 18, 192, 0, 2, 1, 192, 0, 2, 9, 0x12, 0x67, 0x1d, 0x7b]);
        bytes.extend(ssl);
        bytes.extend(b"A-B-123POST");
        let known = Origin { is_tls: true, certificate: Some("A-B-123".to_owned()), ..plain };
        assert_eq!(read(&bytes).await, Ok((Some(known.clone()), 4)));
        let at = bytes.windows(5).position(|it| it == [7, 0, 0, 0, 0]).expect("the flags");
        bytes[at + 4] = 1;
        let unverified = Origin { certificate: None, ..known };
        assert_eq!(read(&bytes).await, Ok((Some(unverified), 4)), "it was not verified");
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        for wrong in
            [&b"POST / HTTP/1.1\r\n"[..], b"", b"PROXY TCP4 1 2\r\n", b"\r\n\r\n\0\r\nQUIT"]
        {
            assert!(read(wrong).await.is_err(), "{wrong:?}");
        }
        let endless = [b"PROXY ".to_vec(), vec![b'x'; 1000]].concat();
        assert_eq!(
            read(&endless).await.unwrap_err(),
            "the line of the PROXY protocol does not end"
        );
    }

    #[test]
    fn headers_are_believed_as_far_as_they_come_from_proxies() {
        let trusted = [network("10.0.0.0/8")];
        let of = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                let value = value.parse().expect("a value");
                headers.append(HeaderName::from_static(name), value);
            }
            let origin = Origin::of_headers(&headers, &trusted)?;
            Some((origin.address.to_string(), origin.is_tls))
        };
        let expected = |address: &str, is_tls| Some((address.to_owned(), is_tls));
        assert_eq!(
            of(&[("forwarded", "for=1.1.1.1, For=\"[2001:db8::7]:99\";proto=HTTPS, for=10.0.0.2")]),
            expected("[2001:db8::7]:99", true)
        );
        assert_eq!(of(&[("forwarded", "for=unknown")]), None);
        let two = [("x-forwarded-for", "1.1.1.1, 192.0.2.7"), ("x-forwarded-proto", "https")];
        assert_eq!(of(&two), expected("192.0.2.7:0", true));
        assert_eq!(of(&[("x-forwarded-for", "10.0.0.9")]), expected("10.0.0.9:0", false));
        assert_eq!(of(&[]), None);
    }
}
