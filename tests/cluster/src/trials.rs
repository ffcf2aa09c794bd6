//! Tests that need a cluster, and what they are where there is none.

use std::{
    env,
    process::ExitCode,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use anyhow::Context as _;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::runtime::Runtime;

use crate::{
    assets::{self, Assets, NO_SOURCE},
    cluster::Cluster,
};

// Looked for only when a test runs: `--list` and a filter that matches nothing build nothing.
static ASSETS: LazyLock<anyhow::Result<Option<Assets>>> = LazyLock::new(assets::find);

/// Tests that take turns on one cluster, each in a namespace of its own.
///
/// A test that fails leaves its cluster to nobody: the next one gets another.
#[derive(Debug, Default)]
pub struct Trials {
    shared: Arc<Mutex<Option<Stage>>>,
    trials: Vec<Trial>,
}

/// A cluster and the runtime that its client works in.
#[derive(Debug)]
struct Stage {
    cluster: Cluster,
    runtime: Runtime,
}

impl Trials {
    /// One test more.
    #[must_use]
    pub fn with(
        mut self,
        name: &str,
        test: impl AsyncFnOnce(&mut Cluster) -> anyhow::Result<()> + Send + 'static,
    ) -> Self {
        let shared = self.shared.clone();
        self.trials.push(Trial::ignorable_test(name, move || {
            let assets = match &*ASSETS {
                Ok(Some(assets)) => assets,
                Ok(None) if env::var_os("E2E_REQUIRED").is_some_and(|value| value == "1") => {
                    return Err(Failed::from(NO_SOURCE));
                }
                Ok(None) => return Ok(Completion::ignored_with(NO_SOURCE)),
                Err(error) => return Err(Failed::from(format!("{error:#}"))),
            };
            // The alternate form has the causes too.
            run(assets, &shared, test).map_err(|error| format!("{error:#}"))?;
            Ok(Completion::Completed)
        }));
        self
    }

    /// Runs those that the arguments choose, one after another: they measure processor time and latencies.
    pub fn run(self, mut arguments: Arguments) -> ExitCode {
        arguments.test_threads = Some(1);
        libtest_mimic::run(&arguments, self.trials).exit_code()
    }
}

fn run(
    assets: &Assets,
    shared: &Mutex<Option<Stage>>,
    test: impl AsyncFnOnce(&mut Cluster) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
    let used = lock().take();
    let mut stage = used.map_or_else(|| Stage::new(assets), Ok)?;
    let Stage { cluster, runtime } = &mut stage;
    runtime.block_on(async {
        cluster.enter_new_namespace().await?;
        test(cluster).await
    })?;
    *lock() = Some(stage);
    Ok(())
}

impl Stage {
    fn new(assets: &Assets) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("e2e-test")
            .build()
            .context("starting a runtime")?;
        let cluster = runtime.block_on(Cluster::start(assets))?;
        Ok(Self { cluster, runtime })
    }
}
