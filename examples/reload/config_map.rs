//! A policy in a ConfigMap, which a watch follows.

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Api,
    api::DeleteParams,
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::json;
use tracing::warn;

use crate::{
    app::{App, AppSpec},
    policy::Policy,
    stage::Stage,
};

type Error = Box<dyn std::error::Error>;

const NAME: &str = "operator";
const KEY: &str = "requeue.yaml";

/// The text of the policy, each time that the ConfigMap is written. Where it is deleted the last one holds.
fn texts(config_maps: Api<ConfigMap>) -> impl Stream<Item = Result<String, watcher::Error>> {
    let this_one = watcher::Config::default().fields(&format!("metadata.name={NAME}"));
    watcher(config_maps, this_one)
        .default_backoff()
        .applied_objects()
        .try_filter_map(async |config_map| Ok(config_map.data.and_then(|mut data| data.remove(KEY))))
}

async fn follow(policy: Policy, config_maps: Api<ConfigMap>) {
    let mut texts = std::pin::pin!(texts(config_maps));
    while let Some(text) = texts.next().await {
        match text {
            Ok(text) => policy.replace(&text),
            // The watch goes on trying.
            Err(error) => warn!(%error, "the policy is not watched"),
        }
    }
}

async fn start(stage: &Stage) -> Result<(), Error> {
    let config_maps = stage.api::<ConfigMap>();
    let data = config_maps.get(NAME).await?.data.unwrap_or_default();
    let text = data
        .get(KEY)
        .ok_or_else(|| format!("the ConfigMap {NAME} has no {KEY}"))?;
    let (policy, all) = Policy::read(text)?;
    policy.start(stage, all);
    tokio::spawn(follow(policy, config_maps));
    Ok(())
}

async fn write(stage: &Stage, text: &str) -> kube::Result<()> {
    stage.change::<ConfigMap>(NAME, json!({ "data": { KEY: text } })).await
}

/// The policy is replaced, then by one that is refused, then by another one; its ConfigMap is written without a
/// new policy, and deleted.
pub(crate) async fn play(stage: &Stage) -> Result<(), Error> {
    let config_map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some([(KEY.to_owned(), "default: 10m".to_owned())].into()),
        ..ConfigMap::default()
    };
    stage.create(&config_map).await?;
    stage.create(&App::new("app", AppSpec::default())).await?;
    start(stage).await?;
    stage.until(60.0).await;
    write(stage, "default: 30s").await?;
    stage.until(130.0).await;
    write(stage, "default: soon").await?;
    stage.until(200.0).await;
    write(stage, "default: 1m").await?;
    stage.until(250.0).await;
    // Another write, and the same policy.
    let label = json!({ "metadata": { "labels": { "a": "b" } } });
    stage.change::<ConfigMap>(NAME, label).await?;
    stage.until(300.0).await;
    stage.api::<ConfigMap>().delete(NAME, &DeleteParams::default()).await?;
    stage.until(330.0).await;
    Ok(())
}
