//! The suites that ESP may use, and the sizes that follow from each.

use std::fmt;

/// Encryption; GCM (RFC 4106) and ChaCha20-Poly1305 (RFC 7634) authenticate as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    AesCbc,
    TripleDesCbc,
    CamelliaCbc,
    BlowfishCbc,
    Cast128Cbc,
    TwofishCbc,
    /// For ISAKMP messages only: no suite of ESP has it.
    IdeaCbc,
    AesGcm16,
    ChaCha20Poly1305,
}

/// Integrity: HMAC, truncated to 96 bits for MD5 and SHA-1, to half of the hash for SHA-2 (RFC 2403, 2404, 4868).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    HmacMd5,
    HmacSha1,
    HmacSha256,
    HmacSha384,
    HmacSha512,
}

/// What protects one SA pair. `key_bits` is 0 (or 192) for 3DES, whose key length is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    pub cipher: Cipher,
    pub key_bits: u16,
    pub integrity: Option<Integrity>,
}

/// Sizes in octets. `key_len` includes the salt of GCM and ChaCha20; `align` is what ciphertext lengths are multiples of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub key_len: usize,
    pub integrity_key_len: usize,
    pub iv_len: usize,
    pub align: usize,
    pub icv_len: usize,
}

/// A combination that no RFC defines: no integrity beside CBC, or integrity beside an AEAD, or a key length that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSuite(pub Suite);

impl fmt::Display for UnknownSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Suite { cipher, key_bits, integrity } = self.0;
        write!(f, "no ESP suite has {cipher:?} with {key_bits} bits and integrity {integrity:?}")
    }
}

impl Suite {
    pub fn shape(&self) -> Result<Shape, UnknownSuite> {
        let (key_len, iv_len, align) = self.cipher_sizes().ok_or(UnknownSuite(*self))?;
        let (integrity_key_len, icv_len) = match (self.cipher, self.integrity) {
            (Cipher::AesGcm16 | Cipher::ChaCha20Poly1305, None) => (0, 16),
            (Cipher::AesGcm16 | Cipher::ChaCha20Poly1305, Some(_)) => return Err(UnknownSuite(*self)),
            (_, Some(integrity)) => integrity.sizes(),
            _ => return Err(UnknownSuite(*self)),
        };
        Ok(Shape { key_len, integrity_key_len, iv_len, align, icv_len })
    }

    fn cipher_sizes(&self) -> Option<(usize, usize, usize)> {
        let key_len = usize::from(self.key_bits / 8);
        match (self.cipher, self.key_bits) {
            (Cipher::AesCbc | Cipher::CamelliaCbc | Cipher::TwofishCbc, 128 | 192 | 256) => Some((key_len, 16, 16)),
            (Cipher::BlowfishCbc, 40..=448) | (Cipher::Cast128Cbc, 40..=128) if self.key_bits % 8 == 0 => {
                Some((key_len, 8, 8))
            }
            (Cipher::TripleDesCbc, 0 | 192) => Some((24, 8, 8)),
            (Cipher::AesGcm16, 128 | 192 | 256) => Some((key_len + SALT_LEN, 8, 4)),
            (Cipher::ChaCha20Poly1305, 0 | 256) => Some((32 + SALT_LEN, 8, 4)),
            _ => None,
        }
    }
}

/// Octets of salt at the end of a key of GCM or ChaCha20-Poly1305 (RFC 4106 §8.1, RFC 7634 §2).
pub const SALT_LEN: usize = 4;

impl Integrity {
    /// Octets of key and of the truncated ICV.
    fn sizes(self) -> (usize, usize) {
        match self {
            Integrity::HmacMd5 => (16, 12),
            Integrity::HmacSha1 => (20, 12),
            Integrity::HmacSha256 => (32, 16),
            Integrity::HmacSha384 => (48, 24),
            Integrity::HmacSha512 => (64, 32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(cipher: Cipher, key_bits: u16, integrity: Option<Integrity>) -> Suite {
        Suite { cipher, key_bits, integrity }
    }

    #[test]
    fn every_suite_has_the_sizes_of_its_rfc() {
        let shape = suite(Cipher::AesCbc, 256, Some(Integrity::HmacSha512)).shape().unwrap();
        assert_eq!(shape, Shape { key_len: 32, integrity_key_len: 64, iv_len: 16, align: 16, icv_len: 32 });
        let shape = suite(Cipher::TripleDesCbc, 0, Some(Integrity::HmacMd5)).shape().unwrap();
        assert_eq!(shape, Shape { key_len: 24, integrity_key_len: 16, iv_len: 8, align: 8, icv_len: 12 });
        let shape = suite(Cipher::AesGcm16, 192, None).shape().unwrap();
        assert_eq!(shape, Shape { key_len: 28, integrity_key_len: 0, iv_len: 8, align: 4, icv_len: 16 });
    }

    #[test]
    fn encryption_without_integrity_does_not_exist() {
        assert!(suite(Cipher::AesCbc, 128, None).shape().is_err());
        assert!(suite(Cipher::AesGcm16, 128, Some(Integrity::HmacSha1)).shape().is_err());
        assert!(suite(Cipher::AesCbc, 64, Some(Integrity::HmacSha1)).shape().is_err());
        assert!(suite(Cipher::CamelliaCbc, 128, None).shape().is_err());
    }

    #[test]
    fn key_lengths_are_those_of_rfc_2451() {
        let exists = |cipher, bits| suite(cipher, bits, Some(Integrity::HmacSha1)).shape().is_ok();
        assert!(exists(Cipher::BlowfishCbc, 40) && exists(Cipher::BlowfishCbc, 448));
        assert!(
            !exists(Cipher::BlowfishCbc, 32) && !exists(Cipher::BlowfishCbc, 456) && !exists(Cipher::BlowfishCbc, 44)
        );
        assert!(exists(Cipher::Cast128Cbc, 40) && exists(Cipher::Cast128Cbc, 128) && !exists(Cipher::Cast128Cbc, 136));
        assert!(exists(Cipher::TwofishCbc, 192) && !exists(Cipher::TwofishCbc, 0) && !exists(Cipher::CamelliaCbc, 64));
    }
}
