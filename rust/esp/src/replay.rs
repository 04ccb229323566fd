//! The anti-replay window (RFC 4303 §3.4.3): a ring of bits, checked before and moved after authentication; and what the
//! whole of an extended sequence number must be, of which a packet has the lower half (RFC 4303 §2.2.1, appendix A2).

/// Which sequence numbers were seen, from the highest one down to `size` below it.
#[derive(Debug)]
pub struct Window {
    extended: bool,
    highest: u64,
    size: u64,
    /// Numbers that were taken.
    taken: u64,
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

const WORD: u64 = 64;
/// How many numbers have the same upper half.
const LAP: u64 = 1 << 32;

impl Window {
    /// `size` is at least 64: protection against replay cannot be turned off. `extended`: numbers have 64 bits.
    pub fn new(size: u32, extended: bool) -> Self {
        let size = u64::from(size).max(WORD);
        // One word more than the window covers, since the newest word is rarely full.
        Self { extended, highest: 0, size, taken: 0, words: vec![0; (size.div_ceil(WORD) + 1) as usize] }
    }

    /// The number of a packet that has `sequence` in its header: with extended ones the only one from the window's lower
    /// end on that ends with it. `None` where it has more than 64 bits. Says nothing about who sent it.
    pub fn number(&self, sequence: u32) -> Option<u64> {
        if !self.extended {
            return Some(sequence.into());
        }
        let bottom = self.highest.saturating_sub(self.size - 1);
        let same_lap = bottom / LAP * LAP + u64::from(sequence);
        if same_lap >= bottom {
            return Some(same_lap);
        }
        same_lap.checked_add(LAP)
    }

    /// Whether a packet with this number may be fresh. Says nothing about who sent it.
    pub fn check(&self, number: u64) -> bool {
        if number == 0 {
            return false;
        }
        if number > self.highest {
            return true;
        }
        self.highest - number < self.size && self.words[self.slot(number)] & bit(number) == 0
    }

    /// Takes the number of an authentic packet; `None` when another packet with it was faster.
    pub fn mark(&mut self, number: u64) -> Option<Mark> {
        if !self.check(number) {
            return None;
        }
        let advances = number > self.highest;
        if advances {
            self.advance(number);
        }
        let slot = self.slot(number);
        self.words[slot] |= bit(number);
        self.taken += 1;
        Some(if advances { Mark::Advanced } else { Mark::Within })
    }

    /// How many numbers up to the highest were never taken: packets that got lost, and a few that are still under way.
    pub fn missing(&self) -> u64 {
        self.highest - self.taken
    }

    fn advance(&mut self, number: u64) {
        let entered = number / WORD - self.highest / WORD;
        for step in 0..entered.min(self.words.len() as u64) {
            let slot = self.slot(number - step * WORD);
            self.words[slot] = 0;
        }
        self.highest = number;
    }

