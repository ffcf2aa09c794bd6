//! A policy from elsewhere, put to work in a controller that runs.

use futures::{
    StreamExt as _,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
};
use kube::runtime::watcher;
use requeue_policy::{RequeueConfig, kube::Requeuer};
use tracing::warn;

use crate::app::{World, reconcile};

type Error = Box<dyn std::error::Error>;

/// What replaces the policy, wherever its text comes from.
pub(crate) struct Policy {
    requeue: Requeuer,
    /// What is in force.
    current: RequeueConfig,
    /// Into `reconcile_all_on`: each object is to be reconciled once.
    replaced: UnboundedSender<()>,
}

impl Policy {
    /// Starts with a policy that must be valid: an operator that cannot read it must not run with another one.
    pub(crate) fn read(text: &str) -> Result<(Self, UnboundedReceiver<()>), Error> {
        let current = serde_saphyr::from_str::<RequeueConfig>(text)?;
        let requeue = Requeuer::new(current)?;
        let (replaced, all) = unbounded();
        let policy = Self {
            requeue,
            current,
            replaced,
        };
        Ok((policy, all))
    }

    /// Replaces the policy; a text that cannot be read changes nothing.
    pub(crate) fn replace(&mut self, text: &str) {
        match serde_saphyr::from_str::<RequeueConfig>(text) {
            // A watch lists again from time to time, and a file may be the same as before.
            Ok(policy) if policy == self.current => {}
            Ok(policy) => {
                // The crate itself logs how that went.
                if self.requeue.set_policy(policy).is_ok() {
                    self.current = policy;
                    // What was due in ten minutes stays due then; where that is too late, all are reconciled now.
                    let _ = self.replaced.unbounded_send(());
                }
            }
            // A snippet of the text would be more than one line.
            Err(error) => warn!(error = %error.without_snippet(), "the new policy cannot be read, the old one stays"),
        }
    }

    /// Starts a controller with it.
    pub(crate) fn start(&self, world: &World, all: UnboundedReceiver<()>) {
        let run = self
            .requeue
            .controller(world.apps.clone(), watcher::Config::default())
            .reconcile_all_on(all)
            .run(reconcile, world.reconciles.clone());
        tokio::spawn(run.for_each(async |_| {}));
    }
}
