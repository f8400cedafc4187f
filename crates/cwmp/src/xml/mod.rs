//! XML as SOAP uses it: a bounded pull reader over quick-xml, and a writer.
//!
//! Nothing else of the crate imports quick-xml.

mod decode;
mod mask;
mod reader;
mod writer;

pub(crate) use decode::decode;
pub use mask::{Masked, mask_secrets};
pub(crate) use reader::{Element, ReadError, XmlReader, is_xml_char, local_part};
pub(crate) use writer::XmlWriter;
