use proptest::prelude::*;

use super::*;

fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The times before and after, or the error.
fn around(cron: &str, now: &str, zone: &TimeZone) -> [String; 2] {
    let cron = Cron::parse(cron).unwrap();
    let text = |time: Result<Timestamp, NoSuchTime>| {
        time.map_or_else(|error| error.to_string(), |time| time.to_string())
    };
    [text(cron.previous(utc(now), zone)), text(cron.next(utc(now), zone))]
}

fn check(cron: &str, now: &str, expected: [&str; 2]) {
    assert_eq!(around(cron, now, &TimeZone::UTC), expected, "{cron} at {now}");
}

fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

const NOW: &str = "2023-11-14T22:13:20Z";

// The expected times were printed by the npm package later 1.2.0.
#[test]
fn schedules_have_the_times_of_later() {
    check("0 3 * * *", NOW, ["2023-11-14T03:00:00Z", "2023-11-15T03:00:00Z"]);
    check("30 0 3 * * *", NOW, ["2023-11-14T03:00:30Z", "2023-11-15T03:00:30Z"]);
    check("0 0 13 * 5", NOW, ["2023-10-13T00:00:00Z", "2024-09-13T00:00:00Z"]);
    check("0 0 1 * MON", NOW, ["2023-05-01T00:00:00Z", "2024-01-01T00:00:00Z"]);
    check("0 0 29 2 *", NOW, ["2020-02-29T00:00:00Z", "2024-02-29T00:00:00Z"]);
    check("*/15 * * * *", NOW, ["2023-11-14T22:00:00Z", "2023-11-14T22:15:00Z"]);
    check("5/20 * * * *", NOW, ["2023-11-14T22:05:00Z", "2023-11-14T22:25:00Z"]);
    check("10-20/5 * * * *", NOW, ["2023-11-14T22:10:00Z", "2023-11-14T22:15:00Z"]);
    check("1,2,3 4 * * *", NOW, ["2023-11-14T04:03:00Z", "2023-11-15T04:01:00Z"]);
    check("0 0 ? * MON", NOW, ["2023-11-13T00:00:00Z", "2023-11-20T00:00:00Z"]);
    check("0 0 1 JAN ?", NOW, ["2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z"]);
    check("0 0 * * 0", NOW, ["2023-11-12T00:00:00Z", "2023-11-19T00:00:00Z"]);
    check("0 0 * * 7", NOW, ["2023-11-11T00:00:00Z", "2023-11-18T00:00:00Z"]);
    check("0 0 * * sun-TUE", NOW, ["2023-11-14T00:00:00Z", "2023-11-19T00:00:00Z"]);
    check("0 0 31 * *", NOW, ["2023-10-31T00:00:00Z", "2023-12-31T00:00:00Z"]);
    check("0 0 * jan-mar,12 mon-fri", NOW, ["2023-03-31T00:00:00Z", "2023-12-01T00:00:00Z"]);
    check("13 * * * *", NOW, ["2023-11-14T22:13:00Z", "2023-11-14T23:13:00Z"]);
}

#[test]
fn the_present_is_both_the_last_and_the_next_time() {
    check("* * * * * *", NOW, [NOW, NOW]);
    check("20 13 22 * * *", NOW, [NOW, NOW]);
    let half = "2023-11-14T22:13:20.5Z";
    check("* * * * * *", half, [NOW, "2023-11-14T22:13:21Z"]);
}

#[test]
fn rare_days_are_found_within_a_century() {
    check("0 0 29 2 MON", NOW, ["2016-02-29T00:00:00Z", "2044-02-29T00:00:00Z"]);
    // 2100 is no leap year, so 40 years lie between two of them.
    check("0 0 29 2 MON", "2100-01-01T00:00:00Z", ["2072-02-29T00:00:00Z", "2112-02-29T00:00:00Z"]);
}

#[test]
fn days_that_no_month_has_are_an_error() {
    for text in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 FEB *"] {
        assert_eq!(Cron::parse(text), Err(InvalidCron::Impossible), "{text}");
    }
}

