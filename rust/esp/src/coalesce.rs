//! Coalescing: packets of one flow become one large packet that the kernel takes in one go, and could cut again into
//! exactly the same packets. Whatever is not certain to survive that stays as it is.

use std::ops::Range;

use crate::checksum::{checksum, pseudo_sum, sum};
use crate::ip::{set_word, word, Header, Version, TCP, UDP};
use crate::vnet::{Frame, Segmentation};
use crate::{ipv4, ipv6};

/// Flows that are collected at the same time.
const FLOWS: usize = 16;
/// As many segments as the kernel takes for one packet, whatever its version.
const MOST_SEGMENTS: usize = 64;
const LARGEST_PACKET: usize = 65_535;
const SHORTEST_TCP: usize = 20;
const UDP_HEADER: usize = 8;
const FLAGS: usize = 13;
const ACK: u8 = 0x10;
const PSH: u8 = 0x08;

/// Takes what is ready: a frame, and the pieces of `arena` that follow each other behind it.
pub type Deliver<'a> = dyn FnMut(&Frame, &[u8], &[Range<usize>]) + 'a;

/// What the kernel takes as one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    pub tcp: bool,
    pub udp: bool,
}

/// Collects packets that lie in one arena. Packets of one flow come out in the order they came.
pub struct Coalescer {
    kinds: Kinds,
    runs: [Run; FLOWS],
    /// How many of `runs` are in use.
    used: usize,
}

/// Addresses, ports, protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Flow {
    version: Version,
    protocol: u8,
    ports: [u8; 4],
    /// Those of IPv4 are the first eight octets.
    addresses: [u8; 32],
}

/// Packets of one flow, each continuing the one before.
struct Run {
    flow: Flow,
    /// Octets of all headers.
    headers: usize,
    /// Octets of payload in the first packet.
    size: usize,
    /// Octets of payload in all.
    payload: usize,
    /// The first packet, then the payload of each further one.
    pieces: Vec<Range<usize>>,
    /// A short or pushed segment is the last one.
    closed: bool,
    pushed: bool,
}

/// A packet that can stand in a run.
struct Candidate {
    flow: Flow,
    headers: usize,
    payload: usize,
    pushed: bool,
}

impl Coalescer {
    pub fn new(kinds: Kinds) -> Self {
        Self { kinds, runs: std::array::from_fn(|_| Run::new()), used: 0 }
    }

    /// Takes the packet at `place`, which `flush` may deliver much later: until then its octets stay where they are.
    pub fn add(&mut self, arena: &mut [u8], place: Range<usize>, deliver: &mut Deliver<'_>) {
        let packet = &arena[place.clone()];
        let Some(header) = Header::parse(packet).filter(|header| header.total == packet.len()) else {
            return self.alone(arena, place, deliver);
        };
        let Some(flow) = Flow::of(packet, &header) else { return self.alone(arena, place, deliver) };
        let found = self.runs[..self.used].iter().position(|run| run.flow == flow);
        let candidate = self.candidate(packet, &header, flow);
        match (found, candidate) {
            (Some(at), Some(candidate)) if self.runs[at].continues(arena, &place, &candidate) => {
                self.runs[at].extend(place, &candidate);
            }
            (found, candidate) => {
                if let Some(at) = found {
                    self.finish(at, arena, deliver);
                }
                match candidate {
                    Some(candidate) => self.begin(arena, place, &candidate, deliver),
                    None => deliver(&Frame::default(), arena, &[place]),
                }
            }
        }
    }

    /// Delivers all that was collected.
    pub fn flush(&mut self, arena: &mut [u8], deliver: &mut Deliver<'_>) {
        for run in &mut self.runs[..self.used] {
            run.finish(arena, deliver);
        }
        self.used = 0;
    }

    /// A packet whose flow is not known overtakes nothing.
    fn alone(&mut self, arena: &mut [u8], place: Range<usize>, deliver: &mut Deliver<'_>) {
        self.flush(arena, deliver);
        deliver(&Frame::default(), arena, &[place]);
    }

