//! controller-runtime and kube-rs with this crate on one real API server: `cargo bench -p benches --bench
//! controller_runtime`, five minutes.
//!
//! 2,000 objects are reconciled every 10 s, by ten workers and with 5 ms of work per run: by controller-runtime with
//! GenerationChangedPredicate and `RequeueAfter`, by the same with a random jitter of ±10 %, and by kube-rs with this
//! crate and the jitter of a fifth that the guide recommends. Each is a process of its own, and they take turns. It
//! ends with a table of what was measured.
//!
//! `INTERVALS=30` looks at thirty intervals after the restart instead of four, `JITTER=0.5` gives this crate another
//! jitter, `CONTROLLERS=requeue-policy` leaves the others out. `-- --test` takes half a minute, and looks only at what
//! runs and what is seen. It needs Go, to build the manager. Like the tests in `tests/e2e`, it shows as ignored
//! without kube-apiserver and etcd.

mod checks;
mod controller;
mod herd;
mod operator;
mod runs;
mod scenario;
mod settings;
mod table;

use std::{env, process::ExitCode};

use cluster::Trials;
use libtest_mimic::Arguments;

use settings::Plan;

fn main() -> ExitCode {
    // The controller is this program again.
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() == Some(operator::MODE) {
        return operator::main(&arguments.next().unwrap_or_default());
    }
    // Without what Cargo adds: the harness knows of no benchmark here, and would ignore all.
    let arguments = Arguments::from_iter(env::args().filter(|argument| argument != "--bench"));
    let short = arguments.test;
    Trials::default()
        .with(
            "the_same_objects_in_controller_runtime_and_kube_rs",
            async move |cluster| scenario::compare(cluster, Plan::read(short)?).await,
        )
        .run(arguments)
}
