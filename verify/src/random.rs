//! Random cases.

use std::time::Duration;

/// Well mixed numbers that the seed determines (SplitMix64).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Starts a sequence.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, any of 64 bits.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which is not zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True once in so many times.
    pub fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// A duration from one to the other, both included, in which every order of magnitude is as likely as any other.
    pub fn duration(&mut self, from: Duration, to: Duration) -> Duration {
        let (from, to) = (from.as_nanos() as f64, to.as_nanos() as f64);
        let share = self.below(1 << 32) as f64 / f64::from(u32::MAX);
        let nanos = from * (to / from).powf(share);
        Duration::from_nanos(nanos.clamp(from, to) as u64)
    }
}
