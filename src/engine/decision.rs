//! What an application may want to know of the end of a reconcile.

use super::{conclusion::Transition, reason::Reason};
use crate::{Phase, Requeue};
use std::error::Error;

/// What was decided at the end of a reconcile: for an application's own metrics and log.
///
/// See [`Requeuer::on_decision`](crate::kube::Requeuer::on_decision).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Decision<'a> {
    /// The object's kind.
    pub kind: &'a str,
    /// Its namespace; `None` if its kind is cluster-scoped.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
    /// Why it was reconciled; empty when an echo of a status write moved the timer of the reconcile before.
    pub reasons: &'a [Reason],
    /// The phase that the reconcile before reported; `None` where that is unknown.
    pub before: Option<Phase>,
    /// The phase by which it was decided.
    pub phase: Phase,
    /// When the object is due.
    pub requeue: Requeue,
    /// What changed by it.
    pub transition: Transition,
    /// The error that the reconciler returned.
    pub error: Option<&'a (dyn Error + 'static)>,
}

/// A function that is told of each decision.
pub(crate) type Hook = Box<dyn Fn(&Decision<'_>) + Send + Sync>;
