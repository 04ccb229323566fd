//! The incoming half of an SA pair: packets that came at once are opened at once, admitted and counted, and the path
//! follows their sender.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::MutexGuard;

use super::Child;
use crate::congestion;
use crate::ip::{Header, Version};
use crate::ipcomp::{self, Spare};
use crate::lifetime::Expiry;
use crate::mss;
use crate::network::any_contains;
use crate::open::{Opened, Refusal};
use crate::replay::{Mark, Window};
use crate::size::Encapsulation;
use crate::{Nanos, NEXT_HEADER_NONE};

/// For so long the path stays where it followed a packet to: a peer that sends every packet from somewhere else keeps
/// nobody busy.
const STAYS: Nanos = 100_000_000;

/// How packets came that came at once. `class`: DSCP and ECN of the outer header. `congested`: this end must slow their
/// senders down, as a router outside may have wished.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub via: Encapsulation,
    pub remote: SocketAddr,
    pub class: u8,
    pub congested: bool,
    pub now: Nanos,
}

/// What an authentic packet led to.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    /// The packet for the TUN device; `None` for a dummy, or one that may not come out here.
    pub inner: Option<Inner>,
    /// The pair follows the peer to this address.
    pub moved: Option<SocketAddr>,
    pub expiry: Option<Expiry>,
}

/// What lies at a place of the ESP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inner {
    Packet(Range<usize>),
    /// What `Child::inflate` makes a packet of.
    Compressed(Range<usize>),
}

/// A packet that was compressed: `len` octets at the start of `Spare::room`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inflated {
    pub len: usize,
    pub expiry: Option<Expiry>,
}

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
        if arrival.via != child.path().encapsulation || child.life.is_over() {
            return take(0, Err(Refusal::Unwanted));
        }
        child.set_arrival(arrival.now);
        let mut start = 0;
        child.opener.open_all(&mut self.window, packets, stride, |packet, opened| {
            take(start, child.received(packet, opened, arrival));
            start += packet.len();
        });
        child.tally.lost.store(self.window.missing(), Relaxed);
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
        let moved = self.follow(opened.mark, arrival);
        let admitted = self.admit(packet, &opened, arrival);
        let inner = admitted.inspect_err(|refusal| self.count_refusal(*refusal)).ok().flatten();
        let expiry = self.life.spent(self.tally.octets_in.load(Relaxed));
        Ok(Received { inner, moved, expiry })
    }

    /// Only the newest packet so far tells where the peer is now: an older one may come late from where it was. A path
    /// keeps its IP version: another one has another local address, which IKE finds out. It keeps its encapsulation, too:
    /// packets that came in UDP before the pair moved to native ESP lead it nowhere.
    pub(super) fn follow(&self, mark: Mark, arrival: &Arrival) -> Option<SocketAddr> {
        let remote = arrival.remote;
        if mark != Mark::Advanced || arrival.via != Encapsulation::Udp {
            return None;
        }
        let mut path = self.locked_path();
        if path.encapsulation != arrival.via {
            return None;
        }
        if path.remote == remote || path.version() != Version::of(remote.ip()) {
            return None;
        }
        let followed_at = self.followed_at.load(Relaxed);
        if followed_at > 0 && arrival.now < followed_at + STAYS {
            return None;
        }
        self.followed_at.store(arrival.now, Relaxed);
        path.remote = remote;
        Some(remote)
    }

    /// The inner packet, when it may come out of this tunnel; `None` for a dummy, and for what a congested router outside
    /// meant to drop.
    fn admit(&self, packet: &mut [u8], opened: &Opened, arrival: &Arrival) -> Result<Option<Inner>, Refusal> {
        let place = opened.payload.clone();
        match opened.next_header {
            NEXT_HEADER_NONE => Ok(None),
            ipcomp::PROTOCOL if self.compression.is_some() => Ok(Some(Inner::Compressed(place))),
            next_header => {
                let total = self.admit_inner(&mut packet[place.clone()], next_header, arrival)?;
                Ok(total.map(|total| Inner::Packet(place.start..place.start + total)))
            }
        }
    }

    /// The packet of an `Inner::Compressed`, when it may come out of this tunnel.
    pub fn inflate(&self, compressed: &[u8], arrival: &Arrival, mut spare: Spare<'_>) -> Option<Inflated> {
        let inflated = self.compression.as_ref()?.inflate(compressed, &mut spare).ok_or(Refusal::Misdirected);
        let admitted =
            inflated.and_then(|(next_header, len)| self.admit_inner(&mut spare.room[..len], next_header, arrival));
        let len = admitted.inspect_err(|refusal| self.count_refusal(*refusal)).ok()??;
        Some(Inflated { len, expiry: self.life.spent(self.tally.octets_in.load(Relaxed)) })
    }

    /// Octets of the packet at the start of `inner`.
    fn admit_inner(&self, inner: &mut [u8], next_header: u8, arrival: &Arrival) -> Result<Option<usize>, Refusal> {
        let header = Header::parse(inner).ok_or(Refusal::Misdirected)?;
        let belongs = next_header == header.version.protocol()
            && any_contains(&self.remote_networks, header.source)
            && any_contains(&self.local_networks, header.destination);
        if !belongs {
            return Err(Refusal::Misdirected);
        }
        if !congestion::pass_on(arrival.class, inner, &header) {
            return Ok(None);
        }
        if arrival.congested && !congestion::slow_down(inner) {
            self.count_shed(1);
            return Ok(None);
        }
        if !self.within_rate(&mut inner[..header.total]) {
            return Ok(None);
        }
        mss::clamp(inner, &header, self.largest_inner());
        self.tally.packets_in.fetch_add(1, Relaxed);
        self.tally.octets_in.fetch_add(header.total as u64, Relaxed);
        Ok(Some(header.total))
    }

    fn count_refusal(&self, refusal: Refusal) {
        match refusal {
            Refusal::Replayed => self.tally.replayed.fetch_add(1, Relaxed),
            Refusal::Forged => self.tally.forged.fetch_add(1, Relaxed),
            Refusal::Misdirected => self.tally.misdirected.fetch_add(1, Relaxed),
            Refusal::Unwanted => 0,
        };
    }
}
