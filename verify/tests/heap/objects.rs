//! What objects that come and go take of the heap.

use crate::{HEAP, held};
use kube::runtime::reflector::ObjectRef;
use libtest_mimic::Failed;
use requeue_policy::{
    Phase, RequeueConfig,
    kube::{Outcome, Requeuer},
};
use stats_alloc::Region;
use std::{io, sync::Arc, time::Duration};
use tokio::time::{advance, sleep};
use verify::{Caller, Thing, in_virtual_time};

/// How long an object that is gone is remembered, and how long it then takes until the whole memory is looked through:
/// by the default policy a minute each, after it was due.
const STAYS: Duration = Duration::from_secs(2 * 60 + 30);

/// One third of the objects is ready, one is initializing, one fails.
fn caller(requeuer: &Requeuer<RequeueConfig>) -> Caller<io::Error> {
    Caller::new(requeuer, |thing| match thing.spec.value % 3 {
        0 => Ok(Outcome::Phase(Phase::Ready)),
        1 => Ok(Outcome::Phase(Phase::Initializing)),
        _ => Err(io::ErrorKind::Other.into()),
    })
}

fn stored(number: usize, version: u64) -> Arc<Thing> {
    Arc::new(Thing::stored(number, version, if version == 3 { 2 } else { 1 }))
}

pub(crate) fn an_object_takes_at_most_140_bytes_and_leaves_none() -> Result<(), Failed> {
    in_virtual_time(async {
        const OBJECTS: usize = 300_000;
        let region = Region::new(HEAP);
        let requeuer = Requeuer::new(RequeueConfig::default())?;
        let caller = caller(&requeuer);
        for number in 0..OBJECTS {
            caller.trigger(&stored(number, 1));
            let objects = number as i64 + 1;
            let bytes = held(&region) / objects;
            if objects > 50_000 && objects % 1000 == 0 && bytes > 140 {
                return Err(format!("{bytes} bytes for each of {objects} objects").into());
            }
        }
        // All but the first are gone; its triggers are what forgets them, a 256th of the memory each.
        for _ in 0..400 {
            advance(Duration::from_secs(1)).await;
            caller.trigger(&stored(0, 1));
        }
        let (left, tracked) = (held(&region), requeuer.tracked());
        println!("\n    {left} bytes stay of {OBJECTS} objects, {tracked} remembered");
        if left > 64 * 1024 || tracked != 1 {
            return Err(format!("{OBJECTS} objects but one are gone: {left} bytes stay, {tracked} remembered").into());
        }
        Ok(())
    })
}

/// A hundred thousand objects are created and deleted a day, and the heap stays as it is.
pub(crate) fn a_week_of_churn_leaves_nothing_behind() -> Result<(), Failed> {
    in_virtual_time(async {
        const A_DAY: usize = 100_000;
        const LIFE: Duration = Duration::from_secs(300);
        let requeuer = Requeuer::new(RequeueConfig::default())?;
        let caller = caller(&requeuer);
        let nudge = |number| requeuer.nudge(&ObjectRef::from_obj(&*stored(number, 1)));
        let pause = Duration::from_secs(86_400) / A_DAY as u32;
        let alive = LIFE.div_duration_f64(pause) as usize;
        let most = (LIFE + STAYS).div_duration_f64(pause) as usize;
        let (mut born, mut heap) = (0, Vec::new());
        let region = Region::new(HEAP);
        for _ in 0..7 {
            for _ in 0..A_DAY {
                caller.trigger(&stored(born, 1));
                // Its status comes back, a child nudges it, and later its spec changes.
                caller.trigger(&stored(born, 2));
                if born % 7 == 0 {
                    nudge(born);
                }
                if born >= alive / 2 {
                    caller.trigger(&stored(born - alive / 2, 3));
                }
                // No trigger takes the nudge of one that is gone.
                if born % 11 == 0 && born >= alive {
                    nudge(born - alive);
                }
                born += 1;
                advance(pause).await;
            }
            // Timers of the runtime itself are not the crate's.
            sleep(Duration::from_millis(1)).await;
            if requeuer.tracked() > most {
                return Err(format!("{} objects are remembered, and not {most} at most", requeuer.tracked()).into());
            }
            heap.push(held(&region));
        }
        println!("\n    {born} objects; bytes of the heap by day: {heap:?}");
        // The first day fills the memory; a table may be a quarter larger or smaller from day to day.
        if heap[6] > heap[1] + heap[1] / 4 {
            return Err(format!("the heap grew: {heap:?}").into());
        }
        Ok(())
    })
}
