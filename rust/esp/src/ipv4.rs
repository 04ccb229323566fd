//! IPv4 headers (RFC 791).

use std::net::{IpAddr, Ipv4Addr};

use crate::checksum::checksum;
use crate::header::{set_word, word, Header, Version};

pub const ICMP: u8 = 1;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;
pub const SHORTEST_HEADER: usize = 20;

/// `Header::parse` for a packet of version 4.
pub(crate) fn parse(packet: &[u8]) -> Option<Header> {
    if packet.len() < SHORTEST_HEADER {
        return None;
    }
    let len = usize::from(packet[0] & 0xf) * 4;
    let total = usize::from(word(packet, 2));
    if len < SHORTEST_HEADER || total < len || packet.len() < total {
        return None;
    }
    let flags = word(packet, 6);
    Some(Header {
        version: Version::V4,
        len,
        total,
        source: address(packet, 12),
        destination: address(packet, 16),
        class: packet[1],
        protocol: packet[9],
        dont_fragment: flags & DONT_FRAGMENT != 0,
        more_fragments: flags & MORE_FRAGMENTS != 0,
        offset: usize::from(flags & OFFSET) * 8,
    })
}

fn address(packet: &[u8], at: usize) -> IpAddr {
    Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]).into()
}

/// Writes total length and checksum of a header whose other fields are right.
pub(crate) fn set_total(header: &mut [u8], total: usize) {
    set_word(header, 2, total as u16);
    set_word(header, 10, 0);
    let sum = checksum(header);
    set_word(header, 10, sum);
}

/// The same, and the fragmentation fields. `offset` in octets, a multiple of 8.
pub(crate) fn set_place(header: &mut [u8], total: usize, offset: usize, more_fragments: bool) {
    let more = if more_fragments { MORE_FRAGMENTS } else { 0 };
    set_word(header, 6, (offset / 8) as u16 | more);
    set_total(header, total);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::header::TCP;

    /// A packet with a right header: `flags` is the whole word of flags and offset.
    pub(crate) fn packet(protocol: u8, flags: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
        let len = SHORTEST_HEADER + options.len();
        let mut packet = vec![0; SHORTEST_HEADER];
        packet[0] = 0x40 | (len / 4) as u8;
        set_word(&mut packet, 4, 0xbeef);
        packet[8..10].copy_from_slice(&[64, protocol]);
        packet[12..20].copy_from_slice(&[10, 99, 99, 1, 10, 0, 12, 7]);
        packet.extend_from_slice(options);
        set_word(&mut packet, 2, (len + payload.len()) as u16);
        set_word(&mut packet, 6, flags);
        let sum = checksum(&packet);
        set_word(&mut packet, 10, sum);
        packet.extend_from_slice(payload);
        packet
    }

    #[test]
    fn reads_what_is_there() {
        let header = Header::parse(&packet(TCP, 0x4000, &[1; 4], &[0; 9])).unwrap();
        assert_eq!((header.len, header.total, header.protocol), (24, 33, TCP));
        assert_eq!(header.source, Ipv4Addr::new(10, 99, 99, 1));
        assert_eq!(header.destination, Ipv4Addr::new(10, 0, 12, 7));
        assert!(header.dont_fragment && !header.more_fragments);
        assert_eq!(Header::parse(&packet(TCP, 0x2003, &[], &[])).unwrap().offset, 24);
    }

    #[test]
    fn refuses_impossible_lengths_and_versions() {
        let good = packet(ICMP, 0, &[], &[0; 8]);
        let with = |at: usize, value: u8| {
            let mut bad = good.clone();
            bad[at] = value;
            Header::parse(&bad)
        };
        assert!(Header::parse(&good).is_some());
        assert!(Header::parse(&good[..19]).is_none());
        assert!(with(0, 0x65).is_none());
        assert!(with(0, 0x44).is_none());
        assert!(with(0, 0x4f).is_none());
        assert!(with(3, 19).is_none());
        assert!(with(3, 29).is_none());
    }
}
