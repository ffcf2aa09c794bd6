//! The whole adapter: triggers, ends of runs and news, in paused time.

use crate::{
    Observe, Phase, RequeueConfig,
    kube::{Outcome, Requeuer},
};
use futures::FutureExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{core::ObjectMeta, runtime::reflector::ObjectRef};
use shuttle::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use std::{cell::RefCell, convert::Infallible};
use tokio::runtime::{Builder, Runtime};

impl Observe for ConfigMap {
    fn phase(&self) -> Phase {
        Phase::Ready
    }
}

/// A controller's share of the adapter, and how often its reconciler was called for each object.
struct World {
    requeuer: Requeuer<RequeueConfig>,
    runs: [Arc<AtomicUsize>; 2],
    version: AtomicUsize,
}

impl World {
    /// Two objects, each with a run behind it and due in 30 s of a time that stands.
    fn new() -> Arc<Self> {
        let world = Arc::new(Self {
            requeuer: Requeuer::new(RequeueConfig::default()).expect("the defaults are valid"),
            runs: [Arc::default(), Arc::default()],
            version: AtomicUsize::new(0),
        });
        assert!(
            world.trigger(0) && world.trigger(1),
            "an object that was not seen before runs"
        );
        world
    }

    /// A status write comes back; returns whether it started a run, which then has ended.
    fn trigger(&self, object: usize) -> bool {
        let stored = ConfigMap {
            metadata: ObjectMeta {
                uid: Some(format!("uid-{object}")),
                name: Some(format!("object-{object}")),
                namespace: Some("default".to_owned()),
                generation: Some(1),
                resource_version: Some(self.version.fetch_add(1, Ordering::SeqCst).to_string()),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        };
        let before = self.runs[object].load(Ordering::SeqCst);
        let runs = self.runs[object].clone();
        let reconcile = self
            .requeuer
            .reconciler(move |_: std::sync::Arc<ConfigMap>, _: std::sync::Arc<()>| {
                runs.fetch_add(1, Ordering::SeqCst);
                async { Ok::<_, Infallible>(Outcome::Phase(Phase::Ready)) }
            });
        let answer = reconcile(std::sync::Arc::new(stored), std::sync::Arc::new(()));
        answer
            .now_or_never()
            .expect("it waits for nothing")
            .expect("it never fails");
        self.runs[object].load(Ordering::SeqCst) > before
    }

    fn nudge(&self, object: usize, by_uid: bool) {
        let mut reference = ObjectRef::<ConfigMap>::new(&format!("object-{object}")).within("default");
        reference.extra.uid = by_uid.then(|| format!("uid-{object}"));
        self.requeuer.nudge(&reference);
    }

    fn runs(&self, object: usize) -> usize {
        self.runs[object].load(Ordering::SeqCst)
    }
}

/// Time stands, so that nothing is due; all of shuttle's threads are coroutines of one, so all are in this runtime.
fn in_paused_time(model: impl FnOnce()) {
    thread_local! {
        static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
    }
    let handle = RUNTIME.with_borrow_mut(|runtime| {
        let new = || {
            let mut builder = Builder::new_current_thread();
            builder.enable_time().start_paused(true).build().expect("a runtime")
        };
        runtime.get_or_insert_with(new).handle().clone()
    });
    let _guard = handle.enter();
    model();
}

fn spawn(world: &Arc<World>, act: impl FnOnce(&World) + Send + 'static) -> thread::JoinHandle<()> {
    let world = world.clone();
    thread::spawn(move || act(&world))
}

fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

/// News and triggers of one object in any order: the trigger that follows the news runs, or one before it already did.
pub(crate) fn news_that_was_told_starts_a_run() {
    in_paused_time(|| {
        let world = World::new();
        join([
            spawn(&world, |world| {
                world.nudge(0, true);
                world.nudge(1, false);
            }),
            spawn(&world, |world| {
                world.trigger(0);
                world.trigger(1);
            }),
        ]);
        world.trigger(0);
        world.trigger(1);
        assert_eq!([world.runs(0), world.runs(1)], [2, 2]);
    });
}

/// Told and taken by several threads at once; after that there is none left, and none that is thought to be there.
pub(crate) fn news_is_counted_as_it_is_kept() {
    in_paused_time(|| {
        let world = World::new();
        join([
            spawn(&world, |world| world.nudge(0, true)),
            spawn(&world, |world| world.nudge(0, false)),
            spawn(&world, |world| world.nudge(1, true)),
            spawn(&world, |world| {
                world.trigger(1);
            }),
        ]);
        world.trigger(0);
        world.trigger(1);
        assert_eq!([world.runs(0), world.runs(1)], [2, 2]);
        assert!(
            !world.trigger(0) && !world.trigger(1),
            "news that was taken is still there"
        );
    });
}

/// Whoever tells news and then triggers has his run, whatever others tell and take at the time.
pub(crate) fn news_before_a_trigger_is_in_it() {
    in_paused_time(|| {
        let world = World::new();
        let threads = [0, 1].map(|object| {
            spawn(&world, move |world| {
                for by_uid in [true, false] {
                    world.nudge(object, by_uid);
                    assert!(world.trigger(object), "news of object {object} was lost");
                }
            })
        });
        join(threads);
    });
}

/// A trigger without news stays postponed while another object has news and runs.
pub(crate) fn objects_do_not_disturb_each_other() {
    in_paused_time(|| {
        let world = World::new();
        join([
            spawn(&world, |world| {
                world.nudge(0, true);
                assert!(world.trigger(0));
            }),
            spawn(&world, |world| {
                assert!(!world.trigger(1), "the other's news started it");
                assert_eq!(world.requeuer.tracked(), 2);
            }),
        ]);
        assert_eq!([world.runs(0), world.runs(1)], [2, 1]);
        assert_eq!(world.requeuer.tracked(), 2);
    });
}
