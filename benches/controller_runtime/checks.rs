//! What must hold on the slowest machine: nothing here is about how long something takes.

use crate::{scenario::Measured, settings::Plan};

pub(crate) fn check(plan: &Plan, measured: &Measured) -> anyhow::Result<()> {
    let (contestant, restart) = (measured.contestant, &measured.restart);
    anyhow::ensure!(
        restart.objects == plan.objects,
        "{contestant}: {} of {} objects ran after the restart",
        restart.objects,
        plan.objects
    );
    // Its first run, one for each interval with the last one in it, and one that jitter brings forward.
    let most = plan.objects * (plan.intervals + 3);
    anyhow::ensure!(
        restart.runs <= most,
        "{contestant}: {} runs after the restart, and {most} were to be expected at most",
        restart.runs
    );
    let unseen = measured.latencies.iter().filter(|latency| latency.is_none()).count();
    anyhow::ensure!(unseen == 0, "{contestant}: {unseen} changes of the spec were not seen");
    let too_soon = measured.status.too_soon;
    anyhow::ensure!(
        too_soon == 0,
        "{contestant}: {too_soon} runs started before they were due, where only the status was written"
    );
    Ok(())
}
