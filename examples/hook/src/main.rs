//! Your own metrics and Events from the decisions of the controller: `Requeuer::on_decision`.
//!
//! ```sh
//! cargo run -p hook
//! ```
//!
//! `telemetry.rs` feeds OpenTelemetry, `events.rs` publishes a Kubernetes Event when an object is given up. Two apps run on an
//! API server in memory, in virtual time; one of them has no quota, until somebody gives it one.

mod app;
mod events;
mod telemetry;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api, Client, CustomResourceExt as _,
    api::{ListParams, Patch, PatchParams, PostParams},
    runtime::watcher,
};
use kube_testbed::{ApiServer, Resource};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use requeue_policy::{Interval, RequeueConfig, kube::Requeuer};
use tokio::time::sleep;

use crate::app::{App, AppSpec, reconcile};

// One thread with paused time makes every run the same.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> anyhow::Result<()> {
    let (exporter, events) = play().await?;
    println!("What OpenTelemetry got:");
    for line in telemetry_lines(&exporter)? {
        println!("  {line}");
    }
    println!("\nThe Events:");
    for event in events {
        println!("  {event}");
    }
    Ok(())
}

/// Ten minutes with an app that has a quota and one that has none for the first five.
async fn play() -> anyhow::Result<(InMemoryMetricExporter, Vec<String>)> {
    let kinds = [
        Resource::from_crd(&App::crd())?,
        Resource::namespaced("events.k8s.io", "v1", "Event", "events"),
    ];
    let client = Client::new(ApiServer::new(kinds).connect(), "default");
    let apps = Api::<App>::default_namespaced(client.clone());
    for (name, has_quota) in [("rich", true), ("poor", false)] {
        let app = App::new(name, AppSpec { has_quota });
        apps.create(&PostParams::default(), &app).await?;
    }

    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .build();
    let record = telemetry::recording(&provider.meter("app-operator"));
    let (tell, given_up) = events::given_up();
    let error = Interval::constant(Duration::from_secs(10)).with_deadline(Duration::from_secs(60));
    let requeue = Requeuer::new(RequeueConfig::default().with_error(error))?.on_decision(move |decision| {
        record(decision);
        tell(decision);
    });
    let controller = requeue.controller(apps.clone(), watcher::Config::default());
    tokio::spawn(events::publish(client.clone(), controller.store(), given_up));
    tokio::spawn(controller.run(reconcile, Arc::new(())).for_each(async |_| {}));

    sleep(Duration::from_secs(300)).await;
    let patch = Patch::Merge(serde_json::json!({ "spec": { "has_quota": true } }));
    apps.patch("poor", &PatchParams::default(), &patch).await?;
    sleep(Duration::from_secs(300)).await;

    provider.force_flush()?;
    let events = Api::<Event>::default_namespaced(client)
        .list(&ListParams::default())
        .await?;
    let line = |event: &Event| {
        let about = event.regarding.clone().unwrap_or_default();
        format!(
            "{} {} {}: {}",
            about.kind.unwrap_or_default(),
            about.name.unwrap_or_default(),
            event.reason.clone().unwrap_or_default(),
            event.note.clone().unwrap_or_default()
        )
    };
    Ok((exporter, events.items.iter().map(line).collect()))
}

/// The sums, one per line.
fn telemetry_lines(exporter: &InMemoryMetricExporter) -> anyhow::Result<Vec<String>> {
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
    let mut lines = vec![];
    let finished = exporter.get_finished_metrics()?;
    let last = finished.iter().rev().take(1);
    for metric in last
        .flat_map(|metrics| metrics.scope_metrics())
        .flat_map(|scope| scope.metrics())
    {
        if let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() {
            for point in sum.data_points() {
                let mut labels: Vec<_> = point
                    .attributes()
                    .map(|label| format!("{}={}", label.key, label.value))
                    .collect();
                labels.sort();
                lines.push(format!("{} {{{}}} {}", metric.name(), labels.join(", "), point.value()));
            }
        }
    }
    lines.sort();
    Ok(lines)
}
