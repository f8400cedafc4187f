use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn at(milliseconds: u64) -> Timestamp {
    let start = Timestamp::from_second(1_700_000_000).unwrap();
    later(start, Duration::from_millis(milliseconds))
}

fn config() -> AdmissionConfig {
    AdmissionConfig {
        sessions_min: 2,
        sessions_max: 64,
        sessions_start: 4,
        latency_target: Duration::from_millis(200),
        ..AdmissionConfig::default()
    }
}

/// Spreads numbers evenly enough for a simulation.
fn mix(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn admit(admission: &mut Admission, class: Class, device: u64, now: Timestamp) -> Permit {
    match admission.arrive(class, device, now, 0) {
        Admitted::Yes(permit) => permit,
        Admitted::No { retry_after } => panic!("{class:?} is to come again in {retry_after:?}"),
    }
}

fn refuse(admission: &mut Admission, class: Class, device: u64, now: Timestamp) -> Duration {
    match admission.arrive(class, device, now, u64::MAX) {
        Admitted::Yes(_) => panic!("{class:?} is taken"),
        Admitted::No { retry_after } => retry_after,
    }
}

#[test]
fn acs_13_the_last_places_are_for_those_that_have_just_started() {
    let config = AdmissionConfig { sessions_start: 20, ..config() };
    let mut admission = Admission::new(config);
    let mut permits = Vec::new();
    for (class, count) in [(Class::Periodic, 14), (Class::Event, 3), (Class::Boot, 2)] {
        for device in 0..count {
            permits.push(admit(&mut admission, class, device, at(0)));
        }
        refuse(&mut admission, class, 100, at(0));
    }
    assert_eq!((admission.in_service(), admission.limit()), (19, 20));
    admission.gone(permits.pop().unwrap());
    refuse(&mut admission, Class::Event, 101, at(0));
    drop(admit(&mut admission, Class::Boot, 102, at(0)));
}

#[test]
fn who_has_waited_comes_first_but_not_who_comes_often() {
    let mut admission = Admission::new(AdmissionConfig { sessions_start: 10, ..config() });
    let permits: Vec<Permit> =
        (0..9).map(|device| admit(&mut admission, Class::Boot, device, at(0))).collect();
    for second in 0..120 {
        refuse(&mut admission, Class::Periodic, 77, at(second * 1000));
    }
    assert_eq!(admission.waiting(), 1);
    // The last place is for it, even before one that boots.
    refuse(&mut admission, Class::Boot, 78, at(120_000));
    drop(admit(&mut admission, Class::Periodic, 77, at(120_000)));
    assert_eq!((admission.waiting(), permits.len()), (1, 9));
}

#[test]
fn the_spread_grows_with_the_backlog() {
    let mut admission = Admission::new(config());
    let permits: Vec<Permit> =
        (0..3).map(|device| admit(&mut admission, Class::Boot, device, at(0))).collect();
    for permit in permits {
        admission.done(permit, Duration::from_millis(10), at(200));
    }
    let _full: Vec<Permit> =
        (0..3).map(|_| admit(&mut admission, Class::Boot, 1, at(200))).collect();
    let mut longest = Vec::new();
    for device in 0..100_000 {
        let retry_after = refuse(&mut admission, Class::Boot, 1000 + device, at(200));
        if [0, 1_000, 10_000, 99_999].contains(&device) {
            longest.push(retry_after.as_secs());
        }
    }
    // 200 ms for each, four or five at a time, and a quarter more.
    assert!(longest[0] < 11 && (40..80).contains(&longest[1]), "{longest:?}");
    assert!((400..700).contains(&longest[2]), "{longest:?}");
    assert_eq!(longest[3], 30 * 60 - 1, "{longest:?}");
    // The table is full; those who wait stay in it.
    assert_eq!(admission.waiting(), ADMISSION_WAITING_MAX);
    refuse(&mut admission, Class::Boot, u64::MAX, at(200));
    assert_eq!(admission.waiting(), ADMISSION_WAITING_MAX);
    assert!(admission.waiting.get(&1000).is_some());
    // Whoever does not come again is forgotten.
    let mut gone = admission;
    gone.forget(at(4_000_000));
    assert_eq!((gone.waiting(), gone.waiting_by_class), (0, [0; 3]));
}

#[test]
fn a_slow_moment_counts_once_a_round() {
    let mut admission = Admission::new(AdmissionConfig { sessions_start: 40, ..config() });
    let permits: Vec<Permit> =
        (0..38).map(|device| admit(&mut admission, Class::Boot, device, at(0))).collect();
    for permit in permits {
        admission.done(permit, Duration::from_secs(3), at(3000));
    }
    assert_eq!((admission.limit(), admission.in_service()), (28, 0));
}

#[test]
fn a_limit_that_is_not_reached_does_not_grow() {
    let mut admission = Admission::new(config());
    for _ in 0..1000 {
        let permit = admit(&mut admission, Class::Boot, 1, at(0));
        admission.done(permit, Duration::from_millis(1), at(1));
    }
    assert_eq!(admission.limit(), 4);
}

#[test]
fn classes_are_those_of_the_events() {
    let class = |codes: &[EventCode]| Class::of(codes);
    use EventCode::{Boot, ConnectionRequest, Periodic, Scheduled, ValueChange};
    assert_eq!(class(&[Periodic, Boot]), Class::Boot);
    assert_eq!(class(&[Periodic, ValueChange]), Class::Event);
    assert_eq!(class(&[ConnectionRequest]), Class::Event);
    assert_eq!(class(&[Periodic, Scheduled]), Class::Periodic);
    assert_eq!(class(&[]), Class::Event);
}

/// A server of two workers, and devices that come, are refused, and come again when told.
struct Storm {
    admission: Admission,
    /// Time in microseconds, order, what happens.
    agenda: BinaryHeap<Reverse<(u64, u64, What)>>,
    workers: [u64; 2],
    work: u64,
    order: u64,
    limit_max: u32,
    served: BTreeMap<u64, u64>,
    refusals: BTreeMap<u64, u32>,
    permits: BTreeMap<u64, (Permit, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Arrive { device: u64, class: Class },
    Done { device: u64 },
}

impl Storm {
    fn new(config: AdmissionConfig) -> Self {
        Self {
            admission: Admission::new(config),
            agenda: BinaryHeap::new(),
            workers: [0; 2],
            work: 50_000,
            order: 0,
            limit_max: 0,
            served: BTreeMap::new(),
            refusals: BTreeMap::new(),
            permits: BTreeMap::new(),
        }
    }

    fn plan(&mut self, time: u64, what: What) {
        self.order += 1;
        self.agenda.push(Reverse((time, self.order, what)));
    }

    /// Lets everything happen until a time, in microseconds.
    fn run(&mut self, until: u64) {
        while let Some(Reverse((time, _, what))) = self.agenda.peek().copied() {
            if time > until {
                break;
            }
            self.agenda.pop();
            match what {
                What::Arrive { device, class } => self.arrive(device, class, time),
                What::Done { device } => {
                    let (permit, begun) = self.permits.remove(&device).unwrap();
                    let latency = Duration::from_micros(time - begun);
                    self.admission.done(permit, latency, at(time / 1000));
                    self.served.insert(device, time);
                }
            }
            // What was admitted under a higher limit may still be there; it is never exceeded
            // by a new one.
            assert!(self.admission.in_service() <= self.limit_max);
        }
    }

    fn arrive(&mut self, device: u64, class: Class, time: u64) {
        let entropy = mix(device ^ time);
        match self.admission.arrive(class, device, at(time / 1000), entropy) {
            Admitted::Yes(permit) => {
                let in_service = self.admission.in_service();
                assert!(in_service <= self.admission.limit(), "{in_service} are in service");
                self.limit_max = self.limit_max.max(self.admission.limit());
                let worker = self.workers.iter_mut().min().unwrap();
                *worker = (*worker).max(time) + self.work;
                let end = *worker;
                self.permits.insert(device, (permit, time));
                self.plan(end, What::Done { device });
            }
            Admitted::No { retry_after } => {
                *self.refusals.entry(device).or_default() += 1;
                let retry_after = u64::try_from(retry_after.as_micros()).unwrap();
                self.plan(time + retry_after, What::Arrive { device, class });
            }
        }
    }
}

const SECOND: u64 = 1_000_000;

#[test]
fn a_boot_storm_of_20_000_devices_is_spread_and_served() {
    // With the first limit the server guesses that it is half as fast as it is, or 12 times faster:
    // nothing has ended yet when all come.
    check_storm(config(), 1_300, 3);
    let fast = AdmissionConfig { sessions_max: 10_000, sessions_start: 100, ..config() };
    check_storm(fast, 900, 20);
}

/// `last` is when all are served, in seconds, where two workers need 500 s for 20,000 times 50 ms;
/// `refusals` how often a device is refused on average.
fn check_storm(config: AdmissionConfig, last_max: u64, refusals_max: u32) {
    let mut storm = Storm::new(config);
    for device in 0..20_000 {
        storm.plan(device, What::Arrive { device, class: Class::Boot });
    }
    storm.run(3_600 * SECOND);
    assert_eq!((storm.served.len(), storm.agenda.len()), (20_000, 0));
    let last = *storm.served.values().max().unwrap() / SECOND;
    let refusals: u32 = storm.refusals.values().sum();
    let most = *storm.refusals.values().max().unwrap();
    assert!(last < last_max, "the last of {refusals} refusals came after {last} s");
    assert!(refusals < 20_000 * refusals_max, "{refusals} refusals");
    assert!(most < refusals_max * 10, "{most} refusals of one device");
    assert_eq!((storm.admission.in_service(), storm.admission.waiting()), (0, 0));
}

#[test]
fn periodic_devices_are_served_while_others_boot_without_end() {
    let mut storm = Storm::new(config());
    // A tenth more boots than the workers can do, for half an hour.
    for n in 0..1_800 * 44 {
        let what = What::Arrive { device: 1_000_000 + n, class: Class::Boot };
        storm.plan(n * SECOND / 44, what);
    }
    for device in 0..500 {
        storm.plan(device * SECOND, What::Arrive { device, class: Class::Periodic });
    }
    storm.run(1_800 * SECOND);
    let periodic = storm.served.range(0..500).count();
    assert_eq!(periodic, 500, "of 500");
    let waits = storm.served.range(0..500).map(|(device, time)| time / SECOND - device);
    let longest = waits.max().unwrap();
    assert!(longest < 1_200, "one waited for {longest} s");
}

#[test]
fn the_limit_recovers_after_a_latency_spike() {
    let mut storm = Storm::new(config());
    for device in 0..40_000 {
        storm.plan(device * SECOND / 100, What::Arrive { device, class: Class::Event });
    }
    storm.run(60 * SECOND);
    let before = storm.admission.limit();
    storm.work = 2 * SECOND;
    storm.run(120 * SECOND);
    let during = storm.admission.limit();
    storm.work = 50_000;
    storm.run(180 * SECOND);
    let after = storm.admission.limit();
    assert!(before >= 6 && during == 2 && after >= 6, "{before}, {during}, {after}");
}

proptest! {
    #[test]
    fn limits_hold_whatever_comes(
        steps in vec((0..4usize, 0..20u64, 0..5_000u64, any::<u64>()), 0..300),
        (min, max, start) in (0..6u32, 0..30u32, 0..40u32),
    ) {
        let config = AdmissionConfig {
            sessions_min: min, sessions_max: max, sessions_start: start, ..config()
        };
        let mut admission = Admission::new(config);
        let mut permits = Vec::new();
        let mut now = 0;
        for (kind, device, time, entropy) in steps {
            now += time;
            let permit = if kind == 3 { permits.pop() } else { None };
            if let Some(permit) = permit {
                admission.done(permit, Duration::from_millis(entropy % 1000), at(now));
            } else {
                let class = Class::ALL[kind % 3];
                match admission.arrive(class, device, at(now), entropy) {
                    Admitted::Yes(permit) => {
                        permits.push(permit);
                        prop_assert!(admission.in_service() <= admission.limit());
                    }
                    Admitted::No { retry_after } => {
                        let AdmissionConfig { retry_after_min, retry_after_max, .. } =
                            admission.config;
                        prop_assert!((retry_after_min..=retry_after_max).contains(&retry_after));
                    }
                }
            }
            prop_assert_eq!(admission.in_service() as usize, permits.len());
            prop_assert!((min.max(1)..=max.max(min.max(1))).contains(&admission.limit()));
            let waiting: u32 = admission.waiting_by_class.iter().sum();
            prop_assert_eq!(waiting as usize, admission.waiting());
            // An empty server takes whoever comes.
            if permits.is_empty() {
                let admitted = admission.arrive(Class::Periodic, 99, at(now), 0);
                prop_assert!(matches!(admitted, Admitted::Yes(_)));
                if let Admitted::Yes(permit) = admitted {
                    admission.gone(permit);
                }
            }
        }
    }
}
