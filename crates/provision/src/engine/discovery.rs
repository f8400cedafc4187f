//! Reading with few round trips: whole subtrees of names, and values by partial path.
//!
//! GenieACS looks level by level, and reads each value by its name. [`Discovery::Economical`] asks
//! at the same places, but for more at once, so it never needs more requests. A device that
//! refuses is asked level by level there, and that is remembered: see [`DiscoveryLimits`].

use std::collections::{BTreeMap, BTreeSet};

use super::data::{Name, Path, Tree, path_of, written};
use super::request::partial_path;
use super::sync::{Names, is_pseudo};

/// How a device is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Discovery {
    /// With the requests that GenieACS sends.
    Compat,
    /// With as few requests as give the same result.
    #[default]
    Economical,
}

/// What devices of one model refuse to tell at once. The caller keeps it per model, and gives it
/// to the next session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiscoveryLimits {
    /// Where GetParameterNames is refused without `NextLevel`.
    pub names: Refusals,
    /// Where GetParameterValues is refused by partial path.
    pub values: Refusals,
}

/// Where a device refuses something.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusals {
    /// Whether it does so at every object.
    pub everywhere: bool,
    /// The objects at which it does, with `*` for instance numbers; what holds them is larger, and
    /// so refused as well.
    pub objects: BTreeSet<String>,
}

/// Objects at which a device refuses something until it is taken to do so everywhere, unless it
/// says that it is too much (9004).
const REFUSALS_UNTIL_EVERYWHERE: usize = 2;
/// Objects that are remembered at most.
const REFUSALS_MAX: usize = 64;
/// How many objects must want their names before those of a whole root are asked for: it may have
/// tens of thousands.
const ROOT_DEMANDS: usize = 8;
/// Values below an object that must be wanted before all below it are asked for.
const VALUES_LEAST: usize = 2;
/// Values that one request asks for at most by partial paths.
const VALUES_MAX: usize = 512;

impl Refusals {
    fn refuses(&self, object: &[Name]) -> bool {
        let object = pattern_of(object);
        let is_within = |refused: &String| {
            let rest = refused.strip_prefix(&object);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.everywhere || self.objects.iter().any(is_within)
    }

    fn add(&mut self, object: &[Name], all: &Suspects) {
        if self.objects.len() < REFUSALS_MAX {
            self.objects.insert(pattern_of(object));
        } else {
            self.everywhere = true;
            return;
        }
        let is_limit = |(object, code): &(&Path, &u16)| **code != 9004 && self.refuses(object);
        self.everywhere = all.iter().filter(is_limit).count() >= REFUSALS_UNTIL_EVERYWHERE;
    }
}

fn pattern_of(object: &[Name]) -> String {
    let names = object.iter().map(|name| {
        let is_number = name.as_str().bytes().all(|byte| byte.is_ascii_digit());
        if is_number { "*" } else { name.as_str() }
    });
    names.collect::<Vec<_>>().join(".")
}

/// What a session knows of what its device refuses.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    limits: DiscoveryLimits,
    /// Objects at which it just refused, or told too little. It is a limit once the same is told
    /// in smaller parts; otherwise something is gone.
    suspects_of_names: Suspects,
    suspects_of_values: Suspects,
}

/// Objects with the fault code; 0 if there was none.
type Suspects = BTreeMap<Path, u16>;

