//! What the simulation expects one `Requeuer` to know of one object.

use crate::{
    behaviour::SECOND,
    delay::{Due, End, Explicit},
    faults::SLACK,
};
use requeue_policy::Phase;
use verify::Micros;

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) kind: usize,
    pub(crate) running: bool,
    pub(crate) started: Micros,
    pub(crate) last_end: Micros,
    pub(crate) ended: bool,
    /// What the last reconcile saw.
    pub(crate) content: u64,
    pub(crate) version: u64,
    pub(crate) seen: Phase,
    pub(crate) reported: Option<Phase>,
    /// Whether it is uncertain what the last reconcile reported, because it left that to the status.
    pub(crate) vague: bool,
    /// Since when it is in that phase: the earliest and the latest that may be so.
    pub(crate) since: [Micros; 2],
    /// When it last succeeded; each may be so.
    pub(crate) succeeded: [Option<Micros>; 2],
    /// Whether the last failure came with its own delay; `None` if that is uncertain.
    pub(crate) own_delay: Option<bool>,
    /// From when on the backoff grows; each may be so.
    pub(crate) grows_from: Vec<Option<Micros>>,
    pub(crate) due: Due,
    /// Whether it is due by an explicit delay shorter than the rate limit's pace; `None` if that is uncertain.
    pub(crate) fast: Option<bool>,
    /// When its rate limit is not used at all any more.
    pub(crate) full_at: Micros,
    /// Since when it has always used some of it, and how often that lasted long enough for the log to say so.
    pub(crate) restless: Micros,
    pub(crate) loops: usize,
    /// A reconcile was cut off then.
    pub(crate) cut: Option<Micros>,
    /// The latest write of its own reconciles, and when it was answered.
    pub(crate) wrote: Option<(u64, Micros)>,
    /// The version that a patch of its own reconciles which changed nothing returned last.
    pub(crate) took: Option<u64>,
    /// The reconcile has patched something.
    pub(crate) patched: bool,
    /// What may start a reconcile and cannot be seen in the object, and when it was.
    pub(crate) causes: Vec<(Micros, &'static str)>,
    pub(crate) duties: Vec<Duty>,
    pub(crate) transitions: usize,
    /// Whether the last reconcile certainly gave up, and how often the log may say so.
    pub(crate) is_given_up: bool,
    pub(crate) gave_up: usize,
    /// Whether it is due only because a patch may have changed nothing.
    pub(crate) follows_up: bool,
    /// Reconciles that did not wait any longer for the cache.
    pub(crate) stale: usize,
}

/// A change that has to start a reconcile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duty {
    pub(crate) at: Micros,
    /// The version from which on an object has it; 0 where it is not in the object.
    pub(crate) version: u64,
    pub(crate) what: &'static str,
}

impl Duty {
    /// Whether an echo of the controller's own write may show it, too.
    pub(crate) fn is_soft(&self, generation: bool) -> bool {
        matches!(self.what, "label" | "annotation" | "fingerprint" | "phase") || !generation && self.what == "spec"
    }
}

impl Record {
    /// A reconcile of it is cut off, if there is one.
    pub(crate) fn cut_off(&mut self, now: Micros) -> bool {
        let was_running = std::mem::take(&mut self.running);
        if was_running {
            self.cut = Some(now);
            self.fast = Some(true);
            self.last_end = now;
        }
        was_running
    }

    /// Whether nothing but its timer starts the next reconcile, on an object with this content and phase.
    pub(crate) fn is_due_alone(&self, content: u64, phase: Phase) -> bool {
        let is_unchanged = self.content == content && self.seen == phase;
        is_unchanged && self.causes.is_empty() && self.duties.is_empty() && self.cut.is_none()
    }

    /// Another rate limit counts from now on.
    pub(crate) fn begins_limit(&mut self, now: Micros) {
        self.full_at = Micros::MIN / 2;
        self.loops += usize::from(now - self.restless >= 60 * SECOND);
        self.restless = now;
    }

    /// The log may say that it gave up, if it did not say so before and nothing has come in between.
    pub(crate) fn gives_up(&mut self, phase: Phase, end: End, due: Due, is_certain: bool) {
        let is_same = is_certain && !self.vague && self.reported == Some(phase);
        let is_never = due.latest.is_none();
        if is_never && !(self.is_given_up && is_same) {
            self.gave_up += 1;
        }
        let is_stuck = phase == Phase::Failed || phase == Phase::Initializing && end.explicit.is_none();
        let certainly = is_certain && end.phase.is_some() && is_stuck;
        self.is_given_up = due.earliest.is_none() && (certainly || self.is_given_up && is_same);
    }
}

type Status = (Phase, Option<Micros>);

/// Since when the object may have been in this phase, from what it may have shown and from the memory.
pub(crate) fn sinces(record: &Record, read: Status, shown: &[Status], phase: Phase, now: Micros) -> Vec<Micros> {
    let remembered = if record.vague {
        vec![None, Some(record.since[0]), Some(record.since[1].min(now))]
    } else if record.reported == Some(phase) {
        record.since.map(Some).to_vec()
    } else {
        vec![None]
    };
    let mut all = Vec::new();
    for latest in shown {
        for remembered in &remembered {
            let told = [*latest, read].into_iter().filter(|(of, _)| *of == phase);
            let mut told = told.filter_map(|(_, since)| since);
            if phase != Phase::Failed {
                all.push(told.next().or(*remembered).unwrap_or(now));
                continue;
            }
            let told: Vec<_> = told.collect();
            // What a success has ended does not come back; at the very moment it may.
            for ended in record.succeeded {
                for tolerance in [-SLACK, SLACK] {
                    let told = told.iter().copied();
                    let told = told.filter(|told| ended.is_none_or(|ended| *told >= ended + tolerance));
                    all.push(told.chain(*remembered).min().unwrap_or(now));
                }
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// From when on the backoff grows, if later than the outage began.
pub(crate) fn grows_from(record: &Record, phase: Phase, end: End, now: Micros) -> Vec<Option<Micros>> {
    if phase != Phase::Failed {
        return vec![None];
    }
    let mut all = record.grows_from.clone();
    // A failure with its own delay does not age the backoff.
    if !matches!(end.explicit, Some(Explicit::Exactly(_))) {
        match record.own_delay {
            Some(true) => all = vec![Some(now)],
            None => all.push(Some(now)),
            Some(false) => {}
        }
    }
    all.sort_unstable();
    all.dedup();
    all.truncate(8);
    all
}

impl Record {
    pub(crate) fn new(now: Micros) -> Self {
        Self {
            kind: 0,
            running: false,
            started: now,
            last_end: now,
            ended: false,
            content: 0,
            version: 0,
            seen: Phase::Initializing,
            reported: None,
            vague: false,
            since: [now; 2],
            succeeded: [None; 2],
            own_delay: Some(false),
            grows_from: vec![None],
            due: Due::NEVER,
            fast: Some(false),
            full_at: now,
            restless: now,
            loops: 0,
            cut: None,
            wrote: None,
            took: None,
            patched: false,
            causes: Vec::new(),
            duties: Vec::new(),
            transitions: 0,
            is_given_up: false,
            gave_up: 0,
            follows_up: false,
            stale: 0,
        }
    }
}
