//! Many durations in little memory.

use std::{collections::BTreeMap, fmt, time::Duration};

const PER_DOUBLING: f64 = 32.0;

/// Durations counted by size, so that what they take does not grow; a percentile is at most 2.2 % too long.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// By the logarithm of their microseconds.
    counts: BTreeMap<u32, usize>,
    max: Duration,
}

impl Histogram {
    /// Counts a duration.
    pub fn record(&mut self, duration: Duration) {
        let micros = duration.as_micros().max(1) as f64;
        *self.counts.entry((micros.log2() * PER_DOUBLING) as u32).or_default() += 1;
        self.max = self.max.max(duration);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.counts.values().sum()
    }

    /// The longest; zero where there are none.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The smallest that this many percent do not exceed; zero where there are none.
    pub fn percentile(&self, percent: usize) -> Duration {
        let wanted = (self.count() * percent).div_ceil(100);
        let mut so_far = 0;
        let reaches = |(_, count): &(&u32, &usize)| {
            so_far += **count;
            so_far >= wanted
        };
        let bucket = self.counts.iter().find(reaches).map_or(0, |(bucket, _)| *bucket);
        let edge = (f64::from(bucket + 1) / PER_DOUBLING).exp2();
        Duration::from_micros(edge as u64).min(self.max)
    }
}

impl FromIterator<Duration> for Histogram {
    fn from_iter<T: IntoIterator<Item = Duration>>(durations: T) -> Self {
        let mut histogram = Self::default();
        durations.into_iter().for_each(|duration| histogram.record(duration));
        histogram
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, max] =
            [self.percentile(50), self.percentile(99), self.max].map(|duration| duration.as_secs_f64() * 1000.0);
        write!(
            f,
            "{} with p50 {p50:.1} ms, p99 {p99:.1} ms, max {max:.1} ms",
            self.count()
        )
    }
}
