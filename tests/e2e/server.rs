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

use crate::{process, text::tail};

const TAIL_LINES: usize = 40;
const STOP_DEADLINE: Duration = Duration::from_secs(5);

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
        match watchdog(child.id()) {
            Ok(watchdog) => Ok(Self {
                name,
                log,
                child,
                watchdog,
            }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Fails with [`Exited`] if the server has ended.
    pub(crate) fn check_running(&mut self) -> anyhow::Result<()> {
        let status = self
            .child
            .try_wait()
            .with_context(|| format!("asking whether {} still runs", self.name))?;
        match status {
            None => Ok(()),
            Some(status) => Err(Exited {
                name: self.name,
                status,
                log: self.log_tail(),
            }
            .into()),
        }
    }

    /// The last lines of the log.
    pub(crate) fn log_tail(&self) -> String {
        match fs::read(&self.log) {
            Ok(log) => tail(&String::from_utf8_lossy(&log), TAIL_LINES),
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
