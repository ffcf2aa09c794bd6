//! Conditions, read and written.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use requeue_policy::{
    Observed, Phase,
    conditions::{self, Says},
};
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

fn says(type_: &str, status: &str) -> Option<Phase> {
    match (type_, status) {
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
    let table: [Row<'_>; 11] = [
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
        // It was Initializing until then, however old the failure is.
        (
            &[("Initialized", "True", 5), ("Ready", "False", 2)],
            Phase::Failed,
            since(5),
        ),
        (
            &[("Initialized", "False", 5), ("Ready", "False", 2)],
            Phase::Initializing,
            since(5),
        ),
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
            conditions::observed(&list, Phase::Initializing, says),
            Observed::new(phase).since(since),
            "{list:?}"
        );
    }
}

#[test]
fn a_phase_that_the_reason_tells_has_no_time_or_the_right_one() {
    fn by_reason(reason: &str) -> Phase {
        if reason == "Creating" {
            Phase::Initializing
        } else {
            Phase::Failed
        }
    }
    fn says(type_: &str, status: &str) -> Says {
        match (type_, status) {
            ("Ready", "False") => Says::ByReason(by_reason),
            ("Ready", "True") | ("Synced", "True") => Says::Phase(Phase::Ready),
            ("Synced", "False") => Says::Phase(Phase::Failed),
            ("Synced", "Unknown") => Says::Phase(Phase::Initializing),
            _ => Says::Nothing,
        }
    }
    let reason = |reason: &str, condition: Condition| Condition {
        reason: reason.into(),
        ..condition
    };
    let ready = |status, hour| condition("Ready", status, hour);
    let synced = |status, hour| condition("Synced", status, hour);
    let table: [(&[Condition], Phase, Option<i64>); 8] = [
        (&[reason("Creating", ready("False", 1))], Phase::Initializing, None),
        // The condition is as old as the creation, and the outage is not.
        (&[reason("NoDisk", ready("False", 1))], Phase::Failed, None),
        (&[ready("True", 1)], Phase::Ready, Some(1)),
        // Another condition knows since when it fails, but by its reason this one may have said Initializing meanwhile.
        (
            &[reason("NoDisk", ready("False", 1)), synced("False", 2)],
            Phase::Failed,
            None,
        ),
        // Nothing takes precedence over Initializing.
        (
            &[reason("NoDisk", ready("False", 1)), synced("Unknown", 2)],
            Phase::Initializing,
            Some(2),
        ),
        (
            &[reason("Creating", ready("False", 1)), synced("Unknown", 2)],
            Phase::Initializing,
            Some(2),
        ),
        // What says nothing now may have said Initializing before.
        (&[ready("Unknown", 3), synced("False", 2)], Phase::Failed, Some(3)),
        (&[ready("True", 2), synced("True", 3)], Phase::Ready, Some(3)),
    ];
    for (list, phase, hour) in table {
        let since = hour.map(|hour| SystemTime::from(at(hour)));
        let observed = conditions::observed(list, Phase::Initializing, says);
        assert_eq!(observed, Observed::new(phase).since(since), "{list:?}");
    }
}

/// A condition as many operators have it.
#[derive(Clone, Debug, PartialEq)]
struct Theirs {
    kind: &'static str,
    status: bool,
    since: Option<String>,
}

impl conditions::Condition for Theirs {
    fn type_(&self) -> &str {
        self.kind
    }

    fn status(&self) -> &str {
        if self.status { "True" } else { "False" }
    }

    fn reason(&self) -> &str {
        ""
    }

    fn last_transition_time(&self) -> Option<SystemTime> {
        conditions::time(self.since.as_ref()?)
    }

    fn keep_time(&mut self, before: &Self) {
        self.since.clone_from(&before.since);
    }
}

#[test]
fn a_condition_of_the_operators_own_type_serves_as_well() {
    let theirs = |kind, status, since: &str| Theirs {
        kind,
        status,
        since: Some(since.to_owned()),
    };
    // Absent means healthy.
    let observed = |list: &[Theirs]| {
        conditions::observed(list, Phase::Ready, |type_, status| match (type_, status) {
            ("Failing", "True") => Some(Phase::Failed),
            ("Degraded", "True") => Some(Phase::Failed),
            ("Degraded", "False") => Some(Phase::Ready),
            _ => None,
        })
    };
    let (one, two) = ("2026-01-01T01:00:00Z", "2026-01-01T02:00:00+00:00");
    let since = |hour| Some(SystemTime::from(at(hour)));
    let table: [(&[Theirs], Phase, Option<SystemTime>); 6] = [
        (&[], Phase::Ready, None),
        (&[theirs("Failing", false, one)], Phase::Ready, None),
        (&[theirs("Failing", true, one)], Phase::Failed, since(1)),
        // Healthy since the trouble ended, not since the other condition says so.
        (
            &[theirs("Failing", false, two), theirs("Degraded", false, one)],
            Phase::Ready,
            since(2),
        ),
        // A time that cannot be read is none; of two failures the other one tells.
        (&[theirs("Failing", true, "yesterday")], Phase::Failed, None),
        (
            &[theirs("Failing", true, ""), theirs("Degraded", true, two)],
            Phase::Failed,
            since(2),
        ),
    ];
    for (list, phase, since) in table {
        assert_eq!(observed(list), Observed::new(phase).since(since), "{list:?}");
    }

    let mut list = vec![theirs("Failing", true, one)];
    assert!(!conditions::set(&mut list, theirs("Failing", true, two)));
    assert_eq!(list, [theirs("Failing", true, one)]);
    assert!(conditions::set(&mut list, theirs("Failing", false, two)));
    assert_eq!(list, [theirs("Failing", false, two)]);
}

#[test]
fn a_time_is_read_in_every_form_that_operators_write() {
    let second = SystemTime::from(at(0));
    let table = [
        ("2026-01-01T00:00:00Z", Some(second)),
        ("2026-01-01T00:00:00+00:00", Some(second)),
        ("2026-01-01T02:00:00+02:00", Some(second)),
        ("2026-01-01T00:00:00.250000Z", Some(second + Duration::from_millis(250))),
        (
            "2026-01-01T00:00:00.250000000+00:00",
            Some(second + Duration::from_millis(250)),
        ),
        ("2026-01-01", None),
        ("", None),
        ("1767225600", None),
    ];
    for (text, expected) in table {
        assert_eq!(conditions::time(text), expected, "{text}");
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
    let observed = conditions::observed(&list, Phase::Initializing, says);
    let now = SystemTime::from(at(2));
    assert_eq!(policy.requeue(&observed, now), Requeue::After(seconds(3610)));
}
