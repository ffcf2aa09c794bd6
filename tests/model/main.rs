//! The crate's own sources under a model checker: what threads may do to each other in the memory and in the news.
//!
//! The sources are compiled in with shuttle's locks and atomics in place of std's, so that shuttle chooses who goes on at
//! each of them: at random, and by PCT (few, well placed preemptions). Where a schedule fails it prints how to replay it.
//! No harness: with one the sources' own unit tests would come along, and they know nothing of shuttle.
#![allow(dead_code, unreachable_pub, unused_imports, unused_macros)]

#[path = "../../src"]
mod sources {
    #[macro_use]
    mod majors;

    pub(crate) mod adapter;
    pub(crate) mod config;
    pub(crate) mod digest;
    pub(crate) mod fleet;
    pub(crate) mod interval;
    pub(crate) mod kube;
    pub(crate) mod phase;
    pub(crate) mod policy;
    pub(crate) mod rate;
    pub(crate) mod slot;
}
mod memory_model;
mod requeuer_model;

// The sources know each other as `crate::..`.
pub(crate) use sources::*;
pub use sources::{
    config::{ConfigError, RequeueConfig},
    fleet::MaxRate,
    interval::Interval,
    phase::{Observe, Observed, Phase},
    policy::{Requeue, RequeuePolicy},
    rate::RateLimit,
    slot::Slot,
};

mod sync {
    pub(crate) use shuttle::sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    };
}

use libtest_mimic::{Arguments, Trial};
use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler},
};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        trial("threads_lose_no_update", memory_model::threads_lose_no_update),
        trial(
            "one_thread_sweeps_in_a_period",
            memory_model::one_thread_sweeps_in_a_period,
        ),
        trial(
            "a_sweep_takes_no_record_that_lives",
            memory_model::a_sweep_takes_no_record_that_lives,
        ),
        trial(
            "news_that_was_told_starts_a_run",
            requeuer_model::news_that_was_told_starts_a_run,
        ),
        trial(
            "news_is_counted_as_it_is_kept",
            requeuer_model::news_is_counted_as_it_is_kept,
        ),
        trial(
            "news_before_a_trigger_is_in_it",
            requeuer_model::news_before_a_trigger_is_in_it,
        ),
        trial(
            "objects_do_not_disturb_each_other",
            requeuer_model::objects_do_not_disturb_each_other,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Plays a model in many schedules; `MODEL_SCHEDULES` sets how many.
fn trial(name: &'static str, model: fn()) -> Trial {
    let schedules = std::env::var("MODEL_SCHEDULES").ok();
    let schedules = schedules.and_then(|text| text.parse().ok()).unwrap_or(150);
    let config = || {
        let mut config = Config::new();
        config.stack_size = 256 * 1024;
        config.silence_warnings = true;
        config
    };
    Trial::test(name, move || {
        Runner::new(RandomScheduler::new(schedules), config()).run(model);
        Runner::new(PctScheduler::new(3, schedules), config()).run(model);
        Ok(())
    })
}
