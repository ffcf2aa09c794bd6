//! What the runner dispatches.

use super::{
    Engine, SHORTEST_GRACE,
    conclusion::Status,
    event::{self, Shown},
    guess, log, longest,
    memory::{Flags, Key, Tick},
    overrides,
    rate::{Limit, micros},
    reason::{Reason, Reasons},
    scope::Scope,
    sight::Sight,
    trigger::{self, Limits, Verdict},
    wakes::Id,
};
use crate::{Requeue, sync::Ordering};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// After how long without a timer that waits the fleet counts as carried again.
const CALM: Tick = 60_000_000;

/// When a paused object is looked at again in a controller that does not say what is gone, so that it is not forgotten.
const PAUSED_AGAIN: Duration = Duration::from_micros(SHORTEST_GRACE / 2);

/// What became of a trigger.
pub(crate) enum Admission {
    /// A reconcile starts.
    Run(Reconcile),
    /// None does; this is the answer in its place.
    Decline(Requeue),
}

/// A reconcile that has started; dropped before its end it counts as cut off.
pub(crate) struct Reconcile {
    /// `None` for an object that was never stored, of which nothing is remembered.
    pub(crate) scope: Option<Scope>,
    pub(crate) read: Status,
    pub(crate) has_ended: bool,
}

impl Reconcile {
    /// Calls a function as a part of this reconcile.
    pub(crate) fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        match &self.scope {
            Some(scope) => scope.clone().enter(f),
            None => f(),
        }
    }

    /// Runs a future as a part of this reconcile.
    pub(crate) async fn run<F: Future>(&self, future: F) -> F::Output {
        match &self.scope {
            Some(scope) => scope.clone().run(future).await,
            None => future.await,
        }
    }

    pub(crate) fn reasons(&self) -> &[Reason] {
        self.scope.as_ref().map_or(&[], |scope| &scope.reasons)
    }
}

impl Drop for Reconcile {
    fn drop(&mut self) {
        if let Some(scope) = self.scope.take().filter(|_| !self.has_ended) {
            scope.engine.cut_off(&scope);
        }
    }
}

impl Engine {
    /// Decides on a trigger. `guesses` in a controller that does not say what its triggers are for.
    pub(crate) fn admit(
        self: &Arc<Self>,
        id: Id<'_>,
        key: Option<Key>,
        sight: &Sight,
        annotations: Option<&BTreeMap<String, String>>,
        guesses: bool,
    ) -> Admission {
        let read = Status {
            phase: sight.phase,
            since: sight.since,
        };
        // Only what the API server has stored has a uid; anything else cannot be known again and is reconciled.
        let Some(key) = key else {
            return Admission::Run(Reconcile {
                scope: None,
                read,
                has_ended: false,
            });
        };
        let (policy, number) = self.in_force();
        let overrides = self.overrides();
        let limits = Limits {
            of_object: policy.rate_limit().map(|limit| Limit { limit, number }),
            of_fleet: policy.max_rate().map(|rate| (rate, &self.places)),
        };
        let now = self.clock.now();
        let refused: Vec<_> = [
            overrides.is_paused(annotations).err(),
            overrides.own_interval(annotations, || policy.rate_limit()).err(),
        ]
        .into_iter()
        .flatten()
        .collect();
        let digest = overrides::digest(&refused);
        let requested = guesses && self.requests.take(key, id.namespace, id.name);
        let longest = if guesses { longest(&*policy) } else { Duration::ZERO };
        let (before, verdict, swallowed) = self.memory.upsert(key, now, |record, is_new| {
            let before = (!is_new).then_some(record.state);
            let mut swallowed = false;
            if guesses {
                swallowed = guess::infer(record, sight, requested, is_new, now);
            } else if is_new {
                // The store is ahead of the watch.
                event::shown(record, key, sight, Shown::Watched, self.deliveries(), true);
            }
            let verdict = trigger::admit(record, key, sight, limits, now);
            record.state.refused = digest;
            if guesses && matches!(verdict, Verdict::Pause { .. }) {
                // Or it would be forgotten, with its outage, and be paused for the first time again.
                record.state.due = record.state.due.max(now);
            }
            let awaits = verdict == Verdict::Postpone(Requeue::AwaitChange);
            if guesses && swallowed && awaits {
                record.state.due = now.saturating_add(micros(longest));
                record.state.flags.set(Flags::AWAITS_CHANGE, false);
            }
            (before, verdict, swallowed && awaits)
        });
        if before.is_some_and(|state| state.flags.has(Flags::PAUSED)) && !sight.is_paused {
            log::resumed(id);
        }
        // Once per value, also while the rate limit throttles.
        if before.is_none_or(|state| state.refused != digest) {
            refused.iter().for_each(|refused| log::override_refused(id, refused));
        }
        log::trigger(id, &verdict, limits.of_object.map(|limit| limit.limit));
        self.telemetry.trigger(id.kind, &verdict, sight.phase);
        let is_lost = guesses && before.is_some_and(|state| state.flags.has(Flags::ERRED));
        if is_lost && self.warned.swap(1, Ordering::Relaxed) == 0 {
            log::other_error_policy(id);
        }
        match verdict {
            Verdict::Run { reasons, is_stale } => {
                if is_stale {
                    // One watch that lags concerns many objects.
                    let until = now.saturating_add(CALM);
                    log::stale(id, self.stale.swap(until, Ordering::Relaxed) <= now);
                }
                self.note_carried(&reasons, now);
                Admission::Run(Reconcile {
                    scope: Some(Scope {
                        engine: self.clone(),
                        key,
                        object: id.source(),
                        reasons: reasons.as_slice().into(),
                    }),
                    read,
                    has_ended: false,
                })
            }
            Verdict::Postpone(_) if swallowed => Admission::Decline(Requeue::After(longest)),
            Verdict::Postpone(requeue) => Admission::Decline(requeue),
            Verdict::Pause { .. } if guesses => Admission::Decline(Requeue::After(PAUSED_AGAIN)),
            Verdict::Pause { .. } => Admission::Decline(Requeue::AwaitChange),
            Verdict::Throttle { after, .. } | Verdict::Await { after } => Admission::Decline(Requeue::After(after)),
            Verdict::Place { after } => {
                let until = now.saturating_add(micros(after));
                if self.stretched.fetch_max(until, Ordering::Relaxed) == 0 {
                    log::stretched(limits.of_fleet.map(|(rate, _)| rate), after);
                }
                Admission::Decline(Requeue::After(after))
            }
        }
    }

    /// Notes that a timer started a reconcile, and whether none has had to wait for a while.
    pub(super) fn note_carried(&self, reasons: &Reasons, now: Tick) {
        let until = self.stretched.load(Ordering::Relaxed);
        let by_timer = reasons.as_slice() == [Reason::Due];
        if until == 0 || !by_timer || now.saturating_sub(until) < CALM {
            return;
        }
        let is_first = self
            .stretched
            .compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed);
        if is_first.is_ok() {
            log::carried();
        }
    }
}
