//! A status that is written again as it is.

use anyhow::Context as _;
use futures::StreamExt;
use kube::{
    ResourceExt,
    api::{Patch, PatchParams, WatchEvent, WatchParams},
};
use requeue_policy::Phase;
use serde_json::json;

use crate::{
    cluster::Cluster,
    report,
    thing::{Things, things},
};

const WRITES: usize = 100;

/// The API server answers such a patch with the object as it was, and tells nobody.
pub(crate) async fn status_patch_that_changes_nothing(cluster: Cluster) -> anyhow::Result<()> {
    let written = Things::create(cluster.client(), 1).await?;
    let name = &written.names[0];
    let api = things(cluster.client());
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
    written.set_value(name, 1).await?;
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
