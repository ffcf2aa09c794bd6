//! A controller that is a process of its own.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use cluster::cpu_of_process;
use tokio::time::sleep;

use crate::{
    operator,
    runs::Run,
    settings::{Contestant, Settings},
};

const FIRST_RUN: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A running controller, which ends when this is dropped.
pub(crate) struct Running {
    child: Child,
    heard: Arc<Mutex<Vec<Run>>>,
}

impl Running {
    /// Starts the process; returns when its first run has started.
    pub(crate) async fn start(contestant: Contestant, manager: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let mut command = match contestant {
            Contestant::ControllerRuntime { .. } => Command::new(manager),
            Contestant::RequeuePolicy { .. } => {
                let mut command = Command::new(env::current_exe().context("asking who this is")?);
                command.arg(operator::MODE);
                command
            }
        };
        let mut child = command
            .arg(serde_json::to_string(settings)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        let said = BufReader::new(child.stdout.take().context("the output is a pipe")?);
        let heard = Arc::<Mutex<Vec<Run>>>::default();
        let running = Self {
            child,
            heard: heard.clone(),
        };
        thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                let run = Run::parse(&line);
                let run = run.inspect_err(|error| eprintln!("{error:#}"));
                heard.lock().unwrap_or_else(PoisonError::into_inner).extend(run.ok());
            }
        });
        running.until(FIRST_RUN, |runs| !runs.is_empty()).await?;
        Ok(running)
    }

    /// Waits until this is true of the runs so far.
    pub(crate) async fn until(&self, patience: Duration, enough: impl Fn(&[Run]) -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while !enough(&self.lock()) {
            anyhow::ensure!(
                Instant::now() < deadline,
                "the controller is not heard of after {patience:?}"
            );
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// The runs so far, from this one on.
    pub(crate) fn runs_from(&self, place: usize) -> Vec<Run> {
        self.lock()[place..].to_vec()
    }

    pub(crate) fn place(&self) -> usize {
        self.lock().len()
    }

    /// The processor time that the process has used so far, all its threads and the system's part included.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of_process(self.child.id()).context("the controller has ended")
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Run>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It fails only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
