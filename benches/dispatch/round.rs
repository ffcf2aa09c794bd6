//! One round: every object changes once.

use std::{
    convert::Infallible,
    hint::black_box,
    iter,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, Stream, StreamExt as _, channel::mpsc, poll, stream};
use kube::runtime::{
    Controller, WatchStreamExt as _,
    controller::Action,
    reflector::{self, Store},
    watcher::{self, Event},
};
use requeue_policy::{Observe as _, Phase, kube::Requeuer};
use rustix::time::{ClockId, clock_gettime};

use crate::{
    INTERVAL,
    app::{App, Change, Changes},
};

/// What became of a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) time: Duration,
    pub(crate) runs: usize,
}

/// kube's own controller, which dispatches every event.
pub(crate) async fn plain(changes: Changes) -> Round {
    let runs = Arc::new(AtomicUsize::new(0));
    let reconcile = async |app, runs| run(app, runs).await.map(|_| Action::requeue(INTERVAL));
    let time = time(changes, true, |changes, store| {
        Controller::for_stream(changes.touched_objects(), store)
            .run(reconcile, |_, error, _| match *error {}, runs.clone())
            .map(drop)
    });
    let time = time.await;
    let runs = runs.load(Ordering::Relaxed);
    Round { time, runs }
}

/// This crate's, which dispatches what calls for a reconcile.
pub(crate) async fn ours(changes: Changes, requeue: &Requeuer, change: Change) -> Round {
    let runs = Arc::new(AtomicUsize::new(0));
    let time = time(changes, change == Change::Spec, |changes, store| {
        requeue
            .controller_from(store, changes, App::observe)
            .run(run, runs.clone())
            .map(drop)
    });
    let time = time.await;
    let runs = runs.load(Ordering::Relaxed);
    Round { time, runs }
}

/// No controller: only the decisions, in the order in which the objects changed.
pub(crate) fn alone(changes: Changes, requeue: &Requeuer) -> Round {
    let runs = Arc::new(AtomicUsize::new(0));
    let changes: Vec<_> = changes.changes.into_iter().map(Arc::new).collect();
    let reconcile = requeue.reconciler(run);
    let started = processor_time();
    for change in &changes {
        let answer = reconcile(change.clone(), runs.clone()).now_or_never();
        black_box(answer)
            .expect("it waits for nothing")
            .expect("it does not fail");
    }
    let time = processor_time() - started;
    let runs = runs.load(Ordering::Relaxed);
    Round { time, runs }
}

/// A reconcile that does nothing.
async fn run(_: Arc<App>, runs: Arc<AtomicUsize>) -> Result<Phase, Infallible> {
    runs.fetch_add(1, Ordering::Relaxed);
    Ok(Phase::Ready)
}

type Watch = Pin<Box<dyn Stream<Item = watcher::Result<Event<App>>> + Send>>;

/// What a controller takes for all changes, the cache included.
async fn time<S: Stream<Item = ()>>(
    changes: Changes,
    dispatches: bool,
    controller: impl FnOnce(Watch, Store<App>) -> S,
) -> Duration {
    let Changes {
        cached,
        changes,
        waiting,
    } = changes;
    let (store, mut writer) = reflector::store();
    let listed = cached.into_iter().map(Event::InitApply);
    for event in iter::once(Event::Init).chain(listed).chain([Event::InitDone]) {
        writer.apply_watcher_event(&event);
    }
    let (permits, permitted) = mpsc::unbounded();
    let count = changes.len();
    // None is wanted any more when all changes are on their way.
    let permit = || drop(permits.unbounded_send(()));
    (0..waiting).for_each(|_| permit());

    let taken = Arc::new(AtomicUsize::new(0));
    let counted = taken.clone();
    let events = stream::iter(changes).zip(permitted);
    let events = events.map(move |(change, ())| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(Event::Apply(change))
    });
    let changes: Watch = Box::pin(events.chain(stream::pending()).reflect(writer));

    // What is dispatched is freed when the time is taken.
    let mut dispatched = pin!(controller(changes, store.clone()));
    let started = processor_time();
    if dispatches {
        for _ in 0..count {
            dispatched.next().await;
            permit();
        }
    } else {
        while taken.load(Ordering::Relaxed) < count {
            let dispatched = poll!(dispatched.next());
            assert!(
                dispatched.is_pending(),
                "an event that calls for no reconcile was dispatched"
            );
            permit();
        }
    }
    processor_time() - started
}

/// The time that this thread has worked: what else goes on on the machine does not count.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
