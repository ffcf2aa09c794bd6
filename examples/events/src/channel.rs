//! A channel into `reconcile_on`: from a queue, a poll, a stream of another service.

use futures::{
    StreamExt as _,
    channel::mpsc::{UnboundedSender, unbounded},
};
use kube::{
    api::PostParams,
    runtime::{Controller, reflector::ObjectRef, watcher},
};
use requeue_policy::{RequeueConfig, kube::Requeuer};
use serde_json::json;

use crate::{
    app::{App, AppSpec, reconcile},
    world::World,
};

type Error = Box<dyn std::error::Error>;

/// Starts a controller; what comes through the channel triggers a reconcile.
pub(crate) fn start(world: &World) -> Result<(Requeuer<RequeueConfig>, UnboundedSender<ObjectRef<App>>), Error> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let (triggers, triggered) = unbounded();
    let run = Controller::new(world.api(), watcher::Config::default())
        .reconcile_on(triggered)
        .run(requeue.reconciler(reconcile), requeue.error_policy(), world.context());
    tokio::spawn(run.for_each(async |_| {}));
    Ok((requeue, triggers))
}

/// Both objects are triggered during a reconcile that is about to write their status. kube-runtime merges that trigger
/// with the write's, so only the nudge says that there was more than the write.
pub(crate) async fn play(world: &World) -> Result<(), Error> {
    let both = ["nudged", "triggered"];
    for name in both {
        let app = App::new(name, AppSpec::default());
        world.outside().create(&PostParams::default(), &app).await?;
    }
    let (requeue, triggers) = start(world)?;
    world.until(5.0).await;
    for name in both {
        world.change::<App>(name, json!({ "spec": { "size": 2 } })).await?;
    }
    world.until(5.1).await;
    for name in both {
        let app = ObjectRef::new(name).within("default");
        if name == "nudged" {
            requeue.nudge(&app);
        }
        triggers.unbounded_send(app)?;
    }
    world.until(20.0).await;
    // A nudge alone is no trigger.
    requeue.nudge(&ObjectRef::<App>::new("triggered").within("default"));
    world.until(36.0).await;
    Ok(())
}
