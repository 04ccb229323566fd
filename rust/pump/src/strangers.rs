//! Senders of packets that belong to no SA pair. Anybody can be one, and as many as there are addresses, so that what the
//! control side hears of them is bounded: in all, and for each of them.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;

use lotor_esp::Nanos;

/// Senders share the places by a hash that nobody outside knows.
const PLACES: usize = 256;
/// Between two reports for a place: 512 a second in all, whoever floods.
const PAUSE: Nanos = 500_000_000;

pub(crate) struct Strangers {
    hash: RandomState,
    told: [Option<Nanos>; PLACES],
}

impl Default for Strangers {
    fn default() -> Self {
        Self { hash: RandomState::new(), told: [None; PLACES] }
    }
}

impl Strangers {
    /// Whether the control side is to hear of a packet of this sender.
    pub(crate) fn admit(&mut self, sender: SocketAddr, now: Nanos) -> bool {
        let place = (self.hash.hash_one(sender) % PLACES as u64) as usize;
        let admits = self.told[place].is_none_or(|told| now >= told + PAUSE);
        if admits {
            self.told[place] = Some(now);
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_from_one_or_from_everywhere_is_told_a_bounded_number_of_times() {
        let mut strangers = Strangers::default();
        let mut told = |sender: fn(u16) -> u16, now| {
            (1..=20_000).filter(|port| strangers.admit(([192, 0, 2, 1], sender(*port)).into(), now)).count()
        };
        assert_eq!(told(|_| 4500, PAUSE), 1);
        assert_eq!(told(|_| 4500, 2 * PAUSE - 1), 0);
        assert_eq!(told(|_| 4500, 2 * PAUSE), 1);
        assert_eq!(told(|port| port, 9 * PAUSE), PLACES);
        assert_eq!(told(|port| port, 9 * PAUSE + 1), 0);
    }
}
