//! Fragmentation of inner packets before they are sealed, so that no router outside sees a fragment (RFC 791 §3.2).

use crate::ip::Header;
use crate::ipv4::{set_place, SHORTEST_HEADER};

/// The fragments of one packet, each at most `largest` octets, in order.
pub struct Fragments<'a> {
    packet: &'a [u8],
    header: Header,
    largest: usize,
    /// Octets of payload that are out already.
    done: usize,
}

/// Octets of the largest packet (RFC 791 §3.1).
const LARGEST_PACKET: usize = 65_535;

/// `packet` is IPv4 and begins with `header`; the caller has looked at its DF flag. A fragment that belongs behind the end
/// of the largest packet becomes none: its place could not be written down.
pub fn fragments<'a>(packet: &'a [u8], header: &Header, largest: usize) -> Fragments<'a> {
    let possible = header.offset + header.total <= LARGEST_PACKET;
    let end = if possible { header.total } else { header.len };
    Fragments { packet: &packet[..end], header: *header, largest, done: 0 }
}

impl Fragments<'_> {
    /// Replaces `out` by the next fragment; false when there is none, or `largest` leaves no room for any.
    pub fn next_into(&mut self, out: &mut Vec<u8>) -> bool {
        let payload = &self.packet[self.header.len + self.done..];
        if payload.is_empty() {
            return false;
        }
        out.clear();
        self.write_header(out);
        let room = self.largest.saturating_sub(out.len());
        let last = payload.len() <= room;
        let taken = if last { payload.len() } else { room / 8 * 8 };
        if taken == 0 {
            return false;
        }
        let len = out.len();
        out.extend_from_slice(&payload[..taken]);
        let more = !last || self.header.more_fragments;
        set_place(&mut out[..len], len + taken, self.header.offset + self.done, more);
        self.done += taken;
        true
    }

    /// The first fragment has all options, the others those whose copied flag is set.
    fn write_header(&self, out: &mut Vec<u8>) {
        let header = &self.packet[..self.header.len];
        if self.done == 0 {
            out.extend_from_slice(header);
            return;
        }
        out.extend_from_slice(&header[..SHORTEST_HEADER]);
        copy_options(&header[SHORTEST_HEADER..], out);
        out[0] = 0x40 | (out.len() / 4) as u8;
    }
}

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const COPIED: u8 = 0x80;

fn copy_options(mut options: &[u8], out: &mut Vec<u8>) {
    while let [kind, rest @ ..] = options {
        let len = match (*kind, rest.first()) {
            (END, _) => break,
            (NO_OPERATION, _) => 1,
            (_, Some(len)) if (2..=options.len()).contains(&usize::from(*len)) => usize::from(*len),
            _ => break,
        };
        if kind & COPIED != 0 {
            out.extend_from_slice(&options[..len]);
        }
        options = &options[len..];
    }
    out.resize(out.len().next_multiple_of(4), END);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checksum::checksum;
    use crate::ipv4::tests::packet;

    fn all(packet: &[u8], largest: usize) -> Vec<Vec<u8>> {
        let mut pieces = fragments(packet, &Header::parse(packet).unwrap(), largest);
        let mut out = Vec::new();
        std::iter::from_fn(|| pieces.next_into(&mut out).then(|| out.clone())).collect()
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_packet(
            payload in prop::collection::vec(any::<u8>(), 1..3000), largest in 80usize..1500, offset in 0u16..50, more in any::<bool>()
        ) {
            let more_flag = if more { 0x2000 } else { 0 };
            let whole_blocks = payload.len() / 8 * 8;
            let payload = if more { payload[..whole_blocks].to_vec() } else { payload };
            prop_assume!(!payload.is_empty());
            let whole = packet(17, offset | more_flag, &[0x94, 4, 0, 0, 0x44, 4, 1, 1], &payload);
            let mut joined = Vec::new();
            let pieces = all(&whole, largest);
            for (number, piece) in pieces.iter().enumerate() {
                let header = Header::parse(piece).unwrap();
                prop_assert!(piece.len() <= largest && piece.len() == header.total);
                prop_assert_eq!(checksum(&piece[..header.len]), 0);
                prop_assert_eq!(header.offset, usize::from(offset) * 8 + joined.len());
                prop_assert_eq!(header.len, if number == 0 { 28 } else { 24 });
                prop_assert_eq!(header.more_fragments, more || number + 1 < pieces.len());
                prop_assert_eq!(&piece[4..6], &whole[4..6]);
                joined.extend_from_slice(&piece[header.len..]);
            }
            prop_assert_eq!(joined, payload);
        }
    }

    #[test]
    fn bad_options_end_the_copy() {
        let mut out = Vec::new();
        copy_options(&[1, 0x83, 200, 0], &mut out);
        assert!(out.is_empty());
        copy_options(&[0x83, 3, 7, 1, 0x44, 1], &mut out);
        assert_eq!(out, [0x83, 3, 7, 0]);
    }

    /// Cut in two, its second half would begin at 65,536 and so at 0 again.
    #[test]
    fn nothing_lies_behind_the_end_of_the_largest_packet() {
        assert!(all(&packet(17, 0x1fff, &[], &[1; 1400]), 576).is_empty());
        assert!(all(&packet(17, 0x1f00, &[], &[1; 2049]), 576).is_empty());
        assert_eq!(all(&packet(17, 0x1f00, &[], &[1; 2027]), 576).len(), 4);
    }

    #[test]
    fn no_room_means_no_fragment() {
        assert!(all(&packet(17, 0, &[], &[1; 100]), 27).is_empty());
    }
}
