//! The log: one line per transition, not per run.

use super::{
    conclusion::{Conclusion, Transition},
    event::Why,
    reason::{Reason, Reasons},
    trigger::Verdict,
    wakes::Id,
};
use crate::{ConfigError, MaxRate, Phase, RateLimit, Requeue, RequeuePolicy, policy::interval::humantime};
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
struct Name<'a>(Id<'a>);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = self.0.namespace {
            write!(f, "{}/", namespace.escape_debug())?;
        }
        write!(f, "{}", self.0.name.escape_debug())
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

/// A macro, because an event's fields are known when it is compiled.
macro_rules! line {
    ($level:ident, $id:ident, $($rest:tt)+) => {
        $level!(target: TARGET, kind = %$id.kind, object = %Name($id), $($rest)+)
    };
}

pub(super) fn trigger(id: Id<'_>, verdict: &Verdict, limit: Option<RateLimit>) {
    match verdict {
        Verdict::Run { reasons, .. } => line!(trace, id, %reasons, "reconcile starts"),
        Verdict::Postpone(requeue) => line!(trace, id, next = next(*requeue), "postponed until due"),
        Verdict::Throttle { after, loops: true } => line!(
            warn,
            id,
            burst = limit.map(|limit| limit.burst()),
            every = limit.map(|limit| tracing::field::display(humantime(limit.every()))),
            next = next(Requeue::After(*after)),
            "reconcile loop detected, throttling"
        ),
        Verdict::Throttle { after, .. } => {
            line!(
                trace,
                id,
                next = next(Requeue::After(*after)),
                "throttled: rate_limit is used up"
            );
        }
        Verdict::Place { after } => {
            line!(
                trace,
                id,
                next = next(Requeue::After(*after)),
                "postponed: max_rate is used up"
            );
        }
        Verdict::Await { after } => line!(
            trace,
            id,
            at_most = %rounded(*after),
            "postponed: the cache does not contain the controller's last write yet"
        ),
        Verdict::Pause { first: true } => line!(info, id, "paused by an annotation"),
        Verdict::Pause { .. } => line!(trace, id, "postponed: paused"),
    }
}

/// An event that triggers nothing.
pub(super) fn quiet(id: Id<'_>, why: Why) {
    match why {
        Why::Seen | Why::Kept => {}
        Why::Echo => line!(trace, id, "not triggered: the controller's own write came back"),
        Why::Status => line!(trace, id, "postponed until due: only the status changed"),
    }
}

/// A reconcile ended after its object was gone: an error of it is none of an outage.
pub(super) fn ended_gone(id: Id<'_>, error: Option<&(dyn Error + 'static)>) {
    line!(
        debug,
        id,
        error,
        "ended after the object was gone: not reconciled again"
    );
}

/// An object that was failing already now fails because of this.
pub(super) fn denied(id: Id<'_>, what: &str) {
    line!(warn, id, denied = %what, "still failed: the API server denies a request");
}

pub(super) fn resumed(id: Id<'_>) {
    line!(info, id, "resumed");
}

/// A WARN line for the first object in a while, DEBUG lines for the others.
pub(super) fn stale(id: Id<'_>, first: bool) {
    let waited = humantime(super::echo::LONGEST_WAIT);
    if first {
        line!(warn, id, %waited, "reconciling with a stale cache: the watch has not delivered the controller's last write");
    } else {
        line!(debug, id, %waited, "reconciling with a stale cache");
    }
}

pub(super) fn override_refused(id: Id<'_>, refused: &ConfigError) {
    line!(warn, id, %refused, "an annotation is refused, the policy applies");
}

pub(super) fn other_error_policy(id: Id<'_>) {
    line!(
        warn,
        id,
        "an error never reached the error policy of this Requeuer: pass the error_policy of the Requeuer whose reconciler runs"
    );
}

/// A watch fails, and is tried again by itself.
pub(crate) fn watch_failed(kind: &str, error: &(dyn Error + 'static)) {
    warn!(target: TARGET, %kind, error, "watch failed, retrying");
}

pub(crate) fn watch_recovered(kind: &str) {
    info!(target: TARGET, %kind, "watch recovered");
}

/// A policy as the log has it.
pub(super) struct Policy {
    /// Of the phases ready, failed and initializing.
    intervals: [String; 3],
    rate_limit: Option<String>,
    max_rate: Option<f64>,
}

impl Policy {
    pub(super) fn of(policy: &dyn RequeuePolicy) -> Self {
        Self {
            intervals: [Phase::Ready, Phase::Failed, Phase::Initializing]
                .map(|phase| policy.interval(phase).to_string()),
            rate_limit: policy
                .rate_limit()
                .map(|limit| format!("{}, then one every {}", limit.burst(), humantime(limit.every()))),
            max_rate: policy.max_rate().map(|rate| rate.per_second()),
        }
    }
}

pub(super) fn policy_replaced(policy: &Policy) {
    let [default, error, initialization] = &policy.intervals;
    let (rate_limit, max_rate) = (&policy.rate_limit, policy.max_rate);
    info!(target: TARGET, default, error, initialization, rate_limit, max_rate, "the policy was replaced");
}

pub(super) fn policy_refused(refused: &ConfigError) {
    warn!(target: TARGET, %refused, "a new policy is refused, the old one stays");
}

pub(super) fn config_refused(refused: &ConfigError) {
    error!(target: TARGET, %refused, "the policy is refused, the defaults apply");
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

pub(super) fn end(
    id: Id<'_>,
    conclusion: &Conclusion,
    error: Option<&(dyn Error + 'static)>,
    policy: &dyn RequeuePolicy,
    reasons: &[Reason],
) {
    let (phase, requeue) = (conclusion.phase, conclusion.requeue);
    // Only for a line that somebody reads, and where the interval made the attempts.
    let retries = |since| (!conclusion.is_explicit).then(|| policy.interval(phase).attempts(conclusion.after(since)));
    // `error` is none for a reconcile that reports the failure in its outcome.
    match conclusion.transition {
        Transition::None if error.is_some() => line!(debug, id, error, next = next(requeue), "no failure"),
        Transition::None => {
            line!(trace, id, %phase, reasons = %Reasons::from(reasons), next = next(requeue), "reconciled");
        }
        Transition::Failed => line!(warn, id, error, next = next(requeue), "failed"),
        Transition::StillFailed(since) => line!(
            debug,
            id,
            error,
            after = %rounded(conclusion.after(since)),
            retries = retries(since),
            next = next(requeue),
            "still failed"
        ),
        Transition::GaveUp(since) => line!(
            error,
            id,
            error,
            %phase,
            after = %rounded(conclusion.after(since)),
            retries = retries(since),
            next = next(requeue),
            "gave up"
        ),
        Transition::Recovered(since) => {
            let after = conclusion.after(since);
            line!(info, id, %phase, after = %rounded(after), next = next(requeue), "recovered");
        }
    }
}
