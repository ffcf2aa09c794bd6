//! Events from elsewhere: what wakes an object besides itself and its children.
//!
//! ```sh
//! cargo run --features kube-runtime --example events
//! ```
//!
//! Each scenario is a controller on an API server in memory, in virtual time, and prints what happens. What an
//! operator's author would write is in `secret.rs`, `webhook.rs` and `channel.rs`; `app.rs` and `stage.rs` are the world
//! around it.

mod app;
mod channel;
mod secret;
mod stage;
mod webhook;

// The API server that the crate's tests use.
#[path = "../../tests/support/mod.rs"]
mod support;

use std::error::Error;

use tokio::runtime;

use crate::stage::Stage;

fn main() -> Result<(), Box<dyn Error>> {
    // One thread whose time is paused makes every run the same.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?;
    runtime.block_on(async {
        println!("A Secret that 20 objects refer to is rotated at 10 s and at 20.1 s; 4 of them run at a time:");
        let stage = Stage::new();
        secret::play(&stage, 20).await?;
        println!("{stage}\n\nA webhook calls for \"called\" at 10 s:");
        let stage = Stage::new();
        webhook::play(&stage).await?;
        println!("{stage}\n\nA channel tells of both objects at 5.1 s, while they run; \"nudged\" is nudged before:");
        let stage = Stage::new();
        channel::play(&stage).await?;
        println!("{stage}");
        Ok(())
    })
}
