//! The outer side: the UDP sockets of NAT traversal, one for each IP version, and the raw sockets of native ESP when someone
//! needs them.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::OnceLock;

use lotor_esp::batch::{Batch, MOST_OCTETS, MOST_PACKETS};
use lotor_esp::child::Path;
use lotor_esp::ip::Version;
use lotor_esp::size::Encapsulation;

use crate::offload::Offloads;
use crate::sys::{self, Way};

/// Before every ISAKMP message on a NAT traversal socket (RFC 3948 §2.2).
const NON_ESP_MARKER: [u8; 4] = [0; 4];
/// Keeps a NAT's mapping alive (RFC 3948 §2.3).
static KEEPALIVE: [u8; 1] = [0xff];
/// Octets that the kernel holds in each direction.
const BUFFER: libc::c_int = 4 << 20;

/// What a datagram on a NAT traversal socket is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Keepalive,
    /// The message begins after this many octets.
    Ike(usize),
    Esp,
}

pub(crate) fn kind(datagram: &[u8]) -> Kind {
    if datagram == KEEPALIVE {
        return Kind::Keepalive;
    }
    if datagram.starts_with(&NON_ESP_MARKER) {
        return Kind::Ike(NON_ESP_MARKER.len());
    }
    Kind::Esp
}

/// One of the sockets: how ESP travels there, and over which IP.
pub(crate) type Door = (Encapsulation, Version);

pub(crate) const DOORS: [Door; 4] = [
    (Encapsulation::Udp, Version::V4),
    (Encapsulation::Udp, Version::V6),
    (Encapsulation::None, Version::V4),
    (Encapsulation::None, Version::V6),
];

pub(crate) struct Outer {
    v4: Sockets,
    v6: Sockets,
}

/// Those of one IP version.
#[derive(Default)]
struct Sockets {
    udp: Option<Udp>,
    raw: OnceLock<OwnedFd>,
}

struct Udp {
    fd: OwnedFd,
    port: u16,
    /// UDP_SEGMENT works, as far as is known.
    segments: AtomicBool,
    /// UDP_GRO is on.
    gathers: bool,
    /// A batch needs a shorter datagram at its end.
    tails: bool,
}

impl Outer {
    /// `udp`: at most one socket of each IP version; of two the last is used.
    pub(crate) fn new(udp: impl IntoIterator<Item = OwnedFd>, wanted: Offloads) -> io::Result<Self> {
        let mut outer = Self { v4: Sockets::default(), v6: Sockets::default() };
        for fd in udp {
            let version = sys::version(&fd)?;
            let socket = Udp::new(fd, version, wanted)?;
            match version {
                Version::V4 => outer.v4.udp = Some(socket),
                Version::V6 => outer.v6.udp = Some(socket),
            }
        }
        Ok(outer)
    }

    fn sockets(&self, version: Version) -> &Sockets {
        match version {
            Version::V4 => &self.v4,
            Version::V6 => &self.v6,
        }
    }

    fn udps(&self) -> impl Iterator<Item = &Udp> {
        [&self.v4, &self.v6].into_iter().filter_map(|sockets| sockets.udp.as_ref())
    }

    pub(crate) fn segments(&self) -> bool {
        self.udps().all(|udp| udp.segments.load(Relaxed))
    }

    pub(crate) fn gathers(&self) -> bool {
        self.udps().all(|udp| udp.gathers)
    }

    pub(crate) fn tails(&self) -> bool {
        self.udps().any(|udp| udp.tails)
    }

    /// From now on native ESP of the socket's IP version travels; a second socket is not needed and dropped.
    pub(crate) fn attach_raw(&self, raw: OwnedFd) -> io::Result<()> {
        let version = sys::version(&raw)?;
        prepare(&raw, version)?;
        let _ = self.sockets(version).raw.set(raw);
        Ok(())
    }

    pub(crate) fn socket(&self, (via, version): Door) -> Option<&OwnedFd> {
        let sockets = self.sockets(version);
        match via {
            Encapsulation::Udp => sockets.udp.as_ref().map(|udp| &udp.fd),
            Encapsulation::None => sockets.raw.get(),
        }
    }

