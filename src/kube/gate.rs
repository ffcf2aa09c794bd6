//! From a dispatch to its answer: what the controller and the parts do alike.

use super::{action, kube_core::Resource, kube_runtime::controller::Action, object};
use crate::{
    Observed, Outcome,
    engine::{
        Engine,
        dispatch::{Admission, Reconcile},
    },
};
use std::sync::Arc;

/// Decides on a dispatch of this object. `guesses` in a controller that does not say what its triggers are for.
pub(super) fn admit<K: Resource>(
    engine: &Arc<Engine>,
    kind: &str,
    object: &K,
    observed: &Observed,
    guesses: bool,
) -> Admission {
    let meta = object.meta();
    let annotations = meta.annotations.as_ref();
    let sight = object::sight(meta, observed, engine.overridden(annotations));
    engine.admit(
        object::id(object, kind),
        object::key(meta),
        &sight,
        annotations,
        guesses,
    )
}

/// Runs a reconcile to its end; an error is then due at the error policy.
pub(super) async fn conclude<K: Resource, O: Into<Outcome>, E>(
    engine: &Engine,
    kind: &str,
    object: &K,
    reconcile: Reconcile,
    future: impl Future<Output = Result<O, E>>,
) -> Result<Action, E> {
    match reconcile.run(future).await {
        Ok(outcome) => {
            let requeue = engine.succeeded(object::id(object, kind), reconcile, outcome.into());
            Ok(action(requeue))
        }
        Err(error) => {
            engine.erred(reconcile);
            Err(error)
        }
    }
}
