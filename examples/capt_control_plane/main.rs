//! The controller of the proposal CAPTEP-0016, as it is and with this crate, over the same scenario:
//!
//! ```sh
//! cargo run --features kube-runtime --example capt_control_plane
//! ```
//!
//! What an operator's author would write is in `resource.rs` (with `Observe`), `reconciler.rs` and `controllers.rs`.
//! The rest is the world around it and the comparison.

mod chart;
mod clock;
mod cluster;
mod controllers;
mod embedded;
mod meter;
mod options;
mod place;
mod reconciler;
mod report;
mod resource;
mod scenario;
mod trial;
mod workspace;

// The API server that the crate's tests use.
#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    options::Options,
    report::{Report, human},
    scenario::Scenario,
    trial::Contender,
};

/// Exits with 1 if a check fails, and with 2 if there is nothing to check.
fn main() -> ExitCode {
    match run(&Options::parse()) {
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
    let [looped, paced] = if options.cluster {
        cluster::compare(options, &scenario, contenders)?
    } else {
        embedded::compare(options, &scenario, contenders)?
    };

    let report = Report {
        looped: &looped,
        paced: &paced,
        policy,
        length: scenario.length,
    };
    let (objects, length) = (options.objects, human(scenario.length));
    let place = if options.cluster { "in the cluster" } else { "in memory" };
    println!("{objects} control planes for {length}, {place}\n");
    println!("{report}");
    chart::draw(&options.svg, &scenario, &looped, &paced)
        .with_context(|| format!("cannot draw {}", options.svg.display()))?;
    println!("reconciles over time: {}", options.svg.display());
    Ok(!options.check || check(&report))
}

/// A bar that moves by seconds of the scenario; it is not seen where stderr is no terminal.
fn progress_bar(options: &Options, scenario: &Scenario, contender: Contender<'_>) -> ProgressBar {
    if options.verbose {
        // It would be in the way of the log.
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix:>14} {bar:40} {pos}/{len} s, {msg}");
    let bar = ProgressBar::new(scenario.length.as_secs()).with_prefix(contender.name());
    // A template that does not parse would be a mistake here, and the default will do.
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Prints whether the promise is kept.
fn check(report: &Report) -> bool {
    let broken = report.broken_promises();
    for promise in &broken {
        eprintln!("check failed: {promise}");
    }
    if broken.is_empty() {
        println!("check passed: a hundredth of the work, and every change noticed in time");
    }
    broken.is_empty()
}
