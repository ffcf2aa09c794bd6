//! What must hold at the end of a soak.

use std::time::Duration;

use anyhow::ensure;

use crate::{book::Kind, scenario::Measured};

/// In quiet times, of 99 in 100 changes: half of the shortest delay of an object that is ready, so that changes that
/// only a timer finds are told from a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(8);
/// Above the runs that there was a reason for.
const MORE_RUNS: f64 = 0.05;
/// Lines that say that an object loops.
const MOST_LOOPS: u64 = 20;
/// Above the first cycle. The memory rises in steps, with the first faults, and then stays: in six minutes by 24 %,
/// of which 2 % in the last four (106, 107, 118, 129, 129, 129, 131, 131, 132 MB), on a machine that was busy.
const MORE_MEMORY: f64 = 0.4;

/// Fails with all that does not hold.
pub(crate) fn check(measured: &Measured) -> anyhow::Result<()> {
    let checks = [
        nothing_is_lost,
        all_was_put_to_the_test,
        changes_are_reflected,
        runs_have_a_reason,
        log_tells_transitions,
        memory_is_flat,
    ];
    let errors: Vec<_> = checks.iter().filter_map(|check| check(measured).err()).collect();
    let errors: Vec<_> = errors.iter().map(|error| format!("{error:#}")).collect();
    ensure!(errors.is_empty(), "{}", errors.join("\n"));
    Ok(())
}

fn nothing_is_lost(measured: &Measured) -> anyhow::Result<()> {
    let unseen = &measured.unseen;
    ensure!(
        unseen.is_empty(),
        "no run saw these changes (object, kind, value): {unseen:?}"
    );
    Ok(())
}

fn all_was_put_to_the_test(measured: &Measured) -> anyhow::Result<()> {
    for (kind, fate) in Kind::ALL.into_iter().zip(&measured.totals.fates) {
        let (quiet, disturbed) = (fate.quiet.count(), fate.disturbed.count());
        ensure!(
            quiet > 0 && disturbed > 0,
            "{kind:?} was not put to the test: {quiet}, {disturbed}"
        );
    }
    for (fault, count) in &measured.faults {
        ensure!(*count > 0, "{fault} did not happen");
    }
    Ok(())
}

fn changes_are_reflected(measured: &Measured) -> anyhow::Result<()> {
    // Another client's status waits for the timer, however long that takes on this machine.
    let fates = Kind::ALL.into_iter().zip(&measured.totals.fates);
    for (kind, fate) in fates.filter(|(kind, _)| *kind != Kind::Status) {
        let p99 = fate.quiet.percentile(99);
        ensure!(
            p99 <= AT_ONCE,
            "in quiet times {kind:?} is seen after {p99:.1?} (p99), more than {AT_ONCE:?}"
        );
    }
    Ok(())
}

fn runs_have_a_reason(measured: &Measured) -> anyhow::Result<()> {
    let (runs, reasons) = (measured.totals.runs as f64, measured.reasons() as f64);
    let unexplained = measured.unexplained;
    ensure!(
        runs <= reasons * (1.0 + MORE_RUNS),
        "{runs} runs, but only {reasons} reasons to run"
    );
    // Reasons that fell together leave room in that sum; an object's own do not pay for another's.
    ensure!(
        unexplained as f64 <= runs * MORE_RUNS,
        "{unexplained} of {runs} runs without a reason of their own object"
    );
    Ok(())
}

fn log_tells_transitions(measured: &Measured) -> anyhow::Result<()> {
    // The clients' dice change an object ten times in ten seconds now and then, which is what the rate limit takes for a
    // loop: two lines in two minutes at most were seen.
    ensure!(
        measured.loops <= MOST_LOOPS,
        "{} objects loop, more than {MOST_LOOPS}",
        measured.loops
    );
    let too_much = &measured.told_too_much;
    ensure!(too_much.is_empty(), "the log tells more than happened: {too_much:#?}");
    Ok(())
}

fn memory_is_flat(measured: &Measured) -> anyhow::Result<()> {
    let memory = measured.memory_by_cycle()?;
    let (first, last) = (memory[0], memory[memory.len() - 1]);
    ensure!(
        last <= first * (1.0 + MORE_MEMORY),
        "{last:.1} MB around the last fault, {first:.1} MB around the first"
    );
    Ok(())
}
