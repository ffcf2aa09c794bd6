//! How often the hot paths take something from the heap.

use crate::HEAP;
use libtest_mimic::Failed;
use requeue_policy::{Interval, Observed, Phase, RequeueConfig, RequeuePolicy, Slot, kube::Requeuer};
use stats_alloc::Region;
use std::{
    hint::black_box,
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};
use verify::{Caller, Thing};

/// More than one in each shard of the memory, so that none of them is special.
const OBJECTS: usize = 1000;

fn expect(what: &str, expected: usize, work: impl FnOnce()) -> Result<(), Failed> {
    let region = Region::new(HEAP);
    work();
    let change = region.change();
    let found = change.allocations + change.reallocations;
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found} allocations for {OBJECTS} objects, it must be {expected}").into())
}

fn things(version: u64) -> Vec<Arc<Thing>> {
    let stored = |number| Arc::new(Thing::stored(number, version, 1).in_phase(Phase::Ready));
    (0..OBJECTS).map(stored).collect()
}

fn trigger_all(caller: &Caller<io::Error>, things: &[Arc<Thing>]) {
    for thing in things {
        caller.trigger(thing);
    }
}

/// Every object has run and is remembered.
fn requeuer() -> Result<Requeuer<RequeueConfig>, Failed> {
    let requeuer = Requeuer::new(RequeueConfig::default())?;
    let caller = Caller::new(&requeuer, |_| Ok::<_, io::Error>(Phase::Ready));
    trigger_all(&caller, &things(1));
    Ok(requeuer)
}

pub(crate) fn a_decision_allocates_nothing() -> Result<(), Failed> {
    let constant = Interval::constant(Duration::from_secs(10));
    let growing = constant.with_factor(1.5).with_max(Duration::from_secs(300));
    let all = growing.with_jitter(0.2).with_deadline(Duration::from_secs(86_400));
    let now = SystemTime::now();
    for error in [constant, growing, constant.with_jitter(0.2), all] {
        let policy = RequeueConfig {
            error,
            ..RequeueConfig::default()
        };
        expect(&format!("{error:?}"), 0, || {
            for n in 0..OBJECTS as u64 {
                let slot = Slot::of(black_box("0b1e1e5c-7a0f-4a52-9d3e-000000000001"));
                let object = Observed::new(Phase::Failed).slot(slot);
                black_box(policy.requeue(&object.since(now - Duration::from_secs(n)), now));
                black_box(policy.requeue(&object, now));
                black_box(policy.should_requeue(&object, now));
            }
        })?;
    }
    Ok(())
}

/// And the error policy nothing.
pub(crate) fn a_run_allocates_its_box_alone() -> Result<(), Failed> {
    let (requeuer, things) = (requeuer()?, things(1));
    let succeed = Caller::new(&requeuer, |_| Ok::<_, io::Error>(Phase::Ready));
    let fail = Caller::new(&requeuer, |_| Err::<Phase, _>(io::Error::from(io::ErrorKind::Other)));
    for (what, caller) in [("success", &succeed), ("first error", &fail), ("second error", &fail)] {
        expect(what, OBJECTS, || trigger_all(caller, &things))?;
    }
    Ok(())
}

pub(crate) fn a_postponed_trigger_allocates_nothing() -> Result<(), Failed> {
    let (requeuer, written) = (requeuer()?, things(2));
    let caller = Caller::new(&requeuer, |_| -> io::Result<Phase> {
        panic!("only the status was written")
    });
    expect("postponed triggers", 0, || trigger_all(&caller, &written))
}
