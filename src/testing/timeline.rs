//! One object and what happens to it.

use super::{
    Outage, Overrides, Requeuer,
    cache::{Cache, merge},
    kube_core::Resource,
    observe,
    queue::{Next, Queue},
    rows::{self, Rows},
    stored::Stored,
};
use crate::{
    ConfigError, Observe, Outcome, Requeue, RequeuePolicy, Retry,
    engine::{
        self,
        clock::Hand,
        event::Shown,
        memory::Tick,
        reason::{Reason, Reasons},
    },
};
use humantime_serde::re::humantime::format_rfc3339_seconds;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value};
use std::{
    error::Error,
    fmt,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// When a timeline starts: 1 January 2026, so that jitter, which depends on the time of day, is the same in every test.
const START: Duration = Duration::from_secs(1_767_225_600);

/// How often an object may be reconciled within a second before that is taken for an endless loop.
const ENDLESS: usize = 1000;

use engine::Policy;

type Classify<K, E> = Box<dyn Fn(&E, &K) -> Retry>;
type Reconciler<K, E> = Box<dyn FnMut(&mut K, Reconcile) -> Result<Outcome, E>>;

/// A reconcile of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconcile {
    /// How many there were before it.
    pub number: usize,
    /// When it started, from the start of the timeline.
    pub at: Duration,
    /// The time of day at its end, for a `lastTransitionTime`.
    pub now: SystemTime,
    /// Why it started.
    pub reasons: Vec<Reason>,
    /// What [`Requeuer::outage`] returns: as of its start, and in the function that does it as of its end.
    pub outage: Outage,
}

/// One object, the events that happen to it, and the reconciles that follow from them.
///
/// It starts at zero and without an object. [`at`](Self::at) lets time pass, and every other method is something that
/// happens at that time. `Display` writes it all down as [the guide](crate::guide) does, with the
/// [reasons](super::super::reasons) for each reconcile.
///
/// # Examples
///
#[doc = major!(example)]
/// # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # #[kube(group = "example.com", version = "v1", kind = "App", namespaced, status = "AppStatus")]
/// # struct AppSpec { replicas: u32 }
/// # #[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
/// # struct AppStatus { ready: bool, message: String }
/// # impl Observe for App {
/// #     fn observe(&self) -> Observed {
/// #         match &self.status {
/// #             Some(status) if status.ready => Observed::new(Phase::Ready),
/// #             _ => Observed::new(Phase::Initializing),
/// #         }
/// #     }
/// # }
#[doc = major!(module "use requeue_policy::{Observe, Observed, Phase, RequeueConfig, " "::testing::Timeline};")]
/// use std::{io, time::Duration};
///
/// // What a reconcile writes into the object, and what it returns: two failures, then success.
/// let mut timeline = Timeline::new(RequeueConfig::default(), |app: &mut App, reconcile| {
///     let ready = reconcile.number >= 2;
///     app.status = Some(AppStatus { ready, message: format!("reconcile {}", reconcile.number) });
///     if ready { Ok(Phase::Ready) } else { Err(io::Error::other("no quota")) }
/// })?;
///
/// timeline.created(App::new("a", AppSpec { replicas: 1 }));
/// timeline.at(Duration::from_secs(35)).changed("the spec changes", |app| app.spec.replicas = 3);
/// timeline.at(Duration::from_secs(70));
///
/// timeline.assert_reconciled_at([0, 10, 20, 35, 65].map(Duration::from_secs));
/// assert_eq!(timeline.to_string().lines().collect::<Vec<_>>(), [
///     "    0s  created           → Err    new",
///     "   10s                    → Err    due",
///     "   20s                    → Ready  due",
///     "   35s  the spec changes  → Ready  changed: generation",
///     " 1m 5s                    → Ready  due",
///     "1m 10s",
/// ]);
/// # Ok::<(), requeue_policy::ConfigError>(())
/// ```
pub struct Timeline<K, E> {
    policy: Policy,
    requeuer: Requeuer,
    overrides: Overrides,
    clock: Hand,
    reconcile: Reconciler<K, E>,
    classify: Classify<K, E>,
    takes: Tick,
    created: usize,
    object: Option<Stored<K>>,
    cache: Cache<K>,
    queue: Queue,
    /// What the run in flight has read.
    reading: Option<(K, engine::dispatch::Reconcile)>,
    runs: Vec<Reconcile>,
    rows: Rows,
}

