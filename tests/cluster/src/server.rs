//! One server process: its log, its signals and its end.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::time::sleep;

use crate::{go::last_lines, process};

const LAST_LINES: usize = 40;
const STOP_DEADLINE: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A running server, which is killed when this is dropped, and when this process is killed.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    log: PathBuf,
    child: Child,
    watchdog: Child,
}

/// The server ended by itself.
#[derive(Debug, thiserror::Error)]
#[error("{name} ended ({status}); the end of its log:\n{log}")]
pub(crate) struct Exited {
    name: &'static str,
    status: ExitStatus,
    log: String,
}

impl Exited {
    /// Whether it ended because something else had taken its port.
    pub(crate) fn port_was_taken(&self) -> bool {
        self.log.contains("address already in use")
    }
}

impl Server {
    /// Starts the command with its output going to `<name>.log` in the folder.
    pub(crate) fn spawn(name: &'static str, command: &mut Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(name).with_extension("log");
        let output = File::create(&log).with_context(|| format!("creating {log:?}"))?;
        let errors = output.try_clone().context("sharing the log file")?;
        let mut child = command
            // Proxies, ETCD_* and the like are meant for others.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C is for the tests alone: a server that hears it too would end while they still use it.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        let watchdog = watchdog(child.id()).inspect_err(|_| end(&mut child))?;
        Ok(Self {
            name,
            log,
            child,
            watchdog,
        })
    }

    /// Fails with [`Exited`] if the server has ended.
    fn check_running(&mut self) -> anyhow::Result<()> {
        let name = self.name;
        let ended = self.child.try_wait();
        let ended = ended.with_context(|| format!("asking whether {name} still runs"))?;
        ended.map_or(Ok(()), |status| {
            let log = self.log();
            Err(Exited { name, status, log }.into())
        })
    }

    /// The end of its log.
    fn log(&self) -> String {
        match fs::read(&self.log) {
            Ok(log) => last_lines(&log, LAST_LINES),
            Err(error) => format!("({:?} cannot be read: {error})", self.log),
        }
    }

    /// Stops the process where it is (SIGSTOP): connections stay open, nothing answers.
    pub(crate) fn pause(&self) -> anyhow::Result<()> {
        self.signal("STOP")?;
        // The signal takes a moment to reach every thread, and until then requests are answered.
        let deadline = Instant::now() + STOP_DEADLINE;
        while !process::is_stopped(self.child.id()) {
            anyhow::ensure!(Instant::now() < deadline, "{} does not stop", self.name);
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Lets a paused process go on (SIGCONT).
    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        self.signal("CONT")
    }

    fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let status = shell(r#"kill -s "$1" "$2""#)
            .arg(signal)
            .arg(self.child.id().to_string())
            .status()
            .context("running sh")?;
        anyhow::ensure!(status.success(), "SIG{signal} to {}: {status}", self.name);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The watchdog goes before the server is reaped: from then on its process id may be another's.
        let _ = self.child.kill();
        end(&mut self.watchdog);
        end(&mut self.child);
    }
}

/// Tries until it succeeds, while these servers run; `what` says what it is when it does not.
pub(crate) async fn until<T>(
    what: &str,
    patience: Duration,
    servers: &mut [&mut Server],
    mut attempt: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        for server in &mut *servers {
            server.check_running()?;
        }
        match attempt().await {
            Err(error) if Instant::now() >= deadline => {
                let logs = servers
                    .iter()
                    .map(|server| format!("\nthe end of the log of {}:\n{}", server.name, server.log()));
                let logs: String = logs.collect();
                return Err(error.context(format!("{what} after {patience:?}{logs}")));
            }
            Err(_) => sleep(POLL_INTERVAL).await,
            done => return done,
        }
    }
}

/// Starts a process that kills another one once this process is gone, which closes the pipe.
fn watchdog(process_id: u32) -> anyhow::Result<Child> {
    shell(r#"read -r _; kill -s KILL "$1""#)
        .arg(process_id.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("starting sh")
}

/// A shell, because its `kill` needs neither a dependency nor unsafe code.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]);
    command
}

fn end(child: &mut Child) {
    // It fails only when the child has ended already.
    let _ = child.kill();
    let _ = child.wait();
}
