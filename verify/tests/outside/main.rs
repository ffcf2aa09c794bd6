//! What comes from outside: config files, uids, times, and metadata from a cluster, whatever they hold.
//!
//! The number of cases is fixed for CI; `PROPTEST_CASES` sets another. A case that fails shows how to replay it, and
//! its seed is kept in a `.proptest-regressions` file beside the source.

mod cluster;
mod conditions;
mod config;
mod format;
mod hostile;
mod lines;
mod slots;
mod stress;
mod times;

use k8s_openapi::jiff::Timestamp;
use proptest::{
    prelude::*,
    test_runner::{Config, FileFailurePersistence},
};

/// So many cases, unless the environment sets another number; seeds of failures are kept beside the sources.
fn cases(number: u32) -> Config {
    let config = Config::default();
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    Config {
        cases: if is_set { config.cases } else { number },
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..config
    }
}

/// Any time that an object can have.
fn timestamp() -> impl Strategy<Value = Timestamp> {
    let second = |second| Timestamp::from_second(second).expect("a second that a timestamp has");
    prop_oneof![
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        Just(Timestamp::UNIX_EPOCH),
        (-300_000_000_000_i64..200_000_000_000).prop_map(second),
    ]
}
