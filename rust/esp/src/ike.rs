//! What IKEv2 needs of the same primitives: the encrypted payload (RFC 7296 §3.14, RFC 5282, RFC 7634 §5) and prf+
//! (RFC 7296 §2.13).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use crate::algorithm::{Integrity, Shape, Suite};
use crate::hmac::LONGEST_DIGEST;
use crate::primitive::{is_left_end, Prf};
use crate::seal::{nonce, BadKeys, Protection};

/// The octet that counts those of the padding.
const PAD_LENGTH: usize = 1;
/// Rounds of prf+: their number is one octet.
const MOST_ROUNDS: usize = 255;

/// One direction of an IKE SA: what its encrypted payloads are sealed with. There is never a second one for the same keys
/// that seals, for it numbers its IVs itself.
pub struct Protector {
    shape: Shape,
    protection: Protection,
    sealed: AtomicU64,
}

/// Why nothing is sealed, or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    Iv {
        wanted: usize,
        got: usize,
    },
    /// Not sealed with these keys behind that head, or not with a length that can be.
    Forged,
    /// Sealed as it came, with more padding than there is.
    Padding {
        told: usize,
        of: usize,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Iv { wanted, got } => write!(f, "the IV has {got} octets, the suite wants {wanted}"),
            Unfit::Forged => write!(f, "the ICV does not hold"),
            Unfit::Padding { told, of } => write!(f, "a pad length of {told} in {of} octets"),
        }
    }
}

impl Protector {
    /// An encryption key of GCM and ChaCha20 ends in its salt.
    pub fn new(suite: Suite, encryption: &[u8], integrity: &[u8]) -> Result<Self, BadKeys> {
        let (protection, mut shape) = Protection::new(suite, encryption, integrity)?;
        if suite.integrity.is_none() {
            shape.align = 1; // an AEAD pads nothing here, whatever it does in ESP (RFC 5282 §3)
        }
        Ok(Self { shape, protection, sealed: AtomicU64::new(0) })
    }

    /// Octets of IV, ciphertext and ICV around so much content.
    pub fn sealed_len(&self, content: usize) -> usize {
        self.shape.iv_len + self.padded(content) + self.shape.icv_len
    }

    /// The longest content that is sealed in at most so many octets; 0 where none is.
    pub fn room(&self, octets: usize) -> usize {
        let around = self.shape.iv_len + self.shape.icv_len;
        let body = octets.saturating_sub(around) / self.shape.align * self.shape.align;
        body.saturating_sub(PAD_LENGTH)
    }

    /// As `seal`, under an IV that no other call has: the number of the call where it only must never repeat (RFC 5282
    /// §3.1), that number encrypted under the key itself where it must not be foreseen (NIST SP 800-38A, appendix C).
    pub fn seal_next(&self, head: &[u8], content: &[u8]) -> Result<Vec<u8>, Unfit> {
        let number = self.sealed.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let len = self.shape.iv_len;
        let mut iv = vec![0; 2 * len];
        iv[2 * len - number.len()..].copy_from_slice(&number);
        if let Protection::CbcMac(cbc, _) = &self.protection {
            cbc.encrypt(&mut iv, 2 * len, len..2 * len);
        }
        self.seal(head, &iv[len..], content)
    }

    fn padded(&self, content: usize) -> usize {
        (content + PAD_LENGTH).next_multiple_of(self.shape.align)
    }

    /// IV, ciphertext and ICV around `content`, padded by zeros as little as the cipher takes. `head`: the message up to the
    /// IV, which is authenticated too.
    pub fn seal(&self, head: &[u8], iv: &[u8], content: &[u8]) -> Result<Vec<u8>, Unfit> {
        if iv.len() != self.shape.iv_len {
            return Err(Unfit::Iv { wanted: self.shape.iv_len, got: iv.len() });
        }
        let start = head.len() + iv.len();
        let body = start..start + self.padded(content.len());
        let mut message = [head, iv, content].concat();
        message.resize(body.end + self.shape.icv_len, 0);
        message[body.end - PAD_LENGTH] = (body.len() - content.len() - PAD_LENGTH) as u8;
        match &self.protection {
            Protection::Aead(aead, salt) => {
                let (text, icv) = message[body.start..].split_at_mut(body.len());
                aead.seal(nonce(*salt, iv), head, text, icv);
            }
            Protection::CbcMac(cbc, mac) => {
                cbc.encrypt(&mut message[..body.end], body.end, body.clone());
                let mut digest = [0; LONGEST_DIGEST];
                mac.digest(&message[..body.end], &mut digest);
                message[body.end..].copy_from_slice(&digest[..self.shape.icv_len]);
            }
        }
        Ok(message.split_off(head.len()))
    }

