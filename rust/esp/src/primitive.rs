//! The primitives behind three small traits: the only file that names a crypto provider.

use std::marker::PhantomData;
use std::ops::Range;

use ::hmac::Hmac;
use aes::{Aes128, Aes192, Aes256};
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_128_GCM, AES_192_GCM, AES_256_GCM, CHACHA20_POLY1305};
use aws_lc_rs::{constant_time, hmac};
use blowfish::Blowfish;
use camellia::{Camellia128, Camellia192, Camellia256};
use cast5::Cast5;
use cbc::cipher::array::{Array, ArraySize};
use cbc::cipher::{
    BlockCipherDecrypt, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockModeDecrypt,
    BlockSizeUser, InnerIvInit, KeyInit,
};
use des::TdesEde3;
use idea::Idea;
use md5::Md5;
use twofish::Twofish;

use crate::algorithm::{Cipher, Integrity};
use crate::hmac::{Digest, Keyed};
use crate::sha::{Hash, Sha1, Sha256, Sha384, Sha512};
use crate::vector::Width;

/// Packets that are encrypted side by side: one alone leaves most of the processor idle, since each block of CBC waits
/// for the one before it.
pub(crate) const LANES: usize = 8;

/// A block cipher in CBC mode; texts are whole numbers of blocks, `iv` is one block.
pub trait Cbc: Send + Sync {
    /// Encrypts `body` of each of the packets, at most LANES of `stride` octets each; the IV stands before the body.
    fn encrypt(&self, packets: &mut [u8], stride: usize, body: Range<usize>);
    fn decrypt(&self, iv: &[u8], data: &mut [u8]);
    /// Octets of a block.
    fn block(&self) -> usize;
}

/// HMAC of one message, not truncated; the key may have any length.
pub fn hmac(integrity: Integrity, key: &[u8], message: &[u8]) -> Vec<u8> {
    Prf::new(integrity, key).of(&[message])
}

/// An HMAC with a key of any length, as pseudo-random function. (AWS-LC and `hmac` wipe what knows the key.)
pub(crate) enum Prf {
    Md5(Hmac<Md5>),
    Sha(Box<hmac::Key>),
}

impl Prf {
    pub(crate) fn new(integrity: Integrity, key: &[u8]) -> Self {
        let algorithm = match integrity {
            Integrity::HmacMd5 => {
                return Self::Md5(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"));
            }
            Integrity::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Integrity::HmacSha256 => hmac::HMAC_SHA256,
            Integrity::HmacSha384 => hmac::HMAC_SHA384,
            Integrity::HmacSha512 => hmac::HMAC_SHA512,
        };
        Self::Sha(Box::new(hmac::Key::new(algorithm, key)))
    }

    /// The whole digest of these octets, one after the other.
    pub(crate) fn of(&self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Md5(keyed) => {
                let all = parts.iter().fold(keyed.clone(), ::hmac::Mac::chain_update);
                ::hmac::Mac::finalize(all).into_bytes().to_vec()
            }
            Self::Sha(key) => {
                let mut all = hmac::Context::with_key(key);
                parts.iter().for_each(|part| all.update(part));
                all.sign().as_ref().to_vec()
            }
        }
    }
}

/// A keyed hash over any octets; the ICV is its left end.
pub(crate) trait Mac: Send + Sync {
    /// The hash of one message, in the first octets of `digest`.
    fn digest(&self, message: &[u8], digest: &mut Digest);

    /// The same for messages of one length, at most MOST_LANES.
    fn digests(&self, messages: &[&[u8]], digests: &mut [Digest]) {
        messages.iter().zip(digests).for_each(|(message, digest)| self.digest(message, digest));
    }
}

/// Whether the ICV is the left end of the hash, in constant time.
pub(crate) fn is_left_end(icv: &[u8], digest: &Digest) -> bool {
    digest.get(..icv.len()).is_some_and(|right| constant_time::verify_slices_are_equal(right, icv).is_ok())
}

