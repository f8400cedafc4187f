//! A listener between a device and a server that passes everything on and remembers what the device
//! has said.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::wait;
use crate::xml::{self, Element};

/// What was said on each connection.
type Said = Arc<Mutex<Vec<Vec<u8>>>>;

/// The listener. Its threads end with the test.
#[derive(Debug)]
pub struct Tap {
    /// Where devices connect.
    pub address: SocketAddr,
    said: Said,
}

impl Tap {
    /// Listens on a free port of this address and passes on to the server.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start(address: IpAddr, server: SocketAddr) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("the tap listens");
        let address = listener.local_addr().expect("an address");
        let said = Said::default();
        let tap = Self { address, said: Arc::clone(&said) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A server that is gone closes the device's connection, as it would itself.
                let _ = pass_on(stream, server, &said);
            }
        });
        tap
    }

    /// The URL for devices.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The Informs that came so far.
    pub fn informs(&self) -> Vec<Element> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().flat_map(|bytes| envelopes(bytes)).filter(|e| e.name == "Inform").collect()
    }

    /// Waits for an Inform with this event, after the first `after` ones.
    pub fn wait_for_event(&self, code: &str, after: usize) -> Element {
        wait::until(&format!("an Inform with {code}"), || {
            self.informs().into_iter().skip(after).find(|inform| has_event(inform, code))
        })
    }
}

/// Whether an Inform has an event.
pub fn has_event(inform: &Element, code: &str) -> bool {
    inform.all("EventCode").iter().any(|event| event.text == code)
}

/// The value of a parameter in an Inform.
pub fn value<'a>(inform: &'a Element, path: &str) -> Option<&'a str> {
    let items = inform.all("ParameterValueStruct");
    let item = items.into_iter().find(|item| item.text_of("Name") == path)?;
    Some(item.text_of("Value"))
}

/// The contents of the SOAP bodies in what a device has said.
fn envelopes(bytes: &[u8]) -> Vec<Element> {
    let text = String::from_utf8_lossy(bytes);
    let pieces = text.split_inclusive("</SOAP-ENV:Envelope>");
    let starts = pieces.filter_map(|piece| piece.split_once("<SOAP-ENV:Envelope"));
    let roots =
        starts.filter_map(|(_, rest)| xml::parse(&format!("<SOAP-ENV:Envelope{rest}")).ok());
    roots.filter_map(|root| root.soap_content().cloned()).collect()
}

fn pass_on(device: TcpStream, server: SocketAddr, said: &Said) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    let (from_device, from_server) = (device.try_clone()?, server.try_clone()?);
    let index = {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push(Vec::new());
        said.len() - 1
    };
    let said = Arc::clone(said);
    thread::spawn(move || {
        copy(from_device, server, |bytes| {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said[index].extend_from_slice(bytes);
        })
    });
    thread::spawn(move || copy(from_server, device, |_| {}));
    Ok(())
}

/// Copies until one side ends, and tells the other side so.
fn copy(mut from: TcpStream, mut to: TcpStream, mut note: impl FnMut(&[u8])) {
    let mut piece = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        note(&piece[..count]);
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
