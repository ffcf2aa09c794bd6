//! What is remembered and decided, without kube: compiled once, whatever the majors.
//!
//! Events and own writes come in by [`Engine`]'s methods, which take the locks and read the clocks; the decisions are pure
//! functions: [`event`] says what follows from an event, [`echo`] what is the controller's own write, [`trigger`] when an object is reconciled, [`conclusion`] what
//! the end of a reconcile means.

pub(crate) mod clock;
pub(crate) mod conclusion;
pub(crate) mod decision;
mod echo;
pub(crate) mod event;
mod guess;
pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod outage;
pub(crate) mod overrides;
pub(crate) mod places;
mod rate;
pub(crate) mod reason;
mod requests;
pub(crate) mod scope;
pub(crate) mod sight;
mod telemetry;
#[cfg(test)]
mod tests;
pub(crate) mod trigger;
pub(crate) mod version;

use crate::{
    ConfigError, MaxRate, Observed, Outcome, Phase, Requeue, RequeuePolicy, Retry,
    policy::{config, slot::Slot},
    sync::{AtomicU64, Mutex, Ordering, PoisonError, RwLock},
};
use clock::Clock;
use conclusion::{Conclusion, End, Status, Terms};
use decision::{Decision, Hook};
use echo::Answer;
use event::{Shown, Then, Why};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use memory::{Flags, Held, Key, Memory, Tick};
use outage::Outage;
use overrides::Overrides;
use places::Places;
use rate::{Limit, micros};
use reason::{Reason, Reasons, Source};
use requests::Requests;
use scope::Scope;
use sight::Sight;
use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    sync::Arc,
    time::Duration,
};
use telemetry::Telemetry;
use trigger::{Limits, Verdict};
use version::Version;

/// A policy as the engine holds it.
pub(crate) type Policy = Arc<dyn RequeuePolicy + Send + Sync>;

/// An object as the log names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id<'a> {
    pub(crate) kind: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
}

impl Source {
    fn id(&self) -> Id<'_> {
        Id {
            kind: self.kind(),
            namespace: self.namespace(),
            name: self.name(),
        }
    }
}

impl Id<'_> {
    fn source(self) -> Source {
        Source::new(self.kind, self.namespace, self.name)
    }
}

/// What a controller is to do that no event of its watches tells it.
#[derive(Clone, Debug)]
pub(crate) enum Wake {
    /// Trigger this object.
    Trigger(Source),
    /// Reconcile this object, at the application's request.
    Request(Source),
    /// Trigger what is throttled: the limit is another one.
    Throttled,
}

/// A controller that listens.
struct Listener {
    kind: String,
    wakes: UnboundedSender<Wake>,
}

/// A policy at work: what the clones of a `Requeuer` share.
pub(crate) struct Engine {
    policy: RwLock<(Policy, u32)>,
    overrides: RwLock<Arc<Overrides>>,
    hook: RwLock<Option<Arc<Hook>>>,
    pub(crate) clock: Clock,
    pub(crate) memory: Memory,
    requests: Requests,
    places: Places,
    telemetry: Telemetry,
    listeners: RwLock<Vec<Listener>>,
    /// How many watches show a resource, by group and plural.
    watches: RwLock<HashMap<(String, String), u32>>,
    /// The latest version of each object that is watched beside the controller's own, and the number of its delivery.
    others: Mutex<HashMap<Key, (Version, u64)>>,
    /// How many events the watches have delivered.
    deliveries: AtomicU64,
    /// Until when timers wait for their places in the fleet's rate; 0 once none has to.
    stretched: AtomicU64,
    /// Of two policies at once one comes whole after the other.
    replacing: Mutex<()>,
}

/// After how long without a timer that waits the fleet counts as carried again.
const CALM: Tick = 60_000_000;

/// When a paused object is looked at again in a controller that does not say what is gone, so that it is not forgotten.
const PAUSED_AGAIN: Duration = Duration::from_micros(SHORTEST_GRACE / 2);

const SHORTEST_GRACE: Tick = 60_000_000;

