//! The objects of the soak, and what a client does to them.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, CustomResourceExt as _, Resource as _,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    book::Kind,
    crd::install_crd,
    thing::{CHILD_KEY, Thing, ThingSpec, children, things, write_child},
};

pub(crate) const OBJECTS: usize = 2000;
/// Where a client leaves the number of its change, in labels and annotations.
pub(crate) const KEY: &str = "soak";
const AT_A_TIME: usize = 8;

/// Every fourth object has a child.
pub(crate) fn has_child(number: usize) -> bool {
    number.is_multiple_of(4)
}

/// Every tenth object fails from time to time; half of these have a child.
pub(crate) fn is_weak(number: usize) -> bool {
    number % 10 == 4 || number % 20 == 15
}

pub(crate) fn with_child() -> usize {
    (0..OBJECTS).filter(|number| has_child(*number)).count()
}

pub(crate) fn name(number: usize) -> String {
    format!("thing-{number}")
}

pub(crate) fn number(name: &str) -> usize {
    let digits = name.trim_start_matches("thing-");
    digits.parse().expect("all objects are named by number")
}

/// What makes an object or its child come or go; the new ones have this value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    DeleteThing,
    DeleteChild,
    CreateThing(i64),
    CreateChild(i64),
}

/// A client that has nothing to do with the controller.
#[derive(Clone)]
pub(crate) struct Objects {
    client: Client,
    things: Api<Thing>,
    children: Api<ConfigMap>,
}

impl Objects {
    /// Teaches the server the kind and creates all objects and their children.
    pub(crate) async fn create(client: Client) -> anyhow::Result<Self> {
        install_crd(&client, &Thing::crd()).await?;
        let objects = Self {
            things: things(client.clone()),
            children: children(client.clone()),
            client,
        };
        let created = stream::iter(0..OBJECTS).map(|number| objects.create_both(number));
        created.buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
        Ok(objects)
    }

    async fn create_both(&self, number: usize) -> Result<(), kube::Error> {
        self.send(number, Request::CreateThing(0)).await?;
        if has_child(number) {
            self.send(number, Request::CreateChild(0)).await?;
        }
        Ok(())
    }

    /// Sends a request, which may have been sent before.
    pub(crate) async fn send(&self, number: usize, request: Request) -> Result<(), kube::Error> {
        let name = name(number);
        let (already, sent) = match request {
            Request::DeleteThing => {
                let deleted = self.things.delete(&name, &DeleteParams::default()).await;
                (404, deleted.map(drop))
            }
            Request::DeleteChild => {
                let deleted = self.children.delete(&name, &DeleteParams::default()).await;
                (404, deleted.map(drop))
            }
            Request::CreateThing(value) => {
                let thing = Thing::new(&name, ThingSpec { value });
                (409, self.things.create(&PostParams::default(), &thing).await.map(drop))
            }
            Request::CreateChild(value) => {
                let child = child_of(&self.things.get(&name).await?, value);
                (
                    409,
                    self.children.create(&PostParams::default(), &child).await.map(drop),
                )
            }
        };
        match sent {
            Err(kube::Error::Api(status)) if status.code == already => Ok(()),
            sent => sent,
        }
    }

    /// Changes what `kind` says.
    pub(crate) async fn change(&self, number: usize, kind: Kind, value: i64) -> Result<(), kube::Error> {
        let name = name(number);
        match kind {
            Kind::Spec | Kind::Creation => self.patch(&name, json!({"spec": {"value": value}})).await,
            Kind::Label => {
                self.patch(&name, json!({"metadata": {"labels": {KEY: value.to_string()}}}))
                    .await
            }
            Kind::Annotation => {
                let annotations = json!({"metadata": {"annotations": {KEY: value.to_string()}}});
                self.patch(&name, annotations).await
            }
            Kind::Child => write_child(&self.children, &name, value).await,
            Kind::Status => {
                let patch = Patch::Merge(json!({"status": {"count": value}}));
                let patched = self.things.patch_status(&name, &PatchParams::default(), &patch).await;
                patched.map(drop)
            }
        }
    }

    async fn patch(&self, name: &str, patch: Value) -> Result<(), kube::Error> {
        let patched = self
            .things
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.map(drop)
    }

    /// Whether the server says that it and its database work.
    pub(crate) async fn are_served(&self) -> bool {
        let request = http::Request::get("/readyz").body(Vec::new());
        let request = request.expect("the path is one");
        self.client.request_text(request).await.is_ok()
    }
}

fn child_of(owner: &Thing, value: i64) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: owner.metadata.name.clone(),
            owner_references: owner.controller_owner_ref(&()).map(|reference| vec![reference]),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(CHILD_KEY.to_owned(), value.to_string())])),
        ..ConfigMap::default()
    }
}
