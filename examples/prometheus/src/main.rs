//! A controller whose metrics Prometheus reads, on an API server in memory:
//!
//! ```sh
//! cargo run -p prometheus
//! curl http://127.0.0.1:9090/metrics
//! ```
//!
//! `dashboard.json` is for Grafana, `alerts.yaml` for Prometheus. `-- --check` scrapes once, after some minutes of virtual
//! time, and exits with 1 if a metric has no sample above zero.

mod app;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use futures::StreamExt;
use kube::{Api, Client, CustomResourceExt as _, api::PostParams, runtime::watcher};
use kube_testbed::{ApiServer, Resource};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use requeue_policy::{Interval, MaxRate, RequeueConfig, kube::Requeuer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime,
    time::{Instant, sleep},
};

use crate::app::{App, AppSpec, Context, Trouble, reconcile, retry};

#[derive(Parser)]
struct Options {
    /// Where `/metrics` is served.
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// Scrape once, check that each metric has a sample above zero, and exit.
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
            return Ok(check(&scrape().await?));
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
    let seconds = Duration::from_secs;
    RequeueConfig::default()
        .with_default(Interval::constant(seconds(10)).with_jitter(0.2))
        .with_error(Interval::constant(seconds(5)).with_factor(2.0).with_max(seconds(60)))
        // Less than the fleet needs, so that timers wait.
        .with_max_rate(MaxRate::new(3.0))
}

async fn run() -> anyhow::Result<()> {
    let server = ApiServer::new([Resource::from_crd(&App::crd())?]);
    let client = Client::new(server.connect(), "default");
    let apps = Api::<App>::default_namespaced(client.clone());
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
    let requeue = Requeuer::new(policy())?;
    let context = Context {
        apps: Api::default_namespaced(requeue.client(client)),
        bypass: apps.clone(),
        started: Instant::now(),
    };
    requeue
        .controller(apps, watcher::Config::default())
        .run_with(reconcile, retry, Arc::new(context))
        .for_each(async |_| {})
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

/// The metrics while the backend is away for the second time, so that some apps have recovered and some fail.
async fn scrape() -> anyhow::Result<String> {
    let handle = exporter()?.install_recorder()?;
    tokio::select! {
        ended = run() => anyhow::bail!("the controller ended: {ended:?}"),
        () = sleep(Duration::from_secs(220)) => Ok(handle.render()),
    }
}

fn check(text: &str) -> ExitCode {
    println!("{text}");
    let (all, silent) = (families(text), silent(text));
    for name in &silent {
        eprintln!("check failed: {name} has no sample above zero");
    }
    if all.is_empty() || !silent.is_empty() {
        return ExitCode::FAILURE;
    }
    println!("check passed: all {} metrics are above zero", all.len());
    ExitCode::SUCCESS
}

/// The names and types of the metrics of a scrape.
fn families(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines.filter_map(|line| line.split_once(' ')).collect()
}

/// The names of those that have no sample above zero.
fn silent(text: &str) -> Vec<&str> {
    let speaks = |(name, is): &(&str, &str)| {
        let sample = match *is {
            "histogram" => format!("{name}_count{{"),
            _ => format!("{name}{{"),
        };
        let mut samples = text.lines().filter(|line| line.starts_with(&sample));
        samples.any(|line| {
            let value = line.rsplit(' ').next();
            value.is_some_and(|value| value.parse().is_ok_and(|value: f64| value > 0.0))
        })
    };
    let silent = families(text).into_iter().filter(|family| !speaks(family));
    silent.map(|(name, _)| name).collect()
}
