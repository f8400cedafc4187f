//! What a database lets through, and what is left, is what the filter lets through.

use std::collections::{BTreeMap, BTreeSet};

use drover_cwmp::auth::{Credentials, Secret};
use drover_cwmp::{CwmpVersion, Value as CwmpValue, ValueType};
use drover_provision::engine::Scalar;
use drover_provision::expression::{Arithmetic, Branch, Comparison, Path, PathPart, Value};
use drover_provision::view::{DeviceView, scalar};
use drover_provision::{DeviceFields, DeviceRecord, Identity, Parameter};
use proptest::prelude::*;
use proptest::sample::select;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params};

use super::*;

pub(crate) const NOW: i64 = 1_000_000;
pub(crate) const INDEXED: [&str; 3] = ["Device.A", "Device.B", "Device.C"];

fn catalogue() -> Catalogue {
    INDEXED.into_iter().map(str::to_owned).zip(7..).collect()
}

fn at(microsecond: i64) -> Timestamp {
    Timestamp::from_microsecond(microsecond).unwrap()
}

/// The tables that conditions name, as far as they name them.
const SCHEMA: &str = "
    CREATE TABLE device (id INTEGER PRIMARY KEY, key TEXT NOT NULL, manufacturer TEXT NOT NULL,
        oui TEXT NOT NULL, product_class TEXT NOT NULL, serial_number TEXT NOT NULL,
        registered INTEGER NOT NULL, last_inform INTEGER NOT NULL, last_boot INTEGER,
        last_bootstrap INTEGER) STRICT;
    CREATE TABLE tag (device INTEGER NOT NULL, tag TEXT NOT NULL) STRICT;
    CREATE TABLE param (path INTEGER NOT NULL, value ANY NOT NULL, device INTEGER NOT NULL,
        PRIMARY KEY (path, value, device)) STRICT, WITHOUT ROWID;";

fn database(records: &[DeviceRecord]) -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    for (id, record) in (0_i64..).zip(records) {
        insert(&db, id, record);
    }
    db
}

fn insert(db: &Connection, id: i64, record: &DeviceRecord) {
    let DeviceFields { identity, registered, last_inform, .. } = &record.fields;
    db.execute(
        "INSERT INTO device VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            id,
            record.key.as_str(),
            identity.manufacturer,
            identity.oui,
            identity.product_class,
            identity.serial_number,
            registered.as_microsecond(),
            last_inform.as_microsecond(),
            record.fields.last_boot.map(Timestamp::as_microsecond),
            record.fields.last_bootstrap.map(Timestamp::as_microsecond),
        ],
    )
    .unwrap();
    for tag in &record.tags {
        db.execute("INSERT INTO tag VALUES (?1, ?2)", params![id, tag]).unwrap();
    }
    let catalogue = catalogue();
    for (path, parameter) in &record.parameters {
        let (Some(path), Some(known)) = (catalogue.index(path), &parameter.value) else { continue };
        let value = match scalar(&known.value) {
            Scalar::Bool(value) => SqlValue::Integer(value.into()),
            Scalar::Number(number) => SqlValue::Real(number),
            Scalar::Text(text) => SqlValue::Text(text.into()),
        };
        db.execute("INSERT INTO param VALUES (?1, ?2, ?3)", params![path, value, id]).unwrap();
    }
}

fn selected(db: &Connection, compiled: &Compiled) -> BTreeSet<usize> {
    let mut bindings = Vec::new();
    let condition = compiled.sql(&[], &mut bindings);
    let found = query(db, &format!("SELECT id FROM device WHERE {condition}"), &bindings);
    for source in compiled.sources() {
        let mut bindings = source.bindings.clone();
        let condition = compiled.sql(std::slice::from_ref(&source), &mut bindings);
        let sql = format!(
            "SELECT id FROM ({}) AS source CROSS JOIN device ON device.id = source.device \
             WHERE {condition}",
            source.sql
        );
        assert_eq!(query(db, &sql, &bindings), found, "{sql}");
    }
    found.into_iter().collect()
}

fn query(db: &Connection, sql: &str, bindings: &[Binding]) -> Vec<usize> {
    let mut statement = db.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let bindings = bindings.iter().map(|binding| match binding {
        Binding::Integer(integer) => SqlValue::Integer(*integer),
        Binding::Number(number) => SqlValue::Real(*number),
        Binding::Text(text) => SqlValue::Text(text.clone()),
    });
    let bindings = rusqlite::params_from_iter(bindings);
    let rows = statement.query_map(bindings, |row| row.get::<_, i64>(0)).unwrap();
    let mut found: Vec<_> = rows.map(|row| usize::try_from(row.unwrap()).unwrap()).collect();
    found.sort_unstable();
    found
}

