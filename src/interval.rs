//! How long until the next run, from how long the object has been in its phase.

use crate::{ConfigError, config::check_duration, slot::nanos};
use std::{iter, time::Duration};

/// kube-runtime schedules nothing further ahead than this: 6 × 30 days.
pub(crate) const LONGEST: Duration = Duration::from_secs(6 * 30 * 24 * 60 * 60);

/// The resolution of tokio's timers, below which a delay means nothing.
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);

/// The delay between the runs of an object in one phase, constant or growing with the time spent in it.
///
/// The delay after a run is `min(max, initial + (factor − 1) × elapsed)`, with `elapsed` the time since the object
/// entered the phase. Runs that take no time give exactly the exponential sequence that is usual elsewhere (factor
/// 2: 10, 20, 40, 80 s …), but nothing is counted: the object's `lastTransitionTime` is all the state there is. So a
/// backoff survives restarts, runs started by events do not inflate it, and a recovery is noticed within
/// `(factor − 1) × outage + initial`.
///
/// # Defaults
///
/// Factor 1 (constant), no `max`, jitter 0, no deadline.
///
/// # In a config file
///
/// A duration, or a map; durations as humantime writes them (`"30s"`, `"1h 30m"`):
///
/// ```
/// # use requeue_policy::Interval;
/// # use std::time::Duration;
/// let short: Interval = serde_saphyr::from_str("30s")?;
/// assert_eq!(short, Interval::constant(Duration::from_secs(30)));
///
/// let long: Interval = serde_saphyr::from_str("{ initial: 10s, factor: 2, max: 5m, jitter: 0.2, deadline: 6h }")?;
/// assert_eq!(
///     long,
///     Interval::constant(Duration::from_secs(10))
///         .with_factor(2.0)
///         .with_max(Duration::from_secs(5 * 60))
///         .with_jitter(0.2)
///         .with_deadline(Duration::from_secs(6 * 60 * 60))
/// );
/// # Ok::<(), serde_saphyr::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub(crate) initial: Duration,
    pub(crate) factor: f64,
    pub(crate) max: Option<Duration>,
    pub(crate) jitter: f64,
    pub(crate) deadline: Option<Duration>,
}

impl Interval {
    /// Returns an interval that is always `initial`.
    #[must_use]
    pub const fn constant(initial: Duration) -> Self {
        Self {
            initial,
            factor: 1.0,
            max: None,
            jitter: 0.0,
            deadline: None,
        }
    }

    /// Sets by what the delay grows from run to run if runs take no time, 1 or more; needs a [`max`](Self::with_max) above 1.
    #[must_use]
    pub const fn with_factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets the cap of the growth, at least `initial`; it applies before jitter.
    #[must_use]
    pub const fn with_max(mut self, max: Duration) -> Self {
        self.max = Some(max);
        self
    }

    /// Sets by which share of the delay, 0.0 to 0.5, a run may come earlier, so that a herd flattens; see [`Slot`](crate::Slot).
    ///
    /// 0.2 spreads a herd over the interval within a few runs (simulated by the test `slots_flatten_a_herd`:
    /// 10,000 objects started together at an interval of 30 s have a peak-to-mean of 61 without jitter, and with
    /// 0.2 of 1.8 after four intervals and 1.4 after ten, where chance alone gives 1.3).
    #[must_use]
    pub const fn with_jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets after how long in the phase timers give up; from then on only a change starts a run.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Returns the first delay of the phase.
    #[must_use]
    pub const fn initial(&self) -> Duration {
        self.initial
    }

    /// Returns the longest delay that the interval ever gives, before jitter: `max` where it grows, else `initial`.
    ///
    /// Never panics. Between 1 ms and 180 days, kube-runtime's limit, whatever was set.
    #[must_use]
    pub fn longest(&self) -> Duration {
        let cap = if self.factor > 1.0 {
            self.max.unwrap_or(LONGEST)
        } else {
            self.max.map_or(self.initial, |max| max.min(self.initial))
        };
        cap.clamp(SHORTEST, LONGEST)
    }

