//! The log: one line per transition, not per run.

use crate::{
    Phase, RateLimit, Requeue,
    interval::humantime,
    trigger::{Conclusion, Transition, Verdict},
};
use kube_core::Resource;
use std::{
    fmt::{self, Display},
    time::Duration,
};
use tracing::{debug, error, field::display, info, trace, warn};

/// `namespace/name`, as the application's author looks it up.
struct Name<'a, K>(&'a K);

impl<K: Resource> Display for Name<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meta = self.0.meta();
        if let Some(namespace) = &meta.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(meta.name.as_deref().unwrap_or("<unnamed>"))
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
        (Verdict::Run, _) => {}
        (Verdict::Postpone(requeue), _) => {
            trace!(object = %Name(object), next = next(requeue), "postponed: only the status was written");
        }
        (Verdict::Hold { after, first: true }, Some(limit)) => warn!(
            object = %Name(object),
            max = limit.max,
            within = %humantime(limit.within),
            next = next(Requeue::After(after)),
            "loops: something wakes it more often than its rate limit allows; its runs are spread evenly until it rests"
        ),
        (Verdict::Hold { after, .. }, _) => {
            trace!(object = %Name(object), next = next(Requeue::After(after)), "postponed: the rate limit is used up");
        }
    }
}

pub(super) fn end<K: Resource>(object: &K, phase: Phase, conclusion: &Conclusion, error: Option<&dyn Display>) {
    let requeue = conclusion.requeue;
    // A run that reports the failure in place of an error has none to show.
    let error = error.map(display);
    match conclusion.transition {
        Transition::None => trace!(object = %Name(object), %phase, next = next(requeue), "reconciled"),
        Transition::Failed => warn!(object = %Name(object), error, next = next(requeue), "failed"),
        Transition::StillFailed => debug!(object = %Name(object), error, next = next(requeue), "still failed"),
        Transition::GaveUp(after) => error!(
            object = %Name(object),
            error,
            %phase,
            after = %rounded(after),
            next = next(requeue),
            "gave up"
        ),
        Transition::Recovered(after) => {
            info!(object = %Name(object), %phase, after = %rounded(after), next = next(requeue), "recovered");
        }
    }
}
