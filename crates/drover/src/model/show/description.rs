//! Descriptions for reading: the templates of their markup become words (`XML-26`).

/// The text without markup: a line for each paragraph and each item of a list. Templates that only
/// repeat what stands beside it, such as the list of values, are left out. `own` is the name of
/// what is described, which the text need not repeat.
pub(super) fn plain(text: &str, own: &str) -> String {
    // What stands before each template that is open, and then the text itself.
    let mut open: Vec<String> = Vec::new();
    let mut here = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find("{{").into_iter().chain(rest.find("}}")).min() {
        let (before, mark) = rest.split_at(place);
        here += before;
        // Of three at the end of a template, the first belongs to an `{i}` before it.
        if mark.chars().take_while(|c| *c == '}').count() % 2 == 1 {
            here.push('}');
            rest = &mark[1..];
            continue;
        }
        let (mark, behind) = mark.split_at(2);
        rest = behind;
        match (mark, open.pop()) {
            ("{{", outer) => {
                open.extend(outer);
                open.push(std::mem::take(&mut here));
            }
            (_, Some(outer)) => {
                let inner = std::mem::replace(&mut here, outer);
                here += &template(&inner, own);
            }
            (mark, None) => here += mark,
        }
    }
    here += rest;
    for outer in open.into_iter().rev() {
        here = outer + "{{" + &here;
    }
    paragraphs(&here.replace("'''", "").replace("''", ""))
}

/// Lines that belong together become one.
fn paragraphs(text: &str) -> String {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut is_new = true;
    for line in text.lines().map(str::trim) {
        is_new |= line.is_empty() || line.starts_with(['*', '#', ':']);
        if line.is_empty() {
            continue;
        }
        match paragraphs.last_mut() {
            Some(paragraph) if !is_new => {
                paragraph.push(' ');
                paragraph.push_str(line);
            }
            _ => paragraphs.push(line.to_owned()),
        }
        is_new = false;
    }
    paragraphs.join("\n")
}

fn template(inner: &str, own: &str) -> String {
    let mut parts = inner.split('|').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let first = parts.next();
    let others = parts.next();
    match (name, first) {
        ("bibref", Some(document)) => match others {
            Some(section) => format!("[{document} {section}]"),
            None => format!("[{document}]"),
        },
        ("template" | "list" | "reference" | "numentries", _) => String::new(),
        (_, Some(argument)) => argument.to_owned(),
        ("true" | "false", None) => name.to_owned(),
        ("empty", None) => "an empty string".to_owned(),
        ("null", None) => "the null value".to_owned(),
        ("param" | "object", None) => own.to_owned(),
        ("units", None) => "units".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_become_words() {
        for (text, expected) in [
            ("If {{false}}, {{param|Enable}} is {{enum|Up|Status}}.", "If false, Enable is Up."),
            (
                "See {{bibref|TR-069|Section 3}} or {{bibref|TR-106}}.",
                "See [TR-069 Section 3] or [TR-106].",
            ),
            ("The ''order'' of {{object|.Radio.{i}.}}.{{list}}", "The order of .Radio.{i}.."),
            ("{{a|x {{empty}} y}} of {{param}}", "x an empty string y of Own"),
            ("One\ntwo.\n\nThree.\n* four  \n{{enum}}\n", "One two.\nThree.\n* four"),
            ("open {{param|x and }} closed }}", "open x and closed }}"),
            ("{{ {{ x", "{{ {{ x"),
            ("{{object|Radio.{i}}} and {{a|{{b|c}}}}", "Radio.{i} and c"),
        ] {
            assert_eq!(plain(text, "Own"), expected);
        }
    }
}
