//! Children whose status changes all the time.

use crate::world::{Oops, Thing, World, policy, requeuer};
use k8s_openapi::api::{apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler};
use kube::{
    Api, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    core::{NamespaceResourceScope, PartialObjectMeta},
    runtime::{reflector::ObjectRef, watcher},
};
use requeue_policy::{
    Phase,
    kube::{Requeuer, spec_or_metadata_changed},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::fmt::Debug;

const EACH: usize = 50;

async fn create<K>(api: &Api<K>, owner: &Thing, n: usize)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
{
    let child = json!({
        "metadata": { "name": n.to_string(), "ownerReferences": [owner.controller_owner_ref(&())] },
    });
    let child = serde_json::from_value(child).expect("a child");
    api.create(&PostParams::default(), &child)
        .await
        .expect("a child is created");
}

async fn patch<K>(api: &Api<K>, n: usize, patch: Value)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let (name, params) = (n.to_string(), PatchParams::default());
    let patch = Patch::Merge(patch);
    if matches!(&patch, Patch::Merge(patch) if patch.get("status").is_some()) {
        api.patch_status(&name, &params, &patch)
            .await
            .expect("a status is patched");
    } else {
        api.patch(&name, &params, &patch).await.expect("a child is patched");
    }
}

/// A parent with fifty of each, and the requeuer of its controller.
async fn parent() -> (World, Requeuer, Api<Deployment>, Api<HorizontalPodAutoscaler>) {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready.await_change()));
    for resource in [
        kube_testbed::Resource::namespaced("apps", "v1", "Deployment", "deployments"),
        kube_testbed::Resource::namespaced(
            "autoscaling",
            "v2",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
        ),
    ] {
        world.server.define(resource);
    }
    let deployments = Api::default_namespaced(kube::Client::new(world.server.connect_outside(), "default"));
    let scalers = Api::default_namespaced(kube::Client::new(world.server.connect_outside(), "default"));
    let owner = world.create("a").await;
    for n in 0..EACH {
        create(&deployments, &owner, n).await;
        create(&scalers, &owner, n).await;
    }
    (world, requeuer(policy("{}")), deployments, scalers)
}

/// Every one of them rolls out or scales, ten times in twenty seconds.
async fn chatter(world: &World, deployments: &Api<Deployment>, scalers: &Api<HorizontalPodAutoscaler>) {
    for round in 1..=10 {
        for n in 0..EACH {
            patch(deployments, n, json!({ "status": { "readyReplicas": round } })).await;
            patch(
                scalers,
                n,
                json!({ "status": { "currentReplicas": round, "desiredReplicas": round } }),
            )
            .await;
        }
        world.until(2.0 * f64::from(round)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn children_that_roll_out_and_scale_do_not_run_a_parent_that_does_not_care() {
    let (world, requeue, deployments, scalers) = parent().await;
    let client = world.client();
    let all = watcher::Config::default;
    let controller = world
        .controller(&requeue)
        .owns_when(
            Api::<Deployment>::default_namespaced(client.clone()),
            (),
            all(),
            spec_or_metadata_changed,
        )
        .owns_when(
            Api::<HorizontalPodAutoscaler>::default_namespaced(client),
            (),
            all(),
            spec_or_metadata_changed,
        );
    world.spawn(controller, &requeue);
    chatter(&world, &deployments, &scalers).await;
    assert_eq!(world.times(), [0.0]);

    // What is missed while the watches are down is told apart all the same.
    world.server.expire();
    world.server.hold_watches(std::time::Duration::from_secs(5));
    patch(&deployments, 1, json!({ "status": { "readyReplicas": 99 } })).await;
    world.server.close_watches();
    world.until(30.0).await;
    assert_eq!(world.times(), [0.0]);
    patch(&deployments, 1, json!({ "spec": { "replicas": 2 } })).await;
    world.server.expire();
    world.server.close_watches();
    world.until(40.0).await;
    assert_eq!(
        world.times().len(),
        2,
        "a spec that only a list shows: {:?}",
        world.times()
    );

    let changes = [
        json!({ "spec": { "replicas": 3 } }),
        json!({ "metadata": { "labels": { "a": "b" } } }),
        json!({ "metadata": { "annotations": { "a": "b" } } }),
        json!({ "metadata": { "finalizers": ["example.com/a"] } }),
        json!({ "metadata": { "ownerReferences": null } }),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let before = world.times().len();
        patch(&deployments, 2, change.clone()).await;
        world.until(50.0 + 10.0 * n as f64).await;
        assert_eq!(world.times().len(), before + 1, "{change}");
    }
    let before = world.times().len();
    deployments
        .delete("3", &DeleteParams::default())
        .await
        .expect("deleted");
    world.until(200.0).await;
    assert_eq!(world.times().len(), before + 1, "a child is gone");
}

#[tokio::test(start_paused = true)]
async fn without_the_option_they_do() {
    let (world, requeue, deployments, scalers) = parent().await;
    let client = world.client();
    let controller = world
        .controller(&requeue)
        .owns(
            Api::<Deployment>::default_namespaced(client.clone()),
            watcher::Config::default(),
        )
        .owns(
            Api::<HorizontalPodAutoscaler>::default_namespaced(client),
            watcher::Config::default(),
        );
    world.spawn(controller, &requeue);
    chatter(&world, &deployments, &scalers).await;
    assert!(world.times().len() > 10, "{:?}", world.times());
}

#[tokio::test(start_paused = true)]
async fn a_function_of_the_metadata_decides() {
    let (world, requeue, deployments, _) = parent().await;
    let watched = Api::<PartialObjectMeta<Deployment>>::default_namespaced(world.client());
    let mapper = |_| [ObjectRef::<Thing>::new("a").within("default")];
    let controller =
        world
            .controller(&requeue)
            .watches_when(watched, (), watcher::Config::default(), mapper, |before, now| {
                before.labels.as_ref().and_then(|labels| labels.get("ready"))
                    != now.labels.as_ref().and_then(|labels| labels.get("ready"))
            });
    world.spawn(controller, &requeue);
    world.until(1.0).await;
    patch(&deployments, 1, json!({ "spec": { "replicas": 2 } })).await;
    patch(&deployments, 1, json!({ "metadata": { "labels": { "other": "b" } } })).await;
    world.until(2.0).await;
    assert_eq!(world.times(), [0.0]);
    patch(&deployments, 1, json!({ "metadata": { "labels": { "ready": "yes" } } })).await;
    world.until(3.0).await;
    assert_eq!(world.times(), [0.0, 2.0]);
}

#[tokio::test(start_paused = true)]
async fn a_child_with_other_owners_triggers_whatever_the_function_says() {
    let (world, requeue, deployments, _) = parent().await;
    let watched = Api::<Deployment>::default_namespaced(world.client());
    let controller = world
        .controller(&requeue)
        .owns_when(watched, (), watcher::Config::default(), |_, _| false);
    world.spawn(controller, &requeue);
    world.until(1.0).await;
    patch(&deployments, 1, json!({ "spec": { "replicas": 2 } })).await;
    world.until(2.0).await;
    assert_eq!(world.times(), [0.0]);
    patch(&deployments, 1, json!({ "metadata": { "ownerReferences": null } })).await;
    world.until(3.0).await;
    assert_eq!(world.times(), [0.0, 2.0]);
}
