//! Many threads on many objects through the public API, as a controller with several runtimes' worth of work has it.

use crate::cluster::{Oops, Thing, thing};
use futures::FutureExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{core::ObjectMeta, runtime::reflector::ObjectRef};
use requeue_policy::{
    Phase, Requeue, RequeueConfig,
    kube::{Outcome, Requeuer},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

const THREADS: u64 = 8;
const OBJECTS: usize = 10_000;
/// Runs of one object in an hour, longer than the test: so the time at which a run is seen does not matter.
const MAX: u32 = 5;

/// One object: how often it ran, and its version, which whoever triggers it holds; kube-runtime runs no object twice at a
/// time, while news may come at any.
#[derive(Default)]
struct Object {
    runs: AtomicU32,
    version: Mutex<u64>,
}

struct World {
    requeuer: Requeuer<RequeueConfig>,
    objects: Vec<Object>,
}

impl World {
    fn metadata(number: usize, version: u64) -> ObjectMeta {
        ObjectMeta {
            uid: Some(format!("uid-{number}")),
            name: Some(format!("thing-{number}")),
            namespace: Some("default".to_owned()),
            generation: Some(1),
            resource_version: Some(version.to_string()),
            ..ObjectMeta::default()
        }
    }

    fn trigger(self: &Arc<Self>, number: usize, dice: u64) {
        let mut version = self.objects[number].version.lock().expect("no thread panics");
        *version += 1;
        let object = thing(Self::metadata(number, *version), None);
        let world = self.clone();
        let reconcile = self.requeuer.reconciler(move |_: Arc<Thing>, _: Arc<()>| {
            world.objects[number].runs.fetch_add(1, Ordering::Relaxed);
            async move {
                match dice % 4 {
                    0 => Err(Oops("oops".to_owned())),
                    1 => Ok(Outcome::Requeue(Requeue::After(Duration::ZERO))),
                    2 => Ok(Outcome::Phase(Phase::Failed)),
                    _ => Ok(Outcome::Phase(Phase::Ready)),
                }
            }
        });
        let answer = reconcile(object.clone(), Arc::new(())).now_or_never();
        if let Err(error) = answer.expect("it waits for nothing") {
            self.requeuer.error_policy()(object, &error, Arc::new(()));
        }
    }

    fn act(self: &Arc<Self>, number: usize, dice: u64) {
        match dice >> 8 & 7 {
            0 => self
                .requeuer
                .nudge(&ObjectRef::<Thing>::new(&format!("thing-{number}")).within("default")),
            1 => {
                let owner = OwnerReference {
                    api_version: "example.com/v1".to_owned(),
                    kind: "Thing".to_owned(),
                    name: format!("thing-{number}"),
                    uid: format!("uid-{number}"),
                    ..OwnerReference::default()
                };
                let child = ObjectMeta {
                    namespace: Some("default".to_owned()),
                    owner_references: Some(vec![owner]),
                    ..ObjectMeta::default()
                };
                let told = self.requeuer.owned::<Thing, Thing>()((*thing(child, None)).clone());
                assert_eq!(told.len(), 1);
            }
            2 => {
                let object = thing(Self::metadata(number, dice), None);
                self.requeuer.predicate::<Thing>()(&object).expect("it has a uid");
                assert!(self.requeuer.outage(&*object).since <= self.requeuer.now());
            }
            _ => self.trigger(number, dice),
        }
    }

    /// Some of the threads stay with few objects, so that they meet.
    fn play(self: &Arc<Self>, seed: u64, until: Instant) -> u64 {
        let (mut state, mut steps) = (seed, 0);
        while Instant::now() < until {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let among = if seed.is_multiple_of(2) { OBJECTS } else { 16 };
            self.act((state >> 16) as usize % among, state >> 3);
            steps += 1;
        }
        steps
    }
}

#[test]
fn many_threads_on_many_objects_keep_every_limit_and_every_count() {
    let yaml = format!("{{ default: 1d, error: 1d, initialization: 1d, rate_limit: {{ max: {MAX}, within: 1h }} }}");
    let config = serde_saphyr::from_str::<RequeueConfig>(&yaml).expect("the policy is valid");
    let world = Arc::new(World {
        requeuer: Requeuer::new(config).expect("the policy is valid"),
        objects: (0..OBJECTS).map(|_| Object::default()).collect(),
    });
    let until = Instant::now() + Duration::from_secs(1);
    let (done, ended) = mpsc::channel();
    for seed in 1..=THREADS {
        let (world, done) = (world.clone(), done.clone());
        thread::spawn(move || {
            // Each object once, from another start in each thread.
            for number in 0..OBJECTS {
                world.trigger((number + seed as usize * OBJECTS / THREADS as usize) % OBJECTS, seed);
            }
            done.send(world.play(seed, until)).expect("the test waits");
        });
    }
    drop(done);
    let steps: Vec<_> = (0..THREADS)
        .map(|_| {
            ended
                .recv_timeout(Duration::from_secs(60))
                .expect("a thread panicked, or they wait for each other")
        })
        .collect();
    println!("{steps:?} steps");

    assert_eq!(world.requeuer.tracked(), OBJECTS);
    let runs: Vec<_> = world
        .objects
        .iter()
        .map(|object| object.runs.load(Ordering::Relaxed))
        .collect();
    assert!(
        runs.iter().all(|runs| (1..=MAX).contains(runs)),
        "{:?}",
        runs.iter().max()
    );
    assert_eq!(
        runs[..16],
        [MAX; 16],
        "the objects that all threads woke have used up their limit"
    );
}
