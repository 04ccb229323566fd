//! Inner packets through split, seal, open and coalesce: whatever the kernel makes of the result is what went in.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::batch::Batch;
use crate::checksum::transport_checksum;
use crate::child::tests::{specification, specification6, Ends};
use crate::child::{Arrival, Child, Inner, Outgoing, Specification};
use crate::ipcomp::Cpis;
use crate::ipcomp::{Inflater, Spare, LARGEST_INFLATED};
use crate::ipv4::tests::packet;
use crate::ipv4::ICMP;
use crate::ipv6::tests::packet as packet6;
use crate::ipv6::ICMPV6;
use crate::size::Encapsulation;
use crate::split::Segments;

const ALL: Kinds = Kinds { tcp: true, udp: true };

/// What happens next in one of the flows.
#[derive(Clone, Debug)]
struct Step {
    flow: usize,
    payload: usize,
    segment: usize,
    flags: u8,
    /// The IP id or the sequence number leaps.
    leap: bool,
    broken_checksum: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let flags = prop_oneof![8 => Just(ACK), 3 => Just(ACK | PSH), 1 => Just(0x11), 1 => Just(0x30), 1 => Just(0x90), 1 => Just(0x50)];
    let step = (0..KINDS.len(), 0usize..6000, 1usize..1300, flags, 0u8..10, 0u8..20);
    let step = step.prop_map(|(flow, payload, segment, flags, leap, broken)| Step {
        flow,
        payload: if leap == 5 { 0 } else { payload },
        segment: if leap > 5 { 1200 } else { segment.max(payload / 60) },
        flags,
        leap: leap == 0,
        broken_checksum: broken == 0,
    });
    prop::collection::vec(step, 1..40)
}

/// Version, protocol and octets of the transport header of each flow.
const KINDS: [(Version, u8, usize); 9] = [
    (Version::V4, TCP, 20),
    (Version::V4, TCP, 32),
    (Version::V4, UDP, 8),
    (Version::V4, ICMP, 8),
    (Version::V4, TCP, 20),
    (Version::V6, TCP, 20),
    (Version::V6, TCP, 32),
    (Version::V6, UDP, 8),
    (Version::V6, ICMPV6, 8),
];

/// Where a flow stands.
#[derive(Default)]
struct Sender {
    sequence: u32,
    id: u16,
}

impl Sender {
    /// A packet as the kernel hands it over: large, its checksum right as if it were whole.
    fn next(&mut self, step: &Step) -> (Vec<u8>, Frame) {
        let (version, protocol, headers) = KINDS[step.flow];
        let segmented = matches!(protocol, TCP | UDP) && step.payload > step.segment;
        let payload = if segmented { step.payload } else { step.payload.min(1250) };
        if step.leap {
            (self.id, self.sequence) = (self.id.wrapping_add(7), self.sequence.wrapping_add(100));
        }
        let mut transport = vec![0; headers + payload];
        transport.iter_mut().enumerate().for_each(|(at, octet)| *octet = (at * 31 % 253) as u8);
        transport[..4].copy_from_slice(&[step.flow as u8, 1, 0, 80]);
        if protocol == TCP {
            transport[4..8].copy_from_slice(&self.sequence.to_be_bytes());
            transport[8..12].copy_from_slice(&[9; 4]);
            transport[12..20].copy_from_slice(&[(headers as u8 / 4) << 4, step.flags, 1, 0, 0, 0, 0, 0]);
            transport[20..headers].fill(1);
        }
        if protocol == UDP {
            set_word(&mut transport, 4, (8 + payload) as u16);
        }
        let mut whole = match version {
            Version::V4 => packet(protocol, if step.flow == 4 { 0x4000 } else { 0 }, &[], &transport),
            Version::V6 => packet6(protocol, &[], &transport),
        };
        if version == Version::V4 {
            set_word(&mut whole, 4, self.id);
        }
        finish(&mut whole, step.broken_checksum && !segmented);
        self.sequence = self.sequence.wrapping_add(payload as u32);
        self.id = self.id.wrapping_add(if segmented { payload.div_ceil(step.segment) as u16 } else { 1 });
        let segmentation = match (segmented, protocol) {
            (false, _) => Segmentation::None,
            (true, TCP) => Segmentation::Tcp(version),
            (true, _) => Segmentation::Udp,
        };
        (whole, Frame { segmentation, segment: step.segment as u16, ..Frame::default() })
    }
}

