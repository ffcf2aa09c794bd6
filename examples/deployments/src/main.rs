//! A controller of a built-in kind: it reminds somebody of rollouts that do not progress.
//!
//! ```sh
//! cargo run -p deployments
//! ```
//!
//! A type of another crate cannot implement `Observe`, so `controller_with` takes a function. The Deployment's own status
//! says since when it is stuck: reminders become rarer with that time, and a restart of the controller does not start them
//! again. A Deployment that is well costs nothing, however often its status is written.
//!
//! What an operator's author would write is in `reminder.rs`. `world.rs` is what it runs in: an API server in memory, in
//! virtual time, and somebody who writes the status of 40 Deployments.

mod reminder;
#[cfg(test)]
mod tests;
mod world;

use std::error::Error;

use crate::world::World;

// One thread with paused time makes every run the same.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "40 Deployments are rolled out. \"app-07\" and \"app-23\" are stuck after 10 min; \"app-23\" is mended after 2 h.\n\
         After 20 min the controller is restarted."
    );
    let world = World::new().await?;
    world.play().await?;
    println!("{world}");
    Ok(())
}