fn check(filter: &Expression, records: &[DeviceRecord]) -> Result<(), TestCaseError> {
    let compiled = compile(filter, &catalogue(), Dialect::Sqlite, at(NOW));
    let is_true = |expression: &Expression, index: usize| {
        expression.evaluate(&DeviceView::new(&records[index], at(NOW))).is_true()
    };
    let expected: BTreeSet<usize> =
        (0..records.len()).filter(|index| is_true(filter, *index)).collect();
    let selected = selected(&database(records), &compiled);
    prop_assert!(selected.is_superset(&expected), "too few: {filter}: {compiled:?}");
    let found: BTreeSet<usize> = selected
        .into_iter()
        .filter(|index| compiled.residual.as_ref().is_none_or(|it| is_true(it, *index)))
        .collect();
    prop_assert_eq!(found, expected, "{}: {:?}", filter, compiled);
    // The other dialect says the same of what is left.
    let other = compile(filter, &catalogue(), Dialect::Postgres, at(NOW));
    prop_assert!(other.residual.is_none() || compiled.residual.is_some());
    Ok(())
}

fn texts() -> impl Strategy<Value = String> {
    let texts = [
        "",
        "1",
        "10",
        "5.5",
        "true",
        "TRUE",
        "a",
        "ab",
        "aB",
        "b",
        "*",
        "[a]",
        "50%",
        "a_c",
        "é",
        "\u{FFFD}",
        "\u{1F600}",
        "a\0b",
        "1970-01-01T00:00:01Z",
        "Infinity",
    ];
    select(texts.to_vec()).prop_map(str::to_owned)
}

fn parameters() -> impl Strategy<Value = Option<Parameter>> {
    let types = [
        ValueType::String,
        ValueType::Boolean,
        ValueType::Int,
        ValueType::DateTime,
        ValueType::Long,
    ];
    let value = (select(types.to_vec()), texts())
        .prop_map(|(ty, text)| Parameter::with_value(CwmpValue::new(ty, text), at(0)));
    prop::option::weighted(0.8, value)
}

fn times() -> impl Strategy<Value = Timestamp> {
    let times = [-2_000_001, -1_001, -1_000, -999, -1, 0, 1, 999, 1_000, 1_001, 1_999, 1_000_000];
    select(times.to_vec()).prop_map(at)
}

fn record() -> DeviceRecord {
    let identity = Identity { serial_number: "1".to_owned(), ..Identity::default() };
    DeviceRecord {
        key: identity.key(),
        fields: DeviceFields {
            identity,
            registered: at(0),
            last_inform: at(0),
            last_boot: None,
            last_bootstrap: None,
            sessions: 1,
            last_events: Vec::new(),
            root: None,
            cwmp_version: CwmpVersion::V1_0,
            peculiarities: BTreeSet::new(),
            connection_request: Credentials::new("", Secret::new("")),
        },
        tags: BTreeSet::new(),
        parameters: BTreeMap::new(),
    }
}

pub(crate) fn records() -> impl Strategy<Value = DeviceRecord> {
    let parameters = prop::collection::vec(parameters(), 4);
    let tags = prop::collection::btree_set(select(vec!["lab", "a b"]), 0..=2);
    let times = (times(), times(), prop::option::of(times()), prop::option::of(times()));
    (parameters, tags, times, (texts(), texts(), texts())).prop_map(
        |(parameters, tags, times, (manufacturer, oui, serial_number))| {
            let product_class = "Box".to_owned();
            let identity = Identity { manufacturer, oui, product_class, serial_number };
            let paths = ["Device.A", "Device.B", "Device.C", "Device.X"];
            let parameters = paths.into_iter().zip(parameters);
            let blank = record();
            DeviceRecord {
                key: identity.key(),
                fields: DeviceFields {
                    identity,
                    registered: times.0,
                    last_inform: times.1,
                    last_boot: times.2,
                    last_bootstrap: times.3,
                    ..blank.fields
                },
                tags: tags.into_iter().map(str::to_owned).collect(),
                parameters: parameters
                    .filter_map(|(path, it)| Some((path.to_owned(), it?)))
                    .collect(),
            }
        },
    )
}

fn literals() -> impl Strategy<Value = Expression> {
    let numbers = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 10.0, 1000.0, f64::INFINITY];
    let patterns = ["%", "_", "a%", "%b", "a_", "1%", "%.%", "t%", "50!%", "%[a]%", "tr_e", "%e%"];
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        3 => select(numbers.to_vec()).prop_map(Value::number),
        3 => texts().prop_map(Value::Text),
        1 => select(patterns.to_vec()).prop_map(Value::from),
    ]
    .prop_map(Expression::Literal)
}

