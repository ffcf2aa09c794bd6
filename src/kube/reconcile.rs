//! The future of a reconcile.

use super::kube_runtime::{controller::Action, utils::CancelableJoinHandle};
use std::{
    fmt, future,
    pin::Pin,
    task::{Context, Poll},
};

/// The future that a wrapped reconciler returns; a trigger that needs no reconcile costs no task and no allocation.
#[must_use = "futures do nothing unless polled"]
pub struct Reconcile<E>(Step<E>);

enum Step<E> {
    Answered(future::Ready<Result<Action, E>>),
    /// In the task of the controller.
    Running(Pin<Box<dyn Future<Output = Result<Action, E>> + Send>>),
    /// In a task of its own.
    Spawned(CancelableJoinHandle<Result<Action, E>>),
}

impl<E> Reconcile<E> {
    pub(super) fn answered(answer: Action) -> Self {
        Self(Step::Answered(future::ready(Ok(answer))))
    }

    pub(super) fn running(run: impl Future<Output = Result<Action, E>> + Send + 'static) -> Self {
        Self(Step::Running(Box::pin(run)))
    }

    pub(super) fn spawned(task: CancelableJoinHandle<Result<Action, E>>) -> Self {
        Self(Step::Spawned(task))
    }
}

impl<E> Future for Reconcile<E>
where
    CancelableJoinHandle<Result<Action, E>>: Future<Output = Result<Action, E>> + Unpin,
{
    type Output = Result<Action, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Step::Answered(answer) => Pin::new(answer).poll(context),
            Step::Running(run) => run.as_mut().poll(context),
            Step::Spawned(task) => Pin::new(task).poll(context),
        }
    }
}

impl<E> fmt::Debug for Reconcile<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Step::Answered(_) => "Reconcile(answered)",
            Step::Running(_) | Step::Spawned(_) => "Reconcile(running)",
        })
    }
}
