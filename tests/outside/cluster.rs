//! Whatever a cluster holds, through the adapter: no panic, and a run exactly where something calls for one.

use crate::cases;
use futures::FutureExt;
use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{OwnerReference, Time},
    jiff::Timestamp,
};
use kube::{
    CustomResource, Resource,
    core::ObjectMeta,
    runtime::{
        controller::Action,
        reflector::{Lookup, ObjectRef},
    },
};
use proptest::prelude::*;
use requeue_policy::{
    Observe, Phase, RequeueConfig,
    kube::{Outcome, Requeuer, Retry},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "Thing",
    namespaced,
    status = "ThingStatus",
    schema = "disabled"
)]
pub(crate) struct ThingSpec {}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ThingStatus {
    phase: Option<Phase>,
    since: Option<SystemTime>,
    token: u64,
}

impl Observe for Thing {
    fn phase(&self) -> Phase {
        self.status
            .as_ref()
            .and_then(|status| status.phase)
            .unwrap_or(Phase::Initializing)
    }

    fn last_transition(&self) -> Option<SystemTime> {
        self.status.as_ref()?.since
    }

    fn fingerprint(&self) -> u64 {
        self.status.as_ref().map_or(0, |status| status.token)
    }
}

pub(crate) fn thing(metadata: ObjectMeta, status: Option<ThingStatus>) -> Arc<Thing> {
    Arc::new(Thing {
        metadata,
        spec: ThingSpec {},
        status,
    })
}

#[derive(Debug)]
pub(crate) struct Oops(pub(crate) String);

impl fmt::Display for Oops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Oops {}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9.-]{0,20}",
        2 => any::<String>(),
        1 => "[\\x00-\\x1f\\x7f-\\x9f\u{2028}]{0,8}",
        1 => (1_usize..100_000).prop_map(|len| "x".repeat(len)),
    ]
}

fn few(text: impl Strategy<Value = String>) -> impl Strategy<Value = Option<Vec<String>>> {
    prop::option::of(prop::collection::vec(text, 0..5))
}

fn map() -> impl Strategy<Value = Option<BTreeMap<String, String>>> {
    prop::option::of(prop::collection::btree_map(text(), text(), 0..5))
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        Just(Timestamp::UNIX_EPOCH),
        (-300_000_000_000_i64..200_000_000_000)
            .prop_map(|second| Timestamp::from_second(second).expect("a second that a timestamp has")),
    ]
}

fn owners() -> impl Strategy<Value = Option<Vec<OwnerReference>>> {
    let kind = prop_oneof![Just("Thing".to_owned()), text()];
    let api_version = prop_oneof![Just("example.com/v1".to_owned()), Just("v1".to_owned()), text()];
    let owner = (
        api_version,
        kind,
        text(),
        text(),
        any::<Option<bool>>(),
        any::<Option<bool>>(),
    );
    let owner = owner.prop_map(
        |(api_version, kind, name, uid, controller, block_owner_deletion)| OwnerReference {
            api_version,
            kind,
            name,
            uid,
            controller,
            block_owner_deletion,
        },
    );
    prop::option::of(prop::collection::vec(owner, 0..5))
}

fn generation() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        1 => Just(None),
        4 => prop::sample::select(&[i64::MIN, -1, 0, 1, 2, i64::MAX][..]).prop_map(Some),
        1 => any::<i64>().prop_map(Some),
    ]
}

pub(crate) fn metadata() -> impl Strategy<Value = ObjectMeta> {
    let names = (
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(text()),
        prop::option::of(text()),
    );
    let rest = (
        generation(),
        map(),
        map(),
        few(text()),
        owners(),
        prop::option::of(timestamp()),
    );
    (names, rest).prop_map(|(names, rest)| {
        let (uid, name, namespace, resource_version) = names;
        let (generation, labels, annotations, finalizers, owner_references, deleted) = rest;
        ObjectMeta {
            uid,
            name,
            namespace,
            resource_version,
            generation,
            labels,
            annotations,
            finalizers,
            owner_references,
            deletion_timestamp: deleted.map(Time),
            ..ObjectMeta::default()
        }
    })
}

