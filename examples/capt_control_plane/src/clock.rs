//! The time of a trial.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;
use tracing_subscriber::fmt::{format::Writer, time::FormatTime};

/// The time since a trial started, and the time of day; both pass as the runtime's time does.
///
/// `SystemTime::now()` does not: an object that is stamped with it in virtual time never grows older.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    wall: Timestamp,
}

impl Clock {
    /// Starts a trial's time.
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            // Only a system clock that is off by millennia is out of jiff's range.
            wall: Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// Returns how long the trial has lasted.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the time of day.
    pub(crate) fn now(&self) -> Timestamp {
        self.wall + self.elapsed()
    }

    /// Waits until the trial has lasted that long.
    pub(crate) async fn sleep_until(&self, elapsed: Duration) {
        tokio::time::sleep_until(self.started + elapsed).await;
    }
}

/// The log shows the trial's time.
impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{:9.3}s", self.elapsed().as_secs_f64())
    }
}
