//! Every interleaving of a bounded number of events, by breadth-first search over the engine itself.
//!
//! One object, one child, a second owner of it, a second writer and the controller, in several [casts](cast): each search
//! tries all orders of some of the [actions](action::Action). A plain search serves in place of a model checker's library:
//! it needs no fairness and no symmetry, its states are compared by a hash, the engine with its locks is put into a state
//! and read out again, and the first counterexample is a shortest one.
//!
//! `EXHAUSTIVE_SECONDS` sets how long all searches take together (60 by default), `EXHAUSTIVE_DEPTH` how many actions there
//! may be at most, `EXHAUSTIVE_CAST` a word of the only cast to search.
#![allow(dead_code, unexpected_cfgs, unreachable_pub, unused_imports, unused_macros)]

#[path = "../../../src"]
mod sources {
    #[macro_use]
    mod majors;

    pub(crate) mod digest;
    pub(crate) mod engine;
    pub(crate) mod kube;
    pub(crate) mod policy;
}
mod action;
mod cast;
mod checks;
mod real;
mod search;
mod timeline;
mod world;

// The sources know each other as `crate::..`.
pub use sources::policy::{
    ConfigError, Interval, MaxRate, Observe, Observed, Outcome, Phase, RateLimit, Requeue, RequeueConfig,
    RequeuePolicy, Retry,
};
pub(crate) use sources::*;

mod sync {
    pub(crate) use std::sync::{
        Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    };
}

use cast::CASTS;
use std::{
    env,
    process::ExitCode,
    time::{Duration, Instant},
};

fn number(name: &str, default: u64) -> u64 {
    let number = verify::number_from_env(name).unwrap_or_else(|refused| panic!("{refused}"));
    number.unwrap_or(default)
}

fn main() -> ExitCode {
    let depth = number("EXHAUSTIVE_DEPTH", 100) as usize;
    let time = Duration::from_secs(number("EXHAUSTIVE_SECONDS", 60));
    let wanted = env::var("EXHAUSTIVE_CAST").unwrap_or_default();
    let casts: Vec<_> = CASTS.iter().filter(|cast| cast.name.contains(&wanted)).collect();
    let (mut covered, begun) = (0, Instant::now());
    for (n, cast) in casts.iter().enumerate() {
        let start = Instant::now();
        // What one search does not need is left to the others.
        let share = time.saturating_sub(begun.elapsed()) / (casts.len() - n) as u32;
        match search::search(cast, depth, share) {
            Ok(searched) => {
                covered |= searched.covered;
                println!(
                    "{}: {} actions{}, {} states, {} steps, {:.0} s",
                    cast.name,
                    searched.depth,
                    if searched.is_all { " (all there are)" } else { "" },
                    searched.states,
                    searched.steps,
                    start.elapsed().as_secs_f64()
                );
            }
            Err(broken) => {
                println!(
                    "{}: broken by {} actions, {:.1} s\n\n{}",
                    cast.name,
                    broken.actions.len(),
                    start.elapsed().as_secs_f64(),
                    timeline::timeline(cast, &broken)
                );
                return ExitCode::FAILURE;
            }
        }
    }
    let missed = checks::missed(covered);
    if casts.len() == CASTS.len() && !missed.is_empty() {
        println!("never reached: {}", missed.join(", "));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
