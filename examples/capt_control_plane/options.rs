//! The command line.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use requeue_policy::RequeueConfig;

/// Runs the controller of a CAPTControlPlane twice over the same scenario, once as it is today, every 100 ms, and once
/// with requeue-policy, and compares what that costs and how fast changes are noticed.
///
/// By itself it needs nothing: the API server is in memory, and time is virtual.
#[derive(Debug, Parser)]
#[command(name = "capt_control_plane")]
pub(crate) struct Options {
    /// Run in the cluster of the current kubeconfig, in real time; installs the CRD, and removes it in the end
    #[arg(long)]
    pub(crate) cluster: bool,

    /// The namespace to use in the cluster; it must exist
    #[arg(long, value_name = "NAME", default_value = "default", requires = "cluster")]
    pub(crate) namespace: String,

    /// Read the policy from a YAML file; what it leaves out is 30s by default, 10s while failed, 5s until initialized
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How many control planes there are
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) objects: u16,

    /// How long each controller runs, in minutes of cluster time [default: 10, or 2 with --cluster]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1440))]
    pub(crate) minutes: Option<u16>,

    /// Where to draw the reconciles over time
    #[arg(long, value_name = "FILE", default_value = "target/capt_control_plane.svg")]
    pub(crate) svg: PathBuf,

    /// Exit with 1 unless the crate keeps its promise: a hundredth of the work, and every change noticed in time
    ///
    /// In a cluster, a machine that is busy with something else may break it, too.
    #[arg(long)]
    pub(crate) check: bool,

    /// Print the log of both controllers to stderr
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

impl Options {
    /// Returns how long each controller runs.
    pub(crate) fn length(&self) -> Duration {
        let minutes = self.minutes.unwrap_or(if self.cluster { 2 } else { 10 });
        Duration::from_secs(60 * u64::from(minutes))
    }

    /// Returns the policy.
    pub(crate) fn policy(&self) -> anyhow::Result<RequeueConfig> {
        let Some(file) = &self.config else {
            return Ok(RequeueConfig::default());
        };
        let yaml = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_saphyr::from_str(&yaml).with_context(|| format!("{} is no policy", file.display()))
    }
}
