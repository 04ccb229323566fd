//! A quick hash for keys that strangers may ask for but never put into a map: SPIs that this end chose, and networks that
//! this end leased or agreed to.
//!
//! Long chains need keys that collide among those inside, and what a map holds is decided here. Besides, each map mixes with a
//! random number of its own, so that nobody knows which keys would.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Its bits are irregular: 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 3, §6.4).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A map's own random number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mixing(u64);

impl Default for Mixing {
    fn default() -> Self {
        Self(RandomState::new().hash_one(GOLDEN))
    }
}

impl BuildHasher for Mixing {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        Mixer(self.0)
    }
}

/// One multiplication for each number; both halves of the product count.
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * u128::from(GOLDEN);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn write_u128(&mut self, number: u128) {
        self.write_u64((number >> 64) as u64);
        self.write_u64(number as u64);
    }

    fn write(&mut self, octets: &[u8]) {
        octets.iter().for_each(|octet| self.write_u64((*octet).into()));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::Hash;

    use super::*;

    /// How many of 2^12 buckets, and of 2^7 tags, as many keys take; of random ones 63 % and all.
    fn spread<K: Hash>(keys: impl Iterator<Item = K>) -> (usize, usize) {
        let mixing = Mixing::default();
        let hashes: Vec<u64> = keys.map(|key| mixing.hash_one(key)).collect();
        let distinct = |part: fn(u64) -> u64| hashes.iter().map(|hash| part(*hash)).collect::<HashSet<_>>().len();
        (distinct(|hash| hash & 0xfff), distinct(|hash| hash >> 57))
    }

    #[test]
    fn leases_and_networks_in_a_row_spread() {
        for shift in [0, 8, 16, 20] {
            let (buckets, tags) = spread((0..4096u32).map(|number| number << shift));
            assert!(buckets > 2000 && tags > 100, "{shift}: {buckets} {tags}");
        }
        for shift in [0, 16, 64, 112] {
            let (buckets, tags) = spread((0..4096u128).map(|number| number << shift));
            assert!(buckets > 2000 && tags > 100, "{shift}: {buckets} {tags}");
        }
    }

    #[test]
    fn each_map_mixes_differently() {
        assert_ne!(Mixing::default().hash_one(7u32), Mixing::default().hash_one(7u32));
        let mixing = Mixing::default();
        assert_eq!(mixing.hash_one(7u32), mixing.hash_one(7u32));
    }
}
