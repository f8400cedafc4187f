//! What real devices send although the standard says otherwise: each item of section 26 and each
//! quirk of the field that concerns messages, read right and reported.

use drover_cwmp::message::{GetParameterNamesResponse, GetParameterValuesResponse, Inform};
use drover_cwmp::{
    CwmpNamespace, DateTime, Envelope, FaultCode, Message, Parsed, Tolerated, ValueType,
};

/// An Inform as an old, well-meaning client would send it; tests spoil it by replacing parts.
const INFORM: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"
 xmlns:xsd="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cwmp="urn:dslforum-org:cwmp-1-0">
<soapenv:Header><cwmp:ID soapenv:mustUnderstand="1">7</cwmp:ID></soapenv:Header>
<soapenv:Body><cwmp:Inform>
<DeviceId><Manufacturer>Example</Manufacturer><OUI>00D09E</OUI>
<ProductClass>Box</ProductClass><SerialNumber>1</SerialNumber></DeviceId>
<Event soapenc:arrayType="cwmp:EventStruct[1]">
<EventStruct><EventCode>1 BOOT</EventCode><CommandKey></CommandKey></EventStruct></Event>
<MaxEnvelopes>1</MaxEnvelopes>
<CurrentTime>2026-11-22T13:19:56Z</CurrentTime><RetryCount>0</RetryCount>
<ParameterList soapenc:arrayType="cwmp:ParameterValueStruct[1]">
<ParameterValueStruct><Name>Device.DeviceInfo.SoftwareVersion</Name>
<Value xsi:type="xsd:string">1.0</Value>
</ParameterValueStruct></ParameterList>
</cwmp:Inform></soapenv:Body></soapenv:Envelope>"#;

fn spoiled(replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(INFORM.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from:?} is not in the message");
        text.replace(from, to)
    })
}

