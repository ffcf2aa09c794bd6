//! How run starts spread over the intervals after a restart.

use std::time::Duration;

use crate::{runs::Run, settings::PARTS};

/// One interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) starts: usize,
    /// In the fullest part of the interval.
    pub(crate) peak: usize,
}

impl Spread {
    /// The fullest part by the mean of all; zero where there was none.
    pub(crate) fn peak_to_mean(self) -> f64 {
        match self.starts {
            0 => 0.0,
            starts => (self.peak * PARTS) as f64 / starts as f64,
        }
    }
}

/// The intervals since the first run, that one included.
pub(crate) fn spreads(runs: &[Run], interval: Duration, intervals: usize) -> Vec<Spread> {
    let mut parts = vec![0; (intervals + 1) * PARTS];
    let first = runs.iter().map(|run| run.started).min().unwrap_or_default();
    for run in runs {
        let part = (run.started - first).as_nanos() * PARTS as u128 / interval.as_nanos();
        if let Some(starts) = parts.get_mut(part as usize) {
            *starts += 1;
        }
    }
    let spread = |parts: &[usize]| Spread {
        starts: parts.iter().sum(),
        peak: parts.iter().copied().max().unwrap_or_default(),
    };
    parts.chunks(PARTS).map(spread).collect()
}
