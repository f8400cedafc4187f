use serde_json::json;

use super::*;

/// Evaluates a query over a device-like document with flat names.
fn matches(query: &Json, document: &Json) -> bool {
    let filter = Filter::parse(&query.to_string(), Names::Parameters).expect("a query");
    filter.matches(&|name: &str| match document.get(name) {
        Some(Json::Number(ms)) if name.starts_with("_last") => {
            Scalar::Date(ms.as_i64().expect("milliseconds"))
        }
        other => Scalar::of_json(other, false),
    })
}

fn check(document: &Json, hits: &[Json], misses: &[Json]) {
    for query in hits {
        assert!(matches(query, document), "{query} should match {document}");
    }
    for query in misses {
        assert!(!matches(query, document), "{query} should not match {document}");
    }
}

fn error(query: &str) -> String {
    Filter::parse(query, Names::Parameters).expect_err(query).to_string()
}

#[test]
fn names_of_parameters_mean_their_values() {
    let document = json!({"D.X._value": "a", "D.X._type": "xsd:string", "_id": "i"});
    let hits = [json!({"D.X": "a"}), json!({"D.X._value": "a"}), json!({"_id": "i"})];
    check(&document, &hits, &[json!({"D.X._type": "a"}), json!({"X": "a"})]);
    assert_eq!(Names::Plain.resolve("device"), "device");
}

#[test]
fn a_text_matches_all_that_it_may_mean() {
    let number = json!({"X._value": 10});
    check(
        &number,
        &[json!({"X": "10"}), json!({"X": 10}), json!({"X": 10.0})],
        &[json!({"X": "1"})],
    );
    let text = json!({"X._value": "10"});
    check(&text, &[json!({"X": "10"})], &[json!({"X": 10})]);
    let word = json!({"X._value": "Hello World"});
    let hits = [
        json!({"X": "/^hello/i"}),
        json!({"X": "Hello*"}),
        json!({"X": "*World"}),
        json!({"X": "H*o W*d"}),
        json!({"X": {"$regex": "wor", "$options": "i"}}),
        json!({"X": {"$regex": "/wor/i"}}),
    ];
    let misses = [
        json!({"X": "/^hello/"}),
        json!({"X": "hello*"}),
        json!({"X": "World*"}),
        json!({"X": {"$regex": "wor"}}),
    ];
    check(&word, &hits, &misses);
    check(&json!({"X._value": "a*b"}), &[json!({"X": "a*b"})], &[]);
    check(&json!({"X._value": "/x/"}), &[json!({"X": "/x/"})], &[json!({"X": "/y/"})]);
}

#[test]
fn dates_compare_with_dates_only() {
    // 2026-11-22T00:00:00Z
    let document = json!({"_lastInform": 1_795_305_600_000_i64});
    let hits = [
        json!({"_lastInform": {"$gt": "2026-11-21 13:16:23 +0000"}}),
        json!({"_lastInform": {"$lt": "2026-11-23T00:00:00Z"}}),
        json!({"_lastInform": "2026-11-22"}),
        json!({"_lastInform": {"$gte": "2026-11-22", "$lte": "2026-11-22"}}),
    ];
    let misses = [
        json!({"_lastInform": {"$lt": "2026-11-21"}}),
        json!({"_lastInform": {"$gt": 5}}),
        json!({"_lastInform": {"$gt": "1950-01-01T00:00:00Z"}}),
    ];
    check(&document, &hits, &misses);
}

#[test]
fn comparisons_stay_within_a_type() {
    let document = json!({"X._value": 7});
    let hits = [
        json!({"X": {"$gt": 6}}),
        json!({"X": {"$gt": "6"}}),
        json!({"X": {"$gte": 7, "$lt": 8}}),
        json!({"X": {"$lte": 7}}),
    ];
    let misses = [json!({"X": {"$gt": 7}}), json!({"X": {"$lt": "zzz"}}), json!({"Y": {"$lt": 9}})];
    check(&document, &hits, &misses);
}

