//! Which part of a document a client wants.

/// A list of fields. A field stands for everything below it.
#[derive(Debug, Clone, Default)]
pub(super) struct Projection {
    /// Empty for everything.
    fields: Vec<String>,
}

/// How much of a name is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Covers {
    /// It and everything below it.
    Whole,
    /// Something below it.
    Part,
    Nothing,
}

impl Projection {
    /// Reads a comma-separated list.
    pub(super) fn parse(text: &str) -> Self {
        let names = text.split(',').map(|name| name.trim().trim_end_matches('.'));
        let fields = names.filter(|name| !name.is_empty()).map(str::to_owned);
        Self { fields: fields.collect() }
    }

    /// How much of `name` is wanted.
    pub(super) fn covers(&self, name: &str) -> Covers {
        if self.fields.is_empty() || self.fields.iter().any(|field| is_at_or_below(name, field)) {
            Covers::Whole
        } else if self.fields.iter().any(|field| is_at_or_below(field, name)) {
            Covers::Part
        } else {
            Covers::Nothing
        }
    }
}

fn is_at_or_below(name: &str, above: &str) -> bool {
    name.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_swallow_children() {
        let projection = Projection::parse("A.B, A, C.D._value,");
        assert_eq!(projection.covers("A"), Covers::Whole);
        assert_eq!(projection.covers("A.B.C"), Covers::Whole);
        assert_eq!(projection.covers("AB"), Covers::Nothing);
        assert_eq!(projection.covers("C"), Covers::Part);
        assert_eq!(projection.covers("C.D"), Covers::Part);
        assert_eq!(projection.covers("C.D._value"), Covers::Whole);
        assert_eq!(projection.covers("C.D._type"), Covers::Nothing);
        assert_eq!(Projection::parse("").covers("X"), Covers::Whole);
    }
}
