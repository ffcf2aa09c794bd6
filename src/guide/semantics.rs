//! What happens, exactly: a rule in each heading, and a test of the same name for each rule.
//!
//! # How to read the examples
//!
//! ### An example is played as it stands
//!
//! By the test of its rule, on the real `Controller` in virtual time. This one has all there is to the notation:
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }     # the policy; what it leaves out has its default
//!
//!  0s  created            → Err                   # a time, what happens, what the run returns
//!      WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//! 10s                     → Err                   # a run without an event: it was due
//! 15s  the spec changes   → Err
//! 20s  its status is written                      # by somebody else; no arrow, no run
//! 29s                                             # nothing runs until here
//! 30s                     → Ready
//!      INFO requeue_policy: recovered object=default/a phase=Ready after=30s next="in 30s"
//! 59s
//! ```
//!
//! A line of the log stands below the row by which it is there; where an example has any, it has all from INFO up.
//! Unless the first lines say otherwise, every run takes no time and writes its phase into the status, with a message
//! that is another each time, and no `lastTransitionTime`. `Ready` is `Ok(Phase::Ready)`, and `Err` is any error.
//!
//! # The interval
//!
//! ### Initializing comes before Failed, Failed before Ready
//!
//! An object that is not initialized is requeued by the initialization interval (5 s), else a failed one by the error
//! interval (10 s), and any other by the default interval (30 s). [`Observe`](crate::Observe) is yours: write it in
//! that order.
//!
//! ```
//! use requeue_policy::{Observed, Phase, Requeue, RequeueConfig, RequeuePolicy};
//! use std::time::{Duration, SystemTime};
//!
//! let policy = RequeueConfig::default();
//! let delays = Phase::ALL.map(|phase| policy.requeue(&Observed::new(phase), SystemTime::now()));
//! assert_eq!(delays, [5, 10, 30].map(|seconds| Requeue::After(Duration::from_secs(seconds))));
//! ```
//!
//! ### The first delay of a phase is `initial`
//!
//! Whatever the factor, and whatever was before the phase; jitter, if there is any, shortens it like every other.
//!
//! ### The delay grows with the time in the phase
//!
//! It is `initial + (factor − 1) × elapsed`, with `elapsed` the time since the phase began. Runs that take no time
//! make that the usual sequence:
//!
//! ```
//! use requeue_policy::Interval;
//! use std::time::Duration;
//!
//! let interval = Interval::constant(Duration::from_secs(10)).with_factor(2.0).with_max(Duration::from_secs(300));
//! let seconds: Vec<_> = interval.delays().take(7).map(|delay| delay.as_secs()).collect();
//! assert_eq!(seconds, [10, 20, 40, 80, 160, 300, 300]);
//! ```
//!
//! ### An object that waits is polled less and less
//!
//! Growth serves every phase: a failing object, a waiting one, and a settled one.
//!
//! ```text
//! initialization: { initial: 5s, factor: 1.5, max: 15s }
//!
//!      0s  created   → Initializing
//!      5s            → Initializing
//!   12.5s            → Initializing
//!  23.75s            → Initializing
//!  38.75s            → Initializing
//!  53.75s            → Ready
//!  83.75s            → Ready
//! ```
//!
//! ### `max` caps growth before jitter
//!
//! So with jitter, too, no delay is longer than `max`.
//!
//! ### Jitter only shortens
//!
//! A delay `d` becomes one in `(d × (1 − jitter), d]`. It depends on the object's UID and the time, not on chance: the
//! same again after a restart.
//!
//! ### The long-run rate under jitter is exactly one per interval
//!
//! Jitter moves an object's runs towards its slot and then leaves them there; it does not add runs.
//!
//! ### A recovery is noticed within the outage times factor less one, plus initial
//!
//! That is the longest delay that a backoff can have reached by then, and never more than `max`. It is for a recovery
//! that no event tells.
//!
//! ### Past the deadline the answer is await change
//!
//! From `elapsed >= deadline` on. The delay that runs when the deadline passes still ends, so the last attempt lies
//! behind it:
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m, deadline: 1m }
//!
//!  0s  created   → Err
//!      WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//! 10s            → Err
//! 30s            → Err
//! 70s            → Err
//!      ERROR requeue_policy: gave up object=default/a error=no quota phase=Failed after=1m 10s attempts=3 next="when something changes"
//! 30days
//! ```
//!
//! ### `since` missing or in the future counts as elapsed zero
//!
//! So the worst that a clock ahead of this one does is the shortest delay of the phase.
//!
//! ### Time that jumps never panics, never yields more than the cap
//!
//! Nor a delay of zero. An outage that seems decades old is at the cap, or past its deadline.
//!
//! ### A phase change starts the new phase's clock at zero
//!
//! ```text
//! initialization: { initial: 5s, factor: 2, max: 10m }
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created            → Initializing
//!   5s                     → Initializing
//!  15s                     → Initializing
//!  35s                     → Err             # after 35 s as Initializing, 0 s as Failed
//!  45s                     → Err
//!  65s                     → Initializing
//!  70s                     → Initializing
//!  80s                     → Ready
//! 109s
//! ```
//!
//! ### Where the status carries no `last_transition`, the memory keeps the clock
//!
//! For an `Err` and for an `Ok(Phase::Failed)` alike, and for the other phases; it begins at the end of the run that
//! reported the phase first.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//! status: never
//!
//!  0s  created   → Failed
//! 10s            → Failed
//! 30s            → Err
//! 70s            → Failed
//! 149s
//! ```
//!
//! ### `should_requeue` is true once the last transition lies more than `initial` back
//!
//! The proposal's `shouldRequeue`, for those who ask before a run. False where the last transition is in the future.
//!
//! ### `should_requeue` is true where the last transition is unknown
//!
//! Better one run too many than none.
//!
//! ### Attempts are a reading of the time in the phase
//!
//! [`Interval::attempts`](crate::Interval::attempts) tells how many retries an outage of that length makes, and the
//! log shows it; nothing is counted, so events and restarts do not change it. Those who keep a count of their own in
//! the status take `delays().nth(count)`.
//!
//! # The trigger
//!
//! A trigger is whatever makes kube-runtime call the reconciler: a change of the object, a change of another, a timer.
//! [One that needs no run is postponed](#otherwise-only-status-was-written-and-the-run-is-postponed-until-due), and
//! no trigger is ever dropped.
//!
//! ### An object that is due runs
//!
//! Nothing holds it back but [a rate for the fleet](#a-timer-waits-for-its-place-in-the-fleets-rate), whatever else has happened to
//! it.
//!
//! ```text
//!  0s  created                 → Ready
//! 30s  its status is written   → Ready
//! 60s                          → Ready
//! ```
//!
//! ### An object not seen before runs at once
//!
//! ```text
//!  0s  the controller starts
//!  3s  created                 → Ready
//! 33s                          → Ready
//! ```
//!
//! ### An object that is deleted and created anew runs at once
//!
//! It has another UID, so nothing of its namesake is remembered of it.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!  0s  created                  → Err
//! 10s                           → Err
//! 15s  it is deleted, created   → Err
//! 25s                           → Err
//! ```
//!
//! ### A change of the spec runs at once
//!
//! The next run is then due one interval after it.
//!
//! ```text
//!  0s  created            → Ready
//!  5s  the spec changes   → Ready
//! 35s                     → Ready
//! 64s
//! ```
//!
//! ### So does a change of labels, annotations, finalizers, owner references, deletion mark, phase or fingerprint
//!
//! Whatever in the object may be meant for the reconciler. A phase counts if neither the last run saw it nor reported
//! it.
//!
//! ```text
//!  0s  created                        → Ready
//!  2s  a label changes                → Ready
//!  4s  an annotation changes          → Ready
//!  6s  a finalizer is added           → Ready
//!  8s  an owner is added              → Ready
//! 12s  its fingerprint changes        → Ready
//! 14s  its phase is written: Failed   → Ready
//! 16s  it is deleted                  → Ready
//! 46s                                 → Ready
//! 75s
//! ```
//!
//! ### Otherwise only status was written, and the run is postponed until due
//!
//! By this controller or another. So a controller's own status write does not wake it, which is the end of the hot
//! loop:
//!
//! ```text
//!  0s  created                 → Ready
//!  5s  its status is written
//! 10s  its status is written
//! 30s                          → Ready
//! 60s                          → Ready
//! 89s
//! ```
//!
//! ### A phase that the last run itself reported is no news when it comes back
//!
//! Its `Ok` outcome, or Failed for an `Err`.
//!
//! ```text
//!  0s  created            → Initializing
//!  5s                     → Ready
//! 20s  the spec changes   → Err
//! 30s                     → Ready
//! 59s
//! ```
//!
//! ### A phase that another controller writes is news
//!
//! Each time that it is another than before, unless the last run reported it.
//!
//! ```text
//! status: never
//!
//!  0s  created                        → Ready
//!  5s  its phase is written: Failed   → Ready
//! 10s  its phase is written: Ready              # what the last run has reported
//! 15s  its phase is written: Failed   → Ready
//! 44s
//! ```
//!
//! ### A related object's news runs at once
//!
//! [`owned`](crate::kube::Requeuer::owned) gives it to the owners of a child,
//! [`related`](crate::kube::Requeuer::related) to whatever a mapper names, and [`nudge`](crate::kube::Requeuer::nudge)
//! by hand.
//!
//! ```text
//!  0s  created             → Ready
//!  5s  its child changes   → Ready
//! 35s                      → Ready
//! 64s
//! ```
//!
//! ### News is kept until a run starts after it, so it survives being merged
//!
//! kube-runtime merges the triggers that arrive while an object runs into one; what is in that one is not lost.
//!
//! ```text
//! takes: 300ms
//!
//!     0s  created             → Ready
//!     5s  the spec changes    → Ready
//!   5.1s  its child changes            # in the middle of the run, which ends with its status write
//!   5.3s                      → Ready
//!    35s
//! ```
//!
//! ### A change during a run starts another when it has ended
//!
//! ```text
//! takes: 300ms
//!
//!     0s  created            → Ready
//!     5s  the spec changes   → Ready
//!   5.1s  the spec changes
//!   5.2s  the spec changes
//!   5.3s                     → Ready
//!    35s
//! ```
//!
//! ### An object that did not change since the last trigger runs at once
//!
//! Its resource version is what that trigger saw, run or postponed, so the cause is a timer or another object: with
//! plain `owns`, too, a child's change after the own status write came back runs at once.
//!
//! ```text
//! child: with owns()
//!
//!  0s  created                 → Ready
//!  5s  its child changes       → Ready
//! 10s  its status is written
//! 15s  its child changes       → Ready
//! 44s
//! ```
//!
//! ### An object without a generation is never held back
//!
//! A type that has none, a ConfigMap say, tells nothing of what has changed. Write into such an object only what
//! changed, or the rate limit has to end the loop.
//!
//! ```text
//! crd: without generation
//! status: never
//!
//!  0s  created                 → Ready
//!  5s  its status is written   → Ready
//! 10s  its status is written   → Ready
//! 40s                          → Ready
//! ```
//!
//! ### An object that has used up its rate limit is postponed to its next place
//!
//! Whatever woke it: at most `max` runs in any span of `within`, and then one every `within / max`. [Once it
//! loops](#one-warn-line-says-that-it-loops), that is all it gets.
//!
//! ```text
//! default: 60s
//! rate_limit: { max: 3, within: 9s }
//!
//!    0s  created            → Ready
//!    1s  the spec changes   → Ready
//!    2s  the spec changes   → Ready
//!    3s  the spec changes
//!      WARN requeue_policy: loops: something wakes it more often than its rate limit allows; its runs are spread evenly until it rests object=default/a max=3 within=9s next="in 6s"
//!    4s  the spec changes
//!    9s                     → Ready     # for both
//!   10s  the spec changes
//!   12s                     → Ready
//!   72s                     → Ready
//! ```
//!
//! ### One WARN line says that it loops
//!
//! One until the object has rested for `within`, however long it goes on. Here every run rewrites a child that the
//! controller watches:
//!
//! ```text
//! child: with owned(), rewritten in every run
//! takes: 100ms
//!
//!                      0s  created   → Ready
//! 100ms to 900ms every 100ms         → Ready
//!      WARN requeue_policy: loops: something wakes it more often than its rate limit allows; its runs are spread evenly until it rests object=default/a max=10 within=10s next="in 9s"
//!     10s to 60s every 1s            → Ready
//! ```
//!
//! ### A run that is due is never held back by it
//!
//! So an interval shorter than the limit's pace works. Such runs use up the places, so a change then waits for the
//! next one that is due.
//!
//! ```text
//! default: 1s
//! rate_limit: { max: 2, within: 1m }
//!
//!    0s  created            → Ready
//!    1s to 20s every 1s     → Ready
//!  20.5s  the spec changes
//!      WARN requeue_policy: loops: something wakes it more often than its rate limit allows; its runs are spread evenly until it rests object=default/a max=2 within=1m next="in 500ms"
//!   21s                     → Ready
//! ```
//!
//! ### A wish for zero is governed by the rate limit
//!
//! `Requeue::After(Duration::ZERO)` and `Retry::After(Duration::ZERO)` mean "again, at once". The interval of the
//! phase still makes it due at the latest.
//!
//! ```text
//! initialization: 1m
//! rate_limit: { max: 3, within: 9s }
//! takes: 1s
//!
//!  0s  created           → again
//!  1s                    → again
//!  2s                    → again
//!      WARN requeue_policy: loops: something wakes it more often than its rate limit allows; its runs are spread evenly until it rests object=default/a max=3 within=9s next="in 6s"
//!  9s to 30s every 3s    → again
//! ```
//!
//! ### A run that was cut off is made up for by the next controller
//!
//! If both have the same `Requeuer`. Any trigger will do, also one that would be postponed.
//!
//! ### The predicate applies the same rule on the watch stream
//!
//! [`Requeuer::predicate`](crate::kube::Requeuer::predicate) is for controllers built with `Controller::for_stream`;
//! it drops what needs no run before it becomes a trigger.
//!
//! # The failure
//!
//! ### An `Err` and an `Ok` of Failed are failures alike
//!
//! Many operators turn errors into `Ok` and write them into the status; the backoff is the same, and so are the lines
//! in the log.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created   → Failed
//!       WARN requeue_policy: failed object=default/a next="in 10s"
//!  10s            → Failed
//!  30s            → Failed
//!  70s            → Ready
//!       INFO requeue_policy: recovered object=default/a phase=Ready after=1m 10s next="in 30s"
//! 100s            → Ready
//! ```
//!
//! ### The first `Err` starts the failing clock
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created   → Err
//!  10s            → Err
//!  30s            → Err
//!  70s            → Err
//! 150s            → Err
//! 310s            → Err
//! 610s            → Err
//! 910s            → Err
//! ```
//!
//! ### A success stops the failing clock
//!
//! Nothing else does: no event, no edit, no restart where the status carries it.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created   → Err
//!  10s            → Err
//!  30s            → Ready
//!  60s            → Err       # a new outage
//!  70s            → Err
//!  90s            → Err
//! 130s            → Ready
//! ```
//!
//! ### A failure by an event inside the backoff adds nothing to it
//!
//! The run starts at once, and when it fails the next attempt stays due when it was. In client-go every such failure
//! doubles the delay (kubernetes/kubernetes#132805).
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created             → Err
//!  10s                      → Err
//!  12s  its child changes   → Err
//!  14s  its child changes   → Err
//!  16s  its child changes   → Err
//!  30s                      → Err
//!  70s                      → Err
//! 149s
//! ```
//!
//! ### A change of the spec does not restart the backoff
//!
//! It runs at once, like any change, and if that fails, too, the outage goes on.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created            → Err
//!  10s                     → Err
//!  30s                     → Err
//!  40s  the spec changes   → Err
//!  70s                     → Err
//! 149s
//! ```
//!
//! ### A status write inside the backoff does not run early
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created                 → Err
//!  10s                          → Err
//!  15s  its status is written
//!  30s                          → Err
//!  69s
//! ```
//!
//! ### The older of the memory's clock and the status's own counts while Failed
//!
//! So a status that is written late, or whose `lastTransitionTime` is renewed by mistake in every run, takes nothing
//! away from the backoff while the controller lives.
//!
//! ### Past the deadline a new trigger still runs, at once
//!
//! If it fails, the object is given up again: the outage goes on, and its deadline has passed. What wakes it is what
//! wakes any object, and a success ends it.
//!
//! ```text
//! error: { initial: 10s, deadline: 15s }
//!
//!    0s  created                   → Err
//!   10s                            → Err
//!   20s                            → Err      # gives up
//!    1h  its status is written
//!    2h  its child changes         → Err
//!    3h  a label changes           → Err
//!    4h  the spec changes          → Ready
//! 14430s                           → Err      # a new outage
//! 14440s                           → Ready
//! ```
//!
//! ### A restart tries what was given up once more
//!
//! A new process has not seen the object yet. Where the status carries the outage, that is the only run:
//!
//! ```text
//! error: { initial: 10s, deadline: 15s }
//! status: in every run, with lastTransitionTime
//!
//!   0s  created                    → Err
//!  10s                             → Err
//!  20s                             → Err
//!   1h  the controller restarts    → Err
//!   1day
//! ```
//!
//! ### `Retry::After` is obeyed
//!
//! Exactly, in place of the error interval and past its deadline too: for an error that says when to come back, a 429
//! with Retry-After, a lease. The outage goes on meanwhile, and the next run, whatever starts it, decides anew.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created   → Err, after 7s
//!   7s            → Err, after 3s
//!  10s            → Err             # after 10 s of outage: 10 s + 10 s
//!  30s            → Err
//!  70s            → Ready
//! ```
//!
//! ### `Retry::Never` awaits a change
//!
//! For an error that no retry cures: an invalid spec.
//!
//! ```text
//!  0s  created                 → Err, never
//!      ERROR requeue_policy: gave up object=default/a error=never phase=Failed after=0s next="when something changes"
//!  1h  its status is written
//!  2h  the spec changes        → Ready
//!      INFO requeue_policy: recovered object=default/a phase=Ready after=2h next="in 30s"
//! 7230s                        → Ready
//! ```
//!
//! ### A conflict is no failure
//!
//! Somebody else's write came first, and that write is on its way here: the object runs at once if it was [a
//! change](#a-change-of-the-spec-runs-at-once), and after a second if it wrote only the status. No failing clock starts,
//! an outage goes on as it was, and the log has it at DEBUG. That is
//! [`Retry::NoFailure`](crate::kube::Retry::NoFailure), for other errors too that are none.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//! status: never
//!
//!   0s  created   → Err, conflict
//!       DEBUG requeue_policy: no failure object=default/a error=conflict next="in 1s"
//!   1s            → Ready
//!  31s            → Err
//!       WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!  41s            → Err, conflict     # the outage goes on
//!       DEBUG requeue_policy: no failure object=default/a error=conflict next="in 1s"
//!  42s            → Err               # after 11 s of outage: 10 s + 11 s
//!       DEBUG requeue_policy: still failed object=default/a error=no quota after=11s attempts=1 next="in 21s"
//!  63s            → Ready
//!       INFO requeue_policy: recovered object=default/a phase=Ready after=32s next="in 30s"
//! ```
//!
//! ### A conflict that the watch makes good runs at once
//!
//! The other's change starts the next run as soon as this one has ended, and the second is not waited for.
//!
//! ### An error of kube says itself how to retry
//!
//! `Retry::from(&error)`, for the `kube::Error` of each major:
//!
//! | the error | the retry |
//! |---|---|
//! | any whose status has `retryAfterSeconds`: a 429, a 503, a 504, a `ServerTimeout` | `After` that, from kube 3 on; kube 1 and 2 drop it, and it is `Backoff` |
//! | 409 `Conflict`: the object was changed meanwhile | `NoFailure`, 1 s |
//! | 409 `Conflict` of an apply with another field manager | `After`, 5 min |
//! | 401, 403, 422 | `After`, 5 min |
//! | every other: 409 `AlreadyExists`, 400, 404, 410, 429, 5xx, time-outs, no connection, no answer to be read | `Backoff` |
//!
//! `AlreadyExists` is a name that is taken, maybe for good. kube keeps the body of an answer, and drops the header
//! `Retry-After`: a 429 in plain text, which is what the API server's own queues send, is `Backoff` in every major.
//!
//! ### An API server that says when to come back is obeyed
//!
//! In the details of its status: a 429 for an eviction, a 504. From kube 3 on, which keep them.
//!
//! ### An error that no retry cures waits five minutes, or for a change
//!
//! A corrected spec runs at once. But a role, a quota or a webhook is cured without an event of the object, so
//! `Retry::Never` would be too long; five minutes is what kubelet waits at most for a container that crashes. To wait
//! otherwise, match the error before it is converted.
//!
//! ### The last attempt is known to the reconciler
//!
//! [`Requeuer::outage`](crate::kube::Requeuer::outage) tells a reconciler that is about to fail since when the object
//! has been failing, how many retries that makes, and whether the policy gives up after this one. That is for an error
//! that backs off.
//!
//! ### An error's own retry decides whether it is the last attempt
//!
//! [`Requeuer::outage_of`](crate::kube::Requeuer::outage_of) asks the classifier: `Retry::Never` is always the last,
//! `Retry::After` and `Retry::NoFailure` never are. On a clone that was made before `on_error`, every error backs off.
//!
//! # The success
//!
//! ### A success may wish for a delay
//!
//! `Ok((Phase::Ready, Requeue::After(d)))`: a certificate is to be renewed in so many minutes. No status write
//! shortens it, a change runs at once, and the next run wishes anew.
//!
//! ```text
//!   0s  created                 → Ready, after 90s
//!  40s  its status is written
//!  90s                          → Ready, after 90s
//! 100s  the spec changes        → Ready
//! 130s                          → Ready
//! ```
//!
//! ### A success may await a change
//!
//! Then no timer starts a run.
//!
//! ```text
//!  0s  created                 → Ready, await change
//!  1h  its status is written
//!  2h  the spec changes        → Ready
//! ```
//!
//! ### A unit reads the phase from the object
//!
//! `Ok(())` is for a reconciler that does not know phases: the interval is that of the phase which the object had when
//! the run started.
//!
//! ```text
//!  0s  created                       → ()       # a status that is not there yet is Initializing
//!  3s  its phase is written: Ready   → ()
//! 33s                                → ()
//! 62s
//! ```
//!
//! # The fleet
//!
//! ### A timer waits for its place in the fleet's rate
//!
//! `max_rate` is how many runs per second timers may cause, all objects together. A timer that finds it used up gets the
//! next place, so delays stretch as the fleet grows, and what timers cost stays as it is. The first is never late:
//!
//! ```text
//! max_rate: 0.01             # one in 100 s: a fleet of one object, which is due every 30 s
//!
//!   0s  created   → Ready
//!  30s            → Ready
//!  60s
//!      INFO requeue_policy: timers wait: more objects are due than max_rate carries, and delays stretch max_rate=0.01 next="in 1m 10s"
//! 130s            → Ready
//! 230s            → Ready
//! 329s
//! ```
//!
//! ### A change is never delayed by the fleet's rate
//!
//! Nor does it use the rate up.
//!
//! ```text
//! max_rate: 0.01
//!
//!   0s  created             → Ready
//!  30s                      → Ready
//!  70s  the spec changes    → Ready
//!  80s  a label changes     → Ready
//! 130s                      → Ready
//! 229s
//! ```
//!
//! ### Nor is a related object's news
//!
//! ```text
//! max_rate: 0.01
//!
//!   0s  created              → Ready
//!  30s                       → Ready
//!  70s  its child changes    → Ready
//!  80s  its child changes    → Ready
//! 130s                       → Ready
//! 229s
//! ```
//!
//! ### A failing object's timer waits, too
//!
//! An outage that fails the whole fleet costs no more than the rate.
//!
//! ```text
//! max_rate: 0.01
//!
//!   0s  created             → Err
//!  10s                      → Err
//!  50s  the spec changes    → Err
//! 110s                      → Err
//! 210s                      → Ready
//! 309s
//! ```
//!
//! ### So does one that has an interval by annotation
//!
//! Where the fleet has used up its rate, only an edit or news of its own brings an object forward.
//!
//! ```text
//! max_rate: 0.01
//! default: 60s
//!
//!   0s  created                                   → Ready
//!  10s  annotated example.com/poll-interval=20s   → Ready
//!  30s                                            → Ready
//! 130s                                            → Ready
//! 229s
//! ```
//!
//! ### Places are given in the order in which timers fire
//!
//! So every object gets its turn, and the longest gap is the object's delay and the time in which the rate serves all
//! others once. [`Requeuer::max_rate_wait`](crate::kube::Requeuer::max_rate_wait) tells how long a timer that fires now
//! has to wait.
//!
//! ### A place that a change made needless goes to the next timer
//!
//! An object that runs before its place has come gives it back.
//!
//! ### client-go's bucket is ten per second and a burst of a hundred
//!
//! `max_rate: { per_second: 10, burst: 100 }`: `burst` is how many places that nobody used may be used at once, and it is
//! whole when the operator starts. Without it places are evenly spread.
//!
//! ### A restart runs every object at once, whatever the rate
//!
//! None of them has been seen before, and that is no timer.
//!
//! ### Another rate counts from the next timer on
//!
//! Where a policy is replaced, an object that already has a place keeps it, however far away it is, unless [all are
//! triggered](super::at_3_am#a-policy-was-replaced-and-nothing-changes). Nobody else waits behind such places. Until the
//! last of them has passed, places that changes make needless stay unused.
//!
//! ### Without a rate no timer waits
//!
//! It is off by default.
//!
//! ### One INFO line says that timers wait, and one that they no longer do
//!
//! The first when the first has to, the second when none has had to for a minute; not one per object.
//!
//! # Precedence
//!
//! What a run returned decides when the next one is due, and then the trigger decides whether it needs to wait for
//! that. From the strongest:
//!
//! 1. [A pause](#nothing-starts-a-run-of-a-paused-object-and-a-resume-runs-at-once) comes before everything else.
//! 2. [A run that is due is never held back](#a-run-that-is-due-is-never-held-back-by-it), but that
//!    [a timer waits for its place](#a-timer-waits-for-its-place-in-the-fleets-rate) where the fleet has a rate.
//! 3. [The rate limit](#an-object-that-has-used-up-its-rate-limit-is-postponed-to-its-next-place) postpones every
//!    other run.
//! 4. [A change or news](#a-change-of-the-spec-runs-at-once) runs at once, before the object is due.
//! 5. When it is due, [`Retry::After`](#retryafter-is-obeyed), [`Retry::NoFailure`](#a-conflict-is-no-failure),
//!    [`Retry::Never`](#retrynever-awaits-a-change) or [the wish of a success](#a-success-may-wish-for-a-delay)
//!    decides;
//! 6. else, after a Ready run, [the interval that the object's annotation
//!    has](#an-interval-by-annotation-holds-after-a-ready-run-until-it-is-removed),
//! 7. else [the deadline](#past-the-deadline-the-answer-is-await-change),
//! 8. else [the interval of the phase](#the-delay-grows-with-the-time-in-the-phase).
//!
//! # Restarts, replicas, deletion, clocks
//!
//! ### Losing the memory costs one extra run per object
//!
//! By a restart, or because the object did not come back for the longest interval: what is not remembered was not seen
//! before, and runs.
//!
//! ```text
//!  0s  created                    → Ready
//! 10s  the controller restarts    → Ready
//! 40s                             → Ready
//! 69s
//! ```
//!
//! ### A restart keeps the backoff that the status carries
//!
//! In `last_transition`. The one extra run does not shift the backoff either: what follows it is as long as the outage
//! says.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//! status: in every run, with lastTransitionTime
//!
//!   0s  created                    → Err
//!  10s                             → Err
//!  30s                             → Err
//!  50s  the controller restarts    → Err      # 50 s into the outage: 10 s + 50 s
//! 110s                             → Err
//! 230s                             → Err
//! ```
//!
//! ### A restart without a `last_transition` starts the backoff anew
//!
//! Nothing but the memory knew of it.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created                    → Err
//!  10s                             → Err
//!  30s                             → Err
//!  50s  the controller restarts    → Err
//!  60s                             → Err
//!  80s                             → Err
//! 119s
//! ```
//!
//! ### A leader change keeps the backoff, too
//!
//! To the new leader it is a restart, on another machine: all it needs is in the status.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//! status: in every run, with lastTransitionTime
//!
//!   0s  created                       → Err
//!  10s                                → Err
//!  20s  another replica takes over    → Err
//!  50s                                → Err
//! 110s                                → Err
//! ```
//!
//! ### Two replicas at once each keep the interval
//!
//! Without leader election every object runs twice per interval, and changes run in both; the status writes of each
//! are postponed by the other, so they do not drive each other on.
//!
//! ```text
//! default: 30s
//!
//!  0s  created                    → Ready
//! 10s  a second replica starts    → Ready
//! 30s                             → Ready
//! 40s                             → Ready
//! 60s                             → Ready
//! 70s                             → Ready
//! ```
//!
//! ### An object that is gone is forgotten
//!
//! Within the longest interval, and at least a minute, after it was due; until then it costs 140 bytes at most.
//! [`Requeuer::tracked`](crate::kube::Requeuer::tracked) tells how many are remembered.
//!
//! ### Time is tokio's clock on top of the wall clock that the process started with
//!
//! So a wall clock that is set while the process runs makes no delay longer or shorter. The times in a status are
//! compared with it: one that another machine writes may be off by what the clocks differ, which makes a growing delay
//! wrong by `factor − 1` times that, [and never longer than the
//! cap](#time-that-jumps-never-panics-never-yields-more-than-the-cap).
//!
//! # What an operator changes while it runs
//!
//! ### A new policy counts from the next end of a run and what is due stays due
//!
//! [`Requeuer::set_policy`](crate::kube::Requeuer::set_policy) replaces it for all clones, at once and whole. One INFO
//! line says so.
//!
//! ```text
//! default: 60s
//!
//!   0s  created                                → Ready
//!   5s  the policy becomes { default: 20s }
//!       INFO requeue_policy: the policy was replaced default="20s" error="10s" initialization="5s" rate_limit="10 within 10s"
//!  60s                                         → Ready
//!  80s                                         → Ready
//! 100s                                         → Ready
//! ```
//!
//! ### A bad policy is refused with one line and the old one stays
//!
//! The line is WARN, and names the field, its value and what is allowed; `set_policy` returns the same as an error.
//!
//! ### The backoff survives a new policy
//!
//! An outage goes on: the next delay is by the new interval, from the outage's own start.
//!
//! ### An interval by annotation holds after a Ready run until it is removed
//!
//! Under the key that the application gave to `Overrides::interval`, exactly and without jitter; not shorter than the
//! rate limit's pace, 1 s by default, and at most 180 days.
//!
//! ```text
//! default: 60s
//!
//!  0s  created                                  → Ready
//!  5s  annotated example.com/poll-interval=7s   → Ready
//! 12s                                           → Ready
//! 19s                                           → Ready
//! 20s  annotated example.com/poll-interval-     → Ready
//! 80s                                           → Ready
//! ```
//!
//! ### A failed object keeps the policy's interval
//!
//! The same goes for one that is not initialized yet.
//!
//! ### A run's own wish wins over the annotation
//!
//! A delay that the run returns is for this object, too, and knows more.
//!
//! ### A bad override is logged once per change and the policy's own holds
//!
//! At WARN, with the annotation's key, its value and what is allowed. A pause is `true` or `false` and nothing else.
//!
//! ### Nothing starts a run of a paused object and a resume runs at once
//!
//! No change, no timer, no child, not even a deletion, while the annotation under the key of `Overrides::paused` is
//! `true`. One INFO line says that it is paused, and one that it is resumed.
//!
//! ```text
//!  0s  created                              → Ready
//! 10s  annotated example.com/paused=true
//!      INFO requeue_policy: paused: an annotation says so, and nothing starts a run until it is gone object=default/a
//! 20s  the spec changes
//! 30s                                                   # it would be due
//! 40s  its child changes
//! 50s  all are triggered
//! 61s  annotated example.com/paused-        → Ready
//!      INFO requeue_policy: resumed object=default/a
//! 91s                                       → Ready
//! ```
//!
//! ### A restart does not run what is paused
//!
//! The annotation is read before anything else.
//!
//! ### The clock of an outage goes on while the object is paused
//!
//! With `{ initial: 10s, factor: 2, max: 5m }`, one that is resumed 100 s into its outage and fails waits 110 s.
//!
//! # The log
//!
//! ### One line per transition, not per run
//!
//! With target `requeue_policy`, the object as `namespace/name`, and what comes next. First failure WARN, repeats
//! DEBUG, recovery INFO with how long it lasted:
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created    → Ready
//!  30s             → Err
//!      WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!  40s             → Err
//!      DEBUG requeue_policy: still failed object=default/a error=no quota after=10s attempts=1 next="in 20s"
//!  60s             → Err
//!      DEBUG requeue_policy: still failed object=default/a error=no quota after=30s attempts=2 next="in 40s"
//! 100s             → Ready
//!      INFO requeue_policy: recovered object=default/a phase=Ready after=1m 10s next="in 30s"
//! 130s             → Ready
//! ```
//!
//! `attempts` is [read from the clock](#attempts-are-a-reading-of-the-time-in-the-phase), and left out where the error
//! said itself when to come back. Giving up is ERROR; [postponed triggers](#postponed-triggers-are-trace) are TRACE.
//! The lines stand inside kube-runtime's span `reconciling object`, whose `object.reason` says what woke the object.
//!
//! ### A hundred objects that fail for an hour log their transitions only
//!
//! At factor 2 that is a hundred lines at WARN, and a hundred at INFO when they recover; the fifteen retries of each
//! are DEBUG.
//!
//! ### A healthy object logs nothing that an operator sees
//!
//! Neither its runs nor what was postponed.
//!
//! ### Postponed triggers are TRACE
//!
//! And so are the successes: `postponed`, `reconciled`.
//!
//! ### Giving up is said once per process
//!
//! A new process tries the object once more, and says so if that fails.
//!
//! ```text
//! error: { initial: 10s, deadline: 15s }
//! status: in every run, with lastTransitionTime
//!
//!   0s  created                    → Err
//!       WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!  10s                             → Err
//!  20s                             → Err
//!       ERROR requeue_policy: gave up object=default/a error=no quota phase=Failed after=20s attempts=2 next="when something changes"
//!   1h  the spec changes           → Err
//!   2h  the controller restarts    → Err
//!       ERROR requeue_policy: gave up object=default/a error=no quota phase=Failed after=2h attempts=2 next="when something changes"
//!   3h
//! ```
//!
//! ### A restart in an outage does not say again what the status knows
//!
//! The object was failing, and it still is.
//!
//! ```text
//! status: in every run, with lastTransitionTime
//!
//!   0s  created                    → Err
//!       WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!   5s  the controller restarts    → Err
//!  15s                             → Ready
//!       INFO requeue_policy: recovered object=default/a phase=Ready after=15s next="in 30s"
//!  20s
//! ```
//!
//! ### What had given up and is tried again says so
//!
//! ```text
//!   0s  created            → Err, never
//!       ERROR requeue_policy: gave up object=default/a error=never phase=Failed after=0s next="when something changes"
//!   5s  the spec changes   → Err
//!       WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!  15s                     → Err
//!  24s
//! ```