    fn begin(&mut self, arena: &mut [u8], place: Range<usize>, candidate: &Candidate, deliver: &mut Deliver<'_>) {
        if self.used == FLOWS {
            self.finish(0, arena, deliver);
        }
        self.runs[self.used].begin(place, candidate);
        self.used += 1;
    }

    fn finish(&mut self, at: usize, arena: &mut [u8], deliver: &mut Deliver<'_>) {
        self.runs[at].finish(arena, deliver);
        self.used -= 1;
        self.runs.swap(at, self.used);
    }

    fn candidate(&self, packet: &[u8], header: &Header, flow: Flow) -> Option<Candidate> {
        let transport = &packet[header.len..];
        let (len, pushed) = match header.protocol {
            TCP if self.kinds.tcp => (tcp_header(transport)?, transport[FLAGS] & PSH != 0),
            UDP if self.kinds.udp => (udp_header(transport)?, false),
            _ => return None,
        };
        let payload = transport.len() - len;
        let intact = header.len == header.version.header_len()
            && payload > 0
            && (header.version == Version::V6 || header_sums_up(&packet[..header.len]))
            && sums_up(packet, header.protocol, transport);
        intact.then_some(Candidate { flow, headers: header.len + len, payload, pushed })
    }
}

impl Flow {
    /// `None` for fragments and for protocols without ports.
    fn of(packet: &[u8], header: &Header) -> Option<Self> {
        if !matches!(header.protocol, TCP | UDP) || header.is_fragment() {
            return None;
        }
        let ports = *packet.get(header.len..)?.first_chunk()?;
        let mut addresses = [0; 32];
        match header.version {
            Version::V4 => addresses[..8].copy_from_slice(&packet[12..20]),
            Version::V6 => addresses.copy_from_slice(&packet[8..40]),
        }
        Some(Self { version: header.version, protocol: header.protocol, ports, addresses })
    }
}

/// A checksum of all ones holds where zero does (RFC 1624 §3), but whoever cuts writes zero.
const NOBODYS: u16 = 0xffff;

fn header_sums_up(header: &[u8]) -> bool {
    checksum(header) == 0 && word(header, 10) != NOBODYS
}

/// Octets of the header of a segment that carries data and says nothing else.
fn tcp_header(segment: &[u8]) -> Option<usize> {
    if segment.len() < SHORTEST_TCP || segment[FLAGS] & !PSH != ACK || word(segment, 16) == NOBODYS {
        return None;
    }
    let len = usize::from(segment[12] >> 4) * 4;
    (SHORTEST_TCP..=segment.len()).contains(&len).then_some(len)
}

/// A datagram without a checksum would get one.
fn udp_header(datagram: &[u8]) -> Option<usize> {
    let whole = datagram.len() >= UDP_HEADER && usize::from(word(datagram, 4)) == datagram.len();
    (whole && word(datagram, 6) != 0).then_some(UDP_HEADER)
}

/// The kernel will trust the checksum of what is delivered: it must be right.
fn sums_up(packet: &[u8], protocol: u8, transport: &[u8]) -> bool {
    let total = u32::from(pseudo_sum(packet, protocol, transport.len())) + u32::from(sum(transport));
    (total & 0xffff) + (total >> 16) == 0xffff
}

impl Run {
    fn new() -> Self {
        let flow = Flow { version: Version::V4, protocol: 0, ports: [0; 4], addresses: [0; 32] };
        let pieces = Vec::with_capacity(MOST_SEGMENTS);
        Self { flow, headers: 0, size: 0, payload: 0, pieces, closed: false, pushed: false }
    }

    fn begin(&mut self, place: Range<usize>, candidate: &Candidate) {
        self.flow = candidate.flow;
        self.headers = candidate.headers;
        self.size = candidate.payload;
        self.payload = candidate.payload;
        self.pushed = candidate.pushed;
        self.closed = candidate.pushed;
        self.pieces.clear();
        self.pieces.push(place);
    }

