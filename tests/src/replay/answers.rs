//! What a recorded client answers to a request of the server.

use std::collections::BTreeSet;

use crate::xml::{Element, escape};

use super::script::{Session, Step};

/// Members that name no content: they differ from server to server.
const KEYS: [&str; 2] = ["ParameterKey", "CommandKey"];

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// The recorded message that it is, or whose headers it borrows.
    pub step: &'a Step<'a>,
    /// Its body.
    pub body: String,
    /// Whether it is what was recorded as the answer to this very request.
    pub is_recorded: bool,
}

/// Finds the answer to `request`: the recorded one, else one made of recorded values in the
/// client's own writing, else a fault in its own writing.
pub fn find<'a>(sessions: &'a [Session<'a>], request: &Element, id: &str) -> Answer<'a> {
    let steps: Vec<&Step<'_>> = sessions.iter().flat_map(|session| &session.steps).collect();
    let recorded = recorded(&steps, request, content).or_else(|| recorded(&steps, request, names));
    if let Some(step) = recorded {
        return Answer { step, body: with_id(step, id), is_recorded: true };
    }
    let voice = Voice::of(sessions);
    let made = match request.name.as_str() {
        "GetParameterValues" => values(sessions, request).map(|list| voice.values(&list, id)),
        "GetParameterNames" => names_below(sessions, request).map(|list| voice.names(&list, id)),
        _ => None,
    };
    let code = if request.name.starts_with("GetParameter") { 9005 } else { 9000 };
    let body = made.unwrap_or_else(|| voice.fault(code, id));
    Answer { step: voice.step, body, is_recorded: false }
}

fn recorded<'a>(
    steps: &[&'a Step<'a>],
    request: &Element,
    read: fn(&Element) -> Vec<String>,
) -> Option<&'a Step<'a>> {
    let wanted = read(request);
    let same = |step: &&&Step<'_>| {
        let asked = step.asked.and_then(|message| message.soap.as_ref());
        asked.is_some_and(|asked| asked.name == request.name && read(asked) == wanted)
    };
    steps.iter().find(same).copied()
}

/// All members of a request in a fixed order, without what differs from server to server.
fn content(request: &Element) -> Vec<String> {
    let mut list = leaves(request, "");
    list.sort();
    list
}

fn leaves(element: &Element, group: &str) -> Vec<String> {
    let members = element.children.iter().filter(|child| !KEYS.contains(&child.name.as_str()));
    let group = match element.text_of("Name") {
        "" => group,
        name if element.name.ends_with("Struct") => name,
        _ => group,
    };
    let lists = members.map(|child| match child.children.is_empty() {
        true => vec![format!("{group} {}={}", child.name, normal(child))],
        false => leaves(child, group),
    });
    lists.flatten().collect()
}

fn normal(leaf: &Element) -> &str {
    match leaf.text.trim() {
        "true" if leaf.name == "NextLevel" => "1",
        "false" if leaf.name == "NextLevel" => "0",
        other => other,
    }
}

/// The names that a request is about, whatever it does to them.
fn names(request: &Element) -> Vec<String> {
    let mut list: Vec<String> = ["Name", "string", "ObjectName", "ParameterPath"]
        .iter()
        .flat_map(|name| request.all(name))
        .map(|element| element.text.clone())
        .collect();
    list.extend(request.find("NextLevel").map(|level| normal(level).to_owned()));
    list.sort();
    list
}

/// The body of a recorded answer with the ID of the request.
fn with_id(step: &Step<'_>, id: &str) -> String {
    let asked = step.asked.and_then(|message| message.id.as_deref());
    let body = &step.message.body;
    match (step.message.id.as_deref(), asked) {
        (Some(own), Some(asked)) if own == asked => replace_id(body, own, id),
        _ => body.clone(),
    }
}

/// Replaces the text of the header `ID`.
fn replace_id(body: &str, old: &str, new: &str) -> String {
    let mark = format!(">{}<", escape(old));
    body.replacen(&mark, &format!(">{}<", escape(new)), 1)
}

/// The recorded elements of that name, as they were written, with the parameter that each is about.
fn raw<'a>(sessions: &'a [Session<'a>], element: &str) -> Vec<(&'a str, &'a str)> {
    let steps = sessions.iter().flat_map(|session| session.informs.iter().chain(&session.steps));
    let whole = steps.filter(|step| step.message.soap.is_some());
    whole.flat_map(|step| raw_in(&step.message.body, element)).collect()
}

fn raw_in<'a>(body: &'a str, element: &str) -> Vec<(&'a str, &'a str)> {
    let end = format!("</{element}>");
    let pieces = body.split_inclusive(end.as_str()).filter_map(|piece| {
        let start = piece.rfind(&format!("<{element}"))?;
        let text = piece.get(start..).filter(|text| text.ends_with(&end))?;
        let (_, name) = text.split_once("<Name")?;
        let name = name.split_once('>')?.1.split('<').next()?;
        Some((name.trim(), text))
    });
    pieces.collect()
}