    /// The end of a NAT traversal path on this host.
    pub(crate) fn local(&self, address: IpAddr) -> SocketAddr {
        let udp = self.sockets(Version::of(address)).udp.as_ref();
        SocketAddr::new(address, udp.map_or(0, |udp| udp.port))
    }

    /// An ISAKMP message with its marker, or a keepalive without.
    pub(crate) fn send_ike(&self, message: &[u8], path: Path) -> io::Result<()> {
        let door = (Encapsulation::Udp, path.version());
        let socket = self.socket(door).ok_or_else(|| io::Error::from_raw_os_error(libc::EAFNOSUPPORT))?;
        let marker: &[u8] = if message == KEEPALIVE { &[] } else { &NON_ESP_MARKER };
        sys::send(socket, [marker, message], &way(path, 0))
    }

    /// Packets that cannot leave are lost, as on any network.
    pub(crate) fn send_esp(&self, batch: &Batch, path: Path) {
        let sockets = self.sockets(path.version());
        match (path.encapsulation, &sockets.udp, sockets.raw.get()) {
            (Encapsulation::Udp, Some(udp), _) => udp.send(batch, path),
            // The port of a raw socket of IPv6 is its protocol, or nothing.
            (Encapsulation::None, _, Some(raw)) => {
                let remote = SocketAddr::new(path.remote.ip(), 0);
                send_singly(raw, batch, Path { remote, ..path });
            }
            _ => (),
        }
    }
}

impl Udp {
    fn new(fd: OwnedFd, version: Version, wanted: Offloads) -> io::Result<Self> {
        prepare(&fd, version)?;
        let socket = UdpSocket::from(fd);
        let port = socket.local_addr()?.port();
        let fd = OwnedFd::from(socket);
        let segments = AtomicBool::new(wanted.udp_segment && sys::knows_udp_segment(&fd));
        let gathers = wanted.udp_receive && sys::set_udp_gro(&fd, true).is_ok();
        Ok(Self { fd, port, segments, gathers, tails: wanted.segment_tail })
    }

    fn send(&self, batch: &Batch, path: Path) {
        if self.segments.load(Relaxed) && batch.octets().len() > batch.stride() {
            self.send_run(batch, path);
        } else {
            send_singly(&self.fd, batch, path);
        }
    }

    /// All of the batch by one call. The kernel refuses segments that it would have to fragment (EINVAL, EMSGSIZE), and
    /// all of them where the device cannot compute checksums (EIO).
    fn send_run(&self, batch: &Batch, path: Path) {
        let alone = way(path, batch.class());
        let run = Run::of(batch, self.tails);
        let together = Way { segment: u16::try_from(batch.stride()).ok(), ..alone };
        let Err(error) = sys::send(&self.fd, [run.packets, run.tail], &together) else {
            if !run.rest.is_empty() {
                let _ = sys::send(&self.fd, [run.rest, &[]], &alone);
            }
            return;
        };
        match error.raw_os_error() {
            Some(libc::EINVAL | libc::EMSGSIZE) => send_singly(&self.fd, batch, path),
            Some(libc::EIO | libc::EOPNOTSUPP) => {
                self.segments.store(false, Relaxed);
                send_singly(&self.fd, batch, path);
            }
            _ => (),
        }
    }
}

/// How a batch leaves: what goes by one call, what ends that, and a packet that goes alone behind it.
#[derive(Debug, PartialEq, Eq)]
struct Run<'a> {
    packets: &'a [u8],
    tail: &'static [u8],
    rest: &'a [u8],
}

impl<'a> Run<'a> {
    /// With `tails` the last datagram is shorter than the others in any case: a keepalive, which every peer swallows
    /// (RFC 3948 §2.3). Where there is no room for one, the last packet makes it.
    fn of(batch: &'a Batch, tails: bool) -> Self {
        let octets = batch.octets();
        if !tails || !batch.is_even() {
            return Self { packets: octets, tail: &[], rest: &[] };
        }
        let has_room = octets.len() < MOST_OCTETS && octets.len() / batch.stride() < MOST_PACKETS;
        let (packets, rest) = octets.split_at(octets.len() - if has_room { 0 } else { batch.stride() });
        Self { packets, tail: &KEEPALIVE, rest }
    }
}

