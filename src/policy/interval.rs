//! The delay until the next reconcile, from the time that the object has been in its phase.

mod attempts;

use super::{
    config::{ConfigError, check_duration},
    slot::Slot,
};
use std::{fmt, iter, time::Duration};

/// kube-runtime schedules nothing further ahead than this, in nanoseconds: 6 × 30 days.
pub(crate) const LONGEST: u64 = 6 * 30 * 24 * 60 * 60 * 1_000_000_000;

/// The resolution of tokio's timers, in nanoseconds: a shorter delay means nothing.
pub(crate) const SHORTEST: u64 = 1_000_000;

/// The delay between the reconciles of an object in one phase: constant, or growing with the time in the phase.
///
/// The delay after a reconcile is `min(max, initial + (factor − 1) × elapsed)`, where `elapsed` is the time since the
/// object entered the phase. If reconciles take no time, this is the usual exponential sequence (factor 2: 10, 20, 40,
/// 80 s …). But nothing is counted: the object's `lastTransitionTime` is the only state. So a backoff survives restarts,
/// and reconciles that events trigger do not inflate it. A recovery is noticed within `initial + (factor − 1) × outage`.
///
/// # Defaults
///
/// Factor 1 (constant), no `max`, jitter 0, no deadline.
///
/// # In a config file
///
/// A duration, `never`, or a map. Durations have their units (`"30s"`, `"1h 30m"`):
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
///
/// # As text
///
/// In a flag, in the environment, and in a config file too: `initial`, `initial..max` or `never`, then any of `factor`,
/// `jitter` and `deadline`. A `max` without a factor means factor 2. There is nothing to quote in a shell. `Display` writes
/// the same:
///
/// ```
/// # use requeue_policy::Interval;
/// # use std::time::Duration;
/// let backoff: Interval = "10s..5m:jitter=0.2:deadline=6h".parse()?;
/// assert_eq!(
///     backoff,
///     Interval::constant(Duration::from_secs(10))
///         .with_factor(2.0)
///         .with_max(Duration::from_secs(5 * 60))
///         .with_jitter(0.2)
///         .with_deadline(Duration::from_secs(6 * 60 * 60))
/// );
/// assert_eq!(backoff.to_string(), "10s..5m:jitter=0.2:deadline=6h");
///
/// let error = "10s..5m:factor=0.5".parse::<Interval>().unwrap_err();
/// assert_eq!(error.to_string(), "factor: 0.5 is not allowed, it must be a finite number of at least 1");
/// # Ok::<(), requeue_policy::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Interval {
    // Nanoseconds, so that the decision is integer arithmetic.
    initial: u64,
    max: u64,
    deadline: u64,
    // Computed from the others, so that the decision only multiplies: the longest delay, its reciprocal (with 64 binary
    // digits), what the growth adds per nanosecond (with 48), and the jitter (with 32).
    cap: u64,
    turn: u64,
    growth: u64,
    shortening: u64,
    factor: f64,
    jitter: f64,
}

/// Stands for no `max`, no deadline, or no first delay at all.
const NONE: u64 = u64::MAX;

impl Interval {
    /// Returns an interval that is always `initial`.
    #[must_use]
    pub const fn constant(initial: Duration) -> Self {
        Self {
            initial: some(initial),
            max: NONE,
            deadline: NONE,
            cap: 0,
            turn: 0,
            growth: 0,
            shortening: 0,
            factor: 1.0,
            jitter: 0.0,
        }
        .capped()
    }

    /// Returns the interval that never comes, in a config file `never`: no timer starts a reconcile in this phase, only a
    /// change does.
    ///
    /// For a phase in which every change that matters arrives as an event. An object whose interval never comes is not given
    /// up: this is what the operator asked for. [`Phase::within`](crate::Phase::within), `after` and an interval by annotation
    /// still set a timer. There is no delay to change, so the setters have no effect.
    ///
    /// What a missed event hides stays unseen until the next change or restart. An object whose interval was `never` when it
    /// was last reconciled does not follow a new policy before its next reconcile.
    ///
    /// ```
    /// use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};
    /// use std::time::SystemTime;
    ///
    /// let policy = RequeueConfig::default().with_default(Interval::never());
    /// assert_eq!(policy, serde_saphyr::from_str("default: never")?);
    /// assert_eq!(policy.requeue(&Observed::new(Phase::Ready), SystemTime::now()), Requeue::AwaitChange);
    /// # Ok::<(), serde_saphyr::Error>(())
    /// ```
    #[must_use]
    pub const fn never() -> Self {
        Self {
            initial: NONE,
            // So that no decision has one more comparison: it has passed from the start.
            deadline: 0,
            ..Self::constant(Duration::ZERO)
        }
        .capped()
    }

