//! The system calls that the standard library does not offer, each behind a safe function.

use std::io;
use std::mem::{size_of, zeroed, MaybeUninit};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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

/// A datagram in the caller's buffer. `local` is the address of this host that it came to, where the socket tells.
pub(crate) struct Datagram {
    pub(crate) len: usize,
    pub(crate) local: Ipv4Addr,
    pub(crate) remote: SocketAddrV4,
}

/// Room for one IP_PKTINFO, aligned as `cmsghdr` wants it.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Receives one datagram without waiting. Truncated ones and senders that are not IPv4 are errors.
pub(crate) fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<Datagram> {
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
    Ok(Datagram { len, local: local_address(&message), remote })
}

fn local_address(message: &libc::msghdr) -> Ipv4Addr {
    // SAFETY: the kernel wrote the control messages; CMSG_FIRSTHDR and CMSG_NXTHDR stay inside them, and the data of
    // IP_PKTINFO is an in_pktinfo, read without assuming its alignment.
    unsafe {
        let mut control = libc::CMSG_FIRSTHDR(message);
        while !control.is_null() {
            if (*control).cmsg_level == libc::IPPROTO_IP && (*control).cmsg_type == libc::IP_PKTINFO {
                let info = libc::CMSG_DATA(control).cast::<libc::in_pktinfo>().read_unaligned();
                return Ipv4Addr::from_bits(u32::from_be(info.ipi_spec_dst.s_addr));
            }
            control = libc::CMSG_NXTHDR(message, control);
        }
    }
    Ipv4Addr::UNSPECIFIED
}

/// Sends `parts` as one datagram from the address `local` (unspecified: the kernel chooses), without waiting.
pub(crate) fn send(fd: &OwnedFd, parts: [&[u8]; 2], local: Ipv4Addr, remote: SocketAddrV4) -> io::Result<()> {
    let mut name = address_of(remote);
    let mut vectors = parts.map(|part| libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() });
    let mut control = Control([0; 64]);
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = (&raw mut name).cast();
    message.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    message.msg_iov = vectors.as_mut_ptr();
    message.msg_iovlen = vectors.len() as _;
    if !local.is_unspecified() {
        message.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: arithmetic on a constant.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<libc::in_pktinfo>() as u32) } as _;
        choose_local(&message, local);
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: every pointer in the message is valid for the length beside it and outlives the call; sendmsg only reads.
    check(unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const message, flags) })?;
    Ok(())
}

/// Writes IP_PKTINFO into the control buffer of `message`, which has room for exactly one.
fn choose_local(message: &libc::msghdr, local: Ipv4Addr) {
    let source = libc::in_addr { s_addr: local.to_bits().to_be() };
    let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: libc::in_addr { s_addr: 0 } };
    // SAFETY: the control buffer is aligned, zeroed, and at least CMSG_SPACE(in_pktinfo) long, so that the first header
    // exists and its data has room.
    unsafe {
        let control = libc::CMSG_FIRSTHDR(message);
        (*control).cmsg_level = libc::IPPROTO_IP;
        (*control).cmsg_type = libc::IP_PKTINFO;
        (*control).cmsg_len = libc::CMSG_LEN(size_of::<libc::in_pktinfo>() as u32) as _;
        libc::CMSG_DATA(control).cast::<libc::in_pktinfo>().write_unaligned(info);
    }
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
