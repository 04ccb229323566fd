//! Sealing: an inner packet becomes an ESP packet (RFC 4303 §3.3).

use std::fmt;

use zeroize::Zeroizing;

use crate::algorithm::{Cipher, Shape, Suite, UnknownSuite, SALT_LEN};
use crate::iv::IvSource;
use crate::primitive::{self, Aead, Cbc, Mac};
#[cfg(test)]
use crate::size::sealed_len;
use crate::size::TRAILER_LEN;
use crate::HEADER_LEN;

/// One direction: its SPI and keys (GCM: the key, then 4 octets of salt). Wiped when dropped.
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
    pub(crate) fn new(suite: Suite, keys: &Keys) -> Result<(Self, Shape), BadKeys> {
        let shape = suite.shape().map_err(BadKeys::Suite)?;
        fits("encryption", shape.key_len, &keys.encryption)?;
        fits("integrity", shape.integrity_key_len, &keys.integrity)?;
        let unknown = BadKeys::Suite(UnknownSuite(suite));
        Ok((Self::keyed(suite, keys).ok_or(unknown)?, shape))
    }

    fn keyed(suite: Suite, keys: &Keys) -> Option<Self> {
        if suite.cipher == Cipher::AesGcm16 {
            let (key, salt) = keys.encryption.split_last_chunk::<SALT_LEN>()?;
            return Some(Self::Aead(primitive::gcm(key)?, *salt));
        }
        let cbc = primitive::cbc(suite.cipher, &keys.encryption)?;
        Some(Self::CbcMac(cbc, primitive::mac(suite.integrity?, &keys.integrity)?))
    }
}

fn fits(what: &'static str, wanted: usize, key: &[u8]) -> Result<(), BadKeys> {
    let got = key.len();
    if got == wanted {
        return Ok(());
    }
    Err(BadKeys::Length { what, wanted, got })
}

/// The nonce of GCM: salt, then the explicit IV (RFC 4106 §4).
pub(crate) fn nonce(salt: [u8; SALT_LEN], iv: &[u8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[..SALT_LEN].copy_from_slice(&salt);
    nonce[SALT_LEN..].copy_from_slice(iv);
    nonce
}

/// The outgoing half of an SA pair. Sequence numbers come from the caller, who never uses one twice.
pub struct Sealer {
    spi: u32,
    shape: Shape,
    protection: Protection,
    ivs: IvSource,
}

impl Sealer {
    /// `seed` is random and of this SA only.
    pub fn new(suite: Suite, keys: &Keys, seed: &[u8; 16]) -> Result<Self, BadKeys> {
        let (protection, shape) = Protection::new(suite, keys)?;
        Ok(Self { spi: keys.spi, shape, protection, ivs: IvSource::new(seed) })
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Lays out the packet around `len` octets with next header `next_header` in `room`, which has the packet's length:
    /// SPI, sequence, room for the IV, room for the octets, padding 1, 2, 3, …, its length, next header, room for the
    /// ICV. Returns the room for the octets. `protect` finishes it.
    pub fn lay_out<'a>(&self, sequence: u32, len: usize, next_header: u8, room: &'a mut [u8]) -> &'a mut [u8] {
        let start = HEADER_LEN + self.shape.iv_len;
        let trailer = room.len() - self.shape.icv_len - TRAILER_LEN;
        room[..4].copy_from_slice(&self.spi.to_be_bytes());
        room[4..HEADER_LEN].copy_from_slice(&sequence.to_be_bytes());
        let padding = &mut room[start + len..trailer];
        padding.iter_mut().zip(1..).for_each(|(octet, count)| *octet = count);
        let padding = padding.len() as u8;
        room[trailer..trailer + TRAILER_LEN].copy_from_slice(&[padding, next_header]);
        &mut room[start..start + len]
    }

    /// Encrypts and signs in place what `lay_out` laid out.
    pub fn protect(&self, packet: &mut [u8]) {
        let (head, rest) = packet.split_at_mut(HEADER_LEN);
        let sequence = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let (iv, body) = rest.split_at_mut(self.shape.iv_len);
        let (body, icv) = body.split_at_mut(body.len() - self.shape.icv_len);
        match &self.protection {
            Protection::Aead(aead, salt) => {
                iv.copy_from_slice(&u64::from(sequence).to_be_bytes());
                aead.seal(&nonce(*salt, iv), head, body, icv);
            }
            Protection::CbcMac(cbc, mac) => {
                self.ivs.fill(sequence, iv);
                cbc.encrypt(iv, body);
                let signed = packet.len() - self.shape.icv_len;
                let (data, icv) = packet.split_at_mut(signed);
                mac.sign(data, icv);
            }
        }
    }

    /// Replaces `out` by the ESP packet around `inner`.
    #[cfg(test)]
    pub(crate) fn seal(&self, sequence: u32, inner: &[u8], next_header: u8, out: &mut Vec<u8>) {
        out.clear();
        out.resize(sealed_len(&self.shape, inner.len()), 0);
        self.lay_out(sequence, inner.len(), next_header, out).copy_from_slice(inner);
        self.protect(out);
    }
}
