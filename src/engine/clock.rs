//! The engine's clocks: tokio's for delays, the wall clock for what a status says.

use super::memory::Tick;
use std::{
    ops::RangeInclusive,
    sync::OnceLock,
    time::{self, Duration, SystemTime},
};
use tokio::time::Instant;

/// Where the process read both clocks, once: under a paused runtime all engines agree on the time, also one that takes
/// over from another.
static ORIGIN: OnceLock<(SystemTime, time::Instant)> = OnceLock::new();

/// Counts from its start.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    start: Instant,
    #[cfg(feature = "testing")]
    hand: Option<(SystemTime, Hand)>,
}

/// What sets a clock in place of tokio, in microseconds since its start.
#[cfg(feature = "testing")]
pub(crate) type Hand = std::sync::Arc<std::sync::atomic::AtomicU64>;

impl Clock {
    pub(crate) fn start() -> Self {
        origin();
        Self {
            start: Instant::now(),
            #[cfg(feature = "testing")]
            hand: None,
        }
    }

    /// A clock that says `wall` at its start, and goes on by hand.
    #[cfg(feature = "testing")]
    pub(crate) fn by_hand(wall: SystemTime, hand: Hand) -> Self {
        Self {
            start: Instant::now(),
            hand: Some((wall, hand)),
        }
    }

    /// The time since the start, which no step of the wall clock changes.
    #[inline]
    pub(crate) fn now(&self) -> Tick {
        #[cfg(feature = "testing")]
        if let Some((_, hand)) = &self.hand {
            return hand.load(std::sync::atomic::Ordering::Relaxed);
        }
        self.start.elapsed().as_micros() as Tick
    }

    /// What the wall clock says at `now`.
    pub(crate) fn wall(&self, now: Tick) -> Wall {
        #[cfg(feature = "testing")]
        if let Some((start, hand)) = &self.hand {
            let elapsed = Duration::from_micros(hand.load(std::sync::atomic::Ordering::Relaxed));
            return Wall {
                time: start.checked_add(elapsed).unwrap_or(*start),
                now,
            };
        }
        Wall { time: wall(), now }
    }
}

/// What the wall clock says at a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wall {
    pub(crate) time: SystemTime,
    pub(crate) now: Tick,
}

impl Wall {
    /// The wall clock's time at an earlier tick, as the present wall clock counts.
    pub(crate) fn at(self, tick: Tick) -> SystemTime {
        let ago = Duration::from_micros(self.now.saturating_sub(tick));
        self.time.checked_sub(ago).unwrap_or(self.time)
    }
}

fn origin() -> (SystemTime, time::Instant) {
    *ORIGIN.get_or_init(|| (SystemTime::now(), time::Instant::now()))
}

/// The wall clock itself, with its steps; under a paused runtime, where tokio's clock is not the machine's, the time of the
/// process's start and what has passed since by tokio's clock.
fn wall() -> SystemTime {
    let before = time::Instant::now();
    let tokio = Instant::now().into_std();
    let after = time::Instant::now();
    wall_of(SystemTime::now(), origin(), tokio, before..=after)
}

/// What [`wall`] makes of the machine's two clocks and of tokio's.
fn wall_of(
    system: SystemTime,
    origin: (SystemTime, time::Instant),
    tokio: time::Instant,
    machine: RangeInclusive<time::Instant>,
) -> SystemTime {
    if machine.contains(&tokio) {
        return system;
    }
    let (wall, start) = origin;
    // It may have been paused just before the process read both clocks.
    let at = match tokio.checked_duration_since(start) {
        Some(since) => wall.checked_add(since),
        None => wall.checked_sub(start.duration_since(tokio)),
    };
    at.unwrap_or(wall)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_step_of_the_wall_clock_is_followed_unless_the_runtime_is_paused() {
        let start = time::Instant::now();
        let origin = (SystemTime::UNIX_EPOCH + 10 * HOUR, start);
        let machine = start + HOUR..=start + HOUR;
        // NTP sets it back or ahead, or the machine was suspended.
        for system in [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + 100 * HOUR] {
            assert_eq!(wall_of(system, origin, start + HOUR, machine.clone()), system);
            let paused = wall_of(system, origin, start + 2 * HOUR, machine.clone());
            assert_eq!(paused, SystemTime::UNIX_EPOCH + 12 * HOUR);
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn in_a_runtime_that_runs_it_is_the_machines_time() {
        let clock = Clock::start();
        tokio::task::yield_now().await;
        let before = SystemTime::now();
        let wall = clock.wall(clock.now()).time;
        assert!((before..=SystemTime::now()).contains(&wall));
    }

    #[tokio::test(start_paused = true)]
    async fn in_a_paused_runtime_it_goes_on_with_tokio_alone() {
        let clock = Clock::start();
        let before = clock.wall(clock.now()).time;
        tokio::time::advance(1000 * HOUR).await;
        assert_eq!(clock.wall(clock.now()).time, before + 1000 * HOUR);
    }
}
