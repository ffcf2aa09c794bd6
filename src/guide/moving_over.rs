//! Moving an operator over: what must go, what stays, what to look for in review, and what looks different afterwards.
//!
//! [Embedding](super::embedding#an-existing-controller-in-a-ten-line-diff) has the diff. This page is about the rest: what
//! operators grew by hand against the loop, and what of it does harm now. Each trap is a test.
//!
//! # What must go
//!
//! ### A predicate on the generation keeps a new object from its first sync
//!
//! The first reconcile adds the finalizer and leaves the rest to the next one, which the finalizer triggers. It does not
//! change the generation, so `predicate_filter(predicates::generation, ..)` drops that event, and nothing follows until
//! somebody edits the spec. It is so with kube's own `finalizer`, too. `Requeuer::controller` takes no stream of changes, so
//! the predicate goes by itself; with [the parts](super::embedding#the-parts-for-a-kuberuntimecontroller-of-your-own) and
//! `Controller::for_stream` remove it.
//!
//! ### A backoff map of one's own is inflated by events
//!
//! A map from uid to a number of failures counts every failure, also those of reconciles that a change triggered, and a
//! restart empties it. Remove it and return the error: the policy's backoff
//! [counts time](super::semantics#a-failure-by-an-event-inside-the-backoff-adds-nothing-to-it), and is
//! [forgotten with the object](super::semantics#what-is-deleted-and-recreated-is-new). A `Retry::After` from that map would
//! also [outlive the deadline](super::coming_from#retry-after-outlives-the-deadline).
//!
//! ### A reconciler that skips a generation it knows repairs nothing
//!
//! `if observed_generation == generation { return }` at the start ends the loop by doing nothing. It also does nothing when
//! a child changed or the interval is over. Remove it: whatever is dispatched now has
//! [a reason](super::semantics#a-reason-is-kept-until-a-reconcile-starts-after-it).
//!
//! ### A comparison before the write may stay
//!
//! Skipping a patch that changes nothing saves a request, and is right if all writes go through the client of the `Requeuer`.
//! It is no longer needed against the loop, so where it exists only for that, remove it.
//!
//! ### An error that is swallowed is no outage
//!
//! `Err(e) => { warn!(..); Ok(Action::requeue(5 minutes)) }` becomes `Err(e)`, and the five minutes the policy's. An `Ok` of
//! Ready would [end the outage](super::semantics#a-success-stops-the-failing-clock).
//!
//! # What must stay
//!
//! - Finalizers, with this crate's [`finalizer`](crate::kube::finalizer): it takes an outcome in place of an `Action`.
//! - Delays that something real dictates: a certificate, a lease. They are
//!   [explicit](super::semantics#a-success-may-ask-for-a-delay).
//! - What tells errors apart, now in [`run_with`](super::embedding#errors-told-apart).
//! - Label selectors, `concurrency`, leader election, the store in mappers. A reconcile that may be repeated.
//! - A reflector that prunes: [`controller_from`](crate::kube::Requeuer::controller_from).
//!
//! # What to look for in review
//!
//! ### A status that is compared and written by another client stays wrong until due
//!
//! Every write in the reconciler must go through [`Requeuer::client`](crate::kube::Requeuer::client): search for
//! `Client::try_default` and for clients in statics and helpers. A write through another one is someone else's, so no
//! reconcile waits for it, and one that compares may compare with an older status.
//!
//! ### Two status writes that disagree make an outage look younger after a restart
//!
//! A helper writes Ready at the start, and the error path writes Failed at the end. Both
//! [trigger nothing](super::semantics#two-status-writes-that-disagree-trigger-nothing), but each renews
//! `lastTransitionTime`. So after a restart the outage seems to have begun with the last retry: the backoff is shorter, and
//! the deadline is further away. Write the status once, at the end.
//! A [timeline](super::embedding#testing-it) finds a last write that disagrees with the result.
//!
//! Also look for:
//!
//! - `tokio::spawn` in the reconciler: what it writes is
//!   [someone else's, unless it is carried](super::semantics#a-spawned-task-writes-as-someone-else-unless-it-is-carried).
//! - An [`Observe`](crate::Observe) that depends on the clock, or whose fingerprint has what the reconciler writes.
//!   [A check names it](super::embedding#a-check-of-observe-names-the-mistake).
//! - A time from the system's clock in the status: [`Requeuer::now`](crate::kube::Requeuer::now) is the same in production,
//!   and right in tests.
//! - `owns` of kinds whose status changes all the time: [`owns_when`](crate::kube::Controller::owns_when).
//!
//! # What changes in the log
//!
//! ### A filter on the operator's name loses the lines of the policy
//!
//! They have the target `requeue_policy`. `RUST_LOG=my_operator=info` shows none of them, also not the WARN of a failure.
//! Write `RUST_LOG=my_operator=info,requeue_policy=info`.
//!
//! ### The stream has every failure and the log has one line
//!
//! A `for_each` that logs each `Err` says every failure once more. Without it, an outage is
//! [a line at its start and one at its end](super::semantics#one-line-per-transition-not-per-reconcile). Do not log in both.
//!
//! # What changes in metrics
//!
//! ### An item of the stream is a dispatch and not a reconcile
//!
//! What waits for the rate limit, for `max_rate` or for its own write is dispatched, answered, and an item of the stream, but
//! no reconcile. Count in the reconciler, in [`on_decision`](crate::kube::Requeuer::on_decision), or take
//! [the metrics](super::metrics) of this crate.
//!
//! Rates fall by orders of magnitude. So an alert on too few reconciles must allow for the longest interval, and what
//! compared the rate of errors with the rate of reconciles must look at
//! [failing objects](super::metrics#failing-objects-go-up-and-down) instead.