/// Right checksums everywhere, but for `broken`.
fn finish(packet: &mut [u8], broken: bool) {
    let Header { version, protocol, len, .. } = Header::parse(packet).unwrap();
    if version == Version::V4 {
        set_word(packet, 10, 0);
        let sum = checksum(&packet[..20]);
        set_word(packet, 10, sum);
    }
    let place = match protocol {
        TCP => len + 16,
        UDP => len + 6,
        _ => return,
    };
    let pseudo = pseudo_sum(packet, protocol, packet.len() - len);
    set_word(packet, place, 0);
    let sum = transport_checksum(pseudo, &packet[len..], protocol);
    set_word(packet, place, if broken { sum ^ 0x5555 } else { sum });
}

/// What the kernel makes of a delivered packet.
fn cut(frame: &Frame, whole: &[u8]) -> Vec<Vec<u8>> {
    if frame.segmentation == Segmentation::None {
        return vec![whole.to_vec()];
    }
    assert!(frame.needs_checksum);
    let header = Header::parse(whole).unwrap();
    assert_eq!(header.total, whole.len());
    assert!(header.version == Version::V6 || checksum(&whole[..20]) == 0);
    let place = usize::from(frame.checksum_start + frame.checksum_offset);
    assert_eq!(word(whole, place), pseudo_sum(whole, header.protocol, whole.len() - header.len));
    let mut segments = Segments::new(whole, &header, frame).unwrap();
    let mut all = Vec::new();
    while let Some(len) = segments.next_len() {
        let mut segment = vec![0; len];
        segments.write_next(&mut segment);
        all.push(segment);
    }
    assert!(all.len() > 1 && all.len() <= MOST_SEGMENTS);
    all
}

fn coalesced(packets: &[Vec<u8>], kinds: Kinds) -> Vec<(Frame, Vec<u8>)> {
    let mut arena: Vec<u8> = packets.concat();
    let (mut coalescer, mut delivered, mut start) = (Coalescer::new(kinds), Vec::new(), 0);
    let mut deliver = |frame: &Frame, arena: &[u8], pieces: &[Range<usize>]| {
        let whole = pieces.iter().flat_map(|piece| arena[piece.clone()].to_vec()).collect();
        delivered.push((*frame, whole));
    };
    for packet in packets {
        coalescer.add(&mut arena, start..start + packet.len(), &mut deliver);
        start += packet.len();
    }
    coalescer.flush(&mut arena, &mut deliver);
    delivered
}

/// Packets in order, flow by flow; what has no ports is one flow.
fn by_flow(packets: impl IntoIterator<Item = Vec<u8>>) -> HashMap<Vec<u8>, Vec<Vec<u8>>> {
    let mut flows: HashMap<Vec<u8>, Vec<Vec<u8>>> = HashMap::new();
    for packet in packets {
        let ports = match Header::parse(&packet) {
            Some(Header { protocol: TCP | UDP, version: Version::V4, .. }) => packet[12..24].to_vec(),
            Some(Header { protocol: TCP | UDP, .. }) => packet[8..44].to_vec(),
            _ => Vec::new(),
        };
        flows.entry(ports).or_default().push(packet);
    }
    flows
}

/// A pair for each version.
fn pairs(end: Ends, compress: bool) -> [Child; 2] {
    let cpis = Some(Cpis { inbound: 2, outbound: 2 }).filter(|_| compress);
    let child = |specification| Child::new(Specification { compression: cpis, ..specification }, 0).unwrap();
    [child(specification(end)), child(specification6(end))]
}

fn through_the_tunnel(
    packets: Vec<(Vec<u8>, Frame)>,
    compress: bool,
    disturb: impl Fn(&mut Vec<Vec<u8>>),
) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (clients, gateways) = (pairs(Ends::Client, compress), pairs(Ends::Gateway, compress));
    let (mut wire, mut out, mut sent) = (Vec::new(), Outgoing::default(), Vec::new());
    let mut emit = |batch: &Batch| wire.extend(batch.packets().map(<[u8]>::to_vec));
    let mut last = &clients[0];
    for (mut packet, frame) in packets {
        let header = Header::parse(&packet).unwrap();
        match frame.segmentation {
            Segmentation::None => sent.push(packet.clone()),
            _ => sent.extend(cut_by_hand(&packet, &header, &frame)),
        }
        let client = &clients[usize::from(header.version == Version::V6)];
        if !std::ptr::eq(client, last) {
            last.seal(&mut out, &mut emit);
        }
        client.send(&mut packet, &header, &frame, &mut out, &mut emit);
        last = client;
    }
    last.seal(&mut out, &mut emit);
    disturb(&mut wire);
    let (mut inflater, mut room) = (Inflater::default(), vec![0; LARGEST_INFLATED]);
    let open = |mut esp: Vec<u8>| {
        let remote = specification(Ends::Gateway).path.remote;
        let arrival = Arrival { via: Encapsulation::Udp, remote, class: 0, congested: false, now: 1 };
        let spare = Spare { inflater: &mut inflater, room: &mut room };
        let gateway = gateways.iter().find(|gateway| gateway.inbound_spi().to_be_bytes() == esp[..4]).unwrap();
        match gateway.receiver().receive(&mut esp, &arrival).unwrap().inner.unwrap() {
            Inner::Packet(place) => esp[place].to_vec(),
            Inner::Compressed(place) => {
                let len = gateway.inflate(&esp[place], &arrival, spare).unwrap().len;
                room[..len].to_vec()
            }
        }
    };
    (sent, wire.into_iter().map(open).collect())
}

