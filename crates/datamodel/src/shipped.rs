//! The models that come with the program (`DM-01`): facts compiled from the published documents,
//! without descriptions. They are unpacked when they are asked for, each once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::schema::Schema;

macro_rules! models {
    ($($name:literal => $file:literal, $source:literal;)*) => {
        const COUNT: usize = [$($name),*].len();

        /// All of them, newest first for each name.
        pub static MODELS: [ShippedModel; COUNT] = [$(ShippedModel {
            name: $name,
            source: $source,
            bytes: include_bytes!(concat!("../../../models/", $file)),
            schema: OnceLock::new(),
        },)*];
    };
}

models! {
    "Device:2.19" => "Device-2.19.model", "tr-181-2-19-1-cwmp.xml";
    "Device:2.11" => "Device-2.11.model", "tr-181-2-11-0.xml";
    "Device:2.3" => "Device-2.3.model", "tr-181-2-3-0.xml";
    "Device:2.2" => "Device-2.2.model", "tr-181-2-2-0.xml";
    "Device:1.14" => "Device-1.14.model", "tr-181-1-7-0.xml";
    "InternetGatewayDevice:1.14" => "InternetGatewayDevice-1.14.model", "tr-098-1-8-0.xml";
    "VoiceService:2.0" => "VoiceService-2.0.model", "tr-104-2-0-2-cwmp.xml";
    "VoiceService:1.1" => "VoiceService-1.1.model", "tr-104-1-1-0.xml";
    "STBService:1.4" => "STBService-1.4.model", "tr-135-1-4-1-cwmp.xml";
    "StorageService:1.3" => "StorageService-1.3.model", "tr-140-1-3-1-cwmp.xml";
    "FAPService:2.1" => "FAPService-2.1.model", "tr-196-2-1-2-cwmp-full.xml";
}

/// A model inside the program.
pub struct ShippedModel {
    /// Such as `Device:2.19`.
    pub name: &'static str,
    /// The published document that it was compiled from.
    pub source: &'static str,
    /// The compiled form.
    pub bytes: &'static [u8],
    schema: OnceLock<Arc<Schema>>,
}

impl ShippedModel {
    /// The schema, unpacked at the first call.
    pub fn schema(&self) -> Arc<Schema> {
        let unpack = || {
            let schema = Schema::from_bytes(self.bytes);
            Arc::new(schema.expect("the program was built and tested with these very bytes"))
        };
        Arc::clone(self.schema.get_or_init(unpack))
    }
}

impl fmt::Debug for ShippedModel {
    /// Without the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShippedModel").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The model with this name, such as `Device:2.19`.
pub fn model(name: &str) -> Option<Arc<Schema>> {
    MODELS.iter().find(|model| model.name == name).map(ShippedModel::schema)
}
