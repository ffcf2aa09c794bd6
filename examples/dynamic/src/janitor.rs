//! Deletes objects of any kind when their time to live is over.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures::{Stream, StreamExt as _};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ApiResource, DeleteParams, DynamicObject, Preconditions},
    core::gvk::GroupVersionKind,
    discovery::pinned_kind,
    runtime::watcher,
};
use requeue_policy::{Observed, Outcome, Phase, RequeueConfig, Retry, kube::Requeuer};

/// `kubectl annotate preview a example.com/ttl=2h`
const TTL: &str = "example.com/ttl";

/// By which clock time passes: the API server's, as it sets the creation timestamps.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the annotation {TTL} is no duration: {0}")]
    Ttl(#[from] humantime::DurationError),
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

/// A typo is not cured by a retry, but by a change.
fn retry(error: &Error, _: &DynamicObject) -> Retry {
    match error {
        Error::Ttl(_) => Retry::Never,
        Error::Kube(error) => error.into(),
    }
}

struct Context {
    client: Client,
    resource: ApiResource,
    clock: Clock,
    seen: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Until the object's time to live is over; `None` if it has none.
fn remaining(object: &DynamicObject, now: SystemTime) -> Result<Option<Duration>, Error> {
    let (Some(ttl), Some(created)) = (object.annotations().get(TTL), object.creation_timestamp()) else {
        return Ok(None);
    };
    let end = SystemTime::from(created.0) + humantime::parse_duration(ttl)?;
    Ok(Some(end.duration_since(now).unwrap_or_default()))
}

async fn reconcile(object: Arc<DynamicObject>, context: Arc<Context>) -> Result<Outcome, Error> {
    (context.seen)(&object.name_any());
    match remaining(&object, (context.clock)())? {
        None => Ok(Phase::Ready.await_change()),
        Some(left) if left > Duration::ZERO => Ok(Phase::Ready.after(left)),
        Some(_) => {
            let namespace = object.namespace().unwrap_or_default();
            let api = Api::<DynamicObject>::namespaced_with(context.client.clone(), &namespace, &context.resource);
            // Only this object, as it is here: nobody has given it more time since, and it is no other of this name.
            let params = DeleteParams::default().preconditions(Preconditions {
                uid: object.uid(),
                resource_version: object.resource_version(),
            });
            api.delete(&object.name_any(), &params).await?;
            Ok(Phase::Ready.into())
        }
    }
}

/// The controller of a kind, `GROUP/VERSION/KIND`; it runs as long as the stream is polled.
pub(crate) async fn controller(
    client: Client,
    kind: &str,
    clock: Clock,
    seen: Arc<dyn Fn(&str) + Send + Sync>,
) -> Result<impl Stream<Item = ()> + use<>, Box<dyn std::error::Error>> {
    let parts: Vec<_> = kind.split('/').collect();
    let &[group, version, kind] = &*parts else {
        return Err(format!("{kind} is no GROUP/VERSION/KIND").into());
    };
    let (resource, _) = pinned_kind(&client, &GroupVersionKind::gvk(group, version, kind)).await?;
    let requeue = Requeuer::new(RequeueConfig::default())?;
    let objects = Api::all_with(client.clone(), &resource);
    let context = Context {
        client: requeue.client(client),
        resource: resource.clone(),
        clock,
        seen,
    };
    let observe = |_: &DynamicObject| Observed::new(Phase::Ready);
    let run = requeue
        .controller_with(objects, watcher::Config::default(), resource, observe)
        .run_with(reconcile, retry, Arc::new(context));
    Ok(run.map(drop))
}
