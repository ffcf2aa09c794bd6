//! A soak on a real API server: `cargo test -p verify --test soak`, two minutes and the time to
//! start and to settle.
//!
//! `SOAK_MINUTES=60` makes it an hour. It ends with a table of what was measured. As with the tests in `tests/e2e`, it
//! shows as ignored without kube-apiserver and etcd, and `E2E_REQUIRED=1` makes that a failure.

mod book;
mod checks;
mod churn;
mod controller;
mod echoes;
mod intervals;
mod memory;
mod objects;
mod scenario;
mod table;

use std::{env, ops::RangeInclusive, process::ExitCode};

use cluster::{Cluster, Trials};
use libtest_mimic::Arguments;

const VARIABLE: &str = "SOAK_MINUTES";
/// Less has no room for every fault.
const MINUTES: RangeInclusive<u64> = 2..=7 * 24 * 60;

fn main() -> ExitCode {
    let soak = async |cluster: &mut Cluster| scenario::soak(cluster, minutes()?).await;
    let trials = Trials::default().with("nothing_is_lost_and_nothing_grows", soak);
    trials.run(Arguments::from_args())
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
