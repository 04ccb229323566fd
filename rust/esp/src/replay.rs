//! The anti-replay window (RFC 4303 §3.4.3): a ring of bits, checked before and moved after authentication.

/// Which sequence numbers were seen, from the highest one down to `size` below it.
#[derive(Debug)]
pub struct Window {
    highest: u32,
    size: u32,
    /// Numbers that were taken.
    taken: u32,
    words: Vec<u64>,
}

/// What `mark` did with a fresh number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is the highest so far.
    Advanced,
    /// It filled a gap.
    Within,
}

const WORD: u32 = 64;

impl Window {
    /// `size` is at least 64: protection against replay cannot be turned off.
    pub fn new(size: u32) -> Self {
        let size = size.max(WORD);
        // One word more than the window covers, since the newest word is rarely full.
        Self { highest: 0, size, taken: 0, words: vec![0; (size.div_ceil(WORD) + 1) as usize] }
    }

    /// Whether a packet with this number may be fresh. Says nothing about who sent it.
    pub fn check(&self, sequence: u32) -> bool {
        if sequence == 0 {
            return false;
        }
        if sequence > self.highest {
            return true;
        }
        self.highest - sequence < self.size && self.words[self.slot(sequence)] & bit(sequence) == 0
    }

    /// Takes the number of an authentic packet; `None` when another packet with it was faster.
    pub fn mark(&mut self, sequence: u32) -> Option<Mark> {
        if !self.check(sequence) {
            return None;
        }
        let advances = sequence > self.highest;
        if advances {
            self.advance(sequence);
        }
        let slot = self.slot(sequence);
        self.words[slot] |= bit(sequence);
        self.taken += 1;
        Some(if advances { Mark::Advanced } else { Mark::Within })
    }

    /// How many numbers up to the highest were never taken: packets that got lost, and a few that are still under way.
    pub fn missing(&self) -> u32 {
        self.highest - self.taken
    }

    fn advance(&mut self, sequence: u32) {
        let entered = sequence / WORD - self.highest / WORD;
        for step in 0..entered.min(self.words.len() as u32) {
            let slot = self.slot(sequence - step * WORD);
            self.words[slot] = 0;
        }
        self.highest = sequence;
    }

    fn slot(&self, sequence: u32) -> usize {
        (sequence / WORD) as usize % self.words.len()
    }
}

fn bit(sequence: u32) -> u64 {
    1 << (sequence % WORD)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zero_is_never_fresh() {
        assert!(!Window::new(1024).check(0));
    }

    #[test]
    fn the_edge_is_exact() {
        for size in [64, 65, 100, 1024] {
            let mut window = Window::new(size);
            assert_eq!(window.mark(5000), Some(Mark::Advanced));
            assert_eq!(window.mark(5000 - size + 1), Some(Mark::Within));
            assert_eq!(window.mark(5000 - size + 1), None);
            assert_eq!(window.mark(5000 - size), None);
            assert_eq!(window.mark(5000), None);
        }
    }

    #[test]
    fn the_last_number_works() {
        let mut window = Window::new(1024);
        assert_eq!(window.mark(u32::MAX), Some(Mark::Advanced));
        assert_eq!(window.mark(u32::MAX - 1023), Some(Mark::Within));
        assert_eq!(window.mark(u32::MAX - 1024), None);
        assert_eq!(window.mark(u32::MAX), None);
    }

    /// What the window must be: a set that never forgets, and a line below which everything is refused.
    #[derive(Default)]
    struct Model {
        seen: HashSet<u32>,
        highest: u32,
    }

    impl Model {
        fn mark(&mut self, size: u32, sequence: u32) -> bool {
            let fresh = sequence > 0
                && u64::from(sequence) + u64::from(size) > u64::from(self.highest)
                && self.seen.insert(sequence);
            self.highest = self.highest.max(if fresh { sequence } else { 0 });
            fresh
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        /// 100 walks of 1000 steps: small steps back and forth, repeats, and leaps over the whole window.
        #[test]
        fn agrees_with_a_set_that_never_forgets(
            size in prop::sample::select(vec![64u32, 128, 1000, 1024]),
            start in prop::sample::select(vec![1u32, 1000, u32::MAX - 50_000]),
            steps in prop::collection::vec((-1100i64..40, 0u32..200), 1000),
        ) {
            let (mut window, mut model) = (Window::new(size), Model::default());
            let mut taken = 0;
            let mut at = i64::from(start);
            for (step, leap) in steps {
                let sequence = (at + step).clamp(0, i64::from(u32::MAX)) as u32;
                at = at.max(i64::from(sequence)) + if leap == 0 { 3000 } else { i64::from(leap % 3) };
                prop_assert_eq!(window.check(sequence), model.mark(size, sequence));
                taken += u32::from(window.mark(sequence).is_some());
                prop_assert_eq!(window.missing(), model.highest - taken);
            }
        }
    }
}
