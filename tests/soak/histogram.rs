//! Many durations in little memory.

use std::{fmt, time::Duration};

const PER_DOUBLING: f64 = 32.0;
/// Up to 38 hours, in microseconds.
const DOUBLINGS: usize = 37;

/// Durations counted by size, so that what they take does not grow; a percentile is at most 2.2 % too long.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
    max: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; DOUBLINGS * PER_DOUBLING as usize],
            max: Duration::ZERO,
        }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, duration: Duration) {
        let micros = duration.as_micros().max(1) as f64;
        let place = (micros.log2() * PER_DOUBLING) as usize;
        self.counts[place.min(DOUBLINGS * PER_DOUBLING as usize - 1)] += 1;
        self.max = self.max.max(duration);
    }

    pub(crate) fn count(&self) -> usize {
        self.counts.iter().map(|count| *count as usize).sum()
    }

    /// The smallest that this many percent do not exceed; zero where there are none.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let wanted = (self.count() * percent).div_ceil(100);
        let mut so_far = 0;
        let reaches = |count: &u32| {
            so_far += *count as usize;
            so_far >= wanted
        };
        let place = self.counts.iter().position(reaches).unwrap_or_default();
        let edge = ((place + 1) as f64 / PER_DOUBLING).exp2();
        Duration::from_micros(edge as u64).min(self.max)
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count() == 0 {
            return write!(f, "{:>7}{:>10}{:>10}{:>10}", 0, "-", "-", "-");
        }
        let [p50, p99, max] = [self.percentile(50), self.percentile(99), self.max].map(short);
        write!(f, "{:>7}{p50:>10}{p99:>10}{max:>10}", self.count())
    }
}

fn short(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}
