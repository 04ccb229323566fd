//! The arithmetic of MSCHAPv2 (RFC 2759) and of its keys (RFC 3079): MD4, DES and SHA-1, which only a proved tunnel makes
//! safe to use.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use cbc::cipher::array::Array;
use cbc::cipher::{BlockCipherEncrypt, KeyInit};
use des::Des;
use md4::{Digest, Md4};
use zeroize::Zeroizing;

/// Octets of an NT hash.
pub const HASH: usize = 16;
/// Octets of what the response encrypts.
pub const CHALLENGE: usize = 8;
pub const RESPONSE: usize = 24;
pub const AUTHENTICATOR: usize = 20;
pub const MSK: usize = 64;

/// Octets of DES keys before their parity bits are in them.
const DES_KEY: usize = 7;
/// Octets of a key of MPPE.
const KEY: usize = 16;
const PAD_1: [u8; 40] = [0; 40];
const PAD_2: [u8; 40] = [0xf2; 40];
const SIGNING: &[u8] = b"Magic server to client signing constant";
const MORE: &[u8] = b"Pad to make it do more than one iteration";
const MASTER: &[u8] = b"This is the MPPE Master Key";
const TO_SERVER: &[u8] = b"On the client side, this is the send key; on the server side, it is the receive key.";
const TO_CLIENT: &[u8] = b"On the client side, this is the receive key; on the server side, it is the send key.";

/// RFC 1320. Of a password in UTF-16 it is the NT hash (RFC 2759 §8.3).
pub fn md4(octets: &[u8]) -> Zeroizing<[u8; HASH]> {
    Zeroizing::new(Md4::digest(octets).into())
}

/// RFC 2759 §8.5.
pub fn response(hash: &[u8; HASH], challenge: &[u8; CHALLENGE]) -> [u8; RESPONSE] {
    let mut keys = Zeroizing::new([0; 3 * DES_KEY]);
    keys[..HASH].copy_from_slice(hash);
    let mut response = [0; RESPONSE];
    for (key, block) in keys.chunks_exact(DES_KEY).zip(response.chunks_exact_mut(CHALLENGE)) {
        block.copy_from_slice(&des(key, challenge));
    }
    response
}

/// RFC 2759 §8.7.
pub fn authenticator(hash: &[u8; HASH], challenge: &[u8], response: &[u8]) -> [u8; AUTHENTICATOR] {
    let digest = sha1(&[&md4(hash)[..], response, SIGNING]);
    *sha1(&[&digest[..], challenge, MORE])
}

/// The key of what the client sends, that of what the server sends, and zeros (RFC 3079 §3.3).
pub fn msk(hash: &[u8; HASH], response: &[u8]) -> Zeroizing<[u8; MSK]> {
    let master = sha1(&[&md4(hash)[..], response, MASTER]);
    let mut msk = Zeroizing::new([0; MSK]);
    for (key, magic) in msk.chunks_exact_mut(KEY).zip([TO_SERVER, TO_CLIENT]) {
        key.copy_from_slice(&sha1(&[&master[..KEY], &PAD_1, magic, &PAD_2])[..KEY]);
    }
    msk
}

/// One block under 7 octets of key; the lowest bit of each of the 8 octets that DES takes is parity, which it ignores.
fn des(key: &[u8], block: &[u8; CHALLENGE]) -> [u8; CHALLENGE] {
    let whole = key.iter().fold(0u64, |whole, octet| whole << 8 | u64::from(*octet));
    let mut spread = Zeroizing::new([0; 8]);
    for (place, octet) in spread.iter_mut().rev().enumerate() {
        *octet = ((whole >> (7 * place)) as u8 & 0x7f) << 1;
    }
    let mut block = Array::from(*block);
    Des::new(&Array::from(*spread)).encrypt_block(&mut block);
    block.into()
}

fn sha1(parts: &[&[u8]]) -> Zeroizing<[u8; AUTHENTICATOR]> {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    let mut digest = Zeroizing::new([0; AUTHENTICATOR]);
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2759 §9.2, and RFC 3079 §3.5.3.
    #[test]
    fn the_examples_of_the_rfcs() {
        let password: Vec<u8> = "clientPass".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hash = md4(&password);
        assert_eq!(hex(&hash[..]), "44ebba8d5312b8d611474411f56989ae");
        let challenge = [0xd0, 0x2e, 0x43, 0x86, 0xbc, 0xe9, 0x12, 0x26];
        let response = response(&hash, &challenge);
        assert_eq!(hex(&response), "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df");
        assert_eq!(hex(&authenticator(&hash, &challenge, &response)), "407a5589115fd0d6209f510fe9c04566932cda56");
        let msk = msk(&hash, &response);
        assert_eq!(hex(&msk[KEY..2 * KEY]), "8b7cdc149b993a1ba118cb153f56dccb");
        assert!(msk[..KEY] != msk[KEY..2 * KEY] && msk[2 * KEY..] == [0; 32]);
    }

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}
