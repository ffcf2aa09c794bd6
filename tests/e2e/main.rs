//! Tests on a real API server: `cargo test --features kube-runtime --test e2e`.
//!
//! Each prints what it measured. They take three minutes. `E2E_REQUIRED=1` makes it a failure when there is no server to run.

mod children;
mod failures;
mod finalizer;
mod operator;
mod outage;
mod outside;
mod own_writes;
#[cfg(feature = "schemars")]
mod policy_crd;
mod premises;
mod runs;

use std::process::ExitCode;

use cluster::Trials;
use libtest_mimic::Arguments;

/// The tests of these names.
macro_rules! trials {
    ($trials:expr, $($module:ident::$test:ident),* $(,)?) => { $trials$(.with(stringify!($test), $module::$test))* };
}

fn main() -> ExitCode {
    let trials = trials!(
        Trials::default(),
        own_writes::status_patched_in_every_reconcile,
        own_writes::two_disagreeing_status_writes_in_every_reconcile,
        own_writes::a_child_rewritten_in_every_reconcile,
        own_writes::the_rate_limit_bounds_a_child_rewritten_past_the_client,
        children::child_changes_are_reflected,
        failures::failing_over_a_restart,
        finalizer::a_finalizer_leaves_those_of_others_alone,
        outside::outside_status_change,
        premises::status_patch_that_changes_nothing,
        premises::generation_counts_the_spec,
        outage::api_server_hangs_and_goes_away,
    );
    #[cfg(feature = "schemars")]
    let trials = trials!(
        trials,
        policy_crd::a_policy_in_a_crd_is_accepted_and_read_back,
        policy_crd::bad_policies_are_refused_by_the_api_server,
        policy_crd::what_the_api_server_admits_serde_reads,
    );
    trials.run(Arguments::from_args())
}

/// Shows what a test measured, on a line of its own: the test's name stands on the one before it.
fn report(measured: String) {
    println!("\n    {measured}");
}
