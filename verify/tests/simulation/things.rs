//! The API of the objects, whatever their kind.

use crate::{
    features::Kinds,
    world::{name, number},
};
use kube::{
    Api, Client, CustomResourceExt as _, Resource,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use std::sync::Arc;
use verify::{Thing, ThingSpec};

/// The objects as one client reads and writes them.
pub(crate) struct Things {
    things: Api<Thing>,
    /// Those with an odd number, if there are two kinds.
    gadgets: Option<Api<DynamicObject>>,
}

/// The second kind: the same under another name.
pub(crate) fn gadget() -> ApiResource {
    ApiResource {
        kind: "Gadget".to_owned(),
        plural: "gadgets".to_owned(),
        ..Thing::api_resource()
    }
}

/// Which kind this object has: 0 or 1.
pub(crate) fn kind(kinds: Kinds, name: &str) -> usize {
    if kinds == Kinds::Two { number(name) % 2 } else { 0 }
}

/// The plurals of the kinds.
pub(crate) const PLURALS: [&str; 2] = ["things", "gadgets"];

/// What a controller holds of an object.
pub(crate) trait AsThing: Resource {
    fn as_thing(self: &Arc<Self>) -> Arc<Thing>;
}

impl AsThing for Thing {
    fn as_thing(self: &Arc<Self>) -> Arc<Thing> {
        self.clone()
    }
}

impl AsThing for DynamicObject {
    fn as_thing(self: &Arc<Self>) -> Arc<Thing> {
        Arc::new(parsed((**self).clone()))
    }
}

/// The object that is behind one whose type is known at run time only.
pub(crate) fn parsed(object: DynamicObject) -> Thing {
    object.try_parse().expect("the server stores what was written")
}

impl Things {
    pub(crate) fn new(client: &Client, kinds: Kinds) -> Self {
        let gadgets = || Api::default_namespaced_with(client.clone(), &gadget());
        Self {
            things: Api::default_namespaced(client.clone()),
            gadgets: (kinds == Kinds::Two).then(gadgets),
        }
    }

    fn gadgets(&self, name: &str) -> Option<&Api<DynamicObject>> {
        self.gadgets.as_ref().filter(|_| number(name) % 2 == 1)
    }

    pub(crate) async fn create(&self, object: usize) -> kube::Result<Thing> {
        let (name, how) = (name(object), PostParams::default());
        let thing = Thing::new(&name, ThingSpec::default());
        match self.gadgets(&name) {
            None => self.things.create(&how, &thing).await,
            Some(gadgets) => {
                let new = DynamicObject::new(&name, &gadget()).data(json!({ "spec": thing.spec }));
                gadgets.create(&how, &new).await.map(parsed)
            }
        }
    }

    pub(crate) async fn get(&self, name: &str) -> kube::Result<Thing> {
        match self.gadgets(name) {
            None => self.things.get(name).await,
            Some(gadgets) => gadgets.get(name).await.map(parsed),
        }
    }

    /// Returns the object where it waits for its finalizers.
    pub(crate) async fn delete(&self, name: &str) -> kube::Result<Option<Thing>> {
        let how = DeleteParams::default();
        match self.gadgets(name) {
            None => Ok(self.things.delete(name, &how).await?.left()),
            Some(gadgets) => Ok(gadgets.delete(name, &how).await?.left().map(parsed)),
        }
    }

    pub(crate) async fn patch(&self, name: &str, patch: Value) -> kube::Result<Thing> {
        let (patch, how) = (Patch::Merge(patch), PatchParams::default());
        match self.gadgets(name) {
            None => self.things.patch(name, &how, &patch).await,
            Some(gadgets) => gadgets.patch(name, &how, &patch).await.map(parsed),
        }
    }

    pub(crate) async fn patch_status(&self, name: &str, patch: Value) -> kube::Result<Thing> {
        let (patch, how) = (Patch::Merge(patch), PatchParams::default());
        match self.gadgets(name) {
            None => self.things.patch_status(name, &how, &patch).await,
            Some(gadgets) => gadgets.patch_status(name, &how, &patch).await.map(parsed),
        }
    }
}
