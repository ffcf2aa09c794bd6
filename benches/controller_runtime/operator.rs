//! The kube-rs side of the comparison: a controller with this crate. The other side is `manager/main.go`.

use std::{
    io::{self, Write as _},
    process::{self, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use futures::StreamExt as _;
use kube::{
    Client, Config, ResourceExt as _,
    api::{Patch, PatchParams},
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{Controller, controller, watcher},
};
use requeue_policy::{Interval, Phase, RequeueConfig, kube::Requeuer};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    requests::Requests,
    settings::Settings,
    thing::{Thing, things},
};

/// The first argument of a program that is to be the controller; the second is its settings.
pub(crate) const MODE: &str = "be-the-controller";

struct Context {
    settings: Settings,
    client: Client,
    requests: Requests,
    runs: AtomicU64,
}

pub(crate) fn main(settings: &str) -> ExitCode {
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the controller failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(settings: &str) -> anyhow::Result<()> {
    let settings: Settings = serde_json::from_str(settings).context("reading the settings")?;
    // It ends when its input does, so that it never outlives who started it.
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });

    let requests = Requests::default();
    let config = ClientBuilder::try_from(config(&settings).await?).context("making a client")?;
    let client = config.with_layer(&requests).build();
    let requeue = Requeuer::new(RequeueConfig {
        default: Interval::constant(Duration::from_millis(settings.interval_ms)).with_jitter(settings.jitter),
        ..RequeueConfig::default()
    })?;
    let workers = controller::Config::default().concurrency(settings.workers);
    let context = Context {
        client: client.clone(),
        settings,
        requests,
        runs: AtomicU64::new(0),
    };
    Controller::new(things(client), watcher::Config::default())
        .with_config(workers)
        .run(requeue.reconciler(reconcile), requeue.error_policy(), Arc::new(context))
        .for_each(async |result| {
            if let Err(error) = result {
                eprintln!("{error}");
            }
        })
        .await;
    Ok(())
}

async fn reconcile(thing: Arc<Thing>, context: Arc<Context>) -> Result<Phase, kube::Error> {
    say(&thing, &context);
    let run = context.runs.fetch_add(1, Ordering::Relaxed) + 1;
    sleep(Duration::from_millis(context.settings.work_ms)).await;
    if context.settings.writes_status {
        let status = json!({"phase": Phase::Ready, "message": format!("requeue-policy, run {run}")});
        let patch = Patch::Merge(json!({"status": status}));
        let things = things(context.client.clone());
        things
            .patch_status(&thing.name_any(), &PatchParams::default(), &patch)
            .await?;
    }
    Ok(Phase::Ready)
}

/// Says that a run starts, as the other side does.
fn say(thing: &Thing, context: &Context) {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (name, value) = (thing.name_any(), thing.spec.value);
    let requests = context.requests.all();
    let line = format!("run {} {name} {value} {requests}\n", started.as_nanos());
    // Who listens ends this process when it has heard enough.
    let _ = io::stdout().write_all(line.as_bytes());
}

async fn config(settings: &Settings) -> anyhow::Result<Config> {
    let kubeconfig = Kubeconfig::read_from(&settings.kubeconfig).context("reading the kubeconfig")?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .context("using the kubeconfig")?;
    // It is taken from the environment, and no proxy reaches this machine's loopback.
    config.proxy_url = None;
    Ok(config)
}
