//! Coalescing: what Linux makes of what comes out is what went in, octet by octet, and nothing overtakes in its flow.

use std::collections::HashMap;
use std::ops::Range;

use lotor_esp::coalesce::{Coalescer, Kinds};
use lotor_esp::vnet::Frame;

use crate::packets::Flows;
use crate::reference::{look, taken, TCP, UDP, VNET};
use crate::source::Source;

const MOST_PACKETS: usize = 400;

pub fn run(octets: &[u8]) {
    let mut source = Source::new(octets);
    let kinds = kinds(source.octet());
    let (mut flows, mut packets) = (Flows::default(), Vec::new());
    while !source.is_empty() && packets.len() < MOST_PACKETS {
        packets.push(flows.any(&mut source));
    }
    survive(&packets, kinds);
}

pub(crate) fn kinds(octet: u8) -> Kinds {
    Kinds { tcp: octet & 1 == 0, udp: octet & 2 == 0 }
}

/// Panics unless the packets come out as they go in; returns how many the device got.
pub(crate) fn survive(packets: &[Vec<u8>], kinds: Kinds) -> usize {
    let delivered = coalesced(packets, kinds);
    let out: Vec<Vec<u8>> = delivered.iter().flat_map(|(frame, whole)| taken(frame, whole)).collect();
    assert_eq!(out.len(), packets.len(), "as many come out as went in");
    let (wanted, found) = (stretches(packets), stretches(&out));
    for (place, (wanted, found)) in wanted.iter().zip(&found).enumerate() {
        assert_eq!(wanted, found, "behind {place} packets without a flow");
    }
    assert_eq!(wanted.len(), found.len());
    delivered.len()
}

fn coalesced(packets: &[Vec<u8>], kinds: Kinds) -> Vec<([u8; VNET], Vec<u8>)> {
    let (mut arena, mut start) = (packets.concat(), 0);
    let (mut coalescer, mut delivered) = (Coalescer::new(kinds), Vec::new());
    let mut deliver = |frame: &Frame, arena: &[u8], pieces: &[Range<usize>]| {
        let whole = pieces.iter().flat_map(|piece| &arena[piece.clone()]).copied().collect();
        delivered.push((frame.octets(), whole));
    };
    for packet in packets {
        coalescer.add(&mut arena, start..start + packet.len(), &mut deliver);
        start += packet.len();
    }
    coalescer.flush(&mut arena, &mut deliver);
    delivered
}

/// Version, protocol, addresses and ports.
type Flow = (u8, u8, Vec<u8>, [u8; 4]);

/// Each packet without a flow begins a stretch, since it overtakes nothing and nothing overtakes it; within one the packets
/// of each flow are in order.
type Stretch<'a> = (Option<&'a [u8]>, HashMap<Flow, Vec<&'a [u8]>>);

fn stretches(packets: &[Vec<u8>]) -> Vec<Stretch<'_>> {
    let mut stretches = vec![Stretch::default()];
    for packet in packets {
        match flow(packet) {
            None => stretches.push((Some(packet), HashMap::new())),
            Some(flow) => {
                let (_, flows) = stretches.last_mut().expect("there is one from the beginning");
                flows.entry(flow).or_default().push(packet);
            }
        }
    }
    stretches
}

fn flow(packet: &[u8]) -> Option<Flow> {
    let seen = look(packet).filter(|seen| seen.end == packet.len() && !seen.is_fragment())?;
    let addresses = if seen.version == 4 { &packet[12..20] } else { &packet[8..40] };
    let ports = *packet[seen.at..].first_chunk()?;
    matches!(seen.protocol, TCP | UDP).then(|| (seen.version, seen.protocol, addresses.to_vec(), ports))
}
