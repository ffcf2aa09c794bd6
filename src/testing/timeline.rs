//! One object and what happens to it.

use super::{
    Outage, Outcome, Overrides, Requeuer, Retry,
    kube_core::Resource,
    kube_runtime::reflector::ObjectRef,
    queue::{Next, Queue},
    rows::{self, Rows},
    stored::Stored,
};
use crate::{
    ConfigError, Observe, Requeue, RequeuePolicy,
    adapter::{clock::Hand, memory::Tick},
};
use humantime_serde::re::humantime::format_rfc3339_seconds;
use serde::Serialize;
use serde_json::{Value, from_value};
use std::{
    error::Error,
    fmt,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// When a timeline starts: 1 January 2026, so that jitter, which depends on the time of day, is the same in every test.
const START: Duration = Duration::from_secs(1_767_225_600);

/// How often an object may run in the same instant before it is taken for an endless loop.
const ENDLESS: usize = 1000;

type Policy = Arc<dyn RequeuePolicy + Send + Sync>;
type Reconcile<K, E> = Box<dyn FnMut(&mut K, Run) -> Result<Outcome, E>>;

/// A run of the reconciler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// How many there were before it.
    pub number: usize,
    /// When it started, from the start of the timeline.
    pub at: Duration,
    /// The time of day at its end, for a `lastTransitionTime`.
    pub now: SystemTime,
    /// Whether a timer started it, because it was due or the rate limit had held it back, and not an event.
    pub by_timer: bool,
    /// What [`Requeuer::outage`] tells of it: as of its start, and for what the run itself does as of its end.
    pub outage: Outage,
}

/// One object, the events that happen to it, and the runs that follow from them.
///
/// It starts at zero and without an object. [`at`](Self::at) lets time pass, and every other method is something that
/// happens at that time. `Display` writes it all down as [the guide](crate::guide) does.
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
/// #     fn phase(&self) -> Phase {
/// #         match &self.status {
/// #             Some(status) if status.ready => Phase::Ready,
/// #             _ => Phase::Initializing,
/// #         }
/// #     }
/// # }
/// use requeue_policy::{Observe, Phase, RequeueConfig, testing::Timeline};
/// use std::{io, time::Duration};
///
/// // What a run writes into the object, and what it returns: two failures, then success.
/// let mut timeline = Timeline::new(RequeueConfig::default(), |app: &mut App, run| {
///     let ready = run.number >= 2;
///     app.status = Some(AppStatus { ready, message: format!("run {}", run.number) });
///     if ready { Ok(Phase::Ready) } else { Err(io::Error::other("no quota")) }
/// })?;
///
/// timeline.created(App::new("a", AppSpec { replicas: 1 }));
/// timeline.at(Duration::from_secs(35)).changed("the spec changes", |app| app.spec.replicas = 3);
/// timeline.at(Duration::from_secs(70));
///
/// timeline.assert_ran_at([0, 10, 20, 35, 65].map(Duration::from_secs));
/// assert_eq!(timeline.to_string().lines().collect::<Vec<_>>(), [
///     "    0s  created           → Err",
///     "   10s                    → Err",
///     "   20s                    → Ready",
///     "   35s  the spec changes  → Ready",
///     " 1m 5s                    → Ready",
///     "1m 10s",
/// ]);
/// # Ok::<(), requeue_policy::ConfigError>(())
/// ```
pub struct Timeline<K, E> {
    policy: Policy,
    requeuer: Requeuer<Policy>,
    overrides: Overrides,
    clock: Hand,
    reconcile: Reconcile<K, E>,
    classify: Box<dyn Fn(&E) -> Retry>,
    takes: Tick,
    created: usize,
    object: Option<Stored<K>>,
    queue: Queue,
    /// What the run in flight has read.
    reading: Option<K>,
    runs: Vec<Run>,
    rows: Rows,
}

