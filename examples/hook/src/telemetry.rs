//! OpenTelemetry metrics from the hook.

use opentelemetry::{KeyValue, metrics::Meter};
use requeue_policy::{
    Requeue,
    kube::{Decision, Transition},
};

/// Returns a hook that records each decision.
pub(crate) fn recording(meter: &Meter) -> impl Fn(&Decision<'_>) + Send + Sync + use<> {
    let reconciles = meter
        .u64_counter("operator.reconciles")
        .with_description("Reconciles that ended, by kind and by the phase that they reported.")
        .build();
    let delays = meter
        .f64_histogram("operator.requeue_delay")
        .with_unit("s")
        .with_description("How long until the object is due. One that awaits a change is not counted.")
        .build();
    let transitions = meter
        .u64_counter("operator.transitions")
        .with_description("Failures that began, were given up or are over.")
        .build();
    move |decision| {
        let kind = KeyValue::new("kind", decision.kind.to_owned());
        let phase = KeyValue::new("phase", decision.phase.to_string());
        // Without a reason there was no reconcile: an echo moved the timer of the one before.
        if !decision.reasons.is_empty() {
            reconciles.add(1, &[kind.clone(), phase.clone()]);
        }
        if let Requeue::After(delay) = decision.requeue {
            delays.record(delay.as_secs_f64(), &[kind.clone(), phase]);
        }
        let transition = match decision.transition {
            Transition::Failed => "failed",
            Transition::GaveUp(_) => "gave up",
            Transition::Recovered(_) => "recovered",
            _ => return,
        };
        transitions.add(1, &[kind, KeyValue::new("transition", transition)]);
    }
}
