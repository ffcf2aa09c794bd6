//! A test that needs a cluster, and what it is where there is none.

use std::{env, sync::LazyLock};

use anyhow::Context as _;
use libtest_mimic::{Completion, Failed, Trial};

use crate::{
    assets::{self, Assets, Missing},
    cluster::Cluster,
};

// Looked for only when a test runs: `--list` and a filter that matches nothing build nothing.
static ASSETS: LazyLock<Result<Assets, Missing>> = LazyLock::new(assets::find);

/// A test with a runtime and a cluster of its own.
pub(crate) fn trial<F>(name: &str, test: impl FnOnce(Cluster) -> F + Send + 'static) -> Trial
where
    F: Future<Output = anyhow::Result<()>>,
{
    Trial::ignorable_test(name, move || {
        let assets = match &*ASSETS {
            Ok(assets) => assets,
            Err(missing) if missing.can_be_skipped() && !required() => {
                return Ok(Completion::ignored_with(missing));
            }
            Err(missing) => return Err(Failed::from(missing)),
        };
        // The alternate form has the causes too.
        run(assets, test).map_err(|error| format!("{error:#}"))?;
        Ok(Completion::Completed)
    })
}

fn run<F>(assets: &Assets, test: impl FnOnce(Cluster) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("e2e-test")
        .build()
        .context("starting a runtime")?;
    runtime.block_on(async { test(Cluster::start(assets).await?).await })
}

fn required() -> bool {
    env::var_os("E2E_REQUIRED").is_some_and(|value| value == "1")
}
