//! HMAC (RFC 2104) of several messages of one length at a time, from states that know the key already.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::sha::{Hash, State};
use crate::vector::{Block, Vector, Width, Word, Work, BLOCK_WORDS};

/// Octets of the longest digest.
pub(crate) const LONGEST_DIGEST: usize = 64;
/// Octets of the longest block.
const LONGEST_BLOCK: usize = 128;

pub(crate) type Digest = [u8; LONGEST_DIGEST];

/// The states behind the first block of the inner and of the outer hash. Wiped when dropped.
pub(crate) struct Keyed<H: Hash> {
    inner: State<H::Word>,
    outer: State<H::Word>,
}

impl<H: Hash> Keyed<H> {
    /// `None` when the key is longer than a block of the hash.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        if key.len() > H::BLOCK {
            return None;
        }
        Some(Self { inner: after::<H>(key, 0x36), outer: after::<H>(key, 0x5c) })
    }

    /// The digests of messages of one length, as many as `width` takes, each in the first DIGEST octets of its place.
    pub(crate) fn digests(&self, width: Width, messages: &[&[u8]], out: &mut [Digest]) {
        width.run(Digests { key: self, messages, out });
    }

    /// From how many messages on `digests` is worth it.
    pub(crate) fn worth(width: Width) -> usize {
        match width.lanes::<H::Word>() * size_of::<H::Word>() {
            64 => H::WORTH[0],
            32 => H::WORTH[1],
            _ => usize::MAX,
        }
    }

    #[inline(always)]
    fn digests_by<V: Vector<Word = H::Word>>(&self, messages: &[&[u8]], out: &mut [Digest]) {
        let len = messages[0].len();
        let whole = len / H::BLOCK * H::BLOCK;
        let mut state = spread::<V, 8>(&self.inner);
        for at in (0..whole).step_by(H::BLOCK) {
            H::compress(&mut state, V::load(messages, at));
        }
        let mut tails = [[0; 2 * LONGEST_BLOCK]; MOST_LANES];
        let mut end = 0;
        for (tail, message) in tails.iter_mut().zip(messages) {
            end = pad::<H>(&message[whole..], len, tail);
        }
        let tails: [&[u8]; MOST_LANES] = std::array::from_fn(|lane| &tails[lane][..end]);
        for at in (0..end).step_by(H::BLOCK) {
            H::compress(&mut state, V::load(&tails[..V::LANES], at));
        }
        let mut block = spread::<V, BLOCK_WORDS>(&outer_block::<H>());
        block[..digest_words::<H>()].copy_from_slice(&state[..digest_words::<H>()]);
        let mut state = spread::<V, 8>(&self.outer);
        H::compress(&mut state, block);
        for (at, word) in state[..digest_words::<H>()].iter().enumerate() {
            let mut words = [H::Word::default(); MOST_LANES];
            word.store(&mut words);
            let place = at * size_of::<H::Word>()..(at + 1) * size_of::<H::Word>();
            out.iter_mut().zip(words).for_each(|(digest, word)| word.write(&mut digest[place.clone()]));
        }
    }
}

/// The same words for every message.
#[inline(always)]
fn spread<V: Vector, const N: usize>(words: &[V::Word; N]) -> [V; N] {
    let mut vectors = [V::splat(words[0]); N];
    for at in 1..N {
        vectors[at] = V::splat(words[at]);
    }
    vectors
}

struct Digests<'a, H: Hash> {
    key: &'a Keyed<H>,
    messages: &'a [&'a [u8]],
    out: &'a mut [Digest],
}

impl<H: Hash> Work<H::Word> for Digests<'_, H> {
    #[inline(always)]
    fn run<V: Vector<Word = H::Word>>(self) {
        self.key.digests_by::<V>(self.messages, self.out);
    }
}

