//! The adapter's clock: tokio's, so that a paused runtime pauses the policy too.

use crate::memory::Tick;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// A start by both clocks; from then on only tokio's is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: SystemTime,
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            wall: SystemTime::now(),
            start: Instant::now(),
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
