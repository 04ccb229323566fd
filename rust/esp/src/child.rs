//! One SA pair in tunnel mode: which packets it takes, what it does to them, and what it counts.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::algorithm::Suite;
use crate::batch::Batch;
use crate::congestion;
use crate::fragment::fragments;
use crate::ip::{Header, Version};
use crate::ipv4::SHORTEST_HEADER;
use crate::ipv6::LEAST_MTU;
use crate::lifetime::{Expiry, Life, Limits};
use crate::mss;
use crate::network::{any_contains, Network};
use crate::open::{Opened, Opener, Refusal};
use crate::replay::Mark;
use crate::seal::{BadKeys, Keys, Sealer};
use crate::size::{largest_inner, sealed_len, Encapsulation};
use crate::split::{finish_checksum, Segments};
use crate::vnet::{Frame, Segmentation};
use crate::{Nanos, LOWEST_SPI, NEXT_HEADER_NONE};

mod receiver;

pub use receiver::Receiver;

/// Where datagrams of the pair leave and go to; native ESP has no use for the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    pub local: IpAddr,
    pub remote: SocketAddr,
}

impl Path {
    pub fn version(&self) -> Version {
        Version::of(self.remote.ip())
    }
}

/// Everything an SA pair is made of. Its networks are of one IP version, whatever that of the path. `largest_outer`:
/// octets of the largest outer IP datagram.
pub struct Specification {
    pub id: u64,
    pub path: Path,
    pub encapsulation: Encapsulation,
    pub suite: Suite,
    pub inbound: Keys,
    pub outbound: Keys,
    pub local_networks: Vec<Network>,
    pub remote_networks: Vec<Network>,
    pub limits: Limits,
    pub largest_outer: usize,
    pub replay_window: u32,
    pub replaces: Option<u64>,
    /// False: the pair only receives until it is activated.
    pub sending: bool,
    /// Random, of this pair only.
    pub iv_seed: [u8; 16],
}

/// Why an SA pair cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impossible {
    ReservedSpi(u32),
    TakenSpi(u32),
    TakenId(u64),
    Mixed,
    Keys(BadKeys),
    NoRoom { outer: usize },
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Impossible::ReservedSpi(spi) => write!(f, "SPI {spi} is reserved: SPIs start at {LOWEST_SPI}"),
            Impossible::TakenSpi(spi) => write!(f, "SPI {spi:#010x} belongs to another SA pair"),
            Impossible::TakenId(id) => write!(f, "SA pair {id} is installed already"),
            Impossible::Mixed => write!(f, "the networks of one SA pair are IPv4 or IPv6, not both"),
            Impossible::Keys(bad) => bad.fmt(f),
            Impossible::NoRoom { outer } => {
                write!(f, "no inner packet fits into outer datagrams of {outer} octets: raise esp_frag (552 or more)")
            }
        }
    }
}

/// Traffic, in inner octets and packets. `last_inbound`: when the last authentic packet came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub octets_in: u64,
    pub octets_out: u64,
    pub packets_in: u64,
    pub packets_out: u64,
    pub replayed: u64,
    pub forged: u64,
    pub misdirected: u64,
    pub last_inbound: Option<Nanos>,
}

#[derive(Default)]
struct Tally {
    octets_in: AtomicU64,
    octets_out: AtomicU64,
    packets_in: AtomicU64,
    packets_out: AtomicU64,
    replayed: AtomicU64,
    forged: AtomicU64,
    misdirected: AtomicU64,
    /// 0: none yet.
    last_inbound: AtomicU64,
}

/// An installed SA pair.
pub struct Child {
    id: u64,
    replaces: Option<u64>,
    encapsulation: Encapsulation,
    inbound_spi: u32,
    /// Of the packets inside.
    version: Version,
    largest_outer: usize,
    /// Follows the path, whose version it depends on.
    largest_inner: AtomicUsize,
    local_networks: Vec<Network>,
    remote_networks: Vec<Network>,
    opener: Opener,
    sealer: Sealer,
    next_sequence: AtomicU64,
    sending: AtomicBool,
    path: Mutex<Path>,
    life: Life,
    tally: Tally,
}

