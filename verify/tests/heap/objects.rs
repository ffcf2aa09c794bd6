//! What objects that come and go take of the heap.

use crate::{HEAP, feed::Feed, held};
use kube::runtime::watcher::Event;
use libtest_mimic::Failed;
use requeue_policy::{Outcome, Phase, RequeueConfig, kube::Requeuer};
use stats_alloc::Region;
use std::{io, sync::Arc, time::Duration};
use tokio::time::sleep;
use verify::{Caller, Thing, in_virtual_time};

/// One third of the objects is ready, one is initializing, one fails.
fn outcome(thing: &Thing) -> io::Result<Outcome> {
    match thing.spec.value % 3 {
        0 => Ok(Phase::Ready.into()),
        1 => Ok(Phase::Initializing.into()),
        _ => Err(io::ErrorKind::Other.into()),
    }
}

/// A record and its share of a table that grows by doubling; measured: 298 to 565.
pub(crate) fn an_object_takes_at_most_600_bytes() -> Result<(), Failed> {
    const OBJECTS: usize = 300_000;
    let region = Region::new(HEAP);
    let requeuer = Requeuer::new(RequeueConfig::default())?;
    let caller = Caller::new(&requeuer, outcome);
    let (mut least, mut most) = (i64::MAX, 0);
    for number in 0..OBJECTS {
        caller.trigger(&Arc::new(Thing::stored(number, 1, 1)));
        let objects = number as i64 + 1;
        if objects > 50_000 && objects % 1000 == 0 {
            let bytes = held(&region) / objects;
            (least, most) = (least.min(bytes), most.max(bytes));
        }
    }
    println!("\n    {least} to {most} bytes for each object");
    if most > 600 {
        return Err(format!("{most} bytes for each object").into());
    }
    Ok(())
}

/// Five thousand objects are created and deleted a day, and the heap stays as it is: the controller's, kube's cache and
/// timers included.
pub(crate) fn a_week_of_churn_leaves_nothing_behind() -> Result<(), Failed> {
    in_virtual_time(async {
        const A_DAY: usize = 5_000;
        const ALIVE: usize = 20;
        let requeuer = Requeuer::new(RequeueConfig::default())?;
        let feed = Feed::new(&requeuer, |thing| async move { outcome(&thing) });
        let (mut feed, controller) = feed.split();
        let controller = tokio::spawn(controller);
        let pause = Duration::from_secs(86_400) / A_DAY as u32;
        let (mut born, mut heap) = (0, Vec::new());
        let region = Region::new(HEAP);
        for _ in 0..7 {
            for _ in 0..A_DAY {
                feed.show([Event::Apply(Thing::stored(born, 1, 1))]);
                if born >= ALIVE / 2 {
                    feed.show([Event::Apply(Thing::stored(born - ALIVE / 2, 2, 2))]);
                }
                if born >= ALIVE {
                    feed.show([Event::Delete(Thing::stored(born - ALIVE, 2, 2))]);
                }
                born += 1;
                sleep(pause).await;
            }
            if requeuer.tracked() != ALIVE {
                return Err(format!("{} objects are remembered, and {ALIVE} exist", requeuer.tracked()).into());
            }
            heap.push(held(&region));
        }
        for number in born - ALIVE..born {
            feed.show([Event::Delete(Thing::stored(number, 2, 2))]);
        }
        sleep(Duration::from_secs(1)).await;
        println!("\n    {born} objects; bytes of the heap by day: {heap:?}");
        controller.abort();
        if requeuer.tracked() > 0 {
            return Err(format!("{} objects are remembered, and none exists", requeuer.tracked()).into());
        }
        // The first day fills the tables.
        if heap[6] > heap[1] + heap[1] / 4 {
            return Err(format!("the heap grew: {heap:?}").into());
        }
        Ok(())
    })
}
