//! Cutting: whatever stands before and in a packet, the segments are those of the reference, and join again.

use lotor_esp::ip::Header;
use lotor_esp::split::{finish_checksum, Segments};
use lotor_esp::vnet::Frame;

use crate::coalescer::{kinds, survive};
use crate::packets::{Flows, Given};
use crate::reference::{self, VNET};
use crate::source::Source;

pub fn run(octets: &[u8]) {
    let mut source = Source::new(octets);
    match source.octet() % 4 {
        0 => {
            let Some((frame, packet)) = source.rest().split_first_chunk() else { return };
            agree(frame, packet);
        }
        damaged => {
            let Given { mut frame, mut packet } = Flows::default().large(60_000, &mut source);
            if damaged == 1 {
                damage(&mut frame, &mut packet, &mut source);
            }
            agree(&frame, &packet);
        }
    }
}

fn damage(frame: &mut [u8; VNET], packet: &mut [u8], source: &mut Source<'_>) {
    for octet in frame {
        *octet ^= if source.rarely(4) { source.octet() } else { 0 };
    }
    while !source.is_empty() {
        let at = source.below(100);
        *packet.get_mut(at).unwrap_or(&mut 0) ^= source.octet();
    }
}

/// Panics unless engine and reference cut alike.
fn agree(octets: &[u8; VNET], packet: &[u8]) {
    let (Some(frame), Some(header)) = (Frame::parse(octets), Header::parse(packet)) else { return };
    let mut copy = packet.to_vec();
    let finished = finish_checksum(&mut copy, &header, &frame);
    assert!(finished || copy == packet);
    if frame.octets()[1] == 0 {
        return;
    }
    let wanted = reference::cut(octets, packet);
    let found = Segments::new(packet, &header, &frame).map(all);
    assert_eq!(found, wanted);
    if let Some(segments) = found {
        survive(&segments, kinds(0));
    }
}

fn all(mut segments: Segments<'_>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(len) = segments.next_len() {
        let mut room = vec![0xee; len];
        segments.write_next(&mut room);
        all.push(room);
    }
    all
}
