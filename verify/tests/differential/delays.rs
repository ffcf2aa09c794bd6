//! client-go's rate limiters against policies: of an object that fails and succeeds by a schedule, each delay after a failure.

use crate::go;
use requeue_policy::{Interval, Observed, Outcome, Phase, Requeue, RequeueConfig, RequeuePolicy, kube::Requeuer};
use serde::{Serialize, Serializer};
use std::{
    fmt::Debug,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::time::advance;
use verify::{Caller, Random, Thing, delay, in_virtual_time};

const NANO: Duration = Duration::from_nanos(1);
const MS: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LONGEST: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// One of client-go's limiters, and the policy that is to do the same.
trait Limiter: Serialize + Debug {
    const MODE: &'static str;
    type Policy: RequeuePolicy + Send + Sync + 'static;

    /// One whose delays are whole multiples of `unit`.
    fn random(random: &mut Random, unit: Duration) -> Self;
    fn policy(&self) -> Self::Policy;
}

/// `NewTypedItemExponentialFailureRateLimiter`: an interval with factor 2.
#[derive(Debug, Serialize)]
struct Backoff {
    #[serde(serialize_with = "as_nanos")]
    base: Duration,
    #[serde(serialize_with = "as_nanos")]
    cap: Duration,
}

impl Limiter for Backoff {
    const MODE: &'static str = "backoff";
    type Policy = RequeueConfig;

    fn random(random: &mut Random, unit: Duration) -> Self {
        // client-go multiplies as a float64, which has room for 104 days of nanoseconds.
        let base = whole(random.duration(MS, 100 * DAY), unit);
        let cap = whole(random.duration(base, LONGEST), unit);
        Self { base, cap }
    }

    fn policy(&self) -> RequeueConfig {
        RequeueConfig::default().with_error(Interval::constant(self.base).with_factor(2.0).with_max(self.cap))
    }
}

/// `NewTypedItemFastSlowRateLimiter`: the policy that the guide writes down.
#[derive(Clone, Copy, Debug, Serialize)]
struct FastSlow {
    #[serde(serialize_with = "as_nanos")]
    fast: Duration,
    #[serde(serialize_with = "as_nanos")]
    slow: Duration,
    attempts: u32,
}

impl RequeuePolicy for FastSlow {
    fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
        match object.phase() {
            Phase::Failed if object.elapsed(now) < self.fast.saturating_mul(self.attempts) => Requeue::After(self.fast),
            Phase::Failed => Requeue::After(self.slow),
            _ => RequeueConfig::default().requeue(object, now),
        }
    }
}

impl Limiter for FastSlow {
    const MODE: &'static str = "fast-slow";
    type Policy = Self;

    fn random(random: &mut Random, unit: Duration) -> Self {
        let fast = whole(random.duration(MS, DAY), unit);
        Self {
            fast,
            slow: whole(random.duration(fast, LONGEST), unit),
            attempts: random.below(60) as u32,
        }
    }

    fn policy(&self) -> Self {
        *self
    }
}

#[derive(Serialize)]
struct Case<L> {
    #[serde(flatten)]
    limiter: L,
    /// Of each run of an object, whether it fails.
    schedules: Vec<Vec<bool>>,
}

/// Of up to 60 runs, whether they fail: outages of all lengths, with one or more successes between them.
fn schedule(random: &mut Random) -> Vec<bool> {
    let runs = 1 + random.below(60);
    let (to_fail, to_recover) = (1 + random.below(5), 2 + random.below(30));
    let mut fails = !random.one_in(4);
    let mut schedule = Vec::new();
    for _ in 0..runs {
        schedule.push(fails);
        let turns = random.one_in(if fails { to_recover } else { to_fail });
        fails ^= turns;
    }
    schedule
}

