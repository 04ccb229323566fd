//! The Internet checksum, over octets, pseudo headers and changed words (RFC 1071, RFC 1624).

use crate::header::UDP;
use crate::vector::{Vector, Width, Work};

/// The Internet checksum over `octets`, whose checksum field is zero.
pub fn checksum(octets: &[u8]) -> u16 {
    !sum(octets)
}

/// From here on wide vectors are worth their call.
const LONG: usize = 256;

/// The sum behind the checksum: not inverted.
pub(crate) fn sum(octets: &[u8]) -> u16 {
    if octets.len() < LONG {
        return sum_words(octets);
    }
    let mut sum = 0;
    if let Some(width) = Width::all().next() {
        width.run(Sum { octets, sum: &mut sum });
    }
    sum
}

struct Sum<'a> {
    octets: &'a [u8],
    sum: &'a mut u16,
}

impl Work<u32> for Sum<'_> {
    #[inline(always)]
    fn run<V: Vector<Word = u32>>(self) {
        *self.sum = sum_words(self.octets);
    }
}

/// Four octets a step, since the byte order comes out right at the end (RFC 1071 §2B), and compilers make vectors of it,
/// as wide as whoever this is inlined into may use.
#[inline(always)]
fn sum_words(octets: &[u8]) -> u16 {
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

/// The sum over the pseudo header of a packet, for `len` octets of transport header and payload (RFC 9293 §3.1,
/// RFC 8200 §8.1).
pub(crate) fn pseudo_sum(packet: &[u8], protocol: u8, len: usize) -> u16 {
    let addresses = if packet[0] >> 4 == 4 { &packet[12..20] } else { &packet[8..40] };
    fold(u32::from(sum(addresses)) + u32::from(protocol) + len as u32)
}

/// The checksum of TCP, UDP or ICMPv6 over `transport`, whose field is zero. UDP's 0 means "none": it is written as
/// 0xffff.
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::header::{set_word, word};

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

    /// RFC 8200 §8.1: addresses, upper-layer length in 32 bits, zeros, next header.
    #[test]
    fn the_pseudo_header_of_ipv6() {
        let mut packet = vec![0x60; 40];
        packet.iter_mut().enumerate().skip(8).for_each(|(at, octet)| *octet = at as u8);
        let pseudo = [&packet[8..40], &[0, 0, 0x12, 0x34, 0, 0, 0, 58]].concat();
        assert_eq!(pseudo_sum(&packet, 58, 0x1234), sum(&pseudo));
    }
}
