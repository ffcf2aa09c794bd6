//! The kube-rs side of the comparison: a controller with this crate. The other side is `manager/main.go`.

use std::{
    io::{self, Write as _},
    path::Path,
    process::{self, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use cluster::{Requests, Thing, Things};
use futures::StreamExt as _;
use kube::{
    ResourceExt as _,
    client::ClientBuilder,
    runtime::{controller, watcher},
};
use requeue_policy::{Interval, Phase, RequeueConfig, kube::Requeuer};
use serde_json::json;
use tokio::time::sleep;

use crate::settings::Settings;

/// The first argument of a program that is to be the controller; the second is its settings.
pub(crate) const MODE: &str = "be-the-controller";

struct Context {
    settings: Settings,
    things: Things,
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
    let config =
        ClientBuilder::try_from(cluster::config(Path::new(&settings.kubeconfig)).await?).context("making a client")?;
    let client = config.with_layer(&requests).build();
    let interval = Interval::constant(Duration::from_millis(settings.interval_ms)).with_jitter(settings.jitter);
    let requeue = Requeuer::new(RequeueConfig::default().with_default(interval))?;
    let things = Things::new(client.clone()).api;
    let workers = controller::Config::default().concurrency(settings.workers);
    let context = Context {
        things: Things::new(requeue.client(client)),
        settings,
        requests,
        runs: AtomicU64::new(0),
    };
    requeue
        .controller(things, watcher::Config::default())
        .with_config(workers)
        .run(reconcile, Arc::new(context))
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
        context.things.write_status(&thing.name_any(), status).await?;
    }
    Ok(Phase::Ready)
}

/// Says that a run starts, as the other side does.
fn say(thing: &Thing, context: &Context) {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (name, value) = (thing.name_any(), thing.spec.value);
    let requests = context.requests.so_far().all;
    let line = format!("run {} {name} {value} {requests}\n", started.as_nanos());
    // Who listens ends this process when it has heard enough.
    let _ = io::stdout().write_all(line.as_bytes());
}
