//! A real kube-apiserver and etcd on loopback, and what the tests and benches on them share.
//!
//! ```no_run
//! # use cluster::{Cluster, Things, Trials};
//! async fn three_objects(cluster: &mut Cluster) -> anyhow::Result<()> {
//!     let things = Things::create(cluster.client(), 3).await?;
//!     anyhow::ensure!(things.api.list(&Default::default()).await?.items.len() == 3);
//!     Ok(())
//! }
//!
//! let tests = Trials::default().with("three_objects", three_objects);
//! tests.run(libtest_mimic::Arguments::from_args());
//! ```
//!
//! kube-apiserver and etcd come from `KUBEBUILDER_ASSETS`, or else are built with Go, once. Without either a test shows
//! as ignored, with the reason; `E2E_REQUIRED=1` makes that a failure. Linux only: it reads `/proc`.

mod assets;
mod cluster;
mod crd;
mod go;
mod histogram;
mod lines;
mod process;
mod requests;
mod running;
mod server;
mod thing;
mod trials;

pub use cluster::{Cluster, Fault, config};
pub use crd::install_crd;
pub use go::{go_build, go_runs, target_folder};
pub use histogram::Histogram;
pub use lines::{Line, Lines};
pub use process::{cpu_of_process, cpu_of_threads};
pub use requests::{Counts, Requests};
pub use running::{Running, Trouble};
pub use thing::{Change, Kind, Thing, ThingSpec, ThingStatus, Things};
pub use trials::Trials;
