//! At 3 a.m.: what you see, the line that says it, the cause, the cure.
//!
//! Each case is a test of the same name: it brings the symptom about, finds the line, and sees the cure work. The
//! lines are those of target `requeue_policy`, as `tracing` prints them, without time and span.
//! `RUST_LOG=info,requeue_policy=trace` shows every decision, also the postponed triggers, and why each reconcile starts.
//!
//! # It is reconciled too often
//!
//! ### It runs hot by its own status writes
//!
//! **Seen:** an object is reconciled as often as the rate limit lets it, status writes without end. **Cause:** the CRD has no status
//! subresource, so each status write bumps the generation and is a change. Only the rate limit holds it back.
//!
//! ```text
//! crd: without status subresource
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
//! **Cure:** `subresources: { status: {} }` in the CRD (kube-derive writes it if it has `status = ".."`), and status
//! written with `patch_status`:
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
//! **Seen:** the same; at TRACE the line `reconcile starts` has `reasons=child ConfigMap default/a`. **Cause:** each
//! reconcile writes something new into a child, and not through [`Requeuer::client`](crate::kube::Requeuer::client); or
//! another controller writes the child whenever this one does.
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
//! **Cure:** make all writes of the reconciler through that client. If another controller is the cause, own fewer fields,
//! by server-side apply.
//!
//! ```text
//! child: rewritten in every reconcile
//! takes: 100ms
//!
//!    0s  created   → Ready
//! 30.1s            → Ready
//! 60.2s            → Ready
//! ```
//!
//! ### The log floods with failed and recovered
//!
//! **Seen:** two lines a minute for one object. **Cause:** it fails and recovers in turn, and each of these is a
//! transition.
//!
//! ```text
//!   0s  created   → Err
//!       WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!  10s            → Ready
//!       INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=10s next="in 30s"
//!  40s            → Err
//!       WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!  50s            → Ready
//!       INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=10s next="in 30s"
//! ```
//!
//! **Cure:** the lines are right; what flaps is outside. Until it is mended, return `Ok(Phase::Failed)` as long as the
//! outside has not been well for a while. That makes one outage of many:
//!
//! ```text
//!   0s  created   → Err
//!       WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!  10s            → Failed
//!  20s            → Err
//!  30s            → Failed
//!  40s            → Ready
//!       INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=40s next="in 30s"
//! ```
//!
//! ### The log floods with a line for each trigger
//!
//! **Seen:** a line for each reconcile and each retry, not of target `requeue_policy`. **Cause:** the application prints
//! what `Controller::run` yields, as kube's examples do. **Cure:** print nothing; failures are logged already, those of
//! watches, too.
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
//! **Seen:** load in spikes, one interval apart. **Cause:** a restart reconciles every object at once, and a constant
//! interval keeps them together. **Cure:** `default: { initial: 30s, jitter: 0.2 }`. The first wave is bounded by
//! kube-runtime's `Config::concurrency`.
//!
//! # It is reconciled too seldom
//!
//! ### Nothing happens at all
//!
//! **Seen:** no reconcile, and one line: WARN `watch failed, retrying`, with the kind and the error. **Cause:** the CRD is
//! not there, the role may not list or watch, the API server does not answer. **Cure:** what the error says. The controller
//! goes on trying. INFO `watch recovered` says when the cause is gone, and then every object is reconciled.
//!
//! ### An object is never reconciled again
//!
//! **Seen:** nothing, for hours. **Cause:** its deadline has passed, or the error was classified as `Retry::Never`;
//! the line says which error it was.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m, deadline: 6h }
//! status: never
//!
//!   0s  created                  → Err, never
//!       ERROR requeue_policy: gave up kind=Thing object=default/a error=never phase=Failed after=0s next="when something changes"
//!   7h  its status is written
//!   8h  an annotation changes    → Ready
//!       INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=8h next="in 30s"
//! ```
//!
//! **Cure:** any change of the object that is not status starts a reconcile, `kubectl annotate --overwrite app/a
//! retry="$(date)"` for one; so does a restart of the controller, for all objects.
//!
//! ### Another controller's status is noticed only at the interval
//!
//! **Seen:** a provider writes its outputs into the status, and the reconciler sees them half a minute later.
//! **Cause:** a status write is postponed until due.
//!
//! ```text
//!  0s  created                     → Ready
//!      TRACE requeue_policy: reconcile starts kind=Thing object=default/a reasons=new
//!      TRACE requeue_policy: reconciled kind=Thing object=default/a phase=Ready reasons=new next="in 30s"
//!      TRACE requeue_policy: not triggered: the controller's own write came back kind=Thing object=default/a
//!  5s  its status is written
//!      TRACE requeue_policy: postponed until due: only the status changed kind=Thing object=default/a
//! 30s                              → Ready
//!      TRACE requeue_policy: reconcile starts kind=Thing object=default/a reasons=due
//!      TRACE requeue_policy: reconciled kind=Thing object=default/a phase=Ready reasons=due next="in 30s"
//!      TRACE requeue_policy: not triggered: the controller's own write came back kind=Thing object=default/a
//! ```
//!
//! **Cure:** add those outputs to the [fingerprint](crate::Observed::fingerprint), and nothing else.
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
//! the DEBUG line `still failed` says `next="in .."`.
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
//! **Cure:** `max` is how late it is noticed at worst; choose it so. For all objects at once, restart the controller: each
//! is reconciled.
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
//! **Seen:** after each deployment the failing objects are tried every few seconds again. **Cause:** `Observe` does not set
//! [`since`](crate::Observed::since), or the time is renewed with every write.
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
//! status: in every reconcile, with lastTransitionTime
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
//! **Seen:** a shorter interval was put into the ConfigMap minutes ago, and the objects are reconciled as before.
//! **Cause:** what is due by the old policy stays due. If the line is not there, or is WARN `a new policy is refused`, the
//! policy was not replaced: the error names the field.
//!
//! ```text
//! default: 10m
//!
//!     0s  created                                → Ready
//!    60s  the policy becomes { default: 30s }
//!         INFO requeue_policy: the policy was replaced default="30s" error="10s" initialization="5s" rate_limit="30, then one every 1s"
//!    10m                                         → Ready
//! 10m30s                                         → Ready
//! ```
//!
//! **Cure:** wait for what is due, or request all at once: `Controller::reconcile_all_on` takes a stream into which the
//! application sends whenever it has [replaced the policy](super::embedding#changed-while-it-runs). A restart does the
//! same.
//!
//! ```text
//! default: 10m
//!
//!   0s  created                                → Ready
//!  60s  the policy becomes { default: 30s }
//!       INFO requeue_policy: the policy was replaced default="30s" error="10s" initialization="5s" rate_limit="30, then one every 1s"
//!  61s  all are requested                      → Ready
//!  91s                                         → Ready
//! 121s                                         → Ready
//! ```
//!
//! ### Timers fire later than their interval
//!
//! **Seen:** objects that are due every half minute are reconciled every few minutes; changes are as fast as ever.
//! **Cause:** the policy has a `max_rate`, and more objects than it carries.
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
//! **Seen:** somebody waits for one object, and its interval is long, as it is for all. **Cure:** give that one its own
//! interval, `kubectl annotate app/a example.com/poll-interval=5s`, if the application
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
//! # It should not be reconciled at all
//!
//! ### Somebody repairs an object by hand and the controller undoes it
//!
//! **Cause:** that is what it is for. **Cure:** pause that one object, `kubectl annotate app/a example.com/paused=true`,
//! if the application [has given a key](super::embedding#changed-while-it-runs) for that. When the annotation is gone, the
//! object is reconciled at once.
//!
//! ```text
//!  0s  created                              → Ready
//! 10s  annotated example.com/paused=true
//!      INFO requeue_policy: paused by an annotation kind=Thing object=default/a
//! 20s  its child changes
//!  8h  annotated example.com/paused-        → Ready
//!      INFO requeue_policy: resumed kind=Thing object=default/a
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
//!      INFO requeue_policy: paused by an annotation kind=Thing object=default/a
//! 30s  it is deleted
//!  1h  annotated example.com/paused-        → Ready
//!      INFO requeue_policy: resumed kind=Thing object=default/a
//! ```
//!
//! **Cure:** remove the annotation. This also works on objects that are being deleted.
