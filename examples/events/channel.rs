//! A channel into `reconcile_on`: whatever the process hears of, from a queue, a poll, a stream of another service.

use futures::{
    StreamExt as _,
    channel::mpsc::{UnboundedSender, unbounded},
};
use kube::runtime::{Controller, reflector::ObjectRef, watcher};
use requeue_policy::{RequeueConfig, kube::Requeuer};
use serde_json::json;

use crate::{
    app::{App, AppSpec, reconcile},
    stage::Stage,
};

type Error = Box<dyn std::error::Error>;

fn start(stage: &Stage) -> Result<(Requeuer<RequeueConfig>, UnboundedSender<ObjectRef<App>>), Error> {
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let (triggers, triggered) = unbounded();
    let run = Controller::new(stage.api(), watcher::Config::default())
        .reconcile_on(triggered)
        .run(requeue.reconciler(reconcile), requeue.error_policy(), stage.context());
    tokio::spawn(run.for_each(async |_| {}));
    Ok((requeue, triggers))
}

/// Both objects are told of while they run, and are about to write their status: kube-runtime merges that trigger with
/// the write, so that only the nudge tells that it was more than the write.
pub(crate) async fn play(stage: &Stage) -> Result<(), Error> {
    for name in ["nudged", "triggered"] {
        stage.create(&App::new(name, AppSpec::default())).await?;
    }
    let (requeue, triggers) = start(stage)?;
    stage.until(5.0).await;
    for name in ["nudged", "triggered"] {
        stage.change::<App>(name, json!({ "spec": { "size": 2 } })).await?;
    }
    stage.until(5.1).await;
    for name in ["nudged", "triggered"] {
        let app = ObjectRef::new(name).within("default");
        if name == "nudged" {
            requeue.nudge(&app);
        }
        triggers.unbounded_send(app)?;
    }
    stage.until(20.0).await;
    // News alone is no trigger.
    requeue.nudge(&ObjectRef::<App>::new("triggered").within("default"));
    stage.until(36.0).await;
    Ok(())
}
