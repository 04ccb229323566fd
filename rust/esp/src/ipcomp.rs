//! IPComp: whole inner packets are deflated before they are sealed, where that makes them shorter (RFC 3173, RFC 2394).

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use libdeflater::{CompressionLvl, Compressor, Decompressor};

/// Protocol number of a compressed packet inside ESP.
pub(crate) const PROTOCOL: u8 = 108;
/// Octets of the largest packet that may come out; whatever would be longer is refused.
pub const LARGEST_INFLATED: usize = 65_535;

/// Next header, flags, CPI (RFC 3173 §3.1).
const HEADER_LEN: usize = 4;
/// Deflate without negotiation (RFC 2407 §4.4.5); some peers go on using it when a CPI was agreed on.
const WELL_KNOWN_DEFLATE: u16 = 2;
/// Shorter packets do not shrink (RFC 2394 §2.2).
const SHORTEST: usize = 90;
/// More of an effort shortens packets by next to nothing.
const LEVEL: i32 = 1;

/// After so many packets in a row that did not shrink, the next ones are not tried (RFC 3173 §2.2): first a few, then,
/// while the one tried after them does not shrink either, twice as many each time.
const FAILURES: u32 = 4;
const FIRST_PAUSE: u32 = 16;
const MOST_DOUBLINGS: u32 = 6;

/// The association of an SA pair; each CPI was chosen by who receives with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpis {
    pub inbound: u16,
    pub outbound: u16,
}

/// What an SA pair does to compress.
pub(crate) struct Compression {
    cpis: Cpis,
    /// Packets in a row that did not shrink.
    failures: AtomicU32,
    /// Packets yet to come that are not tried.
    pause: AtomicU32,
}

impl Compression {
    pub(crate) fn new(cpis: Cpis) -> Self {
        Self { cpis, failures: AtomicU32::new(0), pause: AtomicU32::new(0) }
    }

    /// IPComp header and stream for `packet`, whose protocol is `next_header`; `None` when it had better stay as it is.
    pub(crate) fn deflate<'a>(&self, packet: &[u8], next_header: u8, deflater: &'a mut Deflater) -> Option<&'a [u8]> {
        if packet.len() < SHORTEST || !self.tries() {
            return None;
        }
        let [high, low] = self.cpis.outbound.to_be_bytes();
        let deflated = deflater.deflate(packet, [next_header, 0, high, low]);
        self.learn(deflated.is_some());
        deflated
    }

    /// Inflates what stands behind an ESP header into `room`: the protocol of the packet, and its length. `None` for what
    /// is no packet of this association.
    pub(crate) fn inflate(&self, payload: &[u8], spare: &mut Spare<'_>) -> Option<(u8, usize)> {
        let ([next_header, _flags, high, low], stream) = payload.split_first_chunk::<HEADER_LEN>()?;
        let cpi = u16::from_be_bytes([*high, *low]);
        if cpi != self.cpis.inbound && cpi != WELL_KNOWN_DEFLATE {
            return None;
        }
        Some((*next_header, spare.inflate(stream)?))
    }

    fn tries(&self) -> bool {
        let left = self.pause.load(Relaxed);
        self.pause.store(left.saturating_sub(1), Relaxed);
        left == 0
    }

    fn learn(&self, shrank: bool) {
        let failures = (self.failures.load(Relaxed) + 1).min(FAILURES + MOST_DOUBLINGS);
        self.failures.store(if shrank { 0 } else { failures }, Relaxed);
        if !shrank && failures >= FAILURES {
            self.pause.store(FIRST_PAUSE << (failures - FAILURES), Relaxed);
        }
    }
}

/// Compresses one packet after the other; its memory is made with the first one.
#[derive(Default)]
pub struct Deflater {
    state: Option<Compressor>,
    room: Vec<u8>,
}

impl Deflater {
    /// `header` and the stream, when both together are shorter than `packet`.
    fn deflate(&mut self, packet: &[u8], header: [u8; HEADER_LEN]) -> Option<&[u8]> {
        let level = || CompressionLvl::new(LEVEL).unwrap_or_default();
        let state = self.state.get_or_insert_with(|| Compressor::new(level()));
        if self.room.len() < packet.len() {
            self.room.resize(packet.len(), 0);
        }
        let room = self.room.get_mut(..packet.len() - 1)?;
        let (front, stream) = room.split_first_chunk_mut::<HEADER_LEN>()?;
        *front = header;
        let len = state.deflate_compress(packet, stream).ok()?;
        Some(&self.room[..HEADER_LEN + len])
    }
}

/// Inflates one packet after the other; its memory is made with the first one.
#[derive(Default)]
pub struct Inflater(Option<Decompressor>);

/// Where packets come out that were compressed: at the start of `room`, of which no more than LARGEST_INFLATED is used.
pub struct Spare<'a> {
    pub inflater: &'a mut Inflater,
    pub room: &'a mut [u8],
}

