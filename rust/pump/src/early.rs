//! ESP packets that came before their SA pair. A peer that answers with the keys of a pair may send with them at once, and
//! its first packets come while the control side still reads the answer. They are kept for a moment, so that none is lost.

use std::collections::VecDeque;

use lotor_esp::child::Arrival;
use lotor_esp::Nanos;

/// A moment: so long the control side takes at most, on a busy host.
const KEPT: Nanos = 500_000_000;
/// What is kept in all. Anybody can forge packets of no pair; those of a peer that fill this are lost as they were before.
const MOST: usize = 64;
const MOST_OCTETS: usize = 128 * 1024;

/// `stride`: octets of each packet but the last, as the kernel gathered them. `door`: where they came in.
pub(crate) struct Early {
    pub(crate) spi: u32,
    pub(crate) octets: Vec<u8>,
    pub(crate) stride: usize,
    pub(crate) door: usize,
    pub(crate) arrival: Arrival,
}

/// In the order in which they came.
#[derive(Default)]
pub(crate) struct Waiting {
    packets: VecDeque<Early>,
    octets: usize,
}

impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Whether there is room; what waited too long is forgotten.
    pub(crate) fn has_room(&mut self, octets: usize, now: Nanos) -> bool {
        while self.packets.front().is_some_and(|first| now >= first.arrival.now + KEPT) {
            self.take_first();
        }
        self.packets.len() < MOST && self.octets + octets <= MOST_OCTETS
    }

    pub(crate) fn keep(&mut self, early: Early) {
        self.octets += early.octets.len();
        self.packets.push_back(early);
    }

    /// Those whose pair is there by now.
    pub(crate) fn take(&mut self, known: impl Fn(u32) -> bool, now: Nanos) -> Vec<Early> {
        self.has_room(0, now);
        let (found, left): (Vec<_>, Vec<_>) = self.packets.drain(..).partition(|each| known(each.spi));
        self.octets = left.iter().map(|each| each.octets.len()).sum();
        self.packets = left.into();
        found
    }

    fn take_first(&mut self) {
        if let Some(first) = self.packets.pop_front() {
            self.octets -= first.octets.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use lotor_esp::size::Encapsulation;

    use super::*;

    fn early(spi: u32, octets: usize, now: Nanos) -> Early {
        let remote = ([192, 0, 2, 50], 4500).into();
        let arrival = Arrival { via: Encapsulation::Udp, remote, class: 0, congested: false, now };
        Early { spi, octets: vec![0; octets], stride: octets, door: 0, arrival }
    }

    #[test]
    fn what_waits_comes_out_in_order_when_its_pair_is_there() {
        let mut waiting = Waiting::default();
        for (spi, octets) in [(300, 1), (301, 2), (300, 3)] {
            assert!(waiting.has_room(octets, 0));
            waiting.keep(early(spi, octets, 0));
        }
        assert!(waiting.take(|spi| spi == 7, 1).is_empty());
        let lengths: Vec<usize> = waiting.take(|spi| spi == 300, 1).iter().map(|each| each.octets.len()).collect();
        assert_eq!(lengths, [1, 3]);
        assert!(waiting.take(|spi| spi == 300, 1).is_empty());
        assert_eq!(waiting.take(|_| true, 1).len(), 1);
        assert!(waiting.is_empty());
    }

    #[test]
    fn a_flood_is_bounded_and_soon_forgotten() {
        let mut waiting = Waiting::default();
        let mut fill = |octets: usize, now: Nanos| {
            let mut kept = 0;
            while waiting.has_room(octets, now) && kept < 10_000 {
                waiting.keep(early(300, octets, now));
                kept += 1;
            }
            kept
        };
        assert_eq!(fill(100, 0), MOST);
        assert_eq!(fill(100, KEPT - 1), 0);
        assert_eq!(fill(MOST_OCTETS / 2, KEPT), 2);
        assert_eq!(fill(1, KEPT), 0);
        assert_eq!(fill(MOST_OCTETS + 1, 2 * KEPT), 0);
        assert!(waiting.is_empty());
    }
}
