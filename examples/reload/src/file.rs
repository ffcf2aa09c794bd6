//! A policy in a file, read again with each SIGHUP.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nix::sys::signal::{self as os, raise};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

use crate::{app::World, policy::Policy};

type Error = Box<dyn std::error::Error>;

/// Reads the file again with each SIGHUP.
async fn follow(mut policy: Policy, path: PathBuf, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        match fs::read_to_string(&path) {
            Ok(text) => policy.replace(&text),
            Err(error) => warn!(%error, path = %path.display(), "the policy is not there, the old one stays"),
        }
    }
}

fn start(world: &World, path: &Path) -> Result<(), Error> {
    // First of all, for a SIGHUP that nobody listens to ends the process.
    let hangups = signal(SignalKind::hangup())?;
    let (policy, all) = Policy::read(&fs::read_to_string(path)?)?;
    policy.start(world, all);
    tokio::spawn(follow(policy, path.to_owned(), hangups));
    Ok(())
}

fn hang_up() -> nix::Result<()> {
    raise(os::Signal::SIGHUP)
}

/// The policy is replaced, and then by one that is refused.
pub(crate) async fn play(world: &World) -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("requeue.yaml");
    fs::write(&path, "default: 10m")?;
    start(world, &path)?;
    world.until(60).await;
    // Written, but without a SIGHUP.
    fs::write(&path, "default: 30s")?;
    world.until(70).await;
    hang_up()?;
    world.until(130).await;
    fs::write(&path, "default: soon")?;
    hang_up()?;
    world.until(180).await;
    Ok(())
}
