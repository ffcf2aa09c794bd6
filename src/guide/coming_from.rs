//! What you know from elsewhere, by its name there: what it is here, and what is different.
//!
//! One difference runs through all of it: a delay follows from the time that the object has been in its phase and not
//! from a count of its failures, so
//! [the status can carry it](super::semantics#a-restart-keeps-the-backoff-that-the-status-carries). For runs that take
//! no time the two are [the same](#with-factor-2-the-delays-are-those-of-client-go). The intervals are written as in
//! the config file, by the fields of [`Interval`](crate::Interval): `initial` is the first delay, and `factor` lets it
//! grow up to `max`.
//!
//! # client-go
//!
//! Of v0.37.2, `util/workqueue`. A limiter there counts failures, and here
//! [the first failure](super::semantics#the-first-err-starts-the-failing-clock) starts a clock.
//!
//! | their knob | ours | the difference |
//! |---|---|---|
//! | `NewTypedItemExponentialFailureRateLimiter(baseDelay, maxDelay)` | `error: { initial: baseDelay, factor: 2, max: maxDelay }` | none [if runs take no time](#with-factor-2-the-delays-are-those-of-client-go), but a failure by an event [adds nothing](super::semantics#a-failure-by-an-event-inside-the-backoff-adds-nothing-to-it) |
//! | `DefaultTypedItemBasedRateLimiter()`: 1 ms to 1000 s | `error: { initial: 1ms, factor: 2, max: 1000s }` | ours is [a constant](super::semantics#the-first-delay-of-a-phase-is-initial) 10 s by default |
//! | `DefaultTypedControllerRateLimiter()`: 5 ms to 1000 s, and the bucket | `error: { initial: 5ms, factor: 2, max: 1000s }` and `max_rate: { per_second: 10, burst: 100 }` | the bucket is [of timers only](super::semantics#a-change-is-never-delayed-by-the-fleets-rate) |
//! | `TypedBucketRateLimiter`: 10 per second, 100 at once, of all keys together | [`max_rate: { per_second: 10, burst: 100 }`](super::semantics#client-gos-bucket-is-ten-per-second-and-a-burst-of-a-hundred) | `rate_limit` [counts one object only](#the-rate-limit-counts-one-object-only); `concurrency` of kube's `controller::Config` bounds what runs at a time |
//! | `NewTypedItemFastSlowRateLimiter` | a policy of your own | [a few lines](#a-fast-and-then-a-slow-delay-is-a-policy-of-a-few-lines) |
//! | `NewTypedMaxOfRateLimiter` | `max` of two answers, or a list of delays | [when](#the-later-of-two-answers-is-taken-at-the-same-time-in-the-phase) it is the same; [the list](#the-later-delay-of-each-attempt-is-a-list-of-delays) always is |
//! | `NewTypedWithMaxWaitRateLimiter` | `max`, or `min` of two answers | it covers [giving up](#a-longest-wait-is-the-sooner-of-two-answers), too |
//! | `When(item)` | [`RequeuePolicy::requeue`](crate::RequeuePolicy::requeue) | to ask [changes nothing](super::semantics#a-failure-by-an-event-inside-the-backoff-adds-nothing-to-it) |
//! | `Forget(item)` | a run that succeeds | [by itself](super::semantics#a-success-stops-the-failing-clock) |
//! | `NumRequeues(item)` | [`Interval::attempts`](crate::Interval::attempts) of the time in the phase | [nothing is counted](super::semantics#attempts-are-a-reading-of-the-time-in-the-phase) |
//! | `AddAfter(item, duration)` | `Ok(phase.after(duration))` | the run comes [at the latest](super::semantics#a-success-may-ask-for-a-delay) then |
//!
//! ### With factor 2 the delays are those of client-go
//!
//! To the nanosecond, for any base and cap and any order of failures and successes, if runs take no time. The time that
//! they do take is time in the phase, and lets the delays grow faster.
//!
//! ### A fast and then a slow delay is a policy of a few lines
//!
//! A number of fast attempts is over when so many fast delays are:
//!
//! ```
//! use requeue_policy::{Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};
//! use std::time::{Duration, SystemTime};
//!
//! struct FastSlow {
//!     fast: Duration,
//!     slow: Duration,
//!     attempts: u32,
//! }
//!
//! impl RequeuePolicy for FastSlow {
//!     fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
//!         match object.phase() {
//!             Phase::Failed if object.elapsed(now) < self.fast * self.attempts => Requeue::After(self.fast),
//!             Phase::Failed => Requeue::After(self.slow),
//!             _ => RequeueConfig::default().requeue(object, now),
//!         }
//!     }
//! }
//!
//! let policy = FastSlow { fast: Duration::from_millis(5), slow: Duration::from_secs(10), attempts: 3 };
//! let failed = Observed::new(Phase::Failed).since(SystemTime::UNIX_EPOCH);
//! let after = |millis| policy.requeue(&failed, SystemTime::UNIX_EPOCH + Duration::from_millis(millis));
//! assert_eq!([after(0), after(5), after(10)], [Requeue::After(policy.fast); 3]);
//! assert_eq!(after(15), Requeue::After(policy.slow));
//! ```
//!
//! ### The later delay of each attempt is a list of delays
//!
//! A policy may be delays one after the other, the last one for good; what each attempt waits for is worked out
//! beforehand:
//!
//! ```
//! use requeue_policy::{Interval, Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};
//! use std::{iter, time::{Duration, SystemTime}};
//!
//! struct Steps(Vec<Duration>);
//!
//! impl RequeuePolicy for Steps {
//!     fn requeue(&self, object: &Observed, now: SystemTime) -> Requeue {
//!         let mut left = object.elapsed(now);
//!         let is_current = |delay: &&Duration| {
//!             let is_current = left < **delay;
//!             left = left.saturating_sub(**delay);
//!             is_current
//!         };
//!         match self.0.iter().find(is_current).or(self.0.last()) {
//!             Some(delay) if object.phase() == Phase::Failed => Requeue::After(*delay),
//!             _ => RequeueConfig::default().requeue(object, now),
//!         }
//!     }
//! }
//!
//! let (fast, slow) = (Duration::from_millis(5), Duration::from_secs(3));
//! let fast_slow = iter::repeat_n(fast, 3).chain(iter::repeat(slow));
//! let backoff = Interval::constant(Duration::from_millis(1)).with_factor(2.0).with_max(Duration::from_secs(1));
//! let later: Vec<_> = fast_slow.zip(backoff.delays()).map(|(a, b)| a.max(b)).take(10).collect();
//! assert_eq!(later[..5], [fast, fast, fast, slow, slow]);
//! let policy = Steps(later);
//! # let failed = Observed::new(Phase::Failed).since(SystemTime::UNIX_EPOCH);
//! # assert_eq!(policy.requeue(&failed, SystemTime::UNIX_EPOCH + 2 * fast), Requeue::After(fast));
//! # assert_eq!(policy.requeue(&failed, SystemTime::UNIX_EPOCH + 3 * fast), Requeue::After(slow));
//! ```
//!
//! ### The later of two answers is taken at the same time in the phase
//!
//! `a.requeue(object, now).max(b.requeue(object, now))` is the later one. What the object waited for the one is time in
//! the phase for the other, too: of a fast and slow delay (5 ms three times, then 3 s) and a backoff from 1 ms,
//! client-go makes 5, 5, 5 ms and 3 s, and this 5, 6, 12 ms and 3 s.
//!
//! ### A longest wait is the sooner of two answers
//!
//! `policy.requeue(object, now).min(Requeue::After(longest))` waits no longer than that. `AwaitChange` is the latest
//! of all, so such a policy never gives up. To cap an interval's growth, its `max` is enough.
//!
//! ### The rate limit counts one object only
//!
//! What one of them has used up holds back no other. For [all of them together](super::semantics#a-timer-waits-for-its-place-in-the-fleets-rate)
//! there is `max_rate`, which bounds what timers start.
//!
//! # controller-runtime
//!
//! Of v0.24.1. Its default limiter is client-go's: `RateLimiter` is a
//! [policy](#with-factor-2-the-delays-are-those-of-client-go).
//!
//! | their knob | ours | the difference |
//! |---|---|---|
//! | `Result{RequeueAfter: d}` | `Ok(phase.after(d))` | its status write [does not start it early](super::semantics#a-status-write-that-changes-neither-phase-nor-fingerprint-is-postponed-until-due) |
//! | `Result{}` | `Ok(Requeue::AwaitChange)` | `Ok(phase)` is by the [phase's interval](super::semantics#the-first-delay-of-a-phase-is-initial), 30 s when ready |
//! | `Result{Requeue: true}` (deprecated): the backoff without an error | `Ok(Phase::Failed)`, or `Ok(Phase::Initializing)` and an interval that grows | a wait need not be [a failure](super::semantics#the-delay-grows-with-the-time-in-the-phase) |
//! | a `RequeueAfter` that grows ([#1534](https://github.com/kubernetes-sigs/controller-runtime/issues/1534)) | `factor` of any phase's interval | it starts anew [with the phase](super::semantics#a-phase-change-starts-the-new-phases-clock-at-zero) |
//! | `return Result{}, err` | `Err(e)` | an event inside the backoff [adds nothing to it](super::semantics#a-failure-by-an-event-inside-the-backoff-adds-nothing-to-it), a status write [does not trigger early](super::semantics#a-status-write-inside-the-backoff-does-not-trigger-early) |
//! | `RequeueAfter` next to an error, which is ignored | `run_with` and `Retry::After(d)` | it is [obeyed](super::semantics#retryafter-is-obeyed) |
//! | `reconcile.TerminalError(err)` | `run_with` and `Retry::Never` | [none](super::semantics#retrynever-awaits-a-change) |
//! | `Options.RateLimiter`: 5 ms to 1000 s by default | `error`, or a policy of your own | [as for client-go](#with-factor-2-the-delays-are-those-of-client-go); its bucket [is `max_rate`](super::semantics#client-gos-bucket-is-ten-per-second-and-a-burst-of-a-hundred) |
//! | `Options.MaxConcurrentReconciles`: 1 by default | none: `concurrency` of kube's `controller::Config`, which is unbounded by default | the rate limit [counts one object](#the-rate-limit-counts-one-object-only), not those that run |
//! | `Options.UsePriorityQueue`: on by default | none | kube-runtime decides in which order due objects run; [jitter](super::semantics#jitter-only-shortens) sets them apart |
//! | `predicate.GenerationChangedPredicate` | always on | labels and annotations [are changes](#a-change-of-labels-or-annotations-runs-at-once-too), and what it drops is [postponed](super::semantics#a-status-write-that-changes-neither-phase-nor-fingerprint-is-postponed-until-due) |
//! | `cache.Options.SyncPeriod`: 10 h by default | `default: 10h` | counted [from each object's last run](#the-delay-counts-from-the-end-of-the-run) |
//!
//! # Java Operator SDK
//!
//! Of v5.5.1. A retry there is an attempt with a number; here it is
//! [a time in the phase](super::semantics#the-delay-grows-with-the-time-in-the-phase).
//!
//! | their knob | ours | the difference |
//! |---|---|---|
//! | `@GradualRetry(initialInterval)`: 2000 | `error.initial: 2s` | [none](super::semantics#the-first-delay-of-a-phase-is-initial) |
//! | `intervalMultiplier`: 1.5 | `error.factor: 1.5` | the [second delay](#the-second-delay-has-grown-already) has grown already |
//! | `maxInterval`: 15,187 | `error.max: 15187ms` | needed where `factor` is [above 1](super::semantics#max-caps-growth-before-jitter) |
//! | `maxAttempts`: 5 | `error.deadline` | a time, [from the number](#a-number-of-attempts-is-a-deadline-at-the-sum-of-their-delays) |
//! | `GenericRetry.noRetry()`, `withNoRetry()` | `run_with` and `Retry::Never` | [none](super::semantics#retrynever-awaits-a-change) |
//! | `withLinearRetry()` | no `factor` | [none](super::semantics#the-first-delay-of-a-phase-is-initial) |
//! | `withoutMaxAttempts()` | no `deadline` | [the default](super::semantics#past-the-deadline-the-answer-is-await-change) here |
//! | `RetryInfo.isLastAttempt()`, `getAttemptCount()` | [`Requeuer::outage`](crate::kube::Requeuer::outage): `is_last`, `attempts` | [read from the clock](super::semantics#the-last-attempt-is-known-to-the-reconciler) |
//! | a success resets the retry | the same | [none](super::semantics#a-success-stops-the-failing-clock) |
//! | an event while a retry waits | runs at once, is no attempt | [none](super::semantics#a-failure-by-an-event-inside-the-backoff-adds-nothing-to-it), but for a retry that is [imminent](#a-retry-that-is-imminent-is-kept-too) |
//! | an event during a run that fails | runs at once in place of the retry | [none](#an-event-during-a-failing-run-runs-when-it-ends) |
//! | an event after the last attempt | runs, and is not retried | [none](super::semantics#past-the-deadline-a-new-trigger-is-still-reconciled-at-once) |
//! | `UpdateControl.rescheduleAfter(d)` | `Ok(phase.after(d))` | [none](super::semantics#a-success-may-ask-for-a-delay): at the latest then |
//! | `ErrorStatusUpdateControl.rescheduleAfter(d)` | `run_with` and `Retry::After(d)` | [none](super::semantics#retryafter-is-obeyed) |
//! | `@MaxReconciliationInterval`: 10 h | `default: 10h` | not [after giving up](#after-giving-up-there-is-no-periodic-run) |
//! | `@RateLimited(maxReconciliations, within)`: off | `rate_limit: { burst, every }`: 30, then one per second | a retry [goes before it](#a-retry-goes-before-the-rate-limit) |
//! | `generationAwareEventProcessing`: on | always on | labels and annotations [are changes](#a-change-of-labels-or-annotations-runs-at-once-too) |
//!
//! # kopf
//!
//! Of 1.44.6. Its handlers have their retries each; here they belong to
//! [the object](super::semantics#the-first-err-starts-the-failing-clock).
//!
//! | their knob | ours | the difference |
//! |---|---|---|
//! | `TemporaryError(delay=30)`: 60 by default | `run_with` and `Retry::After(30 s)` | it [outlives the deadline](#retry-after-outlives-the-deadline) |
//! | `PermanentError` | `run_with` and `Retry::Never` | [none](super::semantics#retrynever-awaits-a-change) |
//! | `backoff=60`, `settings.execution.default_backoff` | `error: 60s` | 10 s by default, and [it may grow](super::semantics#the-delay-grows-with-the-time-in-the-phase) |
//! | `retries=3` | `error: { initial: 60s, deadline: 120s }` | a time, [from the number](#a-number-of-attempts-is-a-deadline-at-the-sum-of-their-delays), in which the first call is no retry |
//! | `timeout=300` | `error: { initial: 60s, deadline: 240s }` | [looks back](#the-deadline-looks-back-and-not-ahead), kopf's looks ahead by a backoff |
//! | `errors=ErrorsMode.TEMPORARY` | `Err(e)` | [none](super::semantics#the-first-err-starts-the-failing-clock) |
//! | `errors=ErrorsMode.PERMANENT` | `run_with` and `Retry::Never` for all | [none](super::semantics#retrynever-awaits-a-change) |
//! | `errors=ErrorsMode.IGNORED` | `Ok(phase)` | [none](super::semantics#a-success-stops-the-failing-clock) |
//! | the state of retries in annotations or `status.kopf.progress` | [`Observed::since`](crate::Observed::since) | an object [runs once](#a-restart-runs-every-object-once-and-then-goes-on-with-the-backoff) after a restart |
//! | `@kopf.timer(interval=10)` | `default: 10s` | by an event, too, and then [from there](#the-delay-counts-from-the-end-of-the-run) |
//! | `sharp=True` | none: ask for what is left, `Requeue::After(..)` | intervals count [from the end](#the-delay-counts-from-the-end-of-the-run) of a run |
//! | `initial_delay=5` | none | a new object [runs at once](super::semantics#a-new-object-is-reconciled-at-once); `jitter` sets a herd apart from the second run on |
//! | `idle=10` | none | a change [runs at once](super::semantics#a-change-of-the-spec-is-reconciled-at-once); `debounce` of kube's `controller::Config` waits until changes have ceased |
//! | `settings.queueing.error_delays`: Fibonacci numbers, 1 s to 10 min, of the framework's own errors | a list of delays | [a policy](#the-later-delay-of-each-attempt-is-a-list-of-delays), of the reconciler's errors |
//!
//! # Flux
//!
//! Of kustomize-controller v1.9.4 with `fluxcd/pkg/runtime` v0.110.1. Intervals there belong to the object, so most are
//! [an explicit delay](super::semantics#a-success-may-ask-for-a-delay) here.
//!
//! | their knob | ours | the difference |
//! |---|---|---|
//! | `spec.interval` | `Ok(Phase::Ready.after(object.spec.interval))` | it is [not jittered](#a-wish-is-not-jittered) |
//! | `spec.retryInterval` | `Ok(Phase::Failed.after(..))`, or `Retry::After` | [none](#a-retry-interval-of-the-objects-own-is-a-wish) |
//! | `--interval-jitter-percentage`: 5, both ways | `jitter: 0.05` | [only shortens](super::semantics#jitter-only-shortens) |
//! | `--min-retry-delay`: 750 ms, `--max-retry-delay`: 15 min | `error: { initial: 750ms, factor: 2, max: 15m }` | [none](#with-factor-2-the-delays-are-those-of-client-go) |
//! | `--requeue-dependency`: 30 s | `Ok(Phase::Initializing.after(..))`, or `initialization: 30s` | with `watches` the dependency's change [runs at once](super::semantics#a-change-of-a-child-is-reconciled-at-once) |
//! | `reconcile.fluxcd.io/requestedAt` | any annotation | [none](#a-change-of-labels-or-annotations-runs-at-once-too) |
//! | `spec.suspend` | `Ok(Requeue::AwaitChange)` | [none](#an-object-is-suspended-by-awaiting-a-change) |
//! | `--concurrent`: 4 | none: `concurrency` of kube's `controller::Config` | the rate limit [counts one object](#the-rate-limit-counts-one-object-only), not those that run |
//!
//! # Crossplane
//!
//! Of crossplane-runtime v2.4.0; the flags of upjet-provider-template (bd8921c) and provider-kubernetes (350ef9a). A
//! managed resource that is settled is [polled](super::semantics#an-object-that-is-due-is-reconciled).
//!
//! | their knob | ours | the difference |
//! |---|---|---|
//! | `WithPollInterval`: 1 min, `--poll`: 10 min | `default: 10m` | it [may grow](super::semantics#the-delay-grows-with-the-time-in-the-phase), so that what is settled is polled less and less |
//! | `WithPollJitterHook(jitter)`, `--poll-jitter-percentage`: 10, both ways | `jitter: 0.1` | [only shortens](super::semantics#jitter-only-shortens) |
//! | `crossplane.io/poll-interval` | `Overrides::interval`, under that key if you like | [not jittered](super::semantics#an-interval-by-annotation-holds-after-a-ready-run-until-it-is-removed) |
//! | `crossplane.io/reconcile-requested-at` | any annotation | [none](#a-change-of-labels-or-annotations-runs-at-once-too) |
//! | `crossplane.io/paused` | `Overrides::paused`, under that key if you like | [a resume runs at once](super::semantics#nothing-starts-a-run-of-a-paused-object-and-a-resume-runs-at-once) |
//! | `ratelimiter.NewController()` | `error: { initial: 1s, factor: 2, max: 60s }` | [none](#with-factor-2-the-delays-are-those-of-client-go) |
//! | `ratelimiter.NewGlobal(rps)`, `--max-reconcile-rate` | `max_rate` | it is [of timers only](super::semantics#a-change-is-never-delayed-by-the-fleets-rate) |
//! | `--sync`: 1 h | `default`, if it is the shorter one | counted [from each object's last run](#the-delay-counts-from-the-end-of-the-run) |
//!
//! # What is different on purpose
//!
//! ### The second delay has grown already
//!
//! The Java Operator SDK multiplies from the third on: 2, 2, 4 s where this gives 2, 4, 8 s.
//!
//! ### A number of attempts is a deadline at the sum of their delays
//!
//! There is no other count of attempts. For so many retries, if runs take no time:
//!
//! ```
//! use requeue_policy::Interval;
//! use std::time::Duration;
//!
//! let backoff = Interval::constant(Duration::from_secs(2)).with_factor(1.5).with_max(Duration::from_secs(60));
//! let five = backoff.with_deadline(backoff.delays().take(5).sum());
//! assert_eq!(five.deadline(), Some(Duration::from_millis(26_375)));
//! assert_eq!(five.delays().count(), 5);
//! ```
//!
//! ### The deadline looks back and not ahead
//!
//! The first failure at the deadline or later is the last. kopf's `timeout` gives up one failure earlier, when the next
//! one would be as late.
//!
//! ### Retry After outlives the deadline
//!
//! An error that says when to come again is obeyed as long as it says so; kopf's `timeout` ends that, too.
//!
//! ### After giving up there is no periodic run
//!
//! Past the deadline the default interval does not take over: only a change starts a run. If one run in ten hours is
//! wanted for good, that is a `max` of ten hours and no deadline.
//!
//! ### An event during a failing run runs when it ends
//!
//! And a success of that run leaves nothing to retry.
//!
//! ### A retry that is imminent is kept too
//!
//! A failure by an event leaves the next retry where it was, even if that is in a second. The Java Operator SDK counts
//! such a failure as the retry when five seconds are left, or less.
//!
//! ### A retry goes before the rate limit
//!
//! The limit is for what changes start: a retry that is due runs. In the Java Operator SDK the limit takes precedence.
//!
//! ### A restart runs every object once and then goes on with the backoff
//!
//! A change may have been missed, so nothing waits out a delay that another process began. The run after it comes by
//! the time in the phase that the status shows.
//!
//! ### A change of labels or annotations runs at once too
//!
//! Annotations are how one asks a controller for a run; a predicate on the generation alone would not see them.
//!
//! ### The delay counts from the end of the run
//!
//! A run of 3 s and an interval of 10 s make one run every 13 s. It is the end of any run, also of one that an event
//! started.
//!
//! ### A wish is not jittered
//!
//! `Requeue::After` is exact. To spread explicit delays over a herd, shorten them in the reconciler.
//!
//! ### A retry interval of the object's own is a wish
//!
//! `Ok(Phase::Failed.after(..))` is a failure, with its log and its clock, whose next attempt comes by that
//! delay.
//!
//! ### An object is suspended by awaiting a change
//!
//! A reconciler that returns `Ok(Requeue::AwaitChange)` for a suspended object hears of it again when the mark is
//! removed, and not before.
