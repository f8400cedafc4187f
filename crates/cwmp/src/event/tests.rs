use proptest::prelude::*;

use super::*;
use crate::limits::{COMMAND_KEY_CHARS_MAX, EVENTS_MAX, MULTIPLE_EVENTS_MAX};

use DeliveredBy::{InformResponse, TransferCompleteResponse};

/// A store to which these events were added, each by its text; `M Download=key` has a key.
fn store(events: &[&str]) -> EventStore {
    let mut store = EventStore::default();
    add(&mut store, events);
    store
}

fn add(store: &mut EventStore, events: &[&str]) {
    for text in events {
        let (code, key) = text.split_once('=').unwrap_or((text, ""));
        let (code, normalised) = EventCode::parse(code);
        assert!(!normalised, "{text}");
        assert_ne!(store.add(code, key), Added::Refused, "{text}");
    }
}

fn texts(events: impl IntoIterator<Item = Event>) -> Vec<String> {
    let text = |event: Event| match event.command_key.as_str() {
        "" => event.code.to_string(),
        key => format!("{}={key}", event.code),
    };
    events.into_iter().map(text).collect()
}

fn freeze(store: &mut EventStore) -> Vec<String> {
    texts(store.freeze())
}

/// What one row of the table of section 13 says: code, multiple, delivered by, policy.
type ExpectedRow = (&'static str, bool, DeliveredBy, EventRetry);

fn expected_table() -> Vec<ExpectedRow> {
    use DeliveredBy::*;
    use EventRetry::{Boot, Keep, May, No};
    vec![
        ("0 BOOTSTRAP", false, InformResponse, Keep),
        ("1 BOOT", false, InformResponse, Boot),
        ("2 PERIODIC", false, InformResponse, Keep),
        ("3 SCHEDULED", false, InformResponse, Keep),
        ("4 VALUE CHANGE", false, InformResponse, Boot),
        ("5 KICKED", false, KickedResponse, May),
        ("6 CONNECTION REQUEST", false, InformResponse, No),
        ("7 TRANSFER COMPLETE", false, TransferCompleteResponse, Keep),
        ("8 DIAGNOSTICS COMPLETE", false, InformResponse, Boot),
        ("9 REQUEST DOWNLOAD", false, RequestDownloadResponse, May),
        ("10 AUTONOMOUS TRANSFER COMPLETE", false, AutonomousTransferCompleteResponse, Keep),
        ("11 DU STATE CHANGE COMPLETE", false, DuStateChangeCompleteResponse, Keep),
        (
            "12 AUTONOMOUS DU STATE CHANGE COMPLETE",
            false,
            AutonomousDuStateChangeCompleteResponse,
            Keep,
        ),
        ("13 WAKEUP", false, InformResponse, Boot),
        ("14 HEARTBEAT", false, InformResponse, No),
        ("M Reboot", true, InformResponse, Keep),
        ("M ScheduleInform", true, InformResponse, Keep),
        ("M Download", true, TransferCompleteResponse, Keep),
        ("M ScheduleDownload", true, TransferCompleteResponse, Keep),
        ("M Upload", true, TransferCompleteResponse, Keep),
        ("M ChangeDUState", true, DuStateChangeCompleteResponse, Keep),
        ("M X_00D09E_Scan", true, Vendor, EventRetry::Vendor),
        ("X 00D09E Overheated", false, Vendor, EventRetry::Vendor),
    ]
}

#[test]
fn each_code_has_the_properties_of_its_row() {
    let table = expected_table();
    for (text, multiple, delivered_by, retry) in &table {
        let (code, normalised) = EventCode::parse(text);
        assert!(!normalised, "{text}");
        assert!(!matches!(code, EventCode::Unknown(_)), "{text}");
        assert_eq!(code.to_string(), *text);
        assert_eq!(code.is_multiple(), *multiple, "{text}");
        assert_eq!(code.delivered_by(), *delivered_by, "{text}");
        assert_eq!(code.retry(), *retry, "{text}");
    }
    let standard: Vec<&str> = EventCode::standard().map(EventCode::as_str).collect();
    let rows: Vec<&str> = table.iter().map(|row| row.0).take(standard.len()).collect();
    assert_eq!(standard, rows);
}

/// EVT-03 for every row: single events merge, multiple ones do not.
#[test]
fn each_code_is_stored_as_its_row_says() {
    for (text, multiple, ..) in expected_table() {
        let mut store = store(&[text]);
        let code = EventCode::parse(text).0;
        let again = store.add(code, "second");
        let expected = if multiple {
            vec![text.to_owned(), format!("{text}=second")]
        } else {
            vec![text.to_owned()]
        };
        assert_eq!(again, if multiple { Added::New } else { Added::Merged }, "{text}");
        assert_eq!(freeze(&mut store), expected);
    }
}

/// EVT-04 for every row: the response of the table delivers the event, no other does.
#[test]
fn each_code_is_delivered_by_its_response_only() {
    let responses: Vec<DeliveredBy> = expected_table().iter().map(|row| row.2).collect();
    for (text, multiple, delivered_by, _) in expected_table() {
        for response in &responses {
            let key = if multiple { "k" } else { "" };
            let event = if multiple { format!("{text}=k") } else { text.to_owned() };
            let mut store = store(&[&event]);
            store.freeze();
            store.handle_response(*response, key);
            store.handle_session_success();
            // The store counts a vendor's event as delivered by the InformResponse.
            let by_inform = |by| matches!(by, InformResponse | DeliveredBy::Vendor);
            let delivered =
                *response == delivered_by || by_inform(*response) && by_inform(delivered_by);
            assert_eq!(store.is_empty(), delivered, "{text} by {response:?}");
        }
    }
}

/// EVT-05 for every row: what a failed session and a reboot leave.
#[test]
fn each_code_is_kept_as_its_row_says() {
    for (text, _, _, retry) in expected_table() {
        let mut tried = store(&[text]);
        tried.freeze();
        tried.handle_session_failed();
        assert_eq!(tried.is_empty(), retry == EventRetry::No, "{text} after a failure");
        assert_eq!(tried.snapshot().is_empty(), retry == EventRetry::No, "{text} written down");
        let keeps = matches!(retry, EventRetry::Keep | EventRetry::Vendor);
        tried.handle_reboot();
        assert_eq!(!tried.is_empty(), keeps, "{text} after a reboot");
        let mut restored = EventStore::restore(store(&[text]).snapshot());
        restored.handle_reboot();
        assert_eq!(!restored.is_empty(), keeps, "{text} after a power failure");
    }
}

#[test]
fn len_11_codes_are_put_right_by_their_number() {
    for (text, expected) in [
        ("6", "6 CONNECTION REQUEST"),
        ("06", "6 CONNECTION REQUEST"),
        ("6  CONNECTION REQUEST", "6 CONNECTION REQUEST"),
        (" 6 connection request\n", "6 CONNECTION REQUEST"),
        ("2 Periodic Inform", "2 PERIODIC"),
        ("14", "14 HEARTBEAT"),
        ("m  reboot", "M Reboot"),
        ("M CHANGEDUSTATE", "M ChangeDUState"),
        ("m  X_00D09E_Scan", "M X_00D09E_Scan"),
        ("x  00D09E  Hot", "X 00D09E Hot"),
        (" what  ever ", "what ever"),
    ] {
        let (code, normalised) = EventCode::parse(text);
        assert_eq!(code.as_str(), expected, "{text}");
        assert!(normalised, "{text}");
    }
}

#[test]
fn evt_06_unknown_codes_are_kept_as_they_are() {
    for text in
        ["", "15 FUTURE", "15", "99999999999999999999999", "M Dance", "M", "X", "BOOT", "-1"]
    {
        let (code, normalised) = EventCode::parse(text);
        assert_eq!((code, normalised), (EventCode::Unknown(text.to_owned()), false));
    }
    let long = "ä".repeat(EVENT_CODE_CHARS_MAX);
    assert_eq!(EventCode::parse(&long), (EventCode::Unknown(long.clone()), false));
    assert_eq!(EventCode::parse(&format!("{long}ä")), (EventCode::Unknown(long), true));
    let cut_at_blank = format!("{} b", "a".repeat(EVENT_CODE_CHARS_MAX - 1));
    assert_eq!(EventCode::parse(&cut_at_blank).0.as_str(), "a".repeat(EVENT_CODE_CHARS_MAX - 1));
}

#[test]
fn events_stand_in_the_order_of_the_table() {
    let events =
        ["X A B", "M Upload=2", "M Reboot=1", "10 AUTONOMOUS TRANSFER COMPLETE", "2 PERIODIC"];
    let mut store = store(&[&events[..], &["M Reboot=0", "1 BOOT"]].concat());
    let expected = [
        "1 BOOT",
        "2 PERIODIC",
        "10 AUTONOMOUS TRANSFER COMPLETE",
        "M Reboot=1",
        "M Reboot=0",
        "M Upload=2",
        "X A B",
    ];
    assert_eq!(freeze(&mut store), expected);
}

#[test]
fn evt_02_only_m_events_have_a_command_key() {
    let mut store = EventStore::default();
    let _ = store.add(EventCode::Boot, "key");
    let _ = store.add(EventCode::MReboot, &"ä".repeat(COMMAND_KEY_CHARS_MAX + 1));
    let expected = [
        Event::new(EventCode::Boot),
        Event::with_key(EventCode::MReboot, "ä".repeat(COMMAND_KEY_CHARS_MAX)),
    ];
    assert_eq!(store.freeze(), expected);
}

#[test]
fn ses_15_what_happens_after_the_inform_was_built_goes_into_the_next() {
    let mut store = store(&["2 PERIODIC", "4 VALUE CHANGE"]);
    assert_eq!(freeze(&mut store), ["2 PERIODIC", "4 VALUE CHANGE"]);
    assert!(store.is_empty());
    add(&mut store, &["2 PERIODIC", "6 CONNECTION REQUEST"]);
    store.handle_inform_response();
    store.handle_session_success();
    assert_eq!(freeze(&mut store), ["2 PERIODIC", "6 CONNECTION REQUEST"]);
}

#[test]
fn evt_03_an_event_that_happens_again_in_a_failed_session_merges() {
    let mut store = store(&["2 PERIODIC"]);
    store.freeze();
    add(&mut store, &["2 PERIODIC"]);
    store.handle_session_failed();
    assert_eq!(freeze(&mut store), ["2 PERIODIC"]);
}

#[test]
fn ses_21_acknowledged_events_are_not_sent_again() {
    let mut store = store(&["1 BOOT", "7 TRANSFER COMPLETE", "M Download=a"]);
    store.freeze();
    store.handle_inform_response();
    store.handle_session_failed();
    assert_eq!(freeze(&mut store), ["7 TRANSFER COMPLETE", "M Download=a"]);
}

#[test]
fn cr_16_a_connection_request_is_not_retried_but_one_that_came_since_is_kept() {
    let mut store = store(&["2 PERIODIC", "6 CONNECTION REQUEST"]);
    store.freeze();
    store.handle_session_failed();
    assert_eq!(freeze(&mut store), ["2 PERIODIC"]);
    add(&mut store, &["6 CONNECTION REQUEST"]);
    store.handle_session_failed();
    assert_eq!(freeze(&mut store), ["2 PERIODIC", "6 CONNECTION REQUEST"]);
}

#[test]
fn evt_05_bootstrap_discards_what_waits() {
    let mut store = store(&["1 BOOT", "M Reboot=a", "4 VALUE CHANGE"]);
    store.freeze();
    store.handle_session_failed();
    add(&mut store, &["0 BOOTSTRAP"]);
    assert!(!store.contains(&EventCode::ValueChange));
    add(&mut store, &["2 PERIODIC"]);
    assert_eq!(freeze(&mut store), ["0 BOOTSTRAP", "2 PERIODIC"]);
}

#[test]
fn evt_08_boot_goes_with_the_bootstrap_of_the_same_start_in_any_order() {
    for events in [["0 BOOTSTRAP", "1 BOOT"], ["1 BOOT", "0 BOOTSTRAP"]] {
        assert_eq!(freeze(&mut store(&events)), ["0 BOOTSTRAP", "1 BOOT"]);
    }
}

#[test]
fn evt_10_a_bootstrap_during_a_session_waits_for_the_next() {
    let mut store = store(&["0 BOOTSTRAP", "1 BOOT"]);
    store.freeze();
    add(&mut store, &["0 BOOTSTRAP"]);
    store.handle_inform_response();
    store.handle_session_success();
    assert_eq!(freeze(&mut store), ["0 BOOTSTRAP"]);
}

#[test]
fn evt_07_transfers_are_delivered_one_by_one() {
    let events = [
        "7 TRANSFER COMPLETE",
        "M Download=a",
        "M Upload=b",
        "M ScheduleDownload=c",
        "M Download=a",
    ];
    let mut store = store(&events);
    store.freeze();
    store.handle_inform_response();
    store.handle_response(TransferCompleteResponse, "b");
    store.handle_response(TransferCompleteResponse, "a");
    store.handle_response(TransferCompleteResponse, "unknown");
    store.handle_session_failed();
    let left = ["7 TRANSFER COMPLETE", "M Download=a", "M ScheduleDownload=c"];
    assert_eq!(freeze(&mut store), left);
    store.handle_response(TransferCompleteResponse, "a");
    store.handle_response(TransferCompleteResponse, "c");
    store.handle_session_success();
    assert!(store.is_empty() && !store.contains(&EventCode::TransferComplete));
}

#[test]
fn ses_15_a_transfer_that_ends_in_the_session_may_be_delivered_in_it() {
    let mut store = store(&["7 TRANSFER COMPLETE", "M Download=a"]);
    store.freeze();
    add(&mut store, &["7 TRANSFER COMPLETE", "M Download=b"]);
    store.handle_response(TransferCompleteResponse, "a");
    let mut later = store.clone();
    later.handle_session_success();
    assert_eq!(freeze(&mut later), ["7 TRANSFER COMPLETE", "M Download=b"]);
    store.handle_response(TransferCompleteResponse, "b");
    store.handle_session_success();
    assert_eq!(freeze(&mut store), [""; 0]);
}

#[test]
fn evt_12_several_reboots_make_one_boot() {
    let mut store = store(&["M Reboot=a", "M Reboot=b"]);
    store.handle_reboot();
    add(&mut store, &["1 BOOT"]);
    assert_eq!(freeze(&mut store), ["1 BOOT", "M Reboot=a", "M Reboot=b"]);
}

#[test]
fn hbt_02_a_heartbeat_is_alone_in_its_inform() {
    let mut store = store(&["14 HEARTBEAT", "2 PERIODIC"]);
    assert_eq!(freeze(&mut store), ["2 PERIODIC"]);
    assert!(!store.is_empty());
    store.handle_inform_response();
    store.handle_session_success();
    assert_eq!(freeze(&mut store), ["14 HEARTBEAT"]);
    add(&mut store, &["2 PERIODIC"]);
    store.handle_session_failed();
    assert_eq!(freeze(&mut store), ["2 PERIODIC"]);
}

#[test]
fn the_store_is_bounded_and_always_fits_into_one_inform() {
    let mut store = EventStore::default();
    for code in EventCode::standard().filter(|code| !code.is_multiple()) {
        let _ = store.add(code.clone(), "");
    }
    for n in 0..MULTIPLE_EVENTS_MAX {
        assert!(store.has_room());
        assert_eq!(store.add(EventCode::MReboot, &n.to_string()), Added::New);
    }
    assert!(!store.has_room());
    assert_eq!(store.add(EventCode::MReboot, "one more"), Added::Refused);
    assert_eq!(store.add(EventCode::Vendor("X A B".to_owned()), ""), Added::Refused);
    assert_eq!(store.add(EventCode::Boot, ""), Added::Merged);
    let list = store.freeze();
    assert!(list.len() <= EVENTS_MAX);
    assert_eq!(list.len(), MULTIPLE_EVENTS_MAX + 14, "all but the heartbeat");
    let too_many = (0..1_000).map(|n| Event::with_key(EventCode::MReboot, n.to_string()));
    assert_eq!(EventStore::restore(too_many).freeze().len(), MULTIPLE_EVENTS_MAX);
}

#[test]
fn a_snapshot_restores_the_store() {
    let mut original = store(&["0 BOOTSTRAP", "1 BOOT", "M Reboot=a", "6 CONNECTION REQUEST"]);
    original.freeze();
    add(&mut original, &["1 BOOT", "M Reboot=b"]);
    let mut restored = EventStore::restore(original.snapshot());
    assert_eq!(freeze(&mut restored), ["0 BOOTSTRAP", "1 BOOT", "M Reboot=a", "M Reboot=b"]);
}

#[derive(Debug, Clone)]
enum Operation {
    Add(usize, String),
    Freeze,
    InformResponse,
    Response(usize, String),
    Failed,
    Success,
    Reboot,
    Restore,
}

fn operation() -> impl Strategy<Value = Operation> {
    let row = 0..expected_table().len();
    prop_oneof![
        6 => (row.clone(), "[ab]?").prop_map(|(row, key)| Operation::Add(row, key)),
        2 => Just(Operation::Freeze),
        1 => Just(Operation::InformResponse),
        2 => (row, "[ab]?").prop_map(|(row, key)| Operation::Response(row, key)),
        1 => Just(Operation::Failed),
        1 => Just(Operation::Success),
        1 => Just(Operation::Reboot),
        1 => Just(Operation::Restore),
    ]
}

fn check_list(list: &[Event]) -> Result<(), TestCaseError> {
    prop_assert!(list.len() <= EVENTS_MAX);
    for (index, event) in list.iter().enumerate() {
        let again = list[..index].iter().any(|other| other.code == event.code);
        prop_assert!(event.code.is_multiple() || !again, "{} twice", event.code);
        prop_assert!(event.code.is_multiple() || event.command_key.is_empty());
        prop_assert!(event.code != EventCode::Heartbeat || list.len() == 1);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_sequence_keeps_the_lists_valid_and_loses_nothing(
        operations in prop::collection::vec(operation(), 0..120),
    ) {
        let table = expected_table();
        let mut store = EventStore::default();
        for operation in operations {
            let before = store.snapshot();
            match &operation {
                Operation::Add(row, key) => {
                    let _ = store.add(EventCode::parse(table[*row].0).0, key);
                }
                Operation::Freeze => check_list(&store.freeze())?,
                Operation::InformResponse => store.handle_inform_response(),
                Operation::Response(row, key) => store.handle_response(table[*row].2, key),
                Operation::Failed => store.handle_session_failed(),
                Operation::Success => store.handle_session_success(),
                Operation::Reboot => store.handle_reboot(),
                Operation::Restore => store = EventStore::restore(store.snapshot()),
            }
            let after = store.snapshot();
            match &operation {
                // Nothing that is to be retried leaves by these.
                Operation::Freeze | Operation::Failed | Operation::Success | Operation::Restore => {
                    prop_assert_eq!(before, after);
                }
                Operation::Reboot => {
                    let kept = |event: &Event| event.code.retry() != EventRetry::Boot
                        && event.code.retry() != EventRetry::May;
                    let before: Vec<Event> = before.into_iter().filter(kept).collect();
                    prop_assert_eq!(before, after);
                }
                _ => {}
            }
        }
        check_list(&store.freeze())?;
    }

    #[test]
    fn parsing_is_stable(text in "([0-9MmXx]{0,3}[ \\t]{0,2})?[ A-Za-z_0-9]{0,70}|\\PC{0,70}") {
        let (code, normalised) = EventCode::parse(&text);
        prop_assert_eq!(normalised, code.as_str() != text);
        prop_assert!(code.as_str().chars().count() <= EVENT_CODE_CHARS_MAX);
        let again = EventCode::parse(code.as_str());
        prop_assert_eq!(again, (code, false));
    }
}
