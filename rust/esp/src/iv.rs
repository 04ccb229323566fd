//! Initialization vectors: unpredictable for CBC without a system call for each packet.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::Aes128;

/// IVs as AES of a packet's sequence number under a random key of their own (NIST SP 800-38A, appendix C, method 1
/// with a separate key): never the same twice, and not to be guessed by whoever chooses the packets.
pub(crate) struct IvSource(Aes128);

impl IvSource {
    pub(crate) fn new(seed: &[u8; 16]) -> Self {
        Self(Aes128::new(seed.into()))
    }

    /// Fills `iv`, at most 16 octets.
    pub(crate) fn fill(&self, sequence: u64, iv: &mut [u8]) {
        let mut block = u128::from(sequence).to_be_bytes().into();
        self.0.encrypt_block(&mut block);
        iv.copy_from_slice(&block[..iv.len()]);
    }
}
