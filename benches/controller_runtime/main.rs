//! controller-runtime and kube-rs with this crate on one real API server: `cargo bench --features kube-runtime --bench
//! controller_runtime`, five minutes.
//!
//! 2,000 objects are reconciled every 10 s, by ten workers and with 5 ms of work per run: by controller-runtime with
//! GenerationChangedPredicate and `RequeueAfter`, by the same with a random jitter of ±10 %, and by kube-rs with this
//! crate and the jitter of a fifth that the guide recommends. Each is a process of its own, and they take turns. It
//! ends with a table of what was measured.
//!
//! `INTERVALS=30` looks at thirty intervals after the restart in place of four, `JITTER=0.5` gives this crate another
//! jitter, `CONTROLLERS=requeue-policy` leaves the others out. `-- --test` takes half a minute, and looks only at what
//! runs and what is seen. It needs Go, to build the manager. As with the tests in `tests/e2e`, it shows as ignored
//! without kube-apiserver and etcd.

// Made for the end-to-end tests and the soak; this uses a part of them.
#[path = "../../tests/e2e/assets.rs"]
mod assets;
#[allow(dead_code)]
#[path = "../../tests/e2e/cluster.rs"]
mod cluster;
#[path = "../../tests/e2e/crd.rs"]
mod crd;
#[allow(dead_code)]
#[path = "../../tests/e2e/process.rs"]
mod process;
#[allow(dead_code)]
#[path = "../../tests/soak/requests.rs"]
mod requests;
#[allow(dead_code)]
#[path = "../../tests/e2e/server.rs"]
mod server;
#[path = "../../tests/e2e/text.rs"]
mod text;
#[allow(dead_code)]
#[path = "../../tests/e2e/thing.rs"]
mod thing;
#[path = "../../tests/e2e/trial.rs"]
mod trial;

mod checks;
mod controller;
mod herd;
mod kubeconfig;
mod manager;
mod operator;
mod runs;
mod scenario;
mod settings;
mod table;

use std::{env, process::ExitCode};

use libtest_mimic::Arguments;

use settings::Plan;

fn main() -> ExitCode {
    // The controller is this program again.
    if let [_, mode, settings] = &env::args().collect::<Vec<_>>()[..]
        && mode == operator::MODE
    {
        return operator::main(settings);
    }
    // Without what Cargo adds: the harness knows of no benchmark here, and would ignore all.
    let arguments = Arguments::from_iter(env::args().filter(|argument| argument != "--bench"));
    let short = arguments.test;
    let trials = vec![trial::trial(
        "the_same_objects_in_controller_runtime_and_kube_rs",
        async move |cluster| scenario::compare(cluster, Plan::read(short)?).await,
    )];
    libtest_mimic::run(&arguments, trials).exit_code()
}
