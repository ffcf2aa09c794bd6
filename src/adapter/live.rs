//! A value that can be replaced while others read it.

use crate::sync::{AtomicUsize, Mutex, Ordering, PoisonError};
use std::sync::OnceLock;

/// Enough for a new value every second for a hundred years.
const CHUNKS: usize = 32;

/// Readers take no lock and count no references, so threads that decide do not meet on one cache line.
///
/// The price: a value that was replaced stays until all of it goes. Policies are small, and are changed by hand.
#[derive(Debug)]
pub(crate) struct Live<T> {
    first: T,
    /// What came after the first: each chunk twice as long as the one before, so that no value ever moves.
    chunks: [OnceLock<Box<[OnceLock<T>]>>; CHUNKS],
    /// 0 is the first.
    current: AtomicUsize,
    writer: Mutex<()>,
}

impl<T> Live<T> {
    pub(crate) fn new(first: T) -> Self {
        Self {
            first,
            chunks: [const { OnceLock::new() }; CHUNKS],
            current: AtomicUsize::new(0),
            writer: Mutex::new(()),
        }
    }

    #[inline]
    pub(crate) fn get(&self) -> &T {
        match self.current.load(Ordering::Acquire) {
            0 => &self.first,
            number => self.later(number).unwrap_or(&self.first),
        }
    }

    /// Whoever reads sees either the old value or the new one, whole.
    pub(crate) fn set(&self, value: T) {
        let _one_at_a_time = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.current.load(Ordering::Relaxed) + 1;
        let (chunk, place) = place(number);
        let chunk = self.chunks[chunk].get_or_init(|| (0..1_usize << chunk).map(|_| OnceLock::new()).collect());
        if chunk[place].set(value).is_ok() {
            self.current.store(number, Ordering::Release);
        }
    }

    fn later(&self, number: usize) -> Option<&T> {
        let (chunk, place) = place(number);
        self.chunks[chunk].get()?.get(place)?.get()
    }
}

fn place(number: usize) -> (usize, usize) {
    let chunk = number.ilog2() as usize;
    (chunk, number - (1 << chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_is_read_and_none_before_it_moves() {
        let live = Live::new(0);
        let first: *const i32 = live.get();
        let mut kept = Vec::new();
        for value in 1..1000 {
            live.set(value);
            assert_eq!(*live.get(), value);
            kept.push((value, live.get()));
        }
        assert!(kept.into_iter().all(|(value, read)| *read == value));
        assert_eq!(first, &raw const live.first);
    }

    #[test]
    fn readers_see_whole_values_only_while_writers_replace_them() {
        let live = Live::new([0_u64; 16]);
        std::thread::scope(|scope| {
            for writer in 1..=2 {
                let live = &live;
                scope.spawn(move || (0..5000).for_each(|n| live.set([writer * 10_000 + n; 16])));
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let read = live.get();
                        assert!(read.iter().all(|part| *part == read[0]), "{read:?}");
                    }
                });
            }
        });
    }
}
