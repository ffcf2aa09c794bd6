//! Whatever a cluster holds, through the adapter: no panic, and a run exactly where something calls for one.

use crate::{cases, timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use kube::{
    Resource,
    core::ObjectMeta,
    runtime::{
        controller::Action,
        reflector::{Lookup, ObjectRef},
    },
};
use proptest::{prelude::*, sample::Index};
use requeue_policy::{Observe, Outcome, Phase, Requeue, RequeueConfig, Retry, kube::Requeuer};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};
use verify::{Caller, Thing, ThingSpec, ThingStatus, delay};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9.-]{0,20}",
        2 => any::<String>(),
        1 => "[\\x00-\\x1f\\x7f-\\x9f\u{2028}]{0,8}",
        1 => (1_usize..100_000).prop_map(|len| "x".repeat(len)),
    ]
}

fn map() -> impl Strategy<Value = Option<BTreeMap<String, String>>> {
    prop::option::of(prop::collection::btree_map(text(), text(), 0..5))
}

fn owners() -> impl Strategy<Value = Option<Vec<OwnerReference>>> {
    let kind = prop_oneof![Just("Thing".to_owned()), text()];
    let api_version = prop_oneof![Just("example.com/v1".to_owned()), Just("v1".to_owned()), text()];
    let flags = any::<(Option<bool>, Option<bool>)>();
    let owner =
        (api_version, kind, text(), text(), flags).prop_map(|(api_version, kind, name, uid, flags)| OwnerReference {
            api_version,
            kind,
            name,
            uid,
            controller: flags.0,
            block_owner_deletion: flags.1,
        });
    prop::option::of(prop::collection::vec(owner, 0..5))
}

fn metadata() -> impl Strategy<Value = ObjectMeta> {
    let name = || prop::option::of(text());
    let generation = prop_oneof![
        1 => Just(None),
        4 => prop::sample::select(&[i64::MIN, -1, 0, 1, 2, i64::MAX][..]).prop_map(Some),
        1 => any::<i64>().prop_map(Some),
    ];
    let finalizers = prop::option::of(prop::collection::vec(text(), 0..5));
    let deleted = prop::option::of(timestamp());
    let names = (name(), name(), name(), name());
    let parts = (generation, map(), map(), finalizers, owners(), deleted);
    (names, parts).prop_map(|((uid, name, namespace, resource_version), parts)| {
        let (generation, labels, annotations, finalizers, owner_references, deleted) = parts;
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
    let token = prop_oneof![Just(None), any::<u64>().prop_map(Some)];
    let status = (phase, any::<Option<i64>>(), token).prop_map(|(phase, since, token)| ThingStatus {
        phase,
        since,
        token,
        message: None,
    });
    prop::option::of(status)
}

/// How a run ends.
type End = Result<Outcome, Retry>;

fn end() -> impl Strategy<Value = End> {
    let delay = || {
        prop_oneof![
            Just(Duration::ZERO),
            Just(Duration::MAX),
            (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
        ]
    };
    let phase = || prop::sample::select(&Phase::ALL[..]);
    let requeue = || prop_oneof![Just(Requeue::AwaitChange), delay().prop_map(Requeue::After)];
    prop_oneof![
        phase().prop_map(|phase| Ok(phase.into())),
        requeue().prop_map(|requeue| Ok(requeue.into())),
        (phase(), requeue()).prop_map(|pair| Ok(pair.into())),
        Just(Ok(().into())),
        Just(Err(Retry::Backoff)),
        Just(Err(Retry::Never)),
        delay().prop_map(|delay| Err(Retry::After(delay))),
        delay().prop_map(|delay| Err(Retry::Later(delay))),
    ]
}

fn requeuer(yaml: &str) -> Requeuer {
    let config = serde_saphyr::from_str::<RequeueConfig>(yaml).expect("the policy is valid");
    Requeuer::new(config).expect("the policy is valid")
}

fn thing(metadata: ObjectMeta, status: Option<ThingStatus>) -> Arc<Thing> {
    let spec = ThingSpec::default();
    Arc::new(Thing { metadata, spec, status })
}

/// Plays a trigger to its end, a run that fails to its error policy; returns whether it ran, and the answer.
fn trigger(requeuer: &Requeuer, object: &Arc<Thing>, end: End) -> (bool, Action) {
    let classify = move |_: &io::Error| end.err().unwrap_or(Retry::Backoff);
    let caller = Caller::classifying(requeuer, classify, move |_| end.map_err(|_| io::Error::other("oops")));
    let action = caller.trigger(object);
    (caller.runs() > 0, action)
}

/// All that is to wake a reconciler, compared as it is.
fn parts(object: &Thing) -> impl PartialEq + use<> {
    let meta = object.meta().clone();
    let owners = meta.owner_references.into_iter().flatten();
    let owners: Vec<_> = owners.map(|owner| (owner.uid, owner.controller)).collect();
    let deleted = meta.deletion_timestamp.is_some();
    (
        (meta.generation, meta.labels, meta.annotations, meta.finalizers),
        (owners, deleted, object.observe().since(None)),
    )
}

/// Takes one part of another object's metadata over.
fn graft(mut meta: ObjectMeta, part: usize, from: ObjectMeta) -> ObjectMeta {
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
        order in prop::collection::vec((any::<Index>(), 0_usize..5), 1..20),
    ) {
        let requeuer = requeuer("{ error: { initial: 10s, factor: 2, max: 1h, jitter: 0.5, deadline: 1d } }");
        let owned = requeuer.owned::<Thing, Thing>();
        let related = requeuer.related(|thing: Thing| Some(ObjectRef::<Thing>::from_obj(&thing)));
        let mut seen = BTreeSet::new();
        for (step, act) in order {
            let (meta, status, end) = step.get(&steps);
            let object = thing(meta.clone(), status.clone());
            match act {
                // kube-runtime makes no reference to an object without a name; it panics.
                1 | 3 if meta.name.is_none() => {}
                0 => prop_assert!(owned((*object).clone()).len() <= meta.owner_references.iter().flatten().count()),
                1 => prop_assert_eq!(related((*object).clone()).len(), 1),
                2 => {
                    let outage = requeuer.outage(&*object);
                    prop_assert!(outage.elapsed <= requeuer.now().duration_since(outage.since).unwrap_or_default());
                }
                3 => requeuer.nudge(&object.to_object_ref(())),
                _ => {
                    let is_new = meta.uid.as_ref().is_none_or(|uid| seen.insert(uid.clone()));
                    let (ran, action) = trigger(&requeuer, &object, *end);
                    prop_assert!(ran || !is_new);
                    let allowed = Duration::from_millis(1)..=Duration::from_secs(180 * 86_400);
                    prop_assert!(delay(&action).is_none_or(|delay| allowed.contains(&delay)), "{:?}", action);
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
        let stored = |meta, version: &str, status| {
            let uid = Some("uid".to_owned());
            thing(ObjectMeta { uid, resource_version: Some(version.to_owned()), ..meta }, status)
        };
        let after = if whole { after } else { before.clone() };
        let second = stored(graft(first.clone(), part, second), "2", after);
        let first = stored(first, "1", before);
        prop_assert!(trigger(&requeuer, &first, Ok(().into())).0);
        let calls_for_a_run = second.meta().generation.is_none() || parts(&first) != parts(&second);
        prop_assert_eq!(trigger(&requeuer, &second, Ok(().into())).0, calls_for_a_run);
    }
}
