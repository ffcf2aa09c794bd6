//! A policy in a file, read again with each SIGHUP.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::sys::signal::{self as os, raise};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

use crate::{
    app::{App, AppSpec},
    policy::Policy,
    stage::Stage,
};

type Error = Box<dyn std::error::Error>;

/// Reads the file again with each SIGHUP.
async fn follow(policy: Policy, path: PathBuf, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        match fs::read_to_string(&path) {
            Ok(text) => policy.replace(&text),
            Err(error) => warn!(%error, path = %path.display(), "the policy is not there, the old one stays"),
        }
    }
}

fn start(stage: &Stage, path: &Path) -> Result<(), Error> {
    // First of all, for a SIGHUP that nobody listens to ends the process.
    let hangups = signal(SignalKind::hangup())?;
    let (policy, all) = Policy::read(&fs::read_to_string(path)?)?;
    policy.start(stage, all);
    tokio::spawn(follow(policy, path.to_owned(), hangups));
    Ok(())
}

fn hang_up() -> nix::Result<()> {
    raise(os::Signal::SIGHUP)
}

/// The policy is replaced, and then by one that is refused.
pub(crate) async fn play(stage: &Stage) -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("requeue.yaml");
    fs::write(&path, "default: 10m")?;
    stage.create(&App::new("app", AppSpec::default())).await?;
    start(stage, &path)?;
    stage.until(60.0).await;
    // Changed, and not yet told of.
    fs::write(&path, "default: 30s")?;
    stage.until(70.0).await;
    hang_up()?;
    stage.until(130.0).await;
    fs::write(&path, "default: soon")?;
    hang_up()?;
    stage.until(180.0).await;
    Ok(())
}