/// Encryption that authenticates, with a nonce of 12 and a tag of 16 octets.
pub(crate) trait Aead: Send + Sync {
    fn seal(&self, nonce: [u8; 12], associated: &[u8], data: &mut [u8], tag: &mut [u8]);
    /// When it is false, the octets are worth nothing.
    fn open(&self, nonce: [u8; 12], associated: &[u8], data: &mut [u8], tag: &[u8]) -> bool;
}

/// `None` when the key has another length than the cipher wants.
pub fn cbc(cipher: Cipher, key: &[u8]) -> Option<Box<dyn Cbc>> {
    match (cipher, key.len()) {
        (Cipher::AesCbc, 16) => Some(Box::new(CbcOf(Aes128::new_from_slice(key).ok()?))),
        (Cipher::AesCbc, 24) => Some(Box::new(CbcOf(Aes192::new_from_slice(key).ok()?))),
        (Cipher::AesCbc, 32) => Some(Box::new(CbcOf(Aes256::new_from_slice(key).ok()?))),
        (Cipher::TripleDesCbc, 24) => Some(Box::new(CbcOf(TdesEde3::new_from_slice(key).ok()?))),
        (Cipher::CamelliaCbc, 16) => Some(Box::new(CbcOf(Camellia128::new_from_slice(key).ok()?))),
        (Cipher::CamelliaCbc, 24) => Some(Box::new(CbcOf(Camellia192::new_from_slice(key).ok()?))),
        (Cipher::CamelliaCbc, 32) => Some(Box::new(CbcOf(Camellia256::new_from_slice(key).ok()?))),
        (Cipher::BlowfishCbc, _) => Some(Box::new(CbcOf(<Blowfish>::new_from_slice(key).ok()?))),
        (Cipher::Cast128Cbc, _) => Some(Box::new(CbcOf(Cast5::new_from_slice(key).ok()?))),
        (Cipher::IdeaCbc, 16) => Some(Box::new(CbcOf(Idea::new_from_slice(key).ok()?))),
        (Cipher::TwofishCbc, _) => Some(Box::new(CbcOf(Twofish::new_from_slice(key).ok()?))),
        _ => None,
    }
}

pub(crate) fn mac(integrity: Integrity, key: &[u8]) -> Option<Box<dyn Mac>> {
    Some(match integrity {
        Integrity::HmacMd5 => Box::new(Hmac::<Md5>::new_from_slice(key).ok()?),
        Integrity::HmacSha1 => Box::new(Sha::<Sha1>::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key)?),
        Integrity::HmacSha256 => Box::new(Sha::<Sha256>::new(hmac::HMAC_SHA256, key)?),
        Integrity::HmacSha384 => Box::new(Sha::<Sha384>::new(hmac::HMAC_SHA384, key)?),
        Integrity::HmacSha512 => Box::new(Sha::<Sha512>::new(hmac::HMAC_SHA512, key)?),
    })
}

/// `None` when the key has another length than the cipher wants, or the cipher does not authenticate.
pub(crate) fn aead(cipher: Cipher, key: &[u8]) -> Option<Box<dyn Aead>> {
    let algorithm = match (cipher, key.len()) {
        (Cipher::AesGcm16, 16) => &AES_128_GCM,
        (Cipher::AesGcm16, 24) => &AES_192_GCM,
        (Cipher::AesGcm16, 32) => &AES_256_GCM,
        (Cipher::ChaCha20Poly1305, 32) => &CHACHA20_POLY1305,
        _ => return None,
    };
    Some(Box::new(LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?)))
}

struct CbcOf<C>(C);

impl<C> Cbc for CbcOf<C>
where
    C: BlockCipherEncrypt + BlockCipherDecrypt + Clone + Send + Sync,
{
    fn encrypt(&self, packets: &mut [u8], stride: usize, body: Range<usize>) {
        self.0.encrypt_with_backend(Lanes { packets, stride, body, block: PhantomData });
    }

    fn decrypt(&self, iv: &[u8], data: &mut [u8]) {
        let (blocks, rest) = Array::slice_as_chunks_mut(data);
        debug_assert!(rest.is_empty());
        cbc::Decryptor::inner_iv_slice_init(self.0.clone(), iv).expect("the IV is one block").decrypt_blocks(blocks);
    }

    fn block(&self) -> usize {
        C::block_size()
    }
}

