//! The objects: what a small custom resource holds, once the API server has stored it.

use kube::{CustomResource, core::ObjectMeta};
use requeue_policy::{Observe, Observed, Phase};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// No benchmark reads the spec.
#[derive(CustomResource, Clone, Debug, Serialize, Deserialize)]
#[kube(
    group = "example.com",
    version = "v1",
    kind = "Workload",
    namespaced,
    status = "WorkloadStatus",
    schema = "disabled"
)]
pub struct WorkloadSpec {}

/// The status of a workload.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WorkloadStatus {
    phase: Phase,
}

impl Workload {
    /// The key that a memory knows the object by.
    pub fn uid(&self) -> &String {
        self.metadata.uid.as_ref().expect("a stored object has a uid")
    }
}

impl Observe for Workload {
    fn observe(&self) -> Observed {
        Observed::new(self.status.map_or(Phase::Initializing, |status| status.phase))
    }
}

/// The error of a reconcile.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it fails")]
pub struct Oops;

/// A reconciler.
pub async fn fails(_: Arc<Workload>, _: Arc<()>) -> Result<Phase, Oops> {
    Err(Oops)
}

/// A reconciler.
pub async fn succeeds(_: Arc<Workload>, _: Arc<()>) -> Result<Phase, Oops> {
    Ok(Phase::Ready)
}

/// So many objects, in order.
pub fn objects(count: usize) -> Vec<Arc<Workload>> {
    (0..count).map(|n| Arc::new(object(n))).collect()
}

fn object(n: usize) -> Workload {
    let bits = Random(n as u64).next();
    Workload {
        metadata: ObjectMeta {
            uid: Some(format!("{:08x}-{:04x}-4e1d-9a07-{n:012x}", bits >> 32, bits & 0xffff)),
            name: Some(format!("workload-{n:07}")),
            namespace: Some(format!("namespace-{:02}", n % 100)),
            resource_version: Some(format!("{}", 1_000_000 + n)),
            generation: Some(1),
            ..ObjectMeta::default()
        },
        spec: WorkloadSpec {},
        status: Some(WorkloadStatus { phase: Phase::Failed }),
    }
}

/// The same objects after their status was written.
pub fn written(objects: &[Arc<Workload>]) -> Vec<Arc<Workload>> {
    let later = |object: &Arc<Workload>| {
        let mut object = Workload::clone(object);
        object.metadata.resource_version = object.metadata.resource_version.map(|version| format!("{version}9"));
        Arc::new(object)
    };
    objects.iter().map(later).collect()
}

/// The first so many of the objects, in an order that no cache foresees, and that is the same in every run.
pub fn in_random_order(objects: &[Arc<Workload>], count: usize) -> Vec<Arc<Workload>> {
    let mut order: Vec<_> = objects.iter().take(count).cloned().collect();
    let mut random = Random(1);
    for last in (1..order.len()).rev() {
        order.swap(last, (random.next() % (last as u64 + 1)) as usize);
    }
    order
}

/// Reads the uid and the resource version, which no decision about an object can do without.
pub fn touch(object: &Workload) -> u64 {
    let read = |text: &Option<String>| {
        text.as_deref()
            .map_or(0, |text| text.bytes().map(u64::from).sum::<u64>())
    };
    read(&object.metadata.uid) + read(&object.metadata.resource_version)
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
