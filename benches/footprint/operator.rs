//! A minimal operator, without the crate, with it (`policy`), and with its policy from a file (`config`).

use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, CustomResource, ResourceExt,
    api::{Patch, PatchParams},
    runtime::watcher,
};
use serde::{Deserialize, Serialize};
use std::{error::Error, sync::Arc};
use tracing::warn;

#[derive(CustomResource, Clone, Debug, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "App",
    namespaced,
    status = "AppStatus",
    schema = "disabled"
)]
struct AppSpec {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct AppStatus {
    ready: bool,
}

async fn write_status(app: &App, client: &Client) -> Result<(), kube::Error> {
    let apps = Api::<App>::namespaced(client.clone(), &app.namespace().unwrap_or_default());
    let patch = Patch::Merge(serde_json::json!({ "status": AppStatus { ready: true } }));
    apps.patch_status(&app.name_any(), &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

#[cfg(not(feature = "policy"))]
async fn run(apps: Api<App>, children: Api<ConfigMap>, client: Client) -> Result<(), Box<dyn Error>> {
    use kube::runtime::{Controller, controller::Action};
    use std::time::Duration;

    async fn reconcile(app: Arc<App>, client: Arc<Client>) -> Result<Action, kube::Error> {
        write_status(&app, &client).await?;
        Ok(Action::requeue(Duration::from_secs(30)))
    }

    fn error_policy(_: Arc<App>, _: &kube::Error, _: Arc<Client>) -> Action {
        Action::requeue(Duration::from_secs(10))
    }

    Controller::new(apps, watcher::Config::default())
        .owns(children, watcher::Config::default())
        .run(reconcile, error_policy, Arc::new(client))
        .for_each(async |result| {
            if let Err(error) = result {
                warn!(%error, "failed")
            }
        })
        .await;
    Ok(())
}

#[cfg(feature = "policy")]
impl requeue_policy::Observe for App {
    fn observe(&self) -> requeue_policy::Observed {
        use requeue_policy::{Observed, Phase};
        match &self.status {
            Some(status) if status.ready => Observed::new(Phase::Ready),
            _ => Observed::new(Phase::Initializing),
        }
    }
}

#[cfg(feature = "policy")]
async fn run(apps: Api<App>, children: Api<ConfigMap>, client: Client) -> Result<(), Box<dyn Error>> {
    use requeue_policy::{Phase, RequeueConfig, kube::Requeuer};

    async fn reconcile(app: Arc<App>, client: Arc<Client>) -> Result<Phase, kube::Error> {
        write_status(&app, &client).await?;
        Ok(Phase::Ready)
    }

    #[cfg(feature = "config")]
    let config: RequeueConfig = serde_json::from_str(&std::fs::read_to_string("policy.json")?)?;
    #[cfg(not(feature = "config"))]
    let config = RequeueConfig::default();
    let requeue = Requeuer::new(config)?;
    let ctx = Arc::new(requeue.client(client));
    requeue
        .controller(apps, watcher::Config::default())
        .owns(children, watcher::Config::default())
        .run(reconcile, ctx)
        .for_each(async |result| {
            if let Err(error) = result {
                warn!(%error, "failed")
            }
        })
        .await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Client::try_default().await?;
    run(Api::all(client.clone()), Api::all(client.clone()), client).await
}