/// CBC encryption of several packets, block by block across all of them.
struct Lanes<'a, S> {
    packets: &'a mut [u8],
    stride: usize,
    body: Range<usize>,
    block: PhantomData<S>,
}

impl<S: ArraySize> BlockSizeUser for Lanes<'_, S> {
    type BlockSize = S;
}

impl<S: ArraySize> BlockCipherEncClosure for Lanes<'_, S> {
    #[inline(always)] // into a function that knows the processor's instructions
    fn call<B: BlockCipherEncBackend<BlockSize = S>>(self, backend: &B) {
        let Lanes { packets, stride, body, .. } = self;
        let place = |lane: usize, at: usize| lane * stride + at..lane * stride + at + S::USIZE;
        let mut chains: [Array<u8, S>; LANES] = std::array::from_fn(|_| Array::default());
        let chains = &mut chains[..packets.len() / stride];
        for (lane, chain) in chains.iter_mut().enumerate() {
            chain.copy_from_slice(&packets[place(lane, body.start - S::USIZE)]);
        }
        for at in body.step_by(S::USIZE) {
            for (lane, chain) in chains.iter_mut().enumerate() {
                let text = &packets[place(lane, at)];
                chain.iter_mut().zip(text).for_each(|(octet, text)| *octet ^= text);
            }
            for chain in chains.iter_mut() {
                backend.encrypt_block_inplace(chain);
            }
            for (lane, chain) in chains.iter().enumerate() {
                packets[place(lane, at)].copy_from_slice(chain);
            }
        }
    }
}

impl Mac for Hmac<Md5> {
    fn digest(&self, message: &[u8], digest: &mut Digest) {
        let whole = ::hmac::Mac::chain_update(self.clone(), message);
        let whole = ::hmac::Mac::finalize(whole).into_bytes();
        digest[..whole.len()].copy_from_slice(&whole);
    }
}

/// HMAC of a SHA: side by side where there are messages enough, else one by one with what the processor has for that.
struct Sha<H: Hash> {
    alone: hmac::Key,
    together: Keyed<H>,
    width: Width,
}

impl<H: Hash> Sha<H> {
    fn new(algorithm: hmac::Algorithm, key: &[u8]) -> Option<Self> {
        let width = Width::all().next()?;
        Some(Self { alone: hmac::Key::new(algorithm, key), together: Keyed::new(key)?, width })
    }
}

impl<H: Hash> Mac for Sha<H> {
    fn digest(&self, message: &[u8], digest: &mut Digest) {
        let whole = hmac::sign(&self.alone, message);
        digest[..H::DIGEST].copy_from_slice(whole.as_ref());
    }

    fn digests(&self, messages: &[&[u8]], digests: &mut [Digest]) {
        let lanes = self.width.lanes::<H::Word>();
        for (messages, digests) in messages.chunks(lanes).zip(digests.chunks_mut(lanes)) {
            if messages.len() >= Keyed::<H>::worth(self.width) {
                self.together.digests(self.width, messages, digests);
            } else {
                messages.iter().zip(digests).for_each(|(message, digest)| self.digest(message, digest));
            }
        }
    }
}

impl Aead for LessSafeKey {
    fn seal(&self, nonce: [u8; 12], associated: &[u8], data: &mut [u8], tag: &mut [u8]) {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let whole = self.seal_in_place_separate_tag(nonce, Aad::from(associated), data);
        tag.copy_from_slice(whole.expect("a packet is shorter than the cipher's limit").as_ref());
    }

