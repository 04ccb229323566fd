//! IPv4 headers of inner packets, and the Internet checksum (RFC 791, RFC 1071, RFC 1624).

use std::net::Ipv4Addr;

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;
pub const SHORTEST_HEADER: usize = 20;

/// What matters of a header. `offset` in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub len: usize,
    pub total: usize,
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub protocol: u8,
    pub dont_fragment: bool,
    pub more_fragments: bool,
    pub offset: usize,
}

impl Header {
    /// `None` unless the packet is IPv4 whose lengths can be: header ≤ total ≤ what is there. Octets after `total` are
    /// allowed (RFC 4303 §2.7), the checksum is left to whoever gets the packet.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        if packet.len() < SHORTEST_HEADER || packet[0] >> 4 != 4 {
            return None;
        }
        let len = usize::from(packet[0] & 0xf) * 4;
        let total = usize::from(word(packet, 2));
        if len < SHORTEST_HEADER || total < len || packet.len() < total {
            return None;
        }
        let flags = word(packet, 6);
        Some(Self {
            len,
            total,
            source: address(packet, 12),
            destination: address(packet, 16),
            protocol: packet[9],
            dont_fragment: flags & DONT_FRAGMENT != 0,
            more_fragments: flags & MORE_FRAGMENTS != 0,
            offset: usize::from(flags & OFFSET) * 8,
        })
    }
}

pub(crate) fn word(packet: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([packet[at], packet[at + 1]])
}

pub(crate) fn set_word(packet: &mut [u8], at: usize, value: u16) {
    packet[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

fn address(packet: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3])
}

/// Writes total length, fragmentation fields and checksum of a header whose other fields are right.
/// `offset` in octets, a multiple of 8.
pub(crate) fn rewrite(header: &mut [u8], total: usize, offset: usize, more_fragments: bool) {
    set_word(header, 2, total as u16);
    let more = if more_fragments { MORE_FRAGMENTS } else { 0 };
    set_word(header, 6, (offset / 8) as u16 | more);
    set_word(header, 10, 0);
    let sum = checksum(header);
    set_word(header, 10, sum);
}

/// The Internet checksum over `octets`, whose checksum field is zero.
pub fn checksum(octets: &[u8]) -> u16 {
    !sum(octets)
}

/// The sum behind the checksum: not inverted. Four octets a step, since the byte order comes out right at the end
/// (RFC 1071 §2B), and compilers make vectors of it.
pub(crate) fn sum(octets: &[u8]) -> u16 {
    let mut words = octets.chunks_exact(4);
    let mut total: u64 =
        words.by_ref().map(|word| u64::from(u32::from_ne_bytes([word[0], word[1], word[2], word[3]]))).sum();
    let mut last = [0; 4];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    total += u64::from(u32::from_ne_bytes(last));
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    u16::from_be(total as u16)
}

/// The sum over the pseudo header of an IPv4 packet, for `len` octets of transport header and payload (RFC 9293 §3.1).
pub(crate) fn pseudo_sum(packet: &[u8], protocol: u8, len: usize) -> u16 {
    fold(u32::from(sum(&packet[12..20])) + u32::from(protocol) + len as u32)
}

/// The checksum of TCP or UDP over `transport`, whose field is zero. UDP's 0 means "none": it is written as 0xffff.
pub(crate) fn transport_checksum(pseudo: u16, transport: &[u8], protocol: u8) -> u16 {
    let checksum = !fold(u32::from(pseudo) + u32::from(sum(transport)));
    if checksum == 0 && protocol == UDP {
        return u16::MAX;
    }
    checksum
}

/// The checksum after one 16-bit word changed (RFC 1624, equation 3).
pub(crate) fn updated(checksum: u16, old: u16, new: u16) -> u16 {
    !fold(u32::from(!checksum) + u32::from(!old) + u32::from(new))
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_words(octets in prop::collection::vec(any::<u8>(), 0..3000)) {
            let pairs = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)));
            prop_assert_eq!(sum(&octets), fold(pairs.sum()));
        }

        #[test]
        fn an_updated_checksum_still_verifies(
            mut octets in prop::collection::vec(any::<u8>(), 20..60), at in 1usize..9, new in any::<u16>()
        ) {
            octets.truncate(octets.len() / 2 * 2);
            set_word(&mut octets, 0, 0);
            let before = checksum(&octets);
            let after = updated(before, word(&octets, at * 2), new);
            set_word(&mut octets, at * 2, new);
            set_word(&mut octets, 0, after);
            prop_assert!(checksum(&octets) == 0 || checksum(&octets) == 0xffff);
        }
    }
}
