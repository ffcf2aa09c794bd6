//! The future of a run.

use super::kube_runtime::controller::Action;
use std::{
    fmt, future,
    pin::Pin,
    task::{Context, Poll},
};

/// The future that a wrapped reconciler returns; a trigger that needs no run costs no allocation.
#[must_use = "futures do nothing unless polled"]
pub struct Reconcile<E>(Step<E>);

enum Step<E> {
    Answered(future::Ready<Result<Action, E>>),
    Running(Pin<Box<dyn Future<Output = Result<Action, E>> + Send>>),
}

impl<E> Reconcile<E> {
    pub(super) fn answered(answer: Result<Action, E>) -> Self {
        Self(Step::Answered(future::ready(answer)))
    }

    pub(super) fn running(run: impl Future<Output = Result<Action, E>> + Send + 'static) -> Self {
        Self(Step::Running(Box::pin(run)))
    }
}

impl<E> Future for Reconcile<E> {
    type Output = Result<Action, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Step::Answered(answer) => Pin::new(answer).poll(context),
            Step::Running(run) => run.as_mut().poll(context),
        }
    }
}

impl<E> fmt::Debug for Reconcile<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Step::Answered(_) => "Reconcile(answered)",
            Step::Running(_) => "Reconcile(running)",
        })
    }
}
