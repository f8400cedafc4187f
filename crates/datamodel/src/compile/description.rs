//! Descriptions: white space, and what a later version does to them (`XML-24`, `XML-26`).

use super::xml::Element;

/// Templates within each other.
const DEPTH_MAX: usize = 4;
/// Bytes of a description with its templates.
const CHARS_MAX: usize = 1024 * 1024;

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

/// Puts the texts of templates in their places, those within others too, as far as `DEPTH_MAX`.
pub(crate) fn fill(text: Box<str>, template: &dyn Fn(&str) -> Option<String>) -> Box<str> {
    let mut text = String::from(text);
    for _ in 0..DEPTH_MAX {
        let Some(filled) = fill_once(&text, template) else { break };
        text = filled;
    }
    text.into()
}

/// `None` when there is nothing to fill, or more than anybody would read.
fn fill_once(text: &str, template: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut is_filled = false;
    while let Some((before, inside)) = rest.split_once("{{template|") {
        let (name, behind) = inside.split_once("}}")?;
        out.push_str(before);
        match template(name) {
            Some(text) => {
                out.push_str(&text);
                is_filled = true;
            }
            None => out.push_str(&format!("{{{{template|{name}}}}}")),
        }
        rest = behind;
        if out.len() > CHARS_MAX {
            return None;
        }
    }
    out.push_str(rest);
    is_filled.then_some(out)
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
    fn xml_26_templates_of_the_document_are_filled_in() {
        let template = |name: &str| match name {
            "A" => Some("a {{template|B}}".to_owned()),
            "B" => Some("b".to_owned()),
            "LOOP" => Some("{{template|LOOP}}{{template|LOOP}}".to_owned()),
            _ => None,
        };
        let filled = |text: &str| fill(text.into(), &template);
        assert_eq!(&*filled("x {{template|A}}, {{template|C}} y"), "x a b, {{template|C}} y");
        assert_eq!(&*filled("{{template|open"), "{{template|open");
        assert!(filled("{{template|LOOP}}").len() < 1_000);
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