    /// The content of `body`, which is IV, ciphertext and ICV, without its padding. The ICV is compared in constant time and
    /// before anything is decrypted.
    pub fn open(&self, head: &[u8], body: &[u8]) -> Result<Vec<u8>, Unfit> {
        let end = body.len().checked_sub(self.shape.icv_len).filter(|end| *end > self.shape.iv_len);
        let (sealed, icv) = body.split_at(end.ok_or(Unfit::Forged)?);
        let (iv, text) = sealed.split_at(self.shape.iv_len);
        if text.len() % self.shape.align != 0 {
            return Err(Unfit::Forged);
        }
        let mut text = text.to_vec();
        let authentic = match &self.protection {
            Protection::Aead(aead, salt) => aead.open(nonce(*salt, iv), head, &mut text, icv),
            Protection::CbcMac(cbc, mac) => {
                let mut digest = [0; LONGEST_DIGEST];
                mac.digest(&[head, sealed].concat(), &mut digest);
                let authentic = is_left_end(icv, &digest);
                if authentic {
                    cbc.decrypt(iv, &mut text);
                }
                authentic
            }
        };
        if authentic {
            without_padding(text)
        } else {
            Err(Unfit::Forged)
        }
    }
}

/// Any padding is good (RFC 7296 §3.14).
fn without_padding(mut text: Vec<u8>) -> Result<Vec<u8>, Unfit> {
    let of = text.len();
    let told = text.pop().map_or(0, usize::from);
    let content = text.len().checked_sub(told).ok_or(Unfit::Padding { told, of })?;
    text.truncate(content);
    Ok(text)
}

