//! A controller of kinds that are known at run time only: it deletes objects whose time to live is over.
//!
//! ```sh
//! cargo run -p dynamic
//! cargo run -p dynamic -- example.com/v1/Preview
//! ```
//!
//! Each argument is a kind, `GROUP/VERSION/KIND`, that the API server is asked about. Each kind gets a controller of
//! `DynamicObject`. An object is reconciled when it is created, when it changes and when its time is over: the reconciler
//! returns the exact delay.
//!
//! What an operator's author would write is in `janitor.rs`. `world.rs` is what it runs in: an API server in memory, in
//! virtual time, with 60 objects.

mod janitor;
#[cfg(test)]
mod tests;
mod world;

use std::{env, error::Error};

use crate::world::World;

// One thread with paused time makes every run the same.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut kinds: Vec<_> = env::args().skip(1).collect();
    if kinds.is_empty() {
        kinds = ["example.com/v1/Preview", "example.com/v1/Sandbox"]
            .map(str::to_owned)
            .into();
    }
    println!(
        "60 objects, each with its own time to live; \"preview-05\" is kept longer, \"preview-07\" says \"soon\":"
    );
    let world = World::new().await?;
    world.play(&kinds).await?;
    println!("{world}");
    Ok(())
}
