//! How much memory this process has, all the time.

use std::{
    fs,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use tokio::{task::JoinSet, time::interval};

const EVERY: Duration = Duration::from_secs(1);

/// Samples in kilobytes, one a second: four bytes each, so that they do not weigh themselves.
pub(crate) struct Memory {
    samples: Arc<Mutex<Vec<u32>>>,
    _sampling: JoinSet<anyhow::Result<()>>,
}

impl Memory {
    pub(crate) fn start() -> Self {
        let (samples, mut sampling) = (Arc::<Mutex<Vec<u32>>>::default(), JoinSet::new());
        let taken = samples.clone();
        sampling.spawn(async move {
            let mut ticks = interval(EVERY);
            loop {
                ticks.tick().await;
                lock(&taken).push(resident()?);
            }
        });
        Self {
            samples,
            _sampling: sampling,
        }
    }

    /// How many samples there are.
    pub(crate) fn len(&self) -> usize {
        lock(&self.samples).len()
    }

    /// The middle one of these, in megabytes.
    pub(crate) fn median(&self, range: Range<usize>) -> anyhow::Result<f64> {
        let mut some = lock(&self.samples).get(range).unwrap_or_default().to_vec();
        some.sort_unstable();
        let middle = some.get(some.len() / 2).context("the memory was not looked at")?;
        Ok(megabytes(*middle))
    }

    pub(crate) fn max(&self) -> f64 {
        megabytes(lock(&self.samples).iter().copied().max().unwrap_or_default())
    }
}

fn lock(samples: &Mutex<Vec<u32>>) -> MutexGuard<'_, Vec<u32>> {
    samples.lock().unwrap_or_else(PoisonError::into_inner)
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
