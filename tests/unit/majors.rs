//! An application that moves from one kube to the next has the adapters for both.

use requeue_policy::{kube, kube_1};

#[test]
fn what_a_reconciler_says_is_of_one_type_for_all_majors() {
    let (outcome, retry): (kube_1::Outcome, kube_1::Retry) = (kube::Outcome::Unchanged, kube::Retry::Backoff);
    assert_eq!((outcome, retry), (kube::Outcome::Unchanged, kube::Retry::Backoff));
}
