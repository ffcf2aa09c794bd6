//! Teaching the API server a kind.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
    runtime::conditions::is_crd_established,
    runtime::wait::Condition as _,
};
use tokio::time::sleep;

const DEADLINE: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_millis(50);

/// Applies the definition and waits until it is established and objects of its kind can be listed.
pub(crate) async fn install_crd(client: &Client, crd: &CustomResourceDefinition) -> anyhow::Result<()> {
    let name = crd.name_any();
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    definitions
        .patch(&name, &PatchParams::apply("e2e").force(), &Patch::Apply(crd))
        .await
        .with_context(|| format!("applying {name}"))?;

    let objects = Api::<DynamicObject>::all_with(client.clone(), &served_resource(crd)?);
    until(&format!("{name} is not served"), async || {
        let applied = definitions.get(&name).await?;
        anyhow::ensure!(
            is_crd_established().matches_object(Some(&applied)),
            "it is not established"
        );
        // The handler is set up after that, by someone else.
        objects.list(&ListParams::default().limit(1)).await?;
        Ok(())
    })
    .await
}

fn served_resource(crd: &CustomResourceDefinition) -> anyhow::Result<ApiResource> {
    let spec = &crd.spec;
    let version = spec
        .versions
        .iter()
        .find(|version| version.served)
        .context("the definition serves no version")?;
    let kind = GroupVersionKind::gvk(&spec.group, &version.name, &spec.names.kind);
    Ok(ApiResource::from_gvk_with_plural(&kind, &spec.names.plural))
}

async fn until(otherwise: &str, mut check: impl AsyncFnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match check().await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("{otherwise} after {DEADLINE:?}")));
            }
            Err(_) => sleep(INTERVAL).await,
        }
    }
}
