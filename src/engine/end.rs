//! The end of a reconcile.

use super::{
    Engine, Policy,
    conclusion::{self, Conclusion, End, Status},
    decision::Decision,
    dispatch::Reconcile,
    event::{self, Then},
    log,
    memory::{Flags, Key},
    outage::Outage,
    reason::Reason,
    trigger,
    wakes::Id,
};
use crate::{Observed, Outcome, Phase, Requeue, Retry, policy::slot::Slot, sync::PoisonError};
use std::error::Error;

impl Engine {
    /// A reconcile has succeeded; returns when the object is reconciled again.
    pub(crate) fn succeeded(&self, id: Id<'_>, reconcile: Reconcile, outcome: Outcome) -> Requeue {
        self.ended(id, reconcile, outcome.into(), None)
    }

    /// A reconcile has failed; returns when the object is reconciled again.
    #[cfg(feature = "testing")]
    pub(crate) fn failed(
        &self,
        id: Id<'_>,
        reconcile: Reconcile,
        retry: Retry,
        error: &(dyn Error + 'static),
    ) -> Requeue {
        self.ended(id, reconcile, retry.into(), Some(error))
    }

    pub(super) fn ended(
        &self,
        id: Id<'_>,
        mut reconcile: Reconcile,
        end: End,
        error: Option<&(dyn Error + 'static)>,
    ) -> Requeue {
        reconcile.has_ended = true;
        let key = reconcile.scope.as_ref().map(|scope| scope.key);
        let reasons = reconcile.scope.as_ref().map(|scope| scope.reasons.clone());
        self.end(
            id,
            key,
            reconcile.read,
            end,
            error,
            reasons.as_deref().unwrap_or_default(),
        )
    }

    /// The error of a reconcile is on its way to an error policy.
    pub(crate) fn erred(&self, mut reconcile: Reconcile) {
        reconcile.has_ended = true;
        if let Some(scope) = &reconcile.scope {
            self.memory.modify(scope.key, |record| {
                record.state.flags.set(Flags::ERRED, true);
                record.pending().erred = Some(scope.reasons.clone());
            });
        }
    }

    /// The error that an error policy is about to see is that the API server denies a request, as it says. The first failure's
    /// line has it; in an outage that began otherwise this is said once.
    pub(crate) fn denied(&self, id: Id<'_>, key: Option<Key>, what: &str) {
        let is_said = key.and_then(|key| {
            self.memory.modify(key, |record| {
                let state = &mut record.state;
                // After a restart the status tells that it was failing.
                let phase = state.phases.reported().or(state.phases.seen());
                let is_said = state.flags.has(Flags::DENIED) || phase != Some(Phase::Failed);
                state.flags.set(Flags::DENIED, true);
                is_said
            })
        });
        if is_said == Some(false) {
            log::denied(id, what);
        }
    }

    /// An error policy sees an error, of which it only knows the object. `guesses` in a controller that does not say what
    /// is gone.
    pub(crate) fn error_policy(
        &self,
        id: Id<'_>,
        key: Option<Key>,
        observed: &Observed,
        retry: Retry,
        error: &(dyn Error + 'static),
        guesses: bool,
    ) -> Requeue {
        let read = Status {
            phase: observed.phase(),
            since: observed.last_transition(),
        };
        let known = key.and_then(|key| Some((key, self.memory.modify(key, |record| record.pending().erred.take())?)));
        // What another `Requeuer` remembers is retried all the same.
        let (known, reasons) = known.unzip();
        let key = if guesses { known } else { key };
        self.end(
            id,
            key,
            read,
            retry.into(),
            Some(error),
            reasons.flatten().as_deref().unwrap_or_default(),
        )
    }

    pub(super) fn end(
        &self,
        id: Id<'_>,
        key: Option<Key>,
        read: Status,
        end: End,
        error: Option<&(dyn Error + 'static)>,
        reasons: &[Reason],
    ) -> Requeue {
        let now = self.clock.now();
        let (policy, number) = self.in_force();
        let terms = self.terms(&policy, number, now);
        // An event that was held may tell the phase.
        let known = key.and_then(|key| self.memory.modify(key, event::peek));
        if key.is_some() && known.is_none() {
            log::ended_gone(id, error);
            return Requeue::AwaitChange;
        }
        let state = known.unwrap_or_default();
        // The application's policy must not run under a lock.
        let conclusion = conclusion::decide(&state, read, end, Slot::from_bits(key.unwrap_or_default()), terms);
        let then = key.and_then(|key| {
            self.memory.modify(key, |record| {
                let then = conclusion::keep(record, key, &conclusion, now);
                (then, record.has_reasons(), record.state.due)
            })
        });
        let before = state.phases.reported();
        self.tell(id, &conclusion, before, error, &policy, reasons);
        if let Some((Then::Nothing(why), ..)) = then {
            log::quiet(id, why);
            self.telemetry.quiet(id.kind, why);
        }
        match (key, then) {
            // It has just been forgotten.
            (Some(_), None) => Requeue::AwaitChange,
            (Some(_), Some((_, true, _))) => Requeue::After(trigger::AT_ONCE),
            (Some(key), Some((Then::Move(phase, since), ..))) => {
                self.move_timer(id, key, Status { phase, since });
                Requeue::After(trigger::AT_ONCE)
            }
            _ => conclusion.requeue,
        }
    }

    /// Tells the log, the metrics and the application what was decided.
    pub(super) fn tell(
        &self,
        id: Id<'_>,
        conclusion: &Conclusion,
        before: Option<Phase>,
        error: Option<&(dyn Error + 'static)>,
        policy: &Policy,
        reasons: &[Reason],
    ) {
        log::end(id, conclusion, error, &**policy, reasons);
        self.telemetry.end(id.kind, conclusion, self.memory.failing());
        let hook = self.hook.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            hook(&Decision {
                kind: id.kind,
                namespace: id.namespace,
                name: id.name,
                reasons,
                before,
                phase: conclusion.phase,
                requeue: conclusion.requeue,
                transition: conclusion.transition,
                error,
            });
        }
    }

    /// What a failure of this object, now, would be a part of.
    pub(crate) fn outage(&self, key: Option<Key>, observed: &Observed) -> Outage {
        let wall = self.clock.wall(self.clock.now());
        let state = key.and_then(|key| self.memory.get(key)).unwrap_or_default();
        let read = Status {
            phase: observed.phase(),
            since: observed.last_transition(),
        };
        let since = conclusion::since(&state, read, Phase::Failed, wall);
        Outage::new(
            since,
            Slot::from_bits(key.unwrap_or_default()),
            &*self.policy(),
            wall.time,
        )
    }
}
