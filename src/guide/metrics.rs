//! Metrics: what is reconciled, what waits, what fails, and when to alert.
//!
//! With the feature `metrics` they are counted by the facade [metrics](https://docs.rs/metrics), so any exporter serves. Install
//! its recorder [before the first trigger](#the-recorder-comes-before-the-first-trigger). `examples/prometheus` serves them to
//! Prometheus, with a Grafana dashboard and three alerts
//! [that are checked against this table](#dashboard-and-alerts-ask-for-nothing-that-is-not-there):
//!
//! ```sh
//! cargo run -p prometheus
//! ```
//!
//! # The table
//!
//! | metric | type | labels | meaning |
//! |---|---|---|---|
//! | [`requeue_reconciles_total`](#a-reconcile-is-counted-by-its-first-reason) | counter | `kind`, `reason`, `phase` | reconciles, by their first reason and the phase that the status showed |
//! | [`requeue_postponed_total`](#a-trigger-without-a-reconcile-is-counted-by-what-postponed-it) | counter | `kind`, `reason` | triggers that were answered without a reconcile, by the reason |
//! | [`requeue_delay_seconds`](#a-delay-is-recorded-at-the-end-of-each-reconcile-that-has-one) | histogram | `kind`, `phase` | time from the end of a reconcile until the next is due, by the phase that it reported |
//! | [`requeue_max_rate_wait_seconds`](#each-wait-for-max_rate-is-recorded) | histogram | `kind` | time that a due object waits for max_rate |
//! | [`requeue_failing_objects`](#failing-objects-go-up-and-down) | gauge | `kind` | objects that fail and are retried |
//! | [`requeue_failing_seconds`](#how-long-an-object-failed-is-recorded-when-it-is-over) | histogram | `kind` | time that an object had been failing, or given up, when it recovered |
//! | [`requeue_gave_up_total`](#giving-up-is-counted-once) | counter | `kind`, `phase` | objects that were given up, by phase: only a change starts their next reconcile |
//!
//! | label | of | values |
//! |---|---|---|
//! | [`kind`](#no-label-is-an-objects) | all | the object's Kubernetes kind |
//! | [`phase`](#a-reconcile-is-counted-by-its-first-reason) | all that have it | `initializing`, `failed`, `ready` |
//! | [`reason`](#a-reconcile-is-counted-by-its-first-reason) | `requeue_reconciles_total` | `new`, `changed`, `child`, `related`, `requested`, `requested_for_all`, `resumed`, `cut_off`, `due`, `unknown` |
//! | [`reason`](#a-trigger-without-a-reconcile-is-counted-by-what-postponed-it) | `requeue_postponed_total` | `status`, `echo`, `stale_cache`, `rate_limit`, `max_rate`, `paused`, `not_due` |
//!
//! ### The table lists every metric
//!
//! Nothing else is counted. An exporter that supports descriptions shows the same meanings.
//!
//! ### Every series is there from the first trigger on
//!
//! It starts at zero, so `increase` sees the first event. Each kind has 46 series, whatever its controller does.
//!
//! ### No label is an object's
//!
//! Neither its name nor its namespace, so a hundred thousand objects have as many series as one. The log names the object:
//! [at 3 a.m.](super::at_3_am)
//!
//! ### The recorder comes before the first trigger
//!
//! The handles are made then, and kept. A recorder that is installed later sees nothing of this controller.
//!
//! # What is reconciled
//!
//! ### A reconcile is counted by its first reason
//!
//! The reasons are those of [`Reason`](crate::kube::Reason), which the reconciler can [ask for](crate::kube::reasons). A
//! reconcile that has several is counted once, by the one that came first. `unknown` occurs only with
//! [the parts](super::embedding#the-parts-for-a-kuberuntimecontroller-of-your-own). The phase is that of the status when the
//! reconcile starts: if a status never says that the object failed, no reconcile is counted as failed here.
//!
//! ```promql
//! sum by (kind, reason) (rate(requeue_reconciles_total[5m]))
//! ```
//!
//! ### A reconcile that fails is a delay of phase failed
//!
//! Whatever its status says, unless it was given up, which has no delay. So this is how many reconciles fail per second:
//!
//! ```promql
//! sum by (kind) (rate(requeue_delay_seconds_count{phase="failed"}[5m]))
//! ```
//!
//! # What waits
//!
//! ### A trigger without a reconcile is counted by what postponed it
//!
//! - `echo`: the controller's own write came back. It costs no dispatch.
//! - `status`: someone else wrote the status, and neither phase nor fingerprint changed.
//! - `stale_cache`: the cache does not contain the controller's own last write yet.
//! - `rate_limit`: the object has used up its rate limit.
//! - `max_rate`: the object is due, and the fleet's rate is used up.
//! - `paused`: an annotation pauses the object.
//! - `not_due`: a dispatch found nothing to do, such as one that sets a timer. With the parts every echo is one of these.
//!
//! In a healthy controller `echo` is as frequent as its writes. `rate_limit` over minutes means that something triggers an
//! object in a loop:
//!
//! ```promql
//! sum by (kind) (rate(requeue_postponed_total{reason="rate_limit"}[5m])) > 0
//! ```
//!
//! ### A delay is recorded at the end of each reconcile that has one
//!
//! It is the delay that kube-runtime gets: after a failure inside the backoff it is what is left of the backoff. A reconcile
//! that awaits a change has no delay.
//!
//! ```promql
//! histogram_quantile(0.99, sum by (kind, phase, le) (rate(requeue_delay_seconds_bucket[5m])))
//! ```
//!
//! ### Each wait for `max_rate` is recorded
//!
//! It is a histogram, because a gauge would keep the last wait when nothing waits any more. For how long a timer would wait
//! right now, ask [`max_rate_wait`](crate::kube::Requeuer::max_rate_wait).
//!
//! ```promql
//! histogram_quantile(0.99, sum by (kind, le) (rate(requeue_max_rate_wait_seconds_bucket[5m])))
//! ```
//!
//! # What fails
//!
//! ### Failing objects go up and down
//!
//! The gauge is set at the end of each reconcile. An object that was [given up](#giving-up-is-counted-once) is not retried and
//! not counted; one that is paused is. An object that is deleted while it fails leaves the gauge when the next reconcile of
//! any other object ends. Many objects that are retried often are a retry storm:
//!
//! ```promql
//! sum by (kind) (requeue_failing_objects) > 20
//!   and on (kind) sum by (kind) (rate(requeue_delay_seconds_count{phase="failed"}[5m])) > 1
//! ```
//!
//! ### How long an object failed is recorded when it is over
//!
//! Once per outage, when a reconcile reports another phase. An outage that goes on is not in it yet.
//!
//! ### Giving up is counted once
//!
//! Not again when a change has the object retried and it fails as before. Somebody has to look:
//!
//! ```promql
//! sum by (kind) (increase(requeue_gave_up_total[15m])) > 0
//! ```
//!
//! ### Dashboard and alerts ask for nothing that is not there
//!
//! Every expression in them and in this chapter is parsed, and uses only metrics and labels that the table lists.
