//! Predict it yourself: twelve scenarios with their answers, each a test of the same name.
//!
//! Cover what is right of the arrows, and what follows the events; [the semantics](super::semantics) are all that you
//! need. The notation is
//! [the same](super::semantics#an-example-is-played-as-it-stands) as there.
//!
//! # Failing
//!
//! ### An outage with events inside it
//!
//! A cloud is down for four minutes. Meanwhile the object's child changes, somebody edits the spec in vain, and
//! another controller writes status.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 2m }
//!
//!    0s  created                 → Ready
//!   30s                          → Err       # the outage begins
//!   40s                          → Err
//!   45s  its child changes       → Err       # at once; the next attempt stays where it was
//!   60s                          → Err
//!   70s  the spec changes        → Err
//!   80s  its status is written
//!  100s                          → Err
//!  180s                          → Err       # 150 s of outage: 160 s, and at most 120 s
//!  300s                          → Ready
//!  330s                          → Ready
//! ```
//!
//! ### A restart in the middle of an outage
//!
//! The operator is upgraded while an object fails. Its status carries `lastTransitionTime`.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//! status: in every reconcile, with lastTransitionTime
//!
//!    0s  created                     → Err
//!   10s                              → Err
//!   30s                              → Err
//!   70s                              → Err
//!  100s  the controller restarts     → Err     # not remembered, so at once; 100 s of outage: 110 s
//!  210s                              → Err     # 220 s
//!  430s                              → Ready
//!  460s                              → Ready
//! ```
//!
//! ### A give-up, and what ends it
//!
//! A workspace fails for longer than its deadline. No timer tries it again; a status write does not help, an annotation
//! does.
//!
//! ```text
//! error: { initial: 10s, factor: 3, max: 5m, deadline: 2m }
//! status: never
//!
//!    0s  created                  → Err
//!        WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!   10s                           → Err      # 10 s + 2 × 10 s = 30 s
//!   40s                           → Err      # 10 s + 2 × 40 s = 90 s
//!  130s                           → Err
//!        ERROR requeue_policy: gave up kind=Thing object=default/a error=no quota phase=Failed after=2m 10s retries=3 next="when something changes"
//!    1h  its status is written
//!    2h  an annotation changes    → Err      # again in vain, and no line again
//!    3h  an annotation changes    → Ready
//!        INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=3h next="in 30s"
//! 10830s                          → Ready
//! ```
//!
//! ### A throttled call in the middle of a backoff
//!
//! The third failure is a 429 with `Retry-After: 60`, which the operator maps to `Retry::After`. It does not age the
//! backoff.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created   → Err
//!  10s            → Err
//!  30s            → Err, after 60s
//!  90s            → Err             # the backoff starts from `initial`
//! 100s            → Err
//! 120s            → Ready
//! 150s            → Ready
//! ```
//!
//! ### An object that fails every other time
//!
//! Each success ends an outage, so the backoff never grows, and each transition is a line.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created   → Err
//!       WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!  10s            → Ready
//!       INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=10s next="in 30s"
//!  40s            → Err
//!       WARN requeue_policy: failed kind=Thing object=default/a error=no quota next="in 10s"
//!  50s            → Ready
//!       INFO requeue_policy: recovered kind=Thing object=default/a phase=Ready after=10s next="in 30s"
//!  80s            → Ready
//! ```
//!
//! # Waiting and settled
//!
//! ### An initialization that takes long, and then fails
//!
//! ```text
//! initialization: { initial: 5s, factor: 2, max: 20s }
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created   → Initializing
//!   5s            → Initializing
//!  15s            → Initializing     # 15 s in the phase: 20 s
//!  35s            → Initializing     # 40 s, and at most 20 s
//!  55s            → Err
//!  65s            → Err
//!  85s            → Initializing     # it starts over, with its clock at zero
//!  90s            → Ready
//! 120s            → Ready
//! ```
//!
//! ### A certificate that is renewed in time
//!
//! The reconcile says when the renewal is due. So does the one that an edit starts before that.
//!
//! ```text
//!    0s  created                 → Ready, after 10m
//!    5m  its status is written
//!    7m  the spec changes        → Ready, after 3m
//!   10m                          → Ready, after 10m
//!   20m                          → Ready
//! ```
//!
//! ### A leader change while an object awaits its renewal
//!
//! An explicit delay is not in the status, so the new leader does not know of it: one reconcile at once says it anew.
//!
//! ```text
//!    0s  created                      → Ready, after 10m
//!    4m  another replica takes over   → Ready, after 6m
//!   10m                               → Ready, after 10m
//!   19m
//! ```
//!
//! # Triggered
//!
//! ### A child that changes while its owner is reconciled
//!
//! A reconcile takes two seconds and writes its status at the end. The child changes in the middle of it, and a moment
//! after it.
//!
//! ```text
//! takes: 2s
//!
//!  0s  created              → Ready
//! 10s  the spec changes     → Ready
//! 11s  its child changes
//! 12s                       → Ready
//! 15s  its child changes    → Ready
//! 16s  its child changes
//! 17s                       → Ready
//! 49s                       → Ready
//! ```
//!
//! ### A storm of edits
//!
//! Somebody's script edits an object every second or two. The limit is narrower than the default.
//!
//! ```text
//! rate_limit: { burst: 5, every: 3s }
//!
//!    0s  created             → Ready
//!    1s to 5s every 1s  the spec changes    → Ready     # five at once, and a token that came back at 3 s
//!  5.5s  the spec changes
//!    6s                      → Ready
//!    7s  the spec changes
//!    8s  the spec changes
//!    9s                      → Ready        # with the last edit
//!   10s  the spec changes
//!   12s                      → Ready
//!   42s                      → Ready
//! ```
//!
//! ### A deletion that has to wait for its finalizer
//!
//! The object is deleted while its clean-up takes three minutes outside. The reconcile asks for a delay as long as that
//! is not done; without it the initialization interval would apply.
//!
//! ```text
//! default: 10m
//!
//!    0s  created                    → Ready
//!    1s  a finalizer is added       → Ready
//!    5m  it is deleted              → Ready, after 1m
//!    6m                             → Ready, after 1m
//!    7m                             → Ready, after 1m
//!    8m                             → ()
//!    8m1s  the finalizer is removed
//!    1h
//! ```
//!
//! ### Two replicas without leader election, and an edit
//!
//! Both reconcile it when it is created and when it is edited, and neither is triggered by the status that the other
//! writes.
//!
//! ```text
//!   0s  created                    → Ready
//!  10s  a second replica starts    → Ready
//!  20s  the spec changes           → Ready
//!  20s                             → Ready
//!  50s                             → Ready
//!  50s                             → Ready
//! ```
