//! Objects whose runs fail and succeed by a script, under any policy.

use crate::world::{Oops, Thing, ThingSpec};
use futures::{StreamExt, stream};
use kube::{
    ResourceExt,
    runtime::{reflector, watcher::Event},
};
use requeue_policy::{Observe, Outcome, Phase, Requeue, RequeuePolicy, kube::Requeuer};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

/// Of each run of one object, whether it fails; after the last one it runs once more and awaits a change.
pub(crate) type Script = Vec<bool>;

/// Longer than any script: 60 runs that are 180 days apart are 30 years.
const PATIENCE: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Plays scripts through a controller, one object each, and returns how long after its start the run that followed
/// came, for each run that failed.
///
/// No run takes any time. There is no API server, whose watches would have to be renewed for all the years.
pub(crate) async fn delays_after_failures<P>(policy: P, scripts: &[Script]) -> Vec<Vec<Duration>>
where
    P: RequeuePolicy + Send + Sync + 'static,
{
    let runs = play(policy, scripts).await;
    let after_failures = |(runs, script): (Vec<Instant>, &Script)| {
        let gaps = runs.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.zip(script)
            .filter(|(_, failed)| **failed)
            .map(|(gap, _)| gap)
            .collect()
    };
    runs.into_iter().zip(scripts).map(after_failures).collect()
}

/// When each run of each object started.
async fn play<P>(policy: P, scripts: &[Script]) -> Vec<Vec<Instant>>
where
    P: RequeuePolicy + Send + Sync + 'static,
{
    let requeue = Requeuer::new(policy).expect("a test's policy is valid");
    let runs = Arc::new(Mutex::new(vec![Vec::new(); scripts.len()]));
    let (at_its_end, mut ends) = mpsc::unbounded_channel();
    let reconcile = {
        let (runs, scripts) = (runs.clone(), scripts.to_vec());
        move |thing: Arc<Thing>, _: Arc<()>| {
            let object: usize = thing.name_any().parse().expect("a number is its name");
            let mut runs = runs.lock().expect("a test panicked while it held the runs");
            let outcome = match scripts[object].get(runs[object].len()) {
                Some(true) => Err(Oops("no quota")),
                Some(false) => Ok(Outcome::from(Phase::Ready)),
                None => {
                    at_its_end.send(()).expect("the test listens");
                    Ok(Outcome::from(Requeue::AwaitChange))
                }
            };
            runs[object].push(Instant::now());
            futures::future::ready(outcome)
        }
    };
    let (reader, writer) = reflector::store();
    let listed = (0..scripts.len()).map(|object| Event::InitApply(thing(object)));
    let listed = [Event::Init].into_iter().chain(listed).chain([Event::InitDone]);
    // A list, and then a watch that is open and silent.
    let events = stream::iter(listed.map(Ok)).chain(stream::pending());
    let controller = requeue
        .controller_from(reader, reflector(writer, events), Thing::observe)
        .run(reconcile, Arc::default())
        .for_each(|_| async {});
    let controller = tokio::spawn(controller);
    let all_at_their_end = async {
        for _ in scripts {
            ends.recv().await;
        }
    };
    let played = timeout(PATIENCE, all_at_their_end).await;
    controller.abort();
    played.expect("every object runs until its script's end");
    let runs = runs.lock().expect("a test panicked while it held the runs");
    runs.clone()
}

fn thing(object: usize) -> Thing {
    let mut thing = Thing::new(&object.to_string(), ThingSpec::default());
    thing.metadata.namespace = Some("default".into());
    thing.metadata.uid = Some(format!("uid-{object}"));
    thing.metadata.resource_version = Some("1".into());
    thing.metadata.generation = Some(1);
    thing
}
