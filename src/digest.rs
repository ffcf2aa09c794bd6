//! A small, fast, stable hash.

use std::hash::Hasher;

// Odd constants with well spread bits: the fractional parts of the golden ratio and of sqrt(3).
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const MULTIPLIER: u64 = 0xbb67_ae85_84ca_a73b;

/// Folds eight bytes at a time by a 64×64→128 bit multiplication.
///
/// The result for a given sequence of writes never changes between releases and machines: [`Slot`](crate::Slot)
/// stands on it. It is no defence against chosen input; its inputs come from the API server.
#[derive(Clone, Copy)]
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) const fn new() -> Self {
        Self(SEED)
    }

    pub(crate) fn of(text: &str) -> u64 {
        let mut digest = Self::new();
        digest.write(text.as_bytes());
        digest.finish()
    }

    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(MULTIPLIER);
        // The state is added so that a factor of zero does not swallow what came before.
        self.0 = ((product as u64) ^ ((product >> 64) as u64)).wrapping_add(self.0.rotate_left(23));
    }
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
        let rest = chunks.remainder().len();
        let word = match bytes.last_chunk() {
            // A load and a shift where a copy of a length known only now would be a call.
            Some(last) if rest > 0 => u64::from_le_bytes(*last) >> (64 - 8 * rest),
            Some(_) => 0,
            None => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        };
        // The length keeps "a" and "a\0", and neighbouring fields, apart.
        self.fold(word ^ (bytes.len() as u64).rotate_right(8));
    }

    fn write_u8(&mut self, value: u8) {
        self.fold(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.fold(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.fold(value as u64);
    }

    fn finish(&self) -> u64 {
        let mut last = *self;
        last.fold(SEED);
        last.0 ^ (last.0 >> 29)
    }
}