fn paths() -> impl Strategy<Value = Expression> {
    let paths = [
        "Device.A",
        "Device.A",
        "Device.B",
        "Device.B",
        "Device.C",
        "Device.X",
        "Device.None",
        "DeviceID.ID",
        "DeviceID.Manufacturer",
        "DeviceID.OUI",
        "DeviceID.SerialNumber",
        "DeviceID.None",
        "Events.Inform",
        "Events.Registered",
        "Events.1_BOOT",
        "Events.0_BOOTSTRAP",
        "Events.None",
        "Tags.lab",
        "Tags.a0x20b",
        "Tags.0x6cab",
        "Tags.none",
    ];
    select(paths.to_vec()).prop_map(|path| Expression::Parameter(Path::new(path)))
}

pub(crate) fn expressions() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![1 => literals(), 3 => paths()];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let some = || prop::collection::vec(inner.clone(), 2..4);
        let constant = || literals().prop_map(Box::new);
        let other = || prop_oneof![2 => constant(), 1 => boxed()];
        let operator = select(vec![
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ]);
        let calculation = select(vec![Arithmetic::Add, Arithmetic::Subtract, Arithmetic::Divide]);
        let escape = prop::option::weighted(0.3, Just(Box::new(Expression::Literal("!".into()))));
        let branch = (inner.clone(), inner.clone())
            .prop_map(|(condition, value)| Branch { condition, value });
        let name = select(vec!["COALESCE", "COALESCE", "UPPER", "ROUND", "NOW", "AUTH"]);
        prop_oneof![
            2 => boxed().prop_map(Expression::Not),
            3 => some().prop_map(Expression::And),
            3 => some().prop_map(Expression::Or),
            6 => (operator, boxed(), other()).prop_map(|(operator, left, right)| {
                Expression::Compare { operator, left, right }
            }),
            3 => (boxed(), other(), escape, any::<bool>()).prop_map(
                |(text, pattern, escape, negated)| {
                    Expression::Like { text, pattern, escape, negated }
                },
            ),
            3 => (boxed(), any::<bool>())
                .prop_map(|(operand, negated)| Expression::IsNull { operand, negated }),
            1 => some().prop_map(Expression::Concatenate),
            1 => (calculation, boxed(), boxed()).prop_map(|(operator, left, right)| {
                Expression::Arithmetic { operator, left, right }
            }),
            1 => (prop::collection::vec(branch, 1..3), prop::option::of(boxed()))
                .prop_map(|(branches, otherwise)| Expression::Case { branches, otherwise }),
            2 => (name, some()).prop_map(|(name, arguments)| {
                Expression::Call { name: name.to_owned(), arguments }
            }),
            1 => inner.clone().prop_map(|last| {
                let first = PathPart::Text("Device.".to_owned());
                Expression::Parameter(Path::from_parts([first, PathPart::Expression(last)]))
            }),
        ]
    })
}

/// More when the tests run for long.
fn cases(few: u32) -> ProptestConfig {
    let long = std::env::var_os("DROVER_SOAK").is_some();
    ProptestConfig { cases: if long { few * 100 } else { few }, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(1_000))]
    #[test]
    fn a_compiled_filter_finds_what_the_filter_lets_through(
        filter in expressions(), records in prop::collection::vec(records(), 1..12),
    ) {
        check(&filter, &records)?;
    }

}

proptest! {
    #![proptest_config(cases(200))]
    #[test]
    fn a_comparison_alone_is_found(
        left in paths(), right in literals(), records in prop::collection::vec(records(), 1..12),
        negated in any::<bool>(), pattern in "[ae1tu%_!\\[\\]*?.]{0,4}",
    ) {
        let (text, left) = (Box::new(left.clone()), Box::new(left));
        for operator in ["=", "<>", "<", "<=", ">", ">="] {
            let text = format!("{left} {operator} {right}");
            let mut filter = Expression::parse(&text).unwrap();
            if negated {
                filter = Expression::Not(Box::new(filter));
            }
            check(&filter, &records)?;
        }
        let pattern = Box::new(Expression::Literal(pattern.into()));
        let escape = Some(Box::new(Expression::Literal("!".into())));
        check(&Expression::Like { text, pattern, escape, negated }, &records)?;
    }
}

