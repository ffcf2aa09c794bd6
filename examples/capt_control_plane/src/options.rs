//! The command line.

use std::{fs, ops::RangeInclusive, path::PathBuf, process, time::Duration};

use anyhow::{Context as _, bail};
use lexopt::{Arg, Parser, ValueExt as _};
use requeue_policy::RequeueConfig;

const HELP: &str = "\
Runs the controller of a CAPTControlPlane twice over the same scenario: once as it is today, every 100 ms, and once
with requeue-policy. Compares what that costs and how fast changes are noticed.

There is nothing to install: the API server is in memory, and time is virtual.

Usage: capt_control_plane [OPTIONS]

Options:
      --config FILE     Read the policy from a YAML file; what it leaves out is 30s by default, 10s while failed, 5s
                        until initialized
      --objects N       How many control planes there are [default: 10]
      --minutes N       How long each controller runs, in minutes of cluster time [default: 10, or 2 with --cluster]
      --svg FILE        Where to draw the reconciles over time [default: target/capt_control_plane.svg]
      --check           Exit with 1 unless the crate keeps its promise: a hundredth of the work, no loop where two status
                        writes disagree, and every change noticed in time; in a cluster, a machine that is busy with
                        something else may break it, too
  -v, --verbose         Write the log of both controllers to stderr
      --cluster         Run in the cluster of the current kubeconfig, in real time; installs the CRD, and removes it in
                        the end; needs the feature `cluster`
      --namespace NAME  The namespace to use in the cluster; it must exist [default: default]
  -h, --help            Show this help
";

#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) cluster: bool,
    pub(crate) namespace: String,
    config: Option<PathBuf>,
    pub(crate) objects: u16,
    minutes: Option<u16>,
    pub(crate) svg: PathBuf,
    pub(crate) check: bool,
    pub(crate) verbose: bool,
}

impl Options {
    /// Reads the arguments of this program; ends it if they ask for help.
    pub(crate) fn parse() -> anyhow::Result<Self> {
        let mut options = Self {
            cluster: false,
            namespace: "default".to_owned(),
            config: None,
            objects: 10,
            minutes: None,
            svg: "target/capt_control_plane.svg".into(),
            check: false,
            verbose: false,
        };
        let mut arguments = Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Arg::Long("cluster") => options.cluster = true,
                Arg::Long("namespace") => options.namespace = arguments.value()?.string()?,
                Arg::Long("config") => options.config = Some(arguments.value()?.into()),
                Arg::Long("objects") => options.objects = number(&mut arguments, "objects", 1..=1000)?,
                Arg::Long("minutes") => options.minutes = Some(number(&mut arguments, "minutes", 2..=1440)?),
                Arg::Long("svg") => options.svg = arguments.value()?.into(),
                Arg::Long("check") => options.check = true,
                Arg::Long("verbose") | Arg::Short('v') => options.verbose = true,
                Arg::Long("help") | Arg::Short('h') => {
                    print!("{HELP}");
                    process::exit(0);
                }
                _ => bail!("{}; see --help", argument.unexpected()),
            }
        }
        Ok(options)
    }

    /// How long each controller runs.
    pub(crate) fn length(&self) -> Duration {
        let minutes = self.minutes.unwrap_or(if self.cluster { 2 } else { 10 });
        Duration::from_secs(60 * u64::from(minutes))
    }

    pub(crate) fn policy(&self) -> anyhow::Result<RequeueConfig> {
        let Some(file) = &self.config else {
            return Ok(RequeueConfig::default());
        };
        let yaml = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_saphyr::from_str(&yaml).with_context(|| format!("{} is no policy", file.display()))
    }
}

fn number(arguments: &mut Parser, name: &str, allowed: RangeInclusive<u16>) -> anyhow::Result<u16> {
    let text = arguments.value()?.string()?;
    let number = text.parse().ok().filter(|number| allowed.contains(number));
    number.with_context(|| {
        let (least, most) = allowed.into_inner();
        format!("--{name}: {text:?} is not allowed, it must be a number from {least} to {most}")
    })
}
