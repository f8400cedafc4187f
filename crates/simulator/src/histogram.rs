//! Durations, counted in classes that are at most 4 % wide.

use std::time::Duration;

/// Classes for each power of two.
const STEPS: u64 = 32;
const STEP_BITS: u32 = STEPS.ilog2();

/// Counts durations in microseconds; its size depends on the longest one only, and little.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Histogram {
    pub(crate) fn add(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let class = class_of(micros);
        if self.counts.len() <= class {
            self.counts.resize(class + 1, 0);
        }
        self.counts[class] += 1;
        self.total += 1;
        self.longest = self.longest.max(micros);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    pub(crate) fn longest_ms(&self) -> f64 {
        self.longest as f64 / 1000.0
    }

    /// Milliseconds below which the given share (thousandths) of the durations lies; 0 if there
    /// are none.
    pub(crate) fn quantile_ms(&self, thousandths: u64) -> f64 {
        let rank = (self.total.saturating_mul(thousandths)).div_ceil(1000);
        let mut seen = 0;
        for (class, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return end_of(class).min(self.longest) as f64 / 1000.0;
            }
        }
        0.0
    }
}

/// Below 64 µs each microsecond has its own class.
fn class_of(micros: u64) -> usize {
    let shift = micros.max(1).ilog2().saturating_sub(STEP_BITS);
    let class = u64::from(shift) * STEPS + (micros >> shift);
    usize::try_from(class).unwrap_or(usize::MAX)
}

/// The largest number of microseconds in a class.
fn end_of(class: usize) -> u64 {
    let class = class as u64;
    if class < 2 * STEPS {
        return class;
    }
    let shift = class / STEPS - 1;
    let start = class - shift * STEPS;
    ((start + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_in_its_class() {
        for micros in (0..5_000).chain([65_535, 65_536, 1_000_000, 90_000_000]) {
            let class = class_of(micros);
            let end = end_of(class);
            assert!(micros <= end && end <= micros + micros / 25, "{micros} in {class} to {end}");
            assert!(class == 0 || end_of(class - 1) < micros, "{micros}");
        }
    }

    #[test]
    fn quantiles() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_ms(500), 0.0);
        for micros in 1..=1000 {
            histogram.add(Duration::from_micros(micros));
        }
        let mut sum = Histogram::default();
        sum.merge(&histogram);
        assert!((0.5..0.52).contains(&sum.quantile_ms(500)));
        assert!((0.99..=1.0).contains(&sum.quantile_ms(990)));
        assert_eq!(sum.longest_ms(), 1.0);
        assert_eq!(sum.quantile_ms(1000), 1.0);
    }
}