    /// Returns the delay after `elapsed` in the phase, before jitter; `None` from the deadline on.
    ///
    /// Never panics and never returns less than 1 ms, validated or not: a factor below 1 or NaN counts as 1, and a growth without
    /// `max` ends at 180 days.
    ///
    /// ```
    /// use requeue_policy::Interval;
    /// use std::time::Duration;
    ///
    /// let backoff = Interval::constant(Duration::from_secs(10))
    ///     .with_factor(2.0)
    ///     .with_max(Duration::from_secs(300))
    ///     .with_deadline(Duration::from_secs(3600));
    /// assert_eq!(backoff.delay(Duration::ZERO), Some(Duration::from_secs(10)));
    /// assert_eq!(backoff.delay(Duration::from_secs(30)), Some(Duration::from_secs(40)));
    /// assert_eq!(backoff.delay(Duration::from_secs(3599)), Some(Duration::from_secs(300)));
    /// assert_eq!(backoff.delay(Duration::from_secs(3600)), None);
    /// ```
    #[must_use]
    pub fn delay(&self, elapsed: Duration) -> Option<Duration> {
        if self.deadline.is_some_and(|deadline| elapsed >= deadline) {
            return None;
        }
        let initial = nanos(self.initial);
        let grown = if self.factor > 1.0 {
            // Half is added so that the cast, which rounds down and saturates, rounds to the nearest nanosecond.
            initial.saturating_add(((self.factor - 1.0) * nanos(elapsed) as f64 + 0.5) as u64)
        } else {
            initial
        };
        Some(Duration::from_nanos(grown.clamp(nanos(SHORTEST), nanos(self.longest()))))
    }

    /// Returns the delays, before jitter, of an object that stays in the phase while its runs take no time.
    ///
    /// For those who keep a count of attempts: `delays().nth(attempts)`. Ends where the deadline does, and never
    /// without one.
    ///
    /// ```
    /// use requeue_policy::Interval;
    /// use std::time::Duration;
    ///
    /// let backoff = Interval::constant(Duration::from_secs(10))
    ///     .with_factor(2.0)
    ///     .with_max(Duration::from_secs(60))
    ///     .with_deadline(Duration::from_secs(180));
    /// let seconds: Vec<_> = backoff.delays().map(|delay| delay.as_secs()).collect();
    /// assert_eq!(seconds, [10, 20, 40, 60, 60]);
    /// ```
    pub fn delays(&self) -> impl Iterator<Item = Duration> + use<> {
        let interval = *self;
        let mut elapsed = Duration::ZERO;
        iter::from_fn(move || {
            let delay = interval.delay(elapsed)?;
            elapsed = elapsed.saturating_add(delay);
            Some(delay)
        })
    }

    /// Checks every field; the one door that a config file and [`Requeuer::new`](crate::kube::Requeuer::new) go through.
    ///
    /// # Errors
    ///
    /// The first of these, naming the field, the value and what is allowed: `initial`, `max` or `deadline` outside 1 ms to 180 days;
    /// a factor below 1, NaN or infinite; a factor above 1 without `max`; `max` below `initial`; jitter outside 0 to 0.5, or NaN.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_duration("initial", self.initial)?;
        if !(self.factor >= 1.0 && self.factor.is_finite()) {
            return Err(ConfigError::new("factor", self.factor, "must be a finite number of at least 1"));
        }
        match self.max {
            Some(max) => {
                check_duration("max", max)?;
                if max < self.initial {
                    let allowed = format!("must be at least initial, {}", humantime(self.initial));
                    return Err(ConfigError::new("max", humantime(max), allowed));
                }
            }
            None if self.factor > 1.0 => {
                let allowed = format!("must be set where factor is above 1, and it is {}", self.factor);
                return Err(ConfigError::new("max", "none", allowed));
            }
            None => {}
        }
        if !(self.jitter >= 0.0 && self.jitter <= 0.5) {
            return Err(ConfigError::new("jitter", self.jitter, "must be a number from 0 to 0.5"));
        }
        self.deadline.map_or(Ok(()), |deadline| check_duration("deadline", deadline))
    }
}

impl From<Duration> for Interval {
    fn from(initial: Duration) -> Self {
        Self::constant(initial)
    }
}

/// A duration as humantime writes it.
pub(crate) fn humantime(duration: Duration) -> impl std::fmt::Display + use<> {
    humantime_serde::re::humantime::format_duration(duration)
}
