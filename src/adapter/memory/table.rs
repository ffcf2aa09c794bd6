//! A hash table that wastes little: std's doubles, so that just after growth an entry costs 2.3 times its size.

/// Open addressing with linear probing, grown by a quarter at a time; keys are hashes already.
///
/// Between 64 and 80 percent full, so an entry of `n` bytes costs `1.25 n` to `1.6 n`.
pub(super) struct Table<V> {
    /// The key 0 marks a free place.
    places: Vec<(u64, V)>,
    len: usize,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            len: 0,
        }
    }
}

impl<V: Copy + Default> Table<V> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut V> {
        let place = self.find(key)?;
        let (found, value) = &mut self.places[place];
        (*found != 0).then_some(value)
    }

    /// Inserts a value under a key that is not there yet; if that needs room, values that are not alive make it first.
    /// Calls `left` with each that leaves.
    pub(super) fn insert(&mut self, key: u64, value: V, alive: impl Fn(&V) -> bool, left: impl FnMut(&V)) {
        if (self.len + 1) * 5 > self.places.len() * 4 {
            self.rebuild(1, alive, left);
        }
        self.put(key, value);
    }

    /// Keeps what is alive; gives memory back when that is little. Calls `left` with each that leaves.
    pub(super) fn retain(&mut self, alive: impl Fn(&V) -> bool, left: impl FnMut(&V)) {
        if self.places.iter().any(|(key, value)| *key != 0 && !alive(value)) {
            self.rebuild(0, alive, left);
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<(u64, V)>()
    }

    fn put(&mut self, key: u64, value: V) {
        if let Some(place) = self.find(key) {
            self.places[place] = (nonzero(key), value);
            self.len += 1;
        }
    }

    /// The place of the key, or the free one where it belongs; `None` in a table without places.
    #[inline]
    fn find(&self, key: u64) -> Option<usize> {
        let key = nonzero(key);
        // The lower half of the key scaled to the length: no modulo, and any length will do.
        let home = (((key & 0xffff_ffff) * self.places.len() as u64) >> 32) as usize;
        let (before, after) = self.places.split_at(home);
        let is_it = |(found, _): &(u64, V)| *found == key || *found == 0;
        after
            .iter()
            .position(is_it)
            .map(|place| home + place)
            .or_else(|| before.iter().position(is_it))
    }

    /// Moves what is alive to a new table, 64 percent full once `more` values have come.
    fn rebuild(&mut self, more: usize, alive: impl Fn(&V) -> bool, mut left: impl FnMut(&V)) {
        let old = std::mem::take(&mut self.places);
        let is_kept = |(key, value): &(u64, V)| *key != 0 && alive(value);
        let len = old.iter().filter(|place| is_kept(place)).count() + more;
        let places = if len == 0 { 0 } else { (len * 25).div_ceil(16).max(4) };
        self.places = vec![(0, V::default()); places];
        self.len = 0;
        for place in old {
            match place {
                (0, _) => {}
                (key, value) if alive(&value) => self.put(key, value),
                (_, value) => left(&value),
            }
        }
    }
}

/// Two of 2^64 keys share a place; the key 0 is taken.
fn nonzero(key: u64) -> u64 {
    key.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Against std's map, with few distinct keys so that they meet, and with keys 0 and 1, which are one.
        #[test]
        fn does_what_a_hash_map_does(
            steps in prop::collection::vec((0_u8..10, 0_u64..60, 0_u32..100), 1..400),
        ) {
            let mut table = Table::<u32>::default();
            let mut model = HashMap::new();
            for (step, key, value) in steps {
                // Spread over the lower half, some of them clustered.
                let key = if key < 20 { key } else { key * 0x0400_0001 };
                let of = nonzero(key);
                match step {
                    0 => {
                        let mut left = 0;
                        table.retain(|kept| *kept >= value, |_| left += 1);
                        let before = model.len();
                        model.retain(|_, kept| *kept >= value);
                        prop_assert_eq!(left, before - model.len());
                    }
                    1..7 => match table.get_mut(key) {
                        Some(known) => {
                            *known = value;
                            prop_assert!(model.insert(of, value).is_some());
                        }
                        None => {
                            table.insert(key, value, |_| true, |_| {});
                            prop_assert!(model.insert(of, value).is_none());
                        }
                    },
                    _ => prop_assert_eq!(table.get_mut(key).copied(), model.get(&of).copied()),
                }
                prop_assert_eq!(table.len(), model.len());
            }
            for (key, value) in model {
                prop_assert_eq!(table.get_mut(key).copied(), Some(value));
            }
        }
    }
}
