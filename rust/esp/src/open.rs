//! Opening: an ESP packet from anyone becomes the payload of an authentic, fresh one, or nothing (RFC 4303 §3.4).

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::algorithm::{Shape, Suite};
use crate::hmac::{Digest, LONGEST_DIGEST, MOST_LANES};
use crate::primitive::is_left_end;
use crate::replay::{Mark, Window};
use crate::seal::{nonce, Associated, BadKeys, Keys, Protection, UPPER_HALF};
use crate::size::TRAILER_LEN;
use crate::HEADER_LEN;

/// Why a packet was dropped. Nobody outside ever learns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The sequence number was used, or is older than the window. (What is older than the window of an SA with extended
    /// numbers looks as if it came from the next 2^32, and is `Forged`.)
    Replayed,
    /// The lengths cannot be, or the ICV is wrong.
    Forged,
    /// Authentic, but no packet that may come out of this tunnel.
    Misdirected,
    /// The SA's lifetime is over, or the packet came by the other encapsulation.
    Unwanted,
}

/// An authentic, fresh packet: where its payload lies, what it is, and what it did to the window.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    pub payload: Range<usize>,
    pub next_header: u8,
    pub mark: Mark,
}

/// The hash of a packet that may be fresh, with the number that it is right for, and what `prepare` covered.
#[derive(Clone, Copy)]
struct Hashed {
    number: u64,
    digest: Digest,
    covered: [u8; UPPER_HALF],
}

/// The incoming half of an SA pair.
pub struct Opener {
    extended: bool,
    shape: Shape,
    protection: Protection,
    window: Mutex<Window>,
}

/// SPI and sequence number of anything long enough to have them.
pub fn header(packet: &[u8]) -> Option<(u32, u32)> {
    let (spi, rest) = packet.split_first_chunk()?;
    let (sequence, _) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*spi), u32::from_be_bytes(*sequence)))
}

impl Opener {
    /// `extended`: sequence numbers have 64 bits, of which 32 come.
    pub fn new(suite: Suite, keys: &Keys, replay_window: u32, extended: bool) -> Result<Self, BadKeys> {
        let (protection, shape) = Protection::new(suite, &keys.encryption, &keys.integrity)?;
        Ok(Self { extended, shape, protection, window: Mutex::new(Window::new(replay_window, extended)) })
    }

    /// Locks the window for as many packets as come at once.
    pub fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens in place packets of `stride` octets, the last maybe shorter, and gives each with what became of it to `take`,
    /// in order. The SA's replay window is checked before an ICV is computed and moves only after it proved right.
    pub fn open_all(
        &self,
        window: &mut Window,
        packets: &mut [u8],
        stride: usize,
        mut take: impl FnMut(&mut [u8], Result<Opened, Refusal>),
    ) {
        for lanes in packets.chunks_mut(stride.saturating_mul(MOST_LANES)) {
            let digests = self.digests(window, lanes, stride);
            for (packet, digest) in lanes.chunks_mut(stride).zip(&digests) {
                let opened = self.open_one(window, packet, digest.as_ref());
                take(packet, opened);
            }
        }
    }

    /// The hashes that belong into packets which may be fresh; all of one length are hashed at once.
    fn digests(&self, window: &Window, packets: &mut [u8], stride: usize) -> [Option<Hashed>; MOST_LANES] {
        let mut all = [None; MOST_LANES];
        let Protection::CbcMac(_, mac) = &self.protection else { return all };
        for (packet, hashed) in packets.chunks_mut(stride).zip(&mut all) {
            *hashed = self.prepare(window, packet);
        }
        let mut messages: [&[u8]; MOST_LANES] = [&[]; MOST_LANES];
        let mut places = [0; MOST_LANES];
        let mut count = 0;
        for (place, packet) in packets.chunks(stride).enumerate() {
            let Some(hashed) = &mut all[place] else { continue };
            let message = &packet[..self.signed(packet.len())];
            if packet.len() < stride {
                mac.digest(message, &mut hashed.digest);
                continue;
            }
            (messages[count], places[count]) = (message, place);
            count += 1;
        }
        let mut digests = [[0; LONGEST_DIGEST]; MOST_LANES];
        mac.digests(&messages[..count], &mut digests[..count]);
        for (place, digest) in places[..count].iter().zip(digests) {
            all[*place].iter_mut().for_each(|hashed| hashed.digest = digest);
        }
        for (packet, hashed) in packets.chunks_mut(stride).zip(&all) {
            self.restore(packet, hashed.as_ref());
        }
        all
    }

