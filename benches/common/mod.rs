//! The work that the benchmarks share: a million objects in a random order, all of them failing.

mod calls;
mod object;
mod rivals;

pub(crate) use calls::{handed, per_call, shares};
pub(crate) use object::{Oops, Workload, fails, in_random_order, objects, succeeds, touch, written};
pub(crate) use rivals::{Backon, Governor, Rival, Tower};

use calls::Handed;
use futures::FutureExt as _;
use kube::runtime::controller::Action;
use requeue_policy::{Interval, RateLimit, RequeueConfig, kube::Requeuer};
use std::time::Duration;

/// client-go's default backoff: 5 ms, doubled with every failure, up to 1000 s.
pub(crate) const FIRST: Duration = Duration::from_millis(5);
pub(crate) const LONGEST: Duration = Duration::from_secs(1000);

/// The same as a policy. Its rate limit is one that these calls, back to back on few objects, do not use up.
pub(crate) fn policy() -> RequeueConfig {
    RequeueConfig {
        default: Interval::constant(FIRST),
        error: Interval::constant(FIRST).with_factor(2.0).with_max(LONGEST),
        rate_limit: Some(RateLimit::new(65_535, Duration::from_millis(1))),
        ..RequeueConfig::default()
    }
}

pub(crate) fn requeuer() -> Requeuer<RequeueConfig> {
    Requeuer::new(policy()).expect("the policy is valid")
}

/// What kube-runtime does with a trigger, when every run fails.
pub(crate) fn failing(requeue: &Requeuer<RequeueConfig>) -> impl Fn(Handed) -> Action + Sync + use<> {
    let (reconcile, error_policy) = (requeue.reconciler(fails), requeue.error_policy());
    move |(object, context)| match reconcile(object.clone(), context.clone()).now_or_never() {
        Some(Err(oops)) => error_policy(object, &oops, context),
        answer => panic!("{answer:?} is not the error of a run"),
    }
}
