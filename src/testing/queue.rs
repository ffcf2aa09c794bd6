//! kube-runtime's scheduler and runner, for one object: one timer, of which the earliest wins, and one run at a time.
//!
//! As in `scheduler.rs` and `controller/runner.rs` of kube-runtime 5.0.0. What arrives while a run is in flight is merged
//! into one trigger after its end, and with it the delay for which that run asks.

use crate::engine::memory::Tick;

/// What the queue asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The run in flight ends.
    End,
    /// The object is dispatched.
    Trigger,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    scheduled: Option<Tick>,
    pending: Option<Tick>,
    /// When the run in flight ends.
    ends: Option<Tick>,
}

impl Queue {
    pub(super) fn event(&mut self, now: Tick) {
        if self.ends.is_some() {
            self.pending.get_or_insert(now);
        } else {
            self.timer(now);
        }
    }

    /// Sets the timer for which a run has asked, now that it has ended.
    pub(super) fn timer(&mut self, at: Tick) {
        let is_earlier = self.scheduled.is_none_or(|scheduled| at <= scheduled);
        if self.pending.is_none() && is_earlier {
            self.scheduled = Some(at);
        }
    }

    pub(super) fn run_starts(&mut self, ends: Tick) {
        self.ends = Some(ends);
    }

    pub(super) fn run_ends(&mut self) {
        self.ends = None;
    }

    /// When something happens next, if that is by then.
    pub(super) fn peek(&self, until: Tick) -> Option<Tick> {
        let next = self.ends.or(self.pending).or(self.scheduled);
        next.filter(|next| *next <= until)
    }

    /// Returns what happens next, unless it is later than `until`; the end of a run comes again until it is over.
    pub(super) fn next(&mut self, until: Tick) -> Option<(Tick, Next)> {
        if let Some(ends) = self.ends {
            return (ends <= until).then_some((ends, Next::End));
        }
        let due = match self.pending.take() {
            Some(pending) => pending,
            None => self.scheduled.take_if(|scheduled| *scheduled <= until)?,
        };
        Some((due, Next::Trigger))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_timers_the_earlier_wins() {
        let mut queue = Queue::default();
        for at in [20, 10, 30] {
            queue.timer(at);
        }
        assert_eq!(queue.next(9), None);
        assert_eq!(queue.next(100), Some((10, Next::Trigger)));
        assert_eq!(queue.next(100), None);
    }

    #[test]
    fn what_arrives_during_a_run_is_one_trigger_after_it_and_takes_the_runs_own_timer_along() {
        let mut queue = Queue::default();
        queue.run_starts(10);
        queue.event(3);
        queue.event(5);
        assert_eq!(queue.next(9), None);
        assert_eq!(queue.next(100), Some((10, Next::End)));
        queue.run_ends();
        queue.timer(40);
        assert_eq!(queue.next(100), Some((3, Next::Trigger)));
        assert_eq!(queue.next(100), None);
    }
}
