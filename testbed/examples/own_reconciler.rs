//! An operator's own reconciler, unchanged, on kube's own `Controller`, for a day that takes milliseconds.
//!
//! `cargo run -p kube-testbed --example own_reconciler`. What `main` asserts belongs in a test: there it needs
//! `#[tokio::test(start_paused = true)]` in place of the runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, CustomResource, CustomResourceExt, Resource as _, ResourceExt};
use kube_testbed::{ApiServer, Requests, Resource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;

// The operator.

#[derive(CustomResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "App",
    namespaced,
    status = "AppStatus"
)]
struct AppSpec {
    replicas: i32,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
struct AppStatus {
    ready: i32,
}

struct Context {
    client: Client,
    reconciles: AtomicU64,
}

async fn reconcile(app: Arc<App>, context: Arc<Context>) -> Result<Action, kube::Error> {
    context.reconciles.fetch_add(1, Ordering::Relaxed);
    let (name, namespace) = (app.name_any(), app.namespace().unwrap_or_default());
    let apps: Api<App> = Api::namespaced(context.client.clone(), &namespace);
    let deployments: Api<Deployment> = Api::namespaced(context.client.clone(), &namespace);

    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name, "ownerReferences": [app.controller_owner_ref(&())] },
        "spec": { "replicas": app.spec.replicas },
    });
    let params = PatchParams::apply("app-operator").force();
    let deployment = deployments.patch(&name, &params, &Patch::Apply(&deployment)).await?;

    let ready = deployment.status.and_then(|status| status.ready_replicas).unwrap_or(0);
    let status = json!({ "status": AppStatus { ready } });
    apps.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status))
        .await?;
    Ok(Action::requeue(Duration::from_secs(600)))
}

fn error_policy(_: Arc<App>, _: &kube::Error, _: Arc<Context>) -> Action {
    Action::requeue(Duration::from_secs(5))
}

// Its test.

/// What happened in a day.
pub(crate) struct Day {
    pub(crate) reconciles: u64,
    pub(crate) requests: Requests,
    pub(crate) status_writes: u64,
}

/// A day of one app. After an hour its deployment is ready, after two the API server cannot be reached for a minute,
/// and before the end the app is deleted.
pub(crate) async fn a_day() -> Result<Day, Box<dyn std::error::Error>> {
    let server = ApiServer::new([Resource::from_crd(&App::crd())?]);
    let client = Client::new(server.connect(), "default");
    let context = Arc::new(Context {
        client: client.clone(),
        reconciles: AtomicU64::new(0),
    });
    let controller = Controller::new(Api::<App>::all(client.clone()), watcher::Config::default())
        .owns(Api::<Deployment>::all(client), watcher::Config::default())
        .run(reconcile, error_policy, context.clone())
        .for_each(|_| std::future::ready(()));
    let controller = tokio::spawn(controller);

    let outside = Client::new(server.connect_outside(), "default");
    let apps: Api<App> = Api::default_namespaced(outside.clone());
    let app = App::new("shop", AppSpec { replicas: 2 });
    apps.create(&PostParams::default(), &app).await?;
    sleep(Duration::from_secs(3600)).await;

    let deployments: Api<Deployment> = Api::default_namespaced(outside);
    let ready = json!({ "status": { "readyReplicas": 2 } });
    deployments
        .patch_status("shop", &PatchParams::default(), &Patch::Merge(&ready))
        .await?;
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(apps.get("shop").await?.status.map(|status| status.ready), Some(2));

    server.set_reachable(false);
    sleep(Duration::from_secs(60)).await;
    server.set_reachable(true);
    sleep(Duration::from_secs(22 * 3600 - 60)).await;

    apps.delete("shop", &DeleteParams::default()).await?;
    assert!(deployments.get_opt("shop").await?.is_none(), "it goes with its owner");
    controller.abort();
    Ok(Day {
        reconciles: context.reconciles.load(Ordering::Relaxed),
        requests: server.requests(),
        status_writes: server.status_writes(),
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let day = runtime.block_on(a_day())?;
    println!("{} reconciles and {} status writes", day.reconciles, day.status_writes);
    println!("{:?}", day.requests);
    println!("a day in {:?}", start.elapsed());
    Ok(())
}
