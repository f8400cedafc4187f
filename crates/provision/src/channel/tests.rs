use jiff::SignedDuration;

use super::*;

const DELAY: SignedDuration = SignedDuration::from_secs(300);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn wanted(list: &[(&str, &str)]) -> Vec<Selected> {
    let selected = list.iter().map(|(name, channels)| Selected {
        provision: Provision { name: (*name).to_owned(), arguments: Vec::new() },
        channels: channels.split('+').map(str::to_owned).collect(),
    });
    selected.collect()
}

fn fault() -> Fault {
    Fault { code: "cwmp.9002".to_owned(), message: "Internal error".to_owned(), detail: None }
}

fn names(batch: Option<&ChannelBatch>) -> String {
    let Some(batch) = batch else { return "nothing".to_owned() };
    let names: Vec<&str> = batch.provisions.iter().map(|it| it.provision.name.as_str()).collect();
    let channels: Vec<&str> = batch.channels.iter().map(String::as_str).collect();
    format!("{} for {}", names.join(" "), channels.join(" "))
}

#[test]
fn compat_2_10_a_channel_waits_twice_as_long_after_each_fault() {
    let mut channels = Channels::default();
    let wanted = wanted(&[("x", "a")]);
    let mut now = 0;
    for wait in [300, 600, 1200, 2400] {
        let batch = channels.next(&wanted, at(now), DELAY).unwrap();
        channels.failed(&batch, &fault(), at(now));
        assert_eq!(channels.next(&wanted, at(now + wait - 1), DELAY), None);
        now += wait;
        assert!(channels.next(&wanted, at(now), DELAY).is_some(), "after {wait} s");
    }
    let batch = channels.next(&wanted, at(now), DELAY).unwrap();
    channels.succeeded(&batch);
    assert!(channels.faults().is_empty());
}

#[test]
fn compat_2_10_the_guilty_channel_is_found() {
    let mut channels = Channels::default();
    let all = wanted(&[("x", "a"), ("y", "b"), ("z", "a+b")]);
    let batch = channels.next(&all, at(0), DELAY);
    assert_eq!(names(batch.as_ref()), "x y z for a b");
    channels.failed(&batch.unwrap(), &fault(), at(0));

    let a = channels.next(&all, at(0), DELAY);
    assert_eq!(names(a.as_ref()), "x z for a");
    channels.failed(&a.unwrap(), &fault(), at(0));
    let b = channels.next(&all, at(0), DELAY);
    assert_eq!(names(b.as_ref()), "y z for b");
    channels.succeeded(&b.unwrap());

    let faults: Vec<(&str, u32, bool)> = channels
        .faults()
        .iter()
        .map(|(channel, fault)| (channel.as_str(), fault.retries, fault.retry_now))
        .collect();
    assert_eq!(faults, [("a", 0, false)]);
    // What both want goes on for the one that is free.
    assert_eq!(names(channels.next(&all, at(1), DELAY).as_ref()), "y z for b");
}

#[test]
fn compat_2_10_what_a_blocked_channel_wants_meanwhile_is_kept() {
    let mut channels = Channels::default();
    let batch = channels.next(&wanted(&[("x", "a")]), at(0), DELAY).unwrap();
    channels.failed(&batch, &fault(), at(0));
    assert_eq!(channels.next(&wanted(&[("new", "a")]), at(1), DELAY), None);
    assert_eq!(channels.next(&wanted(&[("new", "a")]), at(2), DELAY), None);
    let batch = channels.next(&wanted(&[("later", "a"), ("other", "b")]), at(300), DELAY);
    assert_eq!(names(batch.as_ref()), "x new later for a");
    assert!(channels.delete("a") && !channels.delete("a"));
    assert_eq!(names(channels.next(&wanted(&[("x", "a")]), at(301), DELAY).as_ref()), "x for a");
}

#[test]
fn a_channel_does_not_wait_for_a_clock_that_was_ahead() {
    const HOUR: i64 = 3_600;
    let mut channels = Channels::default();
    let wanted = wanted(&[("x", "a")]);
    let batch = channels.next(&wanted, at(HOUR), DELAY).unwrap();
    channels.failed(&batch, &fault(), at(HOUR));
    // The clock goes back; the channel is tried at once, once.
    let batch = channels.next(&wanted, at(0), DELAY).unwrap();
    channels.failed(&batch, &fault(), at(0));
    assert_eq!(channels.next(&wanted, at(0), DELAY), None);
    assert_eq!(channels.next(&wanted, at(599), DELAY), None, "its second wait is twice as long");
    assert!(channels.next(&wanted, at(600), DELAY).is_some());
    // The clock goes ahead: it is tried too early, and that is all.
    let batch = channels.next(&wanted, at(HOUR), DELAY).unwrap();
    channels.failed(&batch, &fault(), at(HOUR));
    assert_eq!(channels.next(&wanted, at(HOUR), DELAY), None);
    let unread = ChannelFault { precondition: true, ..channels.faults()["a"].clone() };
    let channels = Channels::new(BTreeMap::from([("a".to_owned(), unread)]));
    assert!(channels.is_unread("a", at(HOUR), DELAY) && !channels.is_unread("a", at(0), DELAY));
}

#[test]
fn a_wait_has_an_end() {
    let fault = ChannelFault {
        fault: fault(),
        time: at(0),
        retries: u32::MAX,
        retry_now: false,
        precondition: false,
        provisions: Vec::new(),
    };
    assert_eq!(fault.due(DELAY), at(300 << 12));
    assert_eq!(fault.due(SignedDuration::MAX), Timestamp::MAX);
}
