//! A policy that changes while the controller runs: read again from a ConfigMap, and with each SIGHUP from a file.
//!
//! ```sh
//! cargo run --features kube-runtime --example reload
//! ```
//!
//! Both are played by a controller on an API server in memory, in virtual time. What an operator's author would write is
//! in `policy.rs`, `config_map.rs` and `file.rs`; the world around it is that of the example `events`.

#[path = "../events/app.rs"]
mod app;
mod config_map;
mod file;
mod policy;
#[path = "../events/stage.rs"]
mod stage;

// The API server that the crate's tests use.
#[path = "../../tests/support/mod.rs"]
mod support;

use std::error::Error;

use tokio::runtime;

use crate::stage::Stage;

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().without_time().with_target(false).init();
    // One thread whose time is paused makes every run the same.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    runtime.block_on(async {
        println!("A ConfigMap says 10m, at 60 s it says 30s, at 130 s soon, at 200 s 1m; at 300 s it is deleted:\n");
        let stage = Stage::new();
        config_map::play(&stage).await?;
        println!("{stage}\n\nA file says 10m, from 60 s on 30s, and at 70 s a SIGHUP tells so; at 130 s it says soon, and a SIGHUP tells that:\n");
        let stage = Stage::new();
        file::play(&stage).await?;
        println!("{stage}");
        Ok(())
    })
}
