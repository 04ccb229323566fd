//! Two ends of a tunnel, with a pair of SAs for each IP version or one for both, and what travels between them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use lotor_esp::algorithm::{Cipher, Integrity, Suite};
use lotor_esp::batch::Batch;
use lotor_esp::child::{Arrival, Child, Inner, Outgoing, Path, Specification};
use lotor_esp::ip::{Header, Version};
use lotor_esp::ipcomp::{Cpis, Inflater, Spare, LARGEST_INFLATED};
use lotor_esp::lifetime::Limits;
use lotor_esp::network::Network;
use lotor_esp::open::Refusal;
use lotor_esp::seal::Keys;
use lotor_esp::size::Encapsulation;
use lotor_esp::vnet::Frame;

use crate::packets::{Given, INSIDE6, LEASE6};

const fn suite(cipher: Cipher, key_bits: u16, integrity: Option<Integrity>) -> Suite {
    Suite { cipher, key_bits, integrity }
}

pub(crate) const SUITES: [Suite; 7] = [
    suite(Cipher::AesGcm16, 128, None),
    suite(Cipher::AesCbc, 128, Some(Integrity::HmacSha1)),
    suite(Cipher::AesCbc, 256, Some(Integrity::HmacSha256)),
    suite(Cipher::AesCbc, 192, Some(Integrity::HmacSha384)),
    suite(Cipher::AesCbc, 256, Some(Integrity::HmacSha512)),
    suite(Cipher::TripleDesCbc, 192, Some(Integrity::HmacMd5)),
    suite(Cipher::ChaCha20Poly1305, 256, None),
];

const CANARY: u8 = 0xa5;
const REMOTE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 4500);
/// How everything comes: in UDP, without marks, and nobody is in a hurry.
const ARRIVAL: Arrival = Arrival { via: Encapsulation::Udp, remote: REMOTE, class: 0, congested: false, now: 1 };

/// One end: its pair for IPv4, and the one for IPv6; or one for both.
pub(crate) struct End {
    pairs: Vec<Child>,
    inflater: Inflater,
    room: Vec<u8>,
}

/// How a tunnel is made.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) suite: Suite,
    pub(crate) compress: bool,
    /// One pair carries both IP versions.
    pub(crate) together: bool,
    pub(crate) esn: bool,
}

/// The client and the gateway.
pub(crate) fn ends(manner: Manner) -> [End; 2] {
    let end = |client| End {
        pairs: (0..2 - u32::from(manner.together)).map(|number| pair(manner, client, number)).collect(),
        inflater: Inflater::default(),
        room: vec![0; LARGEST_INFLATED],
    };
    [end(true), end(false)]
}

fn pair(manner: Manner, client: bool, number: u32) -> Child {
    let Manner { suite, compress, together, esn } = manner;
    let network = |address: IpAddr, prefix| Network::new(address, prefix).expect("the prefix fits");
    let four = (network([10, 99, 99, 1].into(), 32), network([10, 0, 0, 0].into(), 16));
    let six = (network(LEASE6.into(), 128), network(INSIDE6.into(), 64));
    let (lease, inside) = match (together, number) {
        (true, _) => (vec![four.0, six.0], vec![four.1, six.1]),
        (false, 0) => (vec![four.0], vec![four.1]),
        (false, _) => (vec![six.0], vec![six.1]),
    };
    let spi = 0x1000 + number;
    let ((inbound, outbound), (local_networks, remote_networks)) = match client {
        true => ((spi, spi + 16), (lease, inside)),
        false => ((spi + 16, spi), (inside, lease)),
    };
    let specification = Specification {
        id: 1,
        path: Path { local: Ipv4Addr::LOCALHOST.into(), remote: REMOTE, encapsulation: Encapsulation::Udp },
        suite,
        inbound: keys(suite, inbound),
        outbound: keys(suite, outbound),
        local_networks,
        remote_networks,
        limits: Limits::default(),
        largest_outer: 1500,
        compression: compress.then_some(Cpis { inbound: 2, outbound: 2 }),
        replay_window: 1024,
        esn,
        replaces: None,
        sending: true,
        rate: None,
        inform: None,
        iv_seed: [3; 16],
    };
    Child::new(specification, 0).expect("the pair can be")
}

