//! The two controllers. They differ in nothing but in when they reconcile.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    runtime::{Controller, controller::Action, watcher},
};
use requeue_policy::kube::Requeuer;
use tracing::warn;

use crate::{
    reconciler::{Context, Error, SELECTOR, reconcile},
    resource::CAPTControlPlane,
};

/// What both controllers watch.
pub(crate) struct Apis {
    planes: Api<CAPTControlPlane>,
    outputs: Api<ConfigMap>,
}

impl Apis {
    /// The control planes of a namespace, and their outputs.
    pub(crate) fn new(client: &Client, namespace: &str) -> Self {
        Self {
            planes: Api::namespaced(client.clone(), namespace),
            outputs: Api::namespaced(client.clone(), namespace),
        }
    }
}

fn watched() -> watcher::Config {
    watcher::Config::default().labels(SELECTOR)
}

/// The controller as it is today.
pub(crate) async fn every_100_ms(apis: Apis, context: Context) {
    const INTERVAL: Duration = Duration::from_millis(100);

    Controller::new(apis.planes, watched())
        .owns(apis.outputs, watched())
        .run(
            async |plane, context| reconcile(plane, context).await.map(|_| Action::requeue(INTERVAL)),
            |plane: Arc<CAPTControlPlane>, error: &Error, _| {
                warn!(object = plane.metadata.name, %error, "failed");
                Action::requeue(INTERVAL)
            },
            Arc::new(context),
        )
        .for_each(|_| async {})
        .await;
}

/// The same controller with this crate.
pub(crate) async fn with_policy(apis: Apis, requeue: Requeuer, context: Context) {
    let context = Context {
        client: requeue.client(context.client),
        ..context
    };
    requeue
        .controller(apis.planes, watched())
        .owns(apis.outputs, watched())
        .run(reconcile, Arc::new(context))
        .for_each(|_| async {})
        .await;
}
