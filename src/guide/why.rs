//! Why it is as it is: the decisions as questions and answers, and the limits.
//!
//! # Questions
//!
//! ## Why is a longer interval not enough?
//!
//! Because a controller that writes status in every reconcile triggers itself with that write. With ten objects on a real
//! API server (kube-runtime 5.0, kube-apiserver 1.37) an interval of 30 s in place of 100 ms changed nothing: 1,450
//! reconciles a second before and after. So the crate decides [when an object is
//! due](super::semantics#an-object-that-is-due-is-reconciled) and also [whether a trigger needs a
//! reconcile](super::semantics#an-echo-costs-no-dispatch).
//!
//! ## Why a controller of its own?
//!
//! kube's `Controller` does not tell a reconciler what triggered it, and merges what arrives while it runs. From outside one
//! can only guess. This one owns its watches, so [every trigger has a
//! reason](super::semantics#a-reason-is-kept-until-a-reconcile-starts-after-it), it knows [what it
//! wrote](super::semantics#own-writes), and it knows [what exists](super::semantics#what-exists). It is built on kube's own
//! `applier`, `watcher` and `reflector`.
//!
//! ## Why must the reconciler use another client?
//!
//! Because only the answer to a write says which version it made. Without it a child that the reconciler writes looks like
//! a child that someone else changed, and [a reconcile may start on an older
//! cache](super::semantics#a-reconcile-starts-on-a-cache-with-its-own-last-write). Requests and answers pass unchanged.
//!
//! ## Why does an interval grow by time, and not by attempts?
//!
//! A count has to be kept somewhere, and every event that makes a reconcile fail inflates it
//! (kubernetes/kubernetes#132805). The time of the last transition is in the status already: so a backoff
//! [survives a restart](super::semantics#a-restart-keeps-the-backoff-that-the-status-carries), and [events add
//! nothing to it](super::semantics#a-failure-by-an-event-inside-the-backoff-adds-nothing-to-it). Reconciles that take no
//! time make [the same sequence](super::semantics#the-delay-grows-with-the-time-in-the-phase), and if you think in attempts
//! you can [read them off](super::semantics#attempts-are-a-reading-of-the-time-in-the-phase).
//!
//! ## Why a deadline, and not a maximum of attempts?
//!
//! For the same reason: attempts are not counted. A deadline is also what people mean: after [six
//! hours](super::semantics#past-the-deadline-the-answer-is-await-change) somebody has to look, however many attempts
//! that was.
//!
//! ## Why does an edit not restart the backoff?
//!
//! It does the one thing that matters: [it is reconciled at
//! once](super::semantics#a-change-of-the-spec-is-reconciled-at-once). If that fails, nothing says that the outage is
//! another one, and a pipeline that edits an object every minute would keep its backoff [at the first delay for
//! ever](super::semantics#a-change-of-the-spec-does-not-restart-the-backoff).
//!
//! ## Why is jitter not random?
//!
//! Random jitter needs a source of it, makes reconciles hard to predict, and flattens a herd slowly. A hash of the UID gives
//! each object [a slot](super::semantics#jitter-only-shortens), the same after a restart, without [one more reconcile in the
//! long run](super::semantics#the-long-run-rate-under-jitter-is-exactly-one-per-interval).
//!
//! ## Why is a trigger postponed, and never dropped?
//!
//! A filter that drops events is right until it is wrong once, and then nothing ever corrects it. The worst that
//! happens to [a postponed
//! trigger](super::semantics#a-status-write-that-changes-neither-phase-nor-fingerprint-is-postponed-until-due) is the
//! interval.
//!
//! ## Why is there a rate limit, and on by default?
//!
//! Because there is always one more way to trigger oneself: [another
//! client](super::at_3_am#it-runs-hot-by-an-object-that-it-owns), [a CRD without status
//! subresource](super::at_3_am#it-runs-hot-by-its-own-status-writes), another controller that disagrees. A parent of fifty
//! Pods does not notice the limit, and one reconcile a second is what a mistake costs then.
//!
//! ## Why is there no knob for "fast at first, then slow"?
//!
//! It would be a second way to say how a delay develops, beside growth. As a policy it is
//! [a few lines](super::coming_from#a-fast-and-then-a-slow-delay-is-a-policy-of-a-few-lines), because a policy
//! knows the time in the phase; and a large factor does nearly the same: `{ initial: 1s, factor: 60, max: 1m }` is 1 s once,
//! and then 1 min.
//!
//! ## Why may a reconciler not return an `Action`?
//!
//! An `Action` does not show its delay. Then a status write inside that delay could not be answered with what is left
//! of it, and [the delay](super::semantics#a-success-may-ask-for-a-delay) would be lost to the next trigger.
//!
//! # Limits
//!
//! A write that bypasses [`Requeuer::client`](crate::kube::Requeuer::client), or that [a spawned
//! task](super::semantics#a-spawned-task-writes-as-someone-else-unless-it-is-carried) makes, counts as someone else's. Two
//! replicas without leader election see each other's writes as someone else's; the rate limit bounds what follows.
//!
//! ### Without a status subresource every status write is a change
//!
//! It bumps the generation. The rate limit ends that loop; [the subresource cures
//! it](super::at_3_am#it-runs-hot-by-its-own-status-writes).
//!
//! ### A change waits for its place in the rate limit, a deletion, too
//!
//! An object that loops is not cleaned up before its [next
//! token](super::semantics#an-object-that-has-used-up-its-burst-waits-for-the-next-token).
//!
//! ### A different error in the same outage is no line at INFO
//!
//! It is the same transition; DEBUG `still failed` has the new error.
