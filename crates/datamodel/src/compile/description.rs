//! Descriptions: white space, and what a later version does to them (`XML-24`, `XML-26`).

use super::xml::Element;

/// Removes the indentation of the document; `None` when nothing is left.
pub(crate) fn clean(text: &str) -> Option<Box<str>> {
    let text = text.trim_end();
    let body = match text.split_once('\n') {
        Some((first, rest)) if first.trim().is_empty() => rest,
        _ => text,
    };
    let indent = |line: &str| line.chars().take_while(|c| c.is_whitespace()).count();
    let lines = || body.lines().filter(|line| !line.trim().is_empty());
    let common = lines().map(indent).min().unwrap_or(0);
    let mut cleaned = String::with_capacity(body.len());
    for line in body.lines() {
        cleaned.extend(line.chars().skip(common));
        cleaned.push('\n');
    }
    let cleaned = cleaned.trim_end();
    (!cleaned.is_empty()).then(|| cleaned.into())
}

/// The description after a change: the new one takes the place of the old one, or stands before
/// or behind it.
pub(crate) fn change(previous: Option<&str>, element: &Element) -> Option<Box<str>> {
    let new = clean(&element.text);
    let (Some(previous), Some(new)) = (previous, new.as_deref()) else {
        return new.or_else(|| previous.map(Into::into));
    };
    Some(match element.attribute("action") {
        Some("append") => format!("{previous}\n{new}").into(),
        Some("prefix") => format!("{new}\n{previous}").into(),
        _ => new.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_26_white_space_goes() {
        let text = "\n      First line\n        * indented\n\n      last  \n    ";
        assert_eq!(clean(text).as_deref(), Some("First line\n  * indented\n\nlast"));
        assert_eq!(clean("one line").as_deref(), Some("one line"));
        assert_eq!(clean("  \n \t\n"), None);
    }

    #[test]
    fn xml_24_actions() {
        let element = |action: &str, text: &str| {
            let xml =
                format!("<d xmlns='x'><description action='{action}'>{text}</description></d>");
            let mut root = super::super::xml::read(xml.as_bytes()).unwrap();
            root.element.children.remove(0)
        };
        let changed = |action, text| change(Some("old"), &element(action, text));
        assert_eq!(changed("replace", "new").as_deref(), Some("new"));
        assert_eq!(changed("append", "new").as_deref(), Some("old\nnew"));
        assert_eq!(changed("prefix", "new").as_deref(), Some("new\nold"));
        assert_eq!(changed("create", "").as_deref(), Some("old"));
        assert_eq!(change(None, &element("append", "new")).as_deref(), Some("new"));
    }
}
