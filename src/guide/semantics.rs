//! What happens, exactly: a rule in each heading, and a test of the same name for each rule.
//!
//! # How to read the examples
//!
//! ### An example is played as it stands
//!
//! The test of its rule plays it on the real controller in virtual time. This one has all there is to the notation:
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }     # the policy; what it leaves out has its default
//!
//!  0s  created            → Err                   # a time, what happens, what the reconcile returns
//!      WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//! 10s                     → Err                   # a reconcile without an event: it was due
//! 15s  the spec changes   → Err
//! 20s  its status is written                      # by someone else; no arrow, no reconcile
//! 29s                                             # nothing is reconciled until here
//! 30s                     → Ready
//!      INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=30s next="in 30s"
//! 59s
//! ```
//!
//! A line of the log stands below the row by which it is there. An example that has any has all from INFO up. Unless the
//! first lines say otherwise, a reconcile takes no time and writes its phase into the status, with a message that differs
//! each time, and without `lastTransitionTime`. `Ready` is `Ok(Phase::Ready)`, `Ready, after 5s` is
//! `Ok(Phase::Ready.after(..))`, and `Err` is any error.
//!
//! # The interval
//!
//! ### Initializing comes before Failed, Failed before Ready
//!
//! An object that is not initialized is requeued by the initialization interval (5 s), else a failed one by the error
//! interval (10 s), and any other by the default interval (30 s). You write [`Observe`](crate::Observe); write it in that
//! order.
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
//! Whatever the factor and the phase before. Jitter shortens it like every other delay.
//!
//! ### The delay grows with the time in the phase
//!
//! It is `initial + (factor − 1) × elapsed`, where `elapsed` is the time since the phase began. If reconciles take no time,
//! that is the usual sequence:
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
//! Any phase's interval may grow: of a failing object, a waiting one, a settled one.
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
//! So no delay is longer than `max`, with jitter or without.
//!
//! ### Jitter only shortens
//!
//! A delay `d` becomes one in `(d × (1 − jitter), d]`. It depends on the object's UID and the time, not on chance, and is
//! the same after a restart.
//!
//! ### The long-run rate under jitter is exactly one per interval
//!
//! Jitter moves an object's reconciles towards its slot and then leaves them there. It adds none.
//!
//! ### A recovery is noticed within the outage times factor less one, plus initial
//!
//! Within `initial + (factor − 1) × outage`, and never later than `max`: the longest delay that the backoff can have
//! reached. An event that shows the recovery is noticed at once.
//!
//! ### Past the deadline the answer is await change
//!
//! From `elapsed >= deadline` on. A delay that is under way when the deadline passes still ends, so the last attempt comes
//! after it:
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m, deadline: 1m }
//! status: never
//!
//!  0s  created   → Err
//!      WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//! 10s            → Err
//! 30s            → Err
//! 70s            → Err
//!      ERROR requeue_policy: gave up kind=Thing object=default/a error=no quota phase=Failed after=1m 10s retries=3 next="when something changes"
//! 30days
//! ```
//!
//! ### An interval that never comes gives nothing up
//!
//! With `default: never` no timer starts a reconcile of a settled object, and with `error: never` none retries a failure: a
//! change does. That is what the operator asked for, so the log does not say that the object was given up, and metrics do
//! not count it. `within`, an explicit delay and an interval by annotation still set a timer. An object that awaits a change
//! under `never` does not follow a new policy until it is reconciled: send to `reconcile_all_on` after `set_policy`.
//!
//! ### `since` missing or in the future counts as elapsed zero
//!
//! So a clock that is ahead of this one costs at worst the shortest delay of the phase.
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
//! For an `Err`, an `Ok(Phase::Failed)` and the other phases alike. It starts at the end of the reconcile that first
//! reported the phase.
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
//! The proposal's `shouldRequeue`, for those who ask before a reconcile. False if the last transition is in the future.
//!
//! ### `should_requeue` is true where the last transition is unknown
//!
//! Better one reconcile too many than none.
//!
//! ### Attempts are a reading of the time in the phase
//!
//! [`Interval::attempts`](crate::Interval::attempts) returns how many retries an outage of that length makes, and the log
//! shows it as `retries`. Nothing is counted, so events and restarts do not change it. If you keep a count in the status,
//! use `delays().nth(count)`.
//!
//! # The trigger
//!
//! A trigger is what may start a reconcile: a change of the object, of a child or a related object, a request, a timer. The
//! controller knows the reason of each, and [`reasons`](crate::kube::reasons) returns those of the current reconcile. A
//! trigger that calls for no reconcile now is postponed until the object is due. None is dropped.
//!
//! ### An object that is due is reconciled
//!
//! ```text
//!  0s  created                 → Ready
//! 30s  its status is written   → Ready
//! 60s                          → Ready
//! ```
//!
//! ### A new object is reconciled at once
//!
//! ```text
//!  0s  the controller starts
//!  3s  created                 → Ready
//! 33s                          → Ready
//! ```
//!
//! ### What is deleted and recreated is new
//!
//! Nothing is remembered of the object that had the name before, and the reason is `new`.
//!
//! ### A deleted and recreated object starts its backoff anew
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
//! ### A change of the spec is reconciled at once
//!
//! The next reconcile is then due one interval later.
//!
//! ```text
//!  0s  created            → Ready
//!  5s  the spec changes   → Ready
//! 35s                     → Ready
//! 64s
//! ```
//!
//! ### So is a change of labels, annotations, finalizers, owner references, deletion timestamp, phase or fingerprint
//!
//! The phase and the fingerprint count if someone else wrote them.
//!
//! ```text
//!  0s  created                        → Ready
//!  2s  a label changes                → Ready
//!  4s  an annotation changes          → Ready
//!  6s  a finalizer is added           → Ready
//!  8s  an owner is added              → Ready
//! 12s  its fingerprint changes        → Ready
//! 14s  its phase is written: Failed   → Ready
//! 16s  it is deleted                  → Ready, after 1m
//! 76s                                 → Ready, after 1m
//! ```
//!
//! ### A status write that changes neither phase nor fingerprint is postponed until due
//!
//! Whoever makes it. An object that awaits a change is never due, so there such a write has no effect: add what must
//! trigger a reconcile to the [fingerprint](crate::Observed::fingerprint).
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
//! ### A phase that someone else writes is a change
//!
//! Compared with the latest phase that was read, reported or echoed.
//!
//! ```text
//! status: never
//!
//!  0s  created                        → Ready
//!  5s  its phase is written: Failed   → Ready
//! 10s  its phase is written: Ready              # what the last reconcile reported
//! 15s  its phase is written: Failed   → Ready
//! 44s
//! ```
//!
//! ### A write that restores the phase is a change
//!
//! The controller writes Ready, someone else writes Failed again: that is reconciled, although the phase is the one that
//! the last reconcile found.
//!
//! ### A change of a child is reconciled at once
//!
//! So is a change of a related object, and a request: [`nudge`](crate::kube::Requeuer::nudge),
//! [`reconcile_on`](crate::kube::Controller::reconcile_on),
//! [`reconcile_all_on`](crate::kube::Controller::reconcile_all_on).
//!
//! ```text
//!  0s  created             → Ready
//!  5s  its child changes   → Ready
//! 35s                      → Ready
//! 64s
//! ```
//!
//! ### A reason is kept until a reconcile starts after it
//!
//! What happens during a reconcile starts another one when it has ended, whatever the reconcile writes or returns.
//!
//! ```text
//! takes: 300ms
//!
//!     0s  created             → Ready
//!     5s  the spec changes    → Ready
//!   5.1s  its child changes            # in the middle of the reconcile, which ends with its status write
//!   5.3s                      → Ready
//!    35s
//! ```
//!
//! ### Changes during a reconcile start one more when it has ended
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
//! ### A child's change during a reconcile that awaits a change is seen at once
//!
//! Although the reconcile also writes the status.
//!
//! ### A child that changes owners triggers the old one too
//!
//! And so does a child that is deleted.
//!
//! ### A cluster-scoped owner of namespaced children runs once at a time
//!
//! One object is never reconciled twice at the same time, however it was triggered.
//!
//! ### Of an object without a generation every write but an echo is a change
//!
//! A type that has none, a ConfigMap say, does not show what changed.
//!
//! ```text
//! crd: without generation
//!
//!  0s  created                 → Ready
//!  5s  its status is written   → Ready
//! 10s  its status is written   → Ready
//! 40s                          → Ready
//! ```
//!
//! ### An object that is being deleted is retried by the initialization interval
//!
//! If it still exists after a reconcile that asks for no delay of its own. The interval counts from the deletion timestamp,
//! and its deadline does not apply; where it never comes, the policy's longest interval is taken. So a clean-up that waits
//! for something outside goes on.
//!
//! ```text
//! default: 10m
//!
//!  0s  created                → Ready
//!  1s  a finalizer is added   → Ready
//!  1m  it is deleted          → Ready
//! 65s to 80s every 5s         → Ready
//! ```
//!
//! ### A run that was cut off is made up for by the next controller
//!
//! If both have the same `Requeuer`: a reconcile that did not end keeps its reasons.
//!
//! # Own writes
//!
//! The reconciler writes through [`Requeuer::client`](crate::kube::Requeuer::client). Each answer to a write shows the
//! object and its version, and the task shows whose reconcile made it. When the watch delivers that version, it is an echo.
//!
//! ### An echo costs no dispatch
//!
//! It triggers nothing for the object whose reconcile wrote, be it the object's own status, its labels, its annotations or
//! a child, and whatever phase it shows.
//!
//! ### Two status writes that disagree trigger nothing
//!
//! Ready, then Failed, in one reconcile: both are echoes, also if the watch delivers them before the answers come.
//!
//! ### A child that the reconcile itself creates triggers nothing
//!
//! ### A phase that a reconcile writes but does not report is an echo
//!
//! ### An annotation stamped in every reconcile does not loop
//!
//! Neither does a label.
//!
//! ### An own finalizer is a change
//!
//! So are a spec, an owner reference and a deletion timestamp that the controller itself writes. kube's helper `finalizer`
//! depends on it.
//!
//! ### A child rewritten in every reconcile triggers only its other owner
//!
//! An echo belongs to the object whose reconcile wrote. To another owner of the child it is a change.
//!
//! ### A status that another object's reconcile writes is a change
//!
//! To the object whose status it is.
//!
//! ### A webhook that writes through the same client is someone else
//!
//! A write outside of a reconcile is nobody's echo, whichever client makes it.
//!
//! ### A second controller with the same client sees the first's writes
//!
//! Each `Requeuer` knows the writes of its own reconciles only.
//!
//! ### A spawned task writes as someone else unless it is carried
//!
//! [`in_reconcile`](crate::kube::in_reconcile) carries the reconcile into a task that it spawns.
//!
//! ### A write whose answer is lost counts as someone else's
//!
//! It costs one reconcile. So does a write that the client repeated by itself.
//!
//! ### A dry run is no write
//!
//! Neither is a DELETE an own write: that a child is gone is always a change.
//!
//! ### A reconcile starts on a cache with its own last write
//!
//! Until the cache contains what the controller last wrote to the object, the object waits. It takes no place of
//! `concurrency`, keeps its reasons, and the echo starts it. So a reconciler may compare with the cache before it writes.
//! Versions are compared as numbers; if they are none, the very version is awaited.
//!
//! ### An operator that compares with its cache leaves the right status
//!
//! Also if the watch lags.
//!
//! ### After five seconds a stale cache stops nothing and one line says so
//!
//! A watch that is broken delays a reconcile by five seconds at most.
//!
//! ### A reconcile that awaits a change is followed by one and not by more
//!
//! If it patched. A patch that changes nothing returns the version that is there, which may be someone else's that the watch
//! has not delivered yet. So one more reconcile is due after the policy's longest interval, and finds it. An interval that
//! never comes does not count; if none comes, it is due after 30 s.
//!
//! ```text
//!  0s  created   → Ready, await change
//! 30s            → Ready, await change
//!  1h
//! ```
//!
//! # What exists
//!
//! ### What a relist shows unchanged is not reconciled
//!
//! A watch that starts over lists all objects. Those whose version is known trigger nothing.
//!
//! ### A version that only a relist shows is a change
//!
//! Also one's own: another write may be hidden behind it.
//!
//! ### Each reconcile after a relist in pages sees the new state
//!
//! What a relist brings is a trigger when the store has all of it.
//!
//! ### What a relist no longer shows is forgotten
//!
//! So is what the watch shows as deleted, both at once. What exists is never forgotten.
//! [`Requeuer::tracked`](crate::kube::Requeuer::tracked) returns how many objects are remembered.
//!
//! ### An answer after the deletion brings nothing back
//!
//! Neither does the end of a reconcile.
//!
//! ### Given up objects of a busy fleet stay given up
//!
//! For as long as the process lives, whatever others write into their status.
//!
//! ### A child that is deleted while its watch is down triggers its owner
//!
//! The list that follows does not show it.
//!
//! ### A failing watch is logged once and stops neither the others nor the timers
//!
//! WARN when it fails, INFO when it recovers. Each watch backs off by itself.
//!
//! ### No error of a watch comes with the stream and none makes it deaf
//!
//! The stream of [`run`](crate::kube::Controller::run) has kube's item type, but a watch's errors never come.
//!
//! # The rate limit
//!
//! ### An object that has used up its burst waits for the next token
//!
//! Whatever triggers it, an object is reconciled `burst` times at once, and then once per `every`: a token bucket, by
//! default 30 and one second.
//!
//! ```text
//! default: 60s
//! rate_limit: { burst: 3, every: 3s }
//!
//!    0s  created            → Ready
//!    1s  the spec changes   → Ready
//!    2s  the spec changes   → Ready
//!  2.4s  the spec changes
//!  2.7s  the spec changes
//!    3s                     → Ready     # for both
//!    4s  the spec changes
//!    6s                     → Ready
//!   66s                     → Ready
//! ```
//!
//! ### One WARN line reports a loop
//!
//! After a minute of throttling, and not again before the bucket has been full. Here each reconcile rewrites a child through
//! another client, so that it is a change:
//!
//! ```text
//! child: rewritten in every reconcile, by another client
//! rate_limit: { burst: 3, every: 20s }
//! takes: 100ms
//!
//!                      0s  created   → Ready
//! 100ms to 200ms every 100ms         → Ready
//!      20s to 80s every 20s          → Ready
//!      WARN requeue_policy: reconcile loop detected, throttling kind=Thing object=default/a burst=3 every=20s next="in 20s"
//!    100s to 140s every 20s          → Ready
//! ```
//!
//! ### A reconcile that is due is never throttled
//!
//! So an interval shorter than `every` works. Such reconciles take tokens, so a change waits for the next one that is due.
//!
//! ```text
//! default: 1s
//! rate_limit: { burst: 2, every: 1m }
//!
//!    0s  created            → Ready
//!    1s to 20s every 1s     → Ready
//!  20.5s  the spec changes
//!   21s                     → Ready
//! ```
//!
//! ### A delay of zero takes its turn by the rate limit
//!
//! `Requeue::After(Duration::ZERO)` and `Retry::After(Duration::ZERO)` mean "again, at once". Any explicit delay shorter
//! than `every` counts as a trigger.
//!
//! ```text
//! initialization: 1m
//! rate_limit: { burst: 3, every: 3s }
//! takes: 1s
//!
//!  0s  created           → again
//!  1s to 3s every 1s     → again
//!  6s to 30s every 3s    → again
//! ```
//!
//! # The failure
//!
//! ### An `Err` and an `Ok` of Failed are failures alike
//!
//! Many operators turn errors into `Ok` and write them into the status. The backoff is the same, and so are the lines in
//! the log.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created   → Failed
//!       WARN requeue_policy: failed kind=Thing object=default/a next="in 10s"
//!  10s            → Failed
//!  30s            → Failed
//!  70s            → Ready
//!       INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=1m 10s next="in 30s"
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
//! Nothing else does: no event, no edit, no restart if the status carries it.
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
//! ### A success ends the outage though the cache shows it
//!
//! A time before the last success does not count, even if the cache still shows the older status.
//!
//! ### A failure by an event inside the backoff adds nothing to it
//!
//! The event is reconciled at once. If that fails, the next attempt stays due when it was. In client-go every such failure
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
//! It is reconciled at once, like any change. If that fails, too, the outage goes on.
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
//! ### A status write inside the backoff does not trigger early
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
//! So a status that is written late, or whose `lastTransitionTime` is renewed by mistake, does not shorten the backoff while
//! the controller lives.
//!
//! ### Past the deadline a new trigger is still reconciled at once
//!
//! If that fails, the object is given up again: its deadline has passed. A success ends the outage.
//!
//! ```text
//! error: { initial: 10s, deadline: 15s }
//! status: never
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
//! A new process has not seen the object yet. If the status carries the outage, the object is given up again. Here each
//! reconcile patches the status, so [one more follows](#a-reconcile-that-awaits-a-change-is-followed-by-one-and-not-by-more).
//!
//! ```text
//! error: { initial: 10s, deadline: 15s }
//! status: in every reconcile, with lastTransitionTime
//!
//!   0s  created                    → Err
//!  10s                             → Err
//!  20s                             → Err
//!  50s                             → Err
//!   1h  the controller restarts    → Err
//!   1h30s                          → Err
//!   1day
//! ```
//!
//! ### `Retry::After` is obeyed
//!
//! Exactly, in place of the error interval, past its deadline too: for an error that says when to come back, such as a 429
//! with Retry-After or a lease. It does not age the backoff: the next `Backoff` starts from `initial`. For the deadline and
//! the log the outage goes on.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created   → Err, after 7s
//!   7s            → Err, after 3s
//!  10s            → Err             # the backoff starts here
//!  20s            → Err
//!  40s            → Err
//!  80s            → Ready
//! ```
//!
//! ### `Retry::Never` awaits a change
//!
//! For an error that no retry cures: an invalid spec.
//!
//! ```text
//! status: never
//!
//!  0s  created                 → Err, never
//!      ERROR requeue_policy: gave up kind=Thing object=default/a error=never phase=Failed after=0s next="when something changes"
//!  1h  its status is written
//!  2h  the spec changes        → Ready
//!      INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=2h next="in 30s"
//! 7230s                        → Ready
//! ```
//!
//! ### A conflict is no failure
//!
//! Someone else's write came first, and the watch is about to deliver it. The object is reconciled when it does, if that is
//! [a change](#a-change-of-the-spec-is-reconciled-at-once), and after a second if only the status changed. No outage starts,
//! a present one goes on, and the log has it at DEBUG. That is [`Retry::Later`](crate::Retry::Later), which also serves
//! other errors that are no failures.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//! status: never
//!
//!   0s  created   → Err, conflict
//!       DEBUG requeue_policy: no failure kind=Thing object=default/a error=conflict next="in 1s"
//!   1s            → Ready
//!  31s            → Err
//!       WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!  41s            → Err, conflict     # the outage goes on
//!       DEBUG requeue_policy: no failure kind=Thing object=default/a error=conflict next="in 1s"
//!  42s            → Err               # after 11 s of outage: 10 s + 11 s
//!       DEBUG requeue_policy: still failed kind=Thing object=default/a error=no quota after=11s retries=1 next="in 21s"
//!  63s            → Ready
//!       INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=32s next="in 30s"
//! ```
//!
//! ### An error may report a phase
//!
//! [`Retry::As`](crate::Retry::As) takes the error for an outcome, as if the reconcile had returned it.
//! `Retry::As(Phase::Initializing.after(d))` is no failure: the object is Initializing, is reconciled again after `d`, and a
//! present outage is over. `Retry::As(Phase::Failed.after(..))` is a failure with this delay or interval, in place of the
//! policy's.
//!
//! ### A conflict that the watch makes good runs at once
//!
//! The other's change starts the next reconcile as soon as this one has ended, and the second is not awaited.
//!
//! ### An error of kube says itself how to retry
//!
//! `Retry::from(&error)`, for the `kube::Error` of each major:
//!
//! | the error | the retry |
//! |---|---|
//! | any whose status has `retryAfterSeconds`: a 429, a 503, a 504, a `ServerTimeout` | `After` that, from kube 3 on; kube 1 and 2 drop it, and it is `Backoff` |
//! | 409 `Conflict`: the object was changed meanwhile | `Later`, 1 s |
//! | every other: 401, 403, 422, an apply that meets another field manager, 409 `AlreadyExists`, 400, 404, 410, 429, 5xx, time-outs, no connection, no answer that can be read | `Backoff` |
//!
//! `AlreadyExists` is a name that is taken, maybe for good. kube keeps the body of an answer, and drops the header
//! `Retry-After`: a 429 in plain text, which is what the API server's own queues send, is `Backoff` in every major.
//!
//! ### No error of kube waits longer than the error interval
//!
//! Unless the API server asks for it. A role, a quota or a webhook is cured without an event of the object, so no error of
//! kube is `Never`. To wait otherwise, [override the
//! class](super::embedding#a-class-of-kubes-errors-is-overridden-and-the-rest-stays). The second of a conflict is the
//! exception, if the error interval is shorter.
//!
//! ### An API server that says when to come back is obeyed
//!
//! In the details of its status: a 429 for an eviction, a 504. From kube 3 on, which keep them.
//!
//! ### A missing right backs off like any error
//!
//! A 401 or 403 is often cured by the upgrade that brings the role. The line of the failure has the error, which says the verb
//! and the resource.
//!
//! ### A missing right is a WARN line also in an outage that began otherwise
//!
//! One line per outage, with what the API server says:
//! `still failed: the API server denies a request kind=App object=default/a denied=User "operator" cannot patch resource …`.
//! It finds a `kube::Error` that the reconciler's error wraps, if that error has it as its source.
//!
//! ### The last attempt is known to the reconciler
//!
//! [`Requeuer::outage`](crate::kube::Requeuer::outage) returns since when the object has been failing, how many retries that
//! makes, and whether the policy gives up after this one. That is for an error that backs off.
//!
//! ### An error's own retry decides whether it is the last attempt
//!
//! [`Outage::after`](crate::kube::Outage::after) takes the retry of the error at hand: `Retry::Never` is always the last,
//! `Retry::After` and `Retry::Later` never are, and `Retry::As` is if it reports Failed and sets no timer.
//!
//! # The success
//!
//! ### A success may ask for a delay
//!
//! `Ok(Phase::Ready.after(d))`: a certificate must be renewed in so many minutes. No status write shortens it, a change is
//! reconciled at once, and the next reconcile asks anew.
//!
//! ```text
//!   0s  created                 → Ready, after 90s
//!  40s  its status is written
//!  90s                          → Ready, after 90s
//! 100s  the spec changes        → Ready
//! 130s                          → Ready
//! ```
//!
//! ### An explicit delay may be jittered
//!
//! It is exact by default. With `Phase::Ready.after(Interval::constant(d).with_jitter(0.2))` the object's slot shortens it,
//! as [a policy's jitter](#jitter-only-shortens) does: for a delay that many objects share. After an error it is
//! `Retry::As(Phase::Failed.after(..))`. An interval that grows or has a deadline counts from when the object entered the
//! phase.
//!
//! ### Jitter makes no explicit delay shorter than the rate limit
//!
//! A delay that jitter makes shorter than `every` counts as a trigger, as [any explicit delay
//! does](#a-delay-of-zero-takes-its-turn-by-the-rate-limit).
//!
//! ### A success may be due earlier than its interval
//!
//! `Ok(Phase::Ready.within(d))`: by the interval of the phase, but after `d` at the latest. Where the interval sets no timer,
//! past its deadline or because it never comes, that is after exactly `d`, and the object is not given up.
//!
//! ```text
//! default: 1m
//!
//!   0s  created   → Ready, within 20s
//!  20s            → Ready, within 90s
//!  80s            → Ready
//! ```
//!
//! ### A success may await a change
//!
//! Then no timer starts a reconcile.
//!
//! ```text
//! status: never
//!
//!  0s  created                 → Ready, await change
//!  1h  its status is written
//!  2h  the spec changes        → Ready
//! ```
//!
//! ### A unit leaves the phase to the status
//!
//! `Ok(())` is for a reconciler that does not know phases. The interval is that of the phase that the status shows when the
//! reconcile ends. It never starts an outage.
//!
//! ```text
//!  0s  created                       → ()       # no status yet is Initializing
//!  3s  its phase is written: Ready   → ()
//! 33s                                → ()
//! 62s
//! ```
//!
//! ### A unit means the phase in the store and its echo moves the timer
//!
//! If the reconcile's own status write shows another phase, the timer follows when the watch delivers it.
//!
//! # The fleet
//!
//! ### A timer waits for its place in the fleet's rate
//!
//! `max_rate` is how many reconciles per second timers may start, all objects together. A timer that finds it used up waits,
//! so delays stretch as the fleet grows, and what timers cost stays as it is. The first is never late:
//!
//! ```text
//! max_rate: 0.01             # one in 100 s, for one object that is due every 30 s
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
//! ### Nor is a child's change
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
//! ### A request for all objects takes places in the fleet's rate
//!
//! [`reconcile_all_on`](crate::kube::Controller::reconcile_all_on) also reaches what was given up.
//!
//! ```text
//! max_rate: 0.01
//!
//!   0s  created              → Ready
//!  30s                       → Ready
//!  40s  all are requested
//! 130s                       → Ready
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
//! So every object gets its turn. The longest gap is the object's delay plus the time in which the rate serves all others
//! once. [`Requeuer::max_rate_wait`](crate::kube::Requeuer::max_rate_wait) returns how long a timer that fires now has to
//! wait.
//!
//! ### A place that a change made needless goes to the next timer
//!
//! An object that is reconciled before its place has come gives it back.
//!
//! ### client-go's bucket is ten per second and a burst of a hundred
//!
//! `max_rate: { per_second: 10, burst: 100 }`. `burst` is how many unused places may be used at once; it is whole when the
//! operator starts. Without it places are evenly spread.
//!
//! ### A restart runs every object at once, whatever the rate
//!
//! None of them has been seen before, and that is no timer.
//!
//! ### Another rate counts from the next timer on
//!
//! An object that already has a place keeps it, unless [all are
//! requested](super::at_3_am#a-policy-was-replaced-and-nothing-changes). Nobody else waits behind such places. Until the
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
//! What a reconcile returned decides when the next one is due. A trigger decides whether it needs to wait for that. From the
//! strongest:
//!
//! 1. [A pause](#nothing-starts-a-run-of-a-paused-object-and-a-resume-runs-at-once).
//! 2. [The cache contains the controller's own last write](#a-reconcile-starts-on-a-cache-with-its-own-last-write), or five
//!    seconds have passed.
//! 3. [A reconcile that is due is never throttled](#a-reconcile-that-is-due-is-never-throttled), but
//!    [a timer waits for its place](#a-timer-waits-for-its-place-in-the-fleets-rate) if the fleet has a rate.
//! 4. [The rate limit](#an-object-that-has-used-up-its-burst-waits-for-the-next-token) postpones every other reconcile.
//! 5. [A change](#a-change-of-the-spec-is-reconciled-at-once) is reconciled at once, before the object is due.
//! 6. When it is due, [`Retry::After`](#retryafter-is-obeyed), [`Retry::Later`](#a-conflict-is-no-failure),
//!    [`Retry::As`](#an-error-may-report-a-phase), [`Retry::Never`](#retrynever-awaits-a-change) or [the delay of a success](#a-success-may-ask-for-a-delay) decides;
//! 7. else [the initialization interval, for an object that is being
//!    deleted](#an-object-that-is-being-deleted-is-retried-by-the-initialization-interval),
//! 8. else, after a Ready one, [the interval that the object's annotation
//!    has](#an-interval-by-annotation-holds-after-a-ready-run-until-it-is-removed),
//! 9. else [the deadline](#past-the-deadline-the-answer-is-await-change),
//! 10. else [the interval of the phase](#the-delay-grows-with-the-time-in-the-phase).
//!
//! # Restarts, replicas, clocks
//!
//! ### Losing the memory costs one extra reconcile per object
//!
//! A restart loses it. What is not remembered was not seen before, and is reconciled.
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
//! In [`Observed::since`](crate::Observed::since). The one extra reconcile does not shift the backoff either: the delay
//! after it is as long as the outage says.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//! status: in every reconcile, with lastTransitionTime
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
//! To the new leader it is a restart on another machine: all it needs is in the status.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//! status: in every reconcile, with lastTransitionTime
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
//! Without leader election every object is reconciled twice per interval, and each change in both. To each of them the
//! other's writes are someone else's. As long as both write the same phase, they do not trigger each other; if they
//! disagree, the rate limit ends it.
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
//! ### A step of the clock neither reaches a deadline nor resets a delay
//!
//! The wall clock is followed while the process runs: NTP, a suspended machine. Delays count by a clock that no step
//! changes. Times in a status are compared with the wall clock, so another machine's clock that is off makes a growing delay
//! wrong by `factor − 1` times the difference, [and never longer than the
//! cap](#time-that-jumps-never-panics-never-yields-more-than-the-cap). Under a paused tokio runtime time follows tokio
//! alone.
//!
//! # What an operator changes while it runs
//!
//! ### A new policy counts from the next end of a run and what is due stays due
//!
//! [`Requeuer::set_policy`](crate::kube::Requeuer::set_policy) replaces it for all clones, at once and whole. One INFO
//! line says so. Another rate limit counts from now on.
//!
//! ```text
//! default: 60s
//!
//!   0s  created                                → Ready
//!   5s  the policy becomes { default: 20s }
//!       INFO requeue_policy: the policy was replaced default="20s" error="10s" initialization="5s" rate_limit="30, then one every 1s"
//!  60s                                         → Ready
//!  80s                                         → Ready
//! 100s                                         → Ready
//! ```
//!
//! ### A bad policy is refused with one line and the old one stays
//!
//! The line is WARN, and names the field, its value and what is allowed. `set_policy` returns the same as an error.
//!
//! ### The backoff survives a new policy
//!
//! An outage goes on: the next delay is by the new interval, from the start of the outage.
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
//! So does one that is not initialized yet.
//!
//! ### A run's own wish wins over the annotation
//!
//! An explicit delay is for this object, too, and knows more.
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
//!      INFO requeue_policy: paused by an annotation kind=Thing object=default/a
//! 20s  the spec changes
//! 30s                                                   # it would be due
//! 40s  its child changes
//! 50s  all are requested
//! 61s  annotated example.com/paused-        → Ready
//!      INFO requeue_policy: resumed kind=Thing object=default/a
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
//! ### One line per transition, not per reconcile
//!
//! With target `requeue_policy`, the kind, the object as `namespace/name`, and what comes next. First failure WARN, repeats
//! DEBUG, recovery INFO with how long it lasted:
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created    → Ready
//!  30s             → Err
//!      WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!  40s             → Err
//!      DEBUG requeue_policy: still failed kind=Thing object=default/a error=no quota after=10s retries=1 next="in 20s"
//!  60s             → Err
//!      DEBUG requeue_policy: still failed kind=Thing object=default/a error=no quota after=30s retries=2 next="in 40s"
//! 100s             → Ready
//!      INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=1m 10s next="in 30s"
//! 130s             → Ready
//! ```
//!
//! `retries` is [read from the clock](#attempts-are-a-reading-of-the-time-in-the-phase), and left out if the error said
//! itself when to come back. Giving up is ERROR; [postponed triggers](#postponed-triggers-are-trace) are TRACE. The
//! reconciler's own lines stand inside the span `reconcile`, whose field `reasons` says why it runs.
//!
//! ### A hundred objects that fail for an hour log their transitions only
//!
//! At factor 2 that is a hundred lines at WARN, and a hundred at INFO when they recover. The fifteen retries of each are
//! DEBUG.
//!
//! ### A healthy object logs nothing that an operator sees
//!
//! Neither its reconciles nor what was postponed.
//!
//! ### Postponed triggers are TRACE
//!
//! So are successes and echoes.
//!
//! ### Giving up is said once per process
//!
//! A new process tries the object once more, and says so if that fails.
//!
//! ```text
//! error: { initial: 10s, deadline: 15s }
//! status: in every reconcile, with lastTransitionTime
//!
//!   0s  created                    → Err
//!       WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!  10s                             → Err
//!  20s                             → Err
//!       ERROR requeue_policy: gave up kind=Thing object=default/a error=no quota phase=Failed after=20s retries=2 next="in 30s"
//!  50s                             → Err
//!   1h  the spec changes           → Err
//!   1h30s                          → Err
//!   2h  the controller restarts    → Err
//!       ERROR requeue_policy: gave up kind=Thing object=default/a error=no quota phase=Failed after=2h retries=2 next="in 30s"
//! ```
//!
//! ### A restart in an outage does not say again what the status knows
//!
//! The object was failing, and it still is.
//!
//! ```text
//! status: in every reconcile, with lastTransitionTime
//!
//!   0s  created                    → Err
//!       WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!   5s  the controller restarts    → Err
//!  15s                             → Ready
//!       INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=15s next="in 30s"
//!  20s
//! ```
//!
//! ### What had given up and is tried again says so
//!
//! ```text
//! status: never
//!
//!   0s  created            → Err, never
//!       ERROR requeue_policy: gave up kind=Thing object=default/a error=never phase=Failed after=0s next="when something changes"
//!   5s  the spec changes   → Err
//!       WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!  15s                     → Err
//!  24s
//! ```
//!
//! ### The hook is told of every decision
//!
//! [`Requeuer::on_decision`](crate::kube::Requeuer::on_decision) gives the application what the log has, for metrics and
//! lines of its own.
