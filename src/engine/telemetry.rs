//! Metrics: what runs, what waits, what fails. Without the feature `metrics` there are none.
//!
//! By the facade, so that any exporter serves. No label is an object's, so their number is bounded.

use crate::{
    Phase,
    engine::{conclusion::Conclusion, event::Why, trigger::Verdict},
};

/// The metrics of a `Requeuer`.
#[derive(Default)]
pub(crate) struct Telemetry {
    /// By kind, of which there are few.
    #[cfg(feature = "metrics")]
    handles: crate::sync::RwLock<Vec<(String, std::sync::Arc<handles::Handles>)>>,
}

#[cfg_attr(not(feature = "metrics"), expect(unused_variables, clippy::unused_self))]
impl Telemetry {
    /// Notes what became of a trigger of an object in this phase.
    #[inline]
    pub(crate) fn trigger(&self, kind: &str, verdict: &Verdict, phase: Phase) {
        #[cfg(feature = "metrics")]
        self.of(kind).trigger(verdict, phase);
    }

    /// Notes an event that triggers nothing.
    #[inline]
    pub(crate) fn quiet(&self, kind: &str, why: Why) {
        #[cfg(feature = "metrics")]
        self.of(kind).quiet(why);
    }

    /// Notes what the end of a reconcile means; `failing` objects there are after it.
    #[inline]
    pub(crate) fn end(&self, kind: &str, conclusion: &Conclusion, failing: usize) {
        #[cfg(feature = "metrics")]
        self.of(kind).end(conclusion, failing);
    }

    /// Notes that an object is gone; `failing` objects there are after it.
    pub(crate) fn gone(&self, kind: &str, failing: usize) {
        #[cfg(feature = "metrics")]
        self.of(kind).gone(failing);
    }

    /// Made at the first trigger, when the application has installed its recorder; kept, so that none is made per reconcile.
    #[cfg(feature = "metrics")]
    fn of(&self, kind: &str) -> std::sync::Arc<handles::Handles> {
        use crate::sync::PoisonError;
        let find = |handles: &[(String, std::sync::Arc<handles::Handles>)]| {
            let known = handles.iter().find(|(known, _)| known == kind);
            known.map(|(_, handles)| handles.clone())
        };
        let known = find(&self.handles.read().unwrap_or_else(PoisonError::into_inner));
        known.unwrap_or_else(|| {
            let mut all = self.handles.write().unwrap_or_else(PoisonError::into_inner);
            find(&all).unwrap_or_else(|| {
                let handles = std::sync::Arc::new(handles::Handles::new(kind));
                all.push((kind.to_owned(), handles.clone()));
                handles
            })
        })
    }
}

#[cfg(feature = "metrics")]
mod handles {
    use crate::{
        Phase, Requeue,
        engine::{
            conclusion::{Conclusion, Transition},
            event::Why,
            reason::Reason,
            trigger::Verdict,
        },
    };
    use metrics::{
        Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
    };

    const PHASES: [&str; 3] = ["initializing", "failed", "ready"];
    const DECLINED: [&str; 7] = [
        "not_due",
        "rate_limit",
        "max_rate",
        "stale_cache",
        "paused",
        "status",
        "echo",
    ];
    const REASONS: [&str; 10] = [
        "new",
        "changed",
        "child",
        "related",
        "requested",
        "requested_for_all",
        "resumed",
        "cut_off",
        "due",
        "unknown",
    ];

    pub(crate) struct Handles {
        /// By the first reason and the phase.
        reconciles: [[Counter; 3]; REASONS.len()],
        declined: [Counter; DECLINED.len()],
        max_rate_wait: Histogram,
        delay: [Histogram; 3],
        gave_up: [Counter; 3],
        failing: Gauge,
        failing_seconds: Histogram,
    }

