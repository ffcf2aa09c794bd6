//! Years of a cluster in a minute.
//!
//! A seed makes a cluster, a policy, reconcilers and faults; the crate's `Controller` lives through hours or days of them on
//! an API server in memory, in virtual time, while a model of the guide's rules looks on. `SIMULATION_SEEDS=10000` plays
//! more of them; `SIMULATION_SEED=<n>` plays one and logs what happens. It ends with what occurred how often, and fails if
//! anything never did in a thousand seeds.

mod behaviour;
mod checks;
mod clock;
mod controllers;
mod coverage;
mod delay;
mod faults;
mod features;
mod fleet;
mod lines;
mod model;
mod plan;
mod reconciler;
mod record;
mod report;
mod rules;
mod seeds;
mod sight;
mod simulation;
mod slots;
mod steps;
mod things;
mod world;

use libtest_mimic::{Arguments, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    // One after the other: the seeds take all cores by themselves.
    let arguments = Arguments {
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    let trials = verify::trials![Trial::test:
        seeds::no_seed_breaks_a_rule,
        seeds::the_seed_of_one_object_always_makes_the_same,
        fleet::a_rate_for_the_fleet_is_kept_starves_nobody_and_delays_no_change,
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
