//! One SA pair in tunnel mode: which packets it takes, what it does to them, and what it counts.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::algorithm::Suite;
use crate::fragment::fragments;
use crate::ipv4::{Header, SHORTEST_HEADER};
use crate::lifetime::{Expiry, Life, Limits};
use crate::mss;
use crate::network::{any_contains, Network};
use crate::open::{Opened, Opener, Refusal};
use crate::replay::Mark;
use crate::seal::{BadKeys, Keys, Sealer};
use crate::size::{largest_inner, Encapsulation};
use crate::{Nanos, LOWEST_SPI, NEXT_HEADER_IPV4, NEXT_HEADER_NONE};

/// Where datagrams of the pair leave and go to; native ESP has no use for the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    pub local: Ipv4Addr,
    pub remote: SocketAddrV4,
}

/// Everything an SA pair is made of. `largest_outer`: octets of the largest outer IP datagram.
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
    Keys(BadKeys),
    NoRoom { outer: usize },
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Impossible::ReservedSpi(spi) => write!(f, "SPI {spi} is reserved: SPIs start at {LOWEST_SPI}"),
            Impossible::TakenSpi(spi) => write!(f, "SPI {spi:#010x} belongs to another SA pair"),
            Impossible::TakenId(id) => write!(f, "SA pair {id} is installed already"),
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
    largest_inner: usize,
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

/// What an authentic packet led to.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    /// The packet for the TUN device; `None` for a dummy, or one that may not come out here.
    pub inner: Option<Range<usize>>,
    /// The pair follows the peer to this address.
    pub moved: Option<SocketAddrV4>,
    pub expiry: Option<Expiry>,
}

/// What became of a packet on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Carried(Option<Expiry>),
    /// It must not be fragmented and has more than `Child::largest_inner` octets.
    TooBig,
}

/// Room that `send` uses again and again.
#[derive(Default)]
pub struct Scratch {
    fragment: Vec<u8>,
    sealed: Vec<u8>,
}

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
        let largest_inner = largest_inner(sealer.shape(), encapsulation, largest_outer);
        if largest_inner < SMALLEST_INNER {
            return Err(Impossible::NoRoom { outer: largest_outer });
        }
        Ok(Self {
            id: specification.id,
            replaces: specification.replaces,
            encapsulation,
            inbound_spi: inbound.spi,
            largest_inner,
            local_networks: specification.local_networks,
            remote_networks: specification.remote_networks,
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
        self.largest_inner
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
    }

    fn locked_path(&self) -> MutexGuard<'_, Path> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the pair carries packets from `source`.
    pub fn sends_for(&self, source: Ipv4Addr) -> bool {
        self.is_sending() && !self.life.is_over() && any_contains(&self.local_networks, source)
    }

    /// Opens in place an ESP packet with this pair's SPI that came from `remote`, and counts it.
    pub fn receive(
        &self,
        packet: &mut [u8],
        via: Encapsulation,
        remote: SocketAddrV4,
        now: Nanos,
    ) -> Result<Received, Refusal> {
        if via != self.encapsulation || self.life.is_over() {
            return Err(Refusal::Unwanted);
        }
        let opened = self.opener.open(packet).inspect_err(|refusal| self.count_refusal(*refusal))?;
        self.tally.last_inbound.store(now, Relaxed);
        let moved = self.follow(opened.mark, remote);
        let inner = self.admit(packet, &opened).inspect_err(|refusal| self.count_refusal(*refusal)).ok().flatten();
        let expiry = self.life.spent(self.tally.octets_in.load(Relaxed));
        Ok(Received { inner, moved, expiry })
    }

    /// Only the newest packet so far tells where the peer is now: an older one may come late from where it was.
    fn follow(&self, mark: Mark, remote: SocketAddrV4) -> Option<SocketAddrV4> {
        if mark != Mark::Advanced || self.encapsulation != Encapsulation::Udp {
            return None;
        }
        let mut path = self.locked_path();
        if path.remote == remote {
            return None;
        }
        path.remote = remote;
        Some(remote)
    }

    /// The inner packet, when it may come out of this tunnel; `None` for a dummy.
    fn admit(&self, packet: &mut [u8], opened: &Opened) -> Result<Option<Range<usize>>, Refusal> {
        if opened.next_header == NEXT_HEADER_NONE {
            return Ok(None);
        }
        let inner = &mut packet[opened.payload.clone()];
        let header = Header::parse(inner).ok_or(Refusal::Misdirected)?;
        let belongs = opened.next_header == NEXT_HEADER_IPV4
            && any_contains(&self.remote_networks, header.source)
            && any_contains(&self.local_networks, header.destination);
        if !belongs {
            return Err(Refusal::Misdirected);
        }
        mss::clamp(inner, &header, self.largest_inner);
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

    /// Seals an inner packet, in pieces if it must be, and gives each ESP packet to `emit`.
    pub fn send(&self, packet: &mut [u8], header: &Header, scratch: &mut Scratch, emit: &mut dyn FnMut(&[u8])) -> Sent {
        mss::clamp(packet, header, self.largest_inner);
        if header.total <= self.largest_inner {
            return Sent::Carried(self.seal(&packet[..header.total], &mut scratch.sealed, emit));
        }
        if header.dont_fragment {
            return Sent::TooBig;
        }
        let mut expiry = None;
        let mut pieces = fragments(packet, header, self.largest_inner);
        while pieces.next_into(&mut scratch.fragment) {
            expiry = self.seal(&scratch.fragment, &mut scratch.sealed, emit).or(expiry);
        }
        Sent::Carried(expiry)
    }

    fn seal(&self, inner: &[u8], sealed: &mut Vec<u8>, emit: &mut dyn FnMut(&[u8])) -> Option<Expiry> {
        debug_assert!(inner.len() >= SHORTEST_HEADER);
        if self.life.is_over() {
            return None;
        }
        let sequence = self.next_sequence.fetch_add(1, Relaxed);
        let numbered = self.life.numbered(sequence);
        let Ok(sequence) = u32::try_from(sequence) else { return numbered };
        self.sealer.seal(sequence, inner, NEXT_HEADER_IPV4, sealed);
        self.tally.packets_out.fetch_add(1, Relaxed);
        let octets = self.tally.octets_out.fetch_add(inner.len() as u64, Relaxed) + inner.len() as u64;
        emit(sealed);
        self.life.spent(octets).or(numbered)
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

#[cfg(test)]
#[path = "child_tests.rs"]
pub(crate) mod tests;