/// The segments of a packet, made another way than `Segments` makes them: each from its fields.
fn cut_by_hand(whole: &[u8], header: &Header, frame: &Frame) -> Vec<Vec<u8>> {
    let ip = header.len;
    let headers = ip + if header.protocol == TCP { usize::from(whole[ip + 12] >> 4) * 4 } else { 8 };
    let pieces: Vec<&[u8]> = whole[headers..].chunks(frame.segment.into()).collect();
    let segment = |(number, piece): (usize, &&[u8])| {
        let mut segment = [&whole[..headers], piece].concat();
        let len = segment.len();
        match header.version {
            Version::V4 => {
                set_word(&mut segment, 2, len as u16);
                set_word(&mut segment, 4, word(whole, 4).wrapping_add(number as u16));
            }
            Version::V6 => set_word(&mut segment, 4, len as u16 - 40),
        }
        if header.protocol == UDP {
            set_word(&mut segment, ip + 4, (len - ip) as u16);
        } else {
            let at = sequence(&whole[ip..]).wrapping_add((number * usize::from(frame.segment)) as u32);
            segment[ip + 4..ip + 8].copy_from_slice(&at.to_be_bytes());
            segment[ip + 13] &= if number + 1 < pieces.len() { !0x09 } else { 0xff };
            segment[ip + 13] &= if number > 0 { !0x80 } else { 0xff };
        }
        finish(&mut segment, false);
        segment
    };
    pieces.iter().enumerate().map(segment).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn all_comes_out_as_it_went_in(steps in steps(), compress in any::<bool>()) {
        let mut senders: [Sender; KINDS.len()] = Default::default();
        let packets = steps.iter().map(|step| senders[step.flow].next(step)).collect();
        let (sent, opened) = through_the_tunnel(packets, compress, |_| ());
        prop_assert_eq!(&opened, &sent);
        for kinds in [ALL, Kinds { tcp: true, udp: false }, Kinds { tcp: false, udp: false }] {
            let delivered = coalesced(&opened, kinds);
            let out = delivered.iter().flat_map(|(frame, whole)| cut(frame, whole));
            prop_assert_eq!(by_flow(out), by_flow(opened.clone()));
        }
    }

    #[test]
    fn loss_and_disorder_on_the_wire_change_nothing_but_themselves(
        steps in steps(), lost in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        swapped in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
    ) {
        let mut senders: [Sender; KINDS.len()] = Default::default();
        let packets = steps.iter().map(|step| senders[step.flow].next(step)).collect();
        let disturb = |wire: &mut Vec<Vec<u8>>| {
            for place in &lost {
                wire.remove(place.index(wire.len()));
                if wire.is_empty() {
                    return;
                }
            }
            for place in &swapped {
                let at = place.index(wire.len());
                let next = (at + 1) % wire.len();
                wire.swap(at, next);
            }
        };
        let (_, opened) = through_the_tunnel(packets, false, disturb);
        let delivered = coalesced(&opened, ALL);
        let out = delivered.iter().flat_map(|(frame, whole)| cut(frame, whole));
        prop_assert_eq!(by_flow(out), by_flow(opened.clone()));
    }

    #[test]
    fn anything_survives(octets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..30), frame in any::<[u8; 10]>()) {
        let delivered = coalesced(&octets, ALL);
        prop_assert_eq!(delivered.len(), octets.len());
        for packet in octets {
            for start in [&[0x45, 0, 0, 80][..], &[0x60, 0, 0, 0, 0, 40, TCP], &[0x60, 0, 0, 0, 0, 40, 0]] {
                let mut shaped = packet.clone();
                shaped.resize(80, 0);
                shaped[..start.len()].copy_from_slice(start);
                if let (Some(frame), Some(header)) = (Frame::parse(&frame), Header::parse(&shaped)) {
                    crate::split::finish_checksum(&mut shaped, &header, &frame);
                    let Some(mut segments) = Segments::new(&shaped, &header, &frame) else { continue };
                    while let Some(len) = segments.next_len() {
                        segments.write_next(&mut vec![0; len]);
                    }
                }
            }
        }
    }
}

