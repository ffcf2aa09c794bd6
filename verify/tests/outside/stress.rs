//! Many threads on many objects through the public API, as a controller with several runtimes' worth of work has it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::runtime::reflector::ObjectRef;
use requeue_policy::{Interval, Outcome, Phase, RateLimit, Requeue, RequeueConfig, kube::Requeuer};
use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use verify::{Caller, Random, Thing};

const THREADS: usize = 8;
const OBJECTS: usize = 10_000;
/// Reconciles of one object in an hour, longer than the test: so the time at which a run is seen does not matter.
const MAX: u32 = 5;

struct World {
    requeuer: Requeuer,
    caller: Caller<io::Error>,
    runs: Arc<Vec<AtomicU32>>,
    /// Whoever triggers an object holds its version: kube-runtime runs no object twice at a time, while nudges may come at
    /// any.
    versions: Vec<Mutex<u64>>,
}

impl World {
    fn new() -> Self {
        let day = Interval::constant(Duration::from_secs(86_400));
        let config = RequeueConfig::default()
            .with_default(day)
            .with_error(day)
            .with_initialization(day)
            .with_rate_limit(RateLimit::new(MAX, Duration::from_secs(3600)));
        let requeuer = Requeuer::new(config).expect("the policy is valid");
        let runs: Arc<Vec<AtomicU32>> = Arc::new((0..OBJECTS).map(|_| AtomicU32::default()).collect());
        let counted = runs.clone();
        let caller = Caller::new(&requeuer, move |thing| {
            let run = counted[thing.spec.value as usize].fetch_add(1, Ordering::Relaxed);
            match (u64::from(run) + thing.spec.value) % 4 {
                0 => Err(io::Error::other("oops")),
                1 => Ok(Outcome::Requeue(Requeue::After(Duration::ZERO))),
                2 => Ok(Outcome::Phase(Phase::Failed)),
                _ => Ok(Outcome::Phase(Phase::Ready)),
            }
        });
        Self {
            requeuer,
            caller,
            runs,
            versions: (0..OBJECTS).map(|_| Mutex::default()).collect(),
        }
    }

    fn trigger(&self, number: usize) {
        let mut version = self.versions[number].lock().expect("no thread panics");
        *version += 1;
        self.caller.trigger(&Arc::new(Thing::stored(number, *version, 1)));
    }

    fn act(&self, number: usize, random: &mut Random) {
        let mut thing = Thing::stored(number, random.next(), 1);
        match random.below(8) {
            0 => self.requeuer.nudge(&ObjectRef::from_obj(&thing)),
            1 => {
                let owner = OwnerReference {
                    api_version: "example.com/v1".to_owned(),
                    kind: "Thing".to_owned(),
                    name: thing.metadata.name.take().unwrap_or_default(),
                    uid: thing.metadata.uid.take().unwrap_or_default(),
                    ..OwnerReference::default()
                };
                thing.metadata.owner_references = Some(vec![owner]);
                assert_eq!(self.requeuer.owned::<Thing, Thing>()(thing).len(), 1);
            }
            2 => assert!(self.requeuer.outage(&thing).since <= self.requeuer.now()),
            _ => self.trigger(number),
        }
    }
}

#[test]
fn many_threads_on_many_objects_keep_every_limit_and_every_count() {
    let world = Arc::new(World::new());
    let until = Instant::now() + Duration::from_secs(1);
    let (done, ended) = mpsc::channel();
    for seed in 1..=THREADS {
        let (world, done) = (world.clone(), done.clone());
        thread::spawn(move || {
            // Each object once, from another start in each thread.
            for number in 0..OBJECTS {
                world.trigger((number + seed * OBJECTS / THREADS) % OBJECTS);
            }
            // Half of the threads stay with few objects, so that they meet.
            let among = if seed % 2 == 0 { OBJECTS } else { 16 };
            let mut random = Random::new(seed as u64);
            while Instant::now() < until {
                world.act(random.below(among as u64) as usize, &mut random);
            }
            done.send(()).expect("the test waits");
        });
    }
    for _ in 0..THREADS {
        let ended = ended.recv_timeout(Duration::from_secs(60));
        ended.expect("a thread panicked, or they wait for each other");
    }
    assert_eq!(world.requeuer.tracked(), OBJECTS);
    let runs: Vec<_> = world.runs.iter().map(|runs| runs.load(Ordering::Relaxed)).collect();
    let most = runs.iter().max();
    assert!(runs.iter().all(|runs| (1..=MAX).contains(runs)), "{most:?}");
    assert_eq!(
        runs[..16],
        [MAX; 16],
        "the objects that all threads woke have used up their limit"
    );
}
