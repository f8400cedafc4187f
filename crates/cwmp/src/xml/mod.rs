//! XML as SOAP uses it: a bounded pull reader over quick-xml, and a writer.
//!
//! Nothing else of the crate imports quick-xml.

mod decode;
mod reader;
mod writer;

pub(crate) use decode::decode;
pub(crate) use reader::{Element, ReadError, XmlReader, is_xml_char, local_part};
pub(crate) use writer::XmlWriter;
