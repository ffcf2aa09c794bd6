//! How often the hot paths take something from the heap.

use crate::{HEAP, feed::Feed};
use kube::{Api, Client, CustomResourceExt, ResourceExt, api::PostParams, runtime::watcher::Event};
use kube_testbed::{ApiServer, Resource};
use libtest_mimic::Failed;
use requeue_policy::{Interval, Observed, Phase, RequeueConfig, RequeuePolicy, kube::Requeuer};
use serde_json::{Value, json};
use stats_alloc::Region;
use std::{
    hint::black_box,
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::sleep;
use verify::{Caller, Thing, ThingSpec, in_virtual_time};

/// More than one in each shard of the memory, so that none of them is special.
const OBJECTS: usize = 1000;

/// Counts by object, rounded down: a table that grows, or a channel's next block, is nobody's.
fn expect(what: &str, expected: usize, work: impl FnOnce()) -> Result<(), Failed> {
    let region = Region::new(HEAP);
    work();
    let change = region.change();
    let found = change.allocations + change.reallocations;
    println!("\n    {what}: {found} allocations for {OBJECTS} objects");
    if found / OBJECTS == expected && (expected > 0 || found == 0) {
        return Ok(());
    }
    Err(format!("{what}: {found} allocations for {OBJECTS} objects, it must be {expected} for each").into())
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

/// Every object was reconciled and is remembered.
fn requeuer() -> Result<Requeuer, Failed> {
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
        let policy = RequeueConfig::default().with_error(error);
        expect(&format!("{error:?}"), 0, || {
            for n in 0..OBJECTS as u64 {
                let object = Observed::new(Phase::Failed).uid(black_box("0b1e1e5c-7a0f-4a52-9d3e-000000000001"));
                black_box(policy.requeue(&object.since(now - Duration::from_secs(n)), now));
                black_box(policy.requeue(&object, now));
                black_box(policy.should_requeue(&object, now));
            }
        })?;
    }
    Ok(())
}

/// The future's box; the reasons, as they wait and as the reconciler can ask for them; and the object's name, for the scope
/// of its writes.
pub(crate) fn a_reconcile_allocates_its_future_its_reasons_and_its_name() -> Result<(), Failed> {
    let (requeuer, things) = (requeuer()?, things(1));
    let succeed = Caller::new(&requeuer, |_| Ok::<_, io::Error>(Phase::Ready));
    let fail = Caller::new(&requeuer, |_| Err::<Phase, _>(io::Error::from(io::ErrorKind::Other)));
    for (what, caller, expected) in [
        ("success", &succeed, 8),
        ("first error", &fail, 9),
        ("second error", &fail, 9),
    ] {
        expect(what, expected, || trigger_all(caller, &things))?;
    }
    Ok(())
}

/// With the parts, which get every trigger.
pub(crate) fn a_postponed_trigger_allocates_nothing() -> Result<(), Failed> {
    let (requeuer, written) = (requeuer()?, things(2));
    let caller = Caller::new(&requeuer, |_| -> io::Result<Phase> {
        panic!("only the status was written")
    });
    expect("postponed triggers", 0, || trigger_all(&caller, &written))
}

/// And someone else's status write, which does not even dispatch the object.
pub(crate) fn an_echo_allocates_nothing_and_dispatches_nothing() -> Result<(), Failed> {
    in_virtual_time(async {
        let server = ApiServer::new([Resource::from_crd(&Thing::crd())?]);
        let requeuer = Requeuer::new(RequeueConfig::default())?;
        let client = requeuer.client(Client::new(server.connect(), "default"));
        let outside = Api::<Thing>::default_namespaced(Client::new(server.connect_outside(), "default"));
        let api = Api::<Thing>::default_namespaced(client);
        let mut feed = Feed::new(&requeuer, move |thing: Arc<Thing>| {
            let api = api.clone();
            async move {
                let written = write(&api, &thing.name_any(), json!({ "phase": Phase::Failed })).await;
                written.map(|_| Phase::Ready).map_err(io::Error::other)
            }
        });
        for number in 0..OBJECTS {
            let thing = Thing::new(&format!("t{number}"), ThingSpec::default());
            feed.show([Event::Apply(outside.create(&PostParams::default(), &thing).await?)]);
        }
        let mut dispatched = feed.poll();
        while dispatched < OBJECTS {
            // The reconciles work in tasks of their own.
            sleep(Duration::from_millis(1)).await;
            dispatched += feed.poll();
        }
        for (what, status) in [
            ("echoes", None),
            ("status writes of someone else", Some(json!({ "message": "x" }))),
        ] {
            for number in 0..OBJECTS {
                let name = format!("t{number}");
                let shown = match &status {
                    Some(status) => write(&outside, &name, status.clone()).await?,
                    None => outside.get(&name).await?,
                };
                feed.show([Event::Apply(shown)]);
            }
            let mut dispatched = 0;
            expect(what, 0, || dispatched = feed.poll())?;
            if dispatched > 0 {
                return Err(format!("{what}: {dispatched} dispatches").into());
            }
        }
        Ok(())
    })
}

async fn write(api: &Api<Thing>, name: &str, status: Value) -> kube::Result<Thing> {
    let patch = kube::api::Patch::Merge(json!({ "status": status }));
    api.patch_status(name, &Default::default(), &patch).await
}
