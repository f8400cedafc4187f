//! What is acknowledged is on the disk: the trace of the system calls shows the sync before the
//! write that acknowledges. `kill -9` could not show that, since it keeps the page cache.

use std::path::Path;
use std::time::Duration;

use drover_tests::cpe::{Cpe, Turn, agree};
use drover_tests::server::{Options, Server};
use drover_tests::strace::{self, Event, Rule};
use serde_json::json;

/// How long a traced program may take to end.
const END: Duration = Duration::from_secs(30);

/// Ends the server, so that the trace is complete.
fn end(server: Server, trace: &Path) -> Vec<Event> {
    server.process.signal("TERM");
    let Server { process, .. } = server;
    let ended = process.wait(END);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    strace::read(trace)
}

#[test]
fn sync_of_the_database_precedes_every_acknowledgement() {
    const ROUNDS: usize = 5;
    if !strace::is_usable() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let wrapper = strace::wrapper(&trace);
    let data = Some(folder.path().join("data"));
    let server = Server::start_with(Options { wrapper, data, ..Options::default() });
    let cpe = Cpe::new(server.cwmp, "traced");
    for round in 0..ROUNDS {
        let value = format!("value {round}");
        let mut session = cpe.start("2 PERIODIC", &[("Device.Round", &value)]).expect("accepted");
        assert!(matches!(session.hand_over().expect("a turn"), Turn::Over));
        let set = json!([["Device.Set", value, "xsd:string"]]);
        server.nbi.queue(&cpe.id(), &json!({"name": "setParameterValues", "parameterValues": set}));
        cpe.hold("2 PERIODIC", &[], agree).expect("a session");
        let row = format!("Device.Table{round}.");
        server.nbi.queue(&cpe.id(), &json!({"name": "addObject", "objectName": row}));
        cpe.hold("2 PERIODIC", &[], agree).expect("a session");
        server.nbi.queue(&cpe.id(), &json!({"name": "reboot"}));
        cpe.hold("2 PERIODIC", &[], agree).expect("a session");
        let preset = server.nbi.send(&format!("PUT /presets/p{round}"), "{\"weight\": 1}");
        assert_eq!(preset.status, 200);
    }
    let events = end(server, &trace);
    let rules = [
        ("cwmp:Inform>", "InformResponse", 4 * ROUNDS),
        ("POST /devices/", "HTTP/1.1 202", 3 * ROUNDS),
        ("PUT /presets/", "HTTP/1.1 200", ROUNDS),
        ("SetParameterValuesResponse", "HTTP/1.1 20", ROUNDS),
        ("AddObjectResponse", "HTTP/1.1 20", ROUNDS),
        ("RebootResponse", "HTTP/1.1 20", ROUNDS),
    ];
    for (request, acknowledgement, expected) in rules {
        let rule = Rule { request, acknowledgement, file: "-wal" };
        let found = strace::check(&events, rule).unwrap_or_else(|e| panic!("{rule:?}: {e}"));
        assert_eq!(found, expected, "acknowledgements of {rule:?}");
        let unsynced: Vec<Event> = events.iter().filter(|event| !is_sync(event)).cloned().collect();
        assert!(strace::check(&unsynced, rule).is_err(), "{rule:?} would also hold without a sync");
    }
}

fn is_sync(event: &Event) -> bool {
    matches!(event, Event::Synced { .. })
}