impl<H: Hash> Drop for Keyed<H> {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl<H: Hash> ZeroizeOnDrop for Keyed<H> {}

/// Messages that are hashed side by side at most.
pub(crate) const MOST_LANES: usize = 16;

fn digest_words<H: Hash>() -> usize {
    H::DIGEST / size_of::<H::Word>()
}

/// The state behind the block that the key makes with `mask`.
fn after<H: Hash>(key: &[u8], mask: u8) -> State<H::Word> {
    let mut octets = Zeroizing::new([mask; LONGEST_BLOCK]);
    octets.iter_mut().zip(key).for_each(|(octet, key)| *octet ^= key);
    let block = Zeroizing::new(H::Word::load(&[&octets[..H::BLOCK]], 0));
    let mut state = H::START;
    H::compress(&mut state, *block);
    state
}

/// The outer hash's second block around the inner digest, which is still zero.
fn outer_block<H: Hash>() -> Block<H::Word> {
    let mut octets = [0; 2 * LONGEST_BLOCK];
    pad::<H>(&[0; LONGEST_DIGEST][..H::DIGEST], H::DIGEST, &mut octets);
    H::Word::load(&[&octets[..H::BLOCK]], 0)
}

/// The end of a message of `len` octets and one block of the key before it; returns how many octets of `tail` count.
fn pad<H: Hash>(rest: &[u8], len: usize, tail: &mut [u8; 2 * LONGEST_BLOCK]) -> usize {
    let end = (rest.len() + 1 + 2 * size_of::<H::Word>()).next_multiple_of(H::BLOCK);
    tail[..rest.len()].copy_from_slice(rest);
    tail[rest.len()] = 0x80;
    let bits = ((H::BLOCK + len) * 8) as u64;
    tail[end - 8..end].copy_from_slice(&bits.to_be_bytes());
    end
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;
    use proptest::prelude::*;

    use super::*;
    use crate::sha::{Sha1, Sha256, Sha384, Sha512};

    fn agrees<H: Hash>(algorithm: hmac::Algorithm, key: &[u8], messages: &[Vec<u8>]) {
        let keyed = Keyed::<H>::new(key).unwrap();
        let other = hmac::Key::new(algorithm, key);
        for width in Width::all() {
            for messages in messages.chunks(width.lanes::<H::Word>()) {
                let texts: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
                let mut digests = vec![[0; LONGEST_DIGEST]; texts.len()];
                keyed.digests(width, &texts, &mut digests);
                for (text, digest) in texts.iter().zip(&digests) {
                    assert_eq!(hmac::sign(&other, text).as_ref(), &digest[..H::DIGEST], "{width:?}");
                }
            }
        }
    }

    fn all_agree(key: &[u8], messages: &[Vec<u8>]) {
        agrees::<Sha1>(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key, messages);
        agrees::<Sha256>(hmac::HMAC_SHA256, key, messages);
        agrees::<Sha384>(hmac::HMAC_SHA384, key, messages);
        agrees::<Sha512>(hmac::HMAC_SHA512, key, messages);
    }

    #[test]
    fn every_length_around_the_blocks_agrees_with_another_implementation() {
        for len in (0..300).chain([1400, 1432]) {
            let message = |lane: usize| (0..len).map(|at| (at * 31 + lane * 7) as u8).collect();
            all_agree(&[0x0b; 20], &(0..16).map(message).collect::<Vec<Vec<u8>>>());
        }
    }

    proptest! {
        #[test]
        fn any_messages_agree(
            key in prop::collection::vec(any::<u8>(), 1..=64), len in 0usize..2000, count in 1usize..40, seed in any::<u8>()
        ) {
            let message = |lane: usize| (0..len).map(|at| seed ^ (at * lane % 253) as u8).collect();
            all_agree(&key, &(0..count).map(message).collect::<Vec<Vec<u8>>>());
        }
    }

    /// RFC 2202 §3 and RFC 4231 §4, case 2.
    #[test]
    fn known_answers() {
        fn starts<H: Hash>(start: [u8; 8]) {
            for width in Width::all() {
                let mut digest = [[0; LONGEST_DIGEST]];
                Keyed::<H>::new(b"Jefe").unwrap().digests(width, &[b"what do ya want for nothing?"], &mut digest);
                assert_eq!(digest[0][..8], start);
            }
        }
        starts::<Sha1>([0xef, 0xfc, 0xdf, 0x6a, 0xe5, 0xeb, 0x2f, 0xa2]);
        starts::<Sha256>([0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
        starts::<Sha384>([0xaf, 0x45, 0xd2, 0xe3, 0x76, 0x48, 0x40, 0x31]);
        starts::<Sha512>([0x16, 0x4b, 0x7a, 0x7b, 0xfc, 0xf8, 0x19, 0xe2]);
    }

    #[test]
    fn keys_are_wiped_and_never_longer_than_a_block() {
        fn wipes<T: ZeroizeOnDrop>() {}
        wipes::<Keyed<Sha1>>();
        assert!(Keyed::<Sha256>::new(&[1; 64]).is_some() && Keyed::<Sha256>::new(&[1; 65]).is_none());
    }
}