/// SQLite's GLOB stops there.
#[test]
fn texts_with_a_nul_are_found() {
    let mut record = record();
    for text in ["a\0b", "a\0"] {
        let value = CwmpValue::string(text);
        record.parameters.insert("Device.A".to_owned(), Parameter::with_value(value, at(0)));
        for pattern in ["%b", "%_b", "a%_", "_", "_b%", "%\0%", "a\0%", "_\0"] {
            for operator in ["LIKE", "NOT LIKE"] {
                let text = format!("Device.A {operator} '{pattern}'");
                check(&Expression::parse(&text).unwrap(), std::slice::from_ref(&record)).unwrap();
            }
        }
    }
}

/// What becomes of a filter: its SQL, what is bound, and what is left.
fn compiled(filter: &str, dialect: Dialect) -> (String, String, String) {
    let filter = Expression::parse(filter).unwrap();
    let compiled = compile(&filter, &catalogue(), dialect, at(NOW));
    let mut bindings = Vec::new();
    let sql = compiled.sql(&[], &mut bindings);
    let bindings: Vec<String> = bindings
        .iter()
        .map(|binding| match binding {
            Binding::Integer(integer) => integer.to_string(),
            Binding::Number(number) => format!("{number:?}"),
            Binding::Text(text) => format!("'{text}'"),
        })
        .collect();
    let residual = compiled.residual.map(|residual| residual.to_string()).unwrap_or_default();
    (sql, bindings.join(" "), residual)
}

#[test]
fn a_filter_becomes_sql_for_sqlite() {
    let check = |filter: &str, sql: &str, bindings: &str, residual: &str| {
        let expected = (sql.to_owned(), bindings.to_owned(), residual.to_owned());
        assert_eq!(compiled(filter, Dialect::Sqlite), expected, "{filter}");
    };
    let one = |condition: &str| {
        let rows = format!("SELECT device FROM param WHERE path = ?1 AND {condition}");
        format!("EXISTS ({rows} AND param.device = device.id)")
    };
    let some = |condition: &str| {
        format!("device.id IN (SELECT device FROM param WHERE path = ?1{condition})")
    };
    check("Device.A = 'V2'", &one("value = ?2"), "7 'V2'", "");
    let range = some(" AND (value >= ?2 AND value < ?3)");
    check("Device.A LIKE 'V2.%'", &range, "7 'V2.' 'V2/'", "");
    let range = some(" AND (value > ?2 AND value <= ?3)");
    check("Device.A > 5 AND Device.A <= 9", &range, "7 5.0 9.0", "");
    check("Device.A = 1 OR Device.A = 2 OR 1 = 2", &one("value IN (?2, ?3)"), "7 1.0 2.0", "");
    check("Device.A IS NOT NULL", &some(""), "7", "");
    check("Device.A IS NULL", &format!("NOT {}", some("")), "7", "");
    let others = some(" AND (value < ?2 OR value > ?3)");
    check("NOT Device.A = 5", &others, "7 5.0 5.0", "");
    let is_one = format!("NOT {}", one("value = ?2"));
    check("Device.A IS NULL OR Device.A <> 5", &is_one, "7 5.0", "");
    check("Device.A IS NULL OR Device.A > 1 OR Device.A <= 1", "TRUE", "", "");
    check("Device.A = 1 AND Device.A = 2", "FALSE", "", "");
    check("COALESCE(Device.A, 5) = 5", &format!("NOT {others}"), "7 5.0 5.0", "");
    check("Events.Inform > NOW() - 1", "device.last_inform >= ?1", "1000000", "");
    check("Events.Inform >= 0", "device.last_inform >= ?1", "-999", "");
    check("Events.1_BOOT IS NULL", "device.last_boot IS NULL", "", "");
    let tag = "EXISTS (SELECT 1 FROM tag WHERE tag = ?1 AND tag.device = device.id)";
    check("Tags.lab", tag, "'lab'", "");
    check("Tags.lab IS NULL", &format!("NOT {tag}"), "'lab'", "");
    check("DeviceID.OUI = '202BC1'", "device.oui = ?1", "'202BC1'", "");
    check("DeviceID.OUI > 5", "TRUE", "", "");
    check(
        "DeviceID.OUI LIKE '%*1'",
        "(device.oui GLOB ?1 OR instr(device.oui, char(0)) > 0)",
        "'*[*]1'",
        "DeviceID.OUI LIKE '%*1'",
    );
    check("Device.X = 1", "TRUE", "", "Device.X = 1");
    check("Device.X = 1 OR Device.A = 1", "TRUE", "", "Device.X = 1 OR Device.A = 1");
    check("Device.X = 1 AND Device.A = 1", &one("value = ?2"), "7 1.0", "Device.X = 1");
    check("UPPER(Device.A) = 'X'", &some(""), "7", "UPPER(Device.A) = 'X'");
    check("Device.A = Device.X", &some(""), "7", "Device.A = Device.X");
    let left = "NULL OR Device.{Device.X} IS NULL";
    check("AUTH('a') OR Device.{Device.X} IS NULL", "TRUE", "", left);
}