/// The first `octets` of prf+ with that HMAC; `None` for more than 255 rounds give.
pub fn prf_plus(integrity: Integrity, key: &[u8], seed: &[u8], octets: usize) -> Option<Zeroizing<Vec<u8>>> {
    let prf = Prf::new(integrity, key);
    let (mut all, mut last) = (Zeroizing::new(Vec::with_capacity(octets + LONGEST_DIGEST)), Zeroizing::new(Vec::new()));
    for round in 1..=MOST_ROUNDS {
        if all.len() >= octets {
            break;
        }
        *last = prf.of(&[&last, seed, &[round as u8]]);
        all.extend_from_slice(&last);
    }
    if all.len() < octets {
        return None;
    }
    all.truncate(octets);
    Some(all)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_256_GCM};
    use proptest::prelude::*;

    use super::*;
    use crate::algorithm::Cipher;
    use crate::primitive::hmac;

    const HEAD: &[u8] = &[0x5a; 32];

    const fn suite(cipher: Cipher, key_bits: u16, integrity: Option<Integrity>) -> Suite {
        Suite { cipher, key_bits, integrity }
    }

    fn suites() -> impl Strategy<Value = Suite> {
        prop::sample::select(vec![
            suite(Cipher::AesGcm16, 128, None),
            suite(Cipher::AesGcm16, 256, None),
            suite(Cipher::ChaCha20Poly1305, 256, None),
            suite(Cipher::AesCbc, 128, Some(Integrity::HmacSha1)),
            suite(Cipher::AesCbc, 256, Some(Integrity::HmacSha256)),
            suite(Cipher::AesCbc, 192, Some(Integrity::HmacSha384)),
            suite(Cipher::AesCbc, 256, Some(Integrity::HmacSha512)),
            suite(Cipher::TripleDesCbc, 0, Some(Integrity::HmacMd5)),
        ])
    }

    fn some(len: usize, seed: u8) -> Vec<u8> {
        (0..len as u8).map(|at| at.wrapping_mul(29) ^ seed).collect()
    }

    /// Keyed, and an IV.
    fn keyed(suite: Suite) -> (Protector, Vec<u8>) {
        let shape = suite.shape().unwrap();
        let (encryption, integrity) = (some(shape.key_len, 1), some(shape.integrity_key_len, 2));
        (Protector::new(suite, &encryption, &integrity).unwrap(), some(shape.iv_len, 3))
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(suite in suites(), content in prop::collection::vec(any::<u8>(), 0..600)) {
            let (protector, iv) = keyed(suite);
            let body = protector.seal(HEAD, &iv, &content).unwrap();
            prop_assert_eq!(body.len(), protector.sealed_len(content.len()));
            prop_assert_eq!(&body[..iv.len()], &iv[..]);
            prop_assert_eq!(protector.open(HEAD, &body), Ok(content));
        }

        #[test]
        fn one_wrong_bit_or_a_cut_anywhere_is_refused(
            suite in suites(), content in prop::collection::vec(any::<u8>(), 0..80),
            place in any::<prop::sample::Index>(), bit in 0u8..8
        ) {
            let (protector, iv) = keyed(suite);
            let body = protector.seal(HEAD, &iv, &content).unwrap();
            let mut whole = [HEAD, &body].concat();
            let at = place.index(whole.len());
            whole[at] ^= 1 << bit;
            prop_assert_eq!(protector.open(&whole[..HEAD.len()], &whole[HEAD.len()..]), Err(Unfit::Forged));
            prop_assert_eq!(protector.open(HEAD, &body[..place.index(body.len())]), Err(Unfit::Forged));
        }

        #[test]
        fn any_octets_are_refused(suite in suites(), body in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(keyed(suite).0.open(HEAD, &body), Err(Unfit::Forged));
        }
    }

    /// Proved, but with more padding than there is: sealed by hand, since `seal` pads as it should.
    #[test]
    fn padding_longer_than_all_is_told() {
        let (protector, iv) = keyed(suite(Cipher::AesGcm16, 256, None));
        let encryption = some(36, 1);
        let (key, salt) = encryption.split_last_chunk::<4>().unwrap();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
        let too_much = Err(Unfit::Padding { told: 4, of: 4 });
        for (text, wanted) in [(&[1, 2, 3, 3][..], Ok(vec![])), (&[1, 2, 3, 4], too_much), (&[9, 8, 1], Ok(vec![9]))] {
            let mut text = text.to_vec();
            let nonce = Nonce::assume_unique_for_key(nonce(*salt, &iv));
            key.seal_in_place_append_tag(nonce, Aad::from(HEAD), &mut text).unwrap();
            assert_eq!(protector.open(HEAD, &[&iv[..], &text].concat()), wanted);
        }
    }

    #[test]
    fn what_is_sealed_next_has_an_iv_of_its_own() {
        for suite in [suite(Cipher::AesGcm16, 256, None), suite(Cipher::AesCbc, 128, Some(Integrity::HmacSha256))] {
            let (protector, iv) = keyed(suite);
            let bodies: Vec<_> = (0..300).map(|_| protector.seal_next(HEAD, b"same").unwrap()).collect();
            let ivs: std::collections::BTreeSet<_> = bodies.iter().map(|body| &body[..iv.len()]).collect();
            assert_eq!(ivs.len(), bodies.len());
            assert!(bodies.iter().all(|body| protector.open(HEAD, body) == Ok(b"same".to_vec())));
        }
    }

    #[test]
    fn an_unforeseen_iv_is_the_number_under_the_key() {
        let (protector, _) = keyed(suite(Cipher::AesCbc, 128, Some(Integrity::HmacSha256)));
        protector.seal_next(HEAD, b"first").unwrap();
        let mut number = [0; 32];
        number[31] = 1;
        crate::primitive::cbc(Cipher::AesCbc, &some(16, 1)).unwrap().encrypt(&mut number, 32, 16..32);
        assert_eq!(protector.seal_next(HEAD, b"second").unwrap()[..16], number[16..]);
    }

    #[test]
    fn room_is_what_still_fits() {
        for suite in [suite(Cipher::AesGcm16, 256, None), suite(Cipher::TripleDesCbc, 0, Some(Integrity::HmacSha1))] {
            let (protector, _) = keyed(suite);
            for octets in 0..200 {
                let room = protector.room(octets);
                assert!(room == 0 || protector.sealed_len(room) <= octets);
                assert!(protector.sealed_len(room + 1) > octets);
            }
        }
    }

    #[test]
    fn keys_and_ivs_of_another_length_are_refused() {
        let cbc = suite(Cipher::AesCbc, 128, Some(Integrity::HmacSha256));
        assert!(Protector::new(cbc, &[1; 15], &[2; 32]).is_err() && Protector::new(cbc, &[1; 16], &[2; 31]).is_err());
        let refused = Protector::new(cbc, &[1; 16], &[2; 32]).unwrap().seal(HEAD, &[0; 8], b"");
        assert_eq!(refused, Err(Unfit::Iv { wanted: 16, got: 8 }));
        assert_eq!(refused.unwrap_err().to_string(), "the IV has 8 octets, the suite wants 16");
    }

    #[test]
    fn prf_plus_is_that_of_the_rfc() {
        let (key, seed) = (&[7; 100][..], &[9; 64][..]);
        let first = hmac(Integrity::HmacSha256, key, &[seed, &[1]].concat());
        let second = hmac(Integrity::HmacSha256, key, &[&first, seed, &[2]].concat());
        let both = [first, second].concat();
        for octets in [0, 1, 32, 33, 64] {
            let given = prf_plus(Integrity::HmacSha256, key, seed, octets).unwrap();
            assert_eq!(given[..], both[..octets]);
        }
        for (integrity, len) in [(Integrity::HmacMd5, 16), (Integrity::HmacSha1, 20), (Integrity::HmacSha512, 64)] {
            assert_eq!(prf_plus(integrity, key, seed, 255 * len).unwrap().len(), 255 * len);
            assert!(prf_plus(integrity, key, seed, 255 * len + 1).is_none());
        }
    }
}
