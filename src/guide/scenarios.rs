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
//!   45s  its child changes       → Err       # runs at once; the next attempt stays where it was
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
//! status: in every run, with lastTransitionTime
//!
//!    0s  created                     → Err
//!        WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!   10s                              → Err
//!   30s                              → Err
//!   70s                              → Err
//!  100s  the controller restarts     → Err     # not remembered, so it runs; 100 s of outage: 110 s
//!  210s                              → Err     # 220 s
//!  430s                              → Ready
//!        INFO requeue_policy: recovered object=default/a phase=Ready after=7m 10s next="in 30s"
//!  460s                              → Ready
//! ```
//!
//! ### A give-up, and what wakes it
//!
//! A workspace fails for longer than its deadline. Nobody is called back by a timer; a status write does not help, an
//! annotation does.
//!
//! ```text
//! error: { initial: 10s, factor: 3, max: 5m, deadline: 2m }
//!
//!    0s  created                  → Err
//!        WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!   10s                           → Err      # 10 s + 2 × 10 s = 30 s
//!   40s                           → Err      # 10 s + 2 × 40 s = 90 s
//!  130s                           → Err
//!        ERROR requeue_policy: gave up object=default/a error=no quota phase=Failed after=2m 10s attempts=3 next="when something changes"
//!    1h  its status is written
//!    2h  an annotation changes    → Err      # again in vain, and no line again
//!    3h  an annotation changes    → Ready
//!        INFO requeue_policy: recovered object=default/a phase=Ready after=3h next="in 30s"
//! 10830s                          → Ready
//! ```
//!
//! ### A throttled call in the middle of a backoff
//!
//! The third failure is a 429 with `Retry-After: 60`, which the operator maps to `Retry::After`.
//!
//! ```text
//! error: { initial: 10s, factor: 2, max: 5m }
//!
//!   0s  created   → Err
//!  10s            → Err
//!  30s            → Err, after 60s
//!  90s            → Err             # 90 s of outage: 100 s
//! 190s            → Ready
//! 220s            → Ready
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
//!       WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!  10s            → Ready
//!       INFO requeue_policy: recovered object=default/a phase=Ready after=10s next="in 30s"
//!  40s            → Err
//!       WARN requeue_policy: failed object=default/a error=no quota next="in 10s"
//!  50s            → Ready
//!       INFO requeue_policy: recovered object=default/a phase=Ready after=10s next="in 30s"
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
//! The run says when the renewal is due. An edit before that runs, and says it anew.
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
//! A wish is not in the status, so the new leader does not know of it: one run at once, which says it anew.
//!
//! ```text
//!    0s  created                      → Ready, after 10m
//!    4m  another replica takes over   → Ready, after 6m
//!   10m                               → Ready, after 10m
//!   19m
//! ```
//!
//! # Woken
//!
//! ### A child that changes while its owner runs
//!
//! A run takes two seconds and writes its status at the end. The child changes in the middle of it, and a moment after
//! it.
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
//! Somebody's script edits an object every second or two, and stops after thirteen. The limit is half of the default.
//!
//! ```text
//! rate_limit: { max: 5, within: 10s }
//!
//!    0s  created             → Ready
//!    1s to 4s every 1s  the spec changes    → Ready
//!    5s  the spec changes
//!        WARN requeue_policy: loops: something wakes it more often than its rate limit allows; its runs are spread evenly until it rests object=default/a max=5 within=10s next="in 5s"
//!    6s to 9s every 1s  the spec changes
//!   10s                      → Ready
//!   11s  the spec changes
//!   12s                      → Ready        # every 10 s / 5, and with the last edit
//!   13s  the spec changes
//!   14s                      → Ready
//!   44s                      → Ready
//! ```
//!
//! ### A deletion that has to wait for its finalizer
//!
//! The object is deleted while its clean-up takes three minutes outside. The run that finds it marked reports that it
//! is not done by a wish.
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
//! Both run when it is created and when it is edited, and neither is woken by the status that the other writes.
//!
//! ```text
//!   0s  created                    → Ready
//!  10s  a second replica starts    → Ready
//!  20s  the spec changes           → Ready
//!  20s                             → Ready
//!  50s                             → Ready
//!  50s                             → Ready
//! ```
