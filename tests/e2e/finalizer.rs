//! The helper for finalizers and what a real API server answers to its patches.

use std::sync::Arc;

use anyhow::Context as _;
use cluster::{Cluster, Thing, Things};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use requeue_policy::{Outcome, Phase, kube::finalizer};
use serde_json::json;

const OURS: &str = "example.com/ours";
const THEIRS: &str = "example.com/theirs";

async fn reconcile(api: &Api<Thing>, thing: &Thing) -> kube::Result<Outcome> {
    let apply = async |_| Ok(Phase::Ready);
    finalizer(api, OURS, Arc::new(thing.clone()), apply, async |_| Ok(())).await
}

async fn set(api: &Api<Thing>, name: &str, finalizers: &[&str]) -> kube::Result<Thing> {
    let patch = Patch::Merge(json!({ "metadata": { "finalizers": finalizers } }));
    api.patch(name, &PatchParams::default(), &patch).await
}

pub(crate) async fn a_finalizer_leaves_those_of_others_alone(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), 1).await?;
    let (api, name) = (&things.api, things.names[0].as_str());

    let created = api.get(name).await?;
    reconcile(api, &created).await.context("adding the first one")?;
    let ours = api.get(name).await?;
    anyhow::ensure!(ours.finalizers() == [OURS], "{:?}", ours.finalizers());
    set(api, name, &[THEIRS]).await?;
    // The cache still has none.
    reconcile(api, &created).await.context("adding one beside another")?;
    let both = api.get(name).await?;
    anyhow::ensure!(both.finalizers() == [THEIRS, OURS], "{:?}", both.finalizers());

    api.delete(name, &DeleteParams::default()).await?;
    let deleted = api.get(name).await?;
    set(api, name, &[OURS]).await?;
    // The cache has it at another index.
    reconcile(api, &deleted).await.context("removing it")?;
    anyhow::ensure!(api.get_opt(name).await?.is_none(), "it is there yet");
    reconcile(api, &deleted)
        .await
        .context("removing it from what is gone")?;

    let mut again = Thing::new(name, created.spec.clone());
    again.metadata.finalizers = Some(vec![THEIRS.to_owned(), OURS.to_owned()]);
    api.create(&PostParams::default(), &again).await?;
    reconcile(api, &deleted)
        .await
        .context("removing it from another object")?;
    let again = api.get(name).await?;
    anyhow::ensure!(again.finalizers() == [THEIRS, OURS], "{:?}", again.finalizers());
    set(api, name, &[]).await?;
    Ok(())
}
