//! The incoming half of an SA pair: packets that came at once, opened at once.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::MutexGuard;

use super::{Arrival, Child, Received};
use crate::open::{Opened, Refusal};
use crate::replay::Window;

/// One SA pair, for the packets that came at once.
pub struct Receiver<'a> {
    child: &'a Child,
    window: MutexGuard<'a, Window>,
}

impl Receiver<'_> {
    pub fn child(&self) -> &Child {
        self.child
    }

    /// Opens in place ESP packets of `stride` octets (the last maybe shorter) with the pair's SPI, counts them, and tells
    /// `take` what became of each, with the place where it begins.
    pub fn receive_all(
        &mut self,
        packets: &mut [u8],
        stride: usize,
        arrival: &Arrival,
        mut take: impl FnMut(usize, Result<Received, Refusal>),
    ) {
        let child = self.child;
        if arrival.via != child.encapsulation || child.life.is_over() {
            return take(0, Err(Refusal::Unwanted));
        }
        let mut start = 0;
        child.opener.open_all(&mut self.window, packets, stride, |packet, opened| {
            take(start, child.received(packet, opened, arrival));
            start += packet.len();
        });
    }

    /// One packet.
    #[cfg(test)]
    pub(crate) fn receive(&mut self, packet: &mut [u8], arrival: &Arrival) -> Result<Received, Refusal> {
        let (stride, mut verdict) = (packet.len(), Err(Refusal::Forged));
        self.receive_all(packet, stride, arrival, |_, received| verdict = received);
        verdict
    }
}

impl Child {
    /// Ready to receive packets that came at once; nobody else receives for this pair meanwhile.
    pub fn receiver(&self) -> Receiver<'_> {
        Receiver { child: self, window: self.opener.window() }
    }

    /// Counts a packet that was opened, or not, and says what follows.
    fn received(
        &self,
        packet: &mut [u8],
        opened: Result<Opened, Refusal>,
        arrival: &Arrival,
    ) -> Result<Received, Refusal> {
        if self.life.is_over() {
            return Err(Refusal::Unwanted);
        }
        let opened = opened.inspect_err(|refusal| self.count_refusal(*refusal))?;
        self.tally.last_inbound.store(arrival.now, Relaxed);
        let moved = self.follow(opened.mark, arrival.remote);
        let admitted = self.admit(packet, &opened, arrival.class);
        let inner = admitted.inspect_err(|refusal| self.count_refusal(*refusal)).ok().flatten();
        let expiry = self.life.spent(self.tally.octets_in.load(Relaxed));
        Ok(Received { inner, moved, expiry })
    }
}
