//! A recorded request as bytes.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::capture::Message;
use crate::http::{Connection, Response};

/// Sends a recorded request with another body and with some headers put in anew, and reads the
/// response.
///
/// `replace` gets each recorded header's name and value and returns the value to send, or `None` to
/// leave the header out.
pub(super) fn send(
    connection: &mut Connection,
    message: &Message,
    body: &str,
    replace: impl Fn(&str, &str) -> Option<String>,
) -> io::Result<Response> {
    let body = encoded(message, &whole(message, body))?;
    let mut head = format!("{}\r\n", message.start);
    for (name, value) in &message.headers {
        let value = match name.to_ascii_lowercase().as_str() {
            "content-length" => Some(body.len().to_string()),
            _ => replace(name, value),
        };
        if let Some(value) = value {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str("\r\n");
    connection.send(head.as_bytes())?;
    if message.header("Expect").is_some() {
        let response = connection.receive_any()?;
        if response.status != 100 {
            return Ok(response);
        }
    }
    connection.send(&body)?;
    connection.receive()
}

/// The recorder has trimmed bodies: gives back the line ends that the length tells of.
fn whole(message: &Message, body: &str) -> String {
    let length = message.header("Content-Length").and_then(|length| length.parse().ok());
    let cut = length.map_or(0, |length: usize| length.saturating_sub(message.body.len()));
    let ends = if cut <= 2 && message.body.ends_with('>') { cut } else { 0 };
    format!("{body}{}", "\n".repeat(ends))
}

fn encoded(message: &Message, body: &str) -> io::Result<Vec<u8>> {
    let bytes = match message.header("Content-Encoding") {
        Some("gzip") => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(body.as_bytes())?;
            encoder.finish()?
        }
        Some("deflate") => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(body.as_bytes())?;
            encoder.finish()?
        }
        _ => body.as_bytes().to_vec(),
    };
    match message.header("Transfer-Encoding") {
        Some(coding) if coding.eq_ignore_ascii_case("chunked") => Ok(chunked(&bytes)),
        _ => Ok(bytes),
    }
}

fn chunked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in bytes.chunks(1024) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}
