//! What occurred in all seeds together: a simulation that explores nothing fails.

use crate::{
    behaviour::micros,
    checks::LONGEST_WAIT,
    delay::{End, Explicit},
    faults::SLACK,
    features::Kinds,
    model::Model,
    plan::{Change, Plan, Step},
    record::Record,
    sight::{deleted, interval},
};
use requeue_policy::{Phase, Requeue};
use std::collections::BTreeMap;
use verify::{Micros, Thing};

/// What has to occur in a thousand seeds.
const REQUIRED: &[&str] = &[
    // Steps.
    "Change",
    "Burst",
    "Delete",
    "Recreate",
    "RepeatEvent",
    "CloseWatches",
    "Expire",
    "DelayWatches",
    "FailWrites",
    "Unreachable",
    "Restart",
    "LeaderChange",
    "ClockJump",
    "ObservePanics",
    "Request",
    "RequestAll",
    "SetPolicy",
    // Changes.
    "Spec",
    "Label",
    "Annotation",
    "Finalizer",
    "Fingerprint",
    "Phase",
    "Message",
    "Child",
    "Pause",
    "Resume",
    "Interval",
    "BadOverrides",
    // Why reconciles started.
    "first",
    "due",
    "changed",
    "written",
    "phase",
    "cut off",
    "phase of another",
    "child",
    "relist",
    "children's relist",
    "restart",
    "requested",
    "requested for all",
    "resumed",
    "write without an answer",
    // How they started, and how they ended.
    "a stale cache",
    "throttled",
    "every slot is taken",
    "a timer waits for max_rate",
    "one more after an uncertain patch",
    "a fleet of 100",
    "two kinds",
    "a dynamic type",
    "two replicas all the time",
    "lag beyond the wait for an own write",
    "Ready without a delay",
    "Ready within a delay",
    "Ready awaiting a change",
    "Ready after a delay",
    "Failed without a delay",
    "Failed within a delay",
    "Failed awaiting a change",
    "Failed after a delay",
    "Initializing without a delay",
    "unit without a delay",
    "unit after a delay",
    "unit awaiting a change",
    "Later",
    "deletion goes on",
    "own interval",
    "gone while it runs",
    "the controller panicked",
    // What the log had.
    "log: failed",
    "log: recovered",
    "log: gave up",
    "log: paused by an annotation",
    "log: resumed",
    "log: an annotation is refused, the policy applies",
    "log: reconcile loop detected, throttling",
    "log: the policy was replaced",
    "log: watch failed, retrying",
    "log: watch recovered",
    "log: reconciling with a stale cache: the watch has not delivered the controller's last write",
    "log: timers wait: more objects are due than max_rate carries, and delays stretch",
    "log: no timer has waited for max_rate for a minute",
];

/// How often what occurred.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage(BTreeMap<String, usize>);

impl Coverage {
    pub(crate) fn add(&mut self, what: &str, times: usize) {
        match self.0.get_mut(what) {
            Some(count) => *count += times,
            None => drop(self.0.insert(what.to_owned(), times)),
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, times)| self.add(what, *times));
    }

    /// A step, by its name.
    pub(crate) fn step(&mut self, step: &Step) {
        self.named(step);
    }

    /// A change of an object, by its name.
    pub(crate) fn change(&mut self, change: &Change) {
        self.named(change);
    }

    fn named(&mut self, what: &impl std::fmt::Debug) {
        let text = format!("{what:?}");
        let name = text.split(|letter: char| !letter.is_alphanumeric()).next();
        self.add(name.unwrap_or_default(), 1);
    }

    /// All that occurred, and what did not and has to.
    pub(crate) fn report(&self) -> Vec<&'static str> {
        let counts: Vec<_> = self.0.iter().map(|(what, times)| format!("{what} {times}")).collect();
        println!("    {}", counts.join("; "));
        let is_missing = |what: &&str| !self.0.contains_key(*what);
        REQUIRED.iter().copied().filter(is_missing).collect()
    }
}

impl Model {
    /// How a reconcile started of an object that is known.
    pub(crate) fn cover_start(&mut self, record: &Record, why: &str, now: Micros) {
        let token = self.token(record);
        if why != "due" && token > record.started && (token - SLACK..token + SLACK).contains(&now) {
            self.cover("throttled");
        }
        if why == "due" && record.follows_up {
            self.cover("one more after an uncertain patch");
        }
    }

    /// How a reconcile ended.
    pub(crate) fn cover_end(&mut self, end: End, record: &Record, thing: &Thing, is_gone: bool) {
        if is_gone {
            self.cover("gone while it runs");
        } else if deleted(thing).is_some() {
            self.cover("deletion goes on");
        }
        if interval(thing).is_some() && record.reported == Some(Phase::Ready) && end.explicit.is_none() {
            self.cover("own interval");
        }
        let explicit = match end.explicit {
            None => "without a delay",
            Some(Explicit::Within(_)) => "within a delay",
            Some(Explicit::Exactly(Requeue::AwaitChange)) => "awaiting a change",
            Some(Explicit::Exactly(Requeue::After(_))) => "after a delay",
        };
        let what = match end.phase {
            _ if end.is_later => "Later".to_owned(),
            None => format!("unit {explicit}"),
            Some(phase) => format!("{phase} {explicit}"),
        };
        self.cover(&what);
    }

    /// What a seed had all the time, and what the log says of it.
    pub(crate) fn cover_plan(&mut self, plan: &Plan, messages: &BTreeMap<String, usize>) {
        let features = &plan.features;
        let all = [
            ("a fleet of 100", plan.objects.len() >= 100),
            ("two kinds", features.kinds == Kinds::Two),
            ("a dynamic type", features.kinds == Kinds::Dynamic),
            ("two replicas all the time", features.twins),
            ("lag beyond the wait for an own write", micros(plan.lag) > LONGEST_WAIT),
        ];
        for (what, _) in all.into_iter().filter(|(_, has)| *has) {
            self.cover(what);
        }
        for (message, times) in messages {
            let what = format!("log: {message}");
            self.coverage.add(&what, *times);
        }
    }
}
