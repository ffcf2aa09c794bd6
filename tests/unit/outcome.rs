//! What a reconciler may return, and what it stands for.

use requeue_policy::{Interval, Outcome, Phase, Requeue, Retry};
use std::time::Duration;

#[test]
fn the_arms_of_a_match_have_one_type() {
    let delay = Duration::from_secs(7);
    let table = [
        (
            Phase::Failed.after(delay),
            Outcome::PhaseAndRequeue(Phase::Failed, Requeue::After(delay)),
        ),
        (
            Phase::Failed.after(Interval::constant(delay)),
            Outcome::PhaseAndRequeue(Phase::Failed, Requeue::After(delay)),
        ),
        (
            Phase::Failed.after(Interval::constant(delay).with_jitter(0.2)),
            Outcome::PhaseAndInterval(Phase::Failed, Interval::constant(delay).with_jitter(0.2)),
        ),
        (Phase::Failed.after(Interval::never()), Phase::Failed.await_change()),
        (Phase::Failed.within(delay), Outcome::PhaseWithin(Phase::Failed, delay)),
        (
            Phase::Failed.await_change(),
            Outcome::PhaseAndRequeue(Phase::Failed, Requeue::AwaitChange),
        ),
        (Phase::Failed.into(), Outcome::Phase(Phase::Failed)),
        (
            (Phase::Failed, delay.into()).into(),
            Outcome::PhaseAndRequeue(Phase::Failed, Requeue::After(delay)),
        ),
        (Requeue::AwaitChange.into(), Outcome::Requeue(Requeue::AwaitChange)),
        (().into(), Outcome::Unchanged),
    ];
    for (outcome, expected) in table {
        assert_eq!(outcome, expected);
        assert_eq!(Retry::from(outcome), Retry::As(expected));
    }
}
