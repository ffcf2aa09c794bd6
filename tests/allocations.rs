//! What the hot paths take from the heap: nothing in a decision, one box in a run.
//!
//! The wrapped reconciler and the error policy are called as the `Controller` calls them, but without one, and on one
//! thread: the counter counts for the whole process.

use kube::CustomResource;
use libtest_mimic::{Arguments, Failed, Trial};
use requeue_policy::{
    Interval, Observe, Observed, Phase, RequeueConfig, RequeuePolicy, Slot,
    kube::{Reconcile, Requeuer},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{
    alloc::System,
    hint::black_box,
    process::ExitCode,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// More than one in each shard of the memory, so that none of them is special.
const OBJECTS: usize = 1000;

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[kube(group = "example.com", version = "v1", kind = "Thing", namespaced)]
struct ThingSpec {}

impl Observe for Thing {
    fn phase(&self) -> Phase {
        Phase::Ready
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it fails")]
struct Oops;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let trials = vec![
        Trial::test("a_decision_allocates_nothing", a_decision_allocates_nothing),
        Trial::test("a_run_allocates_its_box_alone", a_run_allocates_its_box_alone),
        Trial::test(
            "a_postponed_trigger_allocates_nothing",
            a_postponed_trigger_allocates_nothing,
        ),
        Trial::test("an_error_allocates_nothing", an_error_allocates_nothing),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn allocations(work: impl FnOnce()) -> usize {
    let region = Region::new(HEAP);
    work();
    let change = region.change();
    change.allocations + change.reallocations
}

fn expect(what: &str, expected: usize, found: usize) -> Result<(), Failed> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found} allocations for {OBJECTS} objects, it must be {expected}").into())
}

fn things(version: u32) -> Vec<Arc<Thing>> {
    let thing = |n| {
        let mut thing = Thing::new(&format!("thing-{n}"), ThingSpec {});
        thing.metadata.uid = Some(format!("0b1e1e5c-7a0f-4a52-9d3e-{n:012}"));
        thing.metadata.generation = Some(1);
        thing.metadata.resource_version = Some(version.to_string());
        Arc::new(thing)
    };
    (0..OBJECTS).map(thing).collect()
}

/// Every object has run and is remembered.
fn requeuer() -> Requeuer<RequeueConfig> {
    let requeue = Requeuer::new(RequeueConfig::default()).expect("the defaults are valid");
    let reconcile = requeue.reconciler(succeed);
    let context = Arc::new(());
    for thing in things(1) {
        assert!(ended(reconcile(thing, context.clone())), "a run that succeeds");
    }
    requeue
}

async fn succeed(_: Arc<Thing>, _: Arc<()>) -> Result<Phase, Oops> {
    Ok(Phase::Ready)
}

async fn fail(_: Arc<Thing>, _: Arc<()>) -> Result<Phase, Oops> {
    Err(Oops)
}

/// Polls a run, which waits for nothing; returns whether it succeeded.
fn ended(mut run: Reconcile<Oops>) -> bool {
    match Future::poll(std::pin::Pin::new(&mut run), &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.is_ok(),
        Poll::Pending => panic!("a run that waits for nothing is ready at once"),
    }
}

fn a_decision_allocates_nothing() -> Result<(), Failed> {
    let constant = Interval::constant(Duration::from_secs(10));
    let growing = constant.with_factor(1.5).with_max(Duration::from_secs(300));
    let all = growing.with_jitter(0.2).with_deadline(Duration::from_secs(86_400));
    let now = SystemTime::now();
    for error in [constant, growing, constant.with_jitter(0.2), all] {
        let policy = RequeueConfig {
            error,
            ..RequeueConfig::default()
        };
        let found = allocations(|| {
            for n in 0..OBJECTS as u64 {
                let slot = Slot::of(black_box("0b1e1e5c-7a0f-4a52-9d3e-000000000001"));
                let object = Observed::new(Phase::Failed).slot(slot);
                black_box(policy.requeue(&object.since(now - Duration::from_secs(n)), now));
                black_box(policy.requeue(&object, now));
                black_box(policy.should_requeue(&object, now));
            }
        });
        expect(&format!("{error:?}"), 0, found)?;
    }
    Ok(())
}

fn a_run_allocates_its_box_alone() -> Result<(), Failed> {
    let (requeue, things, context) = (requeuer(), things(1), Arc::new(()));
    let (succeeds, fails) = (requeue.reconciler(succeed), requeue.reconciler(fail));
    let found = allocations(|| {
        for thing in &things {
            assert!(ended(succeeds(thing.clone(), context.clone())));
        }
    });
    expect("runs that succeed", OBJECTS, found)?;
    let found = allocations(|| {
        for thing in &things {
            assert!(!ended(fails(thing.clone(), context.clone())));
        }
    });
    expect("runs that fail", OBJECTS, found)
}

fn a_postponed_trigger_allocates_nothing() -> Result<(), Failed> {
    let (requeue, written, context) = (requeuer(), things(2), Arc::new(()));
    let reconcile = requeue.reconciler(|_: Arc<Thing>, _: Arc<()>| async {
        panic!("only the status was written");
        #[allow(unreachable_code)]
        Ok::<(), Oops>(())
    });
    let found = allocations(|| {
        for thing in &written {
            assert!(ended(reconcile(thing.clone(), context.clone())));
        }
    });
    expect("postponed triggers", 0, found)
}

fn an_error_allocates_nothing() -> Result<(), Failed> {
    let (requeue, things, context) = (requeuer(), things(1), Arc::new(()));
    let policy = requeue.error_policy();
    for failure in ["first", "second"] {
        let found = allocations(|| {
            for thing in &things {
                black_box(policy(thing.clone(), &Oops, context.clone()));
            }
        });
        expect(failure, 0, found)?;
    }
    Ok(())
}
