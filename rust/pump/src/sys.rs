//! The system calls that the standard library does not offer, each behind a safe function.

use std::io;
use std::mem::{size_of, zeroed, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use lotor_esp::ip::Version;

/// Pieces of one packet for `write_pieces`.
const MOST_PIECES: usize = 64;

/// Nanoseconds of CLOCK_MONOTONIC, never 0.
pub(crate) fn monotonic() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is valid for writing; the clock always exists, so the value is written.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr());
        time.assume_init()
    };
    (time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64).max(1)
}

/// Copies of descriptors leave those of the standard streams alone.
const LOWEST_COPY: libc::c_int = 3;

/// A descriptor of our own for what `fd` refers to.
pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain integers; what is no open descriptor gives EBADF.
    let copy = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, LOWEST_COPY) } as isize)?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(copy as RawFd) })
}

/// By the call that a confined process may make: F_SETFL would take other flags away as well (`rust/sandbox`).
pub(crate) fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, and the kernel reads one integer.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &on) } as isize)?;
    Ok(())
}

/// What a thread sleeps on until another one signals it.
pub(crate) fn eventfd() -> io::Result<OwnedFd> {
    // SAFETY: plain integers.
    let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) } as isize)?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

pub(crate) fn signal(eventfd: &OwnedFd) {
    // An event counter that is full is signalled already.
    let _ = write(eventfd, &1u64.to_ne_bytes());
}

/// Waits for at most `timeout` milliseconds (-1: for ever). An interruption counts as "nothing ready".
pub(crate) fn poll(fds: &mut [libc::pollfd], timeout: libc::c_int) -> io::Result<()> {
    // SAFETY: the slice is valid for its length.
    let result = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) };
    match check(result as isize) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            fds.iter_mut().for_each(|fd| fd.revents = 0);
            Ok(())
        }
        other => other.map(|_| ()),
    }
}

pub(crate) fn read(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is valid for writing its length.
    check(unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) })
}

pub(crate) fn write(fd: &OwnedFd, octets: &[u8]) -> io::Result<usize> {
    // SAFETY: the octets are valid for reading their length.
    check(unsafe { libc::write(fd.as_raw_fd(), octets.as_ptr().cast(), octets.len()) })
}

/// Writes `header` and `pieces` of `octets` as one packet.
pub(crate) fn write_pieces(fd: &OwnedFd, header: &[u8], octets: &[u8], pieces: &[Range<usize>]) -> io::Result<()> {
    let mut vectors = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; MOST_PIECES + 1];
    let all = std::iter::once(header).chain(pieces.iter().map(|piece| &octets[piece.clone()]));
    let mut count = 0;
    for (vector, part) in vectors.iter_mut().zip(all) {
        *vector = libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() };
        count += 1;
    }
    // SAFETY: each of the first `count` vectors is valid for its length and outlives the call; writev only reads.
    check(unsafe { libc::writev(fd.as_raw_fd(), vectors.as_ptr(), count) }).map(|_| ())
}

/// Whether a virtio-net header stands before each packet; `None` when this is no TUN device. A process that may not ask
/// gets an error: taken for no device, all packets would be misread.
pub(crate) fn tun_is_framed(fd: &OwnedFd) -> io::Result<Option<bool>> {
    let mut request = [0u8; 40]; // struct ifreq: a name, then the flags
                                 // SAFETY: TUNGETIFF writes one ifreq, which is 40 octets long.
    let answer = check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETIFF, request.as_mut_ptr()) } as isize);
    match answer {
        Ok(_) => {
            let flags = i32::from(u16::from_ne_bytes([request[libc::IFNAMSIZ], request[libc::IFNAMSIZ + 1]]));
            Ok(Some(flags & libc::IFF_VNET_HDR != 0))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        Err(_) => Ok(None),
    }
}

/// How many octets the header before each packet has.
pub(crate) fn set_frame_header(fd: &OwnedFd, len: usize) -> io::Result<()> {
    let len = len as libc::c_int;
    // SAFETY: TUNSETVNETHDRSZ reads one int.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const len) } as isize).map(|_| ())
}

/// Lets the device give packets without checksum, and TCP and UDP packets larger than its MTU.
pub(crate) fn set_tun_offloads(fd: &OwnedFd, tcp: bool, udp: bool) -> io::Result<()> {
    const CHECKSUM: libc::c_ulong = 0x01;
    const TSO: libc::c_ulong = 0x02 | 0x04 | 0x08; // IPv4, IPv6, with ECN
    const USO: libc::c_ulong = 0x20 | 0x40; // IPv4, IPv6: only both together
    let flags = if tcp || udp { CHECKSUM } else { 0 } | if tcp { TSO } else { 0 } | if udp { USO } else { 0 };
    // SAFETY: TUNSETOFFLOAD takes a plain integer.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETOFFLOAD, flags) } as isize).map(|_| ())
}

