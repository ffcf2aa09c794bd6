//! The crate's own sources under a model checker: what threads may do to each other in the memory, with events that race
//! with answers to writes, and with policies.
//!
//! The sources are compiled in with shuttle's locks and atomics in place of std's, so that shuttle chooses which thread
//! goes on at each of them: at random, and by PCT (few, well placed preemptions). A schedule that fails says how to replay
//! it. `MODEL_SCHEDULES` sets how many are tried.
//! No harness: with one the sources' own unit tests would come along, and they know nothing of shuttle.
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
mod engine_model;
mod memory_model;

// The sources know each other as `crate::..`.
pub use sources::policy::{
    ConfigError, Interval, MaxRate, Observe, Observed, Outcome, Phase, RateLimit, Requeue, RequeueConfig,
    RequeuePolicy, Retry,
};
pub(crate) use sources::*;

mod sync {
    pub(crate) use shuttle::sync::{
        Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    };
}

use libtest_mimic::{Arguments, Trial};
use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler},
    thread,
};
use std::process::ExitCode;

fn main() -> ExitCode {
    let trials = verify::trials![trial:
        memory_model::threads_lose_no_update,
        memory_model::one_thread_sweeps_in_a_period,
        memory_model::a_sweep_takes_no_record_that_lives,
        memory_model::what_is_gone_is_forgotten_and_counted_once,
        engine_model::an_echo_that_races_with_its_answer_triggers_nothing,
        engine_model::a_change_that_races_with_the_end_of_a_reconcile_is_seen,
        engine_model::a_change_that_races_with_an_answer_is_seen,
        engine_model::no_late_end_brings_back_what_is_gone,
        engine_model::a_request_that_races_with_the_end_of_a_reconcile_is_kept,
        engine_model::a_policy_is_replaced_whole,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Plays a model in many schedules.
fn trial(name: &'static str, model: fn()) -> Trial {
    Trial::test(name, move || {
        let schedules = verify::number_from_env("MODEL_SCHEDULES")?.unwrap_or(150) as usize;
        let config = || {
            let mut config = Config::new();
            config.stack_size = 256 * 1024;
            config.silence_warnings = true;
            config
        };
        Runner::new(RandomScheduler::new(schedules), config()).run(model);
        Runner::new(PctScheduler::new(3, schedules), config()).run(model);
        Ok(())
    })
}

/// Lets each of these go on in a thread of its own, to their end.
fn join<T: Send + 'static>(threads: impl IntoIterator<Item = impl FnOnce() -> T + Send + 'static>) {
    let threads: Vec<_> = threads.into_iter().map(thread::spawn).collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}
