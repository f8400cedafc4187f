//! The contract with a real server, and what is particular to one.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use postgres::Config;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Options, Server, needs_tls};
use crate::contract::{
    Place, block_on, contract_test, indexes_complete, key, parameter, registration, task,
};
use crate::sql::connection::{Access, DbError, Use, params};
use crate::{Error, IntegrityReport, Retention, Store, TaskFilter};
use drover_cwmp::ValueType;
use drover_provision::{Batch, TaskKind};
use drover_test_servers::PostgresServer;

thread_local! {
    /// The server of this test, with the number of its databases.
    static SERVER: RefCell<Option<(Option<Rc<PostgresServer>>, u32)>> =
        const { RefCell::new(None) };
}

/// A database of its own.
struct Database {
    server: Rc<PostgresServer>,
    name: String,
}

impl Place for Database {
    fn new() -> Option<Self> {
        SERVER.with_borrow_mut(|known| {
            let (server, count) =
                known.get_or_insert_with(|| (PostgresServer::start().map(Rc::new), 0));
            let server = server.clone()?;
            *count += 1;
            let name = format!("test{count}");
            server.execute("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
            Some(Self { server, name })
        })
    }

    fn open_with(&self, retention: Retention) -> Store {
        Store::connect_with(&self.server.url(&self.name), retention).unwrap()
    }
}

contract_test!(Database);

fn counts(store: &Store) -> (u64, u64) {
    block_on(async {
        let tasks = store.count_tasks(TaskFilter::default()).await.unwrap();
        (store.count_devices().await.unwrap(), tasks)
    })
}

fn with(number: u32, path: &str, text: &str) -> Batch {
    let mut batch = registration(number);
    batch.parameters.insert(path.to_owned(), Some(parameter(text, ValueType::String)));
    batch
}

fn one_line(error: &Error) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text:?}");
    text
}

#[test]
fn what_was_acknowledged_outlives_a_crash_of_the_server() {
    let Some(mut server) = PostgresServer::start() else { return };
    let store = Store::connect(&server.url("postgres")).unwrap();
    let save = |number: u32| {
        block_on(async {
            store.save(with(number, &format!("Device.P{number}"), "x")).await.unwrap();
            store.insert_task(task(number.into(), number, TaskKind::Reboot)).await.unwrap();
        });
    };
    (0..5).for_each(save);
    for round in 0..2_u64 {
        server.kill();
        block_on(async {
            let read = store.load(&key(0)).await.unwrap_err();
            let written = store.save(registration(99)).await.unwrap_err();
            for error in [&read, &written] {
                assert!(matches!(error, Error::Server { .. }), "{error:?}");
                one_line(error);
            }
        });
        server.run();
        // The same store goes on: first one that reads, then one that writes.
        assert_eq!(counts(&store), (5 + round, 5 + round));
        save(5 + u32::try_from(round).unwrap());
    }
    block_on(async {
        let record = store.load(&key(6)).await.unwrap().unwrap();
        assert!(record.parameters.contains_key("Device.P6"));
        assert!(store.check().await.unwrap().is_sound());
    });
}

#[test]
fn what_cannot_be_a_store_is_refused() {
    let Some(server) = PostgresServer::start() else { return };
    let url = server.url("postgres");
    let store = Store::connect(&url).unwrap();
    let error = Store::connect(&url).unwrap_err();
    assert!(matches!(error, Error::ServerInUse { .. }), "{error:?}");
    assert!(one_line(&error).contains("stop that one"), "{error}");
    drop(store);
    server.execute("postgres", "INSERT INTO drover.migration (number) VALUES (99)");
    let error = Store::connect(&url).unwrap_err();
    assert!(matches!(error, Error::NewerServer { found: 99, .. }), "{error:?}");
    one_line(&error);
    server.execute(
        "postgres",
        "CREATE DATABASE ascii TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C' \
         LOCALE_PROVIDER libc",
    );
    let error = one_line(&Store::connect(&server.url("ascii")).unwrap_err());
    assert!(error.contains("ENCODING 'UTF8'"), "{error}");
    let error = one_line(&Store::connect(&server.url("nowhere")).unwrap_err());
    assert!(error.contains("database \"nowhere\" does not exist"), "{error}");
    server.execute("postgres", "CREATE ROLE weak LOGIN");
    server.execute("postgres", "CREATE DATABASE poor TEMPLATE template0");
    let weak = server.url("poor").replace("user=drover", "user=weak");
    let error = one_line(&Store::connect(&weak).unwrap_err());
    assert!(error.contains("permission denied"), "{error}");
}

