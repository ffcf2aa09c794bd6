//! Choosing intervals: what they cost, and how late they notice.
//!
//! The example `preview` shows both for a policy file, before it meets a cluster:
//!
//! ```sh
//! cargo run -p preview -- policy.yaml --objects 1000
//! ```
//!
//! # What it costs
//!
//! ### An interval costs one reconcile per object and interval
//!
//! N objects at an interval of I seconds make N × 3600 / I reconciles per hour, and N / I per second. Those that changes
//! start come on top.
//!
//! Reconciles per second of objects that nothing else triggers:
//!
//! | objects | every 10 s | every 30 s | every 5 min | every 10 min | every hour |
//! |---|---|---|---|---|---|
//! | [100](#an-interval-costs-one-reconcile-per-object-and-interval) | 10 | 3.33 | 0.333 | 0.167 | 0.0278 |
//! | [1,000](#an-interval-costs-one-reconcile-per-object-and-interval) | 100 | 33.3 | 3.33 | 1.67 | 0.278 |
//! | [10,000](#an-interval-costs-one-reconcile-per-object-and-interval) | 1,000 | 333 | 33.3 | 16.7 | 2.78 |
//! | [100,000](#an-interval-costs-one-reconcile-per-object-and-interval) | 10,000 | 3,333 | 333 | 167 | 27.8 |
//! | [1,000,000](#an-interval-costs-one-reconcile-per-object-and-interval) | 100,000 | 33,333 | 3,333 | 1,667 | 278 |
//!
//! ### Jitter does not change what an interval costs
//!
//! It moves an object's runs once, towards its slot, and not the rate at which they come: over a day at 30 s an object
//! makes at most one run more.
//!
//! ### A growing interval costs what `max` costs after its first hour
//!
//! From 10 s to 5 min with factor 2, a failing object makes 15 retries in the first hour and 12 in each hour after it,
//! where a constant 10 s makes 360. So choose `max` by what you can pay while everything fails.
//!
//! ### A short first delay costs little where the interval grows
//!
//! With factor 2 and a `max` of 5 min there are 19 retries in the first hour from 1 s, 16 from 5 s and 15 from 10 s.
//! Choose `initial` by how fast a short failure ought to be over, not by its cost.
//!
//! # How many objects one controller carries
//!
//! Three things end it, and each is a number to compare with the
//! [runs per second](#an-interval-costs-one-reconcile-per-object-and-interval) of the table above:
//!
//! | what ends it | carries at most |
//! |---|---|
//! | the [runs](#a-controller-carries-as-many-objects-as-its-runs-leave-time-for) | `(interval + seconds per run) × concurrency / seconds per run` objects |
//! | the [requests](#requests-per-second-are-runs-per-second-times-requests-per-run) | `requests per second × interval / requests per run` objects |
//! | the [memory](#at-most-600-bytes-per-object) | the cache of whole objects, and 600 bytes for each |
//!
//! ### A controller carries as many objects as its runs leave time for
//!
//! Runs per second are at most `concurrency / seconds per run`. With 8 runs at a time of 50 ms each that is 160, so
//! 4,808 objects at 30 s, 96,008 at 10 min and 576,008 at an hour. kube-runtime runs any number at a time unless
//! `controller::Config::concurrency` says how many (5.0, `controller/mod.rs`).
//!
//! ### Beyond that objects run later and the rate stays
//!
//! Twice as many objects as 8 runs at a time carry make no more runs: each is then looked at every 60 s in place of
//! every 30 s. Whatever triggers an object waits in the same queue, so leave room: at half of what it carries, the controller
//! works half of the time.
//!
//! ### Requests per second are runs per second times requests per run
//!
//! A run that reads a child and patches its status makes 2: 10,000 objects at 30 s are 667 requests per second, at 10 min
//! 33.3, and 1,000,000 objects at an hour 556. A run that reads from caches and writes only what differs makes none while
//! nothing changes.
//!
//! ### A limit on requests limits the objects at an interval
//!
//! At 2 requests per run, 5 per second carry 75 objects at 30 s, 1,500 at 10 min and 9,000 at an hour. 5 is client-go's
//! default (0.37.2, `rest/config.go`); kube's client and controller-runtime's have no limit of their own (kube-client 5.0;
//! controller-runtime 0.25.2, `pkg/client/config/config.go`).
//!
//! ### Requests at a time are requests per second times their length
//!
//! 667 requests per second that take 20 ms each are 13.3 at a time. An API server takes 400 that read and 200 that write at
//! a time by default, from all its clients together (kube-apiserver 1.37.2, `MaxRequestsInFlight` and
//! `MaxMutatingRequestsInFlight`).
//!
//! ### At most 600 bytes per object
//!
//! So 1,000,000 objects take 600 MB at most. The controller's own cache holds whole objects, and is what ends it: a
//! Deployment of 2152 bytes of JSON takes 16.1 kB of heap there, 10.0 kB without its `managedFields`, so 1,000,000 of
//! them take 16 GB or 10 GB (kube-runtime 5.0, k8s-openapi 0.29). kube's `WatchStreamExt::modify` drops what nobody reads.
//!
//! # How late it notices
//!
//! ### A change that no event tells is noticed within the interval
//!
//! Half of it on average. So let whatever you can watch trigger the object, and choose the interval by how long what you
//! cannot watch may go unnoticed.
//!
//! ### A recovery is noticed later the longer the outage was, up to `max`
//!
//! At most `initial + (factor − 1) × outage` later: from 10 s to 5 min with factor 2, after an outage of 1 min 70 s
//! later at most, after one of 10 min 5 min later. A smaller factor retries more and notices sooner.
//!
#![doc = include_str!("../../docs/delays.svg")]
//!
//! ### A settled object may be looked at less the longer it is settled
//!
//! Where every change comes as an event and the timer is only the net below. 30 s with factor 1.1 grows to 10 min
//! within 95 min, and from then on costs 6 reconciles per hour in place of 120; what no event shows may then stay
//! unnoticed for 10 min.
//!
//! ### An interval that never comes costs nothing and notices nothing
//!
//! `default: never` makes timers start no reconcile, however many objects there are. Choose it where every change that
//! matters arrives as an event, and remember what it leaves out: a change that only polling can reveal is not picked up
//! before the next change, `reconcile_all_on` or a restart. Where only some objects must be polled, keep `never` and return
//! `Phase::Ready.after(..)` or [`within(..)`](super::semantics#a-success-may-be-due-earlier-than-its-interval) for those.
//!
//! # When to give up
//!
//! ### A deadline ends what an object costs that nobody repairs
//!
//! From 10 s to 5 min with factor 2 and a deadline of 6 h there are 76 retries in all, where without it they are 2,019
//! in a week.
//!
//! ### A deadline leaves a recovery to events
//!
//! Past it no timer looks whether the outage is over. So set one only where a repair is a change of the object, or of
//! something that triggers it; where the cause is elsewhere, as a cloud that is down, rely on `max` instead.
//!
//! # After a restart
//!
//! ### Objects that start together stay together without jitter
//!
//! A restart of the operator reconciles every object at once, and the interval keeps them together: of 1,000 objects at 30 s,
//! started within half a second, 500 start in the same quarter of a second of every interval, 60 times the mean.
//!
//! ### A jitter of a fifth spreads them within ten intervals
//!
//! The fullest quarter of a second in the first, second, fourth and tenth interval after the restart then has 3.9, 3.2,
//! 2.9 and 1.8 times the mean; of 10,000 objects, where chance evens out more, 3.5, 2.4, 1.9 and 1.4
//! times the mean.
//!
#![doc = include_str!("../../docs/herd.svg")]
//!
//! ### A jitter of a half spreads them within two
//!
//! Of 10,000 objects the fullest quarter of a second has 1.7 times the mean in the first interval and 1.4 in the second.
//! The price is a first delay that may be half of what the interval says.
//!
//! # The pictures
//!
//! The pictures of [delays](#a-recovery-is-noticed-later-the-longer-the-outage-was-up-to-max) and of the
//! [herd](#a-jitter-of-a-fifth-spreads-them-within-ten-intervals) are of this policy:
//!
//! ```yaml
#![doc = include_str!("../../docs/policy.yaml")]
//! ```
//!
//! And this drew them, for 1,000 objects:
//!
//! ```sh
//! cargo run -p preview -- docs/policy.yaml --svg docs
//! ```
//!
//! # For the whole fleet
//!
//! ### A rate carries as many objects as it makes runs in an interval
//!
//! At an interval of I seconds `max_rate` carries I × `max_rate` objects: at 30 s a rate of 50 carries 1,500. N objects
//! beyond that run every N / `max_rate` seconds, each in its turn: 10,000 every 200 s, 100,000 every 33 min, and what
//! timers cost stays at 50 runs per second. So choose the rate by what the API server and the cloud can bear, and the
//! interval by how soon you would like to know.
