//! The inner side: a TUN device, or anything that gives and takes one packet per read and write.

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;

use lotor_esp::coalesce::Kinds;
use lotor_esp::vnet::{Frame, HEADER_LEN};

use crate::offload::Offloads;
use crate::sys;

/// Octets of a buffer for `Tun::read`: the length of IPv6 does not count its own header.
pub(crate) const BUFFER: usize = HEADER_LEN + 65_536 + 40;

pub(crate) struct Tun {
    fd: OwnedFd,
    /// A header stands before each packet.
    framed: bool,
    kinds: Kinds,
}

impl Tun {
    /// `framed`: what to believe of a descriptor that is no TUN device. The device does what `wanted` says, or less.
    pub(crate) fn new(fd: OwnedFd, framed: bool, wanted: Offloads) -> io::Result<Self> {
        sys::set_nonblocking(&fd)?;
        let Some(framed_device) = sys::tun_is_framed(&fd)? else {
            return Ok(Self {
                fd,
                framed,
                kinds: Kinds { tcp: framed && wanted.tun_tcp, udp: framed && wanted.tun_udp },
            });
        };
        let kinds = if framed_device { probe(&fd, wanted) } else { Kinds { tcp: false, udp: false } };
        Ok(Self { fd, framed: framed_device, kinds })
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    pub(crate) fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// Whether large packets may be written.
    pub(crate) fn coalesces(&self) -> bool {
        self.kinds.tcp || self.kinds.udp
    }

    /// Reads into a buffer of BUFFER octets: what is to be done to the packet, and where it lies. `None` at the end of
    /// the device. Anything that makes no sense is InvalidData.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<(Frame, Range<usize>)>> {
        let start = if self.framed { 0 } else { HEADER_LEN };
        let end = start + sys::read(&self.fd, &mut buffer[start..])?;
        if end == start {
            return Ok(None);
        }
        if !self.framed {
            return Ok(Some((Frame::default(), HEADER_LEN..end)));
        }
        let frame = buffer[..end].first_chunk().and_then(Frame::parse).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Some((frame, HEADER_LEN..end)))
    }

    /// A device that is down or full loses packets.
    pub(crate) fn write(&self, frame: &Frame, octets: &[u8], pieces: &[Range<usize>]) {
        let header = frame.octets();
        let header = if self.framed { &header[..] } else { &[] };
        let _ = sys::write_pieces(&self.fd, header, octets, pieces);
    }
}

/// Asks for all that is wanted, then for less.
fn probe(fd: &OwnedFd, wanted: Offloads) -> Kinds {
    let tries = [(wanted.tun_tcp, wanted.tun_udp), (wanted.tun_tcp, false), (false, false)];
    let accepted = sys::set_frame_header(fd, HEADER_LEN).and_then(|()| {
        tries
            .into_iter()
            .find(|(tcp, udp)| sys::set_tun_offloads(fd, *tcp, *udp).is_ok())
            .ok_or(io::ErrorKind::Unsupported.into())
    });
    let (tcp, udp) = accepted.unwrap_or((false, false));
    Kinds { tcp, udp }
}
