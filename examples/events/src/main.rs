//! Events from elsewhere: what triggers an object's reconcile besides the object and its children.
//!
//! ```sh
//! cargo run -p events
//! ```
//!
//! Each scenario is a controller on an API server in memory, in virtual time. What an operator's author would write is in
//! `secret.rs`, `webhook.rs` and `channel.rs`; `app.rs` and `world.rs` are what they run in.

mod app;
mod channel;
mod secret;
#[cfg(test)]
mod tests;
mod webhook;
mod world;

use std::error::Error;

use crate::world::World;

// One thread with paused time makes every run the same.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("A Secret that 20 objects refer to is rotated at 10 s and at 20.1 s; 4 of them reconcile at a time:");
    let world = World::new()?;
    secret::play(&world, 20).await?;
    println!("{world}\n\nA webhook is called for \"called\" at 10 s:");
    let world = World::new()?;
    webhook::play(&world).await?;
    println!("{world}\n\nA channel names \"received\" at 5.1 s, during a reconcile:");
    let world = World::new()?;
    channel::play(&world).await?;
    println!("{world}");
    Ok(())
}