#[test]
fn an_address_is_read_with_care() {
    for (url, reason) in [
        ("", "no host"),
        ("postgresql://", "no host"),
        ("dbname=drover password=hush", "no host"),
        ("host=db port=seven password=hush", "port"),
        ("host=db password=hush colour=red", "colour"),
        ("postgresql://u:hush@db/x?sslrootcert=/no/such/file", "/no/such/file"),
    ] {
        let error = Store::connect(url).unwrap_err();
        assert!(matches!(error, Error::InvalidUrl { .. }), "{url}: {error:?}");
        let error = one_line(&error);
        assert!(error.contains(reason) && !error.contains("hush"), "{url}: {error}");
    }
    // Nobody listens on this port.
    let url = "postgresql://drover:hush@127.0.0.1:1/fleet";
    let error = Store::connect(url).unwrap_err();
    assert!(matches!(error, Error::Server { .. }), "{error:?}");
    let error = one_line(&error);
    assert!(error.contains("drover@127.0.0.1:1/fleet") && !error.contains("hush"), "{error}");
    assert!(!format!("{:?}", Server::parse(url).unwrap()).contains("hush"));
}

#[test]
fn what_goes_over_a_network_is_encrypted() {
    for (url, needs) in [
        ("host=/run/postgresql", false),
        ("postgresql://localhost/x", false),
        ("postgresql://127.0.0.1/x", false),
        ("postgresql://[::1]/x", false),
        ("host=localhost,db.example", true),
        ("postgresql://db.example/x", true),
        ("postgresql://10.0.0.1/x", true),
        ("postgresql://localhost/x?sslmode=require", true),
        ("postgresql://localhost/x?sslmode=verify-full", true),
        ("host=localhost sslmode=verify-ca", true),
        ("postgresql://db.example/x?sslmode=disable", false),
    ] {
        let config: Config = Options::of(url).rest.parse().unwrap();
        assert_eq!(needs_tls(&config), needs, "{url}");
    }
    for url in [
        "postgresql://db/x?sslrootcert=%2Fetc/ca.pem&connect_timeout=3",
        "host=db sslrootcert='/etc/ca.pem' connect_timeout=3",
    ] {
        let Options { rest, authority } = Options::of(url);
        assert_eq!(authority.as_deref(), Some(Path::new("/etc/ca.pem")), "{url}");
        let config: Config = rest.parse().unwrap();
        assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(3)), "{url}");
    }
}

#[test]
fn a_server_must_show_a_certificate_of_a_trusted_authority() {
    let folder = TempDir::new().unwrap();
    let (good, other) = (folder.path().join("good"), folder.path().join("other"));
    for path in [&good, &other] {
        certificate(path, "DNS:localhost");
    }
    let Some(mut server) = PostgresServer::start() else { return };
    let port = server.listen_with_tls(&good);
    let connect = |host: &str, authority: &Path| {
        let authority = authority.with_extension("crt");
        Store::connect(&format!(
            "postgresql://drover@{host}:{port}/postgres?sslmode=require&sslrootcert={}",
            authority.display()
        ))
    };
    connect("localhost", &good).unwrap();
    for (host, authority) in [("localhost", &other), ("127.0.0.1", &good)] {
        let error = connect(host, authority).unwrap_err();
        assert!(one_line(&error).contains("certificate"), "{error}");
    }
}

