//! What goes out by an SA pair: cut, fragmented, compressed and laid out in batches that are sealed together.

use std::sync::atomic::Ordering::Relaxed;

use super::Child;
use crate::batch::Batch;
use crate::congestion;
use crate::fragment::fragments;
use crate::ip::{Header, Version};
use crate::ipcomp::{self, Deflater};
use crate::ipv4::SHORTEST_HEADER;
use crate::lifetime::Expiry;
use crate::mss;
use crate::size::sealed_len;
use crate::split::{finish_checksum, Segments};
use crate::vnet::{Frame, Segmentation};

/// What became of a packet on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Carried(Option<Expiry>),
    /// It must not be fragmented and has more than `Child::largest_whole` octets.
    TooBig,
}

/// Where `send` puts sealed packets, used again and again. A batch holds packets of one SA pair only: whoever turns to
/// another pair calls `Child::seal` first.
#[derive(Default)]
pub struct Outgoing {
    batch: Batch,
    segment: Vec<u8>,
    fragment: Vec<u8>,
    deflater: Deflater,
}

/// Takes a sealed batch away.
pub type Emit<'a> = dyn FnMut(&Batch) + 'a;

/// What ESP carries: its protocol and octets, and those of the inner packet, which count.
#[derive(Clone, Copy)]
struct Load {
    next_header: u8,
    len: usize,
    inner: usize,
}

impl Child {
    /// Puts an inner packet into the batch, cut as `frame` wants it and in fragments if it must be. Full batches are
    /// sealed and given to `emit`; `seal` does that for the last one.
    pub fn send(
        &self,
        packet: &mut [u8],
        header: &Header,
        frame: &Frame,
        out: &mut Outgoing,
        emit: &mut Emit<'_>,
    ) -> Sent {
        if !out.batch.goes_as(congestion::outer_class(header.class)) {
            self.protect(&mut out.batch, emit);
            out.batch.set_class(congestion::outer_class(header.class));
        }
        if frame.segmentation != Segmentation::None {
            return match Segments::new(packet, header, frame) {
                Some(segments) => self.send_segments(segments, header, out, emit),
                None => Sent::Carried(None),
            };
        }
        if frame.needs_checksum && !finish_checksum(packet, header, frame) {
            return Sent::Carried(None);
        }
        mss::clamp(packet, header, self.largest_inner());
        self.send_one(&mut packet[..header.total], header, out, emit)
    }

    fn send_segments(
        &self,
        mut segments: Segments<'_>,
        header: &Header,
        out: &mut Outgoing,
        emit: &mut Emit<'_>,
    ) -> Sent {
        let mut expiry = None;
        while let Some(len) = segments.next_len().filter(|_| !self.life.is_over()) {
            if len <= self.largest_whole(header.version) && self.compression.is_none() {
                let Some(mark) = self.outbound_mark(len) else {
                    segments.skip_next();
                    continue;
                };
                let load = Load { next_header: header.version.protocol(), len, inner: len };
                let write = |room: &mut [u8]| {
                    segments.write_next(room);
                    congestion::slow_down_if(mark, room);
                };
                expiry = self.lay_out(load, &mut out.batch, emit, write).or(expiry);
                continue;
            }
            let mut segment = std::mem::take(&mut out.segment);
            segment.resize(len, 0);
            segments.write_next(&mut segment);
            let sent = self.send_one(&mut segment, &Header { total: len, ..*header }, out, emit);
            out.segment = segment;
            match sent {
                Sent::Carried(told) => expiry = told.or(expiry),
                Sent::TooBig => return Sent::TooBig,
            }
        }
        Sent::Carried(expiry)
    }

    fn send_one(&self, packet: &mut [u8], header: &Header, out: &mut Outgoing, emit: &mut Emit<'_>) -> Sent {
        if packet.len() > self.largest_whole(header.version) && header.dont_fragment {
            return Sent::TooBig;
        }
        let Some(mark) = self.outbound_mark(packet.len()) else { return Sent::Carried(None) };
        congestion::slow_down_if(mark, packet);
        if packet.len() <= self.largest_whole(header.version) {
            return Sent::Carried(self.carry(packet, header.version, out, emit));
        }
        let (mut expiry, mut fragment) = (None, std::mem::take(&mut out.fragment));
        let mut pieces = fragments(packet, header, self.largest_inner());
        while pieces.next_into(&mut fragment) {
            expiry = self.carry(&fragment, header.version, out, emit).or(expiry);
        }
        out.fragment = fragment;
        Sent::Carried(expiry)
    }

    /// A packet that leaves as it is, or compressed.
    fn carry(&self, packet: &[u8], version: Version, out: &mut Outgoing, emit: &mut Emit<'_>) -> Option<Expiry> {
        let (protocol, inner) = (version.protocol(), packet.len());
        let Outgoing { batch, deflater, .. } = out;
        let compression = self.compression.as_ref();
        let (next_header, octets) = match compression.and_then(|it| it.deflate(packet, protocol, deflater)) {
            Some(deflated) => (ipcomp::PROTOCOL, deflated),
            None => (protocol, packet),
        };
        let load = Load { next_header, len: octets.len(), inner };
        self.lay_out(load, batch, emit, |room| room.copy_from_slice(octets))
    }

    /// The next packet of the batch, whose octets `write` writes; not sealed yet.
    fn lay_out(
        &self,
        load: Load,
        batch: &mut Batch,
        emit: &mut Emit<'_>,
        write: impl FnOnce(&mut [u8]),
    ) -> Option<Expiry> {
        debug_assert!(load.inner >= SHORTEST_HEADER);
        if self.life.is_over() {
            return None;
        }
        let sequence = self.next_sequence.fetch_add(1, Relaxed);
        let numbered = self.life.numbered(sequence);
        if self.life.is_over() {
            return numbered;
        }
        let sealed = sealed_len(self.sealer.shape(), load.len);
        if !batch.takes(sealed) {
            self.protect(batch, emit);
        }
        write(self.sealer.lay_out(sequence, load.len, load.next_header, batch.push(sealed)));
        self.tally.packets_out.fetch_add(1, Relaxed);
        let inner = load.inner as u64;
        let octets = self.tally.octets_out.fetch_add(inner, Relaxed) + inner;
        self.life.spent(octets).or(numbered)
    }

    /// Seals what `send` put into the batch, and gives it to `emit`.
    pub fn seal(&self, out: &mut Outgoing, emit: &mut Emit<'_>) {
        self.protect(&mut out.batch, emit);
    }

    fn protect(&self, batch: &mut Batch, emit: &mut Emit<'_>) {
        if !batch.is_empty() {
            let stride = batch.stride();
            self.sealer.protect(batch.octets_mut(), stride);
            emit(batch);
            batch.clear();
        }
    }
}
