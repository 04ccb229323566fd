//! The thread: waits for packets, gives each to its SA pair, and tells what the control side must know.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use lotor_esp::batch::MOST_PACKETS;
use lotor_esp::child::{Arrival, Child, Inflated, Inner, Outgoing, Received, Sent};
use lotor_esp::coalesce::Coalescer;
use lotor_esp::fairness::{Fairness, Fate};
use lotor_esp::icmp;
use lotor_esp::ip::{Header, Version};
use lotor_esp::ipcomp::{Inflater, Spare, LARGEST_INFLATED};
use lotor_esp::lifetime::Expiry;
use lotor_esp::open::header;
use lotor_esp::size::Encapsulation;
use lotor_esp::vnet::Frame;
use lotor_esp::{Nanos, LOWEST_SPI};

use crate::early::{Early, Waiting};
use crate::notices::Notices;
use crate::outer::{kind, Kind, DOORS};
use crate::record;
use crate::shared::Shared;
use crate::strangers::Strangers;
use crate::sys::{self, Datagrams};
use crate::tun;

/// Octets of the largest datagram, or of all that one call receives.
const LARGEST_DATAGRAM: usize = 65536;
/// Octets and calls from one source before the others get their turn.
const TURN_OCTETS: usize = 4 * LARGEST_DATAGRAM;
const TURN_CALLS: usize = 64;
/// Octets of packets that were compressed, before they are delivered.
const INFLATED_OCTETS: usize = 4 * LARGEST_DATAGRAM;
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
    /// What came from the outside in one turn, and behind TURN_OCTETS what was compressed.
    arena: Vec<u8>,
    /// Where the next packet that was compressed goes.
    inflated: usize,
    inflater: Inflater,
    /// What was opened at once, and where it begins in the arena.
    opened: Vec<(usize, Received)>,
    coalescer: Coalescer,
    /// One packet from the inside, of up to 64 KiB.
    buffer: Vec<u8>,
    outgoing: Outgoing,
    /// Whose packets are in `outgoing`.
    sender: Option<Arc<Child>>,
    /// What `sender` was found by: source, destination, generation of the table.
    found_by: (IpAddr, IpAddr, u64),
    /// Who must lose something when the device gives more than can be carried, or the door of that number in DOORS.
    leaving: Fairness,
    arriving: [Fairness; DOORS.len()],
    /// The door that is drained.
    door: usize,
    /// Whose packets of no SA pair were told lately.
    strangers: Strangers,
    /// Packets that may have come before their SA pair.
    waiting: Waiting,
    answer: Vec<u8>,
    record: Vec<u8>,
    /// Notices that did not fit into the socket yet; IKE messages are dropped instead, as on any network.
    notices: Notices,
    deadline: Option<Nanos>,
}

/// Which descriptors have something.
struct Ready {
    wake: bool,
    tun: bool,
    doors: [bool; DOORS.len()],
}

