//! Sealing: an inner packet becomes an ESP packet (RFC 4303 §3.3).

use std::fmt;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::algorithm::{Cipher, Shape, Suite, UnknownSuite, SALT_LEN};
use crate::hmac::{LONGEST_DIGEST, MOST_LANES};
use crate::iv::IvSource;
use crate::primitive::{self, Aead, Cbc, Mac, LANES};
#[cfg(test)]
use crate::size::sealed_len;
use crate::size::TRAILER_LEN;
use crate::HEADER_LEN;

/// One direction: its SPI and keys (GCM and ChaCha20: the key, then 4 octets of salt). Wiped when dropped.
pub struct Keys {
    pub spi: u32,
    pub encryption: Zeroizing<Vec<u8>>,
    pub integrity: Zeroizing<Vec<u8>>,
}

/// Keys that do not fit their suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadKeys {
    Suite(UnknownSuite),
    Length { what: &'static str, wanted: usize, got: usize },
}

impl fmt::Display for BadKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadKeys::Suite(unknown) => unknown.fmt(f),
            BadKeys::Length { what, wanted, got } => {
                write!(f, "the {what} key has {got} octets, the suite wants {wanted}")
            }
        }
    }
}

/// The primitives of one direction, keyed.
pub(crate) enum Protection {
    CbcMac(Box<dyn Cbc>, Box<dyn Mac>),
    Aead(Box<dyn Aead>, [u8; SALT_LEN]),
}

impl Protection {
    pub(crate) fn new(suite: Suite, encryption: &[u8], integrity: &[u8]) -> Result<(Self, Shape), BadKeys> {
        let shape = suite.shape().map_err(BadKeys::Suite)?;
        fits("encryption", shape.key_len, encryption)?;
        fits("integrity", shape.integrity_key_len, integrity)?;
        let unknown = BadKeys::Suite(UnknownSuite(suite));
        Ok((Self::keyed(suite, encryption, integrity).ok_or(unknown)?, shape))
    }

    fn keyed(suite: Suite, encryption: &[u8], integrity: &[u8]) -> Option<Self> {
        if matches!(suite.cipher, Cipher::AesGcm16 | Cipher::ChaCha20Poly1305) {
            let (key, salt) = encryption.split_last_chunk::<SALT_LEN>()?;
            return Some(Self::Aead(primitive::aead(suite.cipher, key)?, *salt));
        }
        let cbc = primitive::cbc(suite.cipher, encryption)?;
        Some(Self::CbcMac(cbc, primitive::mac(suite.integrity?, integrity)?))
    }
}

fn fits(what: &'static str, wanted: usize, key: &[u8]) -> Result<(), BadKeys> {
    let got = key.len();
    if got == wanted {
        return Ok(());
    }
    Err(BadKeys::Length { what, wanted, got })
}

/// The nonce of GCM and ChaCha20-Poly1305: salt, then the explicit IV (RFC 4106 §4, RFC 7634 §2).
pub(crate) fn nonce(salt: [u8; SALT_LEN], iv: &[u8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..SALT_LEN].copy_from_slice(&salt);
    nonce[SALT_LEN..].copy_from_slice(iv);
    nonce
}

/// Octets of the half of an extended sequence number that is authenticated and not sent (RFC 4303 §2.2.1).
pub(crate) const UPPER_HALF: usize = 4;

/// What an AEAD authenticates beside the ciphertext: SPI and sequence number, an extended one in all of its octets
/// (RFC 4106 §5, RFC 7634 §2.1).
pub(crate) struct Associated {
    octets: [u8; HEADER_LEN + UPPER_HALF],
    len: usize,
}

impl Associated {
    /// `head`: what a packet begins with.
    pub(crate) fn new(head: &[u8], extended: Option<u64>) -> Self {
        let mut octets = [0; HEADER_LEN + UPPER_HALF];
        octets[..HEADER_LEN].copy_from_slice(&head[..HEADER_LEN]);
        let Some(number) = extended else { return Self { octets, len: HEADER_LEN } };
        octets[HEADER_LEN - UPPER_HALF..].copy_from_slice(&number.to_be_bytes());
        Self { octets, len: HEADER_LEN + UPPER_HALF }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets[..self.len]
    }
}

/// The outgoing half of an SA pair. Sequence numbers come from the caller, who never uses one twice.
pub struct Sealer {
    spi: u32,
    extended: bool,
    shape: Shape,
    protection: Protection,
    ivs: IvSource,
}

