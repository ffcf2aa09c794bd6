//! Any list of conditions.

use crate::{cases, timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use proptest::prelude::*;
use requeue_policy::{Observed, Phase, RequeueConfig, RequeuePolicy, conditions};
use std::time::{Duration, SystemTime};

fn condition() -> impl Strategy<Value = Condition> {
    let type_ = prop_oneof![4 => "[AB]?", 1 => any::<String>()];
    let status = prop_oneof![4 => "True|False|Unknown|", 1 => any::<String>()];
    (type_, status, any::<(u8, bool)>(), timestamp(), any::<Option<i64>>()).prop_map(
        |(type_, status, (reason, message), time, observed_generation)| Condition {
            type_,
            status,
            reason: (reason % 3).to_string(),
            message: message.to_string(),
            last_transition_time: Time(time),
            observed_generation,
        },
    )
}

fn says(_: &str, status: &str) -> Option<Phase> {
    match status {
        "True" => Some(Phase::Ready),
        "False" => Some(Phase::Failed),
        "" => Some(Phase::Initializing),
        _ => None,
    }
}

fn phase_of(condition: &Condition) -> Option<Phase> {
    says("", &condition.status)
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn what_was_set_is_what_is_observed(
        mut list in prop::collection::vec(condition(), 0..8),
        set in prop::collection::vec(condition(), 1..8),
        now in any::<u64>(),
    ) {
        for new in set {
            let before = list.clone();
            let old = before.iter().position(|condition| condition.type_ == new.type_);
            prop_assert_eq!(conditions::set(&mut list, new.clone()), list != before);
            prop_assert_eq!(list.len(), before.len() + usize::from(old.is_none()));
            let at = old.unwrap_or(before.len());
            let kept = old.map(|old| &before[old]).filter(|old| old.status == new.status);
            let last_transition_time = kept.unwrap_or(&new).last_transition_time.clone();
            prop_assert_eq!(&list[at], &Condition { last_transition_time, ..new.clone() });
            for (n, other) in before.iter().enumerate().filter(|(n, _)| *n != at) {
                prop_assert_eq!(&list[n], other);
            }

            // Alone it says its phase, since its time; a second time it changes nothing.
            let alone = conditions::observed(&list[at..=at], Phase::Initializing, says);
            let since = phase_of(&list[at]).map(|_| SystemTime::from(list[at].last_transition_time.0));
            prop_assert_eq!(alone, Observed::new(phase_of(&new).unwrap_or(Phase::Initializing)).since(since));
            prop_assert!(!conditions::set(&mut list, new));
        }
        let observed = conditions::observed(&list, Phase::Initializing, says);
        let first = Phase::ALL.into_iter().find(|phase| list.iter().any(|condition| phase_of(condition) == Some(*phase)));
        prop_assert_eq!(observed.phase(), first.unwrap_or(Phase::Initializing));
        prop_assert_eq!(observed.last_transition().is_some(), first.is_some());
        let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(now));
        let _ = RequeueConfig::default().requeue(&observed, now.unwrap_or(SystemTime::UNIX_EPOCH));
    }
}
