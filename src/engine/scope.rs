//! The reconcile in which a task works, so that what it writes and asks for is known to be its.

use super::{
    Engine,
    memory::Key,
    reason::{Reason, Source},
    version::Version,
    written::Sent,
};
use crate::policy::slot::Slot;
use std::sync::Arc;
use tokio::task_local;

task_local! {
    static SCOPE: Scope;
}

/// A reconcile.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) engine: Arc<Engine>,
    pub(crate) key: Key,
    pub(crate) object: Source,
    pub(crate) reasons: Arc<[Reason]>,
}

impl Scope {
    /// The reconcile in which the present task works.
    pub(crate) fn current() -> Option<Self> {
        SCOPE.try_with(Self::clone).ok()
    }

    /// Runs a future as a part of this reconcile.
    pub(crate) async fn run<F: Future>(self, future: F) -> F::Output {
        SCOPE.scope(self, future).await
    }

    /// Calls a function as a part of this reconcile.
    pub(crate) fn enter<T>(self, f: impl FnOnce() -> T) -> T {
        SCOPE.sync_scope(self, f)
    }

    /// A write of this reconcile is sent to a resource that watches of the engine show; `None` where none does.
    pub(crate) fn sends(&self, group: &str, plural: &str, of_status: bool) -> Option<Sending> {
        let watches = self.engine.watches_of(group, plural);
        (watches > 0).then(|| {
            self.engine.sends(self.key);
            Sending {
                scope: self.clone(),
                sent: Sent {
                    deliveries: self.engine.deliveries(),
                    watches,
                    of_status,
                },
            }
        })
    }
}

/// A write that is under way; dropped without an answer it counts as someone else's.
pub(crate) struct Sending {
    scope: Scope,
    sent: Sent,
}

impl Sending {
    /// The API server has stored the write as this version of this object. `may_be_unchanged` where the version may have
    /// been there before.
    pub(crate) fn answered(self, uid: &str, version: &str, may_be_unchanged: bool) {
        let target = Slot::of(uid).bits();
        let scope = &self.scope;
        let version = Version::of(version);
        let follows_up = scope
            .engine
            .wrote(scope.key, target, version, self.sent, may_be_unchanged);
        if follows_up {
            scope.engine.trigger(&scope.object);
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.scope.engine.sent(&self.scope);
    }
}

/// Returns why the present reconcile runs; empty outside of one.
///
/// A task that the reconciler spawns is outside, unless [`in_reconcile`] carries it.
#[must_use]
pub fn reasons() -> Vec<Reason> {
    Scope::current().map_or_else(Vec::new, |scope| scope.reasons.to_vec())
}

/// Carries the present reconcile into a task that it spawns, so that what the task writes counts as this reconcile's.
///
/// Outside of a reconcile it changes nothing.
pub fn in_reconcile<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let scope = Scope::current();
    async move {
        match scope {
            Some(scope) => scope.run(future).await,
            None => future.await,
        }
    }
}