#[test]
fn a_filter_becomes_sql_for_postgresql() {
    let check = |filter: &str, sql: &str, bindings: &str, residual: &str| {
        let expected = (sql.to_owned(), bindings.to_owned(), residual.to_owned());
        assert_eq!(compiled(filter, Dialect::Postgres), expected, "{filter}");
    };
    let rows = |condition: &str| {
        format!("device.id IN (SELECT device FROM param WHERE path = $1::bigint{condition})")
    };
    let one = "EXISTS (SELECT device FROM param WHERE path = $1::bigint AND \
               (left(text, 128) = left($2::text, 128) AND text = $2::text) \
               AND param.device = device.id)";
    check("Device.A = 'V2'", one, "7 'V2'", "");
    check(
        "Device.A > 5",
        &rows(" AND (number > $2::double precision OR text IS NOT NULL)"),
        "7 5.0",
        "",
    );
    check(
        "Device.A <= 'b'",
        &rows(
            " AND (number IS NOT NULL OR left(text, 128) <= left($2::text, 128) \
             AND text <= $2::text)",
        ),
        "7 'b'",
        "",
    );
    check(
        "Device.A LIKE 'x%\\_' ESCAPE '\\'",
        &rows(
            " AND ((left(text, 128) >= left($3::text, 128) AND text >= $3::text \
             AND left(text, 128) <= left($4::text, 128) AND text < $4::text) \
             AND (text LIKE $2::text ESCAPE '\\' OR strpos(text, chr(1)) > 0))",
        ),
        "7 'x%\\_' 'x' 'y'",
        "Device.A LIKE 'x%\\_' ESCAPE '\\'",
    );
    check("Device.A IS NULL", &format!("NOT {}", rows("")), "7", "");
}

#[test]
fn a_scan_names_what_is_not_indexed() {
    let scan = |filter: &str| {
        let filter = Expression::parse(filter).unwrap();
        let compiled = compile(&filter, &catalogue(), Dialect::Sqlite, at(NOW));
        (compiled.is_scan(), compiled.not_indexed.into_iter().collect::<Vec<_>>())
    };
    let paths = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>();
    assert_eq!(scan("Device.A = 1"), (false, vec![]));
    assert_eq!(scan("Device.X = 1 AND Device.A = 1"), (false, paths(&["Device.X"])));
    assert_eq!(scan("Device.X = 1 OR Device.Y = 2"), (true, paths(&["Device.X", "Device.Y"])));
    assert_eq!(scan("TRUE"), (false, vec![]));
    assert_eq!(scan("FALSE AND Device.X = 1"), (false, vec![]));
}

#[test]
fn long_filters_are_compiled_within_limits() {
    let filter = |count: usize, each: &str| {
        let all: Vec<String> =
            (0..count).map(|number| each.replace('#', &number.to_string())).collect();
        Expression::parse(&all.join(" OR ")).unwrap()
    };
    let (records, db) = (Vec::new(), database(&[]));
    for (count, each, is_exact) in [
        (1_500, "DeviceID.ID = '#'", true),
        (1_500, "Device.A = #", true),
        (1_100, "(Device.A = # AND Device.B = #)", true),
        (1_100, "Device.A NOT LIKE '%x#%'", false),
    ] {
        let filter = filter(count, each);
        let compiled = compile(&filter, &catalogue(), Dialect::Sqlite, at(NOW));
        assert_eq!(compiled.residual.is_none(), is_exact, "{each}");
        assert!(selected(&db, &compiled).is_empty());
        check(&filter, &records).unwrap();
    }
}

/// Each level doubles what must be asked of the one below.
#[test]
fn deep_filters_are_compiled_within_limits() {
    let mut nested = "Device.A".to_owned();
    for _ in 0..40 {
        nested = format!("(CASE WHEN {nested} IS NULL THEN Device.B ELSE Device.C END)");
    }
    let mut logic = "Device.A".to_owned();
    for _ in 0..60 {
        logic = format!("(({logic}) IS NULL OR Device.B)");
    }
    let db = database(&[]);
    for filter in [nested, logic] {
        let filter = Expression::parse(&filter).unwrap();
        let compiled = compile(&filter, &catalogue(), Dialect::Sqlite, at(NOW));
        assert!(selected(&db, &compiled).is_empty());
    }
}
