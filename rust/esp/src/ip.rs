//! IP headers of inner packets: what both versions have in common.

use std::net::IpAddr;

use crate::{ipv4, ipv6};

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// A pair carries packets of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V4,
    V6,
}

impl Version {
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Version::V4,
            IpAddr::V6(_) => Version::V6,
        }
    }

    /// Octets of a header without options and extension headers.
    pub const fn header_len(self) -> usize {
        match self {
            Version::V4 => ipv4::SHORTEST_HEADER,
            Version::V6 => ipv6::HEADER_LEN,
        }
    }

    /// The number of a whole packet of this version inside another one.
    pub const fn protocol(self) -> u8 {
        match self {
            Version::V4 => 4,
            Version::V6 => 41,
        }
    }
}

/// What matters of a header. `len`: octets before the transport header, those of options and extension headers
/// included. `protocol`: what stands there. `class`: DSCP and ECN. `offset` in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub version: Version,
    pub len: usize,
    pub total: usize,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub class: u8,
    pub protocol: u8,
    pub dont_fragment: bool,
    pub more_fragments: bool,
    pub offset: usize,
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

    pub fn is_fragment(&self) -> bool {
        self.offset != 0 || self.more_fragments
    }
}

pub(crate) fn word(packet: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([packet[at], packet[at + 1]])
}

pub(crate) fn set_word(packet: &mut [u8], at: usize, value: u16) {
    packet[at..at + 2].copy_from_slice(&value.to_be_bytes());
}
