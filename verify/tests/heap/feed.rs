//! A controller whose watches the test feeds, so that kube's own cache is no part of what is counted.

use futures::{FutureExt, Stream, StreamExt, channel::mpsc, future::ready, stream::BoxStream};
use kube::runtime::{
    reflector::{self, store::Writer},
    watcher::{self, Event},
};
use requeue_policy::{Observe, Outcome, kube::Requeuer};
use std::{io, pin::Pin, sync::Arc};
use verify::Thing;

type Events = mpsc::UnboundedSender<watcher::Result<Event<Thing>>>;

pub(crate) struct Feed {
    cache: Writer<Thing>,
    events: Events,
    controller: BoxStream<'static, ()>,
}

impl Feed {
    /// A controller with this reconciler, which has seen an empty list.
    pub(crate) fn new<F, O>(requeuer: &Requeuer, mut reconcile: impl FnMut(Arc<Thing>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<O, io::Error>> + Send + 'static,
        O: Into<Outcome> + 'static,
    {
        let (store, cache) = reflector::store();
        let (events, received) = mpsc::unbounded();
        let controller = requeuer.controller_from(store, received, Thing::observe);
        let controller = controller.run(move |thing, _| reconcile(thing), Arc::new(()));
        let mut feed = Self {
            cache,
            events,
            controller: controller.map(drop).boxed(),
        };
        feed.show([Event::Init, Event::InitDone]);
        feed
    }

    /// What the watch delivers next. The cache has it at once, and the controller when it is polled.
    pub(crate) fn show(&mut self, events: impl IntoIterator<Item = Event<Thing>>) {
        for event in events {
            self.cache.apply_watcher_event(&event);
            self.events.unbounded_send(Ok(event)).expect("the controller listens");
        }
    }

    /// Lets the controller do what there is to do without waiting, and returns how often it dispatched an object.
    pub(crate) fn poll(&mut self) -> usize {
        let mut dispatched = 0;
        // A stream may give way to others now and then.
        for _ in 0..100 {
            while self.controller.next().now_or_never().is_some() {
                dispatched += 1;
            }
        }
        dispatched
    }

    /// The controller itself, to be driven by a runtime.
    pub(crate) fn split(self) -> (Self, impl Future<Output = ()> + Send) {
        let Self {
            cache,
            events,
            controller,
        } = self;
        let none: Pin<Box<dyn Stream<Item = ()> + Send>> = futures::stream::pending().boxed();
        let feed = Self {
            cache,
            events,
            controller: none,
        };
        (feed, controller.for_each(|()| ready(())))
    }
}
