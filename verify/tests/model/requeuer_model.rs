//! The whole adapter: triggers, ends of runs and nudges, in paused time.

use crate::{
    Interval, Observe, Phase, RequeueConfig, join,
    kube::{Outcome, Requeuer},
};
use futures::FutureExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{core::ObjectMeta, runtime::reflector::ObjectRef};
use shuttle::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::{cell::RefCell, convert::Infallible, time::Duration};
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
        let (before, runs) = (self.runs(object), self.runs[object].clone());
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
        self.runs(object) > before
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

type Act = fn(&World);

/// Lets threads do these to two objects, each with a run behind it and due in 30 s of a time that stands; and then looks.
fn play(threads: &[Act], then: Act) {
    thread_local! {
        // All of shuttle's threads are coroutines of one, so all are in this runtime.
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
    let world = Arc::new(World {
        requeuer: Requeuer::new(RequeueConfig::default()).expect("the defaults are valid"),
        runs: [Arc::default(), Arc::default()],
        version: AtomicUsize::new(0),
    });
    let ran = world.trigger(0) && world.trigger(1);
    assert!(ran, "an object that was not seen before runs");
    join(threads.iter().map(|act| {
        let (world, act) = (world.clone(), *act);
        move || act(&world)
    }));
    then(&world);
}

/// After nudges of both, which a run may have taken already, both have run once more.
fn both_ran_again(world: &World) {
    world.trigger(0);
    world.trigger(1);
    assert_eq!([world.runs(0), world.runs(1)], [2, 2]);
}

/// Nudges and triggers of one object in any order: the trigger that follows the nudge runs, or one before it already did.
pub(crate) fn a_nudge_starts_a_run() {
    let nudges: Act = |world| {
        world.nudge(0, true);
        world.nudge(1, false);
    };
    let triggers: Act = |world| {
        world.trigger(0);
        world.trigger(1);
    };
    play(&[nudges, triggers], both_ran_again);
}

/// Kept and taken by several threads at once; after that there is none left, and none that is thought to be there.
pub(crate) fn nudges_are_counted_as_they_are_kept() {
    let threads: [Act; 4] = [
        |world| world.nudge(0, true),
        |world| world.nudge(0, false),
        |world| world.nudge(1, true),
        |world| {
            world.trigger(1);
        },
    ];
    play(&threads, |world| {
        both_ran_again(world);
        let stays = world.trigger(0) || world.trigger(1);
        assert!(!stays, "a nudge that was taken is still there");
    });
}

/// A trigger after a nudge runs, whatever other threads keep and take at the time.
pub(crate) fn a_nudge_before_a_trigger_is_in_it() {
    fn twice(world: &World, object: usize) {
        for by_uid in [true, false] {
            world.nudge(object, by_uid);
            assert!(world.trigger(object), "a nudge of object {object} was lost");
        }
    }
    play(&[|world| twice(world, 0), |world| twice(world, 1)], |_| {});
}

/// A trigger without a nudge stays postponed while another object is nudged and runs.
pub(crate) fn objects_do_not_disturb_each_other() {
    let nudged: Act = |world| {
        world.nudge(0, true);
        assert!(world.trigger(0));
    };
    let idle: Act = |world| {
        assert!(!world.trigger(1), "the other's nudge started it");
        assert_eq!(world.requeuer.tracked(), 2);
    };
    play(&[nudged, idle], |world| {
        assert_eq!([world.runs(0), world.runs(1)], [2, 1]);
        assert_eq!(world.requeuer.tracked(), 2);
    });
}

/// Of two policies at once one is in force whole, while triggers go by it.
pub(crate) fn a_policy_is_replaced_whole() {
    fn replace(world: &World, seconds: u64) {
        let interval = Interval::constant(Duration::from_secs(seconds));
        let policy = RequeueConfig {
            default: interval,
            error: interval,
            ..RequeueConfig::default()
        };
        world.requeuer.set_policy(policy).expect("it is valid");
        let policy = world.requeuer.policy();
        assert_eq!(policy.default, policy.error, "half of one policy and half of another");
    }
    let runs: Act = |world| {
        world.nudge(0, true);
        assert!(world.trigger(0));
    };
    play(
        &[|world| replace(world, 60), |world| replace(world, 7200), runs],
        |world| {
            assert_ne!(world.requeuer.policy().default, RequeueConfig::default().default);
        },
    );
}
