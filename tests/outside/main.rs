//! What comes from outside: config files, uids, times, and metadata from a cluster, whatever they hold.
//!
//! The number of cases is fixed for CI; `PROPTEST_CASES` sets another. A case that fails prints how to replay it, and
//! its seed is kept in a `.proptest-regressions` file beside the source.

mod config;
mod document;
mod hostile;
mod reading;
mod render;
mod slots;
mod times;

#[cfg(feature = "kube-runtime")]
mod cluster;
#[cfg(feature = "conditions")]
mod conditions;
#[cfg(feature = "kube-runtime")]
mod lines;
#[cfg(feature = "kube-runtime")]
mod stress;

use proptest::test_runner::{Config, FileFailurePersistence};

/// So many cases, unless the environment sets another number; seeds of failures are kept beside the sources.
fn cases(number: u32) -> Config {
    let config = Config::default();
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config.cases,
        None => number,
    };
    Config {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))),
        ..config
    }
}
