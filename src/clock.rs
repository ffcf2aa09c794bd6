//! The adapter's clock: tokio's, so that a paused runtime pauses the policy too.

use crate::memory::Tick;
use std::{
    sync::OnceLock,
    time::{self, Duration, SystemTime},
};
use tokio::time::Instant;

/// Where the process read both clocks, once: whatever tokio's clock does from then on, all adapters agree on the time,
/// also one that takes over from another.
static ORIGIN: OnceLock<(SystemTime, time::Instant)> = OnceLock::new();

/// Counts from its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    wall: SystemTime,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let (wall, origin) = *ORIGIN.get_or_init(|| (SystemTime::now(), time::Instant::now()));
        let start = Instant::now();
        let since_origin = start.into_std().saturating_duration_since(origin);
        Self {
            start,
            wall: wall.checked_add(since_origin).unwrap_or(wall),
        }
    }

    /// A clock that says `wall` now, whatever the time is.
    pub(crate) fn start_at(wall: SystemTime) -> Self {
        Self {
            start: Instant::now(),
            wall,
        }
    }

    pub(crate) fn now(&self) -> Tick {
        self.start.elapsed().as_micros() as Tick
    }

    pub(crate) fn wall(&self, tick: Tick) -> SystemTime {
        // Saturates where a platform's SystemTime ends.
        self.wall.checked_add(Duration::from_micros(tick)).unwrap_or(self.wall)
    }
}
