//! A small HTTP/1.1 client that sends exactly what it is told, wrong things included.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::wait::PATIENCE;

/// Bytes of a response that are read at most.
const RESPONSE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes of a response's head that are read at most.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// One TCP connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response as it came.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// Names and values in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }

    /// The values of all headers of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// This end's address, which the server's log names.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// The socket itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a request with a body; `Host` and `Content-Length` are added.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn request(
        &mut self,
        start: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<()> {
        let mut head = format!("{start} HTTP/1.1\r\nHost: {}\r\n", self.stream.peer_addr()?);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        self.send(&bytes)
    }

    /// Reads the next response, over any `100 Continue`.
    ///
    /// # Errors
    /// Those of the socket, `UnexpectedEof` when it was closed, `InvalidData` for what is not HTTP.
    pub fn receive(&mut self) -> io::Result<Response> {
        loop {
            let response = self.receive_any()?;
            if response.status != 100 {
                return Ok(response);
            }
        }
    }

    /// Reads the next response, which may be `100 Continue`.
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    pub fn receive_any(&mut self) -> io::Result<Response> {
        let end = self.fill_until(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&self.take(end)).into_owned();
        let mut response = read_head(&head)?;
        let has_body = response.status >= 200 && !matches!(response.status, 204 | 304);
        if has_body {
            response.body = self.read_body(&response)?;
        }
        Ok(response)
    }

    /// Reads until the peer closes the connection, and returns what came.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn drain(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.buffer))
    }

    fn read_body(&mut self, response: &Response) -> io::Result<Vec<u8>> {
        if let Some(length) = response.header("Content-Length") {
            let length = length.parse().map_err(|_| invalid("Content-Length"))?;
            self.fill_to(length)?;
            return Ok(self.take(length));
        }
        match response.header("Transfer-Encoding") {
            Some(coding) if coding.eq_ignore_ascii_case("chunked") => self.read_chunks(),
            Some(_) => Err(invalid("Transfer-Encoding")),
            None => self.drain(),
        }
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = self.fill_until(b"\r\n")?;
            let line = String::from_utf8_lossy(&self.take(end)).into_owned();
            let size = line.trim().split(';').next().unwrap_or_default().to_owned();
            let size = usize::from_str_radix(&size, 16).map_err(|_| invalid("chunk size"))?;
            if size + body.len() > RESPONSE_BYTES_MAX {
                return Err(invalid("body, which is too long"));
            }
            self.fill_to(size + 2)?;
            body.extend_from_slice(&self.take(size));
            self.take(2);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    /// The end of the first `mark` in the buffer.
    fn fill_until(&mut self, mark: &[u8]) -> io::Result<usize> {
        loop {
            let found = self.buffer.windows(mark.len()).position(|window| window == mark);
            if let Some(start) = found {
                return Ok(start + mark.len());
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(invalid("head, which is too long"));
            }
            self.need_more()?;
        }
    }

    fn fill_to(&mut self, length: usize) -> io::Result<()> {
        if length > RESPONSE_BYTES_MAX {
            return Err(invalid("body, which is too long"));
        }
        while self.buffer.len() < length {
            self.need_more()?;
        }
        Ok(())
    }

    fn need_more(&mut self) -> io::Result<()> {
        match self.fill()? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed")),
            _ => Ok(()),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 16 * 1024];
        let count = self.stream.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.buffer.drain(..count).collect()
    }
}

fn read_head(head: &str) -> io::Result<Response> {
    let mut lines = head.trim_end().split("\r\n");
    let mut start = lines.next().unwrap_or_default().splitn(3, ' ');
    let is_http = start.next().is_some_and(|version| version.starts_with("HTTP/1."));
    let status = start.next().and_then(|status| status.parse().ok());
    let (true, Some(status)) = (is_http, status) else {
        return Err(invalid("status line"));
    };
    let reason = start.next().unwrap_or_default().to_owned();
    let headers = lines.map(read_header).collect::<io::Result<_>>()?;
    Ok(Response { status, reason, headers, body: Vec::new() })
}

fn read_header(line: &str) -> io::Result<(String, String)> {
    let (name, value) = line.split_once(':').ok_or_else(|| invalid("header"))?;
    Ok((name.to_owned(), value.trim().to_owned()))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: bad {what}"))
}

/// Sends one request on a connection of its own.
///
/// # Errors
/// As for [`Connection::receive`].
pub fn once(
    address: SocketAddr,
    start: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Response> {
    let mut connection = Connection::open(address)?;
    connection.request(start, headers, body)?;
    connection.receive()
}
