//! Conditions, read and written.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use requeue_policy::{Observed, Phase, conditions};
use std::time::{Duration, SystemTime};

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + 3600 * hour).expect("a time of this century")
}

fn condition(type_: &str, status: &str, hour: i64) -> Condition {
    Condition {
        type_: type_.into(),
        status: status.into(),
        reason: "reason".into(),
        message: "message".into(),
        last_transition_time: Time(at(hour)),
        observed_generation: None,
    }
}

fn phase_of(condition: &Condition) -> Option<Phase> {
    match (condition.type_.as_str(), condition.status.as_str()) {
        ("Initialized", "True") => None,
        ("Initialized", _) => Some(Phase::Initializing),
        ("Ready" | "Synced", "False") => Some(Phase::Failed),
        ("Ready" | "Synced", "True") => Some(Phase::Ready),
        _ => None,
    }
}

#[test]
fn a_condition_tells_the_phase_and_since_when() {
    let since = |hour| Some(SystemTime::from(at(hour)));
    type Row<'a> = (&'a [(&'a str, &'a str, i64)], Phase, Option<SystemTime>);
    let table: [Row<'_>; 9] = [
        (&[], Phase::Initializing, None),
        (&[("Other", "True", 1)], Phase::Initializing, None),
        (&[("Ready", "Unknown", 1)], Phase::Initializing, None),
        (&[("Initialized", "False", 1)], Phase::Initializing, since(1)),
        // The proposal's order, whatever the order of the list.
        (
            &[("Ready", "False", 2), ("Initialized", "False", 1)],
            Phase::Initializing,
            since(1),
        ),
        (
            &[("Initialized", "True", 1), ("Ready", "False", 2)],
            Phase::Failed,
            since(2),
        ),
        (&[("Synced", "True", 1), ("Ready", "False", 2)], Phase::Failed, since(2)),
        // Failed since the first of them, ready since the last.
        (
            &[("Synced", "False", 5), ("Ready", "False", 2)],
            Phase::Failed,
            since(2),
        ),
        (&[("Synced", "True", 5), ("Ready", "True", 2)], Phase::Ready, since(5)),
    ];
    for (list, phase, since) in table {
        let list: Vec<_> = list
            .iter()
            .map(|(type_, status, hour)| condition(type_, status, *hour))
            .collect();
        assert_eq!(
            conditions::observed(&list, phase_of),
            Observed::new(phase).since(since),
            "{list:?}"
        );
    }
}

/// The cases of `TestSetStatusCondition` in apimachinery v0.37.2, `pkg/api/meta/conditions_test.go`, and some more.
#[test]
fn a_condition_keeps_its_lasttransitiontime_while_its_status_stays() {
    let (before, after) = (-1, 1);
    let others = [condition("first", "Unknown", 0), condition("third", "Unknown", 0)];
    let second = condition("second", "True", before);

    // "should-add": at the end, with the time that was given; changed.
    let mut list = others.to_vec();
    assert!(conditions::set(&mut list, second.clone()));
    assert_eq!(list, [&others[..], std::slice::from_ref(&second)].concat());

    // "use-supplied-time": the status was another; changed.
    let mut list = vec![
        others[0].clone(),
        condition("second", "False", after),
        others[1].clone(),
    ];
    assert!(conditions::set(&mut list, second.clone()));
    assert_eq!(list, [others[0].clone(), second.clone(), others[1].clone()]);

    // "update-fields": the status stays, and so does the time; all else is new; changed.
    let mut list = vec![second.clone()];
    let new = Condition {
        reason: "other".into(),
        message: "other".into(),
        observed_generation: Some(3),
        ..condition("second", "True", after)
    };
    assert!(conditions::set(&mut list, new.clone()));
    assert_eq!(
        list,
        [Condition {
            last_transition_time: Time(at(before)),
            ..new
        }]
    );

    // "nothing changes"; and a later time alone changes nothing either.
    for hour in [before, after] {
        let mut list = vec![second.clone()];
        assert!(!conditions::set(&mut list, condition("second", "True", hour)));
        assert_eq!(list, std::slice::from_ref(&second));
    }

    // Each field alone is a change.
    let changes: [fn(&mut Condition); 4] = [
        |condition| condition.status = "False".into(),
        |condition| condition.reason = "other".into(),
        |condition| condition.message = "other".into(),
        |condition| condition.observed_generation = Some(2),
    ];
    for change in changes {
        let mut new = second.clone();
        change(&mut new);
        assert!(conditions::set(&mut vec![second.clone()], new));
    }
}

#[test]
fn a_backoff_is_read_from_conditions() {
    use requeue_policy::{Interval, Requeue, RequeueConfig, RequeuePolicy};
    let seconds = Duration::from_secs;
    let policy =
        RequeueConfig::default().with_error(Interval::constant(seconds(10)).with_factor(2.0).with_max(seconds(7200)));
    let list = [condition("Initialized", "True", 0), condition("Ready", "False", 1)];
    let observed = conditions::observed(&list, phase_of);
    let now = SystemTime::from(at(2));
    assert_eq!(policy.requeue(&observed, now), Requeue::After(seconds(3610)));
}
