//! Trials in memory: nothing to install, and time passes as fast as the work is done.

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::ConfigMap;
use tokio::runtime;

use crate::{
    options::Options,
    place::Place,
    progress_bar,
    resource::CAPTControlPlane,
    scenario::Scenario,
    support::{ApiServer, Resource},
    trial::{self, Contender, Trial},
};

/// How long a request is under way; without it a loop would be infinitely fast.
const LATENCY: Duration = Duration::from_millis(25);

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
    // One thread whose time is paused makes every run the same.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.context("cannot start tokio")?.block_on(async {
        let outputs = Resource::of::<ConfigMap>()
            .without_status_subresource()
            .without_generation();
        let server = ApiServer::new(SEED, [Resource::of::<CAPTControlPlane>(), outputs]);
        server.set_latency(LATENCY);
        let place = Place {
            controller: server.client(),
            others: server.outside_client(),
            namespace: "default".to_owned(),
        };
        let bar = progress_bar(options, scenario, contender);
        trial::run(&place, scenario, contender, options.verbose, &bar).await
    })
}
