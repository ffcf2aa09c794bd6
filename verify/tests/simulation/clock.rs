//! The time of a simulation, so that a seed always makes the same.

use requeue_policy::{Interval, MaxRate, Observed, RateLimit, Requeue, RequeueConfig, RequeuePolicy, kube::Requeuer};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the API server in memory says when it starts: 1 January 2030.
pub(crate) const START: Duration = Duration::from_secs(1_893_456_000);

/// A policy that sees the time as counted from the start of the simulation: the crate itself goes by the wall clock with
/// which the process started, and jitter depends on it.
pub(crate) struct Timed {
    pub(crate) config: RequeueConfig,
    /// The crate's wall clock when the simulation started.
    pub(crate) start: SystemTime,
}

/// What the crate's wall clock says.
pub(crate) fn now() -> SystemTime {
    let requeuer = Requeuer::new(RequeueConfig::default());
    requeuer.expect("the default is valid").now()
}

impl Timed {
    fn seen(&self, time: SystemTime) -> SystemTime {
        let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        // The API server writes whole seconds, by its own clock.
        if since_1970.subsec_nanos() == 0 {
            return time;
        }
        match time.duration_since(self.start) {
            Ok(after) => UNIX_EPOCH + START + after,
            Err(before) => UNIX_EPOCH + START - before.duration(),
        }
    }
}

impl RequeuePolicy for Timed {
    fn default_interval(&self) -> Interval {
        self.config.default_interval()
    }

    fn error_interval(&self) -> Interval {
        self.config.error_interval()
    }

    fn initialization_interval(&self) -> Interval {
        self.config.initialization_interval()
    }

    fn rate_limit(&self) -> Option<RateLimit> {
        self.config.rate_limit()
    }

    fn max_rate(&self) -> Option<MaxRate> {
        self.config.max_rate()
    }

    fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
        let since = object.last_transition().map(|since| self.seen(since));
        self.config.requeue(&object.since(since), self.seen(now))
    }
}
