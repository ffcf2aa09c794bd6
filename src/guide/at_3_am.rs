//! At 3 a.m.: what you see, the line that says it, the cause, the cure.
//!
//! Each case is a test of the same name: it brings the symptom about, finds the line, and sees the cure work. The
//! lines are those of target `requeue_policy`, as `tracing` prints them, without time and span.
//! `RUST_LOG=info,requeue_policy=trace` shows every decision, also the postponed triggers.
//!
//! # It runs too often
//!
//! ### It runs hot by its own status writes
//!
//! **Seen:** one run a second for each object, status writes without end. **Cause:** the CRD has no status
//! subresource, so each status write bumps the generation and is a change; the rate limit is all that holds it.
//!
//! ```text
//! crd: without status subresource
//! takes: 100ms
//!
//!                      0s  created   → Ready
//! 100ms to 900ms every 100ms         → Ready
//!      WARN requeue_policy: loops: something wakes it more often than its rate limit allows; its runs are spread evenly until it rests object=default/a max=10 within=10s next="in 9s"
//!     10s to 60s every 1s            → Ready
//! ```
//!
//! **Cure:** `subresources: { status: {} }` in the CRD (kube-derive writes it where it is told `status = ".."`), and
//! status written with `patch_status`:
//!
//! ```text
//! takes: 100ms
//!
//!    0s  created   → Ready
//! 30.1s            → Ready
//! 60.2s            → Ready
//! ```
//!
//! ### It runs hot by an object that it owns
//!
//! **Seen:** the same; kube-runtime's span says `object.reason=related object updated`. **Cause:** each run writes
//! something new into a child that the controller watches: a time, a random order, a generated name.
//!
//! ```text
//! child: with owned(), rewritten in every run
//! takes: 100ms
//!
//!                      0s  created   → Ready
//! 100ms to 900ms every 100ms         → Ready
//!      WARN requeue_policy: loops: something wakes it more often than its rate limit allows; its runs are spread evenly until it rests object=default/a max=10 within=10s next="in 9s"
//!     10s to 20s every 1s            → Ready
//! ```
//!
//! **Cure:** write the child by server-side apply, with content that follows from the spec alone: an apply that
//! changes nothing makes no event.
//!
//! ```text
//! child: with owned(), applied unchanged in every run
//! takes: 100ms
//!
//!    0s  created   → Ready      # makes the child what it is to be
//! 100ms            → Ready      # which is news, once
//! 30.2s            → Ready
//! 60.3s            → Ready
//! ```
//!
//! ### It runs hot by a text that varies in a condition
//!
//! **Seen:** the same; `object.reason=object updated`. **Cause:** `Observe::fingerprint` hashes a condition's message,
//! or its time, and each run writes another.
//!
//! ```text
//! status: in every run, with the message in the fingerprint
//! takes: 100ms
//!
//!                      0s  created   → Ready
//! 100ms to 900ms every 100ms         → Ready
//!      WARN requeue_policy: loops: something wakes it more often than its rate limit allows; its runs are spread evenly until it rests object=default/a max=10 within=10s next="in 9s"
//!     10s to 20s every 1s            → Ready
//! ```
//!
//! **Cure:** hash what another controller writes, and nothing that this one does. The message may vary then as it
//! likes:
//!
//! ```text
//! status: in every run
//! takes: 100ms
//!
//!    0s  created   → Ready
//! 30.1s            → Ready
//! ```
//!
//! ### The log floods with failed and recovered
//!
//! **Seen:** two lines a minute for one object. **Cause:** it fails and recovers in turn, and each of these is a
//! transition.
//!
//! ```text
//!   0s  created   → Err
//!       WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!  10s            → Ready
//!       INFO requeue_policy: recovered object=default/a phase=Ready after=10s next="in 30s"
//!  40s            → Err
//!       WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!  50s            → Ready
//!       INFO requeue_policy: recovered object=default/a phase=Ready after=10s next="in 30s"
//! ```
//!
//! **Cure:** the lines are right; what flaps is outside. Until it is mended `Ok(Phase::Failed)` for as long as the
//! outside has not been well for a while makes one outage of many:
//!
//! ```text
//!   0s  created   → Err
//!       WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!  10s            → Failed
//!  20s            → Err
//!  30s            → Failed
//!  40s            → Ready
//!       INFO requeue_policy: recovered object=default/a phase=Ready after=40s next="in 30s"
//! ```
//!
//! ### The log floods with a line for each trigger
//!
//! **Seen:** a line for each status write and each retry, not of target `requeue_policy`. **Cause:** the application
//! prints what `Controller::run` yields, as kube's examples do: it yields once for each trigger, also for those that
//! were postponed. **Cure:** print nothing but the failures of watches, `Err(controller::Error::QueueError(_))`; those
//! of runs are logged already.
//!
//! # It comes in waves
//!
//! ### A retry storm meets what has just come back
//!
//! **Seen:** a backend comes back, takes all objects' calls within a second, and falls. **Cause:** all failed in the
//! same second, at a constant interval without jitter, so all retry in the same second for ever. **Cure:** `error: {
//! initial: 10s, factor: 2, max: 5m, jitter: 0.5 }`. Growth makes the storms rare, and jitter takes them apart.
//!
//! ### A herd stays together after a restart
//!
//! **Seen:** load in spikes, one interval apart. **Cause:** a restart runs every object at once, and a constant
//! interval keeps them together. **Cure:** `default: { initial: 30s, jitter: 0.2 }`. The first wave is bounded by
//! kube-runtime's `Config::concurrency`.
//!
//! # It runs too seldom
//!
//! ### Nothing happens at all
//!
//! **Seen:** no run and no line. **Cause:** the watch fails: the CRD is not there, the role may not list or watch, the
//! API server does not answer. `Controller::run` yields that as `Err(controller::Error::QueueError(_))`, and goes on
//! trying; kube-runtime logs most of it at DEBUG only. **Cure:** log it where the stream is read, as [the whole
//! program](super::embedding#a-controller-from-scratch) does. When the cause is gone every object runs.
//!
//! ### An object is never reconciled again
//!
//! **Seen:** nothing, for hours. **Cause:** its deadline has passed, or the error was classified as `Retry::Never`;
//! the line says which error it was.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m, deadline: 6h }
//!
//!   0s  created                  → Err, never
//!       ERROR requeue_policy: gave up object=default/a error=never phase=Failed after=0s next="when something changes"
//!   7h  its status is written
//!   8h  an annotation changes    → Ready
//!       INFO requeue_policy: recovered object=default/a phase=Ready after=8h next="in 30s"
//! ```
//!
//! **Cure:** any change of the object that is not status wakes it, `kubectl annotate --overwrite app/a
//! retry="$(date)"` for one; so does a restart of the controller, for all of them.
//!
//! ### A drain is slow because the interval is long
//!
//! **Seen:** a deletion takes up to an interval longer than its clean-up. **Cause:** the run that found the deletion
//! mark returned Ready, and nobody tells when the clean-up is done.
//!
//! ```text
//! default: 10m
//!
//!     0s  created                → Ready
//!     1s  a finalizer is added   → Ready
//!     1m  it is deleted          → Ready
//!    11m                         → Ready
//! ```
//!
//! **Cure:** say how soon to look again, `Ok((Phase::Ready, Requeue::After(Duration::from_secs(5))))`, while it
//! drains; or watch what is drained, with
//! [`related`](crate::kube::Requeuer::related). With kube's finalizer helper
//! [it is an error that says so](super::embedding#an-ok-from-a-clean-up-removes-the-finalizer).
//!
//! ```text
//! default: 10m
//!
//!     0s  created                → Ready
//!     1s  a finalizer is added   → Ready
//!     1m  it is deleted          → Ready, after 5s
//!    65s                         → Ready, after 5s
//!    70s                         → Ready, after 5s
//! ```
//!
//! ### Another controller's status is noticed only at the interval
//!
//! **Seen:** a provider writes its outputs into the status, and the reconciler sees them half a minute later.
//! **Cause:** a status write is postponed until due.
//!
//! ```text
//!  0s  created                     → Ready
//!      TRACE requeue_policy: reconciled object=default/a phase=Ready next="in 30s"
//!      TRACE requeue_policy: postponed: only the status was written object=default/a next="in 30s"
//!  5s  its status is written
//!      TRACE requeue_policy: postponed: only the status was written object=default/a next="in 25s"
//! 30s                              → Ready
//!      TRACE requeue_policy: reconciled object=default/a phase=Ready next="in 30s"
//!      TRACE requeue_policy: postponed: only the status was written object=default/a next="in 30s"
//! ```
//!
//! **Cure:** `Observe::fingerprint` returns a hash of those outputs, and of nothing else.
//!
//! ```text
//!  0s  created                     → Ready
//!  5s  its fingerprint changes     → Ready
//! 35s                              → Ready
//! ```
//!
//! ### A recovery is noticed late
//!
//! **Seen:** the cloud is back, and the object is still failing. **Cause:** the backoff has grown with the outage;
//! after DEBUG `still failed` the line says `next="in .."`.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 1h }
//!
//!    0s  created   → Err
//!   10s            → Err
//!   30s            → Err
//!   70s            → Err
//!  150s            → Err
//!  310s            → Err
//!  630s            → Err       # back at 631 s, say
//! 1270s            → Ready
//! ```
//!
//! **Cure:** `max` is the promise of how late it is noticed at worst: choose it as you would choose that. For all at
//! once, restart the controller: each object runs.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 1m }
//!
//!    0s  created   → Err
//!   10s            → Err
//!   30s            → Err
//!   70s to 610s every 60s   → Err
//!  670s            → Ready
//! ```
//!
//! ### The backoff starts anew with every restart
//!
//! **Seen:** after each deployment the failing objects are tried every few seconds again. **Cause:**
//! `Observe::last_transition` is not implemented, or its time is renewed with every write.
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
//! ```
//!
//! **Cure:** keep `lastTransitionTime` while the condition's status stays; [`conditions::set`](crate::conditions::set)
//! does.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//! status: in every run, with lastTransitionTime
//!
//!   0s  created                    → Err
//!  10s                             → Err
//!  30s                             → Err
//!  50s  the controller restarts    → Err
//! 110s                             → Err
//! ```
//!
//! ### A policy was replaced and nothing changes
//!
//! **Seen:** a shorter interval was put into the ConfigMap minutes ago, and the objects run as before. **Cause:** what
//! is due by the old policy stays due. Where the line is not there, or is WARN `a new policy is refused`, it never
//! came to be: the error names the field.
//!
//! ```text
//! default: 10m
//!
//!     0s  created                                → Ready
//!    60s  the policy becomes { default: 30s }
//!         INFO requeue_policy: the policy was replaced default="30s" error="10s" initialization="5s" rate_limit="10 within 10s"
//!    10m                                         → Ready
//! 10m30s                                         → Ready
//! ```
//!
//! **Cure:** wait for what is due, or try all at once: `Controller::reconcile_all_on` takes a stream into which the
//! application sends whenever it has [replaced the policy](super::embedding#changed-while-it-runs). A restart does the
//! same.
//!
//! ```text
//! default: 10m
//!
//!   0s  created                                → Ready
//!  60s  the policy becomes { default: 30s }
//!       INFO requeue_policy: the policy was replaced default="30s" error="10s" initialization="5s" rate_limit="10 within 10s"
//!  61s  all are triggered                      → Ready
//!  91s                                         → Ready
//! 121s                                         → Ready
//! ```
//!
//! ### Timers fire later than their interval
//!
//! **Seen:** objects that are due every half minute run every few minutes; changes are as fast as ever. **Cause:** the
//! policy has a `max_rate`, and more objects than it carries.
//!
//! ```text
//! max_rate: 0.01
//!
//!   0s  created                                            → Ready
//!  30s                                                     → Ready
//!  60s
//!      INFO requeue_policy: timers wait: more objects are due than max_rate carries, and delays stretch max_rate=0.01 next="in 1m 10s"
//! 130s                                                     → Ready
//! ```
//!
//! **Cure:** none, if that is what the rate is for. Else a higher rate, or a longer interval, by [the
//! arithmetic](super::choosing_intervals#a-rate-carries-as-many-objects-as-it-makes-runs-in-an-interval).
//!
//! ### One object is looked at too seldom
//!
//! **Seen:** somebody waits for one object, and its interval is long, as it is for all. **Cure:** give that one an
//! interval of its own, `kubectl annotate app/a example.com/poll-interval=5s`, where the application
//! [has given a key](super::embedding#changed-while-it-runs) for that, and `example.com/poll-interval-` when it is done.
//!
//! ```text
//! default: 10m
//!
//!  0s  created                                  → Ready
//! 60s  annotated example.com/poll-interval=5s   → Ready
//! 65s                                           → Ready
//! 70s                                           → Ready
//! 71s  annotated example.com/poll-interval-     → Ready
//! 10m
//! ```
//!
//! # It should not run at all
//!
//! ### Somebody repairs an object by hand and the controller undoes it
//!
//! **Cause:** that is what it is for. **Cure:** pause that one object, `kubectl annotate app/a example.com/paused=true`,
//! where the application [has given a key](super::embedding#changed-while-it-runs) for that. When the annotation is
//! gone it runs at once, and sees all that was done.
//!
//! ```text
//!  0s  created                              → Ready
//! 10s  annotated example.com/paused=true
//!      INFO requeue_policy: paused: an annotation says so, and nothing starts a run until it is gone object=default/a
//! 20s  its child changes
//!  8h  annotated example.com/paused-        → Ready
//!      INFO requeue_policy: resumed object=default/a
//! ```
//!
//! ### A deletion hangs because the object is paused
//!
//! **Seen:** `kubectl delete` does not return, and the object is `Terminating`. **Cause:** a pause holds the clean-up
//! back, too. `kubectl get app -A -o json | jq -r '.items[].metadata | select(.annotations["example.com/paused"] ==
//! "true") | .name'` lists what is paused.
//!
//! ```text
//!  0s  created                              → Ready
//! 10s  a finalizer is added                 → Ready
//! 20s  annotated example.com/paused=true
//!      INFO requeue_policy: paused: an annotation says so, and nothing starts a run until it is gone object=default/a
//! 30s  it is deleted
//!  1h  annotated example.com/paused-        → Ready
//!      INFO requeue_policy: resumed object=default/a
//! ```
//!
//! **Cure:** remove the annotation; it may be removed of what is being deleted.