impl Learnt {
    pub(super) fn new(limits: DiscoveryLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(super) fn limits(&self) -> &DiscoveryLimits {
        &self.limits
    }

    fn may_ask_all_names(&self, object: &[Name]) -> bool {
        !self.limits.names.refuses(object) && !self.suspects_of_names.contains_key(object)
    }

    fn may_ask_all_values(&self, object: &[Name]) -> bool {
        !self.limits.values.refuses(object) && !self.suspects_of_values.contains_key(object)
    }

    /// All names below an object were refused.
    pub(super) fn suspect_names(&mut self, object: &str, code: u16) {
        self.suspects_of_names.insert(path_of(object), code);
    }

    /// Values by partial paths were refused, or were not told.
    pub(super) fn suspect_values(&mut self, objects: impl IntoIterator<Item = Path>, code: u16) {
        self.suspects_of_values.extend(objects.into_iter().map(|object| (object, code)));
    }

    /// The names directly below an object were told: if all below were not, that is a limit.
    pub(super) fn told_names(&mut self, object: &str) {
        let object = path_of(object);
        if self.suspects_of_names.contains_key(&object) {
            self.limits.names.add(&object, &self.suspects_of_names);
        }
    }

    /// A value was told by its name.
    pub(super) fn told_value(&mut self, path: &[Name]) {
        let suspects = &self.suspects_of_values;
        for object in suspects.keys().filter(|object| path.starts_with(object)) {
            if !self.limits.values.refuses(object) {
                self.limits.values.add(object, suspects);
            }
        }
    }

    /// Which names to ask for next, and whether for all below.
    pub(super) fn next_names(
        &self,
        names: &BTreeMap<(usize, Path), Names>,
    ) -> Option<(Path, bool)> {
        let ((_, first), wanted) = names.iter().next()?;
        let count = |object: &[Name]| names.keys().filter(|(_, it)| it.starts_with(object)).count();
        let is_deep = wanted.is_whole || (wanted.levels > 1 && first.len() > 1);
        let is_whole = is_deep && self.may_ask_all_names(first);
        let mut best = (first.as_slice(), is_whole);
        let mut most = count(first);
        // An object that holds several of those whose names are wanted, and not more than that.
        for length in (1..first.len()).rev() {
            let object = first.get(..length).unwrap_or_default();
            let demands = count(object);
            let least = if length == 1 { ROOT_DEMANDS } else { 2 };
            if demands > most && demands >= least && self.may_ask_all_names(object) {
                best = (object, true);
                most = demands;
            }
        }
        Some((best.0.to_vec(), best.1))
    }

    /// Requests that read these values: names to ask for, and the paths that are wanted of them.
    /// An object stands for what is below it if most of that is wanted.
    pub(super) fn value_requests(
        &self,
        tree: &Tree,
        wanted: &[Path],
        batch_size: usize,
    ) -> Vec<(Vec<String>, Vec<Path>)> {
        let sorted: BTreeSet<&[Name]> = wanted.iter().map(Vec::as_slice).collect();
        let mut places: Vec<Place<'_>> = Vec::new();
        // Objects of which too little is wanted.
        let mut rejected: BTreeSet<&[Name]> = BTreeSet::new();
        let mut covered: BTreeSet<&[Name]> = BTreeSet::new();
        for path in wanted {
            if covered.contains(path.as_slice()) {
                continue;
            }
            let place = self.place(tree, path, &sorted, &mut rejected);
            covered.extend(place.wanted.iter().copied());
            places.push(place);
        }
        let values_max = VALUES_MAX.max(batch_size);
        let mut requests: Vec<(Vec<String>, Vec<Path>)> = Vec::new();
        let mut values = 0usize;
        for Place { name, wanted, below } in places {
            let is_full = requests.last().is_none_or(|(names, _)| names.len() >= batch_size)
                || values.saturating_add(below) > values_max;
            if is_full {
                requests.push((Vec::new(), Vec::new()));
                values = 0;
            }
            values = values.saturating_add(below);
            if let Some((names, paths)) = requests.last_mut() {
                names.push(name);
                paths.extend(wanted.into_iter().map(<[Name]>::to_vec));
            }
        }
        requests
    }

    /// The greatest object by which a value can be read, or its own name.
    fn place<'p>(
        &self,
        tree: &Tree,
        path: &'p Path,
        wanted: &BTreeSet<&'p [Name]>,
        rejected: &mut BTreeSet<&'p [Name]>,
    ) -> Place<'p> {
        for length in 1..path.len() {
            let object = path.get(..length).unwrap_or_default();
            if rejected.contains(object) || !self.may_ask_all_values(object) {
                continue;
            }
            let of_object = wanted.range(object..).take_while(|it| it.starts_with(object));
            let of_object: Vec<&[Name]> = of_object.copied().collect();
            // Three of four.
            let most = (of_object.len().saturating_mul(4) / 3).min(VALUES_MAX);
            if of_object.len() >= VALUES_LEAST
                && let Some(below) = tree.parameters_below(object, most)
            {
                return Place { name: partial_path(object), wanted: of_object, below };
            }
            rejected.insert(object);
        }
        Place { name: written(path), wanted: vec![path.as_slice()], below: 1 }
    }
}

