//! Why it is as it is: the decisions as questions and answers, and the limits.
//!
//! # Questions
//!
//! ## Why is a longer interval not enough?
//!
//! Because a controller that writes status in every run wakes itself with that write. With ten objects on a real API
//! server (kube-runtime 5.0, kube-apiserver 1.37) an interval of 30 s in place of 100 ms changed nothing: 1,450 runs a
//! second before and after. So the crate decides [when a run is due](super::semantics#an-object-that-is-due-runs) and
//! also
//! [whether a trigger needs
//! one](super::semantics#otherwise-only-status-was-written-and-the-run-is-postponed-until-due).
//!
//! ## Why does an interval grow by time, and not by attempts?
//!
//! A count has to be kept somewhere, and every event that makes a run fail inflates it (kubernetes/kubernetes#132805).
//! The time of the last transition is in the status already: so a backoff
//! [survives a restart](super::semantics#a-restart-keeps-the-backoff-that-the-status-carries), and [events add
//! nothing to it](super::semantics#a-failure-by-an-event-inside-the-backoff-adds-nothing-to-it). Runs that take no
//! time make
//! [the same sequence](super::semantics#the-delay-grows-with-the-time-in-the-phase), and who thinks in attempts can
//! [read them off](super::semantics#attempts-are-a-reading-of-the-time-in-the-phase).
//!
//! ## Why a deadline, and not a maximum of attempts?
//!
//! For the same reason: attempts are not counted. A deadline is also what people mean: after [six
//! hours](super::semantics#past-the-deadline-the-answer-is-await-change) somebody has to look, however many attempts
//! that was.
//!
//! ## Why does an edit not restart the backoff?
//!
//! It does the one thing that matters: [it runs at once](super::semantics#a-change-of-the-spec-runs-at-once). If that
//! fails, nothing says that the outage is another one, and a pipeline that edits an object every minute would keep its
//! backoff [at the first delay for ever](super::semantics#a-change-of-the-spec-does-not-restart-the-backoff).
//!
//! ## Why is jitter not random?
//!
//! Random jitter needs a source of it, makes a run hard to predict, and flattens a herd slowly: an object that was
//! thrown far one time is thrown back the next. A hash of the UID gives each object [a slot of its
//! own](super::semantics#jitter-only-shortens), the same after a restart, without [a run more in the long
//! run](super::semantics#the-long-run-rate-under-jitter-is-exactly-one-per-interval).
//!
//! ## Why is a trigger postponed, and never dropped?
//!
//! A filter that drops events is right until it is wrong once, and then nothing ever corrects it. The worst that
//! happens to [a postponed
//! trigger](super::semantics#otherwise-only-status-was-written-and-the-run-is-postponed-until-due) is the interval.
//!
//! ## Why `owned()` in place of `owns`?
//!
//! kube-runtime does not tell a reconciler what woke it, and merges what arrives while it runs.
//! [News](super::semantics#news-is-kept-until-a-run-starts-after-it-so-it-survives-being-merged) is how a child's
//! change is told from the own status write;
//! [without it](#with-plain-owns-a-childs-change-during-a-run-that-writes-status-waits-until-due) it cannot be.
//!
//! ## Why is there a rate limit, and on by default?
//!
//! Because there is always one more way to wake oneself: [a
//! child](super::at_3_am#it-runs-hot-by-an-object-that-it-owns), [a CRD without status
//! subresource](super::at_3_am#it-runs-hot-by-its-own-status-writes),
//! [a varying text](super::at_3_am#it-runs-hot-by-a-text-that-varies-in-a-condition). Ten runs in ten seconds are
//! more than a healthy object needs, and one run a second is what a mistake costs then.
//!
//! ## Why is there no knob for "fast at first, then slow"?
//!
//! It would be a second way to say how a delay develops, beside growth. As a policy it is
//! [a few lines](super::coming_from#a-fast-and-then-a-slow-delay-is-a-policy-of-a-few-lines), because a policy
//! knows the time
//! in the phase; and a large factor does nearly the same: `{ initial: 1s, factor: 60, max: 1m }` is 1 s once, and then
//! 1 min.
//!
//! ## Why does nothing here skip a status write that would change nothing?
//!
//! Because it would have to compare with the object in the controller's cache, which may be older than the
//! controller's own last write: a status that was Failed stays so for ever if the write that repairs it is skipped, as
//! happened in production (influxdata/sinker#260). And it would gain little: [a patch that changes
//! nothing](super::embedding#a-status-patch-that-changes-nothing-wakes-nobody) is answered by the API server without
//! an event.
//!
//! ## Why may a reconciler not return an `Action`?
//!
//! An `Action` does not tell its delay. Then a status write inside that delay could not be answered with what is left
//! of it, and [a wish](super::semantics#a-success-may-wish-for-a-delay) would be lost to the next trigger.
//!
//! # Limits
//!
//! ### With plain `owns` a child's change during a run that writes status waits until due
//!
//! The two triggers are merged into one, which looks like the own status write coming back.
//! [`owned`](crate::kube::Requeuer::owned) has no such window, and the predicate on the stream has it only for a write
//! that changes the phase.
//!
//! ### Without a status subresource every status write is a change
//!
//! It bumps the generation. The rate limit ends that loop; [the subresource cures
//! it](super::at_3_am#it-runs-hot-by-its-own-status-writes).
//!
//! ### A watch that lists anew shows every object once more, and each runs
//!
//! After 410 Gone. Unchanged objects look as if a timer had fired, which is one run each.
//!
//! ### A child that the run itself creates is news, once
//!
//! The first run of a new object that makes a child is followed by a second, which finds all as it should be.
//!
//! ### A phase that a run writes but does not report is news
//!
//! One run more follows it. A reconciler that writes a phase into the status returns that phase.
//!
//! ### A change waits for its place in the rate limit, a deletion, too
//!
//! An object that loops is not cleaned up before its next place: [`within` at
//! most](super::semantics#an-object-that-has-used-up-its-rate-limit-is-postponed-to-its-next-place).
//!
//! ### A different error in the same outage is no line at INFO
//!
//! It is the same transition; DEBUG `still failed` has the new error.
//!
//! ### Forgetting is driven by use
//!
//! With every so many decisions a part of the memory is looked through. A controller that has lost all but one of a
//! million objects gives the memory back over an hour, and not at once.
