//! client-go and apimachinery themselves against this crate, on random cases.
//!
//! A Go program in `client_go/` answers what they make of the same cases. Each test shows its seed;
//! `DIFFERENTIAL_SEED=<n>` plays it again. Without Go the tests show as ignored; `E2E_REQUIRED=1` makes that a failure.

mod conditions;
mod delays;
mod go;

use libtest_mimic::{Arguments, Completion, Trial};
use std::{env, process::ExitCode, time::SystemTime};
use verify::Random;

fn main() -> ExitCode {
    let trials = verify::trials![trial:
        delays::the_backoff_is_client_gos_through_the_adapter,
        delays::the_backoff_is_client_gos_to_the_nanosecond,
        delays::fast_and_slow_are_client_gos_through_the_adapter,
        delays::fast_and_slow_are_client_gos_to_the_nanosecond,
        conditions::conditions_are_apimachinerys,
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A test that gets random numbers and returns what it compared.
fn trial(name: &'static str, test: fn(&mut Random) -> anyhow::Result<String>) -> Trial {
    Trial::ignorable_test(name, move || {
        if !cluster::go_runs() {
            let missing = "needs client-go: install Go to have a program built that asks it";
            let is_required = env::var_os("E2E_REQUIRED").is_some_and(|value| value == "1");
            return if is_required {
                Err(missing.into())
            } else {
                Ok(Completion::ignored_with(missing))
            };
        }
        let now = SystemTime::UNIX_EPOCH.elapsed()?;
        // Short enough to be typed.
        let seed = verify::number_from_env("DIFFERENTIAL_SEED")?.unwrap_or(now.as_nanos() as u64 % 1_000_000_000);
        let compared = test(&mut Random::new(seed)).map_err(|error| format!("{error:#}\nDIFFERENTIAL_SEED={seed}"))?;
        println!("\n    {name}, DIFFERENTIAL_SEED={seed}: {compared}");
        Ok(Completion::Completed)
    })
}