impl<K, E> Timeline<K, E>
where
    K: Resource + Observe + Clone + Serialize,
    K::DynamicType: Default,
    E: Error + 'static,
{
    /// Returns a timeline of a controller with this policy, in which a run does this.
    ///
    /// `reconcile` changes the object as the run writes it, its status above all, and returns what the reconciler
    /// returns. It is called at the end of the run with the object as the API server has it then.
    ///
    /// # Errors
    ///
    /// As [`Requeuer::new`].
    pub fn new<P, O>(
        policy: P,
        mut reconcile: impl FnMut(&mut K, Run) -> Result<O, E> + 'static,
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
            classify: Box::new(|_| Retry::Backoff),
            takes: 0,
            created: 0,
            object: None,
            queue: Queue::default(),
            reading: None,
            runs: vec![],
            rows: Rows::default(),
        })
    }

    /// Sets what to do after an error, as [`Requeuer::on_error`] does.
    #[must_use]
    pub fn on_error(self, classify: impl Fn(&E) -> Retry + 'static) -> Self {
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

    /// Sets how long a run takes, zero by default.
    #[must_use]
    pub fn runs_take(self, takes: Duration) -> Self {
        Self {
            takes: ticks(takes),
            ..self
        }
    }

    /// Lets time pass until then, counted from the start; a run that is due just then is among those that were.
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
    /// When there is one already.
    #[track_caller]
    pub fn created(&mut self, object: K) -> &mut Self {
        assert!(self.object.is_none(), "the object is there already, use `changed`");
        self.created += 1;
        self.object = Some(Stored::new(object, self.created));
        self.happens("created")
    }

    /// Somebody else changes the object: its spec, its metadata or its status.
    ///
    /// A change of the spec counts the generation up; what changes nothing is no event. `label` is for `Display`.
    ///
    /// # Panics
    ///
    /// When there is no object.
    #[track_caller]
    pub fn changed(&mut self, label: &str, change: impl FnOnce(&mut K)) -> &mut Self {
        let mut next = self.present().object().clone();
        change(&mut next);
        self.rows.event(micros(self.now()), label);
        self.write(next);
        self.settle()
    }

    /// A child, or whatever else [`Requeuer::nudge`], `owned` and `related` tell of, has news for the object.
    ///
    /// # Panics
    ///
    /// When there is no object.
    #[track_caller]
    pub fn nudged(&mut self, label: &str) -> &mut Self {
        let reference = ObjectRef::from_obj(self.present().object());
        self.requeuer.nudge(&reference);
        self.happens(label)
    }

    /// Something triggers the object without a change and without news, such as `Controller::reconcile_all_on`.
    pub fn triggered(&mut self, label: &str) -> &mut Self {
        self.happens(label)
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
        self.requeuer.set_policy(policy.clone())?;
        self.policy = policy;
        self.rows.event(micros(self.now()), "the policy is replaced");
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

    /// The controller restarts, or another replica takes over: memory and timers are lost, a run is cut off, and the
    /// object is listed anew.
    pub fn restarted(&mut self) -> &mut Self {
        if let Ok(requeuer) = Requeuer::by_hand(self.policy.clone(), wall(0), self.clock.clone()) {
            // A policy that was valid at the start is so again.
            self.requeuer = requeuer.overrides(self.overrides.clone());
        }
        (self.queue, self.reading) = (Queue::default(), None);
        self.happens("the controller restarts")
    }

    /// Returns the object as the API server has it now, `None` where it does not.
    #[must_use]
    pub fn object(&self) -> Option<&K> {
        self.object.as_ref().map(Stored::object)
    }

    /// Returns the runs that have started until now.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Checks when the runs until now have started, to the millisecond.
    ///
    /// # Panics
    ///
    /// When they have not, with the whole timeline.
    #[track_caller]
    pub fn assert_ran_at(&self, times: impl IntoIterator<Item = Duration>) {
        let text = |times: &mut dyn Iterator<Item = Duration>| times.map(rows::time).collect::<Vec<_>>().join(", ");
        let ran = text(&mut self.runs.iter().map(|run| run.at));
        let expected = text(&mut times.into_iter());
        assert!(ran == expected, "ran at {ran}\nand not {expected}\n\n{self}");
    }

    #[track_caller]
    fn present(&self) -> &Stored<K> {
        self.object.as_ref().expect("there is no object, use `created` first")
    }

    fn happens(&mut self, label: &str) -> &mut Self {
        let now = self.now();
        self.rows.event(micros(now), label);
        self.queue.event(now);
        self.settle()
    }

    fn settle(&mut self) -> &mut Self {
        self.pass(self.now());
        self
    }

    fn now(&self) -> Tick {
        self.clock.load(Ordering::Relaxed)
    }

    fn pass(&mut self, until: Tick) {
        while let Some((at, next)) = self.queue.next(until) {
            self.clock.fetch_max(at, Ordering::Relaxed);
            match next {
                Next::End => self.end(),
                Next::Trigger { by_timer } => self.trigger(by_timer),
            }
        }
    }

    fn trigger(&mut self, by_timer: bool) {
        let Some(object) = self.object() else { return };
        if let Some(postponed) = self.requeuer.trigger(object) {
            return self.requeue(postponed);
        }
        let (now, reading) = (self.now(), object.clone());
        let run = Run {
            number: self.runs.len(),
            at: micros(now),
            now: wall(now + self.takes),
            by_timer,
            outage: self.requeuer.outage(&reading),
        };
        self.runs.push(run);
        let at_once = self.runs.iter().rev().take_while(|other| other.at == run.at).count();
        assert!(
            at_once < ENDLESS || self.policy.rate_limit().is_some(),
            "it runs again and again at {}, and no rate limit ends that\n\n{self}",
            rows::time(run.at)
        );
        self.rows.run_starts(run.at);
        self.reading = Some(reading);
        self.queue.run_starts(now + self.takes);
    }

    fn end(&mut self) {
        let (Some(reading), Some(run)) = (self.reading.take(), self.runs.last().copied()) else {
            return self.queue.run_ends();
        };
        let outage = self.requeuer.outage(&reading);
        let run = Run { outage, ..run };
        let mut next = self.object().unwrap_or(&reading).clone();
        let result = (self.reconcile)(&mut next, run);
        // While the run is in flight, so that it is merged with whatever else has come.
        self.write(next);
        self.queue.run_ends();
        match result {
            Ok(outcome) => {
                self.rows.run_ends(rows::success(outcome));
                self.requeue(self.requeuer.succeeded(&reading, outcome));
            }
            Err(error) => {
                let retry = (self.classify)(&error);
                self.rows.run_ends(rows::failure(retry));
                self.requeue(self.requeuer.failed(&reading, retry, &error));
            }
        }
    }

    /// Writes the object, which is an event if that changes it. What is gone cannot be written.
    fn write(&mut self, next: K) {
        let Some(stored) = &mut self.object else { return };
        if !stored.write(next) {
            return;
        }
        if stored.is_gone() {
            self.object = None;
        } else {
            self.queue.event(self.now());
        }
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
