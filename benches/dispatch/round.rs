//! One round: every object changes once, and is dispatched.

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

use futures::{FutureExt as _, Stream, StreamExt as _, channel::mpsc, stream};
use kube::runtime::{
    Controller, WatchStreamExt as _,
    controller::Action,
    reflector::{self, Store},
    watcher::{self, Event},
};
use requeue_policy::{Phase, RequeueConfig, kube::Requeuer};
use rustix::time::{ClockId, clock_gettime};

use crate::{
    INTERVAL,
    app::{App, Changes},
};

/// What became of a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) time: Duration,
    pub(crate) runs: usize,
}

/// kube-runtime alone.
pub(crate) async fn plain(changes: Changes) -> Round {
    let runs = Arc::new(AtomicUsize::new(0));
    let reconcile = async |app, runs| run(app, runs).await.map(|_| Action::requeue(INTERVAL));
    let time = time(changes, |changes, store| {
        Controller::for_stream(changes, store)
            .run(reconcile, |_, error, _| match *error {}, runs.clone())
            .map(drop)
    });
    let time = time.await;
    let runs = runs.load(Ordering::Relaxed);
    Round { time, runs }
}

/// The same with the adapter around the reconciler.
pub(crate) async fn wrapped(changes: Changes, requeue: &Requeuer<RequeueConfig>) -> Round {
    let runs = Arc::new(AtomicUsize::new(0));
    let time = time(changes, |changes, store| {
        Controller::for_stream(changes, store)
            .run(requeue.reconciler(run), requeue.error_policy(), runs.clone())
            .map(drop)
    });
    let time = time.await;
    let runs = runs.load(Ordering::Relaxed);
    Round { time, runs }
}

/// The adapter without a controller: what it does itself, in the order in which the objects changed.
pub(crate) fn alone(changes: Changes, requeue: &Requeuer<RequeueConfig>) -> Round {
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

/// A run that does nothing.
async fn run(_: Arc<App>, runs: Arc<AtomicUsize>) -> Result<Phase, Infallible> {
    runs.fetch_add(1, Ordering::Relaxed);
    Ok(Phase::Ready)
}

type Watch = Pin<Box<dyn Stream<Item = Result<App, watcher::Error>> + Send>>;

/// What a controller takes to dispatch all changes, the cache included.
async fn time<S: Stream<Item = ()>>(changes: Changes, controller: impl FnOnce(Watch, Store<App>) -> S) -> Duration {
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

    let events = stream::iter(changes).zip(permitted);
    let events = events.map(|(change, ())| Ok(Event::Apply(change)));
    let changes = events.chain(stream::pending());
    let changes: Watch = Box::pin(changes.reflect(writer).touched_objects());

    // What is dispatched is freed when the time is taken.
    let mut dispatched = pin!(controller(changes, store.clone()));
    let started = processor_time();
    for _ in 0..count {
        dispatched.next().await;
        permit();
    }
    processor_time() - started
}

/// The time that this thread has worked: what else goes on on the machine does not count.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
