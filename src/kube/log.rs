//! The log: one line per transition, not per run.

use super::kube_core::Resource;
use crate::{
    ConfigError, Interval, MaxRate, Phase, RateLimit, Requeue, RequeuePolicy,
    adapter::{
        conclusion::{Conclusion, Transition},
        trigger::Verdict,
    },
    interval::humantime,
};
use std::{
    error::Error,
    fmt::{self, Display},
    time::Duration,
};
use tracing::{debug, error, info, trace, warn};

const TARGET: &str = "requeue_policy";

/// `namespace/name`, as the application's author looks it up.
///
/// Names of most types cannot hold a line break; those of RBAC's can hold anything but `/` and `%`.
struct Name<'a, K>(&'a K);

impl<K: Resource> Display for Name<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meta = self.0.meta();
        if let Some(namespace) = &meta.namespace {
            write!(f, "{}/", namespace.escape_debug())?;
        }
        write!(f, "{}", meta.name.as_deref().unwrap_or("<unnamed>").escape_debug())
    }
}

/// Nobody reads microseconds.
fn rounded(duration: Duration) -> impl Display {
    let millis = if duration < Duration::from_secs(10) { 1 } else { 1000 };
    humantime(Duration::from_millis(
        (duration.as_millis() as u64).div_ceil(millis) * millis,
    ))
}

fn next(requeue: Requeue) -> String {
    match requeue {
        Requeue::After(delay) => format!("in {}", rounded(delay)),
        Requeue::AwaitChange => "when something changes".to_owned(),
    }
}

pub(super) fn trigger<K: Resource>(object: &K, verdict: Verdict, limit: Option<RateLimit>) {
    match (verdict, limit) {
        (Verdict::Run(_), _) => {}
        (Verdict::Postpone(requeue), _) => {
            trace!(target: TARGET, object = %Name(object), next = next(requeue), "postponed: only the status was written");
        }
        (Verdict::Hold { after, first: true }, Some(limit)) => warn!(
            target: TARGET,
            object = %Name(object),
            max = limit.max,
            within = %humantime(limit.within),
            next = next(Requeue::After(after)),
            "loops: something wakes it more often than its rate limit allows; its runs are spread evenly until it rests"
        ),
        (Verdict::Place { after }, _) => {
            trace!(target: TARGET, object = %Name(object), next = next(Requeue::After(after)), "postponed: max_rate is used up");
        }
        (Verdict::Hold { after, .. }, _) => {
            trace!(target: TARGET, object = %Name(object), next = next(Requeue::After(after)), "postponed: the rate limit is used up");
        }
    }
}

pub(super) fn paused<K: Resource>(object: &K, first: bool) {
    if first {
        info!(target: TARGET, object = %Name(object), "paused: an annotation says so, and nothing starts a run until it is gone");
    } else {
        trace!(target: TARGET, object = %Name(object), "postponed: paused");
    }
}

pub(super) fn resumed<K: Resource>(object: &K) {
    info!(target: TARGET, object = %Name(object), "resumed");
}

pub(super) fn override_refused<K: Resource>(object: &K, refused: &ConfigError) {
    warn!(target: TARGET, object = %Name(object), %refused, "an annotation is refused, the policy's own holds");
}

/// A policy as the log has it.
pub(super) struct Policy {
    /// Of the phases ready, failed and initializing.
    intervals: [String; 3],
    rate_limit: Option<String>,
    max_rate: Option<f64>,
}

impl Policy {
    pub(super) fn of(policy: &impl RequeuePolicy) -> Self {
        Self {
            intervals: [Phase::Ready, Phase::Failed, Phase::Initializing].map(|phase| told(&policy.interval(phase))),
            rate_limit: policy
                .rate_limit()
                .map(|limit| format!("{} within {}", limit.max(), humantime(limit.within()))),
            max_rate: policy.max_rate().map(|rate| rate.per_second()),
        }
    }
}

fn told(interval: &Interval) -> String {
    let mut text = humantime(interval.initial()).to_string();
    let mut tell = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text += &format!(", {name} {value}");
        }
    };
    tell(
        "factor",
        (interval.factor() != 1.0).then(|| interval.factor().to_string()),
    );
    tell("max", interval.max().map(|max| humantime(max).to_string()));
    tell(
        "jitter",
        (interval.jitter() != 0.0).then(|| interval.jitter().to_string()),
    );
    tell(
        "deadline",
        interval.deadline().map(|deadline| humantime(deadline).to_string()),
    );
    text
}

pub(super) fn policy_replaced(policy: &Policy) {
    let [default, error, initialization] = &policy.intervals;
    let (rate_limit, max_rate) = (&policy.rate_limit, policy.max_rate);
    info!(target: TARGET, default, error, initialization, rate_limit, max_rate, "the policy was replaced");
}

pub(super) fn policy_refused(refused: &ConfigError) {
    warn!(target: TARGET, %refused, "a new policy is refused, the old one stays");
}

pub(super) fn stretched(rate: Option<MaxRate>, after: Duration) {
    info!(
        target: TARGET,
        max_rate = rate.map(|rate| rate.per_second()),
        next = next(Requeue::After(after)),
        "timers wait: more objects are due than max_rate carries, and delays stretch"
    );
}

pub(super) fn carried() {
    info!(target: TARGET, "no timer has waited for max_rate for a minute");
}

pub(super) fn end<K: Resource>(
    object: &K,
    phase: Phase,
    conclusion: &Conclusion,
    error: Option<&(dyn Error + 'static)>,
    policy: &impl RequeuePolicy,
) {
    let requeue = conclusion.requeue;
    // Only for a line that somebody reads, and where the interval made the attempts.
    let attempts = |since| (!conclusion.is_wish).then(|| policy.interval(phase).attempts(conclusion.after(since)));
    // `error` is none for a run that reports the failure in its outcome.
    match conclusion.transition {
        Transition::None if error.is_some() => {
            debug!(target: TARGET, object = %Name(object), error, next = next(requeue), "no failure");
        }
        Transition::None => trace!(target: TARGET, object = %Name(object), %phase, next = next(requeue), "reconciled"),
        Transition::Failed => warn!(target: TARGET, object = %Name(object), error, next = next(requeue), "failed"),
        Transition::StillFailed(since) => debug!(
            target: TARGET,
            object = %Name(object),
            error,
            after = %rounded(conclusion.after(since)),
            attempts = attempts(since),
            next = next(requeue),
            "still failed"
        ),
        Transition::GaveUp(since) => error!(
            target: TARGET,
            object = %Name(object),
            error,
            %phase,
            after = %rounded(conclusion.after(since)),
            attempts = attempts(since),
            next = next(requeue),
            "gave up"
        ),
        Transition::Recovered(since) => {
            let after = conclusion.after(since);
            info!(target: TARGET, object = %Name(object), %phase, after = %rounded(after), next = next(requeue), "recovered");
        }
    }
}
