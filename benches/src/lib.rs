//! The work that the benchmarks share: a million objects in a random order, all of them failing.

mod calls;
mod object;
mod rivals;

pub use calls::{Trigger, per_call, shares, triggers};
pub use object::{
    Oops, Workload, WorkloadSpec, WorkloadStatus, fails, in_random_order, objects, succeeds, touch, written,
};
pub use rivals::{Backon, Governor, Rival, Tower};

use std::{
    env,
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::FutureExt as _;
use kube::runtime::controller::Action;
use requeue_policy::{Interval, Observed, Phase, RateLimit, RequeueConfig, Retry, kube::Requeuer};

/// The first delay of client-go's default backoff; each is twice the one before.
pub const FIRST: Duration = Duration::from_millis(5);
/// The longest delay of client-go's default backoff.
pub const LONGEST: Duration = Duration::from_secs(1000);

/// The same as a policy. Its rate limit is one that these calls, back to back on few objects, do not use up.
pub fn policy() -> RequeueConfig {
    RequeueConfig::default()
        .with_default(FIRST)
        .with_error(Interval::constant(FIRST).with_factor(2.0).with_max(LONGEST))
        .with_rate_limit(RateLimit::new(65_535, Duration::from_millis(1)))
}

/// A memory without objects, with that policy.
pub fn requeuer() -> Requeuer {
    Requeuer::new(policy()).expect("the policy is valid")
}

/// What kube-runtime does with a trigger, when every reconcile fails.
pub fn failing(requeue: &Requeuer) -> impl Fn(Trigger) -> Action + Sync + use<> {
    let (reconcile, error_policy) = (requeue.reconciler(fails), error_policy(requeue));
    move |(object, context)| match reconcile(object.clone(), context.clone()).now_or_never() {
        Some(Err(oops)) => error_policy(object, &oops, context),
        answer => panic!("{answer:?} is not the error of a reconcile"),
    }
}

/// The error policy of a controller that backs off.
pub fn error_policy(requeue: &Requeuer) -> impl Fn(Arc<Workload>, &Oops, Arc<()>) -> Action + Sync + use<> {
    requeue.error_policy(|_, _| Retry::Backoff)
}

/// The modes of a decision.
pub fn modes() -> [(&'static str, RequeueConfig); 5] {
    let constant = Interval::constant(Duration::from_secs(10));
    let growing = constant.with_factor(1.5).with_max(Duration::from_secs(300));
    let day = Duration::from_secs(86_400);
    let modes = [
        ("constant", constant),
        ("growing", growing),
        ("jitter", constant.with_jitter(0.2)),
        ("deadline", constant.with_deadline(day)),
        ("growing, jitter, deadline", growing.with_jitter(0.2).with_deadline(day)),
    ];
    modes.map(|(mode, error)| (mode, RequeueConfig::default().with_error(error)))
}

/// An object that has been failing for a while.
pub fn failed(now: SystemTime) -> Observed {
    Observed::new(Phase::Failed)
        .since(now - Duration::from_secs(77))
        .uid("7e1c4a52-9d3e")
}

/// Whether it is to run once and small: in CI, where the time that it takes says nothing.
pub fn is_test() -> bool {
    let has = |name| env::args().any(|argument| argument == name);
    has("--test") || !has("--bench")
}
