//! From ten thousand to a million objects: a trigger costs what it costs, however many objects there are.
//!
//! The wrapped reconciler and the error policy are called as the `Controller` calls them, but without one: its store
//! would hold a million whole objects. Each object is due by its interval, its own status write comes back after every
//! run, another client writes its status once per interval, and its spec changes now and then.

use crate::thing::{Thing, ThingSpec, ThingStatus};
use futures::FutureExt;
use kube::runtime::controller::Action;
use libtest_mimic::Failed;
use requeue_policy::{
    Interval, Phase, RequeueConfig,
    kube::{Reconcile, Requeuer},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};
use std::{
    cell::Cell,
    fmt::Write as _,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::advance;

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
/// Seconds of the intervals.
const READY: usize = 600;
const FAILED: usize = 60;
/// Of so many objects one fails in every run.
const FAILING: usize = 101;
/// A spec changes once in this time, an object's first time within it.
const CHANGE: usize = 10 * READY;
/// An hour after the last object has come.
const END: usize = 7 * READY;
/// What the guide promises.
const BYTES: i64 = 80;

pub(crate) fn a_trigger_costs_the_same_for_any_number_of_objects() -> Result<(), Failed> {
    println!(
        "\n    objects       runs   triggers   bytes per object   left of all   ns per trigger, of these the test's"
    );
    for size in SIZES {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        runtime.block_on(live(size))?;
    }
    Ok(())
}

async fn live(size: usize) -> Result<(), Failed> {
    let mut fleet = Fleet::new(size);
    let heap = Region::new(&INSTRUMENTED_SYSTEM);
    let held = || {
        let change = heap.change();
        change.bytes_allocated as i64 - change.bytes_deallocated as i64
    };
    let requeue = Requeuer::new(RequeueConfig {
        default: Interval::constant(seconds(READY)),
        error: Interval::constant(seconds(FAILED)),
        ..RequeueConfig::default()
    })?;
    let crew = Crew::new(&requeue);
    let (mut most, mut busy) = (0, Duration::ZERO);
    for now in 0..END {
        let (region, runs, started) = (Region::new(&INSTRUMENTED_SYSTEM), crew.runs.get(), Instant::now());
        fleet.second(now, &crew)?;
        busy += started.elapsed();
        let change = region.change();
        let (boxes, runs) = (change.allocations + change.reallocations, crew.runs.get() - runs);
        // Once all objects are there, a run takes its box from the heap and a postponed trigger nothing.
        if now >= READY && boxes as u64 != runs {
            return Err(format!("{size} objects: {boxes} allocations for {runs} runs at {now} s").into());
        }
        if now + 1 >= READY && now % 60 == 59 {
            most = most.max(held() / size as i64);
        }
        advance(seconds(1)).await;
    }
    let (runs, most_runs) = (crew.runs.get(), fleet.most_runs());
    if runs > most_runs {
        return Err(format!("{size} objects: {runs} runs, and not {most_runs} at most").into());
    }
    if most > BYTES || requeue.tracked() != size {
        let tracked = requeue.tracked();
        return Err(format!("{size} objects, {tracked} remembered: {most} bytes for each").into());
    }
    let left = forgotten(&mut fleet, &crew, &requeue).await.map(|()| held())?;
    if left > 64 * 1024 {
        return Err(format!("{size} objects are gone, and {left} bytes stay").into());
    }
    let triggers = fleet.triggers;
    let nanos = busy.as_nanos() as f64 / triggers as f64;
    let own = fleet.own_share().as_nanos();
    println!("  {size:9}  {runs:9}  {triggers:9}   {most:16}   {left:11}   {nanos:14.0}   {own:17}");
    Ok(())
}

/// All objects but the first are gone; its triggers are what forgets them.
async fn forgotten(fleet: &mut Fleet, crew: &Crew, requeue: &Requeuer<RequeueConfig>) -> Result<(), Failed> {
    // An object is forgotten the longest interval after it was due, and by then the memory is looked through once.
    for _ in 0..4 * READY / 3 {
        advance(seconds(3)).await;
        fleet.show(0);
        // Whether it runs is not the question here.
        let _ = crew.trigger(&fleet.thing);
    }
    match requeue.tracked() {
        1 => Ok(()),
        tracked => Err(format!("{tracked} objects are remembered, and there is one").into()),
    }
}

type Reconciler = dyn Fn(Arc<Thing>, Arc<()>) -> Reconcile<Oops>;
type ErrorPolicy = dyn Fn(Arc<Thing>, &Oops, Arc<()>) -> Action;

/// What the controller calls.
struct Crew {
    reconcile: Box<Reconciler>,
    error_policy: Box<ErrorPolicy>,
    context: Arc<()>,
    runs: Rc<Cell<u64>>,
}

#[derive(Debug, thiserror::Error)]
#[error("it fails")]
struct Oops;

impl Crew {
    fn new(requeue: &Requeuer<RequeueConfig>) -> Self {
        let runs = Rc::new(Cell::new(0));
        let counter = runs.clone();
        let reconcile = requeue.reconciler(move |thing: Arc<Thing>, _: Arc<()>| {
            counter.set(counter.get() + 1);
            async move {
                match fails(thing.spec.value as usize) {
                    true => Err(Oops),
                    false => Ok(Phase::Ready),
                }
            }
        });
        Self {
            reconcile: Box::new(reconcile),
            error_policy: Box::new(requeue.error_policy()),
            context: Arc::default(),
            runs,
        }
    }

    fn trigger(&self, thing: &Arc<Thing>) -> Action {
        let run = (self.reconcile)(thing.clone(), self.context.clone());
        let result = run.now_or_never().expect("no run here waits for anything");
        result.unwrap_or_else(|oops| (self.error_policy)(thing.clone(), &oops, self.context.clone()))
    }
}

/// The objects as the API server has them, and the controller's queue.
struct Fleet {
    objects: Vec<Object>,
    /// Those that are due at a second, modulo the length; an object that ran meanwhile is due at another.
    due: Vec<Vec<u32>>,
    /// Shows one object after the other: a million of them need no gigabyte.
    thing: Arc<Thing>,
    triggers: u64,
    changes: u64,
}

#[derive(Clone, Copy, Default)]
struct Object {
    version: u32,
    generation: u32,
    due: u32,
}

impl Fleet {
    fn new(size: usize) -> Self {
        let mut thing = Thing::new("thing", ThingSpec::default());
        thing.metadata.namespace = Some("default".to_owned());
        thing.metadata.uid = Some("0b1e1e5c-7a0f-4a52-9d3e-000000000000".to_owned());
        thing.metadata.resource_version = Some(u32::MAX.to_string());
        Self {
            objects: vec![Object::default(); size],
            due: (0..=READY).map(|_| Vec::with_capacity(2 * size / READY + 64)).collect(),
            thing: Arc::new(thing),
            triggers: 0,
            changes: 0,
        }
    }

    /// All that happens at this second.
    fn second(&mut self, now: usize, crew: &Crew) -> Result<(), Failed> {
        if now < READY {
            for n in self.every(READY, now) {
                self.objects[n].generation = 1;
                self.written(n);
                self.runs(n, now, crew)?;
            }
        }
        let place = now % self.due.len();
        let mut due = std::mem::take(&mut self.due[place]);
        for n in due.drain(..) {
            if self.objects[n as usize].due == now as u32 {
                self.runs(n as usize, now, crew)?;
            }
        }
        self.due[place] = due;
        for n in self.every(READY, now + READY / 2).filter(|n| n % READY <= now) {
            self.written(n);
            self.waits(n, now, crew)?;
        }
        for n in self.every(CHANGE, now + CHANGE / 2).filter(|n| n % READY <= now) {
            self.changes += 1;
            self.objects[n].generation += 1;
            self.written(n);
            self.runs(n, now, crew)?;
        }
        Ok(())
    }

    /// The objects whose turn it is once per `period`.
    fn every(&self, period: usize, now: usize) -> std::iter::StepBy<std::ops::Range<usize>> {
        (now % period..self.objects.len()).step_by(period)
    }

    /// The object is changed or due: it runs, and then its own status write comes back.
    fn runs(&mut self, n: usize, now: usize, crew: &Crew) -> Result<(), Failed> {
        let interval = if fails(n) { FAILED } else { READY };
        let object = &mut self.objects[n];
        // A failure by an event inside the backoff adds nothing to it.
        let is_backed_off = fails(n) && object.due > now as u32;
        if !is_backed_off {
            object.due = (now + interval) as u32;
            let place = object.due as usize % self.due.len();
            self.due[place].push(n as u32);
        }
        self.trigger(n, now, 1, crew)?;
        self.written(n);
        self.waits(n, now, crew)
    }

    /// Only the status of the object was written.
    fn waits(&mut self, n: usize, now: usize, crew: &Crew) -> Result<(), Failed> {
        self.trigger(n, now, 0, crew)
    }

    fn trigger(&mut self, n: usize, now: usize, runs: u64, crew: &Crew) -> Result<(), Failed> {
        self.triggers += 1;
        self.show(n);
        let before = crew.runs.get();
        let action = crew.trigger(&self.thing);
        let (ran, wait) = (crew.runs.get() - before, self.objects[n].due as usize - now);
        if ran == runs && action == Action::requeue(seconds(wait)) {
            return Ok(());
        }
        Err(format!("object {n} at {now} s: {ran} runs, then {action:?}; it must be {runs}, and then {wait} s").into())
    }

    fn written(&mut self, n: usize) {
        self.objects[n].version += 1;
    }

    /// Makes the object the one that the next trigger finds in the controller's cache; takes nothing from the heap.
    fn show(&mut self, n: usize) {
        let object = self.objects[n];
        let thing = Arc::get_mut(&mut self.thing).expect("no run has kept the last one");
        thing.spec.value = n as u64;
        thing.metadata.generation = Some(object.generation.into());
        if let (Some(uid), Some(version)) = (&mut thing.metadata.uid, &mut thing.metadata.resource_version) {
            uid.truncate(24);
            version.clear();
            let _ = write!(uid, "{n:012}");
            let _ = write!(version, "{}", object.version);
        }
        thing.status = (object.version > 1).then(|| ThingStatus {
            phase: Some(if fails(n) { Phase::Failed } else { Phase::Ready }),
            ..ThingStatus::default()
        });
    }

    /// How long it takes to show an object, in the order in which they are due.
    fn own_share(&mut self) -> Duration {
        let started = Instant::now();
        for now in 0..READY {
            for n in self.every(READY, now) {
                self.show(n);
            }
        }
        started.elapsed() / self.objects.len() as u32
    }

    /// One for each object when it comes, one for each interval, and one for each change.
    fn most_runs(&self) -> u64 {
        let failing = self.objects.len().div_ceil(FAILING);
        let ready = self.objects.len() - failing;
        let by_timer = ready * (END / READY + 1) + failing * (END / FAILED + 1);
        by_timer as u64 + self.changes
    }
}

fn fails(n: usize) -> bool {
    n.is_multiple_of(FAILING)
}

fn seconds(seconds: usize) -> Duration {
    Duration::from_secs(seconds as u64)
}
