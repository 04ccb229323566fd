//! What matters of an IP header, whatever its version, and words of packets.

use std::net::IpAddr;

pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// Of a packet, inside or outside.
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
