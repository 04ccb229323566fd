//! How much an inner packet grows on its way out, and therefore how large it may be.

use crate::algorithm::{Cipher, Integrity, Shape, Suite, UnknownSuite};
use crate::HEADER_LEN;

const IPV4_HEADER: usize = 20;
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
    fn headers(self) -> usize {
        match self {
            Encapsulation::Udp => IPV4_HEADER + UDP_HEADER,
            Encapsulation::None => IPV4_HEADER,
        }
    }
}

/// Octets of the ESP packet around `inner` octets.
pub fn sealed_len(shape: &Shape, inner: usize) -> usize {
    let body = (inner + TRAILER_LEN).next_multiple_of(shape.align);
    HEADER_LEN + shape.iv_len + body + shape.icv_len
}

/// The largest inner packet whose outer IP datagram has at most `outer` octets; 0 when nothing fits.
pub fn largest_inner(shape: &Shape, encapsulation: Encapsulation, outer: usize) -> usize {
    let fixed = encapsulation.headers() + HEADER_LEN + shape.iv_len + shape.icv_len;
    let body = outer.saturating_sub(fixed) / shape.align * shape.align;
    body.saturating_sub(TRAILER_LEN)
}

/// The largest inner packet that fits with any suite in UDP: what a device shared by all tunnels may have as MTU.
pub fn device_mtu(outer: usize) -> Result<usize, UnknownSuite> {
    let largest = Suite { cipher: Cipher::AesCbc, key_bits: 256, integrity: Some(Integrity::HmacSha512) };
    Ok(largest_inner(&largest.shape()?, Encapsulation::Udp, outer))
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
            for encapsulation in [Encapsulation::Udp, Encapsulation::None] {
                for outer in 552..=1500 {
                    let inner = largest_inner(&shape, encapsulation, outer);
                    assert!(encapsulation.headers() + sealed_len(&shape, inner) <= outer);
                    assert!(encapsulation.headers() + sealed_len(&shape, inner + 1) > outer);
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
        assert_eq!(largest_inner(&shape, Encapsulation::Udp, 40), 0);
    }
}