struct Place<'p> {
    name: String,
    wanted: Vec<&'p [Name]>,
    /// How many values the device will tell.
    below: usize,
}

/// The objects of the device that have no parent.
pub(super) fn roots(tree: &Tree) -> Vec<Path> {
    let roots = tree.children(&[]).map(|name| vec![name.clone()]);
    roots.filter(|path| !is_pseudo(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(demands: &[(&str, usize)]) -> BTreeMap<(usize, Path), Names> {
        let demand = |(path, levels): &(&str, usize)| {
            let path = path_of(path);
            ((path.len(), path), Names { is_whole: false, levels: *levels })
        };
        demands.iter().map(demand).collect()
    }

    fn next(learnt: &Learnt, demands: &[(&str, usize)]) -> (String, bool) {
        let (path, is_whole) = learnt.next_names(&names(demands)).unwrap();
        (written(&path), is_whole)
    }

    #[test]
    fn several_objects_are_asked_for_by_what_holds_them() {
        let learnt = Learnt::default();
        for (demands, expected) in [
            (&[("Device", 5)][..], ("Device", false)),
            (&[("Device.WiFi", 1)], ("Device.WiFi", false)),
            (&[("Device.WiFi", 2)], ("Device.WiFi", true)),
            (&[("Device.WiFi.SSID.1", 1), ("Device.WiFi.SSID.2", 1)], ("Device.WiFi.SSID", true)),
            (
                &[
                    ("Device.WiFi.SSID.1", 1),
                    ("Device.WiFi.SSID.2", 1),
                    ("Device.WiFi.Radio.1", 1),
                    ("Device.Zone.Row.1", 1),
                ],
                ("Device.WiFi", true),
            ),
        ] {
            let (path, is_whole) = next(&learnt, demands);
            assert_eq!((path.as_str(), is_whole), expected, "{demands:?}");
        }
        let many: Vec<String> = (0..ROOT_DEMANDS).map(|it| format!("Device.A{it}")).collect();
        let many: Vec<(&str, usize)> = many.iter().map(|it| (it.as_str(), 1)).collect();
        assert_eq!(next(&learnt, &many), ("Device".to_owned(), true));
        assert_eq!(next(&learnt, &many[1..]), ("Device.A1".to_owned(), false));
    }

    #[test]
    fn what_was_refused_and_told_in_parts_is_a_limit() {
        let mut learnt = Learnt::default();
        let demands = [("Device.Hosts.Host", 2)];
        learnt.suspect_names("Device.Hosts.Host.", 9004);
        assert_eq!(next(&learnt, &demands), ("Device.Hosts.Host".to_owned(), false));
        assert_eq!(learnt.limits(), &DiscoveryLimits::default());
        learnt.told_names("Device.Hosts.Host.");
        let mut learnt = Learnt::new(learnt.limits().clone());
        assert_eq!(next(&learnt, &demands), ("Device.Hosts.Host".to_owned(), false));
        // Larger is worse, smaller may be fine.
        let larger = [("Device.Hosts", 3)];
        assert_eq!(next(&learnt, &larger), ("Device.Hosts".to_owned(), false));
        let smaller = [("Device.Hosts.Host.1", 2)];
        assert_eq!(next(&learnt, &smaller), ("Device.Hosts.Host.1".to_owned(), true));
        for object in ["Device.A.", "Device.B."] {
            learnt.suspect_names(object, 9003);
            learnt.told_names(object);
        }
        assert!(learnt.limits().names.everywhere);
        assert_eq!(next(&learnt, &smaller), ("Device.Hosts.Host.1".to_owned(), false));
    }
}
