//! The primitives behind two small traits: the only file that names a crypto provider.

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::array::Array;
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::AesGcm;
use cbc::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit};
use des::TdesEde3;
use hmac::Hmac;
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use crate::algorithm::{Cipher, Integrity};

/// A block cipher in CBC mode; `data` is a whole number of blocks, `iv` one block.
pub(crate) trait Cbc: Send + Sync {
    fn encrypt(&self, iv: &[u8], data: &mut [u8]);
    fn decrypt(&self, iv: &[u8], data: &mut [u8]);
}

/// A keyed hash over any octets; the ICV is its left end.
pub(crate) trait Mac: Send + Sync {
    fn sign(&self, data: &[u8], icv: &mut [u8]);
    /// In constant time.
    fn verify(&self, data: &[u8], icv: &[u8]) -> bool;
}

/// AES-GCM with a nonce of 12 and a tag of 16 octets.
pub(crate) trait Aead: Send + Sync {
    fn seal(&self, nonce: &[u8; 12], associated: &[u8], data: &mut [u8], tag: &mut [u8]);
    fn open(&self, nonce: &[u8; 12], associated: &[u8], data: &mut [u8], tag: &[u8]) -> bool;
}

/// `None` when the key has another length than the cipher wants.
pub(crate) fn cbc(cipher: Cipher, key: &[u8]) -> Option<Box<dyn Cbc>> {
    match (cipher, key.len()) {
        (Cipher::AesCbc, 16) => Some(Box::new(CbcOf(Aes128::new_from_slice(key).ok()?))),
        (Cipher::AesCbc, 24) => Some(Box::new(CbcOf(Aes192::new_from_slice(key).ok()?))),
        (Cipher::AesCbc, 32) => Some(Box::new(CbcOf(Aes256::new_from_slice(key).ok()?))),
        (Cipher::TripleDesCbc, 24) => Some(Box::new(CbcOf(TdesEde3::new_from_slice(key).ok()?))),
        _ => None,
    }
}

pub(crate) fn mac(integrity: Integrity, key: &[u8]) -> Option<Box<dyn Mac>> {
    Some(match integrity {
        Integrity::HmacMd5 => Box::new(Hmac::<Md5>::new_from_slice(key).ok()?),
        Integrity::HmacSha1 => Box::new(Hmac::<Sha1>::new_from_slice(key).ok()?),
        Integrity::HmacSha256 => Box::new(Hmac::<Sha256>::new_from_slice(key).ok()?),
        Integrity::HmacSha384 => Box::new(Hmac::<Sha384>::new_from_slice(key).ok()?),
        Integrity::HmacSha512 => Box::new(Hmac::<Sha512>::new_from_slice(key).ok()?),
    })
}

pub(crate) fn gcm(key: &[u8]) -> Option<Box<dyn Aead>> {
    match key.len() {
        16 => Some(Box::new(AesGcm::<Aes128, U12>::new_from_slice(key).ok()?)),
        24 => Some(Box::new(AesGcm::<Aes192, U12>::new_from_slice(key).ok()?)),
        32 => Some(Box::new(AesGcm::<Aes256, U12>::new_from_slice(key).ok()?)),
        _ => None,
    }
}

struct CbcOf<C>(C);

impl<C> Cbc for CbcOf<C>
where
    C: BlockCipherEncrypt + BlockCipherDecrypt + Clone + Send + Sync,
{
    fn encrypt(&self, iv: &[u8], data: &mut [u8]) {
        let (blocks, rest) = Array::slice_as_chunks_mut(data);
        debug_assert!(rest.is_empty());
        cbc::Encryptor::inner_iv_slice_init(self.0.clone(), iv).expect("the IV is one block").encrypt_blocks(blocks);
    }

    fn decrypt(&self, iv: &[u8], data: &mut [u8]) {
        let (blocks, rest) = Array::slice_as_chunks_mut(data);
        debug_assert!(rest.is_empty());
        cbc::Decryptor::inner_iv_slice_init(self.0.clone(), iv).expect("the IV is one block").decrypt_blocks(blocks);
    }
}

impl<M> Mac for M
where
    M: hmac::Mac + Clone + Send + Sync,
{
    fn sign(&self, data: &[u8], icv: &mut [u8]) {
        let whole = self.clone().chain_update(data).finalize().into_bytes();
        icv.copy_from_slice(&whole[..icv.len()]);
    }

    fn verify(&self, data: &[u8], icv: &[u8]) -> bool {
        self.clone().chain_update(data).verify_truncated_left(icv).is_ok()
    }
}

impl<G> Aead for G
where
    G: AeadInOut<NonceSize = U12> + Send + Sync,
{
    fn seal(&self, nonce: &[u8; 12], associated: &[u8], data: &mut [u8], tag: &mut [u8]) {
        let whole = self
            .encrypt_inout_detached(nonce.into(), associated, data.into())
            .expect("a packet is shorter than GCM's limit");
        tag.copy_from_slice(&whole);
    }

    fn open(&self, nonce: &[u8; 12], associated: &[u8], data: &mut [u8], tag: &[u8]) -> bool {
        let Ok(tag) = tag.try_into() else { return false };
        self.decrypt_inout_detached(nonce.into(), associated, data.into(), tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    /// Does not compile when a keyed primitive leaves its key behind in memory. (An HMAC is two states of its hash.)
    #[test]
    fn keys_are_wiped() {
        fn wipes<T: ZeroizeOnDrop>() {}
        wipes::<Aes128>();
        wipes::<Aes192>();
        wipes::<Aes256>();
        wipes::<TdesEde3>();
        wipes::<Md5>();
        wipes::<Sha1>();
        wipes::<Sha256>();
        wipes::<Sha384>();
        wipes::<Sha512>();
        wipes::<AesGcm<Aes256, U12>>();
    }
}
