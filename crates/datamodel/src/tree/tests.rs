//! Both forms, read and written; what is wrong with a recording; limits.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const OURS: &str = "path,writable,value,type";
const GENIEACS: &str = "Parameter,Object,Object timestamp,Writable,Writable timestamp,Value,\
    Value type,Value timestamp,Notification,Notification timestamp,Access list,\
    Access list timestamp";

/// The rows as `line path writable value:type`, which is what a case states.
fn check(text: &str, expected: &[&str]) {
    let tree = RecordedTree::from_csv(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let rows: Vec<String> = tree.rows.iter().map(show).collect();
    assert_eq!(rows, expected, "{text:?}");
}

fn show(row: &TreeRow) -> String {
    let writable = row.writable.map_or("?", |writable| if writable { "rw" } else { "ro" });
    let value = row.value.as_ref();
    let value = value.map_or(String::new(), |v| format!(" {:?}:{}", v.text, v.type_name));
    format!("{} {} {writable}{value}", row.line, row.path)
}

fn check_error(text: &str, line: usize, problem: TreeProblem) {
    let error = RecordedTree::from_csv(text).expect_err(text);
    assert_eq!(error, TreeError { line, problem }, "{text:?}");
}

#[test]
fn our_form_is_read() {
    check(
        "path,writable,value,type\n\
         Device.,false,,\n\
         Device.WiFi.SSID.,true,ignored,\n\
         Device.A,true,1,xsd:unsignedint\n\
         Device.Empty,0,,xsd:string\n\
         Device.Unread,1,,\n\
         Device.NoType,,x,\n",
        &[
            "2 Device. ro",
            "3 Device.WiFi.SSID. rw",
            "4 Device.A rw \"1\":xsd:unsignedint",
            "5 Device.Empty ro \"\":xsd:string",
            "6 Device.Unread rw",
            "7 Device.NoType ? \"x\":",
        ],
    );
}

#[test]
fn genieacs_exports_of_every_age_are_read() {
    let expected = [
        "2 Device. ro",
        "3 Device.Odd. ?",
        "4 Device.A rw \"1\":xsd:int",
        "5 Device.Unread ?",
        "6 Device.Text ro \"a, \\\"b\\\"\":xsd:string",
    ];
    let twelve = format!(
        "{GENIEACS}\n\
         Device,true,2024-01-01T00:00:00.000Z,false,,\"\",,,,,,\n\
         Device.Odd.,true,,,,\"\",,,,,,\n\
         Device.A,false,,true,2024-01-01T00:00:00.000Z,\"1\",xsd:int,,0,,Subscriber,\n\
         Device.Unread,false,,,,\"\",,,,,,\n\
         Device.Text,false,,false,,\"a, \"\"b\"\"\",xsd:string,,,,,"
    );
    check(&twelve, &expected);
    let eight = "Parameter,Object,Object timestamp,Writable,Writable timestamp,Value,Value type,\
         Value timestamp\n\
         Device,true,1,false,1,,,\n\
         Device.Odd,true,1,,,,,\n\
         Device.A,false,1,true,1,\"1\",xsd:int,1\n\
         Device.Unread,false,,,,,,\n\
         Device.Text,false,,false,,\"a, \"\"b\"\"\",xsd:string,\n";
    check(eight, &expected);
    let five = "Parameter,Object,Writable,Value,Value type\r\n\
         Device,true,false,,\r\n\
         Device.Odd,true,,,\r\n\
         Device.A,false,true,1,xsd:int\r\n\
         Device.Unread,false,,,\r\n\
         Device.Text,false,false,\"a, \"\"b\"\"\",xsd:string\r\n";
    check(five, &expected);
}

#[test]
fn rows_of_genieacs_itself_are_counted_and_left_out() {
    let text = "Parameter,Object,Writable,Value,Value type\n\
         DeviceID,true,false,,\nDeviceID.ID,false,false,1-2-3,xsd:string\n\
         Downloads,true,true,,\nDownloads.1.Status,false,false,,\n\
         Events.1_BOOT,false,false,1,xsd:dateTime\nTags.x,false,true,true,xsd:boolean\n\
         FactoryReset,false,true,,\nReboot,odd,odd,0,xsd:dateTime\n\
         VirtualParameters.Foo,false,true,,\n\
         Device.DeviceID,false,true,,\nDeviceIDs,true,true,,\n";
    check(text, &["11 Device.DeviceID rw", "12 DeviceIDs. rw"]);
    assert_eq!(RecordedTree::from_csv(text).unwrap().dropped, 9);
    let ours = RecordedTree::from_csv(&format!("{OURS}\nTags.,true,,\n")).unwrap();
    assert_eq!((ours.rows.len(), ours.dropped), (1, 0), "our form has no such rows");
}

#[test]
fn what_genieacs_knows_by_name_only_is_an_object_when_something_lies_below_it() {
    check(
        "Parameter,Object,Writable,Value,Value type\n\
         D,,,,\nD.A,,,,\nD.A-B,,,,\nD.A.1.C,,,,\nD.Leaf,,,x,xsd:string\nD.Leaf.Below,,,,\n",
        &["2 D. ?", "3 D.A. ?", "4 D.A-B ?", "5 D.A.1.C ?", "6 D.Leaf ? \"x\":xsd:string"]
            .into_iter()
            .chain(["7 D.Leaf.Below ?"])
            .collect::<Vec<_>>(),
    );
}

#[test]
fn times_that_genieacs_wrote_as_numbers_become_times() {
    let read = |header: &str, row: &str| {
        let tree = RecordedTree::from_csv(&format!("{header}\n{row}")).unwrap();
        tree.rows[0].value.clone().unwrap().text
    };
    let header = "Parameter,Object,Writable,Value,Value type";
    let check = |value: &str, expected: &str| {
        let text = read(header, &format!("Device.T,false,true,{value},xsd:dateTime"));
        assert_eq!(text, expected);
    };
    check("1376759682000", "2013-08-17T17:14:42Z");
    check("1376759682001", "2013-08-17T17:14:42.001Z");
    check("-62135596800000", "0001-01-01T00:00:00Z");
    check("2013-08-17T17:14:42.000Z", "2013-08-17T17:14:42.000Z");
    check("99999999999999999", "99999999999999999");
    check("", "");
    assert_eq!(read(header, "Device.T,false,true,5,xsd:int"), "5");
    assert_eq!(read(OURS, "Device.T,true,5,xsd:dateTime"), "5", "as the device wrote it");
}

#[test]
fn columns_are_known_by_name_in_any_case_and_order() {
    let expected = ["2 Device.A rw \"x\":xsd:string"];
    check("Path,Writable,VALUE,Type\nDevice.A,true,x,xsd:string", &expected);
    check("type, value ,note,writable,path\nxsd:string,x,n,TRUE,Device.A", &expected);
    check("\"path\",\"writable\",\"value\",\"type\"\nDevice.A,true,x,xsd:string", &expected);
    check(
        "value type,value,WRITABLE,object,parameter,note\nxsd:string,x,True,FALSE,Device.A,",
        &expected,
    );
    check("path,writable,value,type,note\nDevice.A,true,x,xsd:string", &expected);
}

#[test]
fn the_separator_is_that_of_the_first_row() {
    let expected = ["2 Device.A rw \"a,b\":xsd:string"];
    check("path;writable;value;type\nDevice.A;true;a,b;xsd:string", &expected);
    check("path\twritable\tvalue\ttype\nDevice.A\ttrue\ta,b\txsd:string", &expected);
    check("path,writable,value,type\nDevice.A,true,\"a,b\",xsd:string", &expected);
    check(
        "Parameter;Object;Writable;Value;Value type\nDevice.A;false;true;a,b;xsd:string",
        &expected,
    );
}

#[test]
fn quotes_line_breaks_and_blank_lines_are_as_programs_write_them() {
    let check = |rows: &str, expected: &[&str]| check(&format!("{OURS}\n{rows}"), expected);
    check(
        "D.A,true,\"a\nb\r\nc\rd\",\nD.B,true,,",
        &["2 D.A rw \"a\\nb\\r\\nc\\rd\":", "6 D.B rw"],
    );
    check("\n\r\n  \n,,,\nD.A,true,,\n\n", &["6 D.A rw"]);
    check("D.A,true,,\rD.B,true,,\r", &["2 D.A rw", "3 D.B rw"]);
    check("D.A,true,\"\",\"\"", &["2 D.A rw"]);
    check("D.A,true,\"\"\"\",", &["2 D.A rw \"\\\"\":"]);
    check("D.A,true,\"a\"\"\"\"b\",", &["2 D.A rw \"a\\\"\\\"b\":"]);
    check("D.A,true,5\" disk, xsd:string ", &["2 D.A rw \"5\\\" disk\":xsd:string"]);
    check("D.A,true, \u{1F600} ,", &["2 D.A rw \" \u{1F600} \":"]);
    check("", &[]);
}

#[test]
fn a_byte_order_mark_and_lines_before_the_columns_are_no_obstacle() {
    check("\u{feff}path,writable,value,type\r\nD.A,true,,\r\n", &["2 D.A rw"]);
    check("\u{feff}\n\n\"path\",writable,value,type\nD.A,true,,", &["4 D.A rw"]);
}

#[test]
fn len_07_a_type_is_recognised_and_its_spelling_kept() {
    let check = |type_name: &str, expected| {
        let text = format!("{OURS}\nD.A,true,x,{type_name}");
        let value = RecordedTree::from_csv(&text).unwrap().rows.remove(0).value.unwrap();
        assert_eq!((value.value_type, value.type_name.as_str()), (expected, type_name));
    };
    check("xsd:unsignedint", Some(ValueType::UnsignedInt));
    check("xsd:Int", Some(ValueType::Int));
    check("SOAP-ENC:base64", Some(ValueType::Base64));
    check("xsd:colour", None);
    check("", None);
}

#[test]
fn unusable_recordings_are_refused_with_the_line() {
    use TreeProblem::*;
    for text in ["", "\u{feff}", "\n\n", "path", "path,writable,value", "a,b,c,d\n", "\"path"] {
        check_error(text, 1, Header);
    }
    check_error("\n\nDevice.A,true,x,xsd:string", 3, Header);
    check_error("Parameter,Writable,Value,Value type\n", 1, Header);
    check_error("path,writable,value,type,Value\n", 1, ColumnTwice("value"));
    let check = |rows: &str, line, problem| check_error(&format!("{OURS}\n{rows}"), line, problem);
    check("D.A,true,", 2, TooFewColumns(Form::Recorded));
    check("D.A,true,a,b,c", 2, TooManyColumns);
    check("D.A,true,,,", 2, TooManyColumns);
    check("D.A,true,\"\n\",\nD.B,true,\"a\n,xsd:string", 4, QuoteNotClosed);
    check("D.A,true,\"a\"b,", 2, TextAfterQuote);
    check("D.A,true,\"a\" ,", 2, TextAfterQuote);
    check("D.A,maybe,,", 2, NotBoolean("writable"));
    check(",true,,", 2, EmptyPath);
    check(".,true,,", 2, EmptyPath);
    check_error(&format!("{GENIEACS}\nD,true,,,,"), 2, TooFewColumns(Form::GenieAcs));
    check_error(&format!("{GENIEACS}\nD,maybe,,true,,,,,,,,"), 2, NotBoolean("Object"));
    check_error(&format!("{GENIEACS}\nD,true,,maybe,,,,,,,,"), 2, NotBoolean("Writable"));
}

#[test]
fn a_message_says_what_to_do() {
    let check = |text: &str, expected: &str| {
        assert_eq!(RecordedTree::from_csv(text).expect_err(text).to_string(), expected);
    };
    check(
        "a,b",
        "line 1: the columns must be path,writable,value,type, or \
         Parameter,Object,Writable,Value,Value type as GenieACS exports a device; any order and \
         other columns between them will do",
    );
    check(
        "path,writable,value,type\nD.A",
        "line 2: a row has four columns at least: path,writable,value,type; add what is missing, \
         empty where it is not known",
    );
    check(
        "path,writable,value,type\nD.A,x,,",
        "line 2: writable must be true or false, or empty when it is not known",
    );
}

#[test]
fn path_01_a_path_has_256_characters_at_most() {
    let inner = |length: usize| format!("D.{}", "ä".repeat(length - 2));
    let ours = |path: &str| RecordedTree::from_csv(&format!("{OURS}\n{path},true,,"));
    let theirs = |path: &str, object: &str, more: &str| {
        let header = "Parameter,Object,Writable,Value,Value type";
        RecordedTree::from_csv(&format!("{header}\n{path},{object},true,,{more}"))
    };
    let too_long = Err(TreeError { line: 2, problem: TreeProblem::PathTooLong });
    assert!(ours(&inner(256)).is_ok());
    assert_eq!(ours(&inner(257)), too_long);
    assert!(theirs(&inner(256), "false", "").is_ok());
    assert!(theirs(&inner(255), "true", "").is_ok());
    assert_eq!(theirs(&inner(256), "true", ""), too_long, "with its dot");
    let below = |length| format!("\n{}.x,false,true,,", inner(length));
    assert_eq!(
        theirs(&inner(256), "", &below(256)),
        Err(TreeError { line: 3, problem: TreeProblem::PathTooLong })
    );
    assert!(theirs(&inner(254), "", &below(254)).is_ok());
}

#[test]
fn columns_have_a_limit() {
    let text = |columns: usize| format!("{OURS}{}\nD.A,true,,", ",x".repeat(columns - 4));
    assert!(RecordedTree::from_csv(&text(TREE_COLUMNS_MAX)).is_ok());
    check_error(&text(TREE_COLUMNS_MAX + 1), 1, TreeProblem::Header);
}

#[test]
fn rows_have_a_limit() {
    let text = format!("{GENIEACS}\nDeviceID,,,,,,,,,,,\nD,,,,,,,,,,,\nE,,,,,,,,,,,\n");
    assert_eq!(RecordedTree::read(&text, 2).unwrap().rows.len(), 2, "only those that are kept");
    let too_many = TreeError { line: 4, problem: TreeProblem::TooManyRows };
    assert_eq!(RecordedTree::read(&text, 1), Err(too_many));
}

/// Quotes as the rules ask for, and also where they need not be.
fn cell(text: &str, separator: char, always: bool) -> String {
    let special = [separator, '"', '\n', '\r', '\u{feff}'];
    if always || text.contains(special) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[derive(Debug, Clone, Copy)]
struct Style {
    separator: char,
    line_break: &'static str,
    quotes: bool,
    last_break: bool,
    mark: bool,
}

/// Writes the rows, and sets their lines.
fn write(form: Form, rows: &mut [TreeRow], style: Style) -> String {
    let Style { separator, line_break, quotes, last_break, mark } = style;
    let mut text = if mark { "\u{feff}".to_owned() } else { String::new() };
    let line = |text: &mut String, cells: Vec<&str>| {
        let cells: Vec<String> = cells.iter().map(|text| cell(text, separator, quotes)).collect();
        text.push_str(&cells.join(separator.encode_utf8(&mut [0; 4])));
        text.push_str(line_break);
    };
    let header = if form == Form::Recorded { OURS } else { GENIEACS };
    line(&mut text, header.split(',').collect());
    for row in rows.iter_mut() {
        row.line = 1 + text.replace("\r\n", "\n").matches(['\n', '\r']).count();
        let writable = row.writable.map_or("", |writable| if writable { "true" } else { "false" });
        let value = row.value.as_ref();
        let (value, type_name) = value.map_or(("", ""), |v| (&v.text, &v.type_name));
        line(
            &mut text,
            match form {
                Form::Recorded => vec![&row.path, writable, value, type_name],
                Form::GenieAcs => {
                    let path = row.path.strip_suffix('.').unwrap_or(&row.path);
                    let object = if row.is_object() { "true" } else { "false" };
                    let time = "2024-01-01T00:00:00.000Z";
                    let end = [time, "0", time, "Subscriber", time];
                    [&[path, object, time, writable, time, value, type_name], &end[..]].concat()
                }
            },
        );
    }
    if !last_break {
        text.truncate(text.len() - line_break.len());
    }
    text
}

fn style() -> impl Strategy<Value = Style> {
    let separator = prop_oneof![Just(','), Just(';'), Just('\t')];
    let line_break = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    (separator, line_break, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(separator, line_break, quotes, last_break, mark)| Style {
            separator,
            line_break,
            quotes,
            last_break,
            mark,
        },
    )
}

fn row() -> impl Strategy<Value = TreeRow> {
    let path = "(Device|InternetGatewayDevice|Ä)(\\.[A-Za-z_][A-Za-z0-9_-]{0,8}|\\.[1-9]){0,5}";
    let text = "([ -~]|[\n\r\t\",;]|\\PC){0,12}";
    // A number as a time is the one text that GenieACS's form changes.
    let time =
        "20[0-9]{2}-01-01T00:00:00Z".prop_map(|text| RecordedValue::new(text, "xsd:dateTime"));
    let type_name = prop_oneof![
        Just("xsd:string"),
        Just("xsd:unsignedint"),
        Just("SOAP-ENC:base64"),
        Just("odd \"type\""),
        Just(""),
    ];
    let other = (text, type_name).prop_map(|(text, name)| RecordedValue::new(text, name));
    let is_known = |value: &RecordedValue| !value.text.is_empty() || !value.type_name.is_empty();
    let value = proptest::option::of(prop_oneof![1 => time, 9 => other]);
    (path, any::<bool>(), any::<Option<bool>>(), value).prop_map(
        move |(path, is_object, writable, value)| TreeRow {
            line: 0,
            path: if is_object { path + "." } else { path },
            writable,
            value: value.filter(|value| !is_object && is_known(value)),
        },
    )
}

proptest! {
    #[test]
    fn what_was_written_is_read(mut rows in vec(row(), 0..12), style in style()) {
        for form in Form::ALL {
            let text = write(form, &mut rows, style);
            let tree = RecordedTree { rows: rows.clone(), dropped: 0 };
            prop_assert_eq!(RecordedTree::from_csv(&text), Ok(tree), "{:?}", text);
        }
    }

    #[test]
    fn no_text_panics(
        mut rows in vec(row(), 0..6),
        style in style(),
        cut in any::<prop::sample::Index>(),
        junk in "[A-Za-z0-9.,;\t\"\n\r]{0,20}|\\PC{0,20}",
    ) {
        for form in Form::ALL {
            let mut text = write(form, &mut rows, style);
            let mut at = cut.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let _ = RecordedTree::from_csv(&text[..at]);
            text.insert_str(at, &junk);
            let _ = RecordedTree::from_csv(&text);
        }
        let _ = RecordedTree::from_csv(&junk);
    }
}
