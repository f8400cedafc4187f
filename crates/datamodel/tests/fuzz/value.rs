//! A pattern of XML Schema and a text, divided by a zero byte.

use drover_datamodel::check::{Direction, check};
use drover_datamodel::pattern::{Pattern, validate};
use drover_datamodel::syntax::{List, Syntax};

/// A pattern is refused or can be used, and a text is checked against it, alone and as a list.
pub(crate) fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, value) = text.split_once('\0').unwrap_or((&text, ""));
    let is_valid = validate(pattern).is_ok();
    let pattern = Pattern::new(pattern);
    assert_eq!(pattern.matches(value).is_ok(), is_valid, "{:?}", pattern.value);
    let mut syntax = Syntax { patterns: vec![pattern], ..Syntax::default() };
    for list in [None, Some(List::default())] {
        syntax.list = list;
        for direction in [Direction::Set, Direction::Report] {
            if let Ok(checked) = check(&syntax, value, direction) {
                let again = check(&syntax, &checked.text, direction).expect("it was accepted");
                assert_eq!(again.text, checked.text);
            }
        }
    }
}
