//! A controller in a runtime of its own, so that its work is not counted with the test's.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use kube::{Client, client::ClientBuilder};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::{Cluster, Lines, Requests, cpu_of_threads};

const WORKERS: usize = 2;

/// What makes a run fail.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The API server, or the way to it.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// The object.
    #[error("it is broken")]
    Broken,
}

/// A running controller, which ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    /// Its requests so far.
    pub requests: Requests,
    /// What the crate logged.
    pub lines: Lines,
    /// When the controller was started.
    pub started: Instant,
    threads: &'static str,
    task: JoinHandle<anyhow::Result<()>>,
    runtime: Option<Runtime>,
}

impl Running {
    /// Starts a controller on threads of this name, with a client of its own.
    pub async fn start<F>(
        threads: &'static str,
        cluster: &Cluster,
        controller: impl FnOnce(Client) -> F + Send + 'static,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (requests, lines) = (Requests::default(), Lines::default());
        let dispatch = lines.dispatch();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name(threads)
            // The controller's tasks move between its threads, and other controllers log elsewhere.
            .on_thread_start(move || std::mem::forget(tracing::dispatcher::set_default(&dispatch)))
            .enable_all()
            .build()
            .context("starting a runtime")?;
        let config = cluster.config().await?;
        let counted = requests.clone();
        let task = runtime.spawn(async move {
            let client = ClientBuilder::try_from(config).context("making a client")?;
            let ended = controller(client.with_layer(&counted).build()).await;
            ended.inspect_err(|error| eprintln!("the controller failed: {error:#}"))
        });
        Ok(Self {
            requests,
            lines,
            started: Instant::now(),
            threads,
            task,
            runtime: Some(runtime),
        })
    }

    /// The processor time that it has used so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of_threads(self.threads).with_context(|| format!("no thread is called {}", self.threads))
    }

    /// Ends the controller and all that it was doing; fails if it has ended by itself.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.task.abort();
        match (&mut self.task).await {
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(error.into()),
            Ok(ended) => {
                ended?;
                anyhow::bail!("the controller ended by itself")
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting is not allowed here, where another runtime drops it.
            runtime.shutdown_background();
        }
    }
}