pub(crate) fn knows_udp_segment(fd: &OwnedFd) -> bool {
    set_option(fd, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok()
}

pub(crate) fn set_udp_gro(fd: &OwnedFd, on: bool) -> io::Result<()> {
    set_option(fd, libc::SOL_UDP, libc::UDP_GRO, on.into())
}

/// One record to a connected socket, without waiting and without a signal when nobody listens any more.
pub(crate) fn send_record(fd: &OwnedFd, octets: &[u8]) -> io::Result<()> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the octets are valid for reading their length.
    check(unsafe { libc::send(fd.as_raw_fd(), octets.as_ptr().cast(), octets.len(), flags) }).map(|_| ())
}

pub(crate) fn set_option(fd: &OwnedFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value outlives the call and has the size that is told.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), size) } as isize)?;
    Ok(())
}

/// Which version of IP a socket speaks; none is an error.
pub(crate) fn version(fd: &OwnedFd) -> io::Result<Version> {
    let (mut family, mut size) = (0, size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: the value outlives the call and has the size that is told.
    check(unsafe {
        let value = (&raw mut family).cast();
        libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_DOMAIN, value, &raw mut size)
    } as isize)?;
    match family {
        libc::AF_INET => Ok(Version::V4),
        libc::AF_INET6 => Ok(Version::V6),
        _ => Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT)),
    }
}

/// Signals are for the main thread.
pub(crate) fn block_signals() {
    // SAFETY: the set is initialized by sigfillset before it is used; both calls cannot fail with these arguments.
    unsafe {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigfillset(set.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Datagrams of one sender in the caller's buffer, each `segment` octets but the last. `local` is the address of this
/// host that they came to, and `class` DSCP and ECN, where the socket tells.
pub(crate) struct Datagrams {
    pub(crate) len: usize,
    pub(crate) segment: usize,
    pub(crate) local: IpAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) class: u8,
}

/// Room for one IPV6_PKTINFO, one UDP_SEGMENT or UDP_GRO, and one IPV6_TCLASS, aligned as `cmsghdr` wants it.
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

const CONTROL: usize = 96;

/// An address of either family, as large as the larger one. The family stands at the same place in both.
#[repr(C)]
union Name {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

/// Receives what one call gives, without waiting. Truncated ones and senders that are not IP are errors.
pub(crate) fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<Datagrams> {
    // SAFETY: all-zero is a valid value of these plain C structures.
    let (mut name, mut message): (Name, libc::msghdr) = unsafe { zeroed() };
    let mut parts = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = Control([0; CONTROL]);
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = size_of::<Name>() as libc::socklen_t;
    message.msg_iov = &raw mut parts;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: every pointer in the message is valid for the length beside it and outlives the call.
    let len = check(unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) })?;
    let remote = peer(&name).filter(|_| message.msg_flags & libc::MSG_TRUNC == 0).ok_or(io::ErrorKind::InvalidData)?;
    let local = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let mut datagrams = Datagrams { len, segment: len.max(1), local, remote, class: 0 };
    told(&message, &mut datagrams);
    Ok(datagrams)
}

/// The scope of a link-local address is lost: tunnels have none.
fn peer(name: &Name) -> Option<SocketAddr> {
    // SAFETY: the structure was zeroed before the kernel wrote as much of it as its family has; any octets are valid
    // numbers.
    let (v4, v6) = unsafe { (name.v4, name.v6) };
    match v4.sin_family.into() {
        libc::AF_INET => {
            let address = Ipv4Addr::from_bits(u32::from_be(v4.sin_addr.s_addr));
            Some((address, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => Some((Ipv6Addr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port)).into()),
        _ => None,
    }
}

/// What the control messages tell.
fn told(message: &libc::msghdr, datagrams: &mut Datagrams) {
    // SAFETY: the kernel wrote the control messages; CMSG_FIRSTHDR and CMSG_NXTHDR stay inside them, in a buffer that is
    // aligned for their headers, and give null behind the last one.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(message);
        while !control.is_null() {
            match ((*control).cmsg_level, (*control).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let address = |info: libc::in_pktinfo| Ipv4Addr::from_bits(u32::from_be(info.ipi_spec_dst.s_addr));
                    datagrams.local = value(control).map_or(datagrams.local, |info| address(info).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let address = |info: libc::in6_pktinfo| Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    datagrams.local = value(control).map_or(datagrams.local, |info| address(info).into());
                }
                (libc::IPPROTO_IP, libc::IP_TOS) => datagrams.class = value(control).unwrap_or(0),
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                    datagrams.class = value::<libc::c_int>(control).unwrap_or(0) as u8;
                }
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let segment = value::<libc::c_int>(control).and_then(|segment| usize::try_from(segment).ok());
                    datagrams.segment = segment.unwrap_or(datagrams.len).max(1);
                }
                _ => (),
            }
            control = libc::CMSG_NXTHDR(message, control);
        }
    }
}

