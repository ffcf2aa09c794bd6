//! A soak on a real API server: `cargo test --features kube-runtime --test soak`, two minutes and the time to
//! start and to settle.
//!
//! `SOAK_MINUTES=60` makes it an hour. It ends with a table of what was measured. As with the tests in `tests/e2e`, it
//! shows as ignored without kube-apiserver and etcd, and `E2E_REQUIRED=1` makes that a failure.

// Made for the end-to-end tests; this uses a part of them.
#[path = "../e2e/assets.rs"]
mod assets;
#[allow(dead_code)]
#[path = "../e2e/cluster.rs"]
mod cluster;
#[path = "../e2e/crd.rs"]
mod crd;
#[path = "../e2e/process.rs"]
mod process;
#[path = "../e2e/server.rs"]
mod server;
#[path = "../e2e/text.rs"]
mod text;
#[allow(dead_code)]
#[path = "../e2e/thing.rs"]
mod thing;
#[path = "../e2e/trial.rs"]
mod trial;

mod book;
mod checks;
mod churn;
mod controller;
mod faults;
mod histogram;
mod intervals;
mod log_lines;
mod memory;
mod objects;
mod requests;
mod scenario;
mod table;

use std::{env, ops::RangeInclusive, process::ExitCode};

use libtest_mimic::Arguments;

const VARIABLE: &str = "SOAK_MINUTES";
/// Less has no room for every fault.
const MINUTES: RangeInclusive<u64> = 2..=7 * 24 * 60;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![trial::trial("nothing_is_lost_and_nothing_grows", async |cluster| {
        scenario::soak(cluster, minutes()?).await
    })];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn minutes() -> anyhow::Result<u64> {
    let Some(value) = env::var_os(VARIABLE) else {
        return Ok(*MINUTES.start());
    };
    let value = value.to_string_lossy();
    let minutes = value.parse().ok().filter(|minutes| MINUTES.contains(minutes));
    let (least, most) = (MINUTES.start(), MINUTES.end());
    minutes.ok_or_else(|| {
        anyhow::anyhow!("{VARIABLE}: {value:?} is not allowed, it must be a whole number from {least} to {most}")
    })
}
