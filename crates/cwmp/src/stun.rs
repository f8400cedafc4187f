//! STUN and connection requests by UDP, as datagrams (TR-069a6 Annex G), without I/O.
//!
//! Devices speak the STUN of RFC 3489, which has no magic cookie (`STUN-02`). Clients of RFC 5389
//! are answered in their way too, so that a foreign tool can check a server.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use crate::auth::{Credentials, constant_time_eq};

/// `Binding Request` (RFC 3489 §11.1).
pub const BINDING_REQUEST: u16 = 0x0001;
/// `Binding Response`.
pub const BINDING_RESPONSE: u16 = 0x0101;
/// `Binding Error Response`.
pub const BINDING_ERROR_RESPONSE: u16 = 0x0111;
/// The value of [`CONNECTION_REQUEST_BINDING`] (`STUN-04`).
pub const CONNECTION_REQUEST_BINDING_VALUE: &[u8; 20] = b"dslforum.org/TR-111 ";
/// Comes from the port on which the device hears connection requests (`STUN-04`).
pub const CONNECTION_REQUEST_BINDING: u16 = 0xC001;
/// The device's binding has changed (`STUN-05`).
pub const BINDING_CHANGE: u16 = 0xC002;

const MAPPED_ADDRESS: u16 = 0x0001;
const RESPONSE_ADDRESS: u16 = 0x0002;
const SOURCE_ADDRESS: u16 = 0x0004;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// Attributes from here on may be left alone by who does not know them (RFC 3489 §11.2).
const OPTIONAL_MIN: u16 = 0x8000;
/// Those that a request may have without being understood: CHANGE-REQUEST is refused, as there is
/// one address only.
const KNOWN: [u16; 4] = [RESPONSE_ADDRESS, USERNAME, MESSAGE_INTEGRITY, 0x0003];
const CHANGE_REQUEST: u16 = 0x0003;
const HEADER_BYTES: usize = 20;
const INTEGRITY_BYTES: usize = 24;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
/// Bytes of a datagram that are looked at.
pub const DATAGRAM_BYTES_MAX: usize = 1500;
/// Unknown attributes that are told.
const UNKNOWN_MAX: usize = 8;

/// A STUN message with the bytes of its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StunMessage<'a> {
    /// Such as [`BINDING_REQUEST`].
    pub kind: u16,
    /// 16 bytes; of RFC 5389, the magic cookie and 12 bytes.
    pub transaction: [u8; 16],
    datagram: &'a [u8],
}

impl<'a> StunMessage<'a> {
    /// Reads a datagram; `None` when it is something else.
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let (header, body) = datagram.split_at_checked(HEADER_BYTES)?;
        let (start, transaction) = header.split_at_checked(4)?;
        let [kind_high, kind_low, length_high, length_low] = start.try_into().ok()?;
        let kind = u16::from_be_bytes([kind_high, kind_low]);
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let fits = kind < 0x4000 && length == body.len() && length.is_multiple_of(4);
        let message = Self { kind, transaction: transaction.try_into().ok()?, datagram };
        (fits && datagram.len() <= DATAGRAM_BYTES_MAX && message.is_whole()).then_some(message)
    }

    /// The attributes: type, and value without what fills it up to four bytes.
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        Attributes(self.datagram.get(HEADER_BYTES..).unwrap_or_default())
    }

    /// The first attribute of a type.
    pub fn attribute(&self, wanted: u16) -> Option<&'a [u8]> {
        self.attributes().find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }

    /// The user that sends it; what fills it up is left out (`STUN-06`).
    pub fn username(&self) -> Option<&'a str> {
        let text = std::str::from_utf8(self.attribute(USERNAME)?).ok()?;
        Some(text.trim_end_matches([' ', '\0']))
    }

    /// Whether the device hears connection requests where this comes from (`STUN-04`).
    pub fn is_of_connection_requests(&self) -> bool {
        self.attribute(CONNECTION_REQUEST_BINDING).is_some()
    }

    /// The address that the answer of a Binding Request tells (`STUN-03`).
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        self.attribute(MAPPED_ADDRESS).and_then(address)
    }

    /// Where the answer is wanted, if not where the request comes from (`STUN-08`).
    pub fn response_address(&self) -> Option<SocketAddr> {
        self.attribute(RESPONSE_ADDRESS).and_then(address)
    }

    /// Whether it is signed with this password; `None` if it is not signed (`STUN-07`).
    pub fn is_signed(&self, password: &str) -> Option<bool> {
        let signature = self.attribute(MESSAGE_INTEGRITY)?;
        let end = self.datagram.len().checked_sub(INTEGRITY_BYTES)?;
        let signed = self.datagram.get(..end)?;
        let is_padded = !self.is_rfc_5389();
        Some(constant_time_eq(&integrity(signed, password, is_padded), signature))
    }

    fn is_rfc_5389(&self) -> bool {
        self.transaction.starts_with(&MAGIC_COOKIE)
    }

    /// Whether the attributes end where the message does, and a signature is the last.
    fn is_whole(&self) -> bool {
        let mut length = HEADER_BYTES;
        let mut is_last = true;
        for (kind, value) in self.attributes() {
            if !is_last {
                return false;
            }
            is_last = kind != MESSAGE_INTEGRITY;
            length = length.saturating_add(4).saturating_add(value.len().next_multiple_of(4));
        }
        length == self.datagram.len()
    }
}

struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (start, rest) = self.0.split_at_checked(4)?;
        let [kind_high, kind_low, length_high, length_low] = start.try_into().ok()?;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let value = rest.get(..length)?;
        self.0 = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_be_bytes([kind_high, kind_low]), value))
    }
}

/// Builds a message.
#[derive(Debug, Clone)]
pub struct StunBuilder(Vec<u8>);

impl StunBuilder {
    /// A message without attributes.
    pub fn new(kind: u16, transaction: [u8; 16]) -> Self {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend([0, 0]);
        bytes.extend(transaction);
        Self(bytes)
    }

    /// Adds an attribute, filled up to four bytes with zeros.
    #[must_use]
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let Ok(length) = u16::try_from(value.len()) else { return self };
        self.0.extend(kind.to_be_bytes());
        self.0.extend(length.to_be_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.set_length(0);
        self
    }

    /// Adds the user, filled up with spaces (`STUN-06`).
    #[must_use]
    pub fn username(self, username: &str) -> Self {
        let width = username.len().next_multiple_of(4);
        let mut text = username.to_owned();
        text.extend(std::iter::repeat_n(' ', width.saturating_sub(username.len())));
        self.attribute(USERNAME, text.as_bytes())
    }

    /// Asks for the answer at another address (`STUN-08`).
    #[must_use]
    pub fn response_address(self, address: SocketAddr) -> Self {
        self.attribute(RESPONSE_ADDRESS, &address_bytes(address))
    }

    /// Signs what is there; nothing may follow (`STUN-07`).
    #[must_use]
    pub fn signed(mut self, password: &str) -> Self {
        self.set_length(INTEGRITY_BYTES);
        let is_padded = self.0.get(4..8).is_none_or(|cookie| cookie != MAGIC_COOKIE);
        let signature = integrity(&self.0, password, is_padded);
        self.attribute(MESSAGE_INTEGRITY, &signature)
    }

    /// The datagram.
    pub fn build(self) -> Vec<u8> {
        self.0
    }

    /// Says how long the message is, with so many bytes that are still to come.
    fn set_length(&mut self, more: usize) {
        let length = self.0.len().saturating_sub(HEADER_BYTES).saturating_add(more);
        let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        for (place, byte) in self.0.iter_mut().skip(2).zip(length) {
            *place = byte;
        }
    }
}

