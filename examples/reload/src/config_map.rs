//! A policy in a ConfigMap, which a watch follows.

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::{Value, json};
use tracing::warn;

use crate::{app::World, policy::Policy};

type Error = Box<dyn std::error::Error>;

const NAME: &str = "operator";
const KEY: &str = "requeue.yaml";

/// The text of the policy, each time that the ConfigMap is written. If it is deleted, the last policy stays.
fn texts(config_maps: Api<ConfigMap>) -> impl Stream<Item = Result<String, watcher::Error>> {
    let this_one = watcher::Config::default().fields(&format!("metadata.name={NAME}"));
    watcher(config_maps, this_one)
        .default_backoff()
        .applied_objects()
        .try_filter_map(async |config_map| Ok(config_map.data.and_then(|mut data| data.remove(KEY))))
}

async fn follow(mut policy: Policy, config_maps: Api<ConfigMap>) {
    let mut texts = std::pin::pin!(texts(config_maps));
    while let Some(text) = texts.next().await {
        match text {
            Ok(text) => policy.replace(&text),
            // The watch goes on trying.
            Err(error) => warn!(%error, "the policy is not watched"),
        }
    }
}

async fn start(world: &World) -> Result<(), Error> {
    let data = world.config_maps.get(NAME).await?.data.unwrap_or_default();
    let text = data
        .get(KEY)
        .ok_or_else(|| format!("the ConfigMap {NAME} has no {KEY}"))?;
    let (policy, all) = Policy::read(text)?;
    policy.start(world, all);
    tokio::spawn(follow(policy, world.config_maps.clone()));
    Ok(())
}

async fn change(world: &World, patch: Value) -> kube::Result<()> {
    let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
    world.config_maps.patch(NAME, &params, &patch).await.map(drop)
}

async fn write(world: &World, text: &str) -> kube::Result<()> {
    change(world, json!({ "data": { KEY: text } })).await
}

/// The policy is replaced, then by one that is refused, then by a third; its ConfigMap is written with the same policy,
/// and deleted.
pub(crate) async fn play(world: &World) -> Result<(), Error> {
    let config_map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some([(KEY.to_owned(), "default: 10m".to_owned())].into()),
        ..ConfigMap::default()
    };
    world.config_maps.create(&PostParams::default(), &config_map).await?;
    start(world).await?;
    world.until(60).await;
    write(world, "default: 30s").await?;
    world.until(130).await;
    write(world, "default: soon").await?;
    world.until(200).await;
    write(world, "default: 1m").await?;
    world.until(250).await;
    change(world, json!({ "metadata": { "labels": { "a": "b" } } })).await?;
    world.until(300).await;
    world.config_maps.delete(NAME, &DeleteParams::default()).await?;
    world.until(330).await;
    Ok(())
}
