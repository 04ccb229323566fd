//! The thread: waits for packets, gives each to its SA pair, and tells what the control side must know.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use lotor_esp::child::{Scratch, Sent};
use lotor_esp::icmp;
use lotor_esp::ipv4::Header;
use lotor_esp::lifetime::Expiry;
use lotor_esp::open::header;
use lotor_esp::size::Encapsulation;
use lotor_esp::{Nanos, LOWEST_SPI};

use crate::engine::Shared;
use crate::outer::{kind, Kind};
use crate::record;
use crate::sys::{self, Datagram};

const LARGEST_PACKET: usize = 65536;
/// Packets from one source before the others get their turn.
const BATCH: usize = 64;
const PROTOCOL_ESP: u8 = 50;
const MILLISECOND: Nanos = 1_000_000;
/// How often a thread that broke tries to say so.
const LAST_WORDS_EVERY: libc::c_int = 100;

/// Runs until it is told to stop; whatever else ends it is told as a record.
pub(crate) fn run(shared: &Arc<Shared>) {
    sys::block_signals();
    let ended = catch_unwind(AssertUnwindSafe(|| Worker::new(shared).carry()));
    let why = match ended {
        Ok(Ok(())) => return,
        Ok(Err(why)) => why,
        Err(_) => "the packet engine failed inside; its last words are on standard error".to_owned(),
    };
    let last_words = record::broken(&why);
    while sys::send_record(&shared.records, &last_words).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
        if shared.stopping.load(Relaxed) || sys::poll(&mut [], LAST_WORDS_EVERY).is_err() {
            return;
        }
    }
}

struct Worker<'a> {
    shared: &'a Shared,
    buffer: Vec<u8>,
    scratch: Scratch,
    answer: Vec<u8>,
    record: Vec<u8>,
    /// Notices that did not fit into the socket yet; IKE messages are dropped instead, as on any network.
    notices: VecDeque<Vec<u8>>,
    deadline: Option<Nanos>,
}