/// Equal segments of one flow, `count` of 1000 octets.
fn stream(flow: usize, count: usize) -> Vec<Vec<u8>> {
    let step = Step { flow, payload: 1000, segment: 2000, flags: ACK, leap: false, broken_checksum: false };
    let mut sender = Sender::default();
    (0..count).map(|_| sender.next(&step).0).collect()
}

#[test]
fn a_stream_becomes_one_packet() {
    let packets = stream(0, 40);
    let delivered = coalesced(&packets, ALL);
    assert_eq!(delivered.len(), 1);
    let (frame, whole) = &delivered[0];
    assert_eq!((frame.segment, frame.headers, whole.len()), (1000, 40, 40_040));
    assert_eq!(cut(frame, whole), packets);
    assert_eq!(coalesced(&stream(5, 40), ALL).len(), 1);
}

#[test]
fn extension_headers_are_not_joined() {
    let mut packets = stream(5, 4);
    for packet in &mut packets {
        packet[6] = 0;
        packet.splice(40..40, [TCP, 0, 1, 4, 0, 0, 0, 0]);
        let len = packet.len() as u16 - 40;
        set_word(packet, 4, len);
    }
    assert_eq!(coalesced(&packets, ALL).into_iter().map(|(_, whole)| whole).collect::<Vec<_>>(), packets);
}

/// Every bit of the headers, but for version, lengths, protocol and checksums, which `finish` or the parser own.
#[test]
fn no_difference_between_headers_is_lost() {
    let ipv4 = [1].into_iter().chain(4..9).chain(12..36).chain(38..40).map(|at| (0, at));
    let ipv6 = (0..4).chain(7..56).chain(58..60).map(|at| (5, at));
    for (flow, at) in ipv4.chain(ipv6) {
        for bit in if at == 0 { 0..4 } else { 0..8 } {
            let mut packets = stream(flow, 3);
            packets[1][at] ^= 1 << bit;
            finish(&mut packets[1], false);
            let delivered = coalesced(&packets, ALL);
            let out = delivered.iter().flat_map(|(frame, whole)| cut(frame, whole));
            assert_eq!(by_flow(out), by_flow(packets.clone()), "flow {flow}, bit {bit} of octet {at}");
        }
    }
}

/// A sum of zero may be written with all bits set (RFC 1624 §3): nobody who cuts writes it like that.
#[test]
fn sums_that_hold_and_that_nobody_computes_are_kept() {
    for (sum, spare) in [(10, 2), (36, 40)] {
        let mut packets = stream(0, 3);
        if sum == 10 {
            let id = word(&packets[0], 10);
            packets.iter_mut().enumerate().for_each(|(at, packet)| set_word(packet, 4, id.wrapping_add(at as u16)));
        } else {
            let word = u32::from(word(&packets[1], sum)) + u32::from(word(&packets[1], spare));
            set_word(&mut packets[1], spare, (word % 0x1_0000 + word / 0x1_0000) as u16);
        }
        packets.iter_mut().for_each(|packet| finish(packet, false));
        let odd = packets.iter_mut().find(|packet| word(packet, sum) == 0).unwrap();
        set_word(odd, sum, 0xffff);
        let delivered = coalesced(&packets, ALL);
        let out = delivered.iter().flat_map(|(frame, whole)| cut(frame, whole));
        assert_eq!(by_flow(out), by_flow(packets.clone()), "the sum at {sum}");
    }
}

#[test]
fn no_packet_is_larger_than_a_packet_may_be() {
    let delivered = coalesced(&stream(0, 200), ALL);
    assert_eq!(delivered.iter().map(|(_, whole)| (whole.len() - 40) / 1000).collect::<Vec<_>>(), [64, 64, 64, 8]);
}

#[test]
fn two_streams_side_by_side_become_two_packets() {
    let mut packets = stream(0, 20);
    for (number, packet) in packets.iter_mut().enumerate() {
        packet[21] = (number % 2) as u8;
        set_word(packet, 4, number as u16 / 2);
        let at = (number as u32 / 2) * 1000;
        packet[24..28].copy_from_slice(&at.to_be_bytes());
        finish(packet, false);
    }
    assert_eq!(coalesced(&packets, ALL).len(), 2);
}

#[test]
fn more_flows_than_places_lose_nothing() {
    let mut packets = stream(0, 100);
    for (number, packet) in packets.iter_mut().enumerate() {
        packet[21] = number as u8;
        finish(packet, false);
    }
    assert_eq!(by_flow(coalesced(&packets, ALL).into_iter().map(|(_, whole)| whole)), by_flow(packets));
}
