//! Reading headers, and what is done to packets by them: the MSS clamp, fragments, the answer to what is too big.

use std::net::IpAddr;

use lotor_esp::fragment::fragments;
use lotor_esp::ip::{Header, Version};
use lotor_esp::{icmp, mss};

use crate::packets::{Flows, INSIDE6, LEASE6};
use crate::reference::{adds_up, look, pseudo, sum, word, Seen, TCP};
use crate::source::Source;

pub fn run(octets: &[u8]) {
    let mut source = Source::new(octets);
    let largest = 64 + usize::from(source.word() % 2000);
    let packet = match source.octet() % 4 {
        0 => source.rest().to_vec(),
        1 => extended(source.octet(), source.rest()),
        _ => Flows::default().any(&mut source),
    };
    let header = Header::parse(&packet);
    let seen = look(&packet);
    assert_eq!(header.map(|header| as_seen(&header)), seen);
    let (Some(header), Some(seen)) = (header, seen) else { return };
    addresses(&packet, &header);
    clamped(&packet, &header, &seen, largest);
    if header.version == Version::V4 {
        fragmented(&packet, &header, largest);
    }
    answered(&packet, &header, largest);
}

/// IPv6 with any octets as extension headers.
fn extended(first: u8, octets: &[u8]) -> Vec<u8> {
    let len = (octets.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0, len[0], len[1], first % 64, 9][..], &LEASE6, &INSIDE6, octets].concat()
}

fn as_seen(header: &Header) -> Seen {
    Seen {
        version: if header.version == Version::V4 { 4 } else { 6 },
        protocol: header.protocol,
        at: header.len,
        end: header.total,
        offset: header.offset,
        more: header.more_fragments,
    }
}

fn addresses(packet: &[u8], header: &Header) {
    let (start, len) = if header.version == Version::V4 { (12, 4) } else { (8, 16) };
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    assert_eq!(octets(header.source), packet[start..start + len]);
    assert_eq!(octets(header.destination), packet[start + len..start + 2 * len]);
}

/// The MSS option is lowered, the sum stays as right as it was, and nothing else changes.
fn clamped(packet: &[u8], header: &Header, seen: &Seen, largest: usize) {
    let mut after = packet.to_vec();
    mss::clamp(&mut after, header, largest);
    let changed = packet.iter().zip(&after).filter(|(before, after)| before != after).count();
    if changed > 0 {
        let flags = packet[header.len + 13];
        assert!(changed <= 4 && header.protocol == TCP && flags & 2 != 0 && header.offset == 0);
        assert!(seen.is_fragment() || adds_up(packet, seen) == adds_up(&after, seen));
    }
}

/// The fragments fit, and are the packet again when they are put together.
fn fragmented(packet: &[u8], header: &Header, largest: usize) {
    let (mut pieces, mut piece, mut joined) = (fragments(packet, header, largest), Vec::new(), Vec::new());
    let mut more = true;
    while pieces.next_into(&mut piece) {
        let seen = look(&piece).expect("a fragment is a packet");
        assert!(piece.len() == seen.end && sum(&piece[..seen.at]) == 0xffff, "{seen:?}");
        assert!(piece.len() <= largest, "{} in {largest}", piece.len());
        assert_eq!((seen.offset, word(&piece, 4)), (header.offset + joined.len(), word(packet, 4)));
        joined.extend_from_slice(&piece[seen.at..]);
        more = seen.more;
    }
    if !joined.is_empty() {
        assert_eq!((&joined[..], more), (&packet[header.len..header.total], header.more_fragments));
    }
}

/// An answer is a packet whose sums are right, back to where the other one came from.
fn answered(packet: &[u8], header: &Header, mtu: usize) {
    let mut answer = Vec::new();
    if !icmp::too_big(packet, header, mtu, &mut answer) {
        return;
    }
    let seen = look(&answer).expect("an answer is a packet");
    let back = Header::parse(&answer).expect("an answer is a packet");
    assert_eq!((back.source, back.destination, seen.end), (header.destination, header.source, answer.len()));
    let message = &answer[seen.at..];
    assert!(packet.starts_with(&message[8..]));
    if seen.version == 4 {
        assert!(answer.len() <= 576 && sum(&answer[..20]) == 0xffff && sum(message) == 0xffff);
    } else {
        assert!(answer.len() <= 1280 && sum(&[&pseudo(&answer, &seen).to_be_bytes(), message].concat()) == 0xffff);
    }
}
