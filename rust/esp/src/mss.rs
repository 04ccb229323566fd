//! MSS clamp: a TCP handshake through the tunnel learns how much fits into it (RFC 9293 §3.7.1).

use crate::checksum::updated;
use crate::ip::{set_word, word, Header, TCP};

const SHORTEST_TCP: usize = 20;
const SYN: u8 = 0x02;
const OPTION_END: u8 = 0;
const OPTION_NO_OPERATION: u8 = 1;
const OPTION_MSS: u8 = 2;

/// Lowers the MSS option of a SYN to what inner packets of `largest` octets leave, and corrects the checksum.
pub fn clamp(packet: &mut [u8], header: &Header, largest: usize) {
    if header.protocol != TCP || header.offset != 0 {
        return;
    }
    let segment = &mut packet[header.len..header.total];
    let limit = largest.saturating_sub(header.len + SHORTEST_TCP) as u16;
    let Some(at) = mss_option(segment) else { return };
    let announced = word(segment, at);
    if announced > limit {
        set_word(segment, at, limit);
        // A word at an odd offset stands across two words of the sum: its octets count the other way round.
        let turn = |value: u16| if at % 2 == 0 { value } else { value.swap_bytes() };
        let sum = updated(word(segment, 16), turn(announced), turn(limit));
        set_word(segment, 16, sum);
    }
}

/// Where the value of the MSS option stands in a SYN.
fn mss_option(segment: &[u8]) -> Option<usize> {
    if segment.len() < SHORTEST_TCP || segment[13] & SYN == 0 {
        return None;
    }
    let end = usize::from(segment[12] >> 4) * 4;
    let options = segment.get(SHORTEST_TCP..end)?;
    let mut at = 0;
    while let Some(kind) = options.get(at) {
        let len = match (*kind, options.get(at + 1)) {
            (OPTION_END, _) | (_, None) => return None,
            (OPTION_NO_OPERATION, _) => 1,
            (OPTION_MSS, Some(4)) if at + 4 <= options.len() => return Some(SHORTEST_TCP + at + 2),
            (_, Some(len)) if *len >= 2 => usize::from(*len),
            _ => return None,
        };
        at += len;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checksum::{checksum, pseudo_sum, sum};
    use crate::ipv4::tests::packet;
    use crate::ipv6::tests::packet as packet6;

    fn tcp(flags: u8, options: &[u8]) -> Vec<u8> {
        let mut segment = vec![0; 20];
        segment[..4].copy_from_slice(&[0x30, 0x39, 0, 80]);
        segment[12] = (((20 + options.len()) / 4) as u8) << 4;
        segment[13] = flags;
        segment.extend_from_slice(options);
        let sum = tcp_checksum(&segment);
        set_word(&mut segment, 16, sum);
        packet(TCP, 0x4000, &[], &segment)
    }

    fn tcp_checksum(segment: &[u8]) -> u16 {
        let pseudo = [&[10, 99, 99, 1, 10, 0, 12, 7, 0, TCP, 0, segment.len() as u8][..], segment].concat();
        checksum(&pseudo)
    }

    fn clamped(mut octets: Vec<u8>, largest: usize) -> Vec<u8> {
        let header = Header::parse(&octets).unwrap();
        clamp(&mut octets, &header, largest);
        octets
    }

    #[test]
    fn lowers_never_raises() {
        let syn = tcp(0x02, &[2, 4, 5, 180]);
        assert_eq!(word(&clamped(syn.clone(), 478), 42), 438);
        assert_eq!(clamped(syn.clone(), 1500), syn);
    }

    #[test]
    fn the_checksum_stays_right_at_even_and_odd_places() {
        for options in [&[2, 4, 5, 180][..], &[1, 2, 4, 5, 180, 1, 1, 1], &[1, 1, 2, 4, 5, 180, 0, 0]] {
            for largest in [60, 478, 1006, 1422] {
                let out = clamped(tcp(0x12, options), largest);
                assert_eq!(tcp_checksum(&out[20..]), 0, "{options:?} {largest}");
            }
        }
    }

    #[test]
    fn only_a_syn_is_touched() {
        let ack = tcp(0x10, &[2, 4, 5, 180]);
        assert_eq!(clamped(ack.clone(), 478), ack);
        let fragment = packet(TCP, 1, &[], &tcp(0x02, &[2, 4, 5, 180])[20..]);
        assert_eq!(clamped(fragment.clone(), 478), fragment);
    }

    #[test]
    fn ipv6_has_a_longer_header() {
        let syn = &tcp(0x02, &[2, 4, 5, 180])[20..];
        for extensions in [&[][..], &[TCP, 0, 1, 4, 0, 0, 0, 0]] {
            let mut whole = packet6(if extensions.is_empty() { TCP } else { 60 }, extensions, syn);
            let start = 40 + extensions.len();
            set_word(&mut whole, start + 16, 0);
            let pseudo = pseudo_sum(&whole, TCP, syn.len());
            let right = crate::checksum::transport_checksum(pseudo, &whole[start..], TCP);
            set_word(&mut whole, start + 16, right);
            let out = clamped(whole, 478);
            assert_eq!(usize::from(word(&out, start + 22)), 478 - start - 20);
            assert_eq!(u32::from(pseudo) + u32::from(sum(&out[start..])), 0xffff);
        }
    }

    proptest! {
        #[test]
        fn survives_any_segment(octets in prop::collection::vec(any::<u8>(), 0..80), largest in 0usize..2000) {
            clamped(packet(TCP, 0, &[], &octets), largest);
        }
    }
}
