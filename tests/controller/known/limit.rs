//! The rate limit per object, where a healthy object would feel it.

use crate::world::{Oops, Thing, World, policy, ready, requeuer};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    runtime::watcher,
};
use requeue_policy::Phase;
use serde_json::json;
use tracing::Level;

#[tokio::test(start_paused = true)]
async fn a_shorter_rate_limit_owes_nothing_to_the_longer_one() {
    let world = World::new(ready);
    world.create("a").await;
    world.create("b").await;
    let requeue = requeuer(policy("{ default: 24h, rate_limit: { burst: 1, every: 1h } }"));
    world.start_with(&requeue);
    world.until(5.0).await;
    world.set_value(1).await;
    world.until(10.0).await;
    let shorter = policy("{ default: 24h, rate_limit: { burst: 1, every: 10s } }");
    requeue.set_policy(shorter).expect("it is valid");
    world.until(15.0).await;
    world.set_value(2).await;
    let patch = Patch::Merge(json!({ "spec": { "value": 1 } }));
    let patched = world.things.patch("b", &PatchParams::default(), &patch).await;
    patched.expect("patched");
    world.until(4000.0).await;
    // What the old limit held back is reconciled when it is replaced; from then on the new pace holds.
    assert_eq!(world.times(), [0.0, 10.0, 20.0]);
    assert_eq!(world.times_of("b"), [0.0, 15.0]);
}

/// Pods of one parent, from outside.
async fn create_pods(client: &Client, parent: &Thing, count: usize) {
    let pods = Api::<Pod>::default_namespaced(client.clone());
    let owner = parent.owner_ref(&()).expect("a reference");
    for n in 0..count {
        let name = format!("{}-{n}", parent.name_any());
        let pod = json!({ "metadata": { "name": name, "ownerReferences": [owner] }, "spec": { "containers": [] } });
        let pod: Pod = serde_json::from_value(pod).expect("a Pod");
        pods.create(&PostParams::default(), &pod).await.expect("created");
    }
}

async fn becomes_ready(client: &Client, name: &str) {
    let pods = Api::<Pod>::default_namespaced(client.clone());
    let patch = Patch::Merge(json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } }));
    let patched = pods.patch_status(name, &PatchParams::default(), &patch).await;
    patched.expect("patched");
}

/// Ten parents, each with so many Pods that become ready one after the other; when "a" was reconciled since then.
async fn rollout(count: usize, apart: f64) -> (World, Vec<f64>) {
    let world = World::new(async |_, _| Ok::<_, Oops>(Phase::Ready.await_change()));
    let outside = world.things.clone().into_client();
    let parents = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    for name in parents {
        let parent = world.create(name).await;
        create_pods(&outside, &parent, count).await;
    }
    let requeue = requeuer(policy("{}"));
    let pods = Api::<Pod>::default_namespaced(world.client());
    let controller = world.controller(&requeue).owns(pods, watcher::Config::default());
    world.spawn(controller, &requeue);
    for n in 0..count {
        world.until(10.0 + n as f64 * apart).await;
        for name in parents {
            becomes_ready(&outside, &format!("{name}-{n}")).await;
        }
    }
    world.until(100.0).await;
    let times = world.times();
    for name in parents {
        assert_eq!(world.times_of(name), times, "{name} waited for another parent");
    }
    let since = times.into_iter().filter(|time| *time >= 10.0).collect();
    (world, since)
}

#[tokio::test(start_paused = true)]
async fn no_parent_of_sixteen_pods_that_become_ready_is_throttled() {
    let (world, times) = rollout(16, 0.25).await;
    let ready: Vec<_> = (0..16).map(|n| 10.0 + f64::from(n) * 0.25).collect();
    assert_eq!(times, ready);
    assert_eq!(world.lines.of(Level::WARN), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_parent_of_fifty_pods_waits_a_second_at_most() {
    let (world, times) = rollout(50, 0.1).await;
    for n in 0..50 {
        let ready = 10.0 + f64::from(n) * 0.1;
        let seen = times.iter().find(|time| **time >= ready - 0.005);
        assert!(
            seen.is_some_and(|seen| seen - ready <= 1.01),
            "{ready} is not in {times:?}"
        );
    }
    // The burst, and one for each second.
    assert!((30..=37).contains(&times.len()), "{times:?}");
    assert_eq!(world.lines.of(Level::WARN), [""; 0]);
}
