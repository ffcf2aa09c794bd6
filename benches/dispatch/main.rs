//! What an event costs kube's own `Controller`, and this crate's: `cargo bench -p benches --bench dispatch`.
//!
//! Both on a watch stream in memory, with a reconciler that does nothing, in turn. `-- --test` makes one small round of each
//! and looks only at the numbers of dispatches and reconciles.

mod app;
mod round;
mod statistics;

use std::time::Duration;

use anyhow::ensure;
use benches::is_test;
use requeue_policy::{RateLimit, RequeueConfig, kube::Requeuer};
use tokio::runtime::{Builder, Runtime};

use app::{Change, Changes, Load};
use round::{Round, alone, ours, plain};
use statistics::{Comparison, Times};

const OBJECTS: usize = 10_000;
const ROUNDS: usize = 21;
const OBJECTS_IN_TEST: usize = 100;
pub(crate) const INTERVAL: Duration = Duration::from_secs(3600);
/// The first rounds fill caches, and the memory.
const WARM_UP: usize = 3;
const CHANGES: [(Change, &str); 2] = [
    (Change::Spec, "the spec changed: a reconcile"),
    (Change::Status, "a status write: no dispatch"),
];

fn main() -> anyhow::Result<()> {
    let (objects, rounds) = match is_test() {
        true => (OBJECTS_IN_TEST, 1),
        false => (OBJECTS, ROUNDS),
    };
    // One thread, so that the time of a round is the work of a round.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    println!(
        "{objects} objects, {rounds} rounds: µs of processor time per event in kube's controller, in this one, and the difference\n"
    );
    println!("{:<34}{:>25}   {:>25}", "", "median of the rounds", "fastest rounds");
    for (load, when) in loads(objects) {
        println!("{} at a time: {when}", load.waiting);
        for (change, what) in CHANGES {
            let comparison = compare(&runtime, objects, rounds, change, load)?;
            println!("  {what:<34}{comparison}");
        }
    }
    println!("the decision alone, as the parts for a controller of one's own make it");
    for (change, what) in CHANGES {
        println!("  {what:<34}{}", decision_alone(objects, rounds, change)?);
    }
    Ok(())
}

/// What may wait for a controller at a time. A single change takes some milliseconds with all its waiting, so there are
/// fewer of them.
fn loads(objects: usize) -> [(Load, &'static str); 3] {
    let load = |changes, waiting| Load { changes, waiting };
    [
        (all(objects), "after a restart"),
        (load(objects, objects / 100), "a burst"),
        (load(objects / 20, 1), "day by day"),
    ]
}

/// Lets both controllers see the same changes, in turn.
fn compare(runtime: &Runtime, objects: usize, rounds: usize, change: Change, load: Load) -> anyhow::Result<Comparison> {
    let requeue = Requeuer::new(config())?;
    let first = runtime.block_on(ours(
        Changes::new(objects, all(objects), 0, change),
        &requeue,
        Change::Spec,
    ));
    check(&first, objects)?;
    let mut comparison = Comparison::default();
    for version in 1..=WARM_UP + rounds {
        let [without, with] = [(); 2].map(|()| Changes::new(objects, load, version, change));
        let without = runtime.block_on(plain(without));
        let with = runtime.block_on(ours(with, &requeue, change));
        check(&without, load.changes)?;
        check(&with, if change == Change::Spec { load.changes } else { 0 })?;
        if version > WARM_UP {
            comparison.without.add(without.time / load.changes as u32);
            comparison.with.add(with.time / load.changes as u32);
        }
    }
    Ok(comparison)
}

/// The same changes, and no controller.
fn decision_alone(objects: usize, rounds: usize, change: Change) -> anyhow::Result<Times> {
    let requeue = Requeuer::new(config())?;
    check(
        &alone(Changes::new(objects, all(objects), 0, change), &requeue),
        objects,
    )?;
    let mut times = Times::default();
    for version in 1..=WARM_UP + rounds {
        let round = alone(Changes::new(objects, all(objects), version, change), &requeue);
        check(&round, if change == Change::Spec { objects } else { 0 })?;
        if version > WARM_UP {
            times.add(round.time / objects as u32);
        }
    }
    Ok(times)
}

fn all(objects: usize) -> Load {
    Load {
        changes: objects,
        waiting: objects,
    }
}

fn check(round: &Round, runs: usize) -> anyhow::Result<()> {
    ensure!(
        round.runs == runs,
        "{} reconciles, and {runs} were to be expected",
        round.runs
    );
    Ok(())
}

/// No object becomes due while the rounds go on, and its changes do not use up the rate limit, which is looked at all
/// the same.
fn config() -> RequeueConfig {
    RequeueConfig::default()
        .with_default(INTERVAL)
        .with_rate_limit(RateLimit::new(u16::MAX.into(), Duration::from_millis(1)))
}