impl Spare<'_> {
    fn inflate(&mut self, stream: &[u8]) -> Option<usize> {
        let largest = self.room.len().min(LARGEST_INFLATED);
        let state = self.inflater.0.get_or_insert_with(Decompressor::new);
        state.deflate_decompress(stream, &mut self.room[..largest]).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CPIS: Cpis = Cpis { inbound: 0x1234, outbound: 0x5678 };

    fn inflated(payload: &[u8], room: usize) -> Option<(u8, Vec<u8>)> {
        let mut room = vec![0xee; room];
        let mut spare = Spare { inflater: &mut Inflater::default(), room: &mut room };
        let (next_header, len) = Compression::new(CPIS).inflate(payload, &mut spare)?;
        Some((next_header, room[..len].to_vec()))
    }

    fn deflated(packet: &[u8]) -> Option<Vec<u8>> {
        let peer = Compression::new(Cpis { inbound: CPIS.outbound, outbound: CPIS.inbound });
        peer.deflate(packet, 41, &mut Deflater::default()).map(<[u8]>::to_vec)
    }

    /// Octets that no compression shortens.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 7u64;
        let step = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..len).map(step).collect()
    }

    #[test]
    fn the_header_says_what_is_inside() {
        let payload = deflated(&[7; 1000]).unwrap();
        assert_eq!(payload[..4], [41, 0, 0x12, 0x34]);
        assert_eq!(inflated(&payload, 1000), Some((41, vec![7; 1000])));
    }

    #[test]
    fn what_does_not_shrink_stays() {
        assert_eq!(deflated(&noise(1400)), None);
        assert_eq!((deflated(&[7; SHORTEST - 1]), deflated(&[7; SHORTEST]).is_some()), (None, true));
    }

    #[test]
    fn flags_do_not_matter_and_the_cpi_does() {
        let mut payload = deflated(&[7; 200]).unwrap();
        payload[1] = 0xff;
        assert!(inflated(&payload, 200).is_some());
        payload[2..4].copy_from_slice(&[0, 2]);
        assert!(inflated(&payload, 200).is_some());
        payload[2..4].copy_from_slice(&CPIS.outbound.to_be_bytes());
        assert!(inflated(&payload, 200).is_none());
    }

    #[test]
    fn no_packet_is_longer_than_a_packet_may_be() {
        let bomb = deflated(&vec![0; 65_536]).unwrap();
        assert!(bomb.len() < 200 && inflated(&bomb, 1 << 20).is_none());
        let largest = deflated(&vec![0; LARGEST_INFLATED]).unwrap();
        assert_eq!(inflated(&largest, 1 << 20).unwrap().1.len(), LARGEST_INFLATED);
        assert!(inflated(&largest, LARGEST_INFLATED - 1).is_none());
    }

    #[test]
    fn tries_less_and_less_while_nothing_shrinks_and_again_when_something_does() {
        let (compression, mut deflater) = (Compression::new(CPIS), Deflater::default());
        let (noise, zeros) = (noise(500), [0; 500]);
        let mut pauses = Vec::new();
        for _ in 0..FAILURES + 9 {
            assert_eq!(compression.deflate(&noise, 4, &mut deflater), None);
            let mut pause = 0;
            while compression.pause.load(Relaxed) > 0 {
                assert_eq!(compression.deflate(&zeros, 4, &mut deflater), None);
                pause += 1;
            }
            pauses.push(pause);
        }
        assert_eq!(pauses, [0, 0, 0, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024, 1024]);
        for _ in 0..100 {
            assert!(compression.deflate(&zeros, 4, &mut deflater).is_some());
        }
        assert_eq!(compression.deflate(&noise, 4, &mut deflater), None);
        assert!(compression.deflate(&zeros, 4, &mut deflater).is_some());
    }

    proptest! {
        #[test]
        fn what_was_deflated_inflates(words in prop::collection::vec(0u8..20, 90..3000)) {
            if let Some(payload) = deflated(&words) {
                prop_assert!(payload.len() < words.len());
                prop_assert_eq!(inflated(&payload, 4000), Some((41, words)));
            }
        }

        #[test]
        fn anything_survives(mut octets in prop::collection::vec(any::<u8>(), 0..300)) {
            octets.splice(0..0, [4, 0, 0, 2]);
            if let Some((_, packet)) = inflated(&octets, 2000) {
                prop_assert!(packet.len() <= 2000);
            }
        }

        #[test]
        fn a_damaged_stream_stays_within_its_room(
            words in prop::collection::vec(0u8..5, 90..2000), place in any::<prop::sample::Index>(), bit in 0u8..8
        ) {
            let mut payload = deflated(&words).unwrap();
            let at = 4 + place.index(payload.len() - 4);
            payload[at] ^= 1 << bit;
            if let Some((_, packet)) = inflated(&payload, 2000) {
                prop_assert!(packet.len() <= 2000);
            }
        }
    }
}
