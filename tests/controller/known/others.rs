//! Whose write it is.

use crate::world::{Oops, Thing, World, create_child, ensure_child, patch_status, policy, requeuer, write_status};
use futures::{StreamExt, future::ready};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Resource, ResourceExt,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
    runtime::{reflector::ObjectRef, watcher},
};
use requeue_policy::{
    Observed, Phase,
    kube::{in_reconcile, reasons},
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::sleep;

fn names(world: &World, from: usize) -> Vec<String> {
    let mut names: Vec<_> = world.runs()[from..].iter().map(|run| run.name.clone()).collect();
    names.sort();
    names
}

async fn change_child(children: &Api<ConfigMap>, name: &str) {
    let value = format!("{:?}", tokio::time::Instant::now());
    let patch = Patch::Merge(json!({ "data": { "value": value } }));
    children
        .patch(name, &PatchParams::default(), &patch)
        .await
        .expect("patched");
}

#[tokio::test(start_paused = true)]
async fn a_child_rewritten_in_every_reconcile_triggers_only_its_other_owner() {
    // `a` rewrites its child in every reconcile; `b` owns it, too.
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        if thing.name_any() == "a" {
            let children = Api::<ConfigMap>::default_namespaced(things.into_client());
            change_child(&children, "shared").await;
        }
        Ok::<_, Oops>(Phase::Ready)
    });
    let (a, b) = (world.create("a").await, world.create("b").await);
    let owners = [&a, &b].map(|owner| owner.owner_ref(&()).expect("a reference"));
    let shared = serde_json::from_value(json!({ "metadata": { "name": "shared", "ownerReferences": owners } }));
    let shared: ConfigMap = shared.expect("a ConfigMap");
    world
        .children
        .create(&PostParams::default(), &shared)
        .await
        .expect("created");
    world.start_owning(&requeuer(policy("{ default: 30s }")));
    world.until(10.0).await;
    let before = world.runs().len();
    world.until(40.0).await;
    // At 30 both are due; the write of `a` triggers `b` once more, and not `a`.
    assert_eq!(names(&world, before), ["a", "b", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_another_objects_reconcile_writes_is_a_change() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        if thing.name_any() == "a" && thing.spec.value == 1 {
            patch_status(&things, "b", json!({ "phase": "Failed" })).await;
        }
        Ok::<_, Oops>(Phase::Ready)
    });
    world.create("a").await;
    world.create("b").await;
    patch_status(&world.things, "b", json!({ "phase": "Ready" })).await;
    world.start(policy("{ default: 1h }"));
    world.until(10.0).await;
    let before = world.runs().len();
    world.set_value(1).await;
    world.until(20.0).await;
    assert_eq!(names(&world, before), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_writes_through_the_same_client_is_someone_else() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready));
    let requeue = requeuer(policy("{ default: 1h }"));
    let client = requeue.client(world.client());
    world.create("a").await;
    world.start_with(&requeue);
    world.until(1.0).await;
    let things = Api::<Thing>::default_namespaced(client);
    patch_status(&things, "a", json!({ "phase": "Failed" })).await;
    world.until(2.0).await;
    assert_eq!(world.times(), [0.0, 1.0]);
}

