//! Times of many rounds, and by how much those of two kinds differ.

use std::{fmt, time::Duration};

/// What else goes on on the machine only ever adds to a time, so the fastest round is the least disturbed one.
const QUANTILES: [f64; 2] = [0.5, 0.0];

/// Times per event, in microseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<f64>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1e6);
    }

    fn at(&self, quantile: f64) -> f64 {
        let mut times = self.0.clone();
        times.sort_by(f64::total_cmp);
        times[((times.len() - 1) as f64 * quantile) as usize]
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        QUANTILES
            .iter()
            .try_for_each(|quantile| write!(f, "{:>18.2}{:>9}", self.at(*quantile), ""))
    }
}

/// In kube's controller and in this crate's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) without: Times,
    pub(crate) with: Times,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        QUANTILES.iter().try_for_each(|quantile| {
            let (without, with) = (self.without.at(*quantile), self.with.at(*quantile));
            let share = 100.0 * (with / without - 1.0);
            write!(f, "{without:>10.2}{with:>8.2}{share:>7.1} %")
        })
    }
}