/// What a STUN server answers, and where to (`STUN-11`). `None` for what is no Binding Request.
///
/// `from` is where the request comes from and `here` where it came to, when that is known. With
/// `credentials`, a request from a port for connection requests has to be signed (`STUN-07`). The
/// answer goes to another port than `from` at most: to another address, anybody could have it sent
/// to somebody who did not ask.
pub fn answer(
    datagram: &[u8],
    from: SocketAddr,
    here: Option<SocketAddr>,
    credentials: Option<&Credentials>,
) -> Option<(Vec<u8>, SocketAddr)> {
    let request = StunMessage::read(datagram)?;
    if request.kind != BINDING_REQUEST {
        return None;
    }
    let is_unknown = |kind: &u16| *kind < OPTIONAL_MIN && !KNOWN.contains(kind);
    let kinds = request.attributes().map(|(kind, _)| kind);
    let mut unknown: Vec<u16> = kinds.filter(is_unknown).take(UNKNOWN_MAX).collect();
    let asks_for_change = |flags: &[u8]| flags.last().is_some_and(|flags| flags & 0b110 != 0);
    if request.attribute(CHANGE_REQUEST).is_some_and(asks_for_change) {
        unknown.push(CHANGE_REQUEST);
    }
    if !unknown.is_empty() {
        let list: Vec<u8> = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        let error = error(&request, 420, "Unknown attributes").attribute(UNKNOWN_ATTRIBUTES, &list);
        return Some((error.build(), from));
    }
    let mut signed = None;
    if let Some(own) = credentials.filter(|_| request.is_of_connection_requests()) {
        let is_user = request.username() == Some(own.username.as_str());
        let password = own.password().expose();
        match request.is_signed(password) {
            None => return Some((error(&request, 401, "Unauthorized").build(), from)),
            Some(true) if is_user => signed = Some(password),
            Some(_) => {
                let error = error(&request, 431, "Integrity Check Failure");
                return Some((error.build(), from));
            }
        }
    }
    let mut response = StunBuilder::new(BINDING_RESPONSE, request.transaction)
        .attribute(MAPPED_ADDRESS, &address_bytes(from));
    if request.is_rfc_5389() {
        let mut hidden = address_bytes(from);
        let port = hidden.iter_mut().skip(2).zip(MAGIC_COOKIE).take(2);
        port.for_each(|(byte, mask)| *byte ^= mask);
        let ip = hidden.iter_mut().skip(4).zip(request.transaction);
        ip.for_each(|(byte, mask)| *byte ^= mask);
        response = response.attribute(XOR_MAPPED_ADDRESS, &hidden);
    } else if let Some(here) = here {
        response = response.attribute(SOURCE_ADDRESS, &address_bytes(here));
    }
    if let Some(password) = signed {
        response = response.signed(password);
    }
    let wanted = request.response_address().filter(|it| it.ip() == from.ip());
    Some((response.build(), wanted.unwrap_or(from)))
}

fn error(request: &StunMessage<'_>, code: u16, reason: &str) -> StunBuilder {
    let class = u8::try_from(code.div_euclid(100)).unwrap_or_default();
    let number = u8::try_from(code.rem_euclid(100)).unwrap_or_default();
    let value = [&[0, 0, class, number], reason.as_bytes()].concat();
    StunBuilder::new(BINDING_ERROR_RESPONSE, request.transaction).attribute(ERROR_CODE, &value)
}

/// The code of a Binding Error Response.
pub fn error_code(message: &StunMessage<'_>) -> Option<u16> {
    let value = message.attribute(ERROR_CODE)?;
    let (class, number) = (u16::from(*value.get(2)?), u16::from(*value.get(3)?));
    class.checked_mul(100)?.checked_add(number)
}

