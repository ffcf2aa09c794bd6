//! Random cases.

use std::time::Duration;

/// Well mixed numbers that the seed determines (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which is not zero.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }

    /// A duration from one to the other, both included, in which every order of magnitude is as likely as any other.
    pub(crate) fn duration(&mut self, from: Duration, to: Duration) -> Duration {
        let (from, to) = (from.as_nanos() as f64, to.as_nanos() as f64);
        let share = self.below(1 << 32) as f64 / f64::from(u32::MAX);
        let nanos = from * (to / from).powf(share);
        Duration::from_nanos(nanos.clamp(from, to) as u64)
    }

    /// Of up to 60 runs, whether they fail: outages of all lengths, with one or more successes between them.
    pub(crate) fn schedule(&mut self) -> Vec<bool> {
        let runs = 1 + self.below(60) as usize;
        let (to_fail, to_recover) = (1 + self.below(5), 2 + self.below(30));
        let mut fails = !self.one_in(4);
        let mut schedule = Vec::with_capacity(runs);
        for _ in 0..runs {
            schedule.push(fails);
            fails = if fails {
                !self.one_in(to_recover)
            } else {
                self.one_in(to_fail)
            };
        }
        schedule
    }
}