    /// Puts the upper half of the number of a packet that may be fresh behind what is hashed, over the ICV's first octets.
    fn prepare(&self, window: &Window, packet: &mut [u8]) -> Option<Hashed> {
        let end = self.body(packet.len())?.end;
        let (_, sequence) = header(packet)?;
        let number = window.number(sequence).filter(|number| window.check(*number))?;
        let mut hashed = Hashed { number, digest: [0; LONGEST_DIGEST], covered: [0; UPPER_HALF] };
        if self.extended {
            hashed.covered.copy_from_slice(&packet[end..end + UPPER_HALF]);
            packet[end..end + UPPER_HALF].copy_from_slice(&((number >> 32) as u32).to_be_bytes());
        }
        Some(hashed)
    }

    /// Takes back what `prepare` did.
    fn restore(&self, packet: &mut [u8], hashed: Option<&Hashed>) {
        let Some(hashed) = hashed.filter(|_| self.extended) else { return };
        let end = packet.len() - self.shape.icv_len;
        packet[end..end + UPPER_HALF].copy_from_slice(&hashed.covered);
    }

    /// Octets of a packet of `len` octets that an HMAC proves.
    fn signed(&self, len: usize) -> usize {
        len - self.shape.icv_len + if self.extended { UPPER_HALF } else { 0 }
    }

    fn open_one(&self, window: &mut Window, packet: &mut [u8], hashed: Option<&Hashed>) -> Result<Opened, Refusal> {
        let body = self.body(packet.len()).ok_or(Refusal::Forged)?;
        let (_, sequence) = header(packet).ok_or(Refusal::Forged)?;
        let number = window.number(sequence).ok_or(Refusal::Forged)?;
        if !window.check(number) {
            return Err(Refusal::Replayed);
        }
        let digest = hashed.filter(|hashed| hashed.number == number).map(|hashed| &hashed.digest);
        if !self.is_authentic(packet, &body, digest, number) {
            return Err(Refusal::Forged);
        }
        let mark = window.mark(number).ok_or(Refusal::Replayed)?;
        self.decrypt(packet, &body);
        let (payload, next_header) = unpad(packet, body).ok_or(Refusal::Misdirected)?;
        Ok(Opened { payload, next_header, mark })
    }

    /// Where the ciphertext lies in a packet of `len` octets; `None` when it cannot be one of this SA.
    fn body(&self, len: usize) -> Option<Range<usize>> {
        let start = HEADER_LEN + self.shape.iv_len;
        let end = len.checked_sub(self.shape.icv_len)?;
        let size = end.checked_sub(start)?;
        (size >= self.shape.align && size % self.shape.align == 0).then_some(start..end)
    }

    /// GCM and ChaCha20-Poly1305 decrypt as they authenticate.
    fn is_authentic(&self, packet: &mut [u8], body: &Range<usize>, digest: Option<&Digest>, number: u64) -> bool {
        match &self.protection {
            Protection::CbcMac(..) => digest.is_some_and(|digest| is_left_end(&packet[body.end..], digest)),
            Protection::Aead(aead, salt) => {
                let (head, rest) = packet.split_at_mut(body.start);
                let (data, icv) = rest.split_at_mut(body.len());
                let associated = Associated::new(head, self.extended.then_some(number));
                aead.open(nonce(*salt, &head[HEADER_LEN..]), associated.octets(), data, icv)
            }
        }
    }