#[test]
fn other_texts_are_no_schedules() {
    for text in [
        "",
        "bad",
        "* * * *",
        "* * * * * * *",
        "61 * * * *",
        "60 * * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * 0 *",
        "* * * * 8",
        "*/0 * * * *",
        "-5 * * * *",
        "+5 * * * *",
        "5- * * * *",
        "5-1 * * * *",
        "22-2 * * * *",
        ", * * * *",
        "1,, * * * *",
        "1/2/3 * * * *",
        "* * * FOO *",
        "* * * MON *",
        "JAN * * * *",
        "@daily",
        "* * L * *",
        "* * 15W * *",
        "* * * * 5#2",
        "1.5 * * * *",
        "٥ * * * *",
        "*/999 * * * *",
    ] {
        assert!(Cron::parse(text).is_err(), "{text}");
    }
    let long = |length: usize| format!("{} * * * *", vec!["1"; length.div_ceil(2)].join(","));
    assert!(Cron::parse(&long(CRON_CHARS_MAX - 9)).is_ok());
    assert_eq!(Cron::parse(&long(CRON_CHARS_MAX)), Err(InvalidCron::TooLong));
}

#[test]
fn errors_name_the_field() {
    let error = Cron::parse("* 25 * * *").unwrap_err().to_string();
    assert!(error.starts_with("\"25\" is not an hour: write *"), "{error}");
    let error = Cron::parse("* *").unwrap_err().to_string();
    assert!(error.ends_with("and not 2"), "{error}");
}

#[test]
fn times_are_those_of_the_zone() {
    let zone = berlin();
    let expected = ["2023-11-14T02:00:00Z", "2023-11-15T02:00:00Z"];
    assert_eq!(around("0 3 * * *", NOW, &zone), expected);
    let fixed = TimeZone::fixed(Offset::constant(-8));
    let expected = ["2023-11-14T11:00:00Z", "2023-11-15T11:00:00Z"];
    assert_eq!(around("0 3 * * *", NOW, &fixed), expected);
    // Either side of the end of summer time, 2023-10-29 at 01:00 UTC.
    let expected = ["2023-10-28T01:00:00Z", "2023-10-29T02:00:00Z"];
    assert_eq!(around("0 3 * * *", "2023-10-29T01:30:00Z", &zone), expected);
}

#[test]
fn the_hour_left_out_in_spring_has_no_times() {
    let expected = ["2024-03-30T01:30:00Z", "2024-04-01T00:30:00Z"];
    for now in ["2024-03-31T00:30:00Z", "2024-03-31T01:00:00Z", "2024-03-31T12:00:00Z"] {
        assert_eq!(around("30 2 * * *", now, &berlin()), expected, "{now}");
    }
}

#[test]
fn the_hour_that_comes_twice_in_autumn_has_times_twice() {
    let first = "2024-10-27T00:30:00Z";
    let second = "2024-10-27T01:30:00Z";
    let around = |now| around("30 2 * * *", now, &berlin());
    assert_eq!(around("2024-10-27T00:29:59Z"), ["2024-10-26T00:30:00Z", first]);
    assert_eq!(around("2024-10-27T00:30:01Z"), [first, second]);
    assert_eq!(around("2024-10-27T12:00:00Z"), [second, "2024-10-28T01:30:00Z"]);
}

proptest! {
    #[test]
    fn no_time_lies_between_the_last_and_the_next(
        second in prop::sample::select(vec!["*", "0", "*/7", "59"]),
        minute in prop::sample::select(vec!["*", "0", "*/15", "3-50/9", "59"]),
        hour in prop::sample::select(vec!["*", "0", "2", "*/5", "23"]),
        weekday in prop::sample::select(vec!["*", "MON", "5,6"]),
        now in 1_690_000_000i64..1_720_000_000,
    ) {
        let cron = Cron::parse(&format!("{second} {minute} {hour} * * {weekday}")).unwrap();
        let zone = berlin();
        let now = Timestamp::from_second(now).unwrap();
        let matches = |time: Timestamp| {
            let local = zone.to_datetime(time);
            cron.matches_day(local.date())
                && cron.hours.has(number(local.hour()))
                && cron.minutes.has(number(local.minute()))
                && cron.seconds.has(number(local.second()))
        };
        let last = cron.previous(now, &zone).unwrap();
        let next = cron.next(now, &zone).unwrap();
        prop_assert!(last <= now && now <= next);
        prop_assert!(matches(last) && matches(next));
        let [last, now, next] = [last, now, next].map(Timestamp::as_second);
        let seconds = (last + 1..now).chain(now + 1..next);
        for second in seconds.take(2_000) {
            prop_assert!(!matches(Timestamp::from_second(second).unwrap()), "{second}");
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "([0-9*?/,\\- ]|JAN|MON|\\PC){0,20}") {
        if let Ok(cron) = Cron::parse(&text) {
            let _ = cron.previous(utc(NOW), &berlin());
            let _ = cron.next(utc(NOW), &berlin());
        }
    }
}