#[tokio::test(start_paused = true)]
async fn a_second_controller_with_the_same_client_sees_the_firsts_writes() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        ensure_child(&things, &thing).await;
        let children = Api::<ConfigMap>::default_namespaced(things.into_client());
        change_child(&children, "a").await;
        Ok::<_, Oops>(Phase::Ready)
    });
    let first = requeuer(policy("{ default: 30s }"));
    let second = requeuer(policy("{ default: 1h }"));
    // Both use the client of the first.
    let client = first.client(world.client());
    let seen = Arc::new(Mutex::new(0));
    let counted = seen.clone();
    world.create("a").await;
    world.start_owning(&first);
    let children = Api::<ConfigMap>::default_namespaced(client.clone());
    let maps = second.controller_with(children, watcher::Config::default(), (), |_| {
        Observed::new(Phase::Ready)
    });
    tokio::spawn(
        maps.run(
            move |_, _| {
                *counted.lock().expect("no test panics here") += 1;
                async { Ok::<_, Oops>(Phase::Ready) }
            },
            Arc::new(client),
        )
        .for_each(|_| ready(())),
    );
    world.until(100.0).await;
    assert_eq!(world.times(), [0.0, 30.0, 60.0, 90.0]);
    // A ConfigMap has no generation, so each write of the first is a change for the second.
    let seen = *seen.lock().expect("no test panics here");
    assert!(seen >= 4, "{seen}");
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_writes_as_someone_else_unless_it_is_carried() {
    for (carried, expected) in [(true, 1), (false, 2)] {
        let world = World::new(move |thing: Arc<Thing>, things: Api<Thing>| async move {
            let is_first = reasons().iter().any(|reason| reason.to_string() == "new");
            let write = async move {
                sleep(Duration::from_millis(100)).await;
                if is_first {
                    let patch = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
                    let patched = things.patch(&thing.name_any(), &PatchParams::default(), &patch).await;
                    patched.expect("patched");
                }
            };
            match carried {
                true => tokio::spawn(in_reconcile(write)),
                false => tokio::spawn(write),
            };
            Ok::<_, Oops>(Phase::Ready)
        });
        world.create("a").await;
        world.start(policy("{ default: 1h }"));
        world.until(10.0).await;
        assert_eq!(world.times().len(), expected, "carried: {carried}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_is_no_write() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
        let dry = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        things.patch(&thing.name_any(), &dry, &patch).await.expect("a dry run");
        Ok::<_, Oops>(Phase::Ready.await_change())
    });
    world.create("a").await;
    world.start(policy("{ default: 30s }"));
    world.until(100.0).await;
    // It is not unsure of what it patched.
    assert_eq!(world.times(), [0.0]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_hides_no_write_that_the_watch_is_yet_to_deliver() {
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
        let dry = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        things.patch(&thing.name_any(), &dry, &patch).await.expect("a dry run");
        Ok::<_, Oops>(Phase::Ready)
    });
    let requeue = requeuer(policy("{ default: 1h }"));
    let thing = world.create("a").await;
    world.start_with(&requeue);
    world.until(9.0).await;
    world.server.set_watch_lag(Duration::from_secs(1));
    world.until(10.0).await;
    world.patch_status(json!({ "phase": "Failed" })).await;
    world.until(10.2).await;
    requeue.nudge(&ObjectRef::from_obj(&thing));
    world.until(20.0).await;
    assert_eq!(world.times(), [0.0, 10.2, 11.0]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_scoped_owner_of_namespaced_children_runs_once_at_a_time() {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Node"));
    let nodes = Api::<DynamicObject>::all_with(world.things.clone().into_client(), &resource);
    let node: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n" },
    }))
    .expect("a node");
    let node = nodes.create(&PostParams::default(), &node).await.expect("created");
    let requeue = requeuer(policy("{ default: 1h }"));
    let running = Arc::new(Mutex::new((0, 0, 0)));
    let counted = running.clone();
    let reconcile = move |_: Arc<DynamicObject>, _: Arc<()>| {
        let counted = counted.clone();
        async move {
            {
                let mut counts = counted.lock().expect("no test panics here");
                counts.0 += 1;
                counts.1 += 1;
                counts.2 = counts.2.max(counts.1);
            }
            sleep(Duration::from_secs(1)).await;
            counted.lock().expect("no test panics here").1 -= 1;
            Ok::<_, Oops>(Phase::Ready)
        }
    };
    let api = Api::<DynamicObject>::all_with(world.client(), &resource);
    let controller = requeue
        .controller_with(api, watcher::Config::default(), resource.clone(), |_| {
            Observed::new(Phase::Ready)
        })
        .owns(
            Api::<ConfigMap>::default_namespaced(world.client()),
            watcher::Config::default(),
        );
    let references = Arc::new(Mutex::new(vec![]));
    let noted = references.clone();
    tokio::spawn(controller.run(reconcile, Arc::new(())).for_each(move |item| {
        let (reference, _) = item.expect("it succeeds");
        noted.lock().expect("no test panics here").push(reference.to_string());
        ready(())
    }));
    world.until(5.0).await;
    let child = serde_json::from_value(json!({ "metadata": { "name": "c", "ownerReferences": [{
        "apiVersion": "v1", "kind": "Node", "name": "n", "uid": node.uid().expect("a uid"),
    }] } }));
    let child: ConfigMap = child.expect("a ConfigMap");
    world
        .children
        .create(&PostParams::default(), &child)
        .await
        .expect("created");
    world.until(5.5).await;
    let patch = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
    nodes
        .patch("n", &PatchParams::default(), &patch)
        .await
        .expect("patched");
    world.until(20.0).await;
    let (runs, _, most) = *running.lock().expect("no test panics here");
    assert_eq!((runs, most), (3, 1));
    // kube's scheduler takes two references for two objects.
    let mut references = references.lock().expect("no test panics here").clone();
    references.dedup();
    assert_eq!(references.len(), 1, "{references:?}");
}

#[tokio::test(start_paused = true)]
async fn a_child_of_each_owner_is_an_echo_for_its_writer_only() {
    // Fifty owners, each with a child that it rewrites in every reconcile.
    let world = World::new(async |thing: Arc<Thing>, things: Api<Thing>| {
        let children = Api::<ConfigMap>::default_namespaced(things.clone().into_client());
        let _ = create_child(&children, &thing).await;
        change_child(&children, &thing.name_any()).await;
        write_status(&thing, &things, Phase::Ready).await;
        Ok::<_, Oops>(Phase::Ready)
    });
    world.server.set_watch_lag(Duration::from_millis(50));
    world.start_owning(&requeuer(policy("{ default: 10s }")));
    world.until(1.0).await;
    for n in 0..50 {
        world.create(&format!("thing-{n}")).await;
    }
    world.until(21.5).await;
    assert_eq!(world.runs().len(), 150);
}
