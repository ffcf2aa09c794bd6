//! What the crate takes for granted of an API server.

use anyhow::Context as _;
use cluster::{Cluster, Kind, Thing, Things, install_crd};
use futures::StreamExt as _;
use kube::{
    Api, CustomResourceExt as _, ResourceExt as _,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
};
use requeue_policy::Phase;
use serde_json::json;

use crate::report;

const WRITES: usize = 100;

/// The API server answers such a patch with the object as it was, and sends no event.
pub(crate) async fn status_patch_that_changes_nothing(cluster: &mut Cluster) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), 1).await?;
    let (name, api) = (&things.names[0], &things.api);
    let patch = Patch::Merge(json!({"status": {"phase": Phase::Ready, "message": "all is well"}}));
    let first = api.patch_status(name, &PatchParams::default(), &patch).await?;
    let version = first.resource_version().context("what is stored has a version")?;

    let events = api.watch(&WatchParams::default(), &version).await?.boxed();
    for _ in 0..WRITES {
        let again = api.patch_status(name, &PatchParams::default(), &patch).await?;
        anyhow::ensure!(again.resource_version().as_ref() == Some(&version), "a new version");
        anyhow::ensure!(again.metadata == first.metadata, "other metadata");
    }
    // What comes after them all shows that there was nothing before.
    things.change(name, Kind::Spec, 1).await?;
    let first_event = events.into_future().await.0.context("the watch ended")??;
    let WatchEvent::Modified(thing) = first_event else {
        anyhow::bail!("{first_event:?}");
    };
    anyhow::ensure!(thing.spec.value == 1, "an event for a patch that changed nothing");
    report(format!(
        "{WRITES} patches that change nothing: no event, no new version"
    ));
    Ok(())
}

/// And the status too, where it is an ordinary part of the object.
pub(crate) async fn generation_counts_the_spec(cluster: &mut Cluster) -> anyhow::Result<()> {
    let mut plain = Thing::crd();
    plain.metadata.name = Some("plains.e2e.example.com".to_owned());
    let names = &mut plain.spec.names;
    (names.kind, names.plural, names.singular) = ("Plain".into(), "plains".into(), Some("plain".into()));
    plain
        .spec
        .versions
        .iter_mut()
        .for_each(|version| version.subresources = None);
    install_crd(&cluster.client(), &plain).await?;

    Things::create(cluster.client(), 0).await?;
    let mut generations = Vec::new();
    for (kind, has_subresource) in [("Thing", true), ("Plain", false)] {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("e2e.example.com", "v1", kind));
        let api = Api::<DynamicObject>::default_namespaced_with(cluster.client(), &kind);
        let object = DynamicObject::new("a", &kind).data(json!({"spec": {"value": 0}}));
        api.create(&PostParams::default(), &object).await?;
        let status = Patch::Merge(json!({"status": {"phase": Phase::Ready}}));
        let written = match has_subresource {
            true => api.patch_status("a", &PatchParams::default(), &status).await?,
            false => api.patch("a", &PatchParams::default(), &status).await?,
        };
        anyhow::ensure!(written.data["status"]["phase"] == json!(Phase::Ready), "{written:?}");
        generations.push(written.metadata.generation);
    }
    report(format!(
        "generation after a status write: {:?} with the subresource, {:?} without",
        generations[0], generations[1]
    ));
    anyhow::ensure!(generations == [Some(1), Some(2)], "{generations:?}");
    Ok(())
}