fn status() -> impl Strategy<Value = Option<ThingStatus>> {
    let phase = prop::option::of(prop::sample::select(&Phase::ALL[..]));
    let since = prop::option::of(timestamp().prop_map(SystemTime::from));
    let token = prop_oneof![Just(0), any::<u64>()];
    prop::option::of((phase, since, token).prop_map(|(phase, since, token)| ThingStatus { phase, since, token }))
}

/// How a run ends.
#[derive(Clone, Debug)]
enum End {
    Outcome(Outcome),
    Error(Retry),
}

fn delay() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
    ]
}

fn end() -> impl Strategy<Value = End> {
    use requeue_policy::Requeue;
    let phase = || prop::sample::select(&Phase::ALL[..]);
    let requeue = || prop_oneof![Just(Requeue::AwaitChange), delay().prop_map(Requeue::After)];
    prop_oneof![
        phase().prop_map(|phase| End::Outcome(phase.into())),
        requeue().prop_map(|requeue| End::Outcome(requeue.into())),
        (phase(), requeue()).prop_map(|pair| End::Outcome(pair.into())),
        Just(End::Outcome(().into())),
        Just(End::Error(Retry::Backoff)),
        Just(End::Error(Retry::Never)),
        delay().prop_map(|delay| End::Error(Retry::After(delay))),
        delay().prop_map(|delay| End::Error(Retry::NoFailure(delay))),
    ]
}

fn requeuer(yaml: &str) -> Requeuer<RequeueConfig> {
    let config = serde_saphyr::from_str::<RequeueConfig>(yaml).expect("the policy is valid");
    Requeuer::new(config).expect("the policy is valid")
}

/// Plays a trigger to its end, a run that fails to its error policy; returns whether it ran, and the answer.
fn trigger(requeuer: &Requeuer<RequeueConfig>, object: &Arc<Thing>, end: End) -> (bool, Action) {
    let runs = Arc::new(AtomicUsize::new(0));
    let (counter, outcome) = (runs.clone(), end.clone());
    let reconcile = requeuer.reconciler(move |_: Arc<Thing>, _: Arc<()>| {
        counter.fetch_add(1, Ordering::Relaxed);
        let outcome = outcome.clone();
        async move {
            match outcome {
                End::Outcome(outcome) => Ok(outcome),
                End::Error(_) => Err(Oops("oops".to_owned())),
            }
        }
    });
    let classified = requeuer.clone().on_error(move |_: &Oops| match end {
        End::Error(retry) => retry,
        End::Outcome(_) => Retry::Backoff,
    });
    let answer = reconcile(object.clone(), Arc::new(())).now_or_never();
    let action = answer
        .expect("it waits for nothing")
        .unwrap_or_else(|error| classified.error_policy()(object.clone(), &error, Arc::new(())));
    (runs.load(Ordering::Relaxed) > 0, action)
}

/// All that is to wake a reconciler, compared as it is.
fn parts(object: &Thing) -> impl PartialEq + use<> {
    let meta = object.meta().clone();
    let owners: Vec<_> = meta
        .owner_references
        .into_iter()
        .flatten()
        .map(|owner| (owner.uid, owner.controller))
        .collect();
    (
        (meta.generation, meta.labels, meta.annotations, meta.finalizers),
        (
            owners,
            meta.deletion_timestamp.is_some(),
            object.fingerprint(),
            object.phase(),
        ),
    )
}

