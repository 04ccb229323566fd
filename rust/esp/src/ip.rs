//! IP headers of inner packets: what both versions have in common, and which version reads one.

pub(crate) use crate::header::{set_word, word};
pub use crate::header::{Header, Version, TCP, UDP};
use crate::{ipv4, ipv6};

impl Version {
    /// Octets of a header without options and extension headers.
    pub const fn header_len(self) -> usize {
        match self {
            Version::V4 => ipv4::SHORTEST_HEADER,
            Version::V6 => ipv6::HEADER_LEN,
        }
    }
}

impl Header {
    /// `None` unless the lengths can be: header ≤ total ≤ what is there. Octets after `total` are allowed
    /// (RFC 4303 §2.7), checksums are left to whoever gets the packet.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => ipv4::parse(packet),
            6 => ipv6::parse(packet),
            _ => None,
        }
    }
}
