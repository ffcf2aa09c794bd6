//! What happens, a sentence for each rule; the tests in `tests/` have their names.
//!
//! # The interval
//!
//! - An object that is not initialized is requeued by the initialization interval (5 s), a failed one by the error
//!   interval (10 s), any other by the default interval (30 s).
//! - Initializing comes before Failed and Failed before Ready, if [`Observe`](crate::Observe) is written in the
//!   proposal's order.
//! - The first delay of a phase is `initial`; then it is `initial + (factor − 1) × elapsed`, with `elapsed` the time
//!   since the phase began. Runs that take no time make that the usual sequence:
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
//! - `max` caps the growth before jitter is applied.
//! - Jitter only shortens: the delay is in `(d × (1 − jitter), d]`. It depends on the object's UID and the time, not
//!   on chance; the long-run rate stays exactly one run per interval.
//! - From the `deadline` on the answer is "await change".
//! - A recovery that no event tells is noticed within `(factor − 1) × outage + initial`.
//! - A time of transition that is missing or in the future counts as elapsed zero; time that jumps never yields more
//!   than the cap.
//! - `should_requeue` is true once the last transition lies more than the phase's `initial` back, and where it is
//!   unknown.
//! - A phase change starts the new phase's clock at zero.
//!
//! # The trigger
//!
//! A trigger is whatever makes kube-runtime call the reconciler: a change of the object, a change of another, a timer.
//! It runs at once if
//!
//! - the object is due;
//! - it was not seen before, or is new under an old name;
//! - its generation, labels, annotations, finalizers, owner references, deletion mark, phase or
//!   [`fingerprint`](crate::Observe::fingerprint) is not what the last run saw;
//! - it has news: `owned`, `related` or `nudge` named it. News is kept until a run starts after it, so it survives
//!   being merged with other triggers;
//! - nothing in it changed since the last trigger, so the cause is a timer or another object;
//! - its last run was cut off before it ended;
//! - it has no generation, so that nothing tells a change of its status from any other.
//!
//! Otherwise only its status was written, by this controller or another, and the trigger is answered with "requeue
//! when due": postponed, never dropped.
//!
//! - A phase that the last run itself reported, by its outcome or by its error, is no news when the status write comes
//!   back.
//! - An object that has used up its rate limit is postponed to its next place, whatever woke it: at most `max` runs in
//!   any span of `within`, then one every `within / max`. One line says that it loops; it is said again after the
//!   object has rested for `within`.
//! - A run that is due is never held back by the rate limit, so an interval shorter than its pace works. Such runs use
//!   up the places, so a change then waits for the next one that is due.
//! - A wish for zero, `Requeue::After(Duration::ZERO)` or `Retry::After(Duration::ZERO)`, means "again, at once" and
//!   is governed by the rate limit.
//! - A deletion mark is a change like any other: the rate limit may hold back the clean-up of an object that loops, by
//!   `within` at most.
//! - What the memory has forgotten, by a restart or because the object did not come back for the longest interval,
//!   costs one run.
//!
//! # The error
//!
//! - An `Err` and an `Ok(Phase::Failed)` are failures alike. The first one starts the failing clock, a success stops
//!   it.
//! - While the object's own phase is Failed, the older of that clock and its `last_transition` counts; so a restart, a
//!   leader change or a second replica continues the backoff.
//! - A failure of a run that an event started inside the backoff adds nothing to it: the next attempt stays due when
//!   it was.
//! - A change of the spec runs at once but does not restart the backoff: only a success does.
//! - A status write inside the backoff does not run early.
//! - `Retry::After` is obeyed, `Retry::Never` awaits a change.
//! - Past the deadline a new trigger still runs, at once.
//!
//! # The log
//!
//! One line per transition, not per run, with target `requeue_policy` and the object as `namespace/name`:
//!
//! | level | message | when |
//! |---|---|---|
//! | WARN | `failed` | the first failure of an outage; an object that had given up is tried again |
//! | DEBUG | `still failed` | each further one |
//! | ERROR | `gave up` | from now on only a change starts a run: the deadline has passed, or `Retry::Never` |
//! | INFO | `recovered` | the failure is over, `after` says how long it lasted |
//! | WARN | `loops` | the rate limit holds the object back, once until it has rested |
//! | TRACE | `postponed`, `reconciled` | each trigger without a run, each success |
//!
//! A restart in the middle of an outage that the status tells does not say `failed` again, but does say `gave up` once
//! more: nobody tries that object again. The line is inside kube-runtime's span `reconciling object`, whose
//! `object.reason` says what woke the object; look there when one loops.
//!
//! # Known limits
//!
//! - kube-runtime hides why a run was triggered and merges triggers of one object that arrive while it runs. So with
//!   plain `owns`, a child's change during a run that also writes status looks like the own write coming back, and
//!   waits until the object is due. With [`owned`](crate::kube::Requeuer::owned) it runs at once. The predicate on the
//!   stream has that window only for a write that changes the phase.
//! - A CRD without the status subresource bumps its generation on status writes, so each of them is a change; the rate
//!   limit ends the loop, and the subresource is the cure.
//! - A watch that has to list anew (410 Gone) shows every object once more, unchanged; that looks like a timer and
//!   costs one run each.
//! - A reconciler that creates or repairs a child which it watches gives itself news: one run more, each time.
//! - A reconciler that writes a phase in between, which is neither the one that it saw nor the one that it returns,
//!   gives itself news.
//! - Time is tokio's clock on top of the wall clock that the process started with. A wall clock that is set while the
//!   process runs is followed only after a restart.
