//! A controller's calls, without its store, queues and tasks: those would be what is measured.

use crate::Thing;
use futures::FutureExt;
use humantime_serde::re::humantime::parse_duration;
use kube::runtime::controller::Action;
use requeue_policy::{
    RequeuePolicy,
    kube::{Classify, Outcome, Reconcile, Requeuer},
};
use std::{
    error::Error,
    fmt,
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

type Reconciler<E> = dyn Fn(Arc<Thing>, Arc<()>) -> Reconcile<E> + Send + Sync;
type ErrorPolicy<E> = dyn Fn(Arc<Thing>, &E, Arc<()>) -> Action + Send + Sync;

/// Calls a wrapped reconciler and its error policy as the `Controller` does.
pub struct Caller<E> {
    reconcile: Box<Reconciler<E>>,
    error_policy: Box<ErrorPolicy<E>>,
    context: Arc<()>,
    runs: Arc<AtomicUsize>,
}

impl<E: Error + Send + 'static> Caller<E> {
    /// A run does this and takes no time.
    pub fn new<P, C, O>(
        requeuer: &Requeuer<P, C>,
        reconcile: impl Fn(&Thing) -> Result<O, E> + Send + Sync + 'static,
    ) -> Self
    where
        P: RequeuePolicy + Send + Sync + 'static,
        C: Classify<E> + Send + Sync + 'static,
        O: Into<Outcome> + Send + 'static,
    {
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = runs.clone();
        let reconcile = requeuer.reconciler(move |thing: Arc<Thing>, _: Arc<()>| {
            counter.fetch_add(1, Ordering::Relaxed);
            ready(reconcile(&thing))
        });
        Self {
            reconcile: Box::new(reconcile),
            error_policy: Box::new(requeuer.error_policy()),
            context: Arc::default(),
            runs,
        }
    }

    /// A trigger of this object, and what the controller is to do next. It takes nothing from the heap by itself.
    pub fn trigger(&self, thing: &Arc<Thing>) -> Action {
        let run = (self.reconcile)(thing.clone(), self.context.clone());
        let result = run.now_or_never().expect("no run here waits for anything");
        result.unwrap_or_else(|error| self.fail(thing, &error))
    }

    /// The answer to a run that ended with this error.
    pub fn fail(&self, thing: &Arc<Thing>, error: &E) -> Action {
        (self.error_policy)(thing.clone(), error, self.context.clone())
    }

    /// How many runs there were.
    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }
}

impl<E> fmt::Debug for Caller<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("runs", &self.runs)
            .finish_non_exhaustive()
    }
}

/// In what time the controller is to come back, `None` for never; kube shows it to `Debug` alone.
pub fn delay(action: &Action) -> Option<Duration> {
    if *action == Action::await_change() {
        return None;
    }
    let text = format!("{action:?}");
    let delay = text.strip_prefix("Action { requeue_after: Some(");
    let delay = delay.and_then(|text| text.strip_suffix(") }"));
    let delay = delay.and_then(|text| parse_duration(text).ok());
    Some(delay.unwrap_or_else(|| panic!("no delay: {text}")))
}
