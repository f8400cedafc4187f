//! The server with its data in a PostgreSQL server.

use std::process::Command;
use std::time::Duration;

use drover_test_servers::PostgresServer;
use drover_tests::cpe::{Cpe, agree};
use drover_tests::process::{Ended, run};
use drover_tests::programs;
use drover_tests::server::{Options, Server};
use serde_json::json;

/// How long one command may take.
const END: Duration = Duration::from_secs(60);

fn serve(database: &str) -> Server {
    Server::start_with(Options { database: Some(database.to_owned()), ..Options::default() })
}

fn drover(database: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new(programs::ours("drover"));
    run(command.args(arguments).env("DROVER_DATABASE", database), END)
}

#[test]
fn what_was_acknowledged_outlives_server_and_database() {
    let Some(mut postgres) = PostgresServer::start() else { return };
    let database = postgres.url("postgres");
    let mut server = serve(&database);
    let device = Cpe::new(server.cwmp, "1");
    device.hold("1 BOOT", &[("Device.X.Colour", "red")], agree).expect("a session");
    let set = json!({
        "name": "setParameterValues",
        "parameterValues": [["Device.X.Colour", "blue", "xsd:string"]],
    });
    let task = server.nbi.queue(&device.id(), &set);
    server.process.kill();
    postgres.kill();

    // The API says that it cannot answer, and goes on once the database is there again.
    postgres.run();
    let server = serve(&database);
    assert!(server.nbi.task(&task).is_some(), "the task is there");
    postgres.kill();
    let refused = server.nbi.post_task(&device.id(), &json!({"name": "reboot"}), "");
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(server.nbi.send("GET /ready", "").status, 503, "it cannot serve devices");
    assert_eq!(server.nbi.send("GET /health", "").status, 200, "a restart does not help");
    let device = Cpe { server: server.cwmp, ..device };
    assert!(device.hold("2 PERIODIC", &[], agree).is_err(), "no session is acknowledged");
    postgres.run();
    device.hold("2 PERIODIC", &[], agree).expect("a session");
    assert_eq!(server.nbi.send("GET /ready", "").status, 200);
    assert!(server.nbi.task(&task).is_none(), "the task is done");
    let colour = server.nbi.value(&device.id(), "Device.X.Colour");
    assert_eq!(colour, Some(json!("blue")));
}

#[test]
fn administration_works_on_the_database_of_a_stopped_server() {
    let Some(postgres) = PostgresServer::start() else { return };
    let database = format!("{} password=hush", postgres.url("postgres"));
    let server = serve(&database);
    Cpe::new(server.cwmp, "1").hold("1 BOOT", &[], agree).expect("a session");
    let ended = drover(&database, &["admin", "check"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("stop it first"), "{ended:?}");
    let log = server.process.log();
    server.process.signal("TERM");
    assert_eq!(server.process.wait(END).code, Some(0));
    let ended = drover(&database, &["admin", "check"]);
    assert_eq!((ended.code, ended.stdout.trim()), (Some(0), "1 device, nothing is wrong"));
    let ended = drover(&database, &["admin", "index", "add", "Device.X.Colour"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for command in [&["admin", "backup", "/nowhere"], &["admin", "restore", "/nowhere"]] {
        let ended = drover(&database, command);
        assert!(ended.code == Some(1) && ended.stderr.contains("pg_dump"), "{ended:?}");
    }
    let checked = drover(&database, &["serve", "--check-config"]);
    assert!(checked.stdout.contains("PostgreSQL drover@"), "{checked:?}");
    let wrong = drover("postgresql://drover:hush@", &["serve", "--check-config"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    for text in [log, checked.stdout, checked.stderr, wrong.stderr, ended.stderr] {
        assert!(!text.contains("hush"), "{text}");
    }
}
