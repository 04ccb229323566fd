//! The header before each packet of a TUN device with IFF_VNET_HDR: what is still to be done to the packet
//! (`struct virtio_net_hdr` of the Virtio specification §5.1.6, in the byte order of this machine).

use crate::ip::Version;

/// Octets of the header.
pub const HEADER_LEN: usize = 10;

const NEEDS_CHECKSUM: u8 = 1;
const NOT_SEGMENTED: u8 = 0;
const TCP_IPV4: u8 = 1;
const TCP_IPV6: u8 = 4;
const UDP_L4: u8 = 5;
/// Beside TCP_IPV4 and TCP_IPV6: the first segment has CWR.
const ECN: u8 = 0x80;

/// Into what a packet is to be cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segmentation {
    #[default]
    None,
    Tcp(Version),
    Udp,
}

/// The header's fields. `segment`: octets of payload in each segment but the last. Places count from the IP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub needs_checksum: bool,
    pub segmentation: Segmentation,
    pub headers: u16,
    pub segment: u16,
    pub checksum_start: u16,
    pub checksum_offset: u16,
}

impl Frame {
    /// How many packets a packet of `len` octets is to be cut into.
    pub fn packets(&self, len: usize) -> usize {
        match self.segmentation {
            Segmentation::None => 1,
            _ => len.saturating_sub(self.headers.into()).div_ceil(usize::from(self.segment).max(1)).max(1),
        }
    }

    /// `None` for a segmentation that was never asked for.
    pub fn parse(octets: &[u8; HEADER_LEN]) -> Option<Self> {
        let word = |at: usize| u16::from_ne_bytes([octets[at], octets[at + 1]]);
        let segmentation = match octets[1] & !ECN {
            NOT_SEGMENTED => Segmentation::None,
            TCP_IPV4 => Segmentation::Tcp(Version::V4),
            TCP_IPV6 => Segmentation::Tcp(Version::V6),
            UDP_L4 => Segmentation::Udp,
            _ => return None,
        };
        Some(Self {
            needs_checksum: octets[0] & NEEDS_CHECKSUM != 0,
            segmentation,
            headers: word(2),
            segment: word(4),
            checksum_start: word(6),
            checksum_offset: word(8),
        })
    }

    pub fn octets(&self) -> [u8; HEADER_LEN] {
        let mut octets = [0; HEADER_LEN];
        octets[0] = if self.needs_checksum { NEEDS_CHECKSUM } else { 0 };
        octets[1] = match self.segmentation {
            Segmentation::None => NOT_SEGMENTED,
            Segmentation::Tcp(Version::V4) => TCP_IPV4,
            Segmentation::Tcp(Version::V6) => TCP_IPV6,
            Segmentation::Udp => UDP_L4,
        };
        let words = [self.headers, self.segment, self.checksum_start, self.checksum_offset];
        for (place, word) in octets[2..].chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let tcp = [Version::V4, Version::V6].map(Segmentation::Tcp);
        for segmentation in [Segmentation::None, Segmentation::Udp].into_iter().chain(tcp) {
            let frame = Frame {
                needs_checksum: true,
                segmentation,
                headers: 40,
                segment: 1360,
                checksum_start: 20,
                checksum_offset: 16,
            };
            assert_eq!(Frame::parse(&frame.octets()), Some(frame));
        }
        assert_eq!(Frame::default().octets(), [0; HEADER_LEN]);
    }

    #[test]
    fn congestion_marks_are_allowed_and_other_kinds_are_not() {
        let kind = |kind: u8| Frame::parse(&[1, kind, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(kind(0x81).unwrap().segmentation, Segmentation::Tcp(Version::V4));
        assert_eq!(kind(0x84).unwrap().segmentation, Segmentation::Tcp(Version::V6));
        assert!(kind(2).is_none() && kind(3).is_none());
    }
}
