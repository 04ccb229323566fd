//! Packets such as pass a tunnel: several flows of every kind side by side, large packets that are to be cut, fragments, and
//! packets that somebody damaged.

use crate::reference::{finish, put, word, TCP, UDP, VNET};
use crate::source::Source;

const ACK: u8 = 0x10;
const SYN: u8 = 0x02;
const LEASE: [u8; 4] = [10, 99, 99, 1];
const INSIDE: [u8; 4] = [10, 0, 12, 7];
pub(crate) const LEASE6: [u8; 16] = [0xfd, 0, 0, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub(crate) const INSIDE6: [u8; 16] = [0xfd, 0, 0, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];

/// One flow. `between`: IP options, or extension headers, of which the first has the number `first`. `transport`: octets of
/// the transport header.
struct Kind {
    version: u8,
    protocol: u8,
    first: u8,
    between: &'static [u8],
    transport: usize,
}

const fn plain(version: u8, protocol: u8, transport: usize) -> Kind {
    Kind { version, protocol, first: protocol, between: &[], transport }
}

const fn longer(version: u8, protocol: u8, first: u8, between: &'static [u8], transport: usize) -> Kind {
    Kind { version, protocol, first, between, transport }
}

const KINDS: [Kind; 20] = [
    plain(4, TCP, 20),
    plain(6, TCP, 20),
    plain(4, UDP, 8),
    plain(6, UDP, 8),
    plain(4, TCP, 32),
    plain(6, TCP, 32),
    plain(4, TCP, 20),
    plain(6, TCP, 60),
    plain(4, UDP, 8),
    plain(4, 1, 8),
    plain(6, 58, 8),
    plain(4, 132, 12),
    plain(6, 59, 0),
    longer(4, TCP, TCP, &[1, 1, 1, 0], 20),
    longer(4, UDP, UDP, &[0x94, 4, 0, 0, 0x44, 4, 1, 1], 8),
    longer(6, TCP, 60, &[TCP, 0, 1, 4, 0, 0, 0, 0], 20),
    longer(6, UDP, 0, &[43, 0, 5, 2, 0, 0, 1, 0, UDP, 0, 4, 0, 0, 0, 0, 0], 8),
    longer(6, UDP, 43, &[UDP, 0, 4, 1, 0, 0, 0, 0], 8),
    longer(6, TCP, 44, &[TCP, 0, 0, 1, 0, 0, 0, 9], 20),
    longer(6, UDP, 44, &[UDP, 0, 0, 0, 0, 0, 0, 9], 8),
];

/// Where each flow stands.
#[derive(Default)]
pub(crate) struct Flows([Place; KINDS.len()]);

#[derive(Clone, Copy, Default)]
struct Place {
    sequence: u32,
    id: u16,
}

/// What the kernel hands over: what is to be done to the packet (`struct virtio_net_hdr`), and the packet.
pub(crate) struct Given {
    pub(crate) frame: [u8; VNET],
    pub(crate) packet: Vec<u8>,
}

impl Flows {
    /// A packet that is complete, its sums right, or wrong where somebody meant it.
    pub(crate) fn complete(&mut self, source: &mut Source<'_>) -> Vec<u8> {
        let kind = source.below(KINDS.len());
        let payload = payload(source);
        let mut packet = self.next(kind, payload, 1, source);
        if source.rarely(16) {
            fragment(&mut packet, source);
        }
        packet
    }

    /// Anything: complete packets, damaged ones, and octets without any sense.
    pub(crate) fn any(&mut self, source: &mut Source<'_>) -> Vec<u8> {
        if source.rarely(16) {
            let len = source.below(80);
            return source.take(len).to_vec();
        }
        let mut packet = self.complete(source);
        if source.rarely(4) {
            damage(&mut packet, source);
        }
        packet
    }

    /// A packet of TCP or UDP that is to be cut, or anything else as it is.
    pub(crate) fn large(&mut self, largest: usize, source: &mut Source<'_>) -> Given {
        let kind = source.below(KINDS.len());
        let size = 1 + source.below(1200);
        let payload = source.below(largest).min(64 * size);
        let Kind { version, protocol, between, .. } = KINDS[kind];
        if !matches!(protocol, TCP | UDP)
            || between.len() > 8
            || payload <= size
            || matches!(KINDS[kind].first, 43 | 44)
        {
            return Given { frame: [0; VNET], packet: self.next(kind, payload.min(1200), 1, source) };
        }
        let packet = self.next(kind, payload, payload.div_ceil(size), source);
        let mut frame = [0; VNET];
        frame[0] = 1;
        frame[1] = match (protocol, version) {
            (UDP, _) => 5,
            (_, 4) => 1,
            _ => 4,
        };
        frame[4..6].copy_from_slice(&(size as u16).to_ne_bytes());
        Given { frame, packet }
    }

    /// The next packet of a flow, which stands for so many.
    fn next(&mut self, kind: usize, payload: usize, packets: usize, source: &mut Source<'_>) -> Vec<u8> {
        let place = &mut self.0[kind];
        if source.rarely(16) {
            place.sequence = place.sequence.wrapping_add(u32::from(source.octet()));
            place.id = place.id.wrapping_add(u16::from(source.octet() % 4));
        }
        let flavour = source.octet();
        let mut packet = written(kind, *place, payload, flavour, source);
        finish(&mut packet);
        if flavour == 0xff {
            strange_sums(&KINDS[kind], &mut packet);
        }
        place.sequence = place.sequence.wrapping_add(payload as u32);
        place.id = place.id.wrapping_add(packets as u16);
        packet
    }
}

/// Mostly the same few lengths, since only equal ones are joined.
fn payload(source: &mut Source<'_>) -> usize {
    match source.octet() {
        0..=99 => 1000,
        100..=149 => 100,
        150..=179 => 99,
        180..=199 => 0,
        other => source.below(1200).max(usize::from(other) % 3),
    }
}

fn written(kind: usize, place: Place, payload: usize, flavour: u8, source: &mut Source<'_>) -> Vec<u8> {
    let Kind { version, protocol, first, between, transport } = KINDS[kind];
    let mut packet = match version {
        4 => front4(place.id, first, between.len(), kind),
        _ => front6(first),
    };
    packet.extend_from_slice(between);
    let at = packet.len();
    packet.resize(at + transport + payload, 0);
    packet[at + transport..].iter_mut().enumerate().for_each(|(at, octet)| *octet = (at % 253) as u8 ^ flavour);
    match protocol {
        TCP => tcp(&mut packet[at..], kind, place.sequence, transport),
        UDP => put(&mut packet, at + 4, 8 + payload),
        _ => (),
    }
    if matches!(protocol, TCP | UDP) {
        packet[at..at + 4].copy_from_slice(&[4, kind as u8, 0, 80]);
    }
    vary(&mut packet, at, protocol, flavour, source);
    let len = packet.len();
    put(&mut packet, if version == 4 { 2 } else { 4 }, if version == 4 { len } else { len - 40 });
    packet
}

fn front4(id: u16, protocol: u8, options: usize, kind: usize) -> Vec<u8> {
    let mut front = vec![0; 20];
    front[0] = 0x45 + (options / 4) as u8;
    put(&mut front, 4, id.into());
    front[6] = if kind == 6 { 0x40 } else { 0 };
    front[8..10].copy_from_slice(&[64, protocol]);
    front[12..16].copy_from_slice(&LEASE);
    front[16..20].copy_from_slice(&INSIDE);
    front
}

fn front6(protocol: u8) -> Vec<u8> {
    [&[0x60, 0, 0xab, 0xcd, 0, 0, protocol, 64][..], &LEASE6, &INSIDE6].concat()
}

fn tcp(segment: &mut [u8], kind: usize, sequence: u32, headers: usize) {
    segment[4..8].copy_from_slice(&sequence.to_be_bytes());
    segment[8..12].copy_from_slice(&[kind as u8; 4]);
    segment[12..16].copy_from_slice(&[(headers as u8 / 4) << 4, ACK, 1, 0]);
    segment[20..headers].fill(1);
}

/// What makes a packet different from the one before it: a class, a mark, flags, a window, options.
fn vary(packet: &mut [u8], at: usize, protocol: u8, flavour: u8, source: &mut Source<'_>) {
    if flavour < 192 {
        return;
    }
    match flavour % 8 {
        0 if packet[0] >> 4 == 4 => packet[1] = source.octet(),
        0 => packet[1] = source.octet() & 0xf0,
        1 => packet[if packet[0] >> 4 == 4 { 8 } else { 7 }] = source.octet(),
        2 if packet[0] >> 4 == 4 => packet[6] ^= 0x40,
        3 if protocol == TCP => packet[at + 13] = source.octet() & !SYN,
        4 if protocol == TCP => packet[at + 13] |= 0x08,
        5 if protocol == TCP => packet[at + 14] = source.octet(),
        6 if protocol == TCP => packet[at + 18] = source.octet(),
        _ if protocol == TCP => packet[at + 13] = source.pick(&[0x18, 0x11, 0x19, 0x50, 0x90, 0x30, 0x14]),
        _ => (),
    }
}

/// Sums that hold and that nobody computes: 0xffff in place of 0 (RFC 1624 §3), and none where there may be none.
fn strange_sums(kind: &Kind, packet: &mut [u8]) {
    let at = if kind.version == 4 { 20 } else { 40 } + kind.between.len();
    let payload = at + kind.transport;
    match kind.protocol {
        TCP if packet.len() >= payload + 2 => turn_to_ones(packet, at + 16, payload),
        UDP if kind.version == 4 => put(packet, at + 6, 0),
        _ => (),
    }
}

/// Adds the sum at `field` to the word at `spare`, so that it comes out as zero, and writes it with all bits set.
fn turn_to_ones(packet: &mut [u8], field: usize, spare: usize) {
    let total = u32::from(word(packet, field)) + u32::from(word(packet, spare));
    put(packet, spare, (total % 0x1_0000 + total / 0x1_0000) as usize);
    put(packet, field, 0xffff);
}

/// A later or first fragment of IPv4.
fn fragment(packet: &mut [u8], source: &mut Source<'_>) {
    if packet[0] >> 4 == 4 {
        let place = source.pick(&[0x2000, 0x2001, 0x0007, 0x3fff, 0x1fff]);
        put(packet, 6, place);
        finish(packet);
    }
}

/// A few octets are others; half of the time the sums are right again.
fn damage(packet: &mut Vec<u8>, source: &mut Source<'_>) {
    for _ in 0..1 + source.below(3) {
        let at = source.below(packet.len().clamp(1, 100));
        let with = source.octet();
        if let Some(octet) = packet.get_mut(at) {
            *octet ^= with;
        }
    }
    match source.below(4) {
        0 => finish(packet),
        1 => packet.extend_from_slice(&[0; 3]),
        _ => (),
    }
}