    impl Handles {
        pub(crate) fn new(kind: &str) -> Self {
            let kind = kind.to_owned();
            describe();
            Self {
                reconciles: REASONS.map(|reason| {
                    PHASES.map(|phase| {
                        counter!("requeue_reconciles_total", "kind" => kind.clone(), "reason" => reason, "phase" => phase)
                    })
                }),
                declined: DECLINED
                    .map(|reason| counter!("requeue_postponed_total", "kind" => kind.clone(), "reason" => reason)),
                max_rate_wait: histogram!("requeue_max_rate_wait_seconds", "kind" => kind.clone()),
                delay: PHASES
                    .map(|phase| histogram!("requeue_delay_seconds", "kind" => kind.clone(), "phase" => phase)),
                gave_up: PHASES
                    .map(|phase| counter!("requeue_gave_up_total", "kind" => kind.clone(), "phase" => phase)),
                failing: gauge!("requeue_failing_objects", "kind" => kind.clone()),
                failing_seconds: histogram!("requeue_failing_seconds", "kind" => kind),
            }
        }

        pub(crate) fn trigger(&self, verdict: &Verdict, phase: Phase) {
            match verdict {
                Verdict::Run { reasons, .. } => {
                    let reason = reasons.as_slice().first().map_or(REASONS.len() - 1, place);
                    self.reconciles[reason][phase as usize].increment(1);
                }
                Verdict::Postpone(_) => self.declined[0].increment(1),
                Verdict::Throttle { .. } => self.declined[1].increment(1),
                Verdict::Place { after } => {
                    self.declined[2].increment(1);
                    self.max_rate_wait.record(*after);
                }
                Verdict::Await { .. } => self.declined[3].increment(1),
                Verdict::Pause { .. } => self.declined[4].increment(1),
            }
        }

        pub(crate) fn quiet(&self, why: Why) {
            match why {
                Why::Seen | Why::Kept => {}
                Why::Status => self.declined[5].increment(1),
                Why::Echo => self.declined[6].increment(1),
            }
        }

        pub(crate) fn gone(&self, failing: usize) {
            self.failing.set(failing as f64);
        }

        pub(crate) fn end(&self, conclusion: &Conclusion, failing: usize) {
            let phase = conclusion.phase;
            if let Requeue::After(delay) = conclusion.requeue {
                self.delay[phase as usize].record(delay);
            }
            match conclusion.transition {
                Transition::None | Transition::Failed | Transition::StillFailed(_) => {}
                Transition::GaveUp(_) => self.gave_up[phase as usize].increment(1),
                Transition::Recovered(since) => self.failing_seconds.record(conclusion.after(since)),
            }
            self.failing.set(failing as f64);
        }
    }

    /// What an exporter says about each, as the guide's table does.
    fn describe() {
        describe_counter!(
            "requeue_reconciles_total",
            "reconciles, by their first reason and the phase that the status showed"
        );
        describe_counter!(
            "requeue_postponed_total",
            "triggers that were answered without a reconcile, by the reason"
        );
        describe_histogram!(
            "requeue_delay_seconds",
            "time from the end of a reconcile until the next is due, by the phase that it reported"
        );
        describe_histogram!(
            "requeue_max_rate_wait_seconds",
            "time that a due object waits for max_rate"
        );
        describe_gauge!("requeue_failing_objects", "objects that fail and are retried");
        describe_histogram!(
            "requeue_failing_seconds",
            "time that an object had been failing, or given up, when it recovered"
        );
        describe_counter!(
            "requeue_gave_up_total",
            "objects that were given up, by phase: only a change starts their next reconcile"
        );
    }

    const fn place(reason: &Reason) -> usize {
        match reason {
            Reason::New => 0,
            Reason::Changed(_) => 1,
            Reason::Child(_) => 2,
            Reason::Related(_) => 3,
            Reason::Requested => 4,
            Reason::RequestedForAll => 5,
            Reason::Resumed => 6,
            Reason::CutOff => 7,
            Reason::Due => 8,
            Reason::Unknown => 9,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_is_indexed_is_in_order() {
            for (place, phase) in Phase::ALL.into_iter().enumerate() {
                assert_eq!(phase as usize, place);
                assert_eq!(phase.to_string().to_lowercase(), PHASES[place]);
            }
            for reason in [
                Reason::New,
                Reason::Requested,
                Reason::Resumed,
                Reason::Due,
                Reason::Unknown,
            ] {
                assert_eq!(reason.to_string(), REASONS[place(&reason)]);
            }
        }
    }
}
