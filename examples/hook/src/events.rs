//! A Kubernetes Event from the hook when an object is given up: `kubectl describe` shows it.

use futures::{
    Stream, StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
};
use kube::{
    Client, Resource,
    runtime::{
        events::{Event, EventType, Recorder, Reporter},
        reflector::{ObjectRef, Store},
    },
};
use requeue_policy::kube::{Decision, Transition};

use crate::app::App;

/// An object that was given up, and why.
pub(crate) type GivenUp = (ObjectRef<App>, String);

/// Returns a hook, and what it hears of. The hook must be quick, so what it hears is published by a task of its own.
pub(crate) fn given_up() -> (impl Fn(&Decision<'_>) + Send + Sync, UnboundedReceiver<GivenUp>) {
    let (sender, receiver): (UnboundedSender<GivenUp>, _) = unbounded();
    let hook = move |decision: &Decision<'_>| {
        if let Transition::GaveUp(_) = decision.transition {
            let object = ObjectRef::new(decision.name).within(decision.namespace.unwrap_or_default());
            let why = decision
                .error
                .map_or_else(|| decision.phase.to_string(), ToString::to_string);
            // It fails only when the program ends.
            let _ = sender.unbounded_send((object, why));
        }
    };
    (hook, receiver)
}

/// Publishes an Event for each. `apps` is the controller's store, which knows the uid that an Event needs.
pub(crate) async fn publish(client: Client, apps: Store<App>, mut given_up: impl Stream<Item = GivenUp> + Unpin) {
    let recorder = Recorder::new(client, Reporter::from("app-operator"));
    while let Some((object, why)) = given_up.next().await {
        let Some(app) = apps.get(&object) else { continue };
        let event = Event {
            type_: EventType::Warning,
            reason: "GaveUp".to_owned(),
            note: Some(format!("Not tried again before something changes: {why}")),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, &app.object_ref(&())).await {
            eprintln!("an Event about {object} was not published: {error}");
        }
    }
}
