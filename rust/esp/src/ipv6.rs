//! IPv6 headers, and the way past extension headers to what they carry (RFC 8200).

use std::net::{IpAddr, Ipv6Addr};

use crate::header::{set_word, word, Header, Version};

pub const ICMPV6: u8 = 58;
pub const HEADER_LEN: usize = 40;
/// Every link that carries IPv6 carries packets of this many octets (RFC 8200 §5).
pub const LEAST_MTU: usize = 1280;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;
/// Octets of the shortest extension header.
const UNIT: usize = 8;
/// Nobody sends more; whoever does is carried, but not looked into.
const MOST_EXTENSIONS: usize = 8;
const SEGMENTS_LEFT: usize = 3;
const OFFSET: u16 = 0xfff8;
const MORE_FRAGMENTS: u16 = 1;

/// `Header::parse` for a packet of version 6. No router fragments it: `dont_fragment` is true.
pub(crate) fn parse(packet: &[u8]) -> Option<Header> {
    if packet.len() < HEADER_LEN {
        return None;
    }
    let total = HEADER_LEN + usize::from(word(packet, 4));
    if packet.len() < total {
        return None;
    }
    let mut header = Header {
        version: Version::V6,
        len: HEADER_LEN,
        total,
        source: address(packet, 8),
        destination: address(packet, 24),
        class: packet[0] << 4 | packet[1] >> 4,
        protocol: packet[6],
        dont_fragment: true,
        more_fragments: false,
        offset: 0,
    };
    for _ in 0..MOST_EXTENSIONS {
        if !skip_extension(&packet[..total], &mut header) {
            break;
        }
    }
    Some(header)
}

/// False where the walk ends: at what is no extension header, or is none that fits; in a later fragment; and before a
/// routing header that is not used up, since the addresses of the checksum below it are not those of the packet.
fn skip_extension(packet: &[u8], header: &mut Header) -> bool {
    let Some(extension) = packet[header.len..].first_chunk::<UNIT>() else { return false };
    let units = usize::from(extension[1]);
    let len = match header.protocol {
        HOP_BY_HOP | DESTINATION_OPTIONS => UNIT + units * UNIT,
        ROUTING if extension[SEGMENTS_LEFT] == 0 => UNIT + units * UNIT,
        AUTHENTICATION => UNIT + units * 4,
        FRAGMENT if !header.is_fragment() => UNIT,
        _ => return false,
    };
    if packet.len() < header.len + len {
        return false;
    }
    if header.protocol == FRAGMENT {
        header.offset = usize::from(word(extension, 2) & OFFSET);
        header.more_fragments = word(extension, 2) & MORE_FRAGMENTS != 0;
    }
    header.protocol = extension[0];
    header.len += len;
    header.offset == 0
}

fn address(packet: &[u8], at: usize) -> IpAddr {
    let mut octets = [0; 16];
    octets.copy_from_slice(&packet[at..at + 16]);
    Ipv6Addr::from(octets).into()
}

/// Writes the payload length of a packet of `total` octets.
pub(crate) fn set_total(header: &mut [u8], total: usize) {
    set_word(header, 4, (total - HEADER_LEN) as u16);
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::header::{TCP, UDP};

    pub(crate) const LEASE: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x99, 0, 0, 0, 0, 0, 1);
    pub(crate) const INSIDE: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x12, 0, 0, 0, 0, 0, 7);

    /// From LEASE to INSIDE: `next` is the first of `extensions`, or what `payload` is.
    pub(crate) fn packet(next: u8, extensions: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; HEADER_LEN];
        packet[..4].copy_from_slice(&[0x6b, 0x8a, 0xbc, 0xde]);
        packet[6..8].copy_from_slice(&[next, 64]);
        packet[8..24].copy_from_slice(&LEASE.octets());
        packet[24..40].copy_from_slice(&INSIDE.octets());
        packet.extend_from_slice(extensions);
        packet.extend_from_slice(payload);
        let total = packet.len();
        set_total(&mut packet, total);
        packet
    }

    fn seen(next: u8, extensions: &[u8]) -> (u8, usize) {
        let header = Header::parse(&packet(next, extensions, &[0; 20])).unwrap();
        (header.protocol, header.len - HEADER_LEN)
    }

    #[test]
    fn reads_what_is_there() {
        let header = Header::parse(&packet(TCP, &[], &[0; 20])).unwrap();
        assert_eq!((header.version, header.len, header.total, header.class), (Version::V6, 40, 60, 0xb8));
        assert_eq!((header.source, header.destination), (LEASE.into(), INSIDE.into()));
        assert_eq!((header.protocol, header.dont_fragment, header.is_fragment()), (TCP, true, false));
    }

    #[test]
    fn refuses_impossible_lengths() {
        let good = packet(UDP, &[], &[0; 8]);
        assert!(Header::parse(&good).is_some() && Header::parse(&[&good[..], &[0; 9]].concat()).is_some());
        for len in 0..good.len() {
            assert!(Header::parse(&good[..len]).is_none());
        }
    }

    #[test]
    fn looks_past_extension_headers() {
        assert_eq!(seen(HOP_BY_HOP, &[TCP, 0, 5, 2, 0, 0, 1, 0]), (TCP, 8));
        assert_eq!(seen(DESTINATION_OPTIONS, &[&[UDP, 1][..], &[0; 14]].concat()), (UDP, 16));
        assert_eq!(seen(ROUTING, &[TCP, 0, 4, 0, 0, 0, 0, 0]), (TCP, 8));
        assert_eq!(seen(AUTHENTICATION, &[&[TCP, 4][..], &[0; 22]].concat()), (TCP, 24));
        let two = [HOP_BY_HOP, 0, 0, 0, 0, 0, 0, 0, UDP, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(seen(DESTINATION_OPTIONS, &two), (UDP, 16));
    }

    #[test]
    fn does_not_look_where_it_cannot_know() {
        assert_eq!(seen(ROUTING, &[TCP, 0, 4, 1, 0, 0, 0, 0]), (ROUTING, 0));
        assert_eq!(seen(HOP_BY_HOP, &[TCP, 200, 0, 0, 0, 0, 0, 0]), (HOP_BY_HOP, 0));
        assert_eq!(seen(HOP_BY_HOP, &[HOP_BY_HOP, 0, 0, 0, 0, 0, 0, 0].repeat(20)).1, 8 * MOST_EXTENSIONS);
        assert_eq!(Header::parse(&packet(HOP_BY_HOP, &[], &[TCP, 0])).unwrap().protocol, HOP_BY_HOP);
    }

    #[test]
    fn knows_fragments() {
        let fragment = |field: [u8; 2]| {
            let extension = [UDP, 0, field[0], field[1], 0, 0, 0, 1];
            Header::parse(&packet(FRAGMENT, &extension, &[0; 16])).unwrap()
        };
        let whole = fragment([0, 0]);
        assert_eq!((whole.protocol, whole.len, whole.is_fragment()), (UDP, 48, false));
        let first = fragment([0, 1]);
        assert_eq!((first.protocol, first.offset, first.is_fragment()), (UDP, 0, true));
        let later = fragment([5, 0xa8]);
        assert_eq!((later.offset, later.more_fragments, later.is_fragment()), (0x5a8, false, true));
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..200), next in 0u8..64) {
            let mut octets = octets;
            if octets.len() >= HEADER_LEN {
                octets[0] = 0x60;
                octets[4] = 0;
                octets[6] = next;
            }
            if let Some(header) = Header::parse(&octets) {
                prop_assert!(header.len <= header.total && header.total <= octets.len());
            }
        }
    }
}