impl<'a> Worker<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            arena: vec![0; TURN_OCTETS + INFLATED_OCTETS],
            inflated: TURN_OCTETS,
            inflater: Inflater::default(),
            opened: Vec::with_capacity(MOST_PACKETS),
            coalescer: Coalescer::new(shared.tun.kinds()),
            buffer: vec![0; tun::BUFFER],
            outgoing: Outgoing::default(),
            sender: None,
            found_by: (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into(), 0),
            leaving: Fairness::default(),
            arriving: Default::default(),
            door: 0,
            strangers: Strangers::default(),
            waiting: Waiting::default(),
            answer: Vec::new(),
            record: Vec::new(),
            notices: Notices::default(),
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
                self.let_in();
            }
            self.expire();
            self.flush();
            for (number, ready) in ready.doors.into_iter().enumerate() {
                if ready {
                    self.drain(number);
                }
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
        let [udp4, udp6, raw4, raw6] = DOORS.map(|door| watch(self.shared.outer.socket(door), libc::POLLIN));
        let mut fds = [
            watch(Some(&self.shared.wake), libc::POLLIN),
            watch(Some(self.shared.tun.fd()), libc::POLLIN),
            watch(records, libc::POLLOUT),
            udp4,
            udp6,
            raw4,
            raw6,
        ];
        sys::poll(&mut fds, self.patience())?;
        let [wake, tun, _, doors @ ..] = fds.map(|fd| fd.revents != 0);
        Ok(Ready { wake, tun, doors })
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
        let expired = self.shared.table_mut().expired(now);
        for (child, expiry) in expired {
            self.notices.expired(child, expiry);
        }
        self.deadline = self.shared.table().deadline();
    }

    fn flush(&mut self) {
        let records = &self.shared.records;
        self.notices.flush(|record| sys::send_record(records, record).is_ok());
    }

    /// `expiry` of what the pair carried.
    fn note_expiry(&mut self, child: u64, expiry: Option<Expiry>) {
        let Some(expiry) = expiry else { return };
        if expiry == Expiry::Hard {
            self.shared.table_mut().retire(child);
        }
        self.notices.expired(child, expiry);
    }

    /// Takes what came, as much as the arena holds; the coalescer's packets leave at the end.
    fn drain(&mut self, number: usize) {
        let door = DOORS[number];
        self.door = number;
        let Some(socket) = self.shared.outer.socket(door) else { return };
        let take = match door {
            (Encapsulation::Udp, _) => Self::datagrams,
            (Encapsulation::None, Version::V4) => Self::native_with_header,
            (Encapsulation::None, Version::V6) => Self::native,
        };
        let (mut start, mut emptied) = (0, false);
        for _ in 0..TURN_CALLS {
            let Some(room) = self.arena.get_mut(start..TURN_OCTETS).filter(|room| room.len() >= LARGEST_DATAGRAM)
            else {
                break;
            };
            match sys::receive(socket, room) {
                Ok(datagrams) => {
                    take(self, start..start + datagrams.len, &datagrams);
                    start += datagrams.len;
                }
                Err(error) if error.kind() == ErrorKind::InvalidData => (),
                Err(_) => {
                    emptied = true;
                    break;
                }
            }
        }
        self.deliver_all();
        self.arriving[number].turn(emptied, sys::monotonic);
        self.flush();
    }

    /// Datagrams of one sender, in the arena at `place`. ESP packets of one SA pair that follow each other are opened at
    /// once.
    fn datagrams(&mut self, place: Range<usize>, datagrams: &Datagrams) {
        let arrival = arrival(Encapsulation::Udp, datagrams);
        let mut run = place.start..place.start;
        let mut spi = None;
        for start in place.clone().step_by(datagrams.segment) {
            let packet = start..place.end.min(start + datagrams.segment);
            let kind = kind(&self.arena[packet.clone()]);
            let next = header(&self.arena[packet.clone()]).map(|(spi, _)| spi).filter(|_| kind == Kind::Esp);
            if next != spi {
                self.open_or_tell(spi, run.clone(), datagrams, &arrival);
                (run.start, spi) = (start, next);
            }
            run.end = packet.end;
            if let Kind::Ike(marker) = kind {
                self.hand_over(start + marker..packet.end, datagrams);
            }
        }
        self.open_or_tell(spi, run, datagrams, &arrival);
    }

    /// The control side hears now and then of packets in UDP that belong to no SA pair: their sender may not know that.
    fn open_or_tell(&mut self, spi: Option<u32>, place: Range<usize>, datagrams: &Datagrams, arrival: &Arrival) {
        let stride = datagrams.segment;
        if self.open(spi, place.clone(), stride, arrival) {
            return;
        }
        let Some(spi) = spi.filter(|spi| *spi >= LOWEST_SPI) else { return };
        self.keep(spi, place.clone(), stride, arrival);
        if self.strangers.admit(datagrams.remote, arrival.now) {
            let (local, octets) = (self.shared.outer.local(datagrams.local), stride.min(place.len()));
            record::strange(local, datagrams.remote, spi, octets, &mut self.record);
            let _ = sys::send_record(&self.shared.records, &self.record);
        }
    }

    /// Packets of no SA pair wait for a moment, if they come from where another pair leads.
    fn keep(&mut self, spi: u32, place: Range<usize>, stride: usize, arrival: &Arrival) {
        if self.waiting.has_room(place.len(), arrival.now) && self.shared.table().leads_to(arrival.remote.ip()) {
            let octets = self.arena[place].to_vec();
            self.waiting.keep(Early { spi, octets, stride, door: self.door, arrival: *arrival });
        }
    }

    /// Packets whose SA pair came after them.
    fn let_in(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let known = |spi| self.shared.table().inbound(spi).is_some();
        for early in self.waiting.take(known, sys::monotonic()) {
            let octets = early.octets.len();
            self.arena[..octets].copy_from_slice(&early.octets);
            self.door = early.door;
            self.open(Some(early.spi), 0..octets, early.stride, &early.arrival);
            self.deliver_all();
        }
    }

    fn hand_over(&mut self, message: Range<usize>, datagrams: &Datagrams) {
        let local = self.shared.outer.local(datagrams.local);
        record::ike(local, datagrams.remote, &self.arena[message], &mut self.record);
        let _ = sys::send_record(&self.shared.records, &self.record);
    }

    /// A raw socket of IPv4 gives the outer header as well.
    fn native_with_header(&mut self, place: Range<usize>, datagrams: &Datagrams) {
        let Some(outer) = Header::parse(&self.arena[place.clone()]) else { return };
        if outer.protocol == PROTOCOL_ESP {
            self.native(place.start + outer.len..place.start + outer.total, datagrams);
        }
    }

    fn native(&mut self, packet: Range<usize>, datagrams: &Datagrams) {
        let spi = header(&self.arena[packet.clone()]).map(|(spi, _)| spi);
        let arrival = arrival(Encapsulation::None, datagrams);
        if !self.open(spi, packet.clone(), packet.len(), &arrival) {
            if let Some(spi) = spi.filter(|spi| *spi >= LOWEST_SPI) {
                self.keep(spi, packet.clone(), packet.len(), &arrival);
            }
        }
    }

    /// Packets of one SPI, in the arena at `place`, each of `stride` octets but the last: to the inside, in order. Whether
    /// they are of an SA pair.
    fn open(&mut self, spi: Option<u32>, place: Range<usize>, stride: usize, arrival: &Arrival) -> bool {
        let Some(spi) = spi.filter(|spi| *spi >= LOWEST_SPI) else { return false };
        let Some(child) = self.shared.table().inbound(spi).cloned() else { return false };
        let packets = place.len().div_ceil(stride.max(1));
        let fairness = &mut self.arriving[self.door];
        let fate = child.judge_inbound(fairness, arrival, packets, place.len());
        if fate == Fate::Drop {
            child.count_shed(packets);
            return true;
        }
        let arrival = &Arrival { congested: fate == Fate::Slow, ..*arrival };
        let mut opened = std::mem::take(&mut self.opened);
        let (mut refused, mut octets) = (0, 0);
        child.receiver().receive_all(
            &mut self.arena[place.clone()],
            stride,
            arrival,
            |start, received| match received {
                Ok(received) => opened.push((place.start + start, received)),
                Err(_) => (refused, octets) = (refused + 1, octets + stride.min(place.len() - start)),
            },
        );
        child.unproved(fairness, arrival, refused, octets);
        for (start, received) in opened.drain(..) {
            match received.inner {
                Some(Inner::Packet(place)) => self.deliver(&child, start + place.start..start + place.end, arrival.now),
                Some(Inner::Compressed(place)) => {
                    self.inflate(&child, start + place.start..start + place.end, arrival);
                }
                None => (),
            }
            let id = child.id();
            if let Some(remote) = received.moved {
                self.notices.moved(id, remote);
            }
            self.note_expiry(id, received.expiry);
        }
        self.opened = opened;
        true
    }

    /// The packet at `place` of the arena, to the inside, unless it is a question that is answered here.
    fn deliver(&mut self, child: &Child, place: Range<usize>, now: Nanos) {
        if child.inform().is_some_and(|inform| inform.answer(&self.arena[place.clone()], now, &mut self.answer)) {
            return self.reply();
        }
        let tun = &self.shared.tun;
        if tun.coalesces() {
            let mut write = |frame: &Frame, arena: &[u8], pieces: &[Range<usize>]| tun.write(frame, arena, pieces);
            self.coalescer.add(&mut self.arena, place, &mut write);
        } else {
            tun.write(&Frame::default(), &self.arena, &[place]);
        }
    }

    /// The answer, to whom it is for, as if it came from the inside.
    fn reply(&mut self) {
        let whole = 0..self.answer.len();
        self.buffer[whole.clone()].copy_from_slice(&self.answer);
        self.outbound(&Frame::default(), whole);
        self.seal();
    }

    /// What lies compressed at `place` of the arena, to the inside.
    fn inflate(&mut self, child: &Child, place: Range<usize>, arrival: &Arrival) {
        let (datagrams, inflated) = self.arena.split_at_mut(TURN_OCTETS);
        let room = &mut inflated[self.inflated - TURN_OCTETS..];
        let spare = Spare { inflater: &mut self.inflater, room };
        let Some(Inflated { len, expiry }) = child.inflate(&datagrams[place], arrival, spare) else { return };
        self.note_expiry(child.id(), expiry);
        let packet = self.inflated..self.inflated + len;
        self.inflated = packet.end;
        self.deliver(child, packet, arrival.now);
        if self.arena.len() - self.inflated < LARGEST_INFLATED {
            self.deliver_all();
        }
    }

    /// What waits for more of its flow.
    fn deliver_all(&mut self) {
        let tun = &self.shared.tun;
        self.coalescer.flush(&mut self.arena, &mut |frame, arena, pieces| tun.write(frame, arena, pieces));
        self.inflated = TURN_OCTETS;
    }

    fn drain_tun(&mut self) -> Result<(), String> {
        let (mut octets, mut emptied) = (0, false);
        for _ in 0..TURN_CALLS {
            match self.shared.tun.read(&mut self.buffer) {
                Ok(None) => return Err("the TUN device is gone".to_owned()),
                Ok(Some((frame, place))) => {
                    octets += place.len();
                    self.outbound(&frame, place);
                }
                Err(error) if error.kind() == ErrorKind::InvalidData => (),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                    emptied = true;
                    break;
                }
                Err(error) => return Err(format!("the TUN device cannot be read any more: {error}")),
            }
            if octets >= TURN_OCTETS {
                break;
            }
        }
        self.seal();
        self.leaving.turn(emptied, sys::monotonic);
        self.flush();
        Ok(())
    }

    fn outbound(&mut self, frame: &Frame, place: Range<usize>) {
        let Some(header) = Header::parse(&self.buffer[place.clone()]) else { return };
        self.turn_to(&header);
        let Some(child) = &self.sender else { return };
        let fate = self.leaving.judge(child.outbound_demand(), 1, place.len());
        if fate != Fate::Pass && !child.outlives(fate, &mut self.buffer[place.clone()], frame.packets(place.len())) {
            return;
        }
        if child.has_limit() {
            child.set_time(sys::monotonic());
        }
        let (outer, packet) = (&self.shared.outer, &mut self.buffer[place]);
        let sent = child.send(packet, &header, frame, &mut self.outgoing, &mut |batch| {
            outer.send_esp(batch, child.path());
        });
        match sent {
            Sent::Carried(expiry) => {
                let id = child.id();
                self.note_expiry(id, expiry);
            }
            Sent::TooBig => {
                if icmp::too_big(packet, &header, child.largest_whole(header.version), &mut self.answer) {
                    let whole = 0..self.answer.len();
                    self.shared.tun.write(&Frame::default(), &self.answer, std::slice::from_ref(&whole));
                }
            }
        }
    }

    /// Makes the pair of the packet the sender, or nobody. What goes the same way as the last packet needs no lookup.
    fn turn_to(&mut self, header: &Header) {
        let sought = (header.source, header.destination, self.shared.generation());
        if self.sender.is_some() && self.found_by == sought {
            return;
        }
        let found = self.shared.table().outbound(header.source, header.destination).cloned();
        let same = matches!((&found, &self.sender), (Some(found), Some(sender)) if Arc::ptr_eq(found, sender));
        if !same {
            self.seal();
            self.sender = found;
        }
        self.found_by = sought;
    }

    /// Sends what waits for more of the same SA pair.
    fn seal(&mut self) {
        if let Some(child) = self.sender.take() {
            let outer = &self.shared.outer;
            child.seal(&mut self.outgoing, &mut |batch| outer.send_esp(batch, child.path()));
        }
    }
}

fn arrival(via: Encapsulation, datagrams: &Datagrams) -> Arrival {
    Arrival { via, remote: datagrams.remote, class: datagrams.class, congested: false, now: sys::monotonic() }
}
