//! What is compared, and a controller's settings.

use std::{env, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// What a controller is started with, as JSON in its arguments; `manager/main.go` reads the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) kubeconfig: String,
    pub(crate) interval_ms: u64,
    pub(crate) jitter: f64,
    pub(crate) work_ms: u64,
    pub(crate) workers: u16,
    pub(crate) writes_status: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Contestant {
    /// `RequeueAfter`, with as much random jitter either way.
    ControllerRuntime { jitter: f64 },
    /// kube-rs with this crate.
    RequeuePolicy { jitter: f64 },
}

impl Contestant {
    pub(crate) fn jitter(self) -> f64 {
        match self {
            Self::ControllerRuntime { jitter } | Self::RequeuePolicy { jitter } => jitter,
        }
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::ControllerRuntime { jitter: 0.0 } => "controller-runtime".to_owned(),
            Self::ControllerRuntime { jitter } => format!("controller-runtime ±{:.0} %", 100.0 * jitter),
            Self::RequeuePolicy { jitter } => format!("requeue-policy, jitter {jitter}"),
        };
        f.pad(&text)
    }
}

/// The course of the comparison.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) contestants: Vec<Contestant>,
    pub(crate) objects: usize,
    pub(crate) interval: Duration,
    /// How many intervals after the one of the restart.
    pub(crate) intervals: usize,
    pub(crate) workers: u16,
    pub(crate) work: Duration,
    pub(crate) changes: usize,
}

/// Runs are counted in as many parts of the interval: 250 ms of 10 s.
pub(crate) const PARTS: usize = 40;
/// Of this crate, as the guide recommends.
const JITTER: f64 = 0.2;
/// Of the usual remedy, either way.
const RANDOM_JITTER: f64 = 0.1;

impl Plan {
    pub(crate) fn read(short: bool) -> anyhow::Result<Self> {
        let jitter = variable("JITTER")?.unwrap_or(JITTER);
        let mut contestants = vec![
            Contestant::ControllerRuntime { jitter: 0.0 },
            Contestant::ControllerRuntime { jitter: RANDOM_JITTER },
            Contestant::RequeuePolicy { jitter },
        ];
        if let Some(name) = variable::<String>("CONTROLLERS")? {
            contestants.retain(|contestant| contestant.to_string().contains(&name));
            anyhow::ensure!(!contestants.is_empty(), "CONTROLLERS: there is none with {name:?}");
        }
        let (objects, interval, changes) = match short {
            true => (100, Duration::from_secs(1), 20),
            false => (2000, Duration::from_secs(10), 500),
        };
        Ok(Self {
            contestants,
            objects,
            interval,
            intervals: variable("INTERVALS")?.unwrap_or(4),
            workers: 10,
            work: Duration::from_millis(5),
            changes,
        })
    }
}

fn variable<T: FromStr>(name: &str) -> anyhow::Result<Option<T>> {
    let Some(value) = env::var_os(name) else {
        return Ok(None);
    };
    let value = value.to_string_lossy();
    match value.parse() {
        Ok(parsed) => Ok(Some(parsed)),
        Err(_) => anyhow::bail!(
            "{name}: {value:?} is not allowed, it must be a {}",
            std::any::type_name::<T>()
        ),
    }
}
