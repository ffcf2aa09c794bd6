//! Tests on a real API server: `cargo test --features kube-runtime --test e2e`.
//!
//! Each prints what it measured. They take about four minutes. `E2E_REQUIRED=1` makes it a failure when there is no server to run.

mod assets;
mod children;
// The soak stops etcd too.
#[allow(dead_code)]
mod cluster;
mod controller;
mod crd;
mod failures;
mod hot_loop;
mod lines;
mod no_change;
mod outage;
mod outside;
#[cfg(feature = "schemars")]
#[path = "../schema/policies.rs"]
mod policies;
#[cfg(feature = "schemars")]
mod policy_crd;
mod process;
mod runs;
mod seat_belt;
mod server;
mod text;
mod thing;
mod trial;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use trial::trial;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They measure processor time and latencies.
    arguments.test_threads = Some(1);
    let trials = vec![
        trial("hot_loop_dies", hot_loop::hot_loop_dies),
        trial("child_changes_are_reflected", children::child_changes_are_reflected),
        trial(
            "child_changes_in_the_middle_of_a_run_are_reflected",
            children::child_changes_in_the_middle_of_a_run_are_reflected,
        ),
        trial(
            "own_child_rewritten_every_run",
            seat_belt::own_child_rewritten_every_run,
        ),
        trial(
            "crd_without_status_subresource",
            seat_belt::crd_without_status_subresource,
        ),
        trial("failing_after_patching", failures::failing_after_patching),
        trial("restart_keeps_the_backoff", failures::restart_keeps_the_backoff),
        trial("outside_status_change", outside::outside_status_change),
        trial(
            "status_patch_that_changes_nothing",
            no_change::status_patch_that_changes_nothing,
        ),
        trial("api_server_away", outage::api_server_away),
        trial("api_server_hangs", outage::api_server_hangs),
        #[cfg(feature = "schemars")]
        trial(
            "a_policy_in_a_crd_is_accepted_and_read_back",
            policy_crd::a_policy_in_a_crd_is_accepted_and_read_back,
        ),
        #[cfg(feature = "schemars")]
        trial(
            "bad_policies_are_refused_by_the_api_server",
            policy_crd::bad_policies_are_refused_by_the_api_server,
        ),
        #[cfg(feature = "schemars")]
        trial(
            "what_the_api_server_admits_serde_reads",
            policy_crd::what_the_api_server_admits_serde_reads,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Tells what a test measured, on a line of its own: the test's name stands on the one before it.
fn report(measured: String) {
    println!("\n    {measured}");
}