/// Takes one part of another object's metadata over.
fn graft(mut meta: ObjectMeta, part: usize, from: &ObjectMeta) -> ObjectMeta {
    let from = from.clone();
    match part {
        0 => meta.generation = from.generation,
        1 => meta.labels = from.labels,
        2 => meta.annotations = from.annotations,
        3 => meta.finalizers = from.finalizers,
        4 => meta.owner_references = from.owner_references,
        5 => meta.deletion_timestamp = from.deletion_timestamp,
        // Nothing that wakes it.
        6 => meta.managed_fields = from.managed_fields,
        7 => meta.name = from.name,
        _ => std::mem::swap(&mut meta.labels, &mut meta.annotations),
    }
    meta
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn no_object_whatsoever_panics_and_each_is_answered_within_six_months(
        steps in prop::collection::vec((metadata(), status(), end()), 1..6),
        order in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6), 1..20),
    ) {
        let requeuer = requeuer("{ error: { initial: 10s, factor: 2, max: 1h, jitter: 0.5, deadline: 1d } }");
        let predicate = requeuer.predicate::<Thing>();
        let owned = requeuer.owned::<Thing, Thing>();
        let related = requeuer.related(|thing: Thing| Some(ObjectRef::<Thing>::from_obj(&thing)));
        let mut seen = BTreeSet::new();
        for (step, act) in order {
            let (meta, status, end) = step.get(&steps);
            let object = thing(meta.clone(), status.clone());
            match act {
                // kube-runtime makes no reference to an object without a name; it panics.
                1 | 4 if meta.name.is_none() => {}
                0 => prop_assert!(owned((*object).clone()).len() <= meta.owner_references.iter().flatten().count()),
                1 => prop_assert_eq!(related((*object).clone()).len(), 1),
                2 => drop(predicate(&object)),
                3 => {
                    let outage = requeuer.outage(&*object);
                    prop_assert!(outage.elapsed <= requeuer.now().duration_since(outage.since).unwrap_or_default());
                }
                4 => requeuer.nudge(&object.to_object_ref(())),
                _ => {
                    let is_new = meta.uid.as_ref().is_none_or(|uid| seen.insert(uid.clone()));
                    let (ran, action) = trigger(&requeuer, &object, end.clone());
                    prop_assert!(ran || !is_new);
                    prop_assert!(is_within_six_months(&action), "{:?}", action);
                }
            }
            prop_assert_eq!(requeuer.tracked(), seen.len());
        }
    }

    #[test]
    fn an_object_runs_exactly_when_a_part_that_counts_has_changed(
        (first, second) in (metadata(), metadata()),
        (before, after) in (status(), status()),
        part in 0_usize..9,
        whole in any::<bool>(),
    ) {
        let requeuer = requeuer("{ default: 1d, error: 1d, initialization: 1d }");
        let stored = |meta, version: &str| ObjectMeta {
            uid: Some("uid".to_owned()),
            resource_version: Some(version.to_owned()),
            ..meta
        };
        let after = if whole { after } else { before.clone() };
        let second = graft(first.clone(), part, &second);
        let first = thing(stored(first, "1"), before);
        let second = thing(stored(second, "2"), after);
        prop_assert!(trigger(&requeuer, &first, End::Outcome(().into())).0);
        let calls_for_a_run = second.meta().generation.is_none() || parts(&first) != parts(&second);
        prop_assert_eq!(trigger(&requeuer, &second, End::Outcome(().into())).0, calls_for_a_run);
    }
}

/// kube's `Action` shows its delay to nobody but `Debug`; so it is compared with what it may be.
fn is_within_six_months(action: &Action) -> bool {
    let text = format!("{action:?}");
    *action == Action::await_change() || {
        let number = text
            .split("Some(")
            .nth(1)
            .and_then(|rest| rest.split(')').next())
            .unwrap_or_default();
        let (value, unit) = number.split_at(number.find(|c: char| c.is_ascii_alphabetic()).unwrap_or_default());
        let seconds = value.parse::<f64>().unwrap_or(f64::NAN) * if unit == "ms" { 0.001 } else { 1.0 };
        matches!(unit, "s" | "ms") && (0.001..=180.0 * 86_400.0).contains(&seconds)
    }
}
