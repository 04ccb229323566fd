//! The control side's handle: SA pairs come and go here while the thread carries packets.

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use lotor_esp::child::{Child, Counters, Impossible, Path, Specification};

use crate::offload::Offloads;
use crate::outer::Outer;
use crate::shared::Shared;
use crate::sys;
use crate::tun::Tun;
use crate::worker;

/// Numbers of descriptors that stay their owner's. `udp`: a socket of IPv4, one of IPv6, or both. `tun` gives and takes one IP packet per read and write, with a
/// virtio-net header before it when it is a device that was made so; `framed` says it of what is no device. `records` is
/// one end of a pair of SOCK_SEQPACKET sockets.
#[derive(Clone, Debug)]
pub struct Descriptors {
    pub tun: RawFd,
    pub framed: bool,
    pub udp: Vec<RawFd>,
    pub records: RawFd,
}

/// An engine: stopped when made, and again when dropped.
pub struct Engine {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    outer_mtu: usize,
}

impl Engine {
    /// Takes the shortcuts that are wanted and that the kernel has.
    pub fn new(descriptors: &Descriptors, outer_mtu: usize, wanted: Offloads) -> io::Result<Self> {
        let udp: io::Result<Vec<OwnedFd>> = descriptors.udp.iter().map(|fd| sys::duplicate(*fd)).collect();
        let tun = Tun::new(sys::duplicate(descriptors.tun)?, descriptors.framed, wanted)?;
        let shared = Shared::new(tun, Outer::new(udp?, wanted)?, sys::duplicate(descriptors.records)?)?;
        Ok(Self { shared: Arc::new(shared), thread: Mutex::new(None), outer_mtu })
    }

    /// Carries packets from now on. A second call changes nothing.
    pub fn start(&self) -> io::Result<()> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            self.shared.stopping.store(false, Relaxed);
            let shared = Arc::clone(&self.shared);
            *thread = Some(thread::Builder::new().name("lotor-esp".into()).spawn(move || worker::run(&shared))?);
        }
        Ok(())
    }

    /// Returns when no packet is carried any more. SA pairs stay.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Relaxed);
        sys::signal(&self.shared.wake);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The thread tells its own panics as a record.
            let _ = thread.join();
        }
    }

    /// Native ESP of its IP version from now on, through this raw socket of protocol 50.
    pub fn attach_raw(&self, raw: RawFd) -> io::Result<()> {
        self.shared.outer.attach_raw(sys::duplicate(raw)?)?;
        sys::signal(&self.shared.wake);
        Ok(())
    }

    /// `largest_outer` is cut to the MTU outside.
    pub fn install(&self, mut specification: Specification) -> Result<(), Impossible> {
        specification.largest_outer = specification.largest_outer.min(self.outer_mtu);
        let child = Child::new(specification, sys::monotonic())?;
        self.shared.table_mut().install(child)?;
        sys::signal(&self.shared.wake);
        Ok(())
    }

    pub fn activate(&self, id: u64) {
        self.shared.table_mut().activate(id);
    }

    pub fn remove(&self, id: u64) {
        self.shared.table_mut().remove(id);
    }

    pub fn set_path(&self, id: u64, path: Path) {
        if let Some(child) = self.shared.table().get(id) {
            child.set_path(path);
        }
    }

    pub fn counters(&self, id: u64) -> Option<Counters> {
        Some(self.shared.table().get(id)?.counters())
    }

    /// An ISAKMP message from a NAT traversal socket; the marker is added. b"\xff" is a keepalive and goes as it is.
    pub fn transmit(&self, message: &[u8], path: Path) -> io::Result<()> {
        self.shared.outer.send_ike(message, path)
    }

    /// Which shortcuts are taken.
    pub fn offloads(&self) -> Offloads {
        let (kinds, outer) = (self.shared.tun.kinds(), &self.shared.outer);
        Offloads {
            tun_tcp: kinds.tcp,
            tun_udp: kinds.udp,
            udp_segment: outer.segments(),
            udp_receive: outer.gathers(),
            segment_tail: outer.segments() && outer.tails(),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}
