//! A channel into `reconcile_on`: from a queue, a poll, a stream of another service.

use futures::{
    StreamExt as _,
    channel::mpsc::{UnboundedSender, unbounded},
};
use kube::{
    api::PostParams,
    runtime::{reflector::ObjectRef, watcher},
};
use requeue_policy::{RequeueConfig, kube::Requeuer};
use serde_json::json;

use crate::{
    app::{App, AppSpec, reconcile},
    world::World,
};

type Error = Box<dyn std::error::Error>;

/// Starts a controller; what comes through the channel triggers a reconcile.
fn start(world: &World) -> Result<UnboundedSender<ObjectRef<App>>, Error> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let (messages, received) = unbounded();
    let run = requeue
        .controller(world.api(), watcher::Config::default())
        .reconcile_on(received)
        .run(reconcile, world.context(&requeue));
    tokio::spawn(run.for_each(async |_| {}));
    Ok(messages)
}

/// A message comes during a reconcile that is about to write status. The status write triggers nothing, and the message is
/// not lost.
pub(crate) async fn play(world: &World) -> Result<(), Error> {
    let both = ["received", "other"];
    for name in both {
        let app = App::new(name, AppSpec::default());
        world.outside().create(&PostParams::default(), &app).await?;
    }
    let messages = start(world)?;
    world.until(5.0).await;
    for name in both {
        world.change::<App>(name, json!({ "spec": { "size": 2 } })).await?;
    }
    world.until(5.1).await;
    for name in ["received", "unknown"] {
        messages.unbounded_send(ObjectRef::new(name).within("default"))?;
    }
    world.until(36.0).await;
    Ok(())
}