/// The owner of the socket finds it as it was.
impl Drop for Udp {
    fn drop(&mut self) {
        if self.gathers {
            let _ = sys::set_udp_gro(&self.fd, false);
        }
    }
}

fn way(path: Path, class: u8) -> Way {
    Way { local: path.local, remote: path.remote, class, segment: None }
}

fn send_singly(socket: &OwnedFd, batch: &Batch, path: Path) {
    let way = way(path, batch.class());
    for packet in batch.packets() {
        let _ = sys::send(socket, [packet, &[]], &way);
    }
}

/// The local address of every datagram is told and chosen, its traffic class is told, and it may be fragmented: in IPv4 no
/// datagram carries DF, and one that is too big for the path is fragmented on its way, by the interface's MTU and not by
/// what anyone's ICMP says. Routers of IPv6 do not fragment: there the kernel goes by what they tell, which is never less
/// than 1280 octets.
fn prepare(socket: &OwnedFd, version: Version) -> io::Result<()> {
    let options = match version {
        Version::V4 => [
            (libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
            (libc::IPPROTO_IP, libc::IP_RECVTOS, 1),
            (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT),
        ],
        Version::V6 => [
            (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
            (libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1),
            (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_DONT),
        ],
    };
    for (level, name, value) in options {
        sys::set_option(socket, level, name, value)?;
    }
    for (forced, asked) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)] {
        sys::set_option(socket, libc::SOL_SOCKET, forced, BUFFER)
            .or_else(|_| sys::set_option(socket, libc::SOL_SOCKET, asked, BUFFER))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(packets: impl IntoIterator<Item = usize>) -> Batch {
        let mut batch = Batch::new();
        for len in packets {
            assert!(batch.takes(len));
            batch.push(len).fill(7);
        }
        batch
    }

    /// Octets of the datagrams that the kernel makes of what leaves by one call, and of the one behind them.
    fn datagrams(batch: &Batch, tails: bool) -> (Vec<usize>, usize) {
        let run = Run::of(batch, tails);
        let together = [run.packets, run.tail].concat();
        assert!(together.len() <= MOST_OCTETS && together.len().div_ceil(batch.stride()) <= MOST_PACKETS);
        (together.chunks(batch.stride()).map(<[u8]>::len).collect(), run.rest.len())
    }

    #[test]
    fn a_batch_of_equal_packets_ends_with_a_keepalive_where_the_kernel_needs_one() {
        assert_eq!(datagrams(&batch([100; 3]), false), (vec![100; 3], 0));
        assert_eq!(datagrams(&batch([100; 3]), true), (vec![100, 100, 100, 1], 0));
        assert_eq!(datagrams(&batch([100, 100, 40]), true), (vec![100, 100, 40], 0));
        assert_eq!(datagrams(&batch([100]), true), (vec![100], 0));
        assert_eq!(Run::of(&batch([100; 2]), true).tail, [0xff]);
    }

    #[test]
    fn the_last_packet_of_a_full_batch_makes_room_for_the_keepalive() {
        let (together, rest) = datagrams(&batch([100; MOST_PACKETS]), true);
        assert_eq!((together.len(), together[MOST_PACKETS - 1], rest), (MOST_PACKETS, 1, 100));
        assert_eq!(datagrams(&batch([MOST_OCTETS / 13; 13]), true), ([vec![5039; 12], vec![1]].concat(), 5039));
        assert_eq!(datagrams(&batch([1455; 45]), true), ([vec![1455; 45], vec![1]].concat(), 0));
    }

    #[test]
    fn datagrams_are_told_apart_by_their_first_octets() {
        assert_eq!(kind(&[0xff]), Kind::Keepalive);
        assert_eq!(kind(&[0xff, 0xff]), Kind::Esp);
        assert_eq!(kind(&[0, 0, 0, 0]), Kind::Ike(4));
        assert_eq!(kind(&[0, 0, 0, 0, 7]), Kind::Ike(4));
        assert_eq!(kind(&[0, 0, 0, 1, 7]), Kind::Esp);
        assert_eq!(kind(&[0, 0, 0]), Kind::Esp);
        assert_eq!(kind(&[]), Kind::Esp);
    }
}
