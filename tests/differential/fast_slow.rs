//! `NewTypedItemFastSlowRateLimiter` against the policy that the guide writes down.

use crate::{
    backoff::{DAY, Delays, LONGEST, MS, as_nanos, delays, delays_through_the_controller, whole},
    go,
    policies::FastSlow,
    random::Random,
};
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Serialize)]
struct Case {
    #[serde(serialize_with = "as_nanos")]
    fast: Duration,
    #[serde(serialize_with = "as_nanos")]
    slow: Duration,
    attempts: u32,
    schedules: Vec<Vec<bool>>,
}

impl Case {
    /// 20 schedules under a policy whose delays are whole multiples of `unit`.
    fn random(random: &mut Random, unit: Duration) -> Self {
        let fast = whole(random.duration(MS, DAY), unit);
        Self {
            fast,
            slow: whole(random.duration(fast, LONGEST), unit),
            attempts: random.below(60) as u32,
            schedules: (0..20).map(|_| random.schedule()).collect(),
        }
    }

    fn policy(&self) -> FastSlow {
        FastSlow {
            fast: self.fast,
            slow: self.slow,
            attempts: self.attempts,
        }
    }
}

/// Compares these cases, and returns how many delays that were.
fn compare(cases: &[Case], ours: impl Fn(&Case) -> anyhow::Result<Delays>) -> anyhow::Result<String> {
    let theirs: Vec<Delays> = go::ask("fast-slow", cases)?;
    let mut compared = 0;
    for (case, theirs) in cases.iter().zip(theirs) {
        let ours = ours(case)?;
        for ((ours, theirs), schedule) in ours.iter().zip(&theirs).zip(&case.schedules) {
            anyhow::ensure!(
                ours == theirs,
                "{:?}, runs that fail: {schedule:?}\nours      {ours:?}\nclient-go {theirs:?}",
                case.policy(),
            );
            compared += ours.len();
        }
    }
    Ok(format!("{compared} delays of {} policies", cases.len()))
}

/// In whole milliseconds, for the reason that the backoff has.
pub(crate) fn through_the_controller(random: &mut Random) -> anyhow::Result<String> {
    let cases: Vec<_> = (0..20).map(|_| Case::random(random, MS)).collect();
    compare(&cases, |case| {
        delays_through_the_controller(case.policy(), &case.schedules)
    })
}

pub(crate) fn to_the_nanosecond(random: &mut Random) -> anyhow::Result<String> {
    let cases: Vec<_> = (0..500)
        .map(|_| Case::random(random, Duration::from_nanos(1)))
        .collect();
    compare(&cases, |case| {
        let ours = case.schedules.iter().map(|schedule| delays(&case.policy(), schedule));
        Ok(ours.collect())
    })
}
