//! client-go and apimachinery themselves against this crate, on random cases: `cargo test --all-features
//! --test differential`.
//!
//! A Go program in `client_go/` answers what they make of the same cases. Each run prints its seed;
//! `DIFFERENTIAL_SEED=<n>` plays it again. Without Go the tests show as ignored; `E2E_REQUIRED=1` makes that a failure.

#[path = "../support/mod.rs"]
mod support;

// Made for the tests of the controller; these use a part of them.
#[allow(dead_code)]
#[path = "../controller/lines.rs"]
mod lines;
#[allow(dead_code)]
#[path = "../controller/parity/policies.rs"]
mod policies;
#[path = "../controller/parity/script.rs"]
mod script;
#[allow(dead_code)]
#[path = "../controller/world.rs"]
mod world;

mod backoff;
mod conditions;
mod fast_slow;
mod go;
mod random;

use anyhow::Context as _;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use random::Random;
use std::{
    env,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        trial(
            "the_backoff_is_client_gos_through_the_controller",
            backoff::through_the_controller,
        ),
        trial(
            "the_backoff_is_client_gos_to_the_nanosecond",
            backoff::to_the_nanosecond,
        ),
        trial(
            "fast_and_slow_are_client_gos_through_the_controller",
            fast_slow::through_the_controller,
        ),
        trial(
            "fast_and_slow_are_client_gos_to_the_nanosecond",
            fast_slow::to_the_nanosecond,
        ),
        trial("conditions_are_apimachinerys", conditions::conditions_are_apimachinerys),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test that gets random numbers and returns what it compared.
fn trial(name: &'static str, test: fn(&mut Random) -> anyhow::Result<String>) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(missing) = go::missing() {
            return if required() {
                Err(Failed::from(missing))
            } else {
                Ok(Completion::ignored_with(missing))
            };
        }
        let seed = seed()?;
        println!("\n    {name}: DIFFERENTIAL_SEED={seed}");
        let compared = test(&mut Random::new(seed)).map_err(|error| format!("{error:#}\nDIFFERENTIAL_SEED={seed}"))?;
        println!("\n    {name}: {compared}");
        Ok(Completion::Completed)
    })
}

fn seed() -> anyhow::Result<u64> {
    if let Some(seed) = env::var_os("DIFFERENTIAL_SEED") {
        let seed = seed.to_string_lossy();
        return seed
            .parse()
            .with_context(|| format!("DIFFERENTIAL_SEED: {seed:?} is not allowed, it must be a number below 2^64"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    // Short enough to be typed.
    Ok(now.as_nanos() as u64 % 1_000_000_000)
}

fn required() -> bool {
    env::var_os("E2E_REQUIRED").is_some_and(|value| value == "1")
}
