use super::*;

fn root(xml: &str) -> Element {
    read(xml.as_bytes()).unwrap_or_else(|problem| panic!("{problem:?}: {xml}")).element
}

fn problem(xml: &str) -> String {
    let problem = read(xml.as_bytes()).expect_err(xml);
    format!("{}: {}", problem.line, problem.message)
}

#[test]
fn elements_have_their_line_and_their_attributes() {
    let element =
        root("<?xml version='1.0'?>\n<!-- c -->\n<d:a xmlns:d='urn:x' b=' 1 '>\n  <c/>\n</d:a>");
    assert_eq!((&*element.name, element.line), ("a", 3));
    assert_eq!(element.attribute("b"), Some("1"));
    assert_eq!((&*element.children[0].name, element.children[0].line), ("c", 4));
}

#[test]
fn the_namespace_is_that_of_the_root() {
    let namespace = |xml: &str| read(xml.as_bytes()).unwrap().namespace;
    assert_eq!(&*namespace("<d:a xmlns:e='urn:e' xmlns:d='urn:d'/>"), "urn:d");
    assert_eq!(&*namespace("<a xmlns='urn:d'/>"), "urn:d");
    assert_eq!(&*namespace("<a/>"), "");
}

#[test]
fn cmp_02_prefixes_need_no_declaration_and_are_left_out() {
    let element = root("<a><x:b c='1'><d/></x:b><e x:f='2' dmr:version='2.1' g='3'/></a>");
    assert_eq!(element.children.len(), 1);
    let e = &element.children[0];
    assert_eq!((e.attribute("f"), e.attribute("g")), (None, Some("3")));
    assert_eq!(e.attribute("dmr:version"), Some("2.1"));
}

#[test]
fn values_keep_their_white_space() {
    let element = root("<a><default value=' x '/></a>");
    assert_eq!(element.children[0].attribute("value"), Some(" x "));
}

#[test]
fn only_descriptions_keep_their_text() {
    let element = root("<a>t<description>x &lt; &#65;<![CDATA[<y>]]></description></a>");
    assert_eq!(element.text, "");
    assert_eq!(element.children[0].text, "x < A<y>");
}

#[test]
fn entities_of_the_document_are_replaced() {
    let xml = "<!DOCTYPE d [\n<!-- <!ENTITY no 'no'> -->\n<!ENTITY octet \"[0-9]\">\n\
        <!ENTITY two '&octet;&octet;'>\n<!ENTITY octet 'second'>\n]>\n\
        <a p='(&two;\\.)&amp;&#x41;'/>";
    assert_eq!(root(xml).attribute("p"), Some("([0-9][0-9]\\.)&A"));
}

#[test]
fn entities_are_bounded() {
    assert_eq!(
        problem("<!DOCTYPE d [<!ENTITY a '&a;'>]>\n<x p='&a;'/>"),
        format!("2: entities lie more than {XML_ENTITY_DEPTH_MAX} deep in each other")
    );
    let long = "x".repeat(1_000);
    let tens = |name: &str| format!("&{name};").repeat(10);
    let bomb = format!(
        "<!DOCTYPE d [<!ENTITY a '{long}'><!ENTITY b '{}'><!ENTITY c '{}'><!ENTITY d '{}'>\
         <!ENTITY e '{}'>]><x p='&e;'/>",
        tens("a"),
        tens("b"),
        tens("c"),
        tens("d"),
    );
    assert!(problem(&bomb).contains("entities expand to more than"), "{}", problem(&bomb));
    let many: String = (0..=XML_ENTITIES_MAX).map(|n| format!("<!ENTITY e{n} ''>")).collect();
    assert!(problem(&format!("<!DOCTYPE d [{many}]><x/>")).contains("more than 1000 entities"));
    let fewer: String = (0..XML_ENTITIES_MAX).map(|n| format!("<!ENTITY e{n} ''>")).collect();
    root(&format!("<!DOCTYPE d [{fewer}]><x/>"));
    assert!(problem("<x>\n<y p='&unknown;'/></x>").starts_with("2: the entity &unknown;"));
    assert!(problem("<x p='a & b'/>").contains("&amp;"));
}

#[test]
fn what_is_not_well_formed_is_located() {
    assert!(
        problem("<a>\n<b>\n</a>").starts_with("3: no well-formed XML"),
        "{}",
        problem("<a>\n<b>\n</a>")
    );
    assert_eq!(problem("<a>\n<b/>"), "2: the document ends before its root element is closed");
    assert_eq!(problem("\n"), "2: the document has no root element");
    assert_eq!(problem("<a/>\n<b/>"), "2: the document has a second root element");
    assert_eq!(problem("<a/>\ntext"), "1: text outside of the root element");
    assert!(problem("<a>\n<b c='1' c='2'/></a>").starts_with("2: "));
    assert!(problem("<a>\n<b c=1/></a>").starts_with("2: "));
    assert!(problem("\u{0}").starts_with("1: "));
}

#[test]
fn depth_elements_and_attributes_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    root(&nested(XML_DEPTH_MAX));
    assert!(problem(&nested(XML_DEPTH_MAX + 1)).contains("in each other"));
    let hidden =
        |depth: usize| format!("<a>{}{}</a>", "<x:a>".repeat(depth), "</x:a>".repeat(depth));
    root(&hidden(XML_DEPTH_MAX - 1));
    assert!(problem(&hidden(XML_DEPTH_MAX)).contains("in each other"));
    let wide = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
    root(&wide(XML_ELEMENTS_MAX));
    assert!(problem(&wide(XML_ELEMENTS_MAX + 1)).contains("elements"));
    let attributes = |count: usize| {
        let all: String = (0..count).map(|n| format!(" a{n}=''")).collect();
        format!("<a{all}/>")
    };
    root(&attributes(XML_ATTRIBUTES_MAX));
    assert!(problem(&attributes(XML_ATTRIBUTES_MAX + 1)).contains("attributes"));
}

#[test]
fn a_document_that_is_too_large_is_not_read() {
    let mut bytes = b"<a>\n".to_vec();
    bytes.resize(DOCUMENT_BYTES_MAX + 1, b' ');
    let problem = read(&bytes).unwrap_err();
    assert_eq!((problem.line, &*problem.message), (2, "the document is larger than 32 MiB"));
}

#[test]
fn other_encodings_are_read_when_they_are_named() {
    let latin =
        b"<?xml version='1.0' encoding='ISO-8859-1'?><a><description>\xE9</description></a>";
    assert_eq!(read(latin).unwrap().element.children[0].text, "\u{E9}");
    let utf16: Vec<u8> =
        "\u{FEFF}<a/>".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
    assert_eq!(&*read(&utf16).unwrap().element.name, "a");
    assert_eq!(&*read(b"\xEF\xBB\xBF<a/>").unwrap().element.name, "a");
    let broken = read(b"<a>\n\xE9</a>").unwrap_err();
    assert_eq!((broken.line, &*broken.message), (2, "the document is not UTF-8 as it says"));
    let unknown = read(b"<?xml version='1.0' encoding=\"klingon\"?><a/>").unwrap_err();
    assert_eq!(&*unknown.message, "the encoding \"klingon\" is unknown; use UTF-8");
}
