//! The adapter's clock: tokio's, so that a paused runtime pauses the policy too.

use crate::adapter::memory::Tick;
use std::{
    sync::OnceLock,
    time::{self, Duration, SystemTime},
};
use tokio::time::Instant;

/// Where the process read both clocks, once: whatever tokio's clock does from then on, all adapters agree on the time,
/// also one that takes over from another.
static ORIGIN: OnceLock<(SystemTime, time::Instant)> = OnceLock::new();

/// Counts from its start.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    start: Instant,
    wall: SystemTime,
    #[cfg(feature = "testing")]
    hand: Option<Hand>,
}

/// What sets a clock in place of tokio, in microseconds since its start.
#[cfg(feature = "testing")]
pub(crate) type Hand = std::sync::Arc<std::sync::atomic::AtomicU64>;

impl Clock {
    pub(crate) fn start() -> Self {
        let (wall, origin) = *ORIGIN.get_or_init(|| (SystemTime::now(), time::Instant::now()));
        let start = Instant::now();
        let since_origin = start.into_std().saturating_duration_since(origin);
        Self {
            start,
            wall: wall.checked_add(since_origin).unwrap_or(wall),
            #[cfg(feature = "testing")]
            hand: None,
        }
    }

    /// A clock that says `wall` now, whatever the time is.
    pub(crate) fn start_at(wall: SystemTime) -> Self {
        Self {
            start: Instant::now(),
            wall,
            #[cfg(feature = "testing")]
            hand: None,
        }
    }

    /// A clock that says `wall` at its start, and goes on by hand.
    #[cfg(feature = "testing")]
    pub(crate) fn by_hand(wall: SystemTime, hand: Hand) -> Self {
        Self {
            hand: Some(hand),
            ..Self::start_at(wall)
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> Tick {
        #[cfg(feature = "testing")]
        if let Some(hand) = &self.hand {
            return hand.load(std::sync::atomic::Ordering::Relaxed);
        }
        self.start.elapsed().as_micros() as Tick
    }

    #[inline]
    pub(crate) fn wall(&self, tick: Tick) -> SystemTime {
        // Saturates where a platform's SystemTime ends.
        self.wall.checked_add(Duration::from_micros(tick)).unwrap_or(self.wall)
    }
}
