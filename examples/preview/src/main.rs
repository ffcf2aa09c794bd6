//! Shows what a policy does, without a cluster: its delays, its cost, how late it notices a change, and how a herd spreads.
//!
//! ```sh
//! cargo run -p preview -- docs/policy.yaml
//! cargo run -p preview -- docs/policy.yaml --error 10s..10m:jitter=0.2
//! cargo run -p preview -- --policy default=never,error=10s..5m
//! yq .requeue config.yaml | cargo run -p preview -- -
//! ```

mod chart;
mod cost;
mod delays;
mod herd;
mod human;
mod lateness;
mod simulate;
mod source;

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Parser;
use requeue_policy::{Interval, RequeueConfig};

use crate::{human::count, source::Source};

/// Shows what a policy does, without a cluster: its delays, its cost, how late it notices a change, and how a herd spreads.
#[derive(Debug, Parser)]
#[command(
    name = "preview",
    after_help = "The file holds only the policy. If it is a part of your operator's config file: yq .requeue config.yaml | preview -"
)]
struct Options {
    /// The policy: YAML, or TOML or JSON by its extension. - reads YAML from stdin. Without a file: the defaults
    file: Option<PathBuf>,

    /// The policy as text in place of a file, such as default=never,error=10s..5m:jitter=0.2
    #[arg(long, env = "REQUEUE_POLICY", value_name = "TEXT", conflicts_with = "file")]
    policy: Option<RequeueConfig>,

    /// The interval of a settled object, in place of the policy's: 30s, 10s..5m:jitter=0.2 or never
    #[arg(long, value_name = "INTERVAL")]
    default: Option<Interval>,

    /// The interval of a failed object, in place of the policy's
    #[arg(long, value_name = "INTERVAL")]
    error: Option<Interval>,

    /// The interval of an object that is not initialized yet, in place of the policy's
    #[arg(long, value_name = "INTERVAL")]
    initialization: Option<Interval>,

    /// How many objects there are
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    objects: u32,

    /// Draw delays.svg and herd.svg into this folder, which is created if missing
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
}

impl Options {
    /// The policy with the intervals that are given one by one.
    fn over(&self, mut policy: RequeueConfig) -> RequeueConfig {
        if let Some(interval) = self.default {
            policy = policy.with_default(interval);
        }
        if let Some(interval) = self.error {
            policy = policy.with_error(interval);
        }
        if let Some(interval) = self.initialization {
            policy = policy.with_initialization(interval);
        }
        policy
    }
}

/// Exits with 1 if there is no policy to show, or nowhere to draw.
fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Some formats end their message with a line break.
            eprintln!("{}", format!("{error:#}").trim_end());
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let source = Source::of(options.file.as_deref(), options.policy);
    let policy = options.over(source.policy()?);
    let mut text = preview(&source, &policy, options.objects);
    if let Some(folder) = &options.svg {
        let names = chart::draw(folder, &policy, options.objects)
            .with_context(|| format!("cannot draw into {}", folder.display()))?;
        for name in names {
            let _ = writeln!(text, "drawn: {}", folder.join(name).display());
        }
    }
    match io::stdout().write_all(text.as_bytes()) {
        // `head` closes the pipe early.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to stdout"),
    }
}

fn preview(source: &Source<'_>, policy: &RequeueConfig, objects: u32) -> String {
    let same = if *policy == RequeueConfig::default() && !matches!(source, Source::Defaults) {
        ", which equals the defaults"
    } else {
        ""
    };
    format!(
        "Policy: {source}{same}; {} objects\n\n{}\n{}\n{}\n{}",
        count(objects.into()),
        delays::section(policy),
        cost::section(policy, objects),
        lateness::section(policy),
        herd::section(policy, objects),
    )
}
