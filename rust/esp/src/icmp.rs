//! The answer to a packet that is too big and must not be fragmented (RFC 792, RFC 1191; RFC 4443 §3.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checksum::{checksum, pseudo_sum, transport_checksum};
use crate::ip::{set_word, Header};
use crate::ipv4::{self, ICMP, SHORTEST_HEADER};
use crate::ipv6::{self, ICMPV6, LEAST_MTU};

const UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
const PACKET_TOO_BIG: u8 = 2;
const REDIRECT: u8 = 137;
const ICMP_HEADER: usize = 8;
/// RFC 1812 §4.3.2.3.
const LARGEST_ANSWER: usize = 576;
const TTL: u8 = 64;

/// Replaces `out` by "fragmentation needed" or "packet too big" for `packet`, which begins with `header`. It comes from
/// the address that the packet was going to: the one address on that side of the tunnel that is certainly routed here.
/// False when no answer is allowed (RFC 1122 §3.2.2, RFC 4443 §2.4): to ICMP errors, to and from groups, and in IPv4 to
/// later fragments.
pub fn too_big(packet: &[u8], header: &Header, mtu: usize, out: &mut Vec<u8>) -> bool {
    match (header.source, header.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let allowed = header.offset == 0
                && unicast(source)
                && unicast(destination)
                && !(header.protocol == ICMP && is_error(packet.get(header.len)));
            allowed && fragmentation_needed(&packet[..header.total], [destination, source], mtu, out)
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let allowed = unicast6(source)
                && unicast6(destination)
                && !(header.protocol == ICMPV6 && header.offset == 0 && is_error6(packet.get(header.len)));
            allowed && packet_too_big(&packet[..header.total], [destination, source], mtu, out)
        }
        _ => false,
    }
}

/// `ends`: source and destination of the answer.
fn fragmentation_needed(packet: &[u8], ends: [Ipv4Addr; 2], mtu: usize, out: &mut Vec<u8>) -> bool {
    out.clear();
    out.extend_from_slice(&[0x45, 0, 0, 0, 0, 0, 0, 0, TTL, ICMP, 0, 0]);
    ends.iter().for_each(|address| out.extend_from_slice(&address.octets()));
    out.extend_from_slice(&[UNREACHABLE, FRAGMENTATION_NEEDED, 0, 0, 0, 0]);
    out.extend_from_slice(&(mtu as u16).to_be_bytes());
    out.extend_from_slice(&packet[..packet.len().min(LARGEST_ANSWER - SHORTEST_HEADER - ICMP_HEADER)]);
    let total = out.len();
    let sum = checksum(&out[SHORTEST_HEADER..]);
    set_word(out, SHORTEST_HEADER + 2, sum);
    ipv4::set_total(&mut out[..SHORTEST_HEADER], total);
    true
}

fn packet_too_big(packet: &[u8], ends: [Ipv6Addr; 2], mtu: usize, out: &mut Vec<u8>) -> bool {
    out.clear();
    out.extend_from_slice(&[0x60, 0, 0, 0, 0, 0, ICMPV6, TTL]);
    ends.iter().for_each(|address| out.extend_from_slice(&address.octets()));
    out.extend_from_slice(&[PACKET_TOO_BIG, 0, 0, 0]);
    out.extend_from_slice(&(mtu as u32).to_be_bytes());
    out.extend_from_slice(&packet[..packet.len().min(LEAST_MTU - ipv6::HEADER_LEN - ICMP_HEADER)]);
    let total = out.len();
    ipv6::set_total(out, total);
    let pseudo = pseudo_sum(out, ICMPV6, total - ipv6::HEADER_LEN);
    let sum = transport_checksum(pseudo, &out[ipv6::HEADER_LEN..], ICMPV6);
    set_word(out, ipv6::HEADER_LEN + 2, sum);
    true
}

fn unicast(address: Ipv4Addr) -> bool {
    !address.is_multicast() && !address.is_broadcast() && !address.is_unspecified()
}

fn unicast6(address: Ipv6Addr) -> bool {
    !address.is_multicast() && !address.is_unspecified()
}

fn is_error(kind: Option<&u8>) -> bool {
    !matches!(kind, Some(0 | 8 | 13..=18))
}

fn is_error6(kind: Option<&u8>) -> bool {
    !matches!(kind, Some(128..)) || kind == Some(&REDIRECT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipv4::tests::packet;
    use crate::ipv6::tests::packet as packet6;

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

    #[test]
    fn tells_the_size_to_a_sender_of_ipv6() {
        let big = packet6(17, &[], &[5; 1400]);
        let mut out = vec![1];
        assert!(too_big(&big, &Header::parse(&big).unwrap(), 1280, &mut out));
        let (answer, header) = (Header::parse(&out).unwrap(), Header::parse(&big).unwrap());
        assert_eq!((answer.source, answer.destination), (header.destination, header.source));
        assert_eq!((answer.protocol, answer.total, out.len()), (ICMPV6, 1280, 1280));
        assert_eq!(transport_checksum(pseudo_sum(&out, ICMPV6, 1240), &out[40..], ICMPV6), 0);
        assert_eq!(&out[40..42], &[2, 0]);
        assert_eq!(&out[44..48], &[0, 0, 5, 0]);
        assert_eq!(&out[48..], &big[..1232]);
    }

    #[test]
    fn some_packets_of_ipv6_get_no_answer() {
        let refuses = |octets: &[u8]| !too_big(octets, &Header::parse(octets).unwrap(), 1280, &mut Vec::new());
        for (kind, refused) in [(1, true), (127, true), (128, false), (129, false), (137, true), (143, false)] {
            assert_eq!(refuses(&packet6(ICMPV6, &[], &[kind; 20])), refused, "{kind}");
        }
        assert!(refuses(&packet6(ICMPV6, &[], &[])));
        for (place, octets) in [(24, [0xff; 16]), (8, [0xff; 16]), (8, [0; 16])] {
            let mut packet = packet6(17, &[], &[1; 8]);
            packet[place..place + 16].copy_from_slice(&octets);
            assert!(refuses(&packet));
        }
        assert!(!refuses(&packet6(44, &[ICMPV6, 0, 5, 0, 0, 0, 0, 1], &[1; 8])));
    }
}