/// Which descriptors have something.
struct Ready {
    wake: bool,
    tun: bool,
    udp: bool,
    raw: bool,
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            buffer: vec![0; LARGEST_PACKET],
            scratch: Scratch::default(),
            answer: Vec::new(),
            record: Vec::new(),
            notices: VecDeque::new(),
            deadline: shared.table().deadline(),
        }
    }

    /// Returns when told to stop, or with a sentence for people.
    fn carry(&mut self) -> Result<(), String> {
        while !self.shared.stopping.load(Relaxed) {
            let ready = self.wait().map_err(|error| format!("the packet engine cannot wait for packets: {error}"))?;
            if ready.wake {
                let _ = sys::read(&self.shared.wake, &mut [0; 8]);
                self.deadline = self.shared.table().deadline();
            }
            self.expire();
            self.flush();
            if ready.udp {
                self.drain_udp();
            }
            if ready.raw {
                self.drain_raw();
            }
            if ready.tun {
                self.drain_tun()?;
            }
        }
        Ok(())
    }

    fn wait(&self) -> io::Result<Ready> {
        let watch = |fd: Option<&OwnedFd>, events| libc::pollfd {
            fd: fd.map_or(-1, AsRawFd::as_raw_fd), // -1: not watched
            events,
            revents: 0,
        };
        let records = (!self.notices.is_empty()).then_some(&self.shared.records);
        let mut fds = [
            watch(Some(&self.shared.wake), libc::POLLIN),
            watch(Some(&self.shared.tun), libc::POLLIN),
            watch(Some(self.shared.outer.udp()), libc::POLLIN),
            watch(self.shared.outer.raw(), libc::POLLIN),
            watch(records, libc::POLLOUT),
        ];
        sys::poll(&mut fds, self.patience())?;
        let [wake, tun, udp, raw, _] = fds.map(|fd| fd.revents != 0);
        Ok(Ready { wake, tun, udp, raw })
    }

    /// Milliseconds until the next lifetime is over, rounded up.
    fn patience(&self) -> libc::c_int {
        let Some(deadline) = self.deadline else { return -1 };
        let left = deadline.saturating_sub(sys::monotonic()).div_ceil(MILLISECOND);
        libc::c_int::try_from(left).unwrap_or(libc::c_int::MAX)
    }

    fn expire(&mut self) {
        let now = sys::monotonic();
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        let expired = self.shared.table().expired(now);
        for (child, expiry) in expired {
            self.notices.push_back(record::expired(child, expiry));
        }
        self.deadline = self.shared.table().deadline();
    }

    fn flush(&mut self) {
        while let Some(notice) = self.notices.front() {
            if sys::send_record(&self.shared.records, notice).is_err() {
                return;
            }
            self.notices.pop_front();
        }
    }

    fn tell_expiry(&mut self, child: u64, expiry: Option<Expiry>) {
        if let Some(expiry) = expiry {
            self.notices.push_back(record::expired(child, expiry));
            self.flush();
        }
    }

    fn drain_udp(&mut self) {
        for _ in 0..BATCH {
            match sys::receive(self.shared.outer.udp(), &mut self.buffer) {
                Ok(datagram) => self.datagram(&datagram),
                Err(error) if error.kind() == ErrorKind::InvalidData => (),
                Err(_) => return,
            }
        }
    }

    fn datagram(&mut self, datagram: &Datagram) {
        match kind(&self.buffer[..datagram.len]) {
            Kind::Keepalive => (),
            Kind::Esp => self.inbound(0..datagram.len, Encapsulation::Udp, datagram),
            Kind::Ike(start) => {
                let local = self.shared.outer.local(datagram.local);
                record::ike(local, datagram.remote, &self.buffer[start..datagram.len], &mut self.record);
                let _ = sys::send_record(&self.shared.records, &self.record);
            }
        }
    }

    /// A raw socket gives the outer IP header as well.
    fn drain_raw(&mut self) {
        let shared = self.shared;
        let Some(raw) = shared.outer.raw() else { return };
        for _ in 0..BATCH {
            let Ok(datagram) = sys::receive(raw, &mut self.buffer) else { return };
            if let Some(outer) = Header::parse(&self.buffer[..datagram.len]) {
                if outer.protocol == PROTOCOL_ESP {
                    self.inbound(outer.len..outer.total, Encapsulation::None, &datagram);
                }
            }
        }
    }

    fn inbound(&mut self, place: std::ops::Range<usize>, via: Encapsulation, datagram: &Datagram) {
        let packet = &mut self.buffer[place];
        let Some((spi, _)) = header(packet).filter(|(spi, _)| *spi >= LOWEST_SPI) else { return };
        let Some(child) = self.shared.table().inbound(spi).cloned() else { return };
        let Ok(received) = child.receive(packet, via, datagram.remote, sys::monotonic()) else { return };
        if let Some(inner) = received.inner {
            // A device that is down or full loses packets.
            let _ = sys::write(&self.shared.tun, &packet[inner]);
        }
        if let Some(remote) = received.moved {
            self.notices.push_back(record::moved(child.id(), remote));
            self.flush();
        }
        self.tell_expiry(child.id(), received.expiry);
    }

    fn drain_tun(&mut self) -> Result<(), String> {
        for _ in 0..BATCH {
            match sys::read(&self.shared.tun, &mut self.buffer) {
                Ok(0) => return Err("the TUN device is gone".to_owned()),
                Ok(len) => self.outbound(len),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
                Err(error) => return Err(format!("the TUN device cannot be read any more: {error}")),
            }
        }
        Ok(())
    }

    fn outbound(&mut self, len: usize) {
        let packet = &mut self.buffer[..len];
        let Some(header) = Header::parse(packet) else { return };
        let Some(child) = self.shared.table().outbound(header.source, header.destination).cloned() else { return };
        let (path, encapsulation, outer) = (child.path(), child.encapsulation(), &self.shared.outer);
        let sent = child.send(packet, &header, &mut self.scratch, &mut |esp| outer.send_esp(esp, path, encapsulation));
        match sent {
            Sent::Carried(expiry) => self.tell_expiry(child.id(), expiry),
            Sent::TooBig => {
                if icmp::too_big(packet, &header, child.largest_inner(), &mut self.answer) {
                    let _ = sys::write(&self.shared.tun, &self.answer);
                }
            }
        }
    }
}
