//! The policy of the soak, and how early it may start a run by a timer.

use std::time::Duration;

use requeue_policy::{Interval, Phase, RequeueConfig};

const READY: Duration = Duration::from_secs(20);
const INITIALIZING: Duration = Duration::from_secs(2);
const FAILED: Duration = Duration::from_secs(2);
const FAILED_MAX: Duration = Duration::from_secs(20);
const JITTER: f64 = 0.2;

pub(crate) fn config() -> RequeueConfig {
    let failed = Interval::constant(FAILED).with_factor(2.0).with_max(FAILED_MAX);
    RequeueConfig::default()
        .with_default(Interval::constant(READY).with_jitter(JITTER))
        .with_error(failed.with_jitter(JITTER))
        .with_initialization(INITIALIZING)
}

/// The longest delay of all phases.
pub(crate) const fn longest() -> Duration {
    READY
}

/// The shortest delay after a run that left the object in this phase, in which it has been for so long.
///
/// Worked out anew, so that a crate that is wrong about its intervals does not agree with itself.
pub(crate) fn shortest(phase: Phase, elapsed: Duration) -> Duration {
    match phase {
        Phase::Ready => READY.mul_f64(1.0 - JITTER),
        Phase::Initializing => INITIALIZING,
        _ => (FAILED + elapsed).min(FAILED_MAX).mul_f64(1.0 - JITTER),
    }
}
