//! A controller's calls, without its store, queues and tasks: those would be what is measured.

use crate::Thing;
use futures::FutureExt;
use humantime_serde::re::humantime::parse_duration;
use kube::runtime::controller::Action;
use requeue_policy::{
    Outcome, Retry,
    kube::{Reconcile, Requeuer},
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

/// Calls a wrapped reconciler and its error policy as a `kube::runtime::Controller` does.
pub struct Caller<E> {
    reconcile: Box<Reconciler<E>>,
    error_policy: Box<ErrorPolicy<E>>,
    context: Arc<()>,
    runs: Arc<AtomicUsize>,
}

impl<E: Error + Send + 'static> Caller<E> {
    /// A reconcile does this and takes no time; every error backs off.
    pub fn new<O>(requeuer: &Requeuer, reconcile: impl Fn(&Thing) -> Result<O, E> + Send + Sync + 'static) -> Self
    where
        O: Into<Outcome> + Send + 'static,
    {
        Self::classifying(requeuer, |_| Retry::Backoff, reconcile)
    }

    /// The same with errors told apart.
    pub fn classifying<O>(
        requeuer: &Requeuer,
        classify: impl Fn(&E) -> Retry + Send + Sync + 'static,
        reconcile: impl Fn(&Thing) -> Result<O, E> + Send + Sync + 'static,
    ) -> Self
    where
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
            error_policy: Box::new(requeuer.error_policy(move |error: &E, _: &Thing| classify(error))),
            context: Arc::default(),
            runs,
        }
    }

    /// A trigger of this object, and what the controller is to do next. It takes nothing from the heap by itself.
    pub fn trigger(&self, thing: &Arc<Thing>) -> Action {
        let run = (self.reconcile)(thing.clone(), self.context.clone());
        let result = run.now_or_never().expect("no reconcile here waits for anything");
        result.unwrap_or_else(|error| self.fail(thing, &error))
    }

    /// The answer to a reconcile that ended with this error.
    pub fn fail(&self, thing: &Arc<Thing>, error: &E) -> Action {
        (self.error_policy)(thing.clone(), error, self.context.clone())
    }

    /// How many reconciles there were.
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
