//! Every limit of this crate, as a named constant with its unit.
//!
//! They bound what a document, a compiled schema or a recorded tree can make us hold or do.

/// Bytes of one document. The largest published one, an expanded Device:2, has 4 MB.
pub const DOCUMENT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Documents that one compilation may read.
pub const DOCUMENTS_MAX: usize = 2_000;
/// Bytes of all documents of one compilation.
pub const DOCUMENTS_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Elements within each other in a document.
pub const XML_DEPTH_MAX: usize = 64;
/// Elements of one document.
pub const XML_ELEMENTS_MAX: usize = 500_000;
/// Attributes of one element.
pub const XML_ATTRIBUTES_MAX: usize = 64;
/// Bytes of the value of one attribute. The longest published one has 252.
pub const XML_ATTRIBUTE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one description or template.
pub const XML_TEXT_BYTES_MAX: usize = 1024 * 1024;
/// Entities that a document may declare.
pub const XML_ENTITIES_MAX: usize = 1_000;
/// Entities within each other.
pub const XML_ENTITY_DEPTH_MAX: usize = 8;
/// Bytes that the entities of one document may expand to, all together.
pub const XML_ENTITY_BYTES_MAX: usize = 1024 * 1024;

/// Models, types and profiles on top of each other by `base` and `extends`.
pub const BASE_DEPTH_MAX: usize = 64;
/// Components within each other.
pub const COMPONENT_DEPTH_MAX: usize = 32;
/// Imports that lead to one definition.
pub const IMPORT_DEPTH_MAX: usize = 64;
/// Problems that one compilation collects before it gives up.
pub const PROBLEMS_MAX: usize = 200;
/// Characters of the path and of the message of a problem; what is longer is cut off.
pub const PROBLEM_CHARS_MAX: usize = 1_000;

/// Objects of one schema.
pub const OBJECTS_MAX: usize = 50_000;
/// Parameters of one schema.
pub const PARAMETERS_MAX: usize = 500_000;
/// Profiles of one schema.
pub const PROFILES_MAX: usize = 20_000;
/// What the profiles of one schema require, all together.
pub const REQUIREMENTS_MAX: usize = 1_000_000;
/// Components of one path.
pub const PATH_DEPTH_MAX: usize = 128;
/// Characters of a path by `PATH-01`; a longer one can be compiled, with a warning.
pub const PATH_CHARS_USUAL: usize = 256;
/// Bytes of a path that can be compiled.
pub const PATH_BYTES_MAX: usize = 4_096;
/// Unique keys of one object. Published ones have 3.
pub const UNIQUE_KEYS_MAX: usize = 100;
/// Bytes of what one model says while it is put together: names, texts, and facets, which each
/// parameter has for itself.
pub const MODEL_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of a compiled schema when it is unpacked.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Characters of a pattern.
pub const PATTERN_CHARS_MAX: usize = 4_096;
/// Groups and classes within each other in a pattern.
pub const PATTERN_DEPTH_MAX: usize = 32;
/// The largest number in a `{n,m}` of a pattern.
pub const PATTERN_REPETITIONS_MAX: u32 = 10_000;
/// Bytes that a compiled pattern may take.
pub const PATTERN_PROGRAM_BYTES_MAX: usize = 1024 * 1024;
/// Characters of a string whose length nothing says (`TM-15`, `TYPE-06`).
pub const STRING_CHARS_DEFAULT: u64 = 16;

/// Rows of a recorded tree.
pub const TREE_ROWS_MAX: usize = 2_000_000;
/// Columns of a recorded tree. GenieACS exports 12.
pub const TREE_COLUMNS_MAX: usize = 64;
/// Findings of one comparison of a tree with its models.
pub const FINDINGS_MAX: usize = 100_000;
/// Characters of a device's own text that a finding shows.
pub const FINDING_VALUE_CHARS_MAX: usize = 64;
/// Bytes of a DeviceSummary. The models give it 1024 characters.
pub const SUMMARY_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a vendor extension in TOML.
pub const EXTENSION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Rules by which an extension or a device type names its devices.
pub const DEVICE_RULES_MAX: usize = 1_000;
/// Characters of one pattern of such a rule.
pub const DEVICE_PATTERN_CHARS_MAX: usize = 256;
/// Characters of what a device says of itself; what is longer matches no rule.
pub const HINT_CHARS_MAX: usize = 1_024;
/// Paths of a device that the choice of a model looks at.
pub const HINT_PATHS_MAX: usize = 256;
/// Extended models that a catalog keeps.
pub const CATALOG_EXTENDED_MAX: usize = 64;
