//! What the crate takes from the heap: nothing in a decision or for an event that calls for no reconcile, little for an
//! object, nothing for one that is gone.

mod allocations;
mod cache;
mod feed;
mod objects;

use libtest_mimic::{Arguments, Trial};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{alloc::System, process::ExitCode};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    // One after the other: the counter counts for the whole process.
    let arguments = Arguments {
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    let trials = verify::trials![Trial::test:
        allocations::a_decision_allocates_nothing,
        allocations::a_reconcile_allocates_its_future_its_reasons_and_its_name,
        allocations::a_postponed_trigger_allocates_nothing,
        allocations::an_echo_allocates_nothing_and_dispatches_nothing,
        objects::an_object_takes_at_most_600_bytes,
        objects::a_week_of_churn_leaves_nothing_behind,
        cache::the_cache_of_whole_objects_takes_far_more_memory_than_what_is_remembered,
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// How many bytes were taken since then and not given back.
fn held(since: &Region<System>) -> i64 {
    let change = since.change();
    change.bytes_allocated as i64 - change.bytes_deallocated as i64
}
