//! Any bytes as a compiled schema: as they are, and packed as the payload of one.

use std::io::Write as _;

use drover_datamodel::Schema;
use drover_datamodel::schema::{FORMAT_VERSION, MAGIC};

/// What is read can be walked through and asked, and survives being written again.
pub(crate) fn run(bytes: &[u8]) {
    let _ = Schema::from_bytes(bytes);
    let mut packed = MAGIC.to_vec();
    packed.push(FORMAT_VERSION);
    let mut encoder = flate2::write::ZlibEncoder::new(packed, flate2::Compression::fast());
    encoder.write_all(bytes).expect("into memory");
    let Ok(mut schema) = Schema::from_bytes(&encoder.finish().expect("into memory")) else {
        return;
    };
    schema.show_deleted(true);
    for object in schema.objects() {
        let _ = schema.find(&object.path());
        object.children().for_each(|child| assert_eq!(child.parent(), Some(object)));
    }
    for parameter in schema.parameters() {
        let _ = (schema.find(&parameter.path()), parameter.value_on_creation());
    }
    for profile in schema.profiles() {
        let _ = profile.requirements().iter(&schema).count();
    }
    let again = Schema::from_bytes(&schema.to_bytes()).expect("we read what we wrote");
    assert_eq!(again.stats(), schema.stats());
}
