//! Do you need this? When kube alone is enough, and when it is not.
//!
//! # When it is not needed
//!
//! ### A predicate and a constant interval end the loop
//!
//! A controller whose only mistake is that its status writes trigger it needs no more than this. It ignores what changes
//! neither the spec nor the finalizers, and reconciles each object every 30 seconds:
//!
#![cfg_attr(feature = "kube-runtime", doc = "```no_run")]
#![cfg_attr(not(feature = "kube-runtime"), doc = "```ignore")]
//! # #[derive(kube::CustomResource, Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! # #[kube(group = "example.com", version = "v1", kind = "App", namespaced)]
//! # struct AppSpec {}
//! # async fn run(apps: kube::Api<App>) {
//! use futures::StreamExt;
//! use kube::runtime::{
//!     Controller, Predicate, PredicateConfig, WatchStreamExt, controller::Action, predicates, reflector, watcher,
//! };
//! use std::{sync::Arc, time::Duration};
//!
//! let (store, writer) = reflector::store();
//! let changes = watcher(apps, watcher::Config::default())
//!     .default_backoff()
//!     .reflect(writer)
//!     .applied_objects()
//!     // Without `finalizers` a new object stays without its first sync.
//!     .predicate_filter(predicates::generation.combine(predicates::finalizers), PredicateConfig::default());
//! Controller::for_stream(changes, store)
//!     .run(
//!         async |_, _| Ok::<_, kube::Error>(Action::requeue(Duration::from_secs(30))),
//!         |_, _, _| Action::requeue(Duration::from_secs(10)),
//!         Arc::new(()),
//!     )
//!     .for_each(async |_| {})
//!     .await;
//! # }
//! ```
//!
//! `for_stream` is in kube's feature `unstable-runtime-stream-control`. With kube 1 and 2 `predicate_filter` takes the
//! predicate only, and does not see an object that is deleted and created again with the same name.
//!
//! It is enough where all of this holds:
//!
//! - The CRD has a status subresource, so a status write leaves the generation alone.
//! - Only its own status triggers the controller: it does not write into its children what is different each time.
//! - Nothing in the status that others write matters before the interval is over, and no annotation asks for a reconcile.
//! - Failures may be retried every ten seconds for ever. There are few objects, so a restart that reconciles all of them
//!   at once does no harm.
//! - The reconciler patches without comparing with what it read.
//!
//! # When it is
//!
//! | you see | because | with this crate |
//! |---|---|---|
//! | a child is written and the owner runs again, without end | [a predicate is about the object itself](#a-predicate-does-not-end-a-loop-through-a-child) | [its own write triggers nothing](super::semantics#a-child-rewritten-in-every-reconcile-triggers-only-its-other-owner) |
//! | an object that cannot succeed costs as much as any other | [the delay after an error is constant](#a-constant-delay-never-gives-up) | [it grows, and ends](super::semantics#past-the-deadline-the-answer-is-await-change) |
//! | the status is wrong until the next interval | the reconciler compared with an older cache | [a reconcile waits for its own last write](super::semantics#a-reconcile-starts-on-a-cache-with-its-own-last-write) |
//! | what a provider writes into the status is noticed late | a predicate drops it | [a phase or fingerprint that changes triggers](super::semantics#a-phase-that-someone-else-writes-is-a-change) |
//! | every relist reconciles every object | a list does not say what changed | [only what changed is reconciled](super::semantics#what-a-relist-shows-unchanged-is-not-reconciled) |
//! | after a restart all objects are due at once, and stay so | they all started together | [jitter by object](super::semantics#jitter-only-shortens), [`max_rate`](super::semantics#a-timer-waits-for-its-place-in-the-fleets-rate) |
//! | one line per failed reconcile | the error policy logs | [one line per transition](super::at_3_am) |
//!
//! ### A predicate does not end a loop through a child
//!
//! `owns` triggers the owner for each write to a child, also for the controller's own. With a child that is different in
//! each reconcile, a checksum of a random order, say, that is a loop, whatever the predicate of the object is.
//!
//! ### A constant delay never gives up
//!
//! Ten seconds after each failure are 8,640 attempts a day for one object. kube leaves what to do about it to the error
//! policy, which sees the error and the object, and must count by itself.
//!
//! # What it costs
//!
//! Two small packages, and two seconds of processor to build. The reconciler must write
//! through [a client of the `Requeuer`](crate::kube::Requeuer::client), whose answers are read once more. Memory for each
//! object and each child, released when they are gone. A type must say [its phase](super::embedding#what-the-status-says).
//!
//! If you need it, [moving an operator over](super::moving_over) says how.
