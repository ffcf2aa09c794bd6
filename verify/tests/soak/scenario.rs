//! The course of a soak.

use std::{sync::Arc, time::Duration};

use cluster::{Cluster, Counts, Fault, Kind, Lines, Running, Things};
use requeue_policy::Phase;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    book::{Book, Totals},
    checks,
    churn::Churn,
    controller,
    echoes::{self, Echoes},
    memory::Memory,
    objects::{OBJECTS, has_child, with_child},
    table,
};

/// A quiet time, a fault, and what follows it; room for every fault in two minutes.
const CYCLE: Duration = Duration::from_secs(40);
/// The same where there is time: kube-runtime's watches forget their backoff after two minutes without an error.
const LONG_CYCLE: Duration = Duration::from_secs(180);
const LONG: u64 = 10;
const QUIET: Duration = Duration::from_secs(15);
/// How long a fault may be the cause of a latency: the watches are tried again after delays that grow by chance.
const AFTERWARDS: Duration = Duration::from_secs(18);
const CUT: Duration = Duration::from_secs(6);
/// An outage goes on until the server has started.
const STOPPED: Duration = Duration::from_secs(3);
const STARTING: Duration = Duration::from_secs(180);
const SETTLING: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// What was measured.
pub(crate) struct Measured {
    pub(crate) minutes: u64,
    pub(crate) totals: Totals,
    /// Acknowledged changes that no run saw: object, kind and value.
    pub(crate) unseen: Vec<(usize, Kind, i64)>,
    pub(crate) faults: Vec<(Fault, usize)>,
    /// For how long the controller ran.
    pub(crate) span: Duration,
    pub(crate) cpu: Duration,
    pub(crate) requests: Counts,
    /// Runs that neither a timer nor any of the object's own reasons explains.
    pub(crate) unexplained: u64,
    /// What the controller wrote, and what came back.
    pub(crate) echoes: echoes::Counts,
    /// Runs that only these can have started.
    pub(crate) by_echoes: u64,
    /// Runs of what awaits a change or was given up, by timers that none should have.
    pub(crate) disturbed: u32,
    pub(crate) lines: Lines,
    pub(crate) logged_too_much: Vec<String>,
    pub(crate) memory: Memory,
    /// Where among the samples the cycles began, and the last one ended.
    pub(crate) cycles: Vec<usize>,
}

impl Measured {
    /// The runs that there was a reason for; those that fell together are counted apart.
    pub(crate) fn reasons(&self) -> u64 {
        let totals = &self.totals;
        totals.timers + totals.changes + totals.children + self.listed()
    }

    pub(crate) fn lost(&self, kind: Kind) -> usize {
        self.unseen.iter().filter(|(_, of, _)| *of == kind).count()
    }

    /// The memory of every cycle, in megabytes: the middle one of its samples.
    pub(crate) fn memory_by_cycle(&self) -> anyhow::Result<Vec<f64>> {
        let cycles = self.cycles.windows(2);
        cycles.map(|ends| self.memory.median(ends[0]..ends[1])).collect()
    }

    /// The runs that listing all objects, or all children, allows, the first ones included.
    pub(crate) fn listed(&self) -> u64 {
        self.requests.lists_of_things * OBJECTS as u64 + self.requests.lists_of_children * with_child() as u64
    }
}

pub(crate) async fn soak(cluster: &mut Cluster, minutes: u64) -> anyhow::Result<()> {
    let things = Things::create(cluster.client(), OBJECTS).await?;
    let with_child = things.names.iter().enumerate().filter(|(number, _)| has_child(*number));
    things.create_children(with_child.map(|(_, name)| name)).await?;
    let book = Arc::new(Book::new(OBJECTS));
    let (echoes, _watching) = Echoes::watch(&things);
    let shared = (book.clone(), echoes.clone());
    let run = |client| controller::run(client, shared.0, shared.1);
    let controller = Running::start("soak-controller", cluster, run).await?;
    let memory = Memory::start();
    let initialized = || book.in_phase(Phase::Ready) + book.in_phase(Phase::Failed);
    until(STARTING, || initialized() == OBJECTS).await;
    let so_far = initialized();
    anyhow::ensure!(
        so_far == OBJECTS,
        "only {so_far} objects are initialized after {STARTING:?}"
    );

    let churn = Churn::start(&things, &book);
    let (mut faults, mut cycles) = (Fault::ALL.map(|fault| (fault, 0)).to_vec(), Vec::new());
    let mut next = Instant::now();
    let length = if minutes < LONG { CYCLE } else { LONG_CYCLE };
    let count = minutes * 60 / length.as_secs();
    for cycle in 0..count as usize {
        cycles.push(memory.len());
        sleep_until(next + QUIET).await;
        next += length;
        let (fault, times) = &mut faults[cycle % Fault::ALL.len()];
        *times += 1;
        book.set_disturbed(true);
        let lasts = if *fault == Fault::Cut { CUT } else { STOPPED };
        cluster.strike(*fault, lasts).await?;
        sleep(AFTERWARDS).await;
        book.set_disturbed(false);
        sleep_until(next).await;
    }
    // What comes last is seen while everything ends.
    book.set_disturbed(true);
    cycles.push(memory.len());
    churn.stop().await;
    until(SETTLING, || book.unseen().is_empty()).await;
    let unseen = book.unseen();

    let (requests, lines) = (controller.requests.clone(), controller.lines.clone());
    let (span, cpu) = (controller.started.elapsed(), controller.cpu()?);
    // Before all else is read, so that it belongs together.
    controller.stop().await?;
    let requests = requests.so_far();
    let of_children = |number| u64::from(has_child(number)) * requests.lists_of_children;
    let lists = |number| requests.lists_of_things + of_children(number);
    let measured = Measured {
        minutes,
        totals: book.totals(),
        unseen,
        faults,
        span,
        cpu,
        requests,
        unexplained: book.unexplained(lists),
        echoes: echoes.counts(),
        by_echoes: book.by_echoes(lists),
        disturbed: book.disturbed(),
        logged_too_much: book.logged_too_much(&things.names, &lines),
        lines,
        memory,
        cycles,
    };
    println!("{}", table::table(&measured)?);
    checks::check(&measured)
}

/// Waits for this, if it comes.
async fn until(patience: Duration, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + patience;
    while !is_so() && Instant::now() < deadline {
        sleep(POLL_INTERVAL).await;
    }
}
