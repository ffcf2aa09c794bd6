//! Defining a kind.

use std::time::Duration;

use anyhow::Context as _;
use http::Request;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::conditions::is_crd_established,
    runtime::wait::Condition as _,
};

use crate::server::until;

const PATIENCE: Duration = Duration::from_secs(30);

/// Applies the definition, whose schema has to be structural, and waits until it is established and objects of its kind can be listed.
pub async fn install_crd(client: &Client, crd: &CustomResourceDefinition) -> anyhow::Result<()> {
    let name = crd.name_any();
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    definitions
        .patch(&name, &PatchParams::apply("e2e").force(), &Patch::Apply(crd))
        .await
        .with_context(|| format!("applying {name}"))?;

    let served = crd.spec.versions.iter().find(|version| version.served);
    let version = &served.context("the definition serves no version")?.name;
    let path = format!("/apis/{}/{version}/{}?limit=1", crd.spec.group, crd.spec.names.plural);
    until(&format!("{name} is not served"), PATIENCE, &mut [], async || {
        let applied = definitions.get(&name).await?;
        anyhow::ensure!(
            is_crd_established().matches_object(Some(&applied)),
            "it is not established"
        );
        let mut conditions = applied
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten());
        anyhow::ensure!(
            conditions.all(|condition| condition.type_ != "NonStructuralSchema"),
            "{:?}",
            applied.status
        );
        // The handler is set up after that, by someone else.
        client.request_text(Request::get(&path).body(Vec::new())?).await?;
        Ok(())
    })
    .await
}
