//! The traffic class between inner and outer header: DSCP (RFC 2983, RFC 4301 §5.1.2) and ECN (RFC 6040).

use crate::checksum::updated;
use crate::ip::{set_word, word, Header, Version};

const ECN: u8 = 0b11;
const CONGESTED: u8 = 0b11;
const NOT_CAPABLE: u8 = 0b00;
const ECT_0: u8 = 0b10;
const ECT_1: u8 = 0b01;

/// The class of the outer header for an inner one. IKEv1 does not tell whether the peer hands marks on, therefore nobody
/// outside may mark (RFC 6040 §4.1, compatibility mode).
pub(crate) fn outer_class(inner: u8) -> u8 {
    inner & !ECN
}

/// Gives the inner packet the mark of the outer header, whose class is `outer` (RFC 6040 §4.2). False when the packet
/// must be dropped: its ends know no marks, and a router outside was congested.
pub(crate) fn pass_on(outer: u8, packet: &mut [u8], header: &Header) -> bool {
    match (header.class & ECN, outer & ECN) {
        (NOT_CAPABLE, CONGESTED) => return false,
        (ECT_0 | ECT_1, CONGESTED) => mark(packet, header, CONGESTED),
        (ECT_0, ECT_1) => mark(packet, header, ECT_1),
        _ => (),
    }
    true
}

/// Tells the ends of the packet to slow down, when it is `wanted` and they know marks.
pub(crate) fn slow_down_if(wanted: bool, packet: &mut [u8]) {
    if wanted {
        slow_down(packet);
    }
}

/// Tells the ends of the packet to slow down; false when they know no marks.
pub(crate) fn slow_down(packet: &mut [u8]) -> bool {
    let Some(header) = Header::parse(packet).filter(|header| header.class & ECN != NOT_CAPABLE) else { return false };
    mark(packet, &header, CONGESTED);
    true
}

fn mark(packet: &mut [u8], header: &Header, ecn: u8) {
    let class = header.class & !ECN | ecn;
    let before = word(packet, 0);
    match header.version {
        Version::V4 => {
            packet[1] = class;
            let sum = updated(word(packet, 10), before, word(packet, 0));
            set_word(packet, 10, sum);
        }
        Version::V6 => set_word(packet, 0, before & 0xf00f | u16::from(class) << 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::checksum;
    use crate::{ipv4, ipv6};

    /// What becomes of the ECN field; the rest of the packet must stay as it is.
    fn passed(mut packet: Vec<u8>, inner: u8, outer: u8) -> Option<u8> {
        let header = Header { class: 0b1010_0100 & !ECN | inner, ..Header::parse(&packet).unwrap() };
        mark(&mut packet, &header, inner);
        let before = packet.clone();
        let passes = pass_on(outer | 0b1100_0000, &mut packet, &header);
        let after = Header::parse(&packet).unwrap();
        assert_eq!(after.class & !ECN, header.class & !ECN);
        assert_eq!((after.version, after.total, &packet[12..]), (header.version, header.total, &before[12..]));
        assert!(after.version == Version::V6 || checksum(&packet[..20]) == 0);
        passes.then_some(after.class & ECN)
    }

    /// RFC 6040, figure 4.
    #[test]
    fn marks_are_those_of_the_table() {
        let rows = [
            (NOT_CAPABLE, [Some(NOT_CAPABLE), Some(NOT_CAPABLE), Some(NOT_CAPABLE), None]),
            (ECT_0, [Some(ECT_0), Some(ECT_0), Some(ECT_1), Some(CONGESTED)]),
            (ECT_1, [Some(ECT_1), Some(ECT_1), Some(ECT_1), Some(CONGESTED)]),
            (CONGESTED, [Some(CONGESTED); 4]),
        ];
        for (inner, wanted) in rows {
            for (outer, wanted) in [NOT_CAPABLE, ECT_0, ECT_1, CONGESTED].into_iter().zip(wanted) {
                for packet in [ipv4::tests::packet(17, 0, &[], &[1; 20]), ipv6::tests::packet(17, &[], &[1; 20])] {
                    assert_eq!(passed(packet, inner, outer), wanted, "{inner} {outer}");
                }
            }
        }
    }

    #[test]
    fn only_what_knows_marks_is_marked() {
        for packet in [ipv4::tests::packet(17, 0, &[], &[1; 20]), ipv6::tests::packet(17, &[], &[1; 20])] {
            for (ecn, wanted) in [(NOT_CAPABLE, NOT_CAPABLE), (ECT_0, CONGESTED), (ECT_1, CONGESTED)] {
                let mut packet = packet.clone();
                let header = Header::parse(&packet).unwrap();
                mark(&mut packet, &header, ecn);
                slow_down_if(false, &mut packet);
                assert_eq!(Header::parse(&packet).unwrap().class & ECN, ecn);
                slow_down_if(true, &mut packet);
                assert_eq!(Header::parse(&packet).unwrap().class & ECN, wanted);
            }
        }
        slow_down_if(true, &mut [0; 5]);
    }

    #[test]
    fn the_outer_header_has_the_same_dscp_and_no_marks() {
        assert_eq!(outer_class(0b1011_1011), 0b1011_1000);
    }
}