/// Compares so many policies with 20 schedules each, and says how many delays that were.
fn compare<L: Limiter>(
    random: &mut Random,
    policies: usize,
    unit: Duration,
    delays: fn(L::Policy, &[bool]) -> anyhow::Result<Vec<Duration>>,
) -> anyhow::Result<String> {
    let case = |_| Case {
        limiter: L::random(random, unit),
        schedules: (0..20).map(|_| schedule(random)).collect(),
    };
    let cases: Vec<_> = (0..policies).map(case).collect();
    let theirs: Vec<Vec<Vec<u64>>> = go::ask(L::MODE, &cases)?;
    let mut compared = 0;
    for (Case { limiter, schedules }, theirs) in cases.iter().zip(theirs) {
        anyhow::ensure!(schedules.len() == theirs.len(), "{} answers", theirs.len());
        for (schedule, theirs) in schedules.iter().zip(theirs) {
            let ours = delays(limiter.policy(), schedule)?;
            let theirs: Vec<_> = theirs.into_iter().map(Duration::from_nanos).collect();
            anyhow::ensure!(
                ours == theirs,
                "{limiter:?}, runs that fail: {schedule:?}\nours      {ours:?}\nclient-go {theirs:?}",
            );
            compared += ours.len();
        }
    }
    Ok(format!("{compared} delays of {policies} policies"))
}

/// Of the adapter. Time is exact in whole milliseconds, which tokio's timers have.
fn by_the_adapter(
    policy: impl RequeuePolicy + Send + Sync + 'static,
    schedule: &[bool],
) -> anyhow::Result<Vec<Duration>> {
    in_virtual_time(async {
        let fails = Arc::new(AtomicBool::new(false));
        let run_fails = fails.clone();
        let caller = Caller::new(&Requeuer::new(policy)?, move |_| {
            match run_fails.load(Ordering::Relaxed) {
                true => Err(io::Error::other("no quota")),
                false => Ok(Outcome::from(Phase::Ready)),
            }
        });
        let thing = Arc::new(Thing::stored(0, 1, 1));
        let mut delays = Vec::new();
        for (number, failed) in schedule.iter().enumerate() {
            fails.store(*failed, Ordering::Relaxed);
            let Some(next) = delay(&caller.trigger(&thing)) else {
                anyhow::bail!("it awaits a change")
            };
            anyhow::ensure!(caller.runs() == number + 1, "it was not due when it came back");
            if *failed {
                delays.push(next);
            }
            advance(next).await;
        }
        Ok(delays)
    })
}

/// Of the policy alone, if runs take no time. A success ends the phase.
fn by_the_policy(policy: impl RequeuePolicy, schedule: &[bool]) -> anyhow::Result<Vec<Duration>> {
    let (mut now, mut since, mut delays) = (SystemTime::UNIX_EPOCH, None, Vec::new());
    for failed in schedule {
        since = failed.then(|| since.unwrap_or(now));
        let phase = if *failed { Phase::Failed } else { Phase::Ready };
        let Requeue::After(delay) = policy.requeue(&Observed::new(phase).since(since), now) else {
            anyhow::bail!("it awaits a change")
        };
        if *failed {
            delays.push(delay);
        }
        now += delay;
    }
    Ok(delays)
}

pub(crate) fn the_backoff_is_client_gos_through_the_adapter(random: &mut Random) -> anyhow::Result<String> {
    compare::<Backoff>(random, 100, MS, by_the_adapter)
}

pub(crate) fn the_backoff_is_client_gos_to_the_nanosecond(random: &mut Random) -> anyhow::Result<String> {
    compare::<Backoff>(random, 1000, NANO, by_the_policy)
}

pub(crate) fn fast_and_slow_are_client_gos_through_the_adapter(random: &mut Random) -> anyhow::Result<String> {
    compare::<FastSlow>(random, 100, MS, by_the_adapter)
}

pub(crate) fn fast_and_slow_are_client_gos_to_the_nanosecond(random: &mut Random) -> anyhow::Result<String> {
    compare::<FastSlow>(random, 500, NANO, by_the_policy)
}

/// The whole units in a duration.
fn whole(duration: Duration, unit: Duration) -> Duration {
    Duration::from_nanos((duration.as_nanos() / unit.as_nanos() * unit.as_nanos()) as u64)
}

fn as_nanos<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_nanos() as u64)
}
