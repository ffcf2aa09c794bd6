//! Other Rust crates at the same work: what happened to this object, and how long is it to wait?

use super::{FIRST, LONGEST, Workload};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use governor::{DefaultKeyedRateLimiter, Quota, clock::Clock};
use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;
use tower::{
    retry::backoff::{self, Backoff, ExponentialBackoffMaker, MakeBackoff},
    util::rng::HasherRng,
};

/// One of them, as a careful author of a controller would use it.
pub trait Rival: Sync {
    /// The object's next delay after a failure.
    fn failed(&self, object: &Workload) -> Duration;
    /// The object no longer fails.
    fn succeeded(&self, object: &Workload);
}

/// backon's iterators of delays in a map.
#[derive(Debug, Default)]
pub struct Backon(Mutex<HashMap<String, ExponentialBackoff>>);

impl Rival for Backon {
    fn failed(&self, object: &Workload) -> Duration {
        let uid = object.uid();
        let mut delays = self.0.lock().expect("no call panics");
        // Only the first failure clones the uid.
        let of_object = match delays.get_mut(uid) {
            Some(known) => known,
            None => delays.entry(uid.clone()).or_insert_with(|| {
                let builder = ExponentialBuilder::new().with_factor(2.0).without_max_times();
                builder.with_min_delay(FIRST).with_max_delay(LONGEST).build()
            }),
        };
        of_object.next().expect("there is no last retry")
    }

    fn succeeded(&self, object: &Workload) {
        let uid = object.uid();
        self.0.lock().expect("no call panics").remove(uid);
    }
}

/// tower's backoffs in a map. They make a timer and not a delay, so they need a runtime.
#[derive(Debug)]
pub struct Tower {
    delays: Mutex<(ExponentialBackoffMaker, HashMap<String, backoff::ExponentialBackoff>)>,
    runtime: Handle,
}

impl Tower {
    /// With the runtime of its timers.
    pub fn new(runtime: Handle) -> Self {
        let maker = ExponentialBackoffMaker::new(FIRST, LONGEST, 0.0, HasherRng::new()).expect("the limits are valid");
        Self {
            delays: Mutex::new((maker, HashMap::new())),
            runtime,
        }
    }
}

impl Rival for Tower {
    fn failed(&self, object: &Workload) -> Duration {
        let uid = object.uid();
        let _entered = self.runtime.enter();
        let (maker, delays) = &mut *self.delays.lock().expect("no call panics");
        let of_object = match delays.get_mut(uid) {
            Some(known) => known,
            None => delays.entry(uid.clone()).or_insert(maker.make_backoff()),
        };
        let timer = of_object.next_backoff();
        timer.deadline().into_std().saturating_duration_since(Instant::now())
    }

    fn succeeded(&self, object: &Workload) {
        let uid = object.uid();
        self.delays.lock().expect("no call panics").1.remove(uid);
    }
}

/// governor, one failure allowed in so long: constant delays, from a map in shards.
#[derive(Debug)]
pub struct Governor(DefaultKeyedRateLimiter<String>);

impl Default for Governor {
    fn default() -> Self {
        Self(DefaultKeyedRateLimiter::dashmap(
            Quota::with_period(LONGEST).expect("the period is not zero"),
        ))
    }
}

impl Rival for Governor {
    fn failed(&self, object: &Workload) -> Duration {
        let uid = object.uid();
        match self.0.check_key(uid) {
            Ok(()) => Duration::ZERO,
            Err(not_until) => not_until.wait_time_from(self.0.clock().now()),
        }
    }

    /// It has no way to forget one key: see `retain_recent`.
    fn succeeded(&self, _: &Workload) {}
}
