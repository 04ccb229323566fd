//! A limit of octets per second: a bucket that lets bursts through, marks what knows marks when it runs low, and refuses
//! what it does not hold. Nothing waits: a queue here would only add delay.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::batch::MOST_OCTETS;
use crate::Nanos;

const SECOND: u64 = 1_000_000_000;
/// What an idle bucket holds: this time's worth of octets, and never less than two whole batches.
const BURST: Nanos = SECOND / 20;
const LEAST_BURST: u64 = 2 * MOST_OCTETS as u64;

/// One direction. Its users are one thread; a race between two would only let a packet too many through.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Octets a second, not 0.
    rate: u64,
    burst: Nanos,
    now: AtomicU64,
    /// When it will be full again if nobody takes anything.
    full_at: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    /// Less than half is left: the ends should slow down.
    Mark,
    Drop,
}

impl Bucket {
    /// `rate` in octets a second; a bucket of 0 would never let anything through, and counts as 1.
    pub(crate) fn new(rate: u64) -> Self {
        let rate = rate.max(1);
        let burst = BURST.max(time_of(LEAST_BURST, rate));
        Self { rate, burst, now: AtomicU64::new(0), full_at: AtomicU64::new(0) }
    }

    pub(crate) fn set_time(&self, now: Nanos) {
        self.now.store(now, Relaxed);
    }

    /// Takes `octets` out, as of the time that was set last, unless they are too many.
    pub(crate) fn take(&self, octets: usize) -> Verdict {
        let now = self.now.load(Relaxed);
        let full_at = self.full_at.load(Relaxed).max(now);
        let (missing, cost) = (full_at - now, time_of(octets as u64, self.rate));
        if missing.saturating_add(cost) > self.burst {
            return Verdict::Drop;
        }
        self.full_at.store(full_at + cost, Relaxed);
        if missing > self.burst / 2 {
            Verdict::Mark
        } else {
            Verdict::Pass
        }
    }
}

fn time_of(octets: u64, rate: u64) -> Nanos {
    octets.saturating_mul(SECOND) / rate
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 20 Mbit/s.
    const RATE: u64 = 2_500_000;

    #[test]
    fn a_burst_passes_then_marks_then_drops() {
        let bucket = Bucket::new(RATE);
        bucket.set_time(77);
        let verdicts: Vec<Verdict> = (0..100).map(|_| bucket.take(1400)).collect();
        let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
        assert_eq!((count(Verdict::Pass), count(Verdict::Mark), count(Verdict::Drop)), (47, 46, 7));
        assert!(verdicts.is_sorted_by_key(|verdict| *verdict as u8));
        bucket.set_time(77 + SECOND);
        assert_eq!(bucket.take(1400), Verdict::Pass);
    }

    #[test]
    fn two_batches_pass_whatever_the_rate() {
        for rate in [0, 1, 125_000, 1 << 40] {
            let bucket = Bucket::new(rate);
            bucket.set_time(1);
            assert_ne!(bucket.take(MOST_OCTETS), Verdict::Drop);
            assert_ne!(bucket.take(MOST_OCTETS), Verdict::Drop);
        }
    }

    proptest! {
        /// However packets come, all that passes is the burst and the rate.
        #[test]
        fn the_rate_holds(packets in prop::collection::vec((0u64..2_000_000, 20usize..1500), 1..2000)) {
            let bucket = Bucket::new(RATE);
            let (mut now, mut passed) = (0, 0);
            for (gap, octets) in packets {
                now += gap;
                bucket.set_time(now);
                if bucket.take(octets) != Verdict::Drop {
                    passed += octets as u64;
                }
            }
            prop_assert!(passed <= LEAST_BURST + now * RATE / SECOND + 1500);
        }
    }
}
