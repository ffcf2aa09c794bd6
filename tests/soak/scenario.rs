//! The course of a soak.

use std::{sync::Arc, time::Duration};

use requeue_policy::Phase;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    book::{Book, Kind, Totals},
    checks,
    churn::Churn,
    cluster::Cluster,
    controller::Running,
    faults::Fault,
    memory::{Memory, Samples},
    objects::{OBJECTS, Objects, has_child, with_child},
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
    pub(crate) lists_of_things: u64,
    pub(crate) lists_of_children: u64,
    pub(crate) watches: u64,
    pub(crate) requests: u64,
    pub(crate) writes: u64,
    /// Runs that neither a timer nor any of the object's own reasons explains.
    pub(crate) unexplained: u64,
    pub(crate) lines: [u64; 3],
    pub(crate) loops: u64,
    pub(crate) told_too_much: Vec<String>,
    pub(crate) memory: Samples,
    /// Where among the samples the cycles began, and the last one ended.
    pub(crate) cycles: Vec<usize>,
}

impl Measured {
    /// The runs that there was a reason for; those that fell together are counted apart.
    pub(crate) fn reasons(&self) -> u64 {
        let totals = &self.totals;
        totals.timers + totals.changes + totals.news + self.listed()
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
        self.lists_of_things * OBJECTS as u64 + self.lists_of_children * with_child() as u64
    }
}

pub(crate) async fn soak(mut cluster: Cluster, minutes: u64) -> anyhow::Result<()> {
    let objects = Objects::create(cluster.client()).await?;
    let book = Arc::new(Book::new(OBJECTS));
    let controller = Running::start(cluster.config().await?, book.clone())?;
    let memory = Memory::start();
    all_ready(&book).await?;

    let churn = Churn::start(&objects, &book);
    let (mut faults, mut cycles) = (Fault::ALL.map(|fault| (fault, 0)).to_vec(), Vec::new());
    let mut next = Instant::now();
    let length = if minutes < LONG { CYCLE } else { LONG_CYCLE };
    let count = minutes * 60 / length.as_secs();
    for cycle in 0..count as usize {
        cycles.push(memory.place());
        sleep_until(next + QUIET).await;
        next += length;
        let (fault, times) = &mut faults[cycle % Fault::ALL.len()];
        *times += 1;
        book.set_disturbed(true);
        fault.strike(&mut cluster).await?;
        sleep(AFTERWARDS).await;
        book.set_disturbed(false);
        sleep_until(next).await;
    }
    // What comes last is seen while everything ends.
    book.set_disturbed(true);
    cycles.push(memory.place());
    churn.stop().await;
    let unseen = settle(&book).await;

    let (requests, lines) = (controller.requests.clone(), controller.lines.clone());
    let (span, cpu) = (controller.started.elapsed(), controller.cpu()?);
    // Before the rest is read, so that it belongs together.
    controller.stop().await?;
    let lists = (requests.lists_of_things(), requests.lists_of_children());
    let measured = Measured {
        minutes,
        totals: book.totals(),
        unseen,
        faults,
        span,
        cpu,
        lists_of_things: lists.0,
        lists_of_children: lists.1,
        watches: requests.watches(),
        requests: requests.all(),
        writes: requests.writes(),
        unexplained: book.unexplained(|number| lists.0 + if has_child(number) { lists.1 } else { 0 }),
        lines: lines.by_level(),
        loops: lines.loops(),
        told_too_much: book.told_too_much(&lines),
        memory: memory.stop().await?,
        cycles,
    };
    println!("{}", table::table(&measured)?);
    checks::check(&measured)
}

/// Waits until every object is initialized.
async fn all_ready(book: &Book) -> anyhow::Result<()> {
    let deadline = Instant::now() + STARTING;
    while book.in_phase(Phase::Ready) + book.in_phase(Phase::Failed) < OBJECTS {
        let so_far = book.in_phase(Phase::Ready);
        anyhow::ensure!(
            Instant::now() < deadline,
            "only {so_far} objects are ready after {STARTING:?}"
        );
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// Waits until every change was seen, if that comes; returns what was not.
async fn settle(book: &Book) -> Vec<(usize, Kind, i64)> {
    let deadline = Instant::now() + SETTLING;
    loop {
        let unseen = book.unseen();
        if unseen.is_empty() || Instant::now() >= deadline {
            return unseen;
        }
        sleep(POLL_INTERVAL).await;
    }
}