    fn extend(&mut self, place: Range<usize>, candidate: &Candidate) {
        self.payload += candidate.payload;
        self.pushed = candidate.pushed;
        self.closed = candidate.pushed || candidate.payload < self.size;
        self.pieces.push(place.start + candidate.headers..place.end);
    }

    /// Whether cutting the run with this packet behind it would give this packet back.
    fn continues(&self, arena: &[u8], place: &Range<usize>, candidate: &Candidate) -> bool {
        let (first, next) = (&arena[self.pieces[0].clone()], &arena[place.clone()]);
        let fits = !self.closed
            && self.headers == candidate.headers
            && candidate.payload <= self.size
            && self.pieces.len() < MOST_SEGMENTS
            && self.headers + self.payload + candidate.payload <= LARGEST_PACKET;
        let (ip, transport) = (..self.ip(), self.ip()..self.headers);
        fits && self.follows(first, next)
            && same_ip(self.flow.version, &first[ip], &next[ip])
            && (self.flow.protocol == UDP || same_tcp(&first[transport.clone()], &next[transport]))
    }

    /// Octets of the IP header.
    fn ip(&self) -> usize {
        self.flow.version.header_len()
    }

    /// The id of IPv4 and the sequence number of TCP.
    fn follows(&self, first: &[u8], next: &[u8]) -> bool {
        let id = word(first, 4).wrapping_add(self.pieces.len() as u16);
        let here = |packet: &[u8]| sequence(&packet[self.ip()..]);
        (self.flow.version == Version::V6 || word(next, 4) == id)
            && (self.flow.protocol == UDP || here(next) == here(first).wrapping_add(self.payload as u32))
    }

    fn finish(&mut self, arena: &mut [u8], deliver: &mut Deliver<'_>) {
        let frame = if self.pieces.len() > 1 { self.join(arena) } else { Frame::default() };
        deliver(&frame, arena, &self.pieces);
    }

    /// Makes the first packet's headers those of all.
    fn join(&self, arena: &mut [u8]) -> Frame {
        let packet = &mut arena[self.pieces[0].clone()];
        let Flow { version, protocol, .. } = self.flow;
        let transport = self.ip();
        let total = self.headers + self.payload;
        match version {
            Version::V4 => ipv4::set_total(&mut packet[..transport], total),
            Version::V6 => ipv6::set_total(packet, total),
        }
        let offset = if protocol == TCP { 16 } else { 6 };
        let pseudo = pseudo_sum(packet, protocol, total - transport);
        set_word(packet, transport + offset, pseudo);
        if protocol == UDP {
            set_word(packet, transport + 4, (total - transport) as u16);
        } else if self.pushed {
            packet[transport + FLAGS] |= PSH;
        }
        Frame {
            needs_checksum: true,
            segmentation: if protocol == TCP { Segmentation::Tcp(version) } else { Segmentation::Udp },
            headers: self.headers as u16,
            segment: self.size as u16,
            checksum_start: transport as u16,
            checksum_offset: offset as u16,
        }
    }
}

fn sequence(segment: &[u8]) -> u32 {
    u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]])
}

/// Compares two headers but for lengths, ids and checksums. Addresses and protocol are the flow's.
fn same_ip(version: Version, first: &[u8], next: &[u8]) -> bool {
    let same = |range: Range<usize>| first[range.clone()] == next[range];
    match version {
        Version::V4 => same(0..2) && same(6..9),
        Version::V6 => same(0..4) && same(6..8),
    }
}

/// Compares two headers but for sequence numbers, checksums and PSH. Ports are the flow's.
fn same_tcp(first: &[u8], next: &[u8]) -> bool {
    let same = |range: Range<usize>| first[range.clone()] == next[range];
    same(8..FLAGS) && same(FLAGS + 1..16) && same(18..first.len())
}

#[cfg(test)]
#[path = "coalesce_tests.rs"]
mod tests;
