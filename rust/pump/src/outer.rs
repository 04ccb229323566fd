//! The outer side: the UDP socket of NAT traversal, and the raw socket of native ESP when someone needs it.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::OnceLock;

use lotor_esp::batch::Batch;
use lotor_esp::child::Path;
use lotor_esp::size::Encapsulation;

use crate::offload::Offloads;
use crate::sys;

/// Before every ISAKMP message on the NAT traversal socket (RFC 3948 §2.2).
const NON_ESP_MARKER: [u8; 4] = [0; 4];
/// Keeps a NAT's mapping alive (RFC 3948 §2.3).
const KEEPALIVE: [u8; 1] = [0xff];
/// Octets that the kernel holds in each direction.
const BUFFER: libc::c_int = 4 << 20;

/// What a datagram on the NAT traversal socket is.
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

pub(crate) struct Outer {
    udp: OwnedFd,
    port: u16,
    raw: OnceLock<OwnedFd>,
    /// UDP_SEGMENT works, as far as is known.
    segments: AtomicBool,
    /// UDP_GRO is on.
    gathers: bool,
}

impl Outer {
    pub(crate) fn new(udp: OwnedFd, wanted: Offloads) -> io::Result<Self> {
        prepare(&udp)?;
        let socket = UdpSocket::from(udp);
        let port = socket.local_addr()?.port();
        let udp = OwnedFd::from(socket);
        let segments = AtomicBool::new(wanted.udp_segment && sys::knows_udp_segment(&udp));
        let gathers = wanted.udp_receive && sys::set_udp_gro(&udp, true).is_ok();
        Ok(Self { udp, port, raw: OnceLock::new(), segments, gathers })
    }

    pub(crate) fn segments(&self) -> bool {
        self.segments.load(Relaxed)
    }

    pub(crate) fn gathers(&self) -> bool {
        self.gathers
    }

    /// From now on native ESP travels; a second socket is not needed and dropped.
    pub(crate) fn attach_raw(&self, raw: OwnedFd) -> io::Result<()> {
        prepare(&raw)?;
        let _ = self.raw.set(raw);
        Ok(())
    }

    pub(crate) fn udp(&self) -> &OwnedFd {
        &self.udp
    }

    pub(crate) fn raw(&self) -> Option<&OwnedFd> {
        self.raw.get()
    }

    pub(crate) fn local(&self, address: Ipv4Addr) -> SocketAddrV4 {
        SocketAddrV4::new(address, self.port)
    }

    /// An ISAKMP message with its marker, or a keepalive without.
    pub(crate) fn send_ike(&self, message: &[u8], local: Ipv4Addr, remote: SocketAddrV4) -> io::Result<()> {
        let marker: &[u8] = if message == KEEPALIVE { &[] } else { &NON_ESP_MARKER };
        sys::send(&self.udp, [marker, message], local, remote)
    }

    /// Packets that cannot leave are lost, as on any network.
    pub(crate) fn send_esp(&self, batch: &Batch, path: Path, encapsulation: Encapsulation) {
        match encapsulation {
            Encapsulation::Udp if self.segments() && batch.octets().len() > batch.stride() => {
                self.send_run(batch, path)
            }
            Encapsulation::Udp => send_singly(&self.udp, batch, path),
            Encapsulation::None => {
                if let Some(raw) = self.raw.get() {
                    send_singly(raw, batch, path);
                }
            }
        }
    }

    /// All of the batch by one call. The kernel refuses segments that it would have to fragment (EINVAL, EMSGSIZE), and
    /// all of them where the device cannot compute checksums (EIO).
    fn send_run(&self, batch: &Batch, path: Path) {
        let Err(error) = sys::send_segments(&self.udp, batch.octets(), batch.stride(), path.local, path.remote) else {
            return;
        };
        match error.raw_os_error() {
            Some(libc::EINVAL | libc::EMSGSIZE) => send_singly(&self.udp, batch, path),
            Some(libc::EIO | libc::EOPNOTSUPP) => {
                self.segments.store(false, Relaxed);
                send_singly(&self.udp, batch, path);
            }
            _ => (),
        }
    }
}

/// The owner of the socket finds it as it was.
impl Drop for Outer {
    fn drop(&mut self) {
        if self.gathers {
            let _ = sys::set_udp_gro(&self.udp, false);
        }
    }
}

fn send_singly(socket: &OwnedFd, batch: &Batch, path: Path) {
    for packet in batch.packets() {
        let _ = sys::send(socket, [packet, &[]], path.local, path.remote);
    }
}

/// The local address of every datagram is told and chosen, and no datagram carries DF: one that is too big for the
/// path is fragmented on its way, by the interface's MTU and not by what anyone's ICMP says.
fn prepare(socket: &OwnedFd) -> io::Result<()> {
    sys::set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
    sys::set_option(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)?;
    for (forced, asked) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)] {
        sys::set_option(socket, libc::SOL_SOCKET, forced, BUFFER)
            .or_else(|_| sys::set_option(socket, libc::SOL_SOCKET, asked, BUFFER))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