    /// Whether it never comes.
    #[inline]
    pub(crate) const fn is_never(&self) -> bool {
        self.initial == NONE
    }

    /// Sets the growth factor per retry, 1 or more. Requires a [`max`](Self::with_max) if greater than 1.
    #[must_use]
    pub const fn with_factor(mut self, factor: f64) -> Self {
        if self.is_never() {
            return self;
        }
        self.factor = factor;
        // Saturates: NaN and less than 1 mean no growth, and more than 65537 reaches the cap at once. Rounded up, because a
        // factor of 1.1 has no exact binary form: 10 s must become 11 s and not a nanosecond less.
        let growth = (factor - 1.0) * (1_u64 << 48) as f64;
        self.growth = growth as u64;
        if growth > self.growth as f64 && self.growth < u64::MAX {
            self.growth += 1;
        }
        self.capped()
    }

    /// Sets the longest delay, at least `initial`. It caps the growth before jitter.
    #[must_use]
    pub const fn with_max(mut self, max: Duration) -> Self {
        if self.is_never() {
            return self;
        }
        self.max = some(max);
        self.capped()
    }

    /// Sets the fraction, 0.0 to 0.5, by which a delay may be shortened, to spread objects that started together.
    ///
    /// Each object has a slot in the interval, a hash of its uid. Slots divide the longest delay, counted from when the
    /// object entered its phase, or from 1970 if that is unknown. A delay `d` becomes `d × (1 − jitter × y)`, where `y` in
    /// `[0, 1)` is how far `now` is past the slot, as a fraction of the interval. So the delay is in
    /// `(d × (1 − jitter), d]`: never later than the interval.
    ///
    /// Objects spread with their first reconcile and drift to their slots, after a restart just the same. There `y` is 0,
    /// so the long-run rate stays one reconcile per interval.
    ///
    /// 0.2 spreads them within a few intervals. The test `slots_flatten_a_herd` simulates 10,000 objects that start
    /// together, at an interval of 30 s: their peak is 61 times the mean without jitter, and with 0.2 it is 1.8 times the
    /// mean after four intervals and 1.4 after ten. Chance alone gives 1.3.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: f64) -> Self {
        if self.is_never() {
            return self;
        }
        // Makes -0.0 a 0.0, which is what is read back.
        self.jitter = jitter + 0.0;
        self.shortening = (jitter.clamp(0.0, 0.5) * (1_u64 << 32) as f64) as u64;
        self
    }

    /// Sets the time in the phase after which timers give up. From then on only a change triggers a reconcile.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        if self.is_never() {
            return self;
        }
        self.deadline = some(deadline);
        self
    }

    /// Returns the first delay of the phase: `Duration::MAX` for one that [never](Self::never) comes.
    #[must_use]
    pub const fn initial(&self) -> Duration {
        match option(self.initial) {
            Some(initial) => initial,
            None => Duration::MAX,
        }
    }

    /// Returns the growth factor per retry.
    #[must_use]
    pub const fn factor(&self) -> f64 {
        self.factor
    }

    /// Returns the longest delay, if it was set.
    #[must_use]
    pub const fn max(&self) -> Option<Duration> {
        option(self.max)
    }

    /// Returns the fraction by which a delay may be shortened.
    #[must_use]
    pub const fn jitter(&self) -> f64 {
        self.jitter
    }

    /// Returns the time in the phase after which timers give up, if ever.
    #[must_use]
    pub const fn deadline(&self) -> Option<Duration> {
        if self.is_never() { None } else { option(self.deadline) }
    }

    /// Returns the longest delay of the interval, before jitter: `max` if it grows, else `initial`.
    ///
    /// It is between 1 ms and 180 days, kube-runtime's limit, whatever was set; 180 days for one that
    /// [never](Self::never) comes. Never panics.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        Duration::from_nanos(self.cap)
    }

    const fn capped(mut self) -> Self {
        let cap = if self.growth > 0 || self.max < self.initial {
            self.max
        } else {
            self.initial
        };
        self.cap = if cap < SHORTEST {
            SHORTEST
        } else if cap > LONGEST {
            LONGEST
        } else {
            cap
        };
        // Rounded up: rounding then puts an object in its slot a little past it, and not a whole interval.
        self.turn = (1_u128 << 64).div_ceil(self.cap as u128) as u64;
        self
    }

    /// Returns the delay after `elapsed` in the phase, before jitter; `None` from the deadline on, and always for one that
    /// [never](Self::never) comes.
    ///
    /// Never panics and never returns less than 1 ms, validated or not: a factor below 1 or NaN counts as 1, and growth
    /// without `max` ends at 180 days.
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
    #[inline]
    pub fn delay(&self, elapsed: Duration) -> Option<Duration> {
        self.delay_nanos(nanos(elapsed)).map(Duration::from_nanos)
    }

    /// The same in nanoseconds.
    #[inline]
    pub(crate) const fn delay_nanos(&self, elapsed: u64) -> Option<u64> {
        if elapsed >= self.deadline && self.deadline != NONE {
            return None;
        }
        if self.growth == 0 {
            return Some(self.cap);
        }
        let growth = (elapsed as u128 * self.growth as u128) >> 48;
        // Every cap is below 2^56 ns, and a shift is cheaper than a comparison of 128 bits.
        if growth >> 56 > 0 {
            return Some(self.cap);
        }
        let delay = self.initial.saturating_add(growth as u64);
        let delay = if delay < SHORTEST { SHORTEST } else { delay };
        Some(if delay < self.cap { delay } else { self.cap })
    }

    /// Shortens a delay by the jitter times how far `past`, in nanoseconds since any fixed origin, is past the slot. Slots
    /// divide the longest delay. The result is in `(delay × (1 − jitter), delay]`.
    #[inline]
    pub(crate) const fn shorten(&self, delay: u64, slot: Slot, past: u64) -> u64 {
        // A fraction of a turn in 64 binary digits, so it wraps around where it should.
        let past = past.wrapping_mul(self.turn).wrapping_sub(slot.bits());
        // At most half of the delay.
        let most = ((delay as u128 * self.shortening as u128) >> 32) as u64;
        delay - ((past as u128 * most as u128) >> 64) as u64
    }

    /// The delay in nanoseconds if it is the same at any time.
    #[inline]
    pub(crate) const fn always(&self) -> Option<u64> {
        if self.growth == 0 && self.shortening == 0 && self.deadline == NONE {
            return Some(self.cap);
        }
        None
    }

    /// Whether there is any jitter.
    #[inline]
    pub(crate) const fn is_jittered(&self) -> bool {
        self.shortening > 0
    }

    /// Nanoseconds since 1970 as a time within the longest delay, which keeps them exact in [`shorten`](Self::shorten).
    #[inline]
    pub(crate) const fn within(&self, since_1970: u64) -> u64 {
        since_1970 % self.cap
    }

    /// Returns the delays, before jitter, of an object that stays in the phase, if reconciles take no time.
    ///
    /// `delays().nth(attempts)` is the delay after that many attempts. The sequence ends at the deadline; without one it is
    /// endless. It is empty for one that [never](Self::never) comes.
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

    /// Checks every field, as a config file and a `Requeuer` do.
    ///
    /// # Errors
    ///
    /// The first of these, with the field, the value and what is allowed: `initial`, `max` or `deadline` outside 1 ms to
    /// 180 days; a factor below 1, NaN or infinite; a factor above 1 without `max`; `max` below `initial`; jitter outside 0
    /// to 0.5, or NaN.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.is_never() {
            return Ok(());
        }
        check_duration("initial", self.initial())?;
        if !(self.factor >= 1.0 && self.factor.is_finite()) {
            return Err(ConfigError::new(
                "factor",
                self.factor,
                "must be a finite number of at least 1",
            ));
        }
        match self.max() {
            Some(max) => {
                check_duration("max", max)?;
                if max < self.initial() {
                    let allowed = format!("must be at least initial, {}", humantime(self.initial()));
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
            return Err(ConfigError::new(
                "jitter",
                self.jitter,
                "must be a number from 0 to 0.5",
            ));
        }
        self.deadline()
            .map_or(Ok(()), |deadline| check_duration("deadline", deadline))
    }
}

impl PartialEq for Interval {
    fn eq(&self, other: &Self) -> bool {
        let set = |interval: &Self| {
            let Self {
                initial, max, deadline, ..
            } = *interval;
            (
                initial,
                max,
                deadline,
                interval.factor.to_bits(),
                interval.jitter.to_bits(),
            )
        };
        set(self) == set(other)
    }
}

// Of its bits, so that a factor that is no number equals itself.
impl Eq for Interval {}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() {
            return f.write_str("Interval::never()");
        }
        f.debug_struct("Interval")
            .field("initial", &self.initial())
            .field("factor", &self.factor)
            .field("max", &self.max())
            .field("jitter", &self.jitter)
            .field("deadline", &self.deadline())
            .finish()
    }
}

/// A duration in nanoseconds, saturating after 584 years.
#[inline]
pub(crate) const fn nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(duration.subsec_nanos() as u64)
}

const fn some(duration: Duration) -> u64 {
    let nanos = nanos(duration);
    if nanos == NONE { NONE - 1 } else { nanos }
}

const fn option(nanos: u64) -> Option<Duration> {
    if nanos == NONE {
        None
    } else {
        Some(Duration::from_nanos(nanos))
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