/// How packets came that came at once. `class`: DSCP and ECN of the outer header.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub via: Encapsulation,
    pub remote: SocketAddr,
    pub class: u8,
    pub now: Nanos,
}

/// What an authentic packet led to.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    /// The packet for the TUN device; `None` for a dummy, or one that may not come out here.
    pub inner: Option<Range<usize>>,
    /// The pair follows the peer to this address.
    pub moved: Option<SocketAddr>,
    pub expiry: Option<Expiry>,
}

/// What became of a packet on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Carried(Option<Expiry>),
    /// It must not be fragmented and has more than `Child::largest_whole` octets.
    TooBig,
}

/// Where `send` puts sealed packets, used again and again. A batch holds packets of one SA pair only: whoever turns to
/// another pair calls `Child::seal` first.
#[derive(Default)]
pub struct Outgoing {
    batch: Batch,
    segment: Vec<u8>,
    fragment: Vec<u8>,
}

/// Takes a sealed batch away.
pub type Emit<'a> = dyn FnMut(&Batch) + 'a;

/// Below this an IPv4 network does not work (RFC 791: every host takes datagrams of 68 octets).
const SMALLEST_INNER: usize = 68;

impl Child {
    pub fn new(specification: Specification, now: Nanos) -> Result<Self, Impossible> {
        let Specification { suite, inbound, outbound, encapsulation, largest_outer, .. } = specification;
        for spi in [inbound.spi, outbound.spi] {
            if spi < LOWEST_SPI {
                return Err(Impossible::ReservedSpi(spi));
            }
        }
        let opener = Opener::new(suite, &inbound, specification.replay_window).map_err(Impossible::Keys)?;
        let sealer = Sealer::new(suite, &outbound, &specification.iv_seed).map_err(Impossible::Keys)?;
        let Specification { local_networks, remote_networks, .. } = specification;
        let version = version(local_networks.iter().chain(&remote_networks)).ok_or(Impossible::Mixed)?;
        let path = specification.path.version();
        let largest_inner = largest_inner(sealer.shape(), encapsulation, path, largest_outer);
        if largest_inner < SMALLEST_INNER {
            return Err(Impossible::NoRoom { outer: largest_outer });
        }
        Ok(Self {
            id: specification.id,
            replaces: specification.replaces,
            encapsulation,
            inbound_spi: inbound.spi,
            version,
            largest_outer,
            largest_inner: AtomicUsize::new(largest_inner),
            local_networks,
            remote_networks,
            opener,
            sealer,
            next_sequence: AtomicU64::new(1),
            sending: AtomicBool::new(specification.sending),
            path: Mutex::new(specification.path),
            life: Life::new(specification.limits, now),
            tally: Tally::default(),
        })
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn replaces(&self) -> Option<u64> {
        self.replaces
    }

    pub fn is_sending(&self) -> bool {
        self.sending.load(Relaxed)
    }

    pub fn activate(&self) {
        self.sending.store(true, Relaxed);
    }

    pub fn inbound_spi(&self) -> u32 {
        self.inbound_spi
    }

    pub fn encapsulation(&self) -> Encapsulation {
        self.encapsulation
    }

    /// Octets of the largest inner packet that leaves in one piece.
    pub fn largest_inner(&self) -> usize {
        self.largest_inner.load(Relaxed)
    }

    /// Octets of the largest inner packet that leaves without being fragmented itself. IPv6 has no fragmentation by
    /// routers, and every link must carry packets of 1280 octets: where less fits, they leave all the same, and the outer
    /// datagram is left to IP's own fragmentation (RFC 2473 §7.1, RFC 8200 §5). TCP never comes to that: the MSS clamp
    /// goes by `largest_inner`.
    pub fn largest_whole(&self) -> usize {
        match self.version {
            Version::V4 => self.largest_inner(),
            Version::V6 => self.largest_inner().max(LEAST_MTU),
        }
    }

    pub fn remote_networks(&self) -> &[Network] {
        &self.remote_networks
    }

    pub fn life(&self) -> &Life {
        &self.life
    }

    pub fn path(&self) -> Path {
        *self.locked_path()
    }

    pub fn set_path(&self, path: Path) {
        *self.locked_path() = path;
        let largest = largest_inner(self.sealer.shape(), self.encapsulation, path.version(), self.largest_outer);
        self.largest_inner.store(largest, Relaxed);
    }

    fn locked_path(&self) -> MutexGuard<'_, Path> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the pair carries packets from `source`.
    pub fn sends_for(&self, source: IpAddr) -> bool {
        self.is_sending() && !self.life.is_over() && any_contains(&self.local_networks, source)
    }

    /// Only the newest packet so far tells where the peer is now: an older one may come late from where it was. A path
    /// keeps its IP version: another one has another local address, which IKE finds out.
    fn follow(&self, mark: Mark, remote: SocketAddr) -> Option<SocketAddr> {
        if mark != Mark::Advanced || self.encapsulation != Encapsulation::Udp {
            return None;
        }
        let mut path = self.locked_path();
        if path.remote == remote || path.version() != Version::of(remote.ip()) {
            return None;
        }
        path.remote = remote;
        Some(remote)
    }

    /// The inner packet, when it may come out of this tunnel; `None` for a dummy, and for what a congested router outside
    /// meant to drop.
    fn admit(&self, packet: &mut [u8], opened: &Opened, class: u8) -> Result<Option<Range<usize>>, Refusal> {
        if opened.next_header == NEXT_HEADER_NONE {
            return Ok(None);
        }
        let inner = &mut packet[opened.payload.clone()];
        let header = Header::parse(inner).ok_or(Refusal::Misdirected)?;
        let belongs = header.version == self.version
            && opened.next_header == self.version.protocol()
            && any_contains(&self.remote_networks, header.source)
            && any_contains(&self.local_networks, header.destination);
        if !belongs {
            return Err(Refusal::Misdirected);
        }
        if !congestion::pass_on(class, inner, &header) {
            return Ok(None);
        }
        mss::clamp(inner, &header, self.largest_inner());
        self.tally.packets_in.fetch_add(1, Relaxed);
        self.tally.octets_in.fetch_add(header.total as u64, Relaxed);
        Ok(Some(opened.payload.start..opened.payload.start + header.total))
    }

    fn count_refusal(&self, refusal: Refusal) {
        match refusal {
            Refusal::Replayed => self.tally.replayed.fetch_add(1, Relaxed),
            Refusal::Forged => self.tally.forged.fetch_add(1, Relaxed),
            Refusal::Misdirected => self.tally.misdirected.fetch_add(1, Relaxed),
            Refusal::Unwanted => 0,
        };
    }

    /// Puts an inner packet into the batch, cut as `frame` wants it and in fragments if it must be. Full batches are
    /// sealed and given to `emit`; `seal` does that for the last one.
    pub fn send(
        &self,
        packet: &mut [u8],
        header: &Header,
        frame: &Frame,
        out: &mut Outgoing,
        emit: &mut Emit<'_>,
    ) -> Sent {
        if !out.batch.goes_as(congestion::outer_class(header.class)) {
            self.protect(&mut out.batch, emit);
            out.batch.set_class(congestion::outer_class(header.class));
        }
        if frame.segmentation != Segmentation::None {
            return match Segments::new(packet, header, frame) {
                Some(segments) => self.send_segments(segments, header, out, emit),
                None => Sent::Carried(None),
            };
        }
        if frame.needs_checksum && !finish_checksum(packet, header, frame) {
            return Sent::Carried(None);
        }
        mss::clamp(packet, header, self.largest_inner());
        self.send_one(&packet[..header.total], header, out, emit)
    }

    fn send_segments(
        &self,
        mut segments: Segments<'_>,
        header: &Header,
        out: &mut Outgoing,
        emit: &mut Emit<'_>,
    ) -> Sent {
        let mut expiry = None;
        while let Some(len) = segments.next_len() {
            if len <= self.largest_whole() {
                expiry = self.lay_out(len, &mut out.batch, emit, |room| segments.write_next(room)).or(expiry);
                continue;
            }
            let mut segment = std::mem::take(&mut out.segment);
            segment.resize(len, 0);
            segments.write_next(&mut segment);
            let sent = self.send_one(&segment, &Header { total: len, ..*header }, out, emit);
            out.segment = segment;
            match sent {
                Sent::Carried(told) => expiry = told.or(expiry),
                Sent::TooBig => return Sent::TooBig,
            }
        }
        Sent::Carried(expiry)
    }

    fn send_one(&self, packet: &[u8], header: &Header, out: &mut Outgoing, emit: &mut Emit<'_>) -> Sent {
        if packet.len() <= self.largest_whole() {
            let whole = |room: &mut [u8]| room.copy_from_slice(packet);
            return Sent::Carried(self.lay_out(packet.len(), &mut out.batch, emit, whole));
        }
        if header.dont_fragment {
            return Sent::TooBig;
        }
        let mut expiry = None;
        let mut pieces = fragments(packet, header, self.largest_inner());
        while pieces.next_into(&mut out.fragment) {
            let fragment = |room: &mut [u8]| room.copy_from_slice(&out.fragment);
            expiry = self.lay_out(out.fragment.len(), &mut out.batch, emit, fragment).or(expiry);
        }
        Sent::Carried(expiry)
    }

    /// The next packet of the batch, `len` octets that `write` writes; not sealed yet.
    fn lay_out(
        &self,
        len: usize,
        batch: &mut Batch,
        emit: &mut Emit<'_>,
        write: impl FnOnce(&mut [u8]),
    ) -> Option<Expiry> {
        debug_assert!(len >= SHORTEST_HEADER);
        if self.life.is_over() {
            return None;
        }
        let sequence = self.next_sequence.fetch_add(1, Relaxed);
        let numbered = self.life.numbered(sequence);
        let Ok(sequence) = u32::try_from(sequence) else { return numbered };
        let sealed = sealed_len(self.sealer.shape(), len);
        if !batch.takes(sealed) {
            self.protect(batch, emit);
        }
        write(self.sealer.lay_out(sequence, len, self.version.protocol(), batch.push(sealed)));
        self.tally.packets_out.fetch_add(1, Relaxed);
        let octets = self.tally.octets_out.fetch_add(len as u64, Relaxed) + len as u64;
        self.life.spent(octets).or(numbered)
    }

    /// Seals what `send` put into the batch, and gives it to `emit`.
    pub fn seal(&self, out: &mut Outgoing, emit: &mut Emit<'_>) {
        self.protect(&mut out.batch, emit);
    }

    fn protect(&self, batch: &mut Batch, emit: &mut Emit<'_>) {
        if !batch.is_empty() {
            let stride = batch.stride();
            self.sealer.protect(batch.octets_mut(), stride);
            emit(batch);
            batch.clear();
        }
    }

    pub fn counters(&self) -> Counters {
        let tally = &self.tally;
        Counters {
            octets_in: tally.octets_in.load(Relaxed),
            octets_out: tally.octets_out.load(Relaxed),
            packets_in: tally.packets_in.load(Relaxed),
            packets_out: tally.packets_out.load(Relaxed),
            replayed: tally.replayed.load(Relaxed),
            forged: tally.forged.load(Relaxed),
            misdirected: tally.misdirected.load(Relaxed),
            last_inbound: Some(tally.last_inbound.load(Relaxed)).filter(|at| *at > 0),
        }
    }
}

/// The one version of `networks`; pairs without any carry nothing.
fn version<'a>(mut networks: impl Iterator<Item = &'a Network>) -> Option<Version> {
    let version = networks.next().map_or(Version::V4, Network::version);
    networks.all(|network| network.version() == version).then_some(version)
}

#[cfg(test)]
#[path = "child_tests.rs"]
pub(crate) mod tests;