    fn slot(&self, number: u64) -> usize {
        (number / WORD % self.words.len() as u64) as usize
    }
}

fn bit(number: u64) -> u64 {
    1 << (number % WORD)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn zero_is_never_fresh() {
        assert!(!Window::new(1024, false).check(0));
    }

    #[test]
    fn the_edge_is_exact() {
        for size in [64, 65, 100, 1024] {
            let mut window = Window::new(size, false);
            assert_eq!(window.mark(5000), Some(Mark::Advanced));
            assert_eq!(window.mark(u64::from(5000 - size + 1)), Some(Mark::Within));
            assert_eq!(window.mark(u64::from(5000 - size + 1)), None);
            assert_eq!(window.mark(u64::from(5000 - size)), None);
            assert_eq!(window.mark(5000), None);
        }
    }

    #[test]
    fn the_last_number_works() {
        for (last, extended) in [(u32::MAX.into(), false), (u64::MAX, true)] {
            let mut window = Window::new(1024, extended);
            assert_eq!(window.mark(last), Some(Mark::Advanced));
            assert_eq!(window.mark(last - 1023), Some(Mark::Within));
            assert_eq!(window.mark(last - 1024), None);
            assert_eq!(window.mark(last), None);
            assert_eq!(window.number(u32::MAX), Some(last));
            assert_eq!(window.number(7), if extended { None } else { Some(7) });
        }
    }

    /// RFC 4303, appendix A2.1: case A, the window lies in one lap; case B, it reaches into the one before.
    #[test]
    fn the_upper_half_is_that_of_the_appendix() {
        let at = |highest: u64, sequence: u32| {
            let mut window = Window::new(1024, true);
            window.mark(highest);
            window.number(sequence)
        };
        let lap = |number: u64| Some(number * LAP);
        assert_eq!(at(1, 5), Some(5));
        assert_eq!(
            (at(3 * LAP + 5000, 5000 - 1023), at(3 * LAP + 5000, 5000 - 1024)),
            (lap(3).map(|it| it + 5000 - 1023), lap(4).map(|it| it + 5000 - 1024),)
        );
        assert_eq!((at(3 * LAP + 1023, 0), at(3 * LAP + 1022, u32::MAX)), (lap(3), lap(3).map(|it| it - 1)));
        assert_eq!(
            (at(3 * LAP, u32::MAX - 1022), at(3 * LAP, u32::MAX - 1023)),
            (lap(3).map(|it| it - 1023), lap(4).map(|it| it - 1024),)
        );
        assert_eq!((at(3 * LAP - 1, 0), at(3 * LAP - 1, u32::MAX)), (lap(3), lap(3).map(|it| it - 1)));
        assert_eq!(at(100, u32::MAX), Some(u32::MAX.into()), "there is no lap before the first");
    }

    /// What the window must be: a set that never forgets, and a line below which everything is refused.
    #[derive(Default)]
    struct Model {
        seen: HashSet<u64>,
        highest: u64,
    }

    impl Model {
        fn mark(&mut self, size: u32, number: u64) -> bool {
            let fresh = number > 0 && number + u64::from(size) > self.highest && self.seen.insert(number);
            self.highest = self.highest.max(if fresh { number } else { 0 });
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
            let (mut window, mut model) = (Window::new(size, false), Model::default());
            let mut taken = 0;
            let mut at = i64::from(start);
            for (step, leap) in steps {
                let number = (at + step).clamp(0, i64::from(u32::MAX)) as u64;
                at = at.max(number as i64) + if leap == 0 { 3000 } else { i64::from(leap % 3) };
                prop_assert_eq!(window.check(number), model.mark(size, number));
                taken += u64::from(window.mark(number).is_some());
                prop_assert_eq!(window.missing(), model.highest - taken);
            }
        }

        /// The same walks over the end of a lap, of which only the lower halves are told: whatever lies in the window or less
        /// than a lap above it is known again, and nothing is fresh twice.
        #[test]
        fn extended_numbers_are_known_by_their_lower_half(
            size in prop::sample::select(vec![64u32, 128, 1000, 1024]),
            start in prop::sample::select(vec![1u64, LAP - 900, 5 * LAP - 500, 7 * LAP + 100, (1 << 63) - 300]),
            steps in prop::collection::vec((-1100i64..40, 0u32..200), 1000),
        ) {
            let (mut window, mut model) = (Window::new(size, true), Model::default());
            window.mark(start);
            model.mark(size, start);
            let mut at = start;
            for (step, leap) in steps {
                let number = at.saturating_add_signed(step);
                at = at.max(number) + match leap { 0 => 3000, 1 => LAP / 2, other => u64::from(other % 3) };
                let inside = number + u64::from(size) > model.highest;
                let told = window.number(number as u32).expect("far from the end");
                prop_assert_eq!(told == number, inside);
                if inside {
                    prop_assert_eq!(window.check(told), model.mark(size, number));
                    window.mark(told);
                } else {
                    prop_assert!(told > model.highest, "taken for one of the next lap, whose proof fails");
                }
            }
        }
    }
}
