//! The crate's own sources under a model checker: what threads may do to each other in the memory and with nudges.
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
        requeuer_model::a_nudge_starts_a_run,
        requeuer_model::nudges_are_counted_as_they_are_kept,
        requeuer_model::a_nudge_before_a_trigger_is_in_it,
        requeuer_model::objects_do_not_disturb_each_other,
        requeuer_model::a_policy_is_replaced_whole,
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