fn keys(suite: Suite, spi: u32) -> Keys {
    let shape = suite.shape().expect("the suite exists");
    let key = |len: usize, seed: u32| (0..len as u32).map(|at| (at * 7 + seed) as u8).collect::<Vec<u8>>().into();
    Keys { spi, encryption: key(shape.key_len, spi), integrity: key(shape.integrity_key_len, spi + 1) }
}

impl End {
    fn pair(&self, version: Version) -> &Child {
        self.pairs.get(usize::from(version == Version::V6)).unwrap_or(&self.pairs[0])
    }

    /// The ESP packets that carry these, in order, as the packet thread batches them.
    pub(crate) fn send(&self, packets: impl IntoIterator<Item = Given>) -> Vec<Vec<u8>> {
        let (mut wire, mut out) = (Vec::new(), Outgoing::default());
        let mut emit = |batch: &Batch| wire.extend(batch.packets().map(<[u8]>::to_vec));
        let mut last = &self.pairs[0];
        for Given { frame, mut packet } in packets {
            let (Some(header), Some(frame)) = (Header::parse(&packet), Frame::parse(&frame)) else { continue };
            let pair = self.pair(header.version);
            if !std::ptr::eq(pair, last) {
                last.seal(&mut out, &mut emit);
            }
            pair.send(&mut packet, &header, &frame, &mut out, &mut emit);
            last = pair;
        }
        last.seal(&mut out, &mut emit);
        wire
    }

    /// What becomes of ESP packets of one SPI, each of `stride` octets but the last, that come by one call. No octets: the
    /// packet was authentic, and nothing that may come out of this tunnel.
    pub(crate) fn receive(&mut self, packets: &mut [u8], stride: usize) -> Vec<Result<Vec<u8>, Refusal>> {
        let spi = packets.first_chunk().map_or(0, |spi| u32::from_be_bytes(*spi));
        let Some(pair) = self.pairs.iter().find(|pair| pair.inbound_spi() == spi) else { return Vec::new() };
        let mut verdicts = Vec::new();
        pair.receiver().receive_all(packets, stride, &ARRIVAL, |at, received| verdicts.push((at, received)));
        let (inflater, room) = (&mut self.inflater, &mut self.room);
        let mut inner = |at: usize, inner| match inner {
            Some(Inner::Packet(place)) => packets[at + place.start..at + place.end].to_vec(),
            Some(Inner::Compressed(place)) => {
                let spare = Spare { inflater, room };
                let inflated = pair.inflate(&packets[at + place.start..at + place.end], &ARRIVAL, spare);
                inflated.map_or(Vec::new(), |inflated| room[..inflated.len].to_vec())
            }
            None => Vec::new(),
        };
        verdicts.into_iter().map(|(at, received)| received.map(|received| inner(at, received.inner))).collect()
    }

    /// Inflates octets as if they had come inside ESP: the packet that they are, if they are one of this tunnel. Panics when
    /// more than LARGEST_INFLATED octets are written.
    pub(crate) fn inflate(&mut self, compressed: &[u8]) -> Option<Vec<u8>> {
        let mut room = vec![CANARY; LARGEST_INFLATED + 100];
        let spare = Spare { inflater: &mut self.inflater, room: &mut room };
        let inflated = self.pairs[0].inflate(compressed, &ARRIVAL, spare);
        assert!(room[LARGEST_INFLATED..].iter().all(|octet| *octet == CANARY));
        inflated.map(|inflated| room[..inflated.len].to_vec())
    }
}
