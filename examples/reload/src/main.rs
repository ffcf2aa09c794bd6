//! A policy that changes while the controller runs: read again from a ConfigMap, and with each SIGHUP from a file.
//!
//! ```sh
//! cargo run -p reload
//! ```
//!
//! Each scenario is a controller on an API server in memory, in virtual time. What an operator's author would write is in
//! `policy.rs`, `config_map.rs` and `file.rs`; `app.rs` is what they run in.

mod app;
mod config_map;
mod file;
mod policy;
#[cfg(test)]
mod tests;

use std::error::Error;

use crate::app::World;

// One thread with paused time makes every run the same.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().without_time().with_target(false).init();
    println!("A ConfigMap says 10m, from 60 s on 30s, at 130 s \"soon\", at 200 s 1m; at 300 s it is deleted:\n");
    let world = World::new().await?;
    config_map::play(&world).await?;
    println!(
        "{world}\n\nA file says 10m, from 60 s on 30s, with a SIGHUP at 70 s; at 130 s \"soon\", with a SIGHUP:\n"
    );
    let world = World::new().await?;
    file::play(&world).await?;
    println!("{world}");
    Ok(())
}
