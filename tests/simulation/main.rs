//! Years of a cluster in a minute: `cargo test --features kube-runtime --test simulation`.
//!
//! A seed makes a cluster, a policy, reconcilers and faults; the real `Controller` lives through hours or days of them on
//! an API server in memory, in virtual time, while a model of the guide's rules looks on. `SIMULATION_SEEDS=10000` plays
//! more of them; `SIMULATION_SEED=<n>` plays one and prints what happens.

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code)]
#[path = "../differential/random.rs"]
mod random;

mod behaviour;
mod cache;
mod checks;
mod delay;
mod faults;
mod fleet;
mod lines;
mod model;
mod plan;
mod reconciler;
mod report;
mod rules;
mod scale;
mod seeds;
mod simulation;
mod steps;
mod thing;
mod week;
mod world;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    // One after the other: the seeds take all cores by themselves, and the heap is counted for the whole process.
    let arguments = Arguments {
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    let trials = vec![
        Trial::test("no_seed_breaks_a_rule", seeds::no_seed_breaks_a_rule),
        Trial::test(
            "a_week_of_churn_leaves_nothing_behind",
            week::a_week_of_churn_leaves_nothing_behind,
        ),
        Trial::test(
            "a_trigger_costs_the_same_for_any_number_of_objects",
            scale::a_trigger_costs_the_same_for_any_number_of_objects,
        ),
        Trial::test(
            "the_cache_of_whole_objects_takes_far_more_memory_than_what_is_remembered",
            cache::the_cache_of_whole_objects_takes_far_more_memory_than_what_is_remembered,
        ),
        Trial::test(
            "a_rate_for_the_fleet_is_kept_starves_nobody_and_delays_no_change",
            fleet::a_rate_for_the_fleet_is_kept_starves_nobody_and_delays_no_change,
        ),
        Trial::test(
            "the_seed_of_one_object_always_makes_the_same",
            seeds::the_seed_of_one_object_always_makes_the_same,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
