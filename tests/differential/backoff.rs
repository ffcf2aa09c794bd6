//! `NewTypedItemExponentialFailureRateLimiter` against an interval with factor 2.

use crate::{go, policies::exponential, random::Random, script::delays_after_failures};
use requeue_policy::{Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};
use serde::Serialize;
use std::time::{Duration, SystemTime};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const LONGEST: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// A policy, and the schedules of objects under it: of each run, whether it fails.
#[derive(Debug, Serialize)]
struct Case {
    #[serde(serialize_with = "as_nanos")]
    base: Duration,
    #[serde(serialize_with = "as_nanos")]
    cap: Duration,
    schedules: Vec<Vec<bool>>,
}

impl Case {
    /// 20 schedules under a policy whose base and cap are whole multiples of `unit`.
    fn random(random: &mut Random, unit: Duration) -> Self {
        // client-go multiplies as a float64, which has room for 104 days of nanoseconds.
        let base = whole(random.duration(MS, 100 * DAY), unit);
        let cap = whole(random.duration(base, LONGEST), unit);
        Self {
            base,
            cap,
            schedules: (0..20).map(|_| random.schedule()).collect(),
        }
    }

    fn policy(&self) -> RequeueConfig {
        RequeueConfig {
            error: exponential(self.base, self.cap),
            ..RequeueConfig::default()
        }
    }
}

/// What client-go answers: of each case and schedule, the delay after each failure in nanoseconds.
pub(crate) type Delays = Vec<Vec<u64>>;

/// Compares these cases, and returns how many delays that were.
fn compare(cases: &[Case], ours: impl Fn(&Case) -> anyhow::Result<Delays>) -> anyhow::Result<String> {
    let theirs: Vec<Delays> = go::ask("backoff", cases)?;
    let mut compared = 0;
    for (case, theirs) in cases.iter().zip(theirs) {
        let ours = ours(case)?;
        for ((ours, theirs), schedule) in ours.iter().zip(&theirs).zip(&case.schedules) {
            let Case { base, cap, .. } = case;
            anyhow::ensure!(
                ours == theirs,
                "base {base:?}, cap {cap:?}, runs that fail: {schedule:?}\nours      {ours:?}\nclient-go {theirs:?}",
            );
            compared += ours.len();
        }
    }
    Ok(format!("{compared} delays of {} policies", cases.len()))
}

/// The policies are of whole milliseconds, which tokio's timers have, so that no delay is rounded and the delays are
/// equal with no tolerance. One that a timer rounds up is time in the phase and makes the next ones longer.
pub(crate) fn through_the_controller(random: &mut Random) -> anyhow::Result<String> {
    let cases: Vec<_> = (0..40).map(|_| Case::random(random, MS)).collect();
    compare(&cases, |case| {
        delays_through_the_controller(case.policy(), &case.schedules)
    })
}

pub(crate) fn to_the_nanosecond(random: &mut Random) -> anyhow::Result<String> {
    let cases: Vec<_> = (0..1000)
        .map(|_| Case::random(random, Duration::from_nanos(1)))
        .collect();
    compare(&cases, |case| {
        let ours = case.schedules.iter().map(|schedule| delays(&case.policy(), schedule));
        Ok(ours.collect())
    })
}

/// The delay after each failure of each schedule in nanoseconds, one object each.
pub(crate) fn delays_through_the_controller(
    policy: impl RequeuePolicy + Send + Sync + 'static,
    schedules: &[Vec<bool>],
) -> anyhow::Result<Delays> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    let delays = runtime.block_on(delays_after_failures(policy, schedules));
    let nanos = |delays: Vec<Duration>| delays.iter().map(|delay| delay.as_nanos() as u64).collect();
    Ok(delays.into_iter().map(nanos).collect())
}

/// The whole units in a duration.
pub(crate) fn whole(duration: Duration, unit: Duration) -> Duration {
    Duration::from_nanos((duration.as_nanos() / unit.as_nanos() * unit.as_nanos()) as u64)
}

/// The delay after each failure, in nanoseconds, if runs take no time. A success ends the phase.
pub(crate) fn delays(policy: &impl RequeuePolicy, schedule: &[bool]) -> Vec<u64> {
    let mut now = SystemTime::UNIX_EPOCH;
    let mut since = None;
    let mut delays = Vec::new();
    for failed in schedule {
        since = failed.then(|| since.unwrap_or(now));
        let phase = if *failed { Phase::Failed } else { Phase::Ready };
        let Requeue::After(delay) = policy.requeue(&Observed::new(phase).since(since), now) else {
            break;
        };
        if *failed {
            delays.push(delay.as_nanos() as u64);
        }
        now += delay;
    }
    delays
}

pub(crate) fn as_nanos<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_nanos() as u64)
}
