//! What the thread that carries packets and the control side share.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use lotor_esp::table::Table;

use crate::outer::Outer;
use crate::sys;
use crate::tun::Tun;

/// What the thread and the control side share.
pub(crate) struct Shared {
    pub(crate) tun: Tun,
    pub(crate) outer: Outer,
    pub(crate) records: OwnedFd,
    /// Signalled when the thread must look at `stopping`, the sockets or the deadlines again.
    pub(crate) wake: OwnedFd,
    pub(crate) stopping: AtomicBool,
    table: RwLock<Table>,
    /// Counts the changes of the table.
    generation: AtomicU64,
}

impl Shared {
    pub(crate) fn new(tun: Tun, outer: Outer, records: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            tun,
            outer,
            records,
            wake: sys::eventfd()?,
            stopping: AtomicBool::new(false),
            table: RwLock::new(Table::new()),
            generation: AtomicU64::new(0),
        })
    }

    pub(crate) fn table(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn table_mut(&self) -> RwLockWriteGuard<'_, Table> {
        let table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Relaxed);
        table
    }

    /// While it stays the same, so does what the table answers.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }
}