/// The longest interval of a policy.
fn longest(policy: &dyn RequeuePolicy) -> Duration {
    Phase::ALL
        .into_iter()
        .map(|phase| policy.interval(phase).longest())
        .fold(Duration::ZERO, Duration::max)
}

/// For how long an object that does not come back is remembered after it was due.
fn grace(policy: &dyn RequeuePolicy) -> Tick {
    let limit = policy
        .rate_limit()
        .map(|limit| limit.every().saturating_mul(limit.burst()));
    let longest = longest(policy).max(limit.unwrap_or_default());
    micros(longest).max(SHORTEST_GRACE)
}

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
    scope: Option<Scope>,
    read: Status,
    has_ended: bool,
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
    /// Begins with an empty memory.
    pub(crate) fn new(policy: Policy, clock: Clock) -> Result<Arc<Self>, ConfigError> {
        config::validate(&*policy)?;
        let grace = grace(&*policy);
        Ok(Arc::new(Self {
            policy: RwLock::new((policy, 0)),
            overrides: RwLock::default(),
            hook: RwLock::default(),
            clock,
            memory: Memory::new(grace),
            requests: Requests::new(grace),
            places: Places::default(),
            telemetry: Telemetry::default(),
            listeners: RwLock::default(),
            watches: RwLock::default(),
            others: Mutex::default(),
            deliveries: AtomicU64::new(0),
            stretched: AtomicU64::new(0),
            replacing: Mutex::new(()),
        }))
    }

    /// Goes on by another policy; the old one stays if it is refused.
    pub(crate) fn replace(&self, policy: Policy) -> Result<(), ConfigError> {
        if let Err(refused) = config::validate(&*policy) {
            log::policy_refused(&refused);
            return Err(refused);
        }
        let line = log::Policy::of(&*policy);
        let (grace, max_rate, limit) = (grace(&*policy), policy.max_rate(), policy.rate_limit());
        let is_another_limit = {
            let _one_at_a_time = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
            // Where a decision has begun by the old rate, the places find out for themselves.
            if self.places.go_by(max_rate) {
                // Of another rate the log is to hear anew.
                self.stretched.store(0, Ordering::Relaxed);
            }
            let mut in_force = self.policy.write().unwrap_or_else(PoisonError::into_inner);
            let is_another_limit = in_force.0.rate_limit() != limit;
            *in_force = (policy, in_force.1.wrapping_add(u32::from(is_another_limit)));
            self.memory.set_grace(grace);
            self.requests.set_grace(grace);
            is_another_limit
        };
        log::policy_replaced(&line);
        if is_another_limit {
            self.wake(None, &Wake::Throttled);
        }
        Ok(())
    }

    /// Returns the policy in force.
    pub(crate) fn policy(&self) -> Policy {
        self.in_force().0
    }

    fn in_force(&self) -> (Policy, u32) {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_overrides(&self, overrides: Overrides) {
        *self.overrides.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(overrides);
    }

    pub(crate) fn set_hook(&self, hook: Hook) {
        *self.hook.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(hook));
    }

    fn overrides(&self) -> Arc<Overrides> {
        self.overrides.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether these annotations pause an object; what is refused does not.
    pub(crate) fn is_paused(&self, annotations: Option<&BTreeMap<String, String>>) -> bool {
        self.overrides().is_paused(annotations) == Ok(true)
    }

    /// How long a timer that fires now waits for its place in the fleet's rate.
    pub(crate) fn max_rate_wait(&self) -> Duration {
        let wait = |rate: MaxRate| Duration::from_micros(self.places.wait(rate, self.clock.now()));
        self.policy().max_rate().map_or(Duration::ZERO, wait)
    }

    // What comes from watches.

    /// Notes a watch of this resource.
    pub(crate) fn watch(&self, group: &str, plural: &str) {
        let mut watches = self.watches.write().unwrap_or_else(PoisonError::into_inner);
        *watches.entry((group.to_owned(), plural.to_owned())).or_default() += 1;
    }

    /// Notes that it has ended.
    pub(crate) fn unwatch(&self, group: &str, plural: &str) {
        let mut watches = self.watches.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(watches) = watches.get_mut(&(group.to_owned(), plural.to_owned())) {
            *watches = watches.saturating_sub(1);
        }
    }

    fn watches_of(&self, group: &str, plural: &str) -> u32 {
        let watches = self.watches.read().unwrap_or_else(PoisonError::into_inner);
        watches
            .iter()
            .find(|((known, name), _)| known == group && name == plural)
            .map_or(0, |(_, watches)| *watches)
    }

    fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::SeqCst)
    }

    fn deliver(&self) -> u64 {
        self.deliveries.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// A watch shows an object; returns whether to trigger it.
    pub(crate) fn shown(&self, id: Id<'_>, key: Key, sight: &Sight, how: Shown) -> bool {
        let (now, delivered) = (self.clock.now(), self.deliver());
        let then = self.memory.upsert(key, now, |record, is_new| {
            event::shown(record, key, sight, how, delivered, is_new)
        });
        if let Then::Nothing(why) = then {
            log::quiet(id, why);
            self.telemetry.quiet(id.kind, why);
        }
        self.follow(id, key, then)
    }

    /// Whether the object is known in this version.
    pub(crate) fn has_seen(&self, key: Key, version: Version) -> bool {
        self.memory.get(key).is_some_and(|state| state.version == version)
    }

    /// An object is gone.
    pub(crate) fn gone(&self, key: Key) {
        self.deliver();
        self.memory.forget(key);
    }

    /// A watch shows another object; returns the number of the delivery.
    pub(crate) fn shown_other(&self, other: Key, version: Version) -> u64 {
        let delivered = self.deliver();
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.insert(other, (version, delivered));
        delivered
    }

    /// Another object is gone.
    pub(crate) fn gone_other(&self, other: Key) -> u64 {
        let delivered = self.deliver();
        self.others
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&other);
        delivered
    }

    /// A version of another object concerns this one; returns whether to trigger it.
    pub(crate) fn related(&self, id: Id<'_>, key: Key, held: Held, may_be_echo: bool) -> bool {
        let then = self
            .memory
            .modify(key, |record| event::related(record, key, held, may_be_echo));
        if let Some(Then::Nothing(why)) = then {
            log::quiet(id, why);
            self.telemetry.quiet(id.kind, why);
        }
        then.is_some_and(|then| self.follow(id, key, then))
    }

    /// The application asks for an object; returns whether to trigger it.
    pub(crate) fn requested(&self, key: Key, reason: Reason) -> bool {
        self.memory.modify(key, |record| event::want(record, reason)) == Some(Then::Trigger)
    }

    /// Whether the object waits for the rate limit that is no longer in force.
    pub(crate) fn is_throttled(&self, key: Key) -> bool {
        let is_throttled = self.memory.modify(key, |record| {
            let is_throttled = record.state.flags.has(Flags::THROTTLED);
            record.state.flags.set(Flags::THROTTLED, false);
            is_throttled
        });
        is_throttled == Some(true)
    }

    /// Does what follows from an event; returns whether to trigger the object.
    fn follow(&self, id: Id<'_>, key: Key, then: Then) -> bool {
        match then {
            Then::Nothing(_) => false,
            Then::Trigger => true,
            Then::Move(phase, since) => {
                self.move_timer(id, key, Status { phase, since });
                true
            }
        }
    }

    fn move_timer(&self, id: Id<'_>, key: Key, status: Status) {
        let Some(state) = self.memory.get(key) else { return };
        let now = self.clock.now();
        let (policy, number) = self.in_force();
        let conclusion = conclusion::by_echo(&state, status, Slot::from_bits(key), self.terms(&policy, number, now));
        let kept = self.memory.modify(key, |record| {
            let is_running = record.state.flags.has(Flags::RUNNING);
            if !is_running {
                conclusion::keep(record, key, &conclusion, now);
            }
            !is_running
        });
        if kept == Some(true) {
            self.tell(id, &conclusion, state.phases.reported(), None, &policy, &[]);
        }
    }

    fn terms<'a>(&self, policy: &'a Policy, number: u32, now: Tick) -> Terms<'a> {
        Terms {
            policy: &**policy,
            limit: policy.rate_limit().map(|limit| Limit { limit, number }),
            longest: longest(&**policy),
            wall: self.clock.wall(now),
        }
    }

    // What comes from the application's client.

    fn sends(&self, writer: Key) {
        self.memory.modify(writer, |record| record.pending().in_flight += 1);
    }

    /// A write was answered; returns whether to trigger the writer, so that its timer is set.
    fn wrote(
        &self,
        writer: Key,
        target: Key,
        version: Version,
        sent: u64,
        watches: u32,
        may_be_unchanged: bool,
    ) -> bool {
        let now = self.clock.now();
        let of_own_kind = self.memory.get(target).map(|state| (state.version, state.delivered));
        let of_another = || {
            let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            others.get(&target).copied()
        };
        let answer = Answer {
            target,
            version,
            sent,
            watches,
            latest: of_own_kind.or_else(of_another),
        };
        let longest = longest(&*self.policy());
        let follows_up = self.memory.modify(writer, |record| {
            let is_awaited = echo::wrote(record, &answer);
            if !is_awaited || !may_be_unchanged {
                return false;
            }
            let flags = &mut record.state.flags;
            flags.set(Flags::UNSURE, true);
            // A task that the reconcile left behind, after whose end only a change would start another.
            let is_late = flags.has(Flags::AWAITS_CHANGE) && !flags.has(Flags::RUNNING);
            if is_late {
                flags.set(Flags::AWAITS_CHANGE, false);
                flags.set(Flags::FOLLOW_UP, true);
                record.state.due = now.saturating_add(micros(longest));
            }
            is_late
        });
        if of_own_kind.is_some() {
            self.memory
                .modify(target, |record| echo::await_write(record, version, now));
        }
        follows_up == Some(true)
    }

    /// A write of this object's reconcile to itself is sent and answered.
    #[cfg(feature = "testing")]
    pub(crate) fn wrote_now(&self, key: Key, version: Version) {
        self.wrote(key, key, version, self.deliveries(), 1, false);
    }

    fn sent(&self, scope: &Scope) {
        let key = scope.key;
        let then = self.memory.modify(key, |record| {
            let pending = record.pending();
            pending.in_flight = pending.in_flight.saturating_sub(1);
            event::release(record, key)
        });
        if then.is_some_and(|then| self.follow(scope.object.id(), key, then)) {
            self.trigger(&scope.object);
        }
    }

    fn cut_off(&self, scope: &Scope) {
        let key = scope.key;
        let then = self.memory.modify(key, |record| {
            // An error that its error policy is yet to see.
            if record.state.flags.has(Flags::ERRED) {
                return Then::Nothing(Why::Kept);
            }
            record.state.flags.set(Flags::RUNNING, false);
            event::release(record, key);
            event::want(record, Reason::CutOff)
        });
        if then.is_some_and(|then| self.follow(scope.object.id(), key, then)) {
            self.trigger(&scope.object);
        }
    }

    // What goes to controllers.

    /// A controller of this kind listens as long as it keeps the receiver.
    pub(crate) fn listen(&self, kind: &str) -> UnboundedReceiver<Wake> {
        let (wakes, receiver) = unbounded();
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| !listener.wakes.is_closed());
        listeners.push(Listener {
            kind: kind.to_owned(),
            wakes,
        });
        receiver
    }

    /// Tells the controllers of this kind, or all; returns whether any listens.
    fn wake(&self, kind: Option<&str>, wake: &Wake) -> bool {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        let mut is_heard = false;
        for listener in listeners.iter() {
            if kind.is_none_or(|kind| kind == listener.kind) {
                is_heard |= listener.wakes.unbounded_send(wake.clone()).is_ok();
            }
        }
        is_heard
    }

    /// Triggers an object.
    fn trigger(&self, object: &Source) {
        self.wake(Some(object.kind()), &Wake::Trigger(object.clone()));
    }

    /// The application asks for an object by a reference.
    pub(crate) fn nudge(&self, id: Id<'_>, uid: Option<&str>) {
        let object = id.source();
        if !self.wake(Some(id.kind), &Wake::Request(object)) {
            self.requests.add(uid, id.namespace, id.name, self.clock.now());
        }
    }

    /// A mapper asks for an object of a controller that does not say what its triggers are for.
    pub(crate) fn ask(&self, uid: Option<&str>, namespace: Option<&str>, name: &str) {
        self.requests.add(uid, namespace, name, self.clock.now());
    }

    // What comes from the runner.

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
            overrides.own_interval(annotations, policy.rate_limit()).err(),
        ]
        .into_iter()
        .flatten()
        .collect();
        let requested = guesses && self.requests.take(key, id.namespace, id.name);
        let longest = longest(&*policy);
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
            record.state.flags.set(Flags::REFUSED, !refused.is_empty());
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
        // Once per change, also while the rate limit holds it back. What has no generation may have changed with every
        // status write, so there only the first of several bad values is logged.
        let is_known = before.is_some_and(|state| {
            let same =
                sight.version == state.version || sight.content.generation.is_none() || sight.content == state.content;
            state.flags.has(Flags::REFUSED) && same
        });
        if !is_known {
            refused.iter().for_each(|refused| log::override_refused(id, refused));
        }
        log::trigger(id, &verdict, limits.of_object.map(|limit| limit.limit));
        self.telemetry.trigger(id.kind, &verdict, sight.phase);
        if guesses && before.is_some_and(|state| state.flags.has(Flags::ERRED)) {
            log::other_error_policy(id);
        }
        match verdict {
            Verdict::Run { reasons, is_stale } => {
                if is_stale {
                    log::stale(id);
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
    fn note_carried(&self, reasons: &Reasons, now: Tick) {
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

    /// A reconcile has succeeded; returns when the object is reconciled again.
    pub(crate) fn succeeded(
        &self,
        id: Id<'_>,
        reconcile: Reconcile,
        outcome: Outcome,
        annotations: Option<&BTreeMap<String, String>>,
    ) -> Requeue {
        // One that is refused was logged when the reconcile started.
        let interval = self.overrides().own_interval(annotations, self.policy().rate_limit());
        let status = reconcile.read.phase;
        let end = End::from(outcome).or_own_interval(interval.ok().flatten(), status);
        self.ended(id, reconcile, end, None)
    }

    /// A reconcile has failed; returns when the object is reconciled again.
    pub(crate) fn failed(
        &self,
        id: Id<'_>,
        reconcile: Reconcile,
        retry: Retry,
        error: &(dyn Error + 'static),
    ) -> Requeue {
        self.ended(id, reconcile, retry.into(), Some(error))
    }

    fn ended(&self, id: Id<'_>, mut reconcile: Reconcile, end: End, error: Option<&(dyn Error + 'static)>) -> Requeue {
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

    /// An error policy sees an error, of which it only knows the object.
    pub(crate) fn error_policy(
        &self,
        id: Id<'_>,
        key: Option<Key>,
        observed: &Observed,
        retry: Retry,
        error: &(dyn Error + 'static),
    ) -> Requeue {
        let read = Status {
            phase: observed.phase(),
            since: observed.last_transition(),
        };
        let reasons = key.and_then(|key| self.memory.modify(key, |record| record.pending().erred.take()));
        self.end(
            id,
            key,
            read,
            retry.into(),
            Some(error),
            reasons.flatten().as_deref().unwrap_or_default(),
        )
    }

    fn end(
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
        match (key, then) {
            // It exists no more, and was forgotten.
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
    fn tell(
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
    pub(crate) fn outage(&self, key: Option<Key>) -> Outage {
        let wall = self.clock.wall(self.clock.now());
        let state = key.and_then(|key| self.memory.get(key)).unwrap_or_default();
        let read = Status {
            phase: state.phases.seen().unwrap_or(Phase::Initializing),
            since: state.told,
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
