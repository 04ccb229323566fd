//! The answer to a packet that is too big and must not be fragmented (RFC 792, RFC 1191).

use crate::ipv4::{checksum, rewrite, set_word, Header, ICMP, SHORTEST_HEADER};

const UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
const ICMP_HEADER: usize = 8;
/// RFC 1812 §4.3.2.3.
const LARGEST_ANSWER: usize = 576;
const TTL: u8 = 64;

/// Replaces `out` by "fragmentation needed" for `packet`, which begins with `header`. It comes from the address that
/// the packet was going to: the one address on that side of the tunnel that is certainly routed here.
/// False when no answer is allowed (RFC 1122 §3.2.2): to ICMP errors, to later fragments, to and from groups.
pub fn too_big(packet: &[u8], header: &Header, mtu: usize, out: &mut Vec<u8>) -> bool {
    if !answerable(packet, header) {
        return false;
    }
    let quote = &packet[..header.total.min(LARGEST_ANSWER - SHORTEST_HEADER - ICMP_HEADER)];
    out.clear();
    out.extend_from_slice(&[0x45, 0, 0, 0, 0, 0, 0, 0, TTL, ICMP, 0, 0]);
    out.extend_from_slice(&header.destination.octets());
    out.extend_from_slice(&header.source.octets());
    out.extend_from_slice(&[UNREACHABLE, FRAGMENTATION_NEEDED, 0, 0, 0, 0]);
    out.extend_from_slice(&(mtu as u16).to_be_bytes());
    out.extend_from_slice(quote);
    let total = out.len();
    let sum = checksum(&out[SHORTEST_HEADER..]);
    set_word(out, SHORTEST_HEADER + 2, sum);
    rewrite(&mut out[..SHORTEST_HEADER], total, 0, false);
    true
}

fn answerable(packet: &[u8], header: &Header) -> bool {
    let unicast =
        |address: std::net::Ipv4Addr| !address.is_multicast() && !address.is_broadcast() && !address.is_unspecified();
    header.offset == 0
        && unicast(header.source)
        && unicast(header.destination)
        && !(header.protocol == ICMP && is_error(packet.get(header.len)))
}

fn is_error(kind: Option<&u8>) -> bool {
    !matches!(kind, Some(0 | 8 | 13..=18))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipv4::tests::packet;

    #[test]
    fn tells_the_size_to_the_sender() {
        let big = packet(17, 0x4000, &[], &[5; 1400]);
        let header = Header::parse(&big).unwrap();
        let mut out = vec![1];
        assert!(too_big(&big, &header, 462, &mut out));
        let answer = Header::parse(&out).unwrap();
        assert_eq!((answer.source, answer.destination), (header.destination, header.source));
        assert_eq!((answer.protocol, answer.total, out.len()), (ICMP, 576, 576));
        assert_eq!(checksum(&out[..20]), 0);
        assert_eq!(checksum(&out[20..]), 0);
        assert_eq!(&out[20..22], &[3, 4]);
        assert_eq!(&out[24..28], &[0, 0, 462u16.to_be_bytes()[0], 462u16.to_be_bytes()[1]]);
        assert_eq!(&out[28..], &big[..548]);
    }

    #[test]
    fn some_packets_get_no_answer() {
        let refuses = |octets: &[u8]| !too_big(octets, &Header::parse(octets).unwrap(), 500, &mut Vec::new());
        assert!(refuses(&packet(ICMP, 0x4000, &[], &[3, 1, 0, 0])));
        assert!(refuses(&packet(ICMP, 0x4000, &[], &[])));
        assert!(refuses(&packet(17, 0x4001, &[], &[3, 1, 0, 0])));
        assert!(!refuses(&packet(ICMP, 0x4000, &[], &[8, 0, 0, 0])));
        let mut group = packet(17, 0x4000, &[], &[1; 8]);
        group[16] = 224;
        assert!(refuses(&group));
    }
}
