//! The decisions of a controller: an object in, and what to answer out.

use super::kube_core::Resource;
use super::{Overrides, Retry, log, news::News, object};
use crate::{
    Observe, Phase, Requeue, RequeuePolicy, Slot,
    adapter::{
        clock::Clock,
        conclusion::{self, End},
        memory::{Flags, Memory, Record, Tick},
        telemetry::Telemetry,
        trigger::{self, Cause, Limits, Verdict},
    },
    fleet::Places,
    sync::{AtomicU64, Mutex, Ordering, PoisonError, RwLock},
};
use std::{error::Error, sync::Arc, time::Duration};

/// What the clones of a `Requeuer` share.
pub(super) struct Shared<P> {
    policy: RwLock<Arc<P>>,
    pub(super) clock: Clock,
    pub(super) memory: Memory,
    pub(super) news: News,
    pub(super) places: Places,
    telemetry: Telemetry,
    /// Until when timers wait for their places in the fleet's rate; 0 once none has to.
    stretched: AtomicU64,
    /// Of two policies at once one comes whole after the other.
    replacing: Mutex<()>,
}

/// After how long without a timer that waits the fleet counts as carried again.
const CALM: Tick = 60_000_000;

/// When a paused object is looked at again: before it is forgotten, whatever the policy becomes meanwhile, or a long pause
/// would end an outage, and be logged anew.
const PAUSED_AGAIN: Duration = Duration::from_micros(SHORTEST_GRACE / 2);

const SHORTEST_GRACE: Tick = 60_000_000;

/// For how long an object that does not come back is remembered after it was due.
fn grace(policy: &impl RequeuePolicy) -> Tick {
    let intervals = Phase::ALL.map(|phase| policy.interval(phase).longest());
    let limit = policy.rate_limit().map(|limit| 2 * limit.within);
    let longest = intervals
        .into_iter()
        .chain(limit)
        .fold(Duration::from_micros(SHORTEST_GRACE), Duration::max);
    longest.as_micros() as Tick
}

impl<P: RequeuePolicy> Shared<P> {
    /// Begins with an empty memory. The policy is valid.
    pub(super) fn new(policy: P, clock: Clock) -> Self {
        let grace = grace(&policy);
        Self {
            policy: RwLock::new(Arc::new(policy)),
            clock,
            memory: Memory::new(grace),
            news: News::new(grace),
            places: Places::default(),
            telemetry: Telemetry::default(),
            stretched: AtomicU64::new(0),
            replacing: Mutex::new(()),
        }
    }

    /// Goes on by another policy, which is valid.
    pub(super) fn replace(&self, policy: P) {
        let told = log::Policy::of(&policy);
        let (grace, max_rate) = (grace(&policy), policy.max_rate());
        {
            let _one_at_a_time = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
            // Where a decision has begun by the old rate, the places find out for themselves.
            if self.places.go_by(max_rate) {
                // Of another rate the log is to hear anew.
                self.stretched.store(0, Ordering::Relaxed);
            }
            *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
            self.memory.set_grace(grace);
            self.news.set_grace(grace);
        }
        log::policy_replaced(&told);
    }
}

impl<P> Shared<P> {
    /// Returns the policy in force.
    pub(super) fn policy(&self) -> Arc<P> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what is remembered of an object.
    pub(super) fn recall(&self, slot: Option<Slot>) -> Option<Record> {
        slot.and_then(|slot| self.memory.get(slot.bits()))
    }
}

