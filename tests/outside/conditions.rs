//! Any list of conditions.

use crate::cases;
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use proptest::prelude::*;
use requeue_policy::{Observed, Phase, RequeueConfig, RequeuePolicy, conditions};
use std::time::SystemTime;

fn condition() -> impl Strategy<Value = Condition> {
    let type_ = prop_oneof![4 => "[AB]?", 1 => any::<String>()];
    let status = prop_oneof![4 => prop::sample::select(&["True", "False", "Unknown", ""][..]).prop_map(str::to_owned), 1 => any::<String>()];
    let time = prop_oneof![
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        (-300_000_000_000_i64..200_000_000_000)
            .prop_map(|second| Timestamp::from_second(second).expect("a second that a timestamp has")),
    ];
    (type_, status, any::<(u8, bool)>(), time, any::<Option<i64>>()).prop_map(
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

fn tells(condition: &Condition) -> Option<Phase> {
    match condition.status.as_str() {
        "True" => Some(Phase::Ready),
        "False" => Some(Phase::Failed),
        "" => Some(Phase::Initializing),
        _ => None,
    }
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn what_was_set_is_what_is_observed(
        list in prop::collection::vec(condition(), 0..8),
        news in prop::collection::vec(condition(), 1..8),
        now in any::<u64>(),
    ) {
        let mut list = list;
        for new in news {
            let before = list.clone();
            let old = before.iter().position(|condition| condition.type_ == new.type_);
            let changed = conditions::set(&mut list, new.clone());
            prop_assert_eq!(changed, list != before);
            prop_assert_eq!(list.len(), before.len() + usize::from(old.is_none()));
            let place = old.unwrap_or(before.len());
            let kept = old.map(|old| &before[old]).filter(|old| old.status == new.status);
            let time = kept.unwrap_or(&new).last_transition_time.clone();
            prop_assert_eq!(&list[place], &Condition { last_transition_time: time, ..new.clone() });
            for (n, other) in before.iter().enumerate().filter(|(n, _)| *n != place) {
                prop_assert_eq!(&list[n], other);
            }

            // Alone it tells its own phase, since its own time; a second time it changes nothing.
            let alone = conditions::observed(&list[place..=place], tells);
            let since = tells(&list[place]).map(|_| SystemTime::from(list[place].last_transition_time.0));
            prop_assert_eq!(alone, Observed::new(tells(&new).unwrap_or(Phase::Initializing)).since(since));
            prop_assert!(!conditions::set(&mut list, new));
        }
        let observed = conditions::observed(&list, tells);
        let told = |phase| list.iter().filter(move |condition| tells(condition) == Some(phase));
        let first = Phase::ALL.into_iter().find(|phase| told(*phase).next().is_some());
        prop_assert_eq!(observed.phase, first.unwrap_or(Phase::Initializing));
        prop_assert_eq!(observed.since.is_some(), first.is_some());
        let now = SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::from_nanos(now)).unwrap_or(SystemTime::UNIX_EPOCH);
        let _ = RequeueConfig::default().requeue(&observed, now);
    }
}
