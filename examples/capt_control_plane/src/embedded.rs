//! Trials in memory: nothing to install, and time passes as fast as the work is done.

use std::time::Duration;

use anyhow::Context as _;
use kube::{Client, CustomResourceExt as _};
use kube_testbed::{ApiServer, Resource};
use tokio::runtime;

use crate::{
    environment::Environment,
    options::Options,
    resource::CAPTControlPlane,
    scenario::Scenario,
    trial::{self, Contender, Trial},
};

/// How long a request takes; without it a loop would be infinitely fast.
const LATENCY: Duration = Duration::from_millis(25);

/// How much later than its response a write reaches the watch. Without it a controller would always find in its cache
/// what it has just written.
const WATCH_LAG: Duration = Duration::from_millis(10);

/// Determines the uids.
const SEED: u64 = 16;

/// Runs each controller in a world of its own.
pub(crate) fn compare(
    options: &Options,
    scenario: &Scenario,
    [looped, paced]: [Contender<'_>; 2],
) -> anyhow::Result<[Trial; 2]> {
    Ok([run(options, scenario, looped)?, run(options, scenario, paced)?])
}

fn run(options: &Options, scenario: &Scenario, contender: Contender<'_>) -> anyhow::Result<Trial> {
    // One thread with paused time makes every run the same.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.context("cannot start tokio")?.block_on(async {
        let server = ApiServer::with_seed(SEED, [Resource::from_crd(&CAPTControlPlane::crd())?]);
        server.set_latency(LATENCY);
        server.set_watch_lag(WATCH_LAG);
        let environment = Environment {
            controller: Client::new(server.connect(), "default"),
            others: Client::new(server.connect_outside(), "default"),
            namespace: options.namespace.clone(),
        };
        trial::run(&environment, scenario, contender, options.verbose).await
    })
}
