//! The system calls that the standard library does not offer, each behind a safe function.

use std::io;
use std::mem::{size_of, zeroed, MaybeUninit};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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

/// A descriptor of our own for what `fd` refers to.
pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the descriptor is not negative and only used during this call; a closed one gives EBADF.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
}

pub(crate) fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: plain integers, and the descriptor is open.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) } as isize)?;
    // SAFETY: as above.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags as libc::c_int | libc::O_NONBLOCK) } as isize)?;
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

/// Whether a virtio-net header stands before each packet; `None` when this is no TUN device.
pub(crate) fn tun_is_framed(fd: &OwnedFd) -> Option<bool> {
    let mut request = [0u8; 40]; // struct ifreq: a name, then the flags
                                 // SAFETY: TUNGETIFF writes one ifreq, which is 40 octets long.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETIFF, request.as_mut_ptr()) } as isize).ok()?;
    let flags = i32::from(u16::from_ne_bytes([request[libc::IFNAMSIZ], request[libc::IFNAMSIZ + 1]]));
    Some(flags & libc::IFF_VNET_HDR != 0)
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
/// host that they came to, where the socket tells.
pub(crate) struct Datagrams {
    pub(crate) len: usize,
    pub(crate) segment: usize,
    pub(crate) local: Ipv4Addr,
    pub(crate) remote: SocketAddrV4,
}

/// Room for one IP_PKTINFO and one UDP_SEGMENT or UDP_GRO, aligned as `cmsghdr` wants it.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Receives what one call gives, without waiting. Truncated ones and senders that are not IPv4 are errors.
pub(crate) fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<Datagrams> {
    // SAFETY: all-zero is a valid value of these plain C structures.
    let (mut name, mut message): (libc::sockaddr_in, libc::msghdr) = unsafe { zeroed() };
    let mut parts = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut control = Control([0; 64]);
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    message.msg_iov = &raw mut parts;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: every pointer in the message is valid for the length beside it and outlives the call.
    let len = check(unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) })?;
    if message.msg_flags & libc::MSG_TRUNC != 0 || i32::from(name.sin_family) != libc::AF_INET {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let address = Ipv4Addr::from_bits(u32::from_be(name.sin_addr.s_addr));
    let remote = SocketAddrV4::new(address, u16::from_be(name.sin_port));
    let (local, segment) = told(&message);
    Ok(Datagrams { len, segment: segment.unwrap_or(len).max(1), local, remote })
}

/// The local address and the length of the segments, as the control messages tell them.
fn told(message: &libc::msghdr) -> (Ipv4Addr, Option<usize>) {
    let (mut local, mut segment) = (Ipv4Addr::UNSPECIFIED, None);
    // SAFETY: the kernel wrote the control messages; CMSG_FIRSTHDR and CMSG_NXTHDR stay inside them, the data of
    // IP_PKTINFO is an in_pktinfo and that of UDP_GRO an int, both read without assuming their alignment.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(message);
        while !control.is_null() {
            let data = libc::CMSG_DATA(control);
            match ((*control).cmsg_level, (*control).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                    local = Ipv4Addr::from_bits(u32::from_be(info.ipi_spec_dst.s_addr));
                }
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    segment = usize::try_from(data.cast::<libc::c_int>().read_unaligned()).ok();
                }
                _ => (),
            }
            control = libc::CMSG_NXTHDR(message, control);
        }
    }
    (local, segment)
}

/// Sends `parts` as one datagram from the address `local` (unspecified: the kernel chooses), without waiting.
pub(crate) fn send(fd: &OwnedFd, parts: [&[u8]; 2], local: Ipv4Addr, remote: SocketAddrV4) -> io::Result<()> {
    send_message(fd, parts, None, local, remote)
}

/// Sends `octets` as datagrams of `segment` octets each but the last, by one call.
pub(crate) fn send_segments(
    fd: &OwnedFd,
    octets: &[u8],
    segment: usize,
    local: Ipv4Addr,
    remote: SocketAddrV4,
) -> io::Result<()> {
    send_message(fd, [octets, &[]], u16::try_from(segment).ok(), local, remote)
}

fn send_message(
    fd: &OwnedFd,
    parts: [&[u8]; 2],
    segment: Option<u16>,
    local: Ipv4Addr,
    remote: SocketAddrV4,
) -> io::Result<()> {
    let mut name = address_of(remote);
    let mut vectors = parts.map(|part| libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() });
    let mut control = Control([0; 64]);
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    message.msg_iov = vectors.as_mut_ptr();
    message.msg_iovlen = vectors.len() as _;
    let used = tell(&mut control, segment, local);
    if used > 0 {
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = used as _;
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: every pointer in the message is valid for the length beside it and outlives the call; sendmsg only reads.
    check(unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const message, flags) })?;
    Ok(())
}

/// Writes the control messages UDP_SEGMENT and IP_PKTINFO where wanted; returns how many octets they take.
fn tell(control: &mut Control, segment: Option<u16>, local: Ipv4Addr) -> usize {
    let mut used = 0;
    if let Some(segment) = segment {
        used += put_control(&mut control.0[used..], (libc::SOL_UDP, libc::UDP_SEGMENT), segment);
    }
    if !local.is_unspecified() {
        let source = libc::in_addr { s_addr: local.to_bits().to_be() };
        let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: libc::in_addr { s_addr: 0 } };
        used += put_control(&mut control.0[used..], (libc::IPPROTO_IP, libc::IP_PKTINFO), info);
    }
    used
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

fn address_of(remote: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: remote.port().to_be(),
        sin_addr: libc::in_addr { s_addr: remote.ip().to_bits().to_be() },
        sin_zero: [0; 8],
    }
}

fn check(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}
