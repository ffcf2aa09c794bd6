//! What goes to controllers that no event of their watches brings.

use super::{Engine, reason::Source};
use crate::sync::PoisonError;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

/// An object as the log names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id<'a> {
    pub(crate) kind: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) name: &'a str,
}

impl Source {
    pub(super) fn id(&self) -> Id<'_> {
        Id {
            kind: self.kind(),
            namespace: self.namespace(),
            name: self.name(),
        }
    }
}

impl Id<'_> {
    pub(super) fn source(self) -> Source {
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
pub(super) struct Listener {
    kind: String,
    wakes: UnboundedSender<Wake>,
}

impl Engine {
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
    pub(super) fn wake(&self, kind: Option<&str>, wake: &Wake) -> bool {
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
    pub(super) fn trigger(&self, object: &Source) {
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
}
