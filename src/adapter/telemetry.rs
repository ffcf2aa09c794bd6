//! Metrics: what runs, what waits, what fails. Without the feature `metrics` there are none.
//!
//! By the facade, so that any exporter serves. No label is an object's, so their number is bounded.

use crate::{
    Phase,
    adapter::{conclusion::Conclusion, trigger::Verdict},
};

/// The metrics of one controller.
#[derive(Default)]
pub(crate) struct Telemetry {
    #[cfg(feature = "metrics")]
    handles: std::sync::OnceLock<handles::Handles>,
}

#[cfg_attr(not(feature = "metrics"), expect(unused_variables, clippy::unused_self))]
impl Telemetry {
    /// Notes what became of a trigger of an object in this phase.
    #[inline]
    pub(crate) fn trigger<K>(&self, verdict: Verdict, phase: Phase) {
        #[cfg(feature = "metrics")]
        self.of::<K>().trigger(verdict, phase);
    }

    /// Notes a trigger of a paused object.
    #[inline]
    pub(crate) fn paused<K>(&self) {
        #[cfg(feature = "metrics")]
        self.of::<K>().paused();
    }

    /// Notes what the end of a run means; `failing` objects there are after it.
    #[inline]
    pub(crate) fn end<K>(&self, conclusion: &Conclusion, phase: Phase, failing: usize) {
        #[cfg(feature = "metrics")]
        self.of::<K>().end(conclusion, phase, failing);
    }

    /// Made at the first trigger, when the application has installed its recorder; kept, so that none is made per run.
    #[cfg(feature = "metrics")]
    fn of<K>(&self) -> &handles::Handles {
        self.handles.get_or_init(|| handles::Handles::new(handles::kind::<K>()))
    }
}

#[cfg(feature = "metrics")]
mod handles {
    use crate::{
        Phase, Requeue,
        adapter::{
            conclusion::{Conclusion, Transition},
            trigger::{Cause, Verdict},
        },
    };
    use metrics::{
        Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
    };

    const PHASES: [&str; 3] = ["initializing", "failed", "ready"];
    const REASONS: [&str; 4] = ["status", "rate_limit", "max_rate", "paused"];

    pub(crate) struct Handles {
        /// By cause and phase.
        runs: [[Counter; 3]; 6],
        postponed: [Counter; 4],
        max_rate_wait: Histogram,
        delay: [Histogram; 3],
        gave_up: [Counter; 3],
        failing: Gauge,
        failing_seconds: Histogram,
    }

    impl Handles {
        pub(crate) fn new(kind: &'static str) -> Self {
            describe();
            let causes = [
                Cause::Due,
                Cause::New,
                Cause::Changed,
                Cause::News,
                Cause::Other,
                Cause::Held,
            ];
            Self {
                runs: causes.map(|cause| {
                    PHASES.map(|phase| counter!("requeue_runs_total", "kind" => kind, "trigger" => name(cause), "phase" => phase))
                }),
                postponed: REASONS.map(|reason| counter!("requeue_postponed_total", "kind" => kind, "reason" => reason)),
                max_rate_wait: histogram!("requeue_max_rate_wait_seconds", "kind" => kind),
                delay: PHASES.map(|phase| histogram!("requeue_delay_seconds", "kind" => kind, "phase" => phase)),
                gave_up: PHASES.map(|phase| counter!("requeue_gave_up_total", "kind" => kind, "phase" => phase)),
                failing: gauge!("requeue_failing_objects", "kind" => kind),
                failing_seconds: histogram!("requeue_failing_seconds", "kind" => kind),
            }
        }

        pub(crate) fn trigger(&self, verdict: Verdict, phase: Phase) {
            match verdict {
                Verdict::Run(cause) => self.runs[cause as usize][phase as usize].increment(1),
                Verdict::Postpone(_) => self.postponed[0].increment(1),
                Verdict::Hold { .. } => self.postponed[1].increment(1),
                Verdict::Place { after } => {
                    self.postponed[2].increment(1);
                    self.max_rate_wait.record(after);
                }
            }
        }

        pub(crate) fn paused(&self) {
            self.postponed[3].increment(1);
        }

        pub(crate) fn end(&self, conclusion: &Conclusion, phase: Phase, failing: usize) {
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
            "requeue_runs_total",
            "runs, by what started them and the phase that the status said then"
        );
        describe_counter!(
            "requeue_postponed_total",
            "triggers that were answered without a run, by the reason"
        );
        describe_histogram!(
            "requeue_delay_seconds",
            "time from the end of a run until the next is due, by the phase that the run reported"
        );
        describe_histogram!(
            "requeue_max_rate_wait_seconds",
            "time that a timer has to wait for its place in max_rate"
        );
        describe_gauge!("requeue_failing_objects", "objects that fail and are tried again");
        describe_histogram!(
            "requeue_failing_seconds",
            "time that an object had been failing, or given up, when it recovered"
        );
        describe_counter!(
            "requeue_gave_up_total",
            "objects that were given up, by phase: only a change starts their next run"
        );
    }

    /// The type's own name, which is the kind of all that kube derives.
    pub(crate) fn kind<K>() -> &'static str {
        let path = std::any::type_name::<K>();
        let path = path.split_once('<').map_or(path, |(path, _)| path);
        path.rsplit_once("::").map_or(path, |(_, name)| name)
    }

    const fn name(cause: Cause) -> &'static str {
        match cause {
            Cause::Due => "due",
            Cause::New => "new",
            Cause::Changed => "change",
            Cause::News => "news",
            Cause::Other => "other",
            Cause::Held => "held",
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
            assert_eq!([Cause::Due as usize, Cause::Held as usize], [0, 5]);
            assert_eq!(kind::<Vec<Phase>>(), "Vec");
            assert_eq!(kind::<Phase>(), "Phase");
        }
    }
}