impl<K, E> Timeline<K, E>
where
    K: Resource + Observe + Clone + Serialize,
    K::DynamicType: Default,
    E: Error + 'static,
{
    /// Returns a timeline of a controller with this policy, in which a reconcile does this.
    ///
    /// `reconcile` changes the object as the reconciler writes it, its status above all, and returns what the reconciler
    /// returns. It is called at the end of the reconcile, with the object as the API server has it then. A status that says
    /// [`since`](crate::Observed::since) a time later than that is a mistake: the timeline panics, and says what to do.
    ///
    /// # Errors
    ///
    /// As [`Requeuer::new`].
    pub fn new<P, O>(
        policy: P,
        mut reconcile: impl FnMut(&mut K, Reconcile) -> Result<O, E> + 'static,
    ) -> Result<Self, ConfigError>
    where
        P: RequeuePolicy + Send + Sync + 'static,
        O: Into<Outcome>,
    {
        let (policy, clock): (Policy, Hand) = (Arc::new(policy), Hand::default());
        Ok(Self {
            requeuer: Requeuer::by_hand(policy.clone(), wall(0), clock.clone())?,
            policy,
            overrides: Overrides::new(),
            clock,
            reconcile: Box::new(move |object, run| reconcile(object, run).map(Into::into)),
            classify: Box::new(|_, _| Retry::Backoff),
            takes: 0,
            created: 0,
            object: None,
            cache: Cache::default(),
            queue: Queue::default(),
            reading: None,
            runs: vec![],
            rows: Rows::default(),
        })
    }

    /// Sets what to do after an error, as [`Controller::run_with`](super::super::Controller::run_with) does.
    #[must_use]
    pub fn classify(self, classify: impl Fn(&E, &K) -> Retry + 'static) -> Self {
        Self {
            classify: Box::new(classify),
            ..self
        }
    }

    /// Lets annotations override the policy, as [`Requeuer::overrides`] does; [`changed`](Self::changed) sets and removes
    /// them.
    #[must_use]
    pub fn overrides(self, overrides: Overrides) -> Self {
        Self {
            requeuer: self.requeuer.overrides(overrides.clone()),
            overrides,
            ..self
        }
    }

    /// Sets how long a reconcile takes, zero by default.
    #[must_use]
    pub fn reconciles_take(self, takes: Duration) -> Self {
        Self {
            takes: ticks(takes),
            ..self
        }
    }

    /// Sets how much later the watch shows whatever is written, zero by default.
    ///
    /// A reconcile then reads the object as the cache has it when it starts, and what it changes of that is patched: so a
    /// status that is compared with an older one, and therefore not written, is seen to stay wrong. It does not with this
    /// controller, because a reconcile waits until the cache contains the controller's own last write, for at most five
    /// seconds; the row says so.
    #[must_use]
    pub fn watch_lags(self, lag: Duration) -> Self
    where
        K: DeserializeOwned,
    {
        Self {
            cache: Cache::lagging(ticks(lag), merge),
            ..self
        }
    }

    /// Lets time pass until then, counted from the start. A reconcile that is due just then has happened.
    ///
    /// # Panics
    ///
    /// When that time is over.
    #[track_caller]
    pub fn at(&mut self, time: Duration) -> &mut Self {
        let (now, until) = (self.now(), ticks(time));
        assert!(
            until >= now,
            "{} is over, it is {}",
            rows::time(time),
            rows::time(micros(now))
        );
        self.pass(until);
        self.clock.store(until, Ordering::Relaxed);
        self
    }

    /// The object is created, as the API server stores it: with a uid if it has none, and generation 1.
    ///
    /// # Panics
    ///
    /// When there is one already, and when its status says a time that is yet to come.
    #[track_caller]
    pub fn created(&mut self, object: K) -> &mut Self {
        assert!(self.object.is_none(), "the object is there already, use `changed`");
        self.check_time(None, &object, wall(self.now()));
        self.created += 1;
        self.object = Some(Stored::new(object, self.created));
        self.rows.event(micros(self.now()), "created");
        self.watched();
        self.settle()
    }

    /// Somebody else changes the object: its spec, its metadata or its status.
    ///
    /// A change of the spec counts the generation up; what changes nothing is no event. `label` is for `Display`.
    ///
    /// # Panics
    ///
    /// When there is no object, and when its status then says a time that is yet to come.
    #[track_caller]
    pub fn changed(&mut self, label: &str, change: impl FnOnce(&mut K)) -> &mut Self {
        let before = self.present().object().clone();
        let mut next = before.clone();
        change(&mut next);
        self.check_time(Some(&before), &next, wall(self.now()));
        self.rows.event(micros(self.now()), label);
        self.write(next);
        self.settle()
    }

    /// Something asks for a reconcile: [`Requeuer::nudge`], a child, a related object.
    ///
    /// # Panics
    ///
    /// When there is no object.
    #[track_caller]
    pub fn nudged(&mut self, label: &str) -> &mut Self {
        self.present();
        self.requested(label, Reason::Requested)
    }

    /// All objects are asked for: [`Controller::reconcile_all_on`](super::super::Controller::reconcile_all_on).
    pub fn requested_for_all(&mut self, label: &str) -> &mut Self {
        self.requested(label, Reason::RequestedForAll)
    }

    fn requested(&mut self, label: &str, reason: Reason) -> &mut Self {
        let now = self.now();
        self.rows.event(micros(now), label);
        if self
            .cache
            .object()
            .is_some_and(|object| self.requeuer.requested(object, reason))
        {
            self.queue.event(now);
        }
        self.settle()
    }

    /// Replaces the policy, as [`Requeuer::set_policy`] does.
    ///
    /// # Errors
    ///
    /// As [`Requeuer::set_policy`]: the old policy stays in force then.
    pub fn set_policy<P>(&mut self, policy: P) -> Result<&mut Self, ConfigError>
    where
        P: RequeuePolicy + Send + Sync + 'static,
    {
        let policy: Policy = Arc::new(policy);
        let is_another_limit = self.policy.rate_limit() != policy.rate_limit();
        self.requeuer.set_policy(policy.clone())?;
        self.policy = policy;
        self.rows.event(micros(self.now()), "the policy is replaced");
        if is_another_limit {
            // What was throttled is dispatched again.
            self.queue.event(self.now());
            self.settle();
        }
        Ok(self)
    }

    /// The object is deleted: it is gone, or marked as long as it has a finalizer.
    ///
    /// # Panics
    ///
    /// When there is no object.
    #[track_caller]
    pub fn deleted(&mut self) -> &mut Self {
        let mut next = self.present().object().clone();
        // Of which type it is differs from one kube to the next, and its text does not.
        let marked = Value::String(format_rfc3339_seconds(wall(self.now())).to_string());
        let mark = &mut next.meta_mut().deletion_timestamp;
        *mark = mark.take().or_else(|| from_value(marked).ok());
        self.rows.event(micros(self.now()), "it is deleted");
        self.write(next);
        self.settle()
    }

    /// The controller restarts, or another replica takes over: memory and timers are lost, a reconcile is cut off, and the
    /// object is listed.
    pub fn restarted(&mut self) -> &mut Self {
        if let Ok(requeuer) = Requeuer::by_hand(self.policy.clone(), wall(0), self.clock.clone()) {
            // A policy that was valid at the start is so again.
            self.requeuer = requeuer.overrides(self.overrides.clone());
        }
        (self.queue, self.reading) = (Queue::default(), None);
        self.rows.event(micros(self.now()), "the controller restarts");
        // A list shows what is there.
        self.cache
            .list(self.object.as_ref().map(|object| object.object().clone()));
        self.shown(Shown::First);
        self.settle()
    }

    /// Returns the object as the API server has it now, `None` if it does not.
    #[must_use]
    pub fn object(&self) -> Option<&K> {
        self.object.as_ref().map(Stored::object)
    }

    /// Returns the reconciles that have started until now.
    #[must_use]
    pub fn reconciles(&self) -> &[Reconcile] {
        &self.runs
    }

    /// Checks when the reconciles until now have started, to the millisecond.
    ///
    /// # Panics
    ///
    /// When they have not, with the whole timeline.
    #[track_caller]
    pub fn assert_reconciled_at(&self, times: impl IntoIterator<Item = Duration>) {
        let text = |times: &mut dyn Iterator<Item = Duration>| times.map(rows::time).collect::<Vec<_>>().join(", ");
        let ran = text(&mut self.runs.iter().map(|run| run.at));
        let expected = text(&mut times.into_iter());
        assert!(ran == expected, "reconciled at {ran}\nand not {expected}\n\n{self}");
    }

    #[track_caller]
    fn present(&self) -> &Stored<K> {
        self.object.as_ref().expect("there is no object, use `created` first")
    }

    /// The watch shows what was written, at once or later.
    fn watched(&mut self) {
        let (now, object) = (self.now(), self.object.as_ref().map(|object| object.object().clone()));
        self.cache.write(now, object);
        self.deliver(now);
    }

    fn deliver(&mut self, now: Tick) {
        while let Some(is_there) = self.cache.deliver(now) {
            match is_there {
                Ok(()) => self.shown(Shown::Watched),
                Err(gone) => self.requeuer.gone(&gone),
            }
        }
    }

    /// The watch shows the object that the cache now has.
    fn shown(&mut self, how: Shown) {
        let now = self.now();
        if self
            .cache
            .object()
            .is_some_and(|object| self.requeuer.shown(object, how))
        {
            self.queue.event(now);
        }
    }

    #[track_caller]
    fn check_time(&self, before: Option<&K>, after: &K, now: SystemTime) {
        if let Some(mistake) = observe::stamped_later(before, after, now) {
            panic!("{mistake}\n\n{self}");
        }
    }

    fn settle(&mut self) -> &mut Self {
        self.pass(self.now());
        self
    }

    fn now(&self) -> Tick {
        self.clock.load(Ordering::Relaxed)
    }

    #[track_caller]
    fn pass(&mut self, until: Tick) {
        loop {
            let (delivery, step) = (self.cache.next().filter(|at| *at <= until), self.queue.peek(until));
            match (delivery, step) {
                (None, None) => return,
                (Some(delivery), step) if step.is_none_or(|step| delivery <= step) => {
                    self.clock.fetch_max(delivery, Ordering::Relaxed);
                    self.deliver(delivery);
                }
                _ => {
                    let Some((at, next)) = self.queue.next(until) else {
                        return;
                    };
                    self.clock.fetch_max(at, Ordering::Relaxed);
                    match next {
                        Next::End => self.end(),
                        Next::Trigger => self.trigger(),
                    }
                }
            }
        }
    }

    #[track_caller]
    fn trigger(&mut self) {
        let Some(object) = self.cache.object() else { return };
        let (now, reading) = (self.now(), object.clone());
        let reconcile = match self.requeuer.dispatch(&reading) {
            Ok(reconcile) => reconcile,
            Err(requeue) => {
                if self.requeuer.waits_for_its_write(&reading) {
                    self.rows.event(micros(now), "it waits for its own write");
                }
                return self.requeue(requeue);
            }
        };
        let run = Reconcile {
            number: self.runs.len(),
            at: micros(now),
            now: wall(now + self.takes),
            reasons: reconcile.reasons().to_vec(),
            outage: self.requeuer.outage(&reading),
        };
        let (at, reasons) = (run.at, Reasons::from(&*run.reasons).to_string());
        self.runs.push(run);
        let lately = |other: &&Reconcile| at - other.at < Duration::from_secs(1);
        let so_many = self.runs.iter().rev().take_while(lately).count();
        assert!(
            so_many < ENDLESS || self.policy.rate_limit().is_some(),
            "it is reconciled again and again at {}, and no rate limit ends that\n\n{self}",
            rows::time(at)
        );
        self.rows.run_starts(at, reasons);
        self.reading = Some((reading, reconcile));
        self.queue.run_starts(now + self.takes);
    }

    #[track_caller]
    fn end(&mut self) {
        let (Some((reading, reconcile)), Some(run)) = (self.reading.take(), self.runs.last().cloned()) else {
            return self.queue.run_ends();
        };
        let outage = self.requeuer.outage(&reading);
        let run = Reconcile { outage, ..run };
        let stored = self.object().unwrap_or(&reading).clone();
        let now = run.now;
        let (before, result, next) = match self.cache.merge() {
            None => {
                let mut next = stored.clone();
                let result = (self.reconcile)(&mut next, run);
                (stored, result, next)
            }
            Some(merge) => {
                let mut after = reading.clone();
                let result = (self.reconcile)(&mut after, run);
                let next = merge(&reading, &after, &stored);
                (stored, result, next)
            }
        };
        self.check_time(Some(&before), &next, now);
        let result = result.map_err(|error| ((self.classify)(&error, &reading), error));
        let end = result.as_ref().map(|outcome| *outcome).map_err(|(retry, _)| *retry);
        self.rows.run_ends(match end {
            Ok(outcome) => rows::success(outcome),
            Err(retry) => rows::failure(retry),
        });
        if let Some(mistake) = observe::disagrees(&before, &next, end) {
            panic!("{mistake}\n\n{self}");
        }
        if self.store(next) {
            if let Some(object) = &self.object {
                self.requeuer.wrote(object.object());
            }
            self.watched();
        }
        self.queue.run_ends();
        let requeue = match result {
            Ok(outcome) => self.requeuer.succeeded(&reading, reconcile, outcome),
            Err((retry, error)) => self.requeuer.failed(&reading, reconcile, retry, &error),
        };
        self.requeue(requeue);
    }

    /// Someone else writes the object, which is an event if that changes it.
    fn write(&mut self, next: K) {
        if self.store(next) {
            self.watched();
        }
    }

    /// Stores the object; returns whether it is then another and still there. What is gone cannot be written.
    fn store(&mut self, next: K) -> bool {
        let Some(stored) = &mut self.object else { return false };
        if !stored.write(next) {
            return false;
        }
        if stored.is_gone() {
            self.object = None;
            self.watched();
        }
        self.object.is_some()
    }

    fn requeue(&mut self, requeue: Requeue) {
        if let Requeue::After(delay) = requeue {
            self.queue.timer(self.now() + ticks(delay));
        }
    }
}

fn ticks(duration: Duration) -> Tick {
    Tick::try_from(duration.as_micros()).unwrap_or(Tick::MAX / 4)
}

fn wall(tick: Tick) -> SystemTime {
    UNIX_EPOCH + START + micros(tick)
}

fn micros(tick: Tick) -> Duration {
    Duration::from_micros(tick)
}

impl<K, E> fmt::Display for Timeline<K, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows.fmt(f, micros(self.clock.load(Ordering::Relaxed)))
    }
}

impl<K, E> fmt::Debug for Timeline<K, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
