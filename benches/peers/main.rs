//! This crate beside client-go and other Rust crates, on the same work, in turns, as one table:
//! `cargo bench -p benches --bench peers`.
//!
//! Each measurement is made once per round, ours directly before theirs, so that whatever else the machine does hits
//! both. The table shows medians. `PEERS_ROUNDS=<n>` sets the number of rounds, 5 by default. It needs Go.

mod client_go;
mod decision;
mod failures;
mod memory;
mod table;

use anyhow::Context as _;
use benches::is_test;
use client_go::ClientGo;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{alloc::System, env, io::Write as _};
use table::Line;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How much work is done.
#[derive(Clone, Copy)]
struct Size {
    /// One object, many, and very many.
    objects: [usize; 3],
    calls: usize,
    rounds: usize,
}

impl Size {
    fn new() -> anyhow::Result<Self> {
        if is_test() {
            // That it works, and nothing of time.
            return Ok(Self {
                objects: [1, 100, 1000],
                calls: 1000,
                rounds: 1,
            });
        }
        let rounds = env::var("PEERS_ROUNDS").unwrap_or_else(|_| "5".to_owned());
        Ok(Self {
            objects: [1, 100_000, 1_000_000],
            calls: 1_000_000,
            rounds: rounds
                .parse()
                .ok()
                .filter(|rounds| *rounds > 0)
                .with_context(|| format!("PEERS_ROUNDS: {rounds:?} is not allowed, it must be a number above 0"))?,
        })
    }
}

fn main() -> anyhow::Result<()> {
    let size = Size::new()?;
    let client_go = ClientGo::start()?;
    let fleet = failures::Fleet::new(size)?;
    let lines: Vec<Line> = decision::lines().into_iter().chain(fleet.lines(&client_go)).collect();
    for round in 1..=size.rounds {
        eprint!("\rround {round} of {} ", size.rounds);
        std::io::stderr().flush()?;
        for line in &lines {
            line.measure(round)?;
        }
    }
    eprintln!();
    table::print(&lines);
    drop(lines);
    // Last, because time stands still in it, and from then on tokio's clock is slower to read.
    memory::print(&fleet.into_objects(), &client_go, size)
}
