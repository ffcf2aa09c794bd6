//! A week of churn: a hundred thousand objects are created and deleted a day, and the heap stays as it is.
//!
//! The wrapped reconciler and the error policy are called as the `Controller` calls them, but without one: its watches
//! and queues would be what is measured, and a week would take an hour.

use crate::thing::{Thing, ThingSpec, ThingStatus};
use futures::executor::block_on;
use kube::runtime::reflector::ObjectRef;
use libtest_mimic::Failed;
use requeue_policy::{
    Phase, RequeueConfig,
    kube::{Outcome, Requeuer},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{alloc::System, sync::Arc, time::Duration};
use tokio::time::{advance, sleep};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const A_DAY: u64 = 100_000;
const DAYS: u64 = 7;
/// How long an object lives.
const LIFE: Duration = Duration::from_secs(300);
/// What the default policy's longest interval, at least a minute, makes of it: the memory is looked through once in
/// that time, so a record is there for twice that, and until the object was due.
const STAYS: Duration = Duration::from_secs(2 * 60 + 30);

#[derive(Debug, thiserror::Error)]
#[error("it fails")]
struct Oops;

pub(crate) fn a_week_of_churn_leaves_nothing_behind() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(week())
}

async fn week() -> Result<(), Failed> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let reconcile = requeue.reconciler(|thing: Arc<Thing>, _: Arc<()>| async move {
        match thing.spec.value % 3 {
            0 => Ok(Outcome::Phase(Phase::Ready)),
            1 => Ok(Outcome::Phase(Phase::Initializing)),
            _ => Err(Oops),
        }
    });
    let policy = requeue.error_policy();
    let run = |number: u64, version: u64| {
        let thing = Arc::new(thing(number, version));
        // No run here waits for anything, so no time passes in it.
        if let Err(oops) = block_on(reconcile(thing.clone(), Arc::new(()))) {
            policy(thing, &oops, Arc::new(()));
        }
    };
    let pause = Duration::from_secs(86_400) / A_DAY as u32;
    let alive = (LIFE.as_secs_f64() / pause.as_secs_f64()) as u64;
    let most = ((LIFE + STAYS).as_secs_f64() / pause.as_secs_f64()) as usize;
    let (mut born, mut heap) = (0, Vec::new());
    let region = Region::new(HEAP);
    for _ in 0..DAYS {
        for _ in 0..A_DAY {
            run(born, 1);
            // Its status comes back, a child has news, and later something changes.
            run(born, 2);
            if born % 7 == 0 {
                requeue.nudge(&reference(born));
            }
            if born >= alive / 2 {
                run(born - alive / 2, 3);
            }
            // News of what is gone is never asked for.
            if born % 11 == 0 && born >= alive {
                requeue.nudge(&reference(born - alive));
            }
            born += 1;
            advance(pause).await;
        }
        // Timers of the runtime itself are not the crate's.
        sleep(Duration::from_millis(1)).await;
        let tracked = requeue.tracked();
        if tracked > most {
            return Err(format!("{tracked} objects are remembered, and not {most} at most").into());
        }
        let stats = region.change();
        heap.push(stats.bytes_allocated as i64 - stats.bytes_deallocated as i64);
    }
    println!(
        "\n    {born} objects; bytes of the heap by day: {heap:?}; {} remembered at the end",
        requeue.tracked()
    );
    // The first day fills the memory; a table may be a quarter larger or smaller from day to day.
    let (second, last) = (heap[1], heap[heap.len() - 1]);
    if last > second + second / 4 {
        return Err(format!("the heap grew from {second} to {last} bytes").into());
    }
    Ok(())
}

fn thing(number: u64, version: u64) -> Thing {
    let mut thing = Thing::new(&format!("t{number}"), ThingSpec { value: number });
    thing.metadata.namespace = Some("default".to_owned());
    thing.metadata.uid = Some(format!("0b1e1e5c-7a0f-4a52-9d3e-{number:012}"));
    thing.metadata.resource_version = Some((number * 10 + version).to_string());
    thing.metadata.generation = Some(i64::from(version == 3) + 1);
    thing.status = (version > 1).then(ThingStatus::default);
    thing
}

fn reference(number: u64) -> ObjectRef<Thing> {
    ObjectRef::from_obj(&thing(number, 1))
}
