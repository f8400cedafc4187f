//! Any bytes as a data model document.

use drover_datamodel::Schema;
use drover_datamodel::compile::{Compiler, Options};

/// Characters of one problem; a document must not decide how long it is beyond its own names.
const NOTICE_CHARS_MAX: usize = 100_000;

/// Compiles the document alone, strictly and leniently. What comes out survives its compiled form,
/// and each problem has a place.
pub(crate) fn run(bytes: &[u8]) {
    for lenient in [false, true] {
        let options = Options { lenient, with_descriptions: true };
        let mut compiler = Compiler::new(options);
        compiler.handle_document("a.xml", "a.xml", bytes);
        while let Some(file) = compiler.poll_wanted() {
            compiler.handle_unreadable(&file, "there is only one");
        }
        match compiler.compile("a.xml") {
            Ok(compiled) => compiled.iter().for_each(|it| check(&it.schema)),
            Err(error) => {
                assert!(error.errors().next().is_some(), "a refusal without a reason");
                for problem in &error.problems {
                    let text = problem.to_string();
                    assert!(text.starts_with("a.xml"), "without a place: {text}");
                    assert!(text.chars().count() <= NOTICE_CHARS_MAX, "too long");
                }
            }
        }
    }
}

fn check(schema: &Schema) {
    let again = Schema::from_bytes(&schema.to_bytes()).expect("we read what we wrote");
    assert!(again == *schema, "{} is another after its compiled form", schema.name());
    for object in schema.objects() {
        let found = schema.find_object(&object.path());
        assert_eq!(found, Some(object), "{}", object.path());
    }
    for parameter in schema.parameters() {
        let found = schema.find_parameter(&parameter.path());
        assert_eq!(found, Some(parameter), "{}", parameter.path());
        let _ = parameter.value_on_creation();
    }
}