/// The latest recorded values of all names of the request; `None` if one of them is unknown.
fn values(sessions: &[Session<'_>], request: &Element) -> Option<Vec<String>> {
    let known = raw(sessions, "ParameterValueStruct");
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    for wanted in request.all("string") {
        let wanted = wanted.text.trim();
        let fits = |name: &str| name == wanted || (is_object(wanted) && name.starts_with(wanted));
        let found: Vec<_> = known.iter().rev().filter(|(name, _)| fits(name)).collect();
        if found.is_empty() {
            return None;
        }
        let new = found.into_iter().filter(|(name, _)| seen.insert(*name));
        list.extend(new.map(|(_, text)| (*text).to_owned()));
    }
    Some(list)
}

/// What is recorded below the path of the request; `None` if nothing is.
fn names_below(sessions: &[Session<'_>], request: &Element) -> Option<Vec<String>> {
    let path = request.text_of("ParameterPath");
    let next_level = matches!(request.text_of("NextLevel"), "1" | "true");
    let mut seen = BTreeSet::new();
    let fits = |name: &str| {
        let rest = name.strip_prefix(path);
        let is_next = |rest: &str| !rest.is_empty() && !rest.trim_end_matches('.').contains('.');
        rest.is_some_and(|rest| if next_level { is_next(rest) } else { true })
    };
    let known = raw(sessions, "ParameterInfoStruct");
    let found = known.into_iter().filter(|(name, _)| fits(name) && seen.insert(*name));
    let list: Vec<String> = found.map(|(_, text)| text.to_owned()).collect();
    (!list.is_empty()).then_some(list)
}

fn is_object(path: &str) -> bool {
    path.is_empty() || path.ends_with('.')
}

/// How a client writes: the envelope of its Inform, and the headers of its answers.
struct Voice<'a> {
    step: &'a Step<'a>,
    inform: &'a str,
    own_id: &'a str,
}

impl<'a> Voice<'a> {
    fn of(sessions: &'a [Session<'a>]) -> Self {
        let whole = |step: &&Step<'_>| step.message.soap.is_some();
        let informs: Vec<_> = sessions.iter().flat_map(|session| &session.informs).collect();
        let inform = informs.iter().copied().find(whole).expect("an Inform that can be read");
        let mut steps = sessions.iter().flat_map(|session| &session.steps);
        Self {
            step: steps.find(whole).unwrap_or(inform),
            inform: &inform.message.body,
            own_id: inform.message.id.as_deref().unwrap_or_default(),
        }
    }

    /// The envelope of the Inform with another content.
    fn say(&self, content: &str, id: &str) -> String {
        let (head, rest) = self.inform.split_once("Body").expect("a Body");
        let (attributes, _) = rest.split_once('>').expect("the end of its tag");
        let prefix = prefix_before(head);
        let (_, tail) = self.inform.rsplit_once("Body>").expect("the end of the Body");
        let body = format!("{head}Body{attributes}>{content}</{prefix}Body>{tail}");
        replace_id(&body, self.own_id, id)
    }

    fn list(&self, rpc: &str, kind: &str, list: &[String], id: &str) -> String {
        let cwmp = prefix_before(self.inform.split("Inform").next().unwrap_or_default());
        let start = self.inform.find("<ParameterList").expect("a ParameterList");
        let tag = self.inform[start..].split_inclusive('>').next().unwrap_or_default();
        let tag = counted(&tag.replace("ParameterValueStruct", kind), list.len());
        let items = list.concat();
        self.say(&format!("<{cwmp}{rpc}>{tag}{items}</ParameterList></{cwmp}{rpc}>"), id)
    }

    fn values(&self, list: &[String], id: &str) -> String {
        self.list("GetParameterValuesResponse", "ParameterValueStruct", list, id)
    }

    fn names(&self, list: &[String], id: &str) -> String {
        self.list("GetParameterNamesResponse", "ParameterInfoStruct", list, id)
    }

    fn fault(&self, code: u32, id: &str) -> String {
        let cwmp = prefix_before(self.inform.split("Inform").next().unwrap_or_default());
        let soap = prefix_before(self.inform.split("Envelope").next().unwrap_or_default());
        let content = format!(
            "<{soap}Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring>\
             <detail><{cwmp}Fault><FaultCode>{code}</FaultCode><FaultString>no</FaultString>\
             </{cwmp}Fault></detail></{soap}Fault>"
        );
        self.say(&content, id)
    }
}

/// The prefix with its colon that stands at the end of a text after `<`.
fn prefix_before(text: &str) -> &str {
    text.rsplit('<').next().unwrap_or_default()
}

/// A tag with the count of its `arrayType` set right.
fn counted(tag: &str, count: usize) -> String {
    match (tag.rfind('['), tag.rfind(']')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}[{count}]{}", &tag[..start], &tag[end + 1..])
        }
        _ => tag.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn request(text: &str) -> Element {
        xml::parse(text).unwrap()
    }

    #[test]
    fn requests_are_compared_by_what_they_ask() {
        let one = request("<x:A xmlns:x='x'><L><S><Name>p</Name><Value>1</Value></S></L></x:A>");
        let two = request(
            "<A><L><S><Name>p</Name><Value>1</Value></S></L><ParameterKey>k</ParameterKey></A>",
        );
        let three = request("<A><L><S><Name>p</Name><Value>2</Value></S></L></A>");
        assert_eq!(content(&one), content(&two));
        assert_ne!(content(&one), content(&three));
        assert_eq!(names(&one), names(&three));
    }

    #[test]
    fn structures_are_cut_out_as_they_were_written() {
        let body = "<P><S a='1'><Name t='s'>A.B</Name><V>1</V></S>\n<S><Name>C</Name></S></P>";
        let found = raw_in(body, "S");
        assert_eq!(found[0], ("A.B", "<S a='1'><Name t='s'>A.B</Name><V>1</V></S>"));
        assert_eq!(found[1].0, "C");
        assert_eq!(counted("<L t='c:S[16]'>", 2), "<L t='c:S[2]'>");
    }
}
