//! The controllers of a simulation.

use crate::{
    features::Kinds,
    plan::Children,
    reconciler::{Context, Oops, fails, reconcile},
    things::{AsThing, Things, gadget, parsed},
    world::World,
};
use futures::{FutureExt as _, StreamExt as _, channel::mpsc, future, future::BoxFuture};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, CustomResourceExt as _, Resource,
    api::DynamicObject,
    runtime::{
        controller::{self, Config},
        reflector::ObjectRef,
        watcher,
    },
};
use requeue_policy::{
    Observe as _,
    kube::{Controller, Requeuer},
};
use serde::de::DeserializeOwned;
use std::{fmt::Debug, hash::Hash, sync::Arc};
use verify::Thing;

/// The controllers of a process that use this memory: one for each kind.
pub(crate) fn controllers(world: Arc<World>, memory: usize, requeue: &Requeuer) -> BoxFuture<'static, ()> {
    let client = Client::new(world.server.connect(), "default");
    let config = watcher::Config::default;
    let things = Api::<Thing>::default_namespaced(client.clone());
    let of_dynamic = |resource| {
        let objects = Api::<DynamicObject>::default_namespaced_with(client.clone(), &resource);
        let observe = |object: &DynamicObject| parsed(object.clone()).observe();
        let controller = requeue.controller_with(objects, config(), resource.clone(), observe);
        run(world.clone(), memory, requeue, controller, resource)
    };
    let of_things = || run(world.clone(), memory, requeue, requeue.controller(things, config()), ());
    match world.plan.features.kinds {
        Kinds::One => of_things().boxed(),
        Kinds::Dynamic => of_dynamic(Thing::api_resource()).boxed(),
        Kinds::Two => future::join(of_things(), of_dynamic(gadget())).map(|_| ()).boxed(),
    }
}

fn run<K>(
    world: Arc<World>,
    memory: usize,
    requeue: &Requeuer,
    controller: Controller<K>,
    dyntype: K::DynamicType,
) -> impl Future<Output = ()> + Send + 'static + use<K>
where
    K: AsThing + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Clone + Debug + Eq + Hash + Send + Sync + Unpin,
{
    let client = Client::new(world.server.connect(), "default");
    let children = Api::<ConfigMap>::default_namespaced(client.clone());
    let (requests, requested) = mpsc::unbounded();
    world.hears_requests(requests);
    let controller = controller
        .with_config(Config::default().concurrency(world.plan.features.concurrency))
        .reconcile_all_on(requested);
    let controller = match world.plan.children {
        Children::Unwatched => controller,
        Children::Owns => controller.owns(children, watcher::Config::default()),
        Children::Watches => controller.watches(children, watcher::Config::default(), move |child| {
            owners(&child, &dyntype)
        }),
    };
    let client = requeue.client(client);
    let context = Arc::new(Context {
        memory,
        things: Things::new(&client, world.plan.features.kinds),
        children: Api::default_namespaced(client),
        world: world.clone(),
    });
    let of_error = context.clone();
    let classify = move |oops: &Oops, object: &K| {
        fails(&Arc::new(object.clone()).as_thing(), oops, &of_error);
        oops.retry
    };
    controller
        .run_with(
            move |object: Arc<K>, context| reconcile(object.as_thing(), context),
            classify,
            context,
        )
        .for_each(move |result| {
            match result {
                Err(controller::Error::ObjectNotFound(object)) => world.model().lost(&object.name, world.now()),
                Err(controller::Error::QueueError(error)) => {
                    let expected = format!("no watch error in the stream: {error}");
                    world.model().violate(world.now(), "watch error", "", expected);
                }
                _ => {}
            }
            future::ready(())
        })
}

/// The objects that a child belongs to.
fn owners<K: Resource>(child: &ConfigMap, dyntype: &K::DynamicType) -> Vec<ObjectRef<K>>
where
    K::DynamicType: Clone,
{
    let owners = child.metadata.owner_references.iter().flatten();
    let namespace = child.metadata.namespace.as_deref();
    owners
        .filter_map(|owner| ObjectRef::from_owner_ref(namespace, owner, dyntype.clone()))
        .collect()
}
