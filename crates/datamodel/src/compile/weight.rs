//! What a syntax takes in memory, for [`MODEL_BYTES_MAX`](crate::limits::MODEL_BYTES_MAX).

use crate::syntax::Syntax;

/// About how many bytes a syntax takes: each parameter has its own while the model is put together.
pub(super) fn bytes(syntax: &Syntax) -> usize {
    let text = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
    let mut sum = Sum(0);
    sum.add(syntax, text(&syntax.units));
    for word in &syntax.enumerations {
        sum.add(word, word.value.len());
        sum.add(&(), text(&word.description));
    }
    for pattern in &syntax.patterns {
        sum.add(pattern, pattern.value.len());
        sum.add(&(), text(&pattern.description));
    }
    for range in &syntax.ranges {
        let bounds = [&range.min, &range.max, &range.step];
        bounds.iter().for_each(|bound| sum.add(range, text(bound)));
    }
    let list = syntax.list.iter().flat_map(|list| &list.sizes);
    list.chain(&syntax.sizes).for_each(|size| sum.add(size, 0));
    if let Some(facet) = &syntax.path_ref {
        facet.target_parents.iter().for_each(|parent| sum.add(parent, parent.len()));
    }
    if let Some(facet) = &syntax.instance_ref {
        sum.add(facet, facet.target_parent.len());
    }
    if let Some(facet) = &syntax.enumeration_ref {
        sum.add(facet, facet.target_parameter.len());
    }
    sum.0
}

struct Sum(usize);

impl Sum {
    /// A value, and text that it holds elsewhere.
    fn add<T>(&mut self, value: &T, text: usize) {
        self.0 = self.0.saturating_add(size_of_val(value)).saturating_add(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{Enumeration, Size};

    #[test]
    fn more_facets_weigh_more() {
        let none = bytes(&Syntax::default());
        let word = Enumeration { value: "word".into(), ..Enumeration::default() };
        let words = |count| Syntax { enumerations: vec![word.clone(); count], ..Syntax::default() };
        let one = bytes(&words(1));
        assert!(one >= none + 4 + size_of::<Enumeration>());
        assert_eq!(bytes(&words(1_000)) - none, 1_000 * (one - none));
        let sizes = Syntax { sizes: vec![Size::default(); 3], ..Syntax::default() };
        assert_eq!(bytes(&sizes), none + 3 * size_of::<Size>());
    }
}
