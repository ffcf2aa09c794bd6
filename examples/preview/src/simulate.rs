//! Simulated objects: the crate's decisions, with time as an argument. Reconciles take no time.

use std::{
    iter,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};

/// How many decisions one figure may take: a fraction of a second.
const DECISIONS: usize = 200_000;

/// 2026-01-01.
pub(crate) fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

pub(crate) fn uid(object: u32) -> String {
    format!("7e1c4a52-9d3e-4b1e-8f00-{object:012}")
}

/// When timers reconcile an object that enters `phase` at zero and stays there. Ends when timers give up.
pub(crate) fn reconciles(policy: &RequeueConfig, phase: Phase, object: u32) -> impl Iterator<Item = Duration> + use<> {
    let policy = *policy;
    let object = Observed::new(phase).since(start()).uid(&uid(object));
    let mut at = Duration::ZERO;
    iter::from_fn(move || match policy.requeue(&object, start() + at) {
        Requeue::After(delay) => {
            at += delay;
            Some(at)
        }
        Requeue::AwaitChange => None,
    })
}

/// Returns how many objects to simulate until `end`: at most `most`, as many as there is time for, and at least one.
/// Without jitter all objects are alike, so one is enough.
pub(crate) fn sample(policy: &RequeueConfig, phase: Phase, end: Duration, most: u32) -> u32 {
    if policy.interval(phase).jitter() == 0.0 {
        return 1;
    }
    let decisions = reconciles(policy, phase, 0)
        .take_while(|at| *at <= end)
        .take(DECISIONS)
        .count();
    ((DECISIONS / decisions.max(1)) as u32).clamp(1, most)
}

/// Whether an object has so few reconciles until `end` that each can be simulated.
pub(crate) fn is_short(policy: &RequeueConfig, phase: Phase, end: Duration) -> bool {
    const MOST: usize = DECISIONS / 20;
    let until_end = reconciles(policy, phase, 0).take_while(|at| *at <= end);
    until_end.take(MOST).count() < MOST
}

/// Returns the time in the phase, in seconds, after which the delay has grown to its cap.
pub(crate) fn capped_after(interval: &Interval) -> f64 {
    let grows_by = interval.longest().saturating_sub(interval.initial()).as_secs_f64();
    if grows_by == 0.0 {
        0.0
    } else {
        grows_by / (interval.factor() - 1.0)
    }
}