    fn open(&self, nonce: [u8; 12], associated: &[u8], data: &mut [u8], tag: &[u8]) -> bool {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.open_in_place_separate_tag(nonce, Aad::from(associated), tag, data).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    /// Does not compile when a keyed primitive leaves its key behind in memory. (An HMAC is two states of its hash;
    /// AWS-LC wipes all that it frees.)
    #[test]
    fn keys_are_wiped() {
        fn wipes<T: ZeroizeOnDrop>() {}
        wipes::<Aes128>();
        wipes::<Aes192>();
        wipes::<Aes256>();
        wipes::<TdesEde3>();
        wipes::<Camellia128>();
        wipes::<Camellia192>();
        wipes::<Camellia256>();
        wipes::<Blowfish>();
        wipes::<Cast5>();
        wipes::<Idea>();
        wipes::<Twofish>();
        wipes::<Md5>();
    }
    /// RFC 3713, RFC 2144 (three key lengths), Schneier's of Blowfish and Twofish, Lai's of IDEA: one block, key and text in hexadecimal.
    #[test]
    fn old_ciphers_give_the_published_answers() {
        let octets = |hex: &str| -> Vec<u8> {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        let same = "0123456789abcdeffedcba9876543210";
        for (cipher, key, plain, secret) in [
            (Cipher::CamelliaCbc, same, same, "67673138549669730857065648eabe43"),
            (Cipher::BlowfishCbc, "ffffffffffffffff", "ffffffffffffffff", "51866fd5b85ecb8a"),
            (Cipher::Cast128Cbc, "0123456712345678234567893456789a", "0123456789abcdef", "238b4fe5847e44b2"),
            (Cipher::Cast128Cbc, "01234567123456782345", "0123456789abcdef", "eb6a711a2c02271b"),
            (Cipher::Cast128Cbc, "0123456712", "0123456789abcdef", "7ac816d16e9b302e"),
            (Cipher::IdeaCbc, "00010002000300040005000600070008", "0000000100020003", "11fbed2b01986de5"),
            (Cipher::TwofishCbc, &"00".repeat(16), &"00".repeat(16), "9f589f5cf6122c32b6bfec2f2ae8c35a"),
        ] {
            let (cbc, plain, secret) = (cbc(cipher, &octets(key)).unwrap(), octets(plain), octets(secret));
            let block = plain.len();
            let mut packet = [vec![0; block], plain.clone()].concat();
            cbc.encrypt(&mut packet, 2 * block, block..2 * block);
            assert_eq!(packet[block..], secret, "{cipher:?}");
            cbc.decrypt(&vec![0; block], &mut packet[block..]);
            assert_eq!(packet[block..], plain, "{cipher:?}");
        }
    }

    /// Side by side or one by one, and with a block cipher's own CBC of another kind: the same octets.
    #[test]
    fn lanes_are_independent() {
        for (cipher, key_len, block) in [
            (Cipher::AesCbc, 16, 16),
            (Cipher::AesCbc, 32, 16),
            (Cipher::TripleDesCbc, 24, 8),
            (Cipher::CamelliaCbc, 24, 16),
            (Cipher::BlowfishCbc, 5, 8),
            (Cipher::Cast128Cbc, 16, 8),
            (Cipher::IdeaCbc, 16, 8),
            (Cipher::TwofishCbc, 32, 16),
        ] {
            let cbc = cbc(cipher, &(0..key_len).collect::<Vec<u8>>()).unwrap();
            let stride = 8 + block + 6 * block + 12;
            let body = 8 + block..8 + 7 * block;
            for lanes in 1..=LANES {
                let plain: Vec<u8> = (0..lanes * stride).map(|at| (at * 7 % 251) as u8).collect();
                let (mut together, mut alone) = (plain.clone(), plain.clone());
                cbc.encrypt(&mut together, stride, body.clone());
                alone.chunks_mut(stride).for_each(|packet| cbc.encrypt(packet, stride, body.clone()));
                assert_eq!(together, alone);
                for (packet, plain) in together.chunks_mut(stride).zip(plain.chunks(stride)) {
                    assert_ne!(packet, plain);
                    let (head, rest) = packet.split_at_mut(body.start);
                    cbc.decrypt(&head[8..], &mut rest[..body.len()]);
                    assert_eq!(packet, plain);
                }
            }
        }
    }
}
