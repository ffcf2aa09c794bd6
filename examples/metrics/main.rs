//! A controller whose metrics Prometheus reads, on an API server in memory:
//!
//! ```sh
//! cargo run --features kube-runtime,metrics --example metrics
//! curl http://127.0.0.1:9090/metrics
//! ```
//!
//! `dashboard.json` is for Grafana, `alerts.yaml` for Prometheus. `-- --check` renders once, after some minutes of virtual
//! time, and exits with 1 if a metric of the guide's table is not there.

mod app;
mod table;

// The API server that the crate's tests use.
#[path = "../../tests/support/mod.rs"]
mod support;

use crate::{
    app::{App, AppSpec, Context, Trouble, reconcile, retry},
    support::{ApiServer, Resource},
    table::metrics,
};
use clap::Parser;
use futures::StreamExt;
use kube::{
    Api,
    api::PostParams,
    runtime::{Controller, controller, watcher},
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use requeue_policy::{Interval, MaxRate, RequeueConfig, kube::Requeuer};
use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime,
    time::{Instant, sleep},
};

#[derive(Parser)]
struct Options {
    /// Where `/metrics` is served.
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// Render once, check that each metric of the guide is there, and exit.
    #[arg(long)]
    check: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(options.check)
        .build()?;
    runtime.block_on(async {
        if options.check {
            return check().await;
        }
        tracing_subscriber::fmt().init();
        // Before the controller starts: a recorder that comes later sees nothing of it.
        let handle = exporter()?.install_recorder()?;
        let listener = TcpListener::bind(options.listen).await?;
        println!("http://{}/metrics", listener.local_addr()?);
        tokio::select! {
            ended = run() => ended?,
            ended = serve(&listener, &handle) => ended?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// From the shortest interval to the longest deadline; without buckets the exporter makes summaries, which cannot be
/// added up over replicas.
fn exporter() -> Result<PrometheusBuilder, BuildError> {
    let seconds = [
        0.1, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0,
    ];
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)
}

fn policy() -> RequeueConfig {
    RequeueConfig {
        default: Interval::constant(Duration::from_secs(10)).with_jitter(0.2),
        error: Interval::constant(Duration::from_secs(5))
            .with_factor(2.0)
            .with_max(Duration::from_secs(60)),
        // Less than the fleet asks for, so that timers wait.
        max_rate: Some(MaxRate::new(3.0)),
        ..RequeueConfig::default()
    }
}

async fn run() -> anyhow::Result<()> {
    let server = ApiServer::new(1, [Resource::of::<App>()]);
    let apps = Api::<App>::default_namespaced(server.client());
    for number in 0..40 {
        let trouble = match number {
            0 => Trouble::Spec,
            1 => Trouble::Loop,
            number if number % 4 == 2 => Trouble::Backend,
            _ => Trouble::None,
        };
        let app = App::new(&format!("app-{number}"), AppSpec { trouble });
        apps.create(&PostParams::default(), &app).await?;
    }
    let requeue = Requeuer::new(policy())?.on_error(retry);
    let context = Context {
        apps: apps.clone(),
        started: Instant::now(),
    };
    Controller::new(apps, watcher::Config::default())
        .run(requeue.reconciler(reconcile), requeue.error_policy(), Arc::new(context))
        .for_each(async |result| {
            if let Err(controller::Error::QueueError(error)) = result {
                tracing::warn!(%error, "watch failed");
            }
        })
        .await;
    Ok(())
}

/// Answers every request with the metrics. The exporter's feature `http-listener` does the same, with a server of its own.
async fn serve(listener: &TcpListener, handle: &PrometheusHandle) -> anyhow::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let handle = handle.clone();
        tokio::spawn(async move {
            let mut request = [0; 4096];
            if stream.read(&mut request).await? == 0 {
                return Ok(());
            }
            let body = handle.render();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).await
        });
    }
}

async fn check() -> anyhow::Result<ExitCode> {
    let handle = exporter()?.install_recorder()?;
    let controller = tokio::spawn(run());
    // While the backend is away for the second time, so that some have recovered and some fail.
    sleep(Duration::from_secs(220)).await;
    anyhow::ensure!(
        !controller.is_finished(),
        "the controller ended: {:?}",
        controller.await
    );
    let text = handle.render();
    println!("{text}");

    let missing: Vec<_> = metrics()
        .into_iter()
        .filter(|metric| !is_there(&text, metric))
        .collect();
    for metric in &missing {
        eprintln!("check failed: no {} {} above zero", metric.is, metric.name);
    }
    let rows = metrics().len();
    anyhow::ensure!(rows > 0, "the guide has no table");
    if missing.is_empty() {
        println!("check passed: all {rows} metrics of the guide are there, and above zero");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(1))
}

/// Whether a scrape has the metric, of this type, with its meaning, and with a sample above zero.
fn is_there(text: &str, metric: &table::Metric) -> bool {
    let sample = match metric.is.as_str() {
        "histogram" => format!("{}_count{{", metric.name),
        _ => format!("{}{{", metric.name),
    };
    let is_above_zero = |line: &str| {
        line.rsplit_once(' ')
            .is_some_and(|(_, value)| value.parse().is_ok_and(|value: f64| value > 0.0))
    };
    text.contains(&format!("# TYPE {} {}\n", metric.name, metric.is))
        && text.contains(&format!("# HELP {} {}\n", metric.name, metric.meaning))
        && text
            .lines()
            .any(|line| line.starts_with(&sample) && is_above_zero(line))
}