impl<P: RequeuePolicy> Shared<P> {
    /// Decides on a trigger: `None` is a run, otherwise the answer to give in its place.
    pub(super) fn admit<K: Resource + Observe>(
        &self,
        object: &K,
        slot: Option<Slot>,
        overrides: &Overrides,
    ) -> Option<Requeue> {
        // Only what the API server has stored has a uid; anything else cannot be told apart and runs.
        let slot = slot?;
        let sight = object::sight(object);
        let policy = self.policy();
        let limits = Limits {
            of_object: policy.rate_limit(),
            of_fleet: policy.max_rate().map(|rate| (rate, &self.places)),
        };
        let now = self.clock.now();
        let paused = overrides.is_paused(object.meta().annotations.as_ref());
        if paused == Ok(true) {
            let first = self
                .memory
                .update(slot.bits(), now, |record| trigger::pause(record, &sight, now));
            log::paused(object, first);
            self.telemetry.paused::<K>();
            return Some(Requeue::After(PAUSED_AGAIN));
        }
        let news = self.news.take(object);
        let interval = overrides.own_interval(object.meta().annotations.as_ref(), limits.of_object);
        let refused: Vec<_> = paused.err().into_iter().chain(interval.err()).collect();
        let (before, verdict) = self.memory.update(slot.bits(), now, |record| {
            let before = *record;
            let verdict = trigger::admit(record, &sight, news, limits, now);
            if let Some(record) = record {
                record.flags.set(Flags::REFUSED, !refused.is_empty());
            }
            (before, verdict)
        });
        if before.is_some_and(|record| record.flags.has(Flags::PAUSED)) {
            log::resumed(object);
        }
        // Once per change, also while the rate limit holds it back. What has no generation may have changed with every
        // status write, so there only the first of several bad values is said.
        let is_told = before.is_some_and(|record| {
            let same = sight.version == record.version || sight.print.is_none_or(|print| print == record.print);
            record.flags.has(Flags::REFUSED) && same
        });
        if !is_told {
            refused
                .iter()
                .for_each(|refused| log::override_refused(object, refused));
        }
        log::trigger(object, verdict, limits.of_object);
        self.telemetry.trigger::<K>(verdict, sight.phase);
        match verdict {
            Verdict::Run(cause) => {
                self.note_carried(cause, now);
                None
            }
            Verdict::Postpone(requeue) => Some(requeue),
            Verdict::Hold { after, .. } => Some(Requeue::After(after)),
            Verdict::Place { after } => {
                let until = now + after.as_micros() as Tick;
                if self.stretched.fetch_max(until, Ordering::Relaxed) == 0 {
                    log::stretched(limits.of_fleet.map(|(rate, _)| rate), after);
                }
                Some(Requeue::After(after))
            }
        }
    }

    /// Notes that a timer started a run, and whether none has had to wait for a while.
    fn note_carried(&self, cause: Cause, now: Tick) {
        let until = self.stretched.load(Ordering::Relaxed);
        if until == 0 || cause != Cause::Due || now.saturating_sub(until) < CALM {
            return;
        }
        let is_first = self
            .stretched
            .compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed);
        if is_first.is_ok() {
            log::carried();
        }
    }

    /// Decides when the next run is due, now that one has failed.
    pub(super) fn fail<K: Resource + Observe>(
        &self,
        object: &K,
        retry: Retry,
        error: &(dyn Error + 'static),
    ) -> Requeue {
        let slot = object::slot(object);
        // Only what is no failure leaves the phase as it was.
        let remembered = match retry {
            Retry::NoFailure(_) => self.recall(slot).and_then(|record| record.phases.reported()),
            _ => None,
        };
        let end = retry.end(remembered.unwrap_or_else(|| object.phase()));
        // Annotations override the interval of objects that are settled.
        self.conclude(object, slot, end, Some(error), &Overrides::new())
    }

    /// Decides when the next run is due, now that one has ended.
    pub(super) fn conclude<K: Resource + Observe>(
        &self,
        object: &K,
        slot: Option<Slot>,
        mut end: End,
        error: Option<&(dyn Error + 'static)>,
        overrides: &Overrides,
    ) -> Requeue {
        let policy = self.policy();
        if end.phase == Phase::Ready && end.wish.is_none() {
            let annotations = object.meta().annotations.as_ref();
            // One that is refused was logged when the run started.
            let interval = overrides.own_interval(annotations, policy.rate_limit());
            end.wish = interval.ok().flatten().map(Requeue::After);
        }
        let status = object::status(object);
        let now = self.clock.now();
        let known = self.recall(slot);
        let record = known.unwrap_or_default();
        let place = slot.unwrap_or_default();
        // The application's policy and its `Observe` must not run under a lock.
        let conclusion = conclusion::decide(&record, status, end, place, &*policy, &self.clock, now);
        match (slot, known) {
            // One that ages out meanwhile stays forgotten, which costs a run.
            (Some(slot), Some(_)) => self.memory.modify(slot.bits(), now, |record| {
                conclusion::keep(record, &conclusion, now);
            }),
            // Aged out during a long run.
            (Some(slot), None) => {
                let sight = object::sight(object);
                self.memory.update(slot.bits(), now, |record| {
                    conclusion::keep_anew(record, &sight, &conclusion, now);
                });
            }
            (None, _) => {}
        }
        log::end(object, end.phase, &conclusion, error, &*policy);
        self.telemetry.end::<K>(&conclusion, end.phase, self.memory.failing());
        conclusion.requeue
    }
}