/// A number, or a C structure of numbers: any octets are one.
trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for libc::c_int {}
impl Plain for libc::in_pktinfo {}
impl Plain for libc::in6_pktinfo {}

/// The data of a control message; `None` when it is shorter, as the last one is that did not fit.
///
/// # Safety
/// The message and as many octets behind it as it says are there.
unsafe fn value<T: Plain>(control: *const libc::cmsghdr) -> Option<T> {
    // SAFETY: as said; the data need not be aligned, and any octets are a value.
    unsafe {
        let whole = libc::CMSG_LEN(size_of::<T>() as u32) as usize;
        let there: usize = (*control).cmsg_len as _;
        (there >= whole).then(|| libc::CMSG_DATA(control).cast::<T>().read_unaligned())
    }
}

/// How datagrams leave. `local` unspecified: the kernel chooses. `class`: DSCP and ECN of their headers. `segment`: cut
/// into datagrams of so many octets each but the last.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) local: IpAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) class: u8,
    pub(crate) segment: Option<u16>,
}

/// Sends `parts` one behind the other by one call, without waiting.
pub(crate) fn send(fd: &OwnedFd, parts: [&[u8]; 2], way: &Way) -> io::Result<()> {
    let (mut name, size) = name_of(way.remote);
    let mut vectors = parts.map(|part| libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() });
    let mut control = Control([0; CONTROL]);
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = size;
    message.msg_iov = vectors.as_mut_ptr();
    message.msg_iovlen = vectors.len() as _;
    let used = tell(&mut control, way);
    if used > 0 {
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = used as _;
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: every pointer in the message is valid for the length beside it and outlives the call; sendmsg only reads.
    check(unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const message, flags) })?;
    Ok(())
}

/// Writes the control messages that are wanted; returns how many octets they take.
fn tell(control: &mut Control, way: &Way) -> usize {
    let mut used = 0;
    if let Some(segment) = way.segment {
        used += put_control(&mut control.0[used..], (libc::SOL_UDP, libc::UDP_SEGMENT), segment);
    }
    if way.class != 0 {
        let (v4, v6) = ((libc::IPPROTO_IP, libc::IP_TOS), (libc::IPPROTO_IPV6, libc::IPV6_TCLASS));
        let kind = if way.remote.is_ipv4() { v4 } else { v6 };
        used += put_control(&mut control.0[used..], kind, libc::c_int::from(way.class));
    }
    if way.local.is_unspecified() {
        return used;
    }
    let room = &mut control.0[used..];
    used + match way.local {
        IpAddr::V4(address) => {
            let source = libc::in_addr { s_addr: address.to_bits().to_be() };
            let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: libc::in_addr { s_addr: 0 } };
            put_control(room, (libc::IPPROTO_IP, libc::IP_PKTINFO), info)
        }
        IpAddr::V6(address) => {
            let source = libc::in6_addr { s6_addr: address.octets() };
            let info = libc::in6_pktinfo { ipi6_addr: source, ipi6_ifindex: 0 };
            put_control(room, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), info)
        }
    }
}

/// Writes one control message at the start of `room`; returns how many octets it takes with its padding.
fn put_control<T: Copy>(room: &mut [u8], (level, kind): (libc::c_int, libc::c_int), value: T) -> usize {
    // SAFETY: arithmetic on a constant.
    let (space, len) = unsafe { (libc::CMSG_SPACE(size_of::<T>() as u32), libc::CMSG_LEN(size_of::<T>() as u32)) };
    assert!(room.len() >= space as usize, "the control buffer has room for all that is ever told");
    let header = room.as_mut_ptr().cast::<libc::cmsghdr>();
    // SAFETY: CMSG_SPACE octets are there, which hold the header and the value behind it; neither is assumed aligned.
    unsafe {
        header.write_unaligned(libc::cmsghdr { cmsg_len: len as _, cmsg_level: level, cmsg_type: kind });
        libc::CMSG_DATA(header).cast::<T>().write_unaligned(value);
    }
    space as usize
}

/// The address, and how many octets of it count.
fn name_of(remote: SocketAddr) -> (Name, libc::socklen_t) {
    match remote {
        SocketAddr::V4(remote) => {
            let v4 = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: remote.port().to_be(),
                sin_addr: libc::in_addr { s_addr: remote.ip().to_bits().to_be() },
                sin_zero: [0; 8],
            };
            (Name { v4 }, size_of::<libc::sockaddr_in>() as libc::socklen_t)
        }
        SocketAddr::V6(remote) => {
            let v6 = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: remote.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: remote.ip().octets() },
                sin6_scope_id: 0,
            };
            (Name { v6 }, size_of::<libc::sockaddr_in6>() as libc::socklen_t)
        }
    }
}

fn check(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