impl Sealer {
    /// `seed` is random and of this SA only. `extended`: sequence numbers have 64 bits, of which 32 are sent.
    pub fn new(suite: Suite, keys: &Keys, seed: &[u8; 16], extended: bool) -> Result<Self, BadKeys> {
        let (protection, shape) = Protection::new(suite, &keys.encryption, &keys.integrity)?;
        Ok(Self { spi: keys.spi, extended, shape, protection, ivs: IvSource::new(seed) })
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Lays out the packet around `len` octets with next header `next_header` in `room`, which has the packet's length:
    /// SPI, sequence, room for the IV, room for the octets, padding 1, 2, 3, …, its length, next header, room for the
    /// ICV, where the upper half of the sequence number waits. Returns the room for the octets. `protect` finishes it.
    pub fn lay_out<'a>(&self, number: u64, len: usize, next_header: u8, room: &'a mut [u8]) -> &'a mut [u8] {
        let start = HEADER_LEN + self.shape.iv_len;
        let trailer = room.len() - self.shape.icv_len - TRAILER_LEN;
        let (upper, lower) = ((number >> 32) as u32, number as u32);
        room[..4].copy_from_slice(&self.spi.to_be_bytes());
        room[4..HEADER_LEN].copy_from_slice(&lower.to_be_bytes());
        let icv = trailer + TRAILER_LEN;
        room[icv..icv + UPPER_HALF].copy_from_slice(&upper.to_be_bytes());
        let padding = &mut room[start + len..trailer];
        padding.iter_mut().zip(1..).for_each(|(octet, count)| *octet = count);
        let padding = padding.len() as u8;
        room[trailer..trailer + TRAILER_LEN].copy_from_slice(&[padding, next_header]);
        &mut room[start..start + len]
    }

    /// Encrypts and signs in place what `lay_out` laid out: packets of `stride` octets, the last maybe shorter.
    pub fn protect(&self, packets: &mut [u8], stride: usize) {
        match &self.protection {
            Protection::Aead(aead, salt) => {
                packets.chunks_mut(stride).for_each(|packet| self.seal_one(packet, aead.as_ref(), *salt));
            }
            Protection::CbcMac(cbc, mac) => {
                packets.chunks_mut(stride).for_each(|packet| self.ivs.fill(self.number(packet), self.iv(packet)));
                for lanes in packets.chunks_mut(stride * LANES) {
                    let whole = lanes.len() / stride * stride;
                    let (whole, last) = lanes.split_at_mut(whole);
                    cbc.encrypt(whole, stride, self.body(stride));
                    if !last.is_empty() {
                        let len = last.len();
                        cbc.encrypt(last, len, self.body(len));
                    }
                }
                self.sign(packets, stride, mac.as_ref());
            }
        }
    }

    /// Packets of one length at once, and the last one alone when it is shorter.
    fn sign(&self, packets: &mut [u8], stride: usize, mac: &dyn Mac) {
        for lanes in packets.chunks_mut(stride * MOST_LANES) {
            let mut digests = [[0; LONGEST_DIGEST]; MOST_LANES];
            let mut messages: [&[u8]; MOST_LANES] = [&[]; MOST_LANES];
            let mut count = 0;
            for packet in lanes.chunks_exact(stride) {
                messages[count] = &packet[..self.signed(stride)];
                count += 1;
            }
            mac.digests(&messages[..count], &mut digests[..count]);
            let last = lanes.chunks_exact(stride).remainder();
            if !last.is_empty() {
                mac.digest(&last[..self.signed(last.len())], &mut digests[count]);
            }
            for (packet, digest) in lanes.chunks_mut(stride).zip(&digests) {
                let place = packet.len() - self.shape.icv_len;
                packet[place..].copy_from_slice(&digest[..self.shape.icv_len]);
            }
        }
    }

    fn seal_one(&self, packet: &mut [u8], aead: &dyn Aead, salt: [u8; SALT_LEN]) {
        let number = self.number(packet);
        let explicit = number.to_be_bytes();
        self.iv(packet).copy_from_slice(&explicit);
        let body = self.body(packet.len());
        let (head, rest) = packet.split_at_mut(body.start);
        let (text, icv) = rest.split_at_mut(body.len());
        let associated = Associated::new(head, self.extended.then_some(number));
        aead.seal(nonce(salt, &explicit), associated.octets(), text, icv);
    }

    fn iv<'a>(&self, packet: &'a mut [u8]) -> &'a mut [u8] {
        &mut packet[HEADER_LEN..HEADER_LEN + self.shape.iv_len]
    }

    /// What is encrypted in a packet of `len` octets.
    fn body(&self, len: usize) -> Range<usize> {
        HEADER_LEN + self.shape.iv_len..len - self.shape.icv_len
    }

    /// Of a packet that is laid out and not finished.
    fn number(&self, packet: &[u8]) -> u64 {
        let half = |at: usize| u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]);
        u64::from(half(packet.len() - self.shape.icv_len)) << 32 | u64::from(half(4))
    }

    /// Octets of a packet of `len` octets that an HMAC proves: all before the ICV, and what waits at the ICV's place.
    fn signed(&self, len: usize) -> usize {
        len - self.shape.icv_len + if self.extended { UPPER_HALF } else { 0 }
    }

    /// Replaces `out` by the ESP packet around `inner`.
    #[cfg(test)]
    pub(crate) fn seal(&self, number: u64, inner: &[u8], next_header: u8, out: &mut Vec<u8>) {
        out.clear();
        out.resize(sealed_len(&self.shape, inner.len()), 0);
        self.lay_out(number, inner.len(), next_header, out).copy_from_slice(inner);
        let len = out.len();
        self.protect(out, len);
    }
}
