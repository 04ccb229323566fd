//! One SA pair in tunnel mode: which packets it takes, what it does to them, and what it counts.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::algorithm::Suite;
use crate::inform::Inform;
use crate::ip::Version;
use crate::ipcomp::{Compression, Cpis};
use crate::ipv6::LEAST_MTU;
use crate::lifetime::{Life, Limits};
use crate::network::Network;
use crate::open::Opener;
use crate::seal::{BadKeys, Keys, Sealer};
use crate::size::{largest_inner, Encapsulation};
use crate::{Nanos, LOWEST_SPI};

mod limiter;
mod outbound;
mod overload;
mod receiver;

use limiter::Limiter;
pub use outbound::{Emit, Outgoing, Sent};
use overload::Demands;
pub use receiver::{Arrival, Inflated, Inner, Received, Receiver};

/// Where datagrams of the pair leave and go to, and in which form: one value, so that nobody sees the one without the
/// other while a pair moves. Native ESP has no use for the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    pub local: IpAddr,
    pub remote: SocketAddr,
    pub encapsulation: Encapsulation,
}

impl Path {
    pub fn version(&self) -> Version {
        Version::of(self.remote.ip())
    }
}

/// Everything an SA pair is made of. Its networks may be of both IP versions, whatever that of the path. `largest_outer`:
/// octets of the largest outer IP datagram.
pub struct Specification {
    pub id: u64,
    pub path: Path,
    pub suite: Suite,
    pub inbound: Keys,
    pub outbound: Keys,
    pub local_networks: Vec<Network>,
    pub remote_networks: Vec<Network>,
    pub limits: Limits,
    pub largest_outer: usize,
    /// Inner packets are compressed where that makes them shorter.
    pub compression: Option<Cpis>,
    pub replay_window: u32,
    /// Sequence numbers have 64 bits (RFC 4303 §2.2.1).
    pub esn: bool,
    pub replaces: Option<u64>,
    /// False: the pair only receives until it is activated.
    pub sending: bool,
    /// Inner octets a second each way at most.
    pub rate: Option<u64>,
    /// What the peer is answered that asks by DHCPINFORM; without it such packets go to the inside as all others.
    pub inform: Option<Inform>,
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

/// Traffic, in inner octets and packets. `last_inbound`: when the last authentic packet came, by
/// the clock that arrivals are told with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub octets_in: u64,
    pub octets_out: u64,
    pub packets_in: u64,
    pub packets_out: u64,
    pub replayed: u64,
    pub forged: u64,
    pub misdirected: u64,
    pub limited: u64,
    pub shed: u64,
    /// ESP packets of the peer that never came, by the gaps in their numbers.
    pub lost: u64,
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
    limited: AtomicU64,
    shed: AtomicU64,
    lost: AtomicU64,
    /// 0: none yet.
    last_inbound: AtomicU64,
}

/// An installed SA pair.
pub struct Child {
    id: u64,
    replaces: Option<u64>,
    inbound_spi: u32,
    largest_outer: usize,
    /// Follows the path, on whose version and encapsulation it depends.
    largest_inner: AtomicUsize,
    local_networks: Vec<Network>,
    remote_networks: Vec<Network>,
    compression: Option<Compression>,
    inform: Option<Inform>,
    opener: Opener,
    sealer: Sealer,
    next_sequence: AtomicU64,
    sending: AtomicBool,
    path: Mutex<Path>,
    /// When the path followed a packet last; 0: never.
    followed_at: AtomicU64,
    life: Life,
    limits: Option<Limiter>,
    demands: Demands,
    tally: Tally,
}

/// Below this an IPv4 network does not work (RFC 791: every host takes datagrams of 68 octets).
const SMALLEST_INNER: usize = 68;

impl Child {
    pub fn new(specification: Specification, now: Nanos) -> Result<Self, Impossible> {
        let Specification { suite, inbound, outbound, path, largest_outer, .. } = specification;
        for spi in [inbound.spi, outbound.spi] {
            if spi < LOWEST_SPI {
                return Err(Impossible::ReservedSpi(spi));
            }
        }
        let opener =
            Opener::new(suite, &inbound, specification.replay_window, specification.esn).map_err(Impossible::Keys)?;
        let sealer =
            Sealer::new(suite, &outbound, &specification.iv_seed, specification.esn).map_err(Impossible::Keys)?;
        let Specification { local_networks, remote_networks, .. } = specification;
        let largest_inner = largest_inner(sealer.shape(), path.encapsulation, path.version(), largest_outer);
        if largest_inner < SMALLEST_INNER {
            return Err(Impossible::NoRoom { outer: largest_outer });
        }
        Ok(Self {
            id: specification.id,
            replaces: specification.replaces,
            inbound_spi: inbound.spi,
            largest_outer,
            largest_inner: AtomicUsize::new(largest_inner),
            local_networks,
            remote_networks,
            compression: specification.compression.map(Compression::new),
            inform: specification.inform,
            opener,
            sealer,
            next_sequence: AtomicU64::new(1),
            sending: AtomicBool::new(specification.sending),
            path: Mutex::new(path),
            followed_at: AtomicU64::new(0),
            life: Life::new(specification.limits, specification.esn, now),
            limits: specification.rate.map(Limiter::new),
            demands: Demands::default(),
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

    /// The table is told by `Table::activate`.
    pub(crate) fn activate(&self) {
        self.sending.store(true, Relaxed);
    }

    pub fn inbound_spi(&self) -> u32 {
        self.inbound_spi
    }

    /// Octets of the largest inner packet that leaves in one piece.
    pub fn largest_inner(&self) -> usize {
        self.largest_inner.load(Relaxed)
    }

    /// Octets of the largest inner packet of this version that leaves without being fragmented itself. IPv6 has no fragmentation by
    /// routers, and every link must carry packets of 1280 octets: where less fits, they leave all the same, and the outer
    /// datagram is left to IP's own fragmentation (RFC 2473 §7.1, RFC 8200 §5). TCP never comes to that: the MSS clamp
    /// goes by `largest_inner`.
    pub fn largest_whole(&self, version: Version) -> usize {
        match version {
            Version::V4 => self.largest_inner(),
            Version::V6 => self.largest_inner().max(LEAST_MTU),
        }
    }

    pub fn local_networks(&self) -> &[Network] {
        &self.local_networks
    }

    pub fn remote_networks(&self) -> &[Network] {
        &self.remote_networks
    }

    pub fn inform(&self) -> Option<&Inform> {
        self.inform.as_ref()
    }

    pub fn life(&self) -> &Life {
        &self.life
    }

    pub fn path(&self) -> Path {
        *self.locked_path()
    }

    /// From now on packets leave over this path in its form, and come in it.
    pub fn set_path(&self, path: Path) {
        let largest = largest_inner(self.sealer.shape(), path.encapsulation, path.version(), self.largest_outer);
        let mut now = self.locked_path();
        *now = path;
        self.largest_inner.store(largest, Relaxed);
    }

    fn locked_path(&self) -> MutexGuard<'_, Path> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner)
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
            limited: tally.limited.load(Relaxed),
            shed: tally.shed.load(Relaxed),
            lost: tally.lost.load(Relaxed),
            last_inbound: Some(tally.last_inbound.load(Relaxed)).filter(|at| *at > 0),
        }
    }
}

#[cfg(test)]
#[path = "child_tests.rs"]
pub(crate) mod tests;