    fn decrypt(&self, packet: &mut [u8], body: &Range<usize>) {
        if let Protection::CbcMac(cbc, _) = &self.protection {
            let (head, rest) = packet.split_at_mut(body.start);
            cbc.decrypt(&head[HEADER_LEN..], &mut rest[..body.len()]);
        }
    }
}

#[cfg(test)]
impl Opener {
    /// One packet.
    pub(crate) fn open(&self, window: &mut Window, packet: &mut [u8]) -> Result<Opened, Refusal> {
        let (stride, mut verdict) = (packet.len().max(1), Err(Refusal::Forged));
        self.open_all(window, packet, stride, |_, opened| verdict = opened);
        verdict
    }
}

/// The payload before padding that counts 1, 2, 3, … (RFC 4303 §2.4), and its next header.
fn unpad(packet: &[u8], body: Range<usize>) -> Option<(Range<usize>, u8)> {
    let trailer = body.end.checked_sub(TRAILER_LEN)?;
    let (padding, next_header) = (usize::from(packet[trailer]), packet[trailer + 1]);
    let end = trailer.checked_sub(padding).filter(|end| *end >= body.start)?;
    let counts = packet[end..trailer].iter().zip(1..=u8::MAX).all(|(octet, count)| *octet == count);
    counts.then_some((body.start..end, next_header))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::*;
    use crate::algorithm::{Cipher, Integrity};
    use crate::seal::Sealer;
    use crate::size::sealed_len;

    const SPI: u32 = 0x1234_5678;

    fn suites() -> impl Strategy<Value = Suite> {
        let macs = prop::sample::select(vec![
            Integrity::HmacMd5,
            Integrity::HmacSha1,
            Integrity::HmacSha256,
            Integrity::HmacSha384,
            Integrity::HmacSha512,
        ]);
        let ciphers = prop::sample::select(vec![
            (Cipher::AesCbc, 128),
            (Cipher::AesCbc, 192),
            (Cipher::AesCbc, 256),
            (Cipher::TripleDesCbc, 0),
            (Cipher::CamelliaCbc, 192),
            (Cipher::BlowfishCbc, 128),
            (Cipher::Cast128Cbc, 80),
            (Cipher::TwofishCbc, 256),
            (Cipher::AesGcm16, 128),
            (Cipher::AesGcm16, 192),
            (Cipher::AesGcm16, 256),
            (Cipher::ChaCha20Poly1305, 256),
        ]);
        (ciphers, macs).prop_map(|((cipher, key_bits), mac)| Suite {
            cipher,
            key_bits,
            integrity: (!matches!(cipher, Cipher::AesGcm16 | Cipher::ChaCha20Poly1305)).then_some(mac),
        })
    }

    fn pair(suite: Suite, esn: bool) -> (Sealer, Opener) {
        let shape = suite.shape().unwrap();
        let keys = Keys {
            spi: SPI,
            encryption: Zeroizing::new((0..shape.key_len as u8).collect()),
            integrity: Zeroizing::new((100..100 + shape.integrity_key_len as u8).collect()),
        };
        (Sealer::new(suite, &keys, &[7; 16], esn).unwrap(), Opener::new(suite, &keys, 1024, esn).unwrap())
    }

    fn sealed(sealer: &Sealer, number: u64, inner: &[u8]) -> Vec<u8> {
        let mut out = vec![0xee; 3];
        sealer.seal(number, inner, 4, &mut out);
        out
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(suite in suites(), esn in any::<bool>(), inner in prop::collection::vec(any::<u8>(), 0..1500)) {
            let (sealer, opener) = pair(suite, esn);
            let mut packet = sealed(&sealer, 1, &inner);
            prop_assert_eq!(packet.len(), sealed_len(sealer.shape(), inner.len()));
            let opened = opener.open(&mut opener.window(), &mut packet).unwrap();
            prop_assert_eq!(&packet[opened.payload], &inner[..]);
            prop_assert_eq!((opened.next_header, opened.mark), (4, Mark::Advanced));
        }

        #[test]
        fn one_wrong_bit_anywhere_is_refused_and_moves_nothing(
            suite in suites(), esn in any::<bool>(), inner in prop::collection::vec(any::<u8>(), 1..80), place in any::<prop::sample::Index>(), bit in 0u8..8
        ) {
            let (sealer, opener) = pair(suite, esn);
            let packet = sealed(&sealer, 5, &inner);
            let mut forged = packet.clone();
            forged[place.index(packet.len())] ^= 1 << bit;
            let verdict = opener.open(&mut opener.window(), &mut forged);
            prop_assert!(verdict.is_err());
            prop_assert!(opener.open(&mut opener.window(), &mut packet.clone()).is_ok());
            prop_assert_eq!(opener.open(&mut opener.window(), &mut packet.clone()), Err(Refusal::Replayed));
        }

        /// Some packets of the run are forged, some come twice: all at once or one by one, the same becomes of each.
        #[test]
        fn a_run_opens_as_its_packets_do_one_by_one(
            suite in suites(), esn in any::<bool>(), len in 1usize..200, last in 0usize..200,
            run in prop::collection::vec((1u64..60, prop::bool::weighted(0.1)), 1..50)
        ) {
            let (sealer, together) = pair(suite, esn);
            let (_, alone) = pair(suite, esn);
            let mut packets = Vec::new();
            for (place, (sequence, forged)) in run.iter().enumerate() {
                let len = if place + 1 == run.len() { last.min(len) } else { len };
                let mut packet = sealed(&sealer, *sequence, &vec![*sequence as u8; len]);
                let at = packet.len() * place / run.len();
                packet[at] ^= u8::from(*forged);
                packets.extend(packet);
            }
            let stride = sealed_len(sealer.shape(), len);
            let (mut copy, mut verdicts) = (packets.clone(), Vec::new());
            together.open_all(&mut together.window(), &mut packets, stride, |_, opened| verdicts.push(opened));
            let one_by_one: Vec<_> =
                copy.chunks_mut(stride).map(|packet| alone.open(&mut alone.window(), packet)).collect();
            prop_assert_eq!(verdicts, one_by_one);
            prop_assert_eq!(packets, copy);
        }

        #[test]
        fn any_length_of_anything_is_refused(suite in suites(), esn in any::<bool>(), mut octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let (_, opener) = pair(suite, esn);
            prop_assert!(opener.open(&mut opener.window(), &mut octets).is_err());
        }

        /// Over the end of a lap, forged ones between: as many together as one by one, and all as they were.
        #[test]
        fn a_lap_ends_unseen(suite in suites(), together in any::<bool>(), forged in prop::collection::vec(any::<bool>(), 40)) {
            let (sealer, opener) = pair(suite, true);
            let start = 3 * (1u64 << 32) - 20;
            opener.window().mark(start - 1);
            let mut packets = Vec::new();
            for (number, forged) in (start..).zip(&forged) {
                let mut packet = sealed(&sealer, number, &[number as u8; 64]);
                let at = packet.len() - 1;
                packet[at] ^= u8::from(*forged);
                packets.extend(packet);
            }
            let each = packets.len() / forged.len();
            let mut verdicts = Vec::new();
            for call in packets.chunks_mut(if together { each * forged.len() } else { each }) {
                opener.open_all(&mut opener.window(), call, each, |packet, opened| {
                    verdicts.push(opened.map(|opened| packet[opened.payload].to_vec()));
                });
            }
            for ((number, forged), verdict) in (start..).zip(forged).zip(verdicts) {
                prop_assert_eq!(verdict, if forged { Err(Refusal::Forged) } else { Ok(vec![number as u8; 64]) });
            }
        }

        /// The upper half is not sent, but proved: a packet of another lap does not open, whatever its lower half.
        #[test]
        fn another_lap_is_forged(suite in suites(), lap in 0u64..5, sequence in 1u32..) {
            let (sealer, opener) = pair(suite, true);
            let mut packet = sealed(&sealer, lap << 32 | u64::from(sequence), &[1; 64]);
            let verdict = opener.open(&mut opener.window(), &mut packet);
            prop_assert_eq!(verdict.is_ok(), lap == 0);
        }

        /// Both ends must have agreed on it.
        #[test]
        fn one_end_alone_has_no_use_for_extended_numbers(suite in suites(), esn in any::<bool>()) {
            let (sealer, _) = pair(suite, esn);
            let (_, opener) = pair(suite, !esn);
            let verdict = opener.open(&mut opener.window(), &mut sealed(&sealer, 1, &[1; 64]));
            prop_assert_eq!(verdict, Err(Refusal::Forged));
        }
    }

    /// RFC 7634, appendix A: an echo request of 84 octets.
    #[test]
    fn chacha20_poly1305_is_that_of_the_rfc() {
        let octets = |text: &str| -> Vec<u8> {
            let digits: Vec<char> = text.chars().filter(|digit| !digit.is_whitespace()).collect();
            digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap()).collect()
        };
        let keys = Keys {
            spi: 0x0102_0304,
            encryption: Zeroizing::new([(0x80..0xa0).collect(), octets("a0a1a2a3")].concat()),
            integrity: Zeroizing::new(Vec::new()),
        };
        let suite = Suite { cipher: Cipher::ChaCha20Poly1305, key_bits: 256, integrity: None };
        let mut packet = octets(
            "01020304 00000005 1011121314151617 24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6
             14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da
             9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43",
        );
        let opener = Opener::new(suite, &keys, 64, false).unwrap();
        let opened = opener.open(&mut opener.window(), &mut packet).unwrap();
        assert_eq!((opened.payload.len(), opened.next_header), (84, 4));
        assert_eq!(packet[opened.payload][..12], octets("45000054a6f2000040 01e778"));
    }

    #[test]
    fn every_cut_is_refused() {
        let suite = Suite { cipher: Cipher::AesCbc, key_bits: 128, integrity: Some(Integrity::HmacSha1) };
        let (sealer, opener) = pair(suite, false);
        let packet = sealed(&sealer, 1, &[1; 64]);
        for len in 0..packet.len() {
            assert_eq!(opener.open(&mut opener.window(), &mut packet[..len].to_vec()), Err(Refusal::Forged));
        }
    }

    #[test]
    fn padding_counts_from_one() {
        let packet = |padding: &[u8]| [&[9; 4], padding, &[padding.len() as u8, 4]].concat();
        for good in [&[][..], &[1], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]] {
            let octets = packet(good);
            assert_eq!(unpad(&octets, 0..octets.len()), Some((0..4, 4)));
        }
        for bad in [&[0][..], &[1, 2, 4], &[0, 0, 0], &[2, 3]] {
            let octets = packet(bad);
            assert_eq!(unpad(&octets, 0..octets.len()), None);
        }
        assert_eq!(unpad(&[5, 4], 0..2), None);
        assert_eq!(unpad(&[4], 0..1), None);
    }

    #[test]
    fn initialization_vectors_differ() {
        let suite = Suite { cipher: Cipher::AesCbc, key_bits: 128, integrity: Some(Integrity::HmacSha1) };
        let (sealer, _) = pair(suite, false);
        let ivs: std::collections::HashSet<Vec<u8>> =
            (1..1000).map(|sequence| sealed(&sealer, sequence, b"same")[8..24].to_vec()).collect();
        assert_eq!(ivs.len(), 999);
    }

    #[test]
    fn keys_of_another_length_are_refused() {
        let suite = Suite { cipher: Cipher::AesCbc, key_bits: 256, integrity: Some(Integrity::HmacSha1) };
        let keys = |encryption: usize, integrity: usize| Keys {
            spi: SPI,
            encryption: Zeroizing::new(vec![1; encryption]),
            integrity: Zeroizing::new(vec![1; integrity]),
        };
        assert!(Opener::new(suite, &keys(32, 20), 64, false).is_ok());
        assert!(Opener::new(suite, &keys(16, 20), 64, false).is_err());
        assert!(Opener::new(suite, &keys(32, 0), 64, false).is_err());
    }
}