#[test]
fn sets_negation_and_existence() {
    let document = json!({"X._value": "a", "_tags": ["red", "blue"], "N._value": null});
    let hits = [
        json!({"X": {"$in": ["b", "a"]}}),
        json!({"X": {"$nin": ["b", 4]}}),
        json!({"X": {"$ne": "b"}}),
        json!({"Missing": {"$ne": "b"}}),
        json!({"Missing": null}),
        json!({"N": null}),
        json!({"X": {"$exists": true}}),
        json!({"Y": {"$exists": false}}),
        json!({"_tags": "red"}),
        json!({"_tags": {"$all": ["red", "blue"]}}),
        json!({"_tags": {"$ne": "green"}}),
        json!({"X": {"$not": {"$in": ["b"]}}}),
        json!({"X": {"$not": "/b/"}}),
        json!({"X": {"$type": "string"}}),
        json!({"X": {"$type": 2}}),
        json!({"_tags": {"$type": "array"}}),
        json!({"N": {"$type": 10}}),
    ];
    let misses = [
        json!({"X": {"$in": []}}),
        json!({"X": {"$nin": ["a*"]}}),
        json!({"X": {"$ne": "/A/i"}}),
        json!({"X": null}),
        json!({"Y": {"$exists": 1}}),
        json!({"_tags": {"$ne": "red"}}),
        json!({"_tags": {"$all": ["red", "green"]}}),
        json!({"X": {"$type": "number"}}),
    ];
    check(&document, &hits, &misses);
}

#[test]
fn logic_nests() {
    let document = json!({"X._value": "a", "Y._value": 1});
    let hits = [
        json!({}),
        json!({"X": "a", "Y": 1}),
        json!({"$or": [{"X": "b"}, {"$and": [{"X": "a"}, {"Y": 1}]}]}),
        json!({"$nor": [{"X": "b"}, {"Y": 2}]}),
    ];
    let misses = [
        json!({"X": "a", "Y": 2}),
        json!({"$or": [{"X": "b"}, {"Y": 2}]}),
        json!({"$nor": [{"X": "a"}]}),
    ];
    check(&document, &hits, &misses);
}

#[test]
fn exact_ids_are_found() {
    let ids =
        |query: Json| Filter::parse(&query.to_string(), Names::Parameters).expect("query").ids();
    let owned = |texts: &[&str]| Some(texts.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(ids(json!({"_id": "a"})), owned(&["a"]));
    assert_eq!(ids(json!({"_id": "123456"})), owned(&["123456"]));
    assert_eq!(ids(json!({"_id": {"$in": ["a", "b"]}})), owned(&["a", "b"]));
    assert_eq!(ids(json!({"X": 1, "$and": [{"_id": {"$eq": "a", "$ne": "b"}}]})), owned(&["a"]));
    assert_eq!(ids(json!({"_id": "a*"})), None);
    assert_eq!(ids(json!({"_id": "/a/"})), None);
    assert_eq!(ids(json!({"_id": {"$ne": "a"}})), None);
    assert_eq!(ids(json!({"$or": [{"_id": "a"}, {"X": 1}]})), None);
    assert_eq!(ids(json!({})), None);
}

#[test]
fn what_cannot_be_understood_is_named() {
    assert!(error("{\"a\":").starts_with("SyntaxError: "));
    assert!(error("[1]").starts_with("SyntaxError: "));
    assert!(error(r#"{"X":{"$where":"1"}}"#).contains("unknown operator \"$where\""));
    assert!(error(r#"{"$where":"1"}"#).contains("unknown operator \"$where\""));
    assert!(error(r#"{"X":{"$in":"a"}}"#).contains("$in needs a list"));
    assert!(error(r#"{"$or":{}}"#).contains("$or needs a list"));
    assert!(error(r#"{"X":{}}"#).contains("empty object"));
    assert!(error(r#"{"X":[1]}"#).contains("use $in"));
    assert!(error(r#"{"X":{"a":1}}"#).contains("unknown operator \"a\""));
    assert!(error(r#"{"X":{"$regex":"("}}"#).contains("regular expression"));
    assert!(error(r#"{"X":{"$type":"colour"}}"#).contains("$type needs a type"));
}

#[test]
fn sec_04_queries_are_bounded() {
    let many = |count: usize| json!({"X": {"$in": vec![1; count]}}).to_string();
    assert!(Filter::parse(&many(QUERY_CONDITIONS_MAX), Names::Plain).is_ok());
    assert!(error(&many(QUERY_CONDITIONS_MAX + 1)).contains("split it"));
    let deep = |levels: usize| {
        let mut query = json!({"X": 1});
        for _ in 0..levels {
            query = json!({"$and": [query]});
        }
        query.to_string()
    };
    assert!(Filter::parse(&deep(QUERY_DEPTH_MAX), Names::Plain).is_ok());
    assert!(error(&deep(QUERY_DEPTH_MAX + 1)).contains("levels deep"));
    assert!(error(r#"{"X":"/(((a{99}){99}){99})/"}"#).contains("regular expression"));
}
