//! How much an inner packet grows on its way out, and therefore how large it may be.

use crate::algorithm::{Cipher, Integrity, Shape, Suite, UnknownSuite};
use crate::ip::Version;
use crate::HEADER_LEN;

const UDP_HEADER: usize = 8;
/// Pad length and next header.
pub(crate) const TRAILER_LEN: usize = 2;

/// How ESP travels: in UDP of the NAT traversal socket (RFC 3948), or as IP protocol 50.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encapsulation {
    Udp,
    None,
}

impl Encapsulation {
    /// Octets before the ESP packet on a path of that version.
    fn headers(self, path: Version) -> usize {
        match self {
            Encapsulation::Udp => path.header_len() + UDP_HEADER,
            Encapsulation::None => path.header_len(),
        }
    }
}

/// Octets of the ESP packet around `inner` octets.
pub fn sealed_len(shape: &Shape, inner: usize) -> usize {
    let body = (inner + TRAILER_LEN).next_multiple_of(shape.align);
    HEADER_LEN + shape.iv_len + body + shape.icv_len
}

/// The largest inner packet whose outer IP datagram has at most `outer` octets; 0 when nothing fits.
pub fn largest_inner(shape: &Shape, encapsulation: Encapsulation, path: Version, outer: usize) -> usize {
    let fixed = encapsulation.headers(path) + HEADER_LEN + shape.iv_len + shape.icv_len;
    let body = outer.saturating_sub(fixed) / shape.align * shape.align;
    body.saturating_sub(TRAILER_LEN)
}

/// The largest inner packet that fits with any suite in UDP over IPv4: what a device shared by all tunnels may have as
/// MTU. On a path of IPv6 the tunnel does for the 20 octets more what it does for any smaller limit.
pub fn device_mtu(outer: usize) -> Result<usize, UnknownSuite> {
    let largest = Suite { cipher: Cipher::AesCbc, key_bits: 256, integrity: Some(Integrity::HmacSha512) };
    Ok(largest_inner(&largest.shape()?, Encapsulation::Udp, Version::V4, outer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suites() -> Vec<Suite> {
        let macs = [
            Integrity::HmacMd5,
            Integrity::HmacSha1,
            Integrity::HmacSha256,
            Integrity::HmacSha384,
            Integrity::HmacSha512,
        ];
        let mut all: Vec<Suite> = macs
            .iter()
            .flat_map(|mac| {
                [(Cipher::AesCbc, 128), (Cipher::AesCbc, 256), (Cipher::TripleDesCbc, 0)]
                    .map(|(cipher, key_bits)| Suite { cipher, key_bits, integrity: Some(*mac) })
            })
            .collect();
        all.push(Suite { cipher: Cipher::AesGcm16, key_bits: 128, integrity: None });
        all
    }

    #[test]
    fn the_largest_fits_and_one_octet_more_does_not() {
        for suite in suites() {
            let shape = suite.shape().unwrap();
            for (encapsulation, path, headers) in [
                (Encapsulation::Udp, Version::V4, 28),
                (Encapsulation::None, Version::V4, 20),
                (Encapsulation::Udp, Version::V6, 48),
                (Encapsulation::None, Version::V6, 40),
            ] {
                for outer in 552..=1500 {
                    let inner = largest_inner(&shape, encapsulation, path, outer);
                    assert!(headers + sealed_len(&shape, inner) <= outer);
                    assert!(headers + sealed_len(&shape, inner + 1) > outer);
                }
            }
        }
    }

    #[test]
    fn the_device_mtu_fits_every_suite() {
        let mtu = device_mtu(1500).unwrap();
        assert_eq!(mtu, 1406);
        for suite in suites() {
            assert!(28 + sealed_len(&suite.shape().unwrap(), mtu) <= 1500);
        }
    }

    #[test]
    fn nothing_fits_into_nothing() {
        let shape = suites()[0].shape().unwrap();
        assert_eq!(largest_inner(&shape, Encapsulation::Udp, Version::V4, 40), 0);
    }
}
