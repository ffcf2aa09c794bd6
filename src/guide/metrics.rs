//! Metrics: what runs, what waits, what fails, and what should wake somebody.
//!
//! With the feature `metrics` they are counted by the facade [metrics](https://docs.rs/metrics), so that any exporter
//! serves; [it is installed before the first trigger](#the-recorder-comes-before-the-first-trigger).
//! `examples/prometheus` serves them to Prometheus, with a Grafana dashboard and three alerts
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
//! | [`requeue_runs_total`](#a-run-is-counted-by-what-started-it) | counter | `kind`, `trigger`, `phase` | runs, by what started them and the phase that the status said then |
//! | [`requeue_postponed_total`](#a-trigger-without-a-run-is-counted-by-what-postponed-it) | counter | `kind`, `reason` | triggers that were answered without a run, by the reason |
//! | [`requeue_delay_seconds`](#a-delay-is-recorded-at-the-end-of-each-run-that-has-one) | histogram | `kind`, `phase` | time from the end of a run until the next is due, by the phase that the run reported |
//! | [`requeue_max_rate_wait_seconds`](#each-wait-for-max_rate-is-recorded) | histogram | `kind` | time that a timer has to wait for its place in max_rate |
//! | [`requeue_failing_objects`](#failing-objects-go-up-and-down) | gauge | `kind` | objects that fail and are tried again |
//! | [`requeue_failing_seconds`](#how-long-an-object-failed-is-recorded-when-it-is-over) | histogram | `kind` | time that an object had been failing, or given up, when it recovered |
//! | [`requeue_gave_up_total`](#giving-up-is-counted-once) | counter | `kind`, `phase` | objects that were given up, by phase: only a change starts their next run |
//!
//! | label | values |
//! |---|---|
//! | [`kind`](#no-label-is-an-objects) | the name of the object's Rust type |
//! | [`phase`](#a-run-is-counted-by-what-started-it) | `initializing`, `failed`, `ready` |
//! | [`trigger`](#a-run-is-counted-by-what-started-it) | `due`, `new`, `change`, `news`, `other`, `held` |
//! | [`reason`](#a-trigger-without-a-run-is-counted-by-what-postponed-it) | `status`, `rate_limit`, `max_rate`, `paused` |
//!
//! ### The table lists every metric
//!
//! Nothing else is counted, and an exporter that has a place for it gives the same meaning.
//!
//! ### Every series is there from the first trigger on
//!
//! At zero, so that `increase` sees the first event; a controller has 31, whatever it does.
//!
//! ### No label is an object's
//!
//! Neither name nor namespace, so a hundred thousand objects have as many series as one. Which object it is says the log:
//! [at 3 a.m.](super::at_3_am)
//!
//! ### The recorder comes before the first trigger
//!
//! The handles are made then and kept: a recorder that is installed later sees nothing of this controller.
//!
//! # What runs
//!
//! ### A run is counted by what started it
//!
//! `due`: its time came. `new`: it was not remembered, after a restart say. `change`: it changed in more than its
//! status. `news`: a related object, or [`nudge`](crate::kube::Requeuer::nudge). `held`: what the rate limit or a pause had
//! held back, or a run that was cut off. `other`: a trigger without any of these, of a plain `owns` say. The phase is
//! what the status says as the run starts; a status that never says failed counts no run as failed here.
//!
//! ```promql
//! sum by (kind, trigger) (rate(requeue_runs_total[5m]))
//! ```
//!
//! ### A run that fails is a delay of phase failed
//!
//! Whatever its status says, unless it was given up, which has no delay. So this is how many runs fail in a second:
//!
//! ```promql
//! sum by (kind) (rate(requeue_delay_seconds_count{phase="failed"}[5m]))
//! ```
//!
//! # What waits
//!
//! ### A trigger without a run is counted by what postponed it
//!
//! `status`: only the status was written, and it is not due. `rate_limit`: the object has used up its own.
//! `max_rate`: a timer found the fleet's used up. `paused`: an annotation says so; a timer asks again now and then, lest
//! the object is forgotten. Own status writes that come back are what `status` counts in a healthy controller; `rate_limit` over minutes is a hot loop that something has brought back:
//!
//! ```promql
//! sum by (kind) (rate(requeue_postponed_total{reason="rate_limit"}[5m])) > 0
//! ```
//!
//! ### A delay is recorded at the end of each run that has one
//!
//! As it is asked of the `Controller`: a failure inside the backoff has what is left of it. A run that awaits a change
//! has none.
//!
//! ```promql
//! histogram_quantile(0.99, sum by (kind, phase, le) (rate(requeue_delay_seconds_bucket[5m])))
//! ```
//!
//! ### Each wait for `max_rate` is recorded
//!
//! A histogram and no gauge, for a gauge would keep the last wait when none waits any more. What a timer would wait
//! for right now says [`max_rate_wait`](crate::kube::Requeuer::max_rate_wait).
//!
//! ```promql
//! histogram_quantile(0.99, sum by (kind, le) (rate(requeue_max_rate_wait_seconds_bucket[5m])))
//! ```
//!
//! # What fails
//!
//! ### Failing objects go up and down
//!
//! Set at the end of each run, to how many of those that are remembered fail. So one that is deleted while it fails
//! counts until it is forgotten: when it has not come back for the policy's longest interval (at least a minute), and
//! then within as long again, or within 256 moments at which something runs where those take longer. One that was [given
//! up](#giving-up-is-counted-once) is not tried again, and not among them; one that is paused is. Many that are tried again and again are a retry storm:
//!
//! ```promql
//! sum by (kind) (requeue_failing_objects) > 20
//!   and on (kind) sum by (kind) (rate(requeue_delay_seconds_count{phase="failed"}[5m])) > 1
//! ```
//!
//! ### How long an object failed is recorded when it is over
//!
//! Once for an outage, at the run that reports another phase; an outage that goes on is not in it yet.
//!
//! ### Giving up is counted once
//!
//! Not again when it is tried because of a change and fails as before, as long as it is remembered or its status says
//! since when it fails. Somebody has to look:
//!
//! ```promql
//! sum by (kind) (increase(requeue_gave_up_total[15m])) > 0
//! ```
//!
//! ### Dashboard and alerts ask for nothing that is not there
//!
//! Every expression in them and in this chapter is parsed, and has no metric and no label that the table has not.
