//! The controller of the proposal CAPTEP-0016, as it is and with this crate, over the same scenario:
//!
//! ```sh
//! cargo run -p capt_control_plane
//! ```
//!
//! What an operator's author would write is in `resource.rs` (with `Observe`), `reconciler.rs` and `controllers.rs`.
//! Everything else is the scenario, the two environments and the comparison. To run it in the cluster of your
//! kubeconfig: `cargo run -p capt_control_plane --features cluster -- --cluster`.

mod chart;
mod clock;
#[cfg(feature = "cluster")]
mod cluster;
mod controllers;
mod embedded;
mod environment;
mod meter;
mod options;
mod reconciler;
mod report;
mod resource;
mod scenario;
mod trial;
mod workspace;

use std::process::ExitCode;

use anyhow::Context as _;

use crate::{
    options::Options,
    report::{Report, human},
    scenario::Scenario,
    trial::Contender,
};

/// Exits with 1 if a check fails, and with 2 if there is nothing to check.
fn main() -> ExitCode {
    match Options::parse().and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Returns whether the promise is kept, as far as that is to be checked.
fn run(options: &Options) -> anyhow::Result<bool> {
    let policy = options.policy()?;
    let scenario = Scenario::new(options.objects.into(), options.length());
    let contenders = [Contender::Loop, Contender::Policy(&policy)];
    let [looped, paced] = match options.cluster {
        false => embedded::compare(options, &scenario, contenders)?,
        #[cfg(feature = "cluster")]
        true => cluster::compare(options, &scenario, contenders)?,
        // What only a cluster needs takes its time to compile.
        #[cfg(not(feature = "cluster"))]
        true => {
            anyhow::bail!("--cluster needs a feature: cargo run -p capt_control_plane --features cluster -- --cluster")
        }
    };

    let report = Report {
        looped: &looped,
        paced: &paced,
        policy,
        scenario: &scenario,
    };
    let (objects, length) = (options.objects, human(scenario.length));
    let environment = if options.cluster { "in the cluster" } else { "in memory" };
    println!("{objects} control planes for {length}, {environment}\n");
    println!("{report}");
    chart::draw(&options.svg, &scenario, &looped, &paced)
        .with_context(|| format!("cannot draw {}", options.svg.display()))?;
    println!("reconciles over time: {}", options.svg.display());
    Ok(!options.check || check(&report))
}

/// Says whether the promise is kept.
fn check(report: &Report) -> bool {
    let broken = report.broken_promises();
    for promise in &broken {
        eprintln!("check failed: {promise}");
    }
    if broken.is_empty() {
        println!("check passed: a hundredth of the work, no loop, and every change noticed in time");
    }
    broken.is_empty()
}