fn parse(bytes: &[u8]) -> Parsed {
    Envelope::parse(bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// Reads a spoiled Inform; exactly these peculiarities are reported.
fn check(bytes: &[u8], expected: &[Tolerated]) -> Inform {
    let parsed = parse(bytes);
    let mut found: Vec<_> = parsed.tolerated.iter().cloned().collect();
    let mut expected = expected.to_vec();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    match parsed.envelope.message {
        Message::Inform(inform) => {
            assert_eq!(inform.device_id.serial_number, "1");
            assert_eq!(inform.parameter_list.len(), 1);
            assert_eq!(inform.event.len(), 1);
            inform
        }
        other => panic!("{other:?}"),
    }
}

fn check_spoiled(replacements: &[(&str, &str)], expected: &[Tolerated]) -> Inform {
    check(spoiled(replacements).as_bytes(), expected)
}

#[test]
fn the_unspoiled_message_is_the_standards() {
    check(INFORM.as_bytes(), &[]);
}

#[test]
fn len_01_any_prefix_default_namespace_and_declaration() {
    let declaration = ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "");
    check_spoiled(&[declaration], &[Tolerated::NoXmlDeclaration]);
    check_spoiled(&[("encoding=\"UTF-8\"?>", "encoding=\"UTF-8\" standalone=\"no\"?>")], &[]);
    check_spoiled(
        &[
            ("soapenv", "soap_env"),
            ("soapenc", "soap-enc"),
            ("cwmp:", "tr69:"),
            ("xmlns:cwmp=", "xmlns:tr69="),
        ],
        &[],
    );
    check_spoiled(
        &[
            ("<cwmp:Inform>", "<Inform xmlns=\"urn:dslforum-org:cwmp-1-0\">"),
            ("</cwmp:Inform>", "</Inform>"),
        ],
        &[],
    );
    let mut bytes = b"\xEF\xBB\xBF".to_vec();
    bytes.extend_from_slice(INFORM.as_bytes());
    check(&bytes, &[Tolerated::ByteOrderMark]);
    let latin = spoiled(&[("UTF-8", "ISO-8859-1"), ("Example", "Müller")]);
    let latin: Vec<u8> = latin.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect();
    let inform = check(&latin, &[Tolerated::Encoding("ISO-8859-1")]);
    assert_eq!(inform.device_id.manufacturer, "Müller");
}

#[test]
fn quirk_9_blanks_before_the_root_and_attributes_on_lines_of_their_own() {
    check_spoiled(&[("?>\n<soapenv", "?>\n <soapenv"), (" xmlns:", "\n  xmlns:")], &[]);
    let padded = format!("\r\n {INFORM}\0");
    check(padded.as_bytes(), &[Tolerated::Surrounded]);
}

#[test]
fn len_02_namespaces_of_any_version() {
    for namespace in CwmpNamespace::ALL {
        let text = spoiled(&[("urn:dslforum-org:cwmp-1-0", namespace.as_str())]);
        assert_eq!(parse(text.as_bytes()).envelope.namespace, namespace);
    }
    let invented = CwmpNamespace::V1_4;
    check_spoiled(
        &[("urn:dslforum-org:cwmp-1-0", invented.as_str())],
        &[Tolerated::Namespace(invented)],
    );
    check_spoiled(
        &[("<cwmp:Inform>", "<Inform>"), ("</cwmp:Inform>", "</Inform>")],
        &[Tolerated::UndeclaredPrefix(String::new())],
    );
    check_spoiled(
        &[("<cwmp:Inform>", "<xsd:Inform>"), ("</cwmp:Inform>", "</xsd:Inform>")],
        &[Tolerated::WrongNamespace("Inform".into())],
    );
}

#[test]
fn len_03_ids_and_arrays() {
    let id =
        ("<soapenv:Header><cwmp:ID soapenv:mustUnderstand=\"1\">7</cwmp:ID></soapenv:Header>", "");
    check_spoiled(&[id], &[]);
    let id = (" soapenv:mustUnderstand=\"1\"", "");
    check_spoiled(&[id], &[Tolerated::IdNotMustUnderstand]);
    // Quirk 20: numbers with zeros or blanks are numbers; wrong ones are ignored.
    check_spoiled(&[("ParameterValueStruct[1]", "ParameterValueStruct[0001]")], &[]);
    check_spoiled(&[("ParameterValueStruct[1]", "ParameterValueStruct[ 1 ]")], &[]);
    check_spoiled(
        &[("ParameterValueStruct[1]", "ParameterValueStruct[16]")],
        &[Tolerated::ArrayCount("ParameterList")],
    );
    check_spoiled(
        &[("ParameterValueStruct[1]", "ParameterValueStruct[]")],
        &[Tolerated::ArrayType("ParameterList")],
    );
    check_spoiled(
        &[(" soapenc:arrayType=\"cwmp:EventStruct[1]\"", "")],
        &[Tolerated::ArrayType("Event")],
    );
    // Quirk 19: SOAP-ENC:Array beside arrayType.
    check_spoiled(&[("<Event ", "<Event xsi:type=\"soapenc:Array\" ")], &[]);
    // Members in the namespace of CWMP, and under another name.
    check_spoiled(
        &[("<EventCode>", "<cwmp:EventCode>"), ("</EventCode>", "</cwmp:EventCode>")],
        &[],
    );
    check_spoiled(
        &[("<EventStruct>", "<item>"), ("</EventStruct>", "</item>")],
        &[Tolerated::ArrayMember("EventStruct")],
    );
}

#[test]
fn quirk_19_types_on_everything_and_the_schema_of_1999() {
    check_spoiled(
        &[
            ("http://www.w3.org/2001/XMLSchema", "http://www.w3.org/1999/XMLSchema"),
            ("<Name>", "<Name xsi:type=\"xsd:string\">"),
            ("<DeviceId>", "<DeviceId xsi:type=\"cwmp:DeviceIdStruct\">"),
            ("<EventCode>", "<EventCode xsi:type=\"xsd:string\">"),
            ("<MaxEnvelopes>", "<MaxEnvelopes xsi:type=\"xsd:unsignedInt\">"),
        ],
        &[Tolerated::Schema1999],
    );
}

#[test]
fn len_05_unknown_elements_comments_and_another_order() {
    check_spoiled(
        &[
            ("<OUI>", "<WanIPAddress>192.0.2.1</WanIPAddress><!-- here --><OUI>"),
            ("<MaxEnvelopes>1</MaxEnvelopes>", "<?odd thing?>"),
            (
                "<RetryCount>0</RetryCount>",
                "<RetryCount>0</RetryCount><MaxEnvelopes>9</MaxEnvelopes>",
            ),
        ],
        &[],
    );
}

#[test]
fn len_07_types_of_values() {
    let typed = |name: &str, expected: &[Tolerated]| {
        let inform = check_spoiled(&[(" xsi:type=\"xsd:string\"", name)], expected);
        inform.parameter_list[0].value.value_type
    };
    assert_eq!(typed("", &[Tolerated::ValueTypeMissing]), ValueType::String);
    assert_eq!(typed(" xsi:type=\"soapenc:string\"", &[]), ValueType::String);
    assert_eq!(typed(" xsi:type=\"xs:unsignedInt\"", &[]), ValueType::UnsignedInt);
    assert_eq!(typed(" type='dateTime'", &[]), ValueType::DateTime);
    let odd = [Tolerated::ValueTypeSpelling("unsignedint".into())];
    assert_eq!(typed(" xsi:type=\"xsd:unsignedint\"", &odd), ValueType::UnsignedInt);
    let odd = [Tolerated::ValueTypeUnknown("float".into())];
    assert_eq!(typed(" xsi:type=\"xsd:float\"", &odd), ValueType::String);
}

#[test]
fn len_08_and_quirk_27_identity() {
    let inform = check_spoiled(&[("00D09E", "00d09e")], &[Tolerated::Pattern("OUI")]);
    assert_eq!(inform.device_id.oui, "00d09e");
    check_spoiled(&[("00D09E", "")], &[Tolerated::Pattern("OUI")]);
    let missing = ("<ProductClass>Box</ProductClass>", "");
    check_spoiled(&[missing], &[Tolerated::Missing("ProductClass")]);
    let long = "x".repeat(65);
    check_spoiled(&[("Example", &long)], &[Tolerated::TooLong("Manufacturer")]);
}

#[test]
fn len_09_numbers_and_times() {
    let missing = ("<RetryCount>0</RetryCount>", "");
    assert_eq!(check_spoiled(&[missing], &[Tolerated::Missing("RetryCount")]).retry_count, 0);
    let odd = [Tolerated::Unreadable("CurrentTime")];
    let inform = check_spoiled(&[("2026-11-22T13:19:56Z", "just now")], &odd);
    assert_eq!(inform.current_time, DateTime::UNKNOWN);
    check_spoiled(
        &[("<MaxEnvelopes>1</MaxEnvelopes>", "<MaxEnvelopes>many</MaxEnvelopes>")],
        &[Tolerated::Unreadable("MaxEnvelopes")],
    );
    // Quirk 26 and LEN-17: without a zone, with a fraction, with an offset.
    for time in ["2026-11-22T13:19:56", "2026-11-22T13:19:56.239Z", "2026-11-22T13:19:56+00:00"] {
        let inform = check_spoiled(&[("2026-11-22T13:19:56Z", time)], &[]);
        assert_eq!(inform.current_time.civil().hour(), 13);
    }
}

#[test]
fn values_keep_their_text() {
    let value = |text: &str, expected: &[Tolerated]| {
        let inform = check_spoiled(&[(">1.0<", &format!(">{text}<"))], expected);
        inform.parameter_list[0].value.text.clone()
    };
    assert_eq!(value("  two  words ", &[]), "  two  words ", "SOAP-18");
    assert_eq!(value("a&#9;b&#xA;c &lt;&amp;&gt;&quot;&apos;", &[]), "a\tb\nc <&>\"'");
    assert_eq!(value("a<![CDATA[<b> & c]]>d", &[Tolerated::Cdata]), "a<b> & cd");
    // Quirk 24: what a device encoded twice is ours to show, not to mend.
    assert_eq!(value("&amp;lt;", &[]), "&lt;");
    assert_eq!(value("a&#1;b", &[Tolerated::IllegalCharacter]), "a\u{FFFD}b");
    assert_eq!(value("line\r\nbreak", &[]), "line\nbreak");
}

fn body(message: &str) -> Parsed {
    let start = INFORM.find("<cwmp:Inform>").expect("there");
    let end = INFORM.find("</soapenv:Body>").expect("there");
    parse(format!("{}{message}{}", &INFORM[..start], &INFORM[end..]).as_bytes())
}

#[test]
fn quirk_21_and_22_faults_of_any_shape() {
    let fault = |text: &str| {
        let parsed = body(text);
        let odd: Vec<_> = parsed.tolerated.iter().cloned().collect();
        match parsed.envelope.message {
            Message::Fault(fault) => (fault, odd),
            other => panic!("{other:?}"),
        }
    };
    let detail = "<detail><cwmp:Fault><FaultCode>9005</FaultCode>\
        <FaultString>Invalid parameter name</FaultString></cwmp:Fault></detail>";
    let (found, odd) = fault(&format!(
        "<soapenv:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring>{detail}\
         </soapenv:Fault>"
    ));
    assert_eq!((found.fault_code, odd), (FaultCode::INVALID_PARAMETER_NAME, vec![]));
    let (found, odd) = fault(&format!(
        "<soap:Fault><faultcode>soapenv:Client</faultcode>\
         <faultstring>Invalid arguments</faultstring>{detail}</soap:Fault>"
    ));
    assert_eq!(found.fault_code, FaultCode::INVALID_PARAMETER_NAME);
    assert_eq!(odd, [Tolerated::UndeclaredPrefix("soap".into()), Tolerated::FaultShape]);
    let (found, _) = fault(
        "<soapenv:Fault><faultcode>9005</faultcode><faultstring>no</faultstring></soapenv:Fault>",
    );
    assert_eq!(found.fault_code, FaultCode::INVALID_PARAMETER_NAME, "LEN-10");
    let details = "<detail><cwmp:Fault><FaultCode>9003</FaultCode><SetParameterValuesFault>\
        <ParameterName>Device.X</ParameterName><FaultCode>9007</FaultCode>\
        </SetParameterValuesFault></cwmp:Fault></detail>";
    let (found, _) = fault(&format!(
        "<soapenv:Fault><faultcode>Client</faultcode><faultstring>CWMP Fault</faultstring>{details}\
         </soapenv:Fault>"
    ));
    assert_eq!(found.set_parameter_values_faults[0].fault_code.0, 9007);
}

#[test]
fn quirk_26_writable_in_digits_and_words() {
    let names = |writable: &str| {
        let parsed = body(&format!(
            "<cwmp:GetParameterNamesResponse><ParameterList \
             soapenc:arrayType=\"cwmp:ParameterInfoStruct[1]\"><ParameterInfoStruct>\
             <Name>Device.</Name><Writable>{writable}</Writable></ParameterInfoStruct>\
             </ParameterList></cwmp:GetParameterNamesResponse>"
        ));
        match parsed.envelope.message {
            Message::GetParameterNamesResponse(GetParameterNamesResponse { parameter_list }) => {
                (parameter_list[0].writable, parsed.tolerated.iter().cloned().collect::<Vec<_>>())
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(names("1"), (true, vec![]));
    assert_eq!(names("false"), (false, vec![]));
    assert_eq!(names("True"), (true, vec![Tolerated::BooleanSpelling("Writable")]), "LEN-16");
}

#[test]
fn an_empty_list_is_an_empty_list() {
    for list in
        ["<ParameterList/>", "<ParameterList soapenc:arrayType=\"cwmp:X[0]\"></ParameterList>"]
    {
        let parsed = body(&format!(
            "<cwmp:GetParameterValuesResponse>{list}</cwmp:GetParameterValuesResponse>"
        ));
        let expected = GetParameterValuesResponse::default();
        assert_eq!(parsed.envelope.message, expected.into());
    }
}

#[test]
fn soap_10_a_session_timeout_that_is_no_number_is_ignored() {
    let header = "<cwmp:SessionTimeout soapenv:mustUnderstand=\"0\">soon</cwmp:SessionTimeout>";
    check_spoiled(
        &[("</soapenv:Header>", &format!("{header}</soapenv:Header>"))],
        &[Tolerated::Unreadable("SessionTimeout")],
    );
}

#[test]
fn soap_11_no_more_requests_is_ignored() {
    let header = "<cwmp:NoMoreRequests soapenv:mustUnderstand=\"1\">0</cwmp:NoMoreRequests>";
    check_spoiled(
        &[("</soapenv:Header>", &format!("{header}</soapenv:Header>"))],
        &[Tolerated::NoMoreRequests],
    );
}
