//! Every interleaving of a bounded number of events, by breadth-first search over the engine's own functions.
//!
//! One object, one child, a second writer and the controller. `EXHAUSTIVE_DEPTH` sets how many actions there may be,
//! `EXHAUSTIVE_SECONDS` after how long the search stops at the depth that it has reached. A plain search serves: it needs no
//! fairness and no symmetry, its states are compared by a hash, and the first counterexample that it finds is a shortest one.
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
mod search;
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

use std::{env, process::ExitCode, time::Duration};

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}: {text:?} is not allowed, it must be a number"))
    })
}

fn main() -> ExitCode {
    let depth = number("EXHAUSTIVE_DEPTH", 100) as usize;
    let time = Duration::from_secs(number("EXHAUSTIVE_SECONDS", 60));
    match search::search(depth, time) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(counterexample) => {
            println!("{counterexample}");
            ExitCode::FAILURE
        }
    }
}
