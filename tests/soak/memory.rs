//! How much memory this process has, all the time.

use std::{fs, time::Duration};

use anyhow::Context as _;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, interval},
};

const EVERY: Duration = Duration::from_secs(1);

/// Samples in kilobytes, one a second: four bytes each, so that they do not weigh themselves.
pub(crate) struct Memory {
    started: Instant,
    stop: watch::Sender<bool>,
    samples: JoinHandle<anyhow::Result<Vec<u32>>>,
}

/// The samples of a while.
#[derive(Clone, Debug)]
pub(crate) struct Samples(Vec<u32>);

impl Memory {
    pub(crate) fn start() -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let samples = tokio::spawn(async move {
            let (mut samples, mut ticks) = (Vec::new(), interval(EVERY));
            loop {
                tokio::select! {
                    _ = ticks.tick() => samples.push(resident()?),
                    _ = stopped.changed() => return Ok(samples),
                }
            }
        });
        Self {
            started: Instant::now(),
            stop,
            samples,
        }
    }

    /// The time since the first sample, in seconds: the place of the next one.
    pub(crate) fn place(&self) -> usize {
        self.started.elapsed().as_secs() as usize
    }

    pub(crate) async fn stop(self) -> anyhow::Result<Samples> {
        self.stop.send_replace(true);
        Ok(Samples(self.samples.await??))
    }
}

impl Samples {
    /// The middle one of these, in megabytes.
    pub(crate) fn median(&self, places: std::ops::Range<usize>) -> anyhow::Result<f64> {
        let places = places.start..places.end.min(self.0.len());
        let mut some = self.0.get(places).unwrap_or_default().to_vec();
        some.sort_unstable();
        let middle = some.get(some.len() / 2).context("the memory was not looked at")?;
        Ok(megabytes(*middle))
    }

    pub(crate) fn max(&self) -> f64 {
        megabytes(self.0.iter().copied().max().unwrap_or_default())
    }
}

fn megabytes(kilobytes: u32) -> f64 {
    f64::from(kilobytes) / 1024.0
}

/// `VmRSS`, in kilobytes.
fn resident() -> anyhow::Result<u32> {
    let status = fs::read_to_string("/proc/self/status").context("reading /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kilobytes = kilobytes.context("/proc/self/status says nothing of VmRSS in kB")?;
    kilobytes.trim().parse().context("reading VmRSS")
}
