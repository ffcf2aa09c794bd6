//! The guide: how to embed the crate, what happens exactly, and what to do at 3 a.m.
//!
//! - [`do_you_need_this`]: when kube alone is enough, and when it is not.
//! - [`embedding`]: a controller from scratch, an existing one in a ten-line diff, and the parts for kube's own `Controller`.
//! - [`moving_over`]: an existing operator: what must go, what stays, what to look for in review, the log and metrics after.
//! - [`semantics`]: every rule in a sentence, with an example.
//! - [`scenarios`]: twelve to predict, with their answers.
//! - [`choosing_intervals`]: what an interval costs, how late it notices, what growth and jitter do.
//! - [`at_3_am`]: symptom, log line, cause, cure.
//! - [`metrics`]: what is counted, and the alerts that follow.
//! - [`coming_from`]: client-go, controller-runtime, Java Operator SDK, kopf, Flux, Crossplane: their knob, ours, the
//!   difference.
//! - [`why`]: the decisions as questions and answers, and the limits.
//!
//! A rule is a heading of the third level. There is a test of the same name for each, and where a rule has an example
//! in text, that test plays it on the real controller. A whole operator is `examples/capt_control_plane`.

pub mod at_3_am;
pub mod choosing_intervals;
pub mod coming_from;
pub mod do_you_need_this;
pub mod embedding;
pub mod metrics;
pub mod moving_over;
pub mod scenarios;
pub mod semantics;
pub mod why;
