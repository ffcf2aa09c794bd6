//! The course of the comparison.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use cluster::{Cluster, Kind, Things, go_build, target_folder};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::{
    checks,
    controller::Running,
    herd::{Spread, spreads},
    runs::{Run, Sent, objects, reflected, sooner_than},
    settings::{Contestant, Plan, Settings},
    table,
};

/// How many intervals the spec changes take, and how many the status writes.
const INTERVALS_OF_CHANGES: u32 = 2;
const INTERVALS_OF_STATUS: u32 = 2;
const SEEN: Duration = Duration::from_secs(10);
/// Coprime to the number of objects, so that the changes go to others each time, and to all parts of them.
const STRIDE: usize = 37;

/// What one controller did.
pub(crate) struct Measured {
    pub(crate) contestant: Contestant,
    pub(crate) restart: Restart,
    pub(crate) latencies: Vec<Option<Duration>>,
    pub(crate) status: Status,
}

/// From the start of the process, when all objects exist, over some intervals without any change.
pub(crate) struct Restart {
    pub(crate) objects: usize,
    pub(crate) runs: usize,
    pub(crate) requests: u64,
    pub(crate) cpu: Duration,
    /// The interval of the restart, and those after it.
    pub(crate) spreads: Vec<Spread>,
}

/// The same, but that each run writes a status that differs from all before it.
pub(crate) struct Status {
    pub(crate) runs: usize,
    pub(crate) requests: u64,
    pub(crate) cpu: Duration,
    /// Runs that started before the interval allows it.
    pub(crate) too_soon: usize,
}

pub(crate) async fn compare(cluster: &Cluster, plan: Plan) -> anyhow::Result<()> {
    let manager = target_folder().join("tmp/controller-runtime");
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("controller_runtime/manager");
    go_build(&module, ".", "", &manager)?;
    let kubeconfig = cluster.kubeconfig();
    let things = Things::create(cluster.client(), plan.objects).await?;

    let mut all = Vec::new();
    for (round, contestant) in (1..).zip(&plan.contestants) {
        let contest = Contest {
            plan: &plan,
            contestant: *contestant,
            manager: &manager,
            kubeconfig: &kubeconfig,
            things: &things,
        };
        let (restart, latencies) = contest.without_status(round).await.context(contestant.to_string())?;
        let status = contest.with_status().await.context(contestant.to_string())?;
        all.push(Measured {
            contestant: *contestant,
            restart,
            latencies,
            status,
        });
    }
    println!("{}", table::table(&plan, &all)?);
    all.iter().try_for_each(|measured| checks::check(&plan, measured))
}

struct Contest<'a> {
    plan: &'a Plan,
    contestant: Contestant,
    manager: &'a Path,
    kubeconfig: &'a Path,
    things: &'a Things,
}

impl Contest<'_> {
    async fn without_status(&self, round: i64) -> anyhow::Result<(Restart, Vec<Option<Duration>>)> {
        let plan = self.plan;
        let running = self.start(false).await?;
        sleep_until_after(&running, plan.interval * (plan.intervals as u32 + 1)).await;
        let runs = running.runs_from(0);
        let restart = Restart {
            objects: objects(&runs),
            runs: runs.len(),
            requests: requests(&runs),
            cpu: running.cpu()?,
            spreads: spreads(&runs, plan.interval, plan.intervals),
        };

        let place = running.place();
        let changes = self.change(round).await?;
        let all_seen = |runs: &[Run]| reflected(&changes, &runs[place..]).iter().all(Option::is_some);
        // What is not seen even then shows in the table.
        let _ = running.until(SEEN, all_seen).await;
        Ok((restart, reflected(&changes, &running.runs_from(place))))
    }

    async fn with_status(&self) -> anyhow::Result<Status> {
        let running = self.start(true).await?;
        sleep_until_after(&running, self.plan.interval * INTERVALS_OF_STATUS).await;
        let runs = running.runs_from(0);
        // A tenth is left for timers that fire early, and for runs that start late.
        let least = self.plan.interval.mul_f64(0.9 * (1.0 - self.contestant.jitter()));
        Ok(Status {
            runs: runs.len(),
            requests: requests(&runs),
            cpu: running.cpu()?,
            too_soon: sooner_than(least, &runs),
        })
    }

    async fn start(&self, writes_status: bool) -> anyhow::Result<Running> {
        let kubeconfig = self.kubeconfig.to_str().context("the path is no text")?;
        let settings = Settings {
            kubeconfig: kubeconfig.to_owned(),
            interval_ms: self.plan.interval.as_millis() as u64,
            jitter: self.contestant.jitter(),
            work_ms: self.plan.work.as_millis() as u64,
            workers: self.plan.workers,
            writes_status,
        };
        Running::start(self.contestant, self.manager, &settings).await
    }

    /// Changes specs, one after another, at an even pace.
    async fn change(&self, round: i64) -> anyhow::Result<Vec<Sent>> {
        let plan = self.plan;
        let mut ticks = interval(plan.interval * INTERVALS_OF_CHANGES / plan.changes as u32);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changes = Vec::new();
        for number in 0..plan.changes {
            ticks.tick().await;
            let name = &self.things.names[number * STRIDE % plan.objects];
            // An object may have its turn again.
            let value = round * plan.changes as i64 + number as i64;
            let at = now();
            self.things.change(name, Kind::Spec, value).await?;
            changes.push(Sent {
                name: name.clone(),
                value,
                at,
            });
        }
        Ok(changes)
    }
}

/// Sleeps until so long after the start of the first run.
async fn sleep_until_after(running: &Running, span: Duration) {
    let first = running.runs_from(0).iter().map(|run| run.started).min();
    let until = first.unwrap_or_default() + span;
    sleep(until.saturating_sub(now())).await;
}

fn requests(runs: &[Run]) -> u64 {
    runs.iter().map(|run| run.requests).max().unwrap_or_default()
}

/// Since 1970, the clock that the controllers have, too.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