/// Makes a certificate that signs itself, and its key.
fn certificate(path: &Path, name: &str) {
    // The system's configuration would make it one of an authority.
    let config = path.with_extension("cnf");
    fs::write(&config, "[req]\ndistinguished_name = dn\n[dn]\n").unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .arg("-config")
        .arg(&config)
        .args(["-subj", "/CN=database", "-days", "2", "-addext"])
        .arg(format!("subjectAltName={name}"))
        .arg("-keyout")
        .arg(path.with_extension("key"))
        .arg("-out")
        .arg(path.with_extension("crt"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn a_session_is_durable_and_keeps_its_time() {
    let Some(database) = Database::new() else { return };
    drop(database.open());
    let url = database.server.url(&database.name);
    // The client cannot be used on a thread that runs futures, but this one runs none.
    let server = Server::parse(&url).unwrap();
    let db = server.connect(Access::Read).unwrap();
    let text = |sql: &str| -> String {
        db.query_row(sql, &[], |row| row.get(0)).unwrap_or_else(|error: DbError| panic!("{error}"))
    };
    // The server of the tests has `off`.
    assert_eq!(text("SHOW synchronous_commit"), "on");
    db.begin(Access::Read).unwrap();
    db.limit_statements(Duration::from_millis(50)).unwrap();
    let slept = db.query(Use::Once, "SELECT pg_sleep(600)::text", &[], |_| {
        Ok::<_, DbError>(std::ops::ControlFlow::Continue(()))
    });
    assert!(slept.unwrap_err().is_interruption());
    db.roll_back().unwrap();
    db.begin(Access::Read).unwrap();
    let written = db.execute("DELETE FROM device WHERE id = ?1", params![1_i64]).unwrap_err();
    assert!(written.to_string().contains("read-only"), "{written}");
}

#[test]
fn the_index_is_asked_and_not_all_devices() {
    let Some(database) = Database::new() else { return };
    let store = database.open();
    let long = "long ".repeat(10_000);
    block_on(async {
        store.add_index("Device.X").await.unwrap();
        indexes_complete(&store).await;
        for (number, text) in [(1, "short"), (2, &*long), (3, &*format!("{long}!"))] {
            store.save(with(number, "Device.X", text)).await.unwrap();
        }
        assert_eq!(
            store.check().await.unwrap(),
            IntegrityReport { devices: 3, ..Default::default() }
        );
    });
    drop(store);
    let server = Server::parse(&database.server.url(&database.name)).unwrap();
    let db = server.connect(Access::Read).unwrap();
    db.execute_batch("SET enable_seqscan = off; SET enable_bitmapscan = off").unwrap();
    for (sql, index) in [
        (
            "SELECT device FROM param WHERE path = 1 AND left(text, 128) = left('x', 128) \
             AND text = 'x'",
            "param_by_text",
        ),
        (
            "SELECT device FROM param WHERE path = 1 AND left(text, 128) >= left('x', 128) \
             AND text >= 'x' AND left(text, 128) <= left('y', 128) AND text < 'y'",
            "param_by_text",
        ),
        ("SELECT device FROM param WHERE path = 1 AND number > 7", "param_by_number"),
        ("SELECT device FROM param WHERE path = 1 AND number = 7 AND device = 3", "param"),
        ("SELECT device FROM tag WHERE tag = 'x'", "tag_by_name"),
        (
            "SELECT id FROM device WHERE last_inform > 5 ORDER BY last_inform DESC LIMIT 9",
            "device_by_last_inform",
        ),
    ] {
        let plan = db.query_rows(&format!("EXPLAIN {sql}"), &[], |row| row.get::<String>(0));
        let plan = plan.unwrap().join("\n");
        let has_condition = plan.contains("Index Cond");
        assert!(plan.contains(index) && has_condition, "{sql}: {plan}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let Some(database) = Database::new() else { return };
    let store = database.open();
    block_on(async {
        for number in 0..3 {
            let path = "Device.DeviceInfo.SoftwareVersion";
            store.save(with(number, path, "V1")).await.unwrap();
        }
        assert_eq!(store.backup(Path::new("/nowhere")).await, Err(Error::NoBackup));
    });
    let execute = |sql: &str| database.server.execute(&database.name, sql);
    execute(
        "SET search_path TO drover; DELETE FROM param WHERE device = 1; \
         INSERT INTO param (path, device, text) SELECT path, 77, 'V0' FROM param WHERE device = 2; \
         INSERT INTO param (path, device, number) VALUES (999, 1, 1)",
    );
    block_on(async {
        let report = store.check().await.unwrap();
        assert_eq!(
            report.problems,
            [
                "device 00D09E-Box-0000: its Device.DeviceInfo.SoftwareVersion is not in the index",
                "the index of Device.DeviceInfo.SoftwareVersion has 1 rows that no device has: \
                 drop it and add it again",
                "1 rows of param belong to no index",
            ]
        );
        execute(
            "SET search_path TO drover; UPDATE device SET last_events = 'x' WHERE id = 1; \
             UPDATE document SET body = '\\x010100' WHERE device = 3",
        );
        let error = one_line(&store.load(&key(0)).await.unwrap_err());
        assert!(error.contains("unreadable events"), "{error}");
        let error = one_line(&store.load(&key(2)).await.unwrap_err());
        assert!(error.contains("unreadable document of device 00D09E-Box-0002"), "{error}");
        for number in [0, 2] {
            let deleted = store.delete_device(&key(number)).await;
            assert_eq!(deleted, Ok(true), "it can be removed all the same");
        }
        assert!(store.load(&key(1)).await.unwrap().is_some());
    });
}