fn address(value: &[u8]) -> Option<SocketAddr> {
    let (start, ip) = value.split_at_checked(4)?;
    let [_, family, port_high, port_low] = start.try_into().ok()?;
    let port = u16::from_be_bytes([port_high, port_low]);
    let ip = match family {
        1 => IpAddr::from(<[u8; 4]>::try_from(ip).ok()?),
        2 => IpAddr::from(<[u8; 16]>::try_from(ip).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn address_bytes(address: SocketAddr) -> Vec<u8> {
    let [port_high, port_low] = address.port().to_be_bytes();
    match address.ip() {
        IpAddr::V4(ip) => [&[0, 1, port_high, port_low][..], &ip.octets()].concat(),
        IpAddr::V6(ip) => [&[0, 2, port_high, port_low][..], &ip.octets()].concat(),
    }
}

/// The signature of a message; in RFC 3489 over so many zeros that 64 divides the length.
fn integrity(message: &[u8], password: &str, is_padded: bool) -> [u8; 20] {
    let mut text = message.to_vec();
    if is_padded {
        text.resize(text.len().next_multiple_of(64), 0);
    }
    hmac(password, &text)
}

fn hmac(key: &str, text: &[u8]) -> [u8; 20] {
    // A key may have any length.
    let mac = Hmac::<Sha1>::new_from_slice(key.as_bytes());
    let mut mac = mac.unwrap_or_else(|_| Hmac::<Sha1>::new(&Default::default()));
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The datagram that asks a device for a session (`STUN-12`).
///
/// `time` is in seconds since 1970; `id` must be another for each request, and `cnonce` random. The
/// address is the device's own word, `host:port` or `host`.
pub fn connection_request(
    address: &str,
    credentials: &Credentials,
    time: i64,
    id: u32,
    cnonce: &str,
) -> String {
    let Credentials { username, .. } = credentials;
    let password = credentials.password().expose();
    let signature = hmac(password, format!("{time}{id}{username}{cnonce}").as_bytes());
    let mut hex = String::with_capacity(40);
    for byte in signature {
        let _ = write!(hex, "{byte:02X}");
    }
    let (user, cnonce) = (encode(username), encode(cnonce));
    format!(
        "GET http://{address}?ts={time}&id={id}&un={user}&cn={cnonce}&sig={hex} HTTP/1.1\r\n\r\n"
    )
}

/// Percent-encodes what a query cannot hold (`STUN-17`).
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::Secret;

    const TRANSACTION: [u8; 16] = *b"0123456789abcdef";

    fn from(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn request() -> StunBuilder {
        StunBuilder::new(BINDING_REQUEST, TRANSACTION)
            .attribute(CONNECTION_REQUEST_BINDING, CONNECTION_REQUEST_BINDING_VALUE)
    }

    fn own() -> Credentials {
        Credentials::new("stun1", Secret::new("sesame"))
    }

    #[test]
    fn stun_03_the_mapped_address_is_told() {
        for address in ["192.0.2.7:4711", "[2001:db8::7]:80"].map(from) {
            let here = Some(from("192.0.2.1:3478"));
            let (datagram, to) = answer(&request().build(), address, here, None).unwrap();
            let response = StunMessage::read(&datagram).unwrap();
            assert_eq!((response.kind, response.transaction), (BINDING_RESPONSE, TRANSACTION));
            assert_eq!((response.mapped_address(), to), (Some(address), address));
            assert_eq!(response.attribute(SOURCE_ADDRESS).and_then(super::address), here);
        }
    }

    #[test]
    fn stun_07_who_has_to_sign_is_told_so() {
        let own = own();
        let code = |datagram: Vec<u8>| {
            let (bytes, _) = answer(&datagram, from("192.0.2.7:1"), None, Some(&own)).unwrap();
            let response = StunMessage::read(&bytes).unwrap();
            let signed = response.is_signed("sesame");
            (error_code(&response), signed)
        };
        assert_eq!(code(request().build()), (Some(401), None));
        assert_eq!(code(request().username("stun1").build()), (Some(401), None));
        assert_eq!(code(request().username("stun1").signed("wrong").build()), (Some(431), None));
        assert_eq!(code(request().username("other").signed("sesame").build()), (Some(431), None));
        assert_eq!(code(request().username("stun1").signed("sesame").build()), (None, Some(true)));
        // A probe of the lifetime is none of a port for connection requests (`STUN-04`).
        assert_eq!(code(StunBuilder::new(BINDING_REQUEST, TRANSACTION).build()), (None, None));
        let named = request().username("stun1").build();
        assert_eq!(StunMessage::read(&named).unwrap().username(), Some("stun1"));
    }

    #[test]
    fn stun_08_an_answer_goes_to_another_port_and_no_other_address() {
        let to = |wanted: &str| {
            let datagram = request().response_address(from(wanted)).build();
            answer(&datagram, from("192.0.2.7:1"), None, None).unwrap().1
        };
        assert_eq!(to("192.0.2.7:99"), from("192.0.2.7:99"));
        assert_eq!(to("198.51.100.1:99"), from("192.0.2.7:1"));
    }

    #[test]
    fn what_is_not_known_is_named() {
        let datagram = request().attribute(0x0077, b"abc").attribute(0x8077, b"").build();
        let (bytes, _) = answer(&datagram, from("192.0.2.7:1"), None, None).unwrap();
        let response = StunMessage::read(&bytes).unwrap();
        assert_eq!(error_code(&response), Some(420));
        assert_eq!(response.attribute(UNKNOWN_ATTRIBUTES), Some(&[0, 0x77][..]));
        let other_port = request().attribute(CHANGE_REQUEST, &[0, 0, 0, 2]).build();
        let (bytes, _) = answer(&other_port, from("192.0.2.7:1"), None, None).unwrap();
        assert_eq!(error_code(&StunMessage::read(&bytes).unwrap()), Some(420));
    }

    /// The example of RFC 5769 §2.2 has this address and transaction.
    #[test]
    fn a_client_of_rfc_5389_gets_its_address_hidden() {
        let mut transaction = [0; 16];
        let id = b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";
        transaction[..4].copy_from_slice(&MAGIC_COOKIE);
        transaction[4..].copy_from_slice(id);
        let datagram = StunBuilder::new(BINDING_REQUEST, transaction).build();
        let (bytes, _) = answer(&datagram, from("192.0.2.1:32853"), None, None).unwrap();
        let hidden = [0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        assert_eq!(
            StunMessage::read(&bytes).unwrap().attribute(XOR_MAPPED_ADDRESS),
            Some(&hidden[..])
        );
    }

    /// HMAC-SHA1 of `1120673700` and so on with the key `password`, by `openssl dgst`.
    #[test]
    fn stun_12_a_connection_request_is_signed() {
        let credentials = Credentials::new("a b", Secret::new("password"));
        let request = connection_request("192.0.2.7:4711", &credentials, 1_120_673_700, 7, "xyz");
        let signature = "842FF5A3BDD4AA693EA79479ABF8AF6952146F7F";
        assert_eq!(
            request,
            format!(
                "GET http://192.0.2.7:4711?ts=1120673700&id=7&un=a%20b&cn=xyz&sig={signature} \
                 HTTP/1.1\r\n\r\n"
            )
        );
    }

    proptest! {
        #[test]
        fn no_datagram_does_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = answer(&bytes, from("192.0.2.7:1"), None, Some(&own()));
        }

        #[test]
        fn attributes_are_read_as_they_were_written(
            attributes in prop::collection::vec(
                (0_u16..0xFFFF, prop::collection::vec(any::<u8>(), 0..40)), 0..8),
        ) {
            let mut builder = StunBuilder::new(BINDING_REQUEST, TRANSACTION);
            for (kind, value) in attributes.iter().filter(|(kind, _)| *kind != MESSAGE_INTEGRITY) {
                builder = builder.attribute(*kind, value);
            }
            let datagram = builder.signed("x").build();
            let message = StunMessage::read(&datagram).unwrap();
            prop_assert_eq!(message.is_signed("x"), Some(true));
            let read: Vec<_> = message.attributes().map(|(kind, it)| (kind, it.to_vec())).collect();
            let expected = attributes.into_iter().filter(|(kind, _)| *kind != MESSAGE_INTEGRITY);
            prop_assert_eq!(&read[..read.len() - 1], &expected.collect::<Vec<_>>()[..]);
        }
    }
}
