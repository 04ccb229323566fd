//! The rate limit of an SA pair, each way.

use std::sync::atomic::Ordering::Relaxed;

use super::Child;
use crate::congestion;
use crate::rate::{Bucket, Verdict};
use crate::Nanos;

/// A bucket for each direction.
pub(super) struct Limiter {
    inbound: Bucket,
    outbound: Bucket,
}

impl Limiter {
    pub(super) fn new(rate: u64) -> Self {
        Self { inbound: Bucket::new(rate), outbound: Bucket::new(rate) }
    }
}

impl Child {
    /// Whether `set_time` is wanted before `send`.
    pub fn has_limit(&self) -> bool {
        self.limits.is_some()
    }

    /// What time it is, for the rate of what leaves.
    pub fn set_time(&self, now: Nanos) {
        if let Some(limits) = &self.limits {
            limits.outbound.set_time(now);
        }
    }

    /// Whether a packet of `len` octets must leave with a mark; `None`: it must not leave. Counts what is lost.
    pub(super) fn outbound_mark(&self, len: usize) -> Option<bool> {
        let Some(limits) = &self.limits else { return Some(false) };
        self.judged(limits.outbound.take(len))
    }

    /// What time it is, for the rate of what comes in.
    pub(super) fn set_arrival(&self, now: Nanos) {
        if let Some(limits) = &self.limits {
            limits.inbound.set_time(now);
        }
    }

    /// Whether an inner packet may come in; it is marked if it must be.
    pub(super) fn within_rate(&self, packet: &mut [u8]) -> bool {
        let Some(limits) = &self.limits else { return true };
        let Some(mark) = self.judged(limits.inbound.take(packet.len())) else { return false };
        congestion::slow_down_if(mark, packet);
        true
    }

    fn judged(&self, verdict: Verdict) -> Option<bool> {
        if verdict == Verdict::Drop {
            self.tally.limited.fetch_add(1, Relaxed);
            return None;
        }
        Some(verdict == Verdict::Mark)
    }
}
