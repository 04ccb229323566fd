//! The SA pairs of an engine: by SPI for what comes in, by networks for what goes out.
//!
//! A change costs as much as the pair has networks, however many pairs there are; a lookup touches as little memory as it
//! can, which among thousands of pairs is what it costs.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::child::{Child, Impossible};
use crate::lifetime::Expiry;
use crate::mixing::Mixing;
use crate::network::{any_contains, Network, Routes};
use crate::Nanos;

/// Pairs that are looked through one by one.
const FEW: usize = 16;

/// All installed SA pairs. Cheap to read for every packet, changed only by the control side.
#[derive(Default)]
pub struct Table {
    by_id: HashMap<u64, Arc<Child>>,
    by_spi: HashMap<u32, Arc<Child>, Mixing>,
    routes: Routes<Way>,
    /// How many installed pairs took over the outgoing traffic of a pair, which need not be installed.
    heirs: HashMap<u64, usize>,
    /// When the lifetimes of pairs end, as far as `expired` did not tell yet.
    ends: BTreeSet<(Nanos, u64)>,
}

/// A pair beside one of its remote networks, with copies of what decides whether a packet goes there.
struct Way {
    child: Arc<Child>,
    /// The first of its local networks; `several`: there are more.
    source: Option<Network>,
    several: bool,
    /// The pair sends, no other took its traffic over, and its life is not over.
    open: bool,
}

impl Way {
    fn new(child: &Arc<Child>, open: bool) -> Self {
        let (source, several) = (child.local_networks().first().copied(), child.local_networks().len() > 1);
        Self { child: Arc::clone(child), source, several, open }
    }

    fn carries(&self, source: IpAddr) -> bool {
        let first = self.source.is_some_and(|network| network.contains(source));
        let belongs = first || (self.several && any_contains(self.child.local_networks(), source));
        self.open && belongs
    }
}

impl Table {
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on packets with the pair's SPI open, and packets to its networks leave by it.
    pub fn install(&mut self, child: Child) -> Result<(), Impossible> {
        if self.by_id.contains_key(&child.id()) {
            return Err(Impossible::TakenId(child.id()));
        }
        if self.by_spi.contains_key(&child.inbound_spi()) {
            return Err(Impossible::TakenSpi(child.inbound_spi()));
        }
        let child = Arc::new(child);
        self.by_spi.insert(child.inbound_spi(), Arc::clone(&child));
        self.by_id.insert(child.id(), Arc::clone(&child));
        self.ends.extend(child.life().ends().map(|end| (end, child.id())));
        self.lead_to(&child);
        if child.is_sending() {
            self.take_over(&child);
        }
        Ok(())
    }

    /// Outgoing traffic takes the pair from now on, as if it were the newest. Unknown pairs are ignored.
    pub fn activate(&mut self, id: u64) {
        let Some(child) = self.by_id.get(&id).cloned() else { return };
        let before = child.is_sending();
        child.activate();
        self.lead_nowhere(&child);
        self.lead_to(&child);
        if !before {
            self.take_over(&child);
        }
    }

    /// Unknown pairs are ignored.
    pub fn remove(&mut self, id: u64) {
        let Some(child) = self.by_id.remove(&id) else { return };
        self.by_spi.remove(&child.inbound_spi());
        for end in child.life().ends() {
            self.ends.remove(&(end, id));
        }
        self.lead_nowhere(&child);
        if child.is_sending() {
            self.give_back(&child);
        }
    }

    /// The pair's life was over before its time, by volume or by its last number: another one may carry its packets.
    /// Unknown pairs are ignored.
    pub fn retire(&mut self, id: u64) {
        self.reconsider(id);
    }

    fn lead_to(&mut self, child: &Arc<Child>) {
        let open = self.is_open(child);
        for network in child.remote_networks() {
            self.routes.add(*network, Way::new(child, open));
        }
    }

    fn lead_nowhere(&mut self, child: &Child) {
        for network in child.remote_networks() {
            self.routes.remove(*network, |way| way.child.id() == child.id());
        }
    }

    fn take_over(&mut self, heir: &Child) {
        let Some(id) = heir.replaces() else { return };
        *self.heirs.entry(id).or_default() += 1;
        self.reconsider(id);
    }

    fn give_back(&mut self, heir: &Child) {
        let Some((id, heirs)) = heir.replaces().and_then(|id| Some((id, self.heirs.get_mut(&id)?))) else { return };
        *heirs -= 1;
        if *heirs == 0 {
            self.heirs.remove(&id);
            self.reconsider(id);
        }
    }

    /// The ways of a pair, after its heirs came or went, or its life was over.
    fn reconsider(&mut self, id: u64) {
        let Some(child) = self.by_id.get(&id).cloned() else { return };
        let open = self.is_open(&child);
        for network in child.remote_networks() {
            self.routes.under(*network).filter(|way| way.child.id() == id).for_each(|way| way.open = open);
        }
    }

    fn is_open(&self, child: &Child) -> bool {
        child.is_sending() && !child.life().is_over() && !self.heirs.contains_key(&child.id())
    }

    pub fn get(&self, id: u64) -> Option<&Arc<Child>> {
        self.by_id.get(&id)
    }

    pub fn inbound(&self, spi: u32) -> Option<&Arc<Child>> {
        self.by_spi.get(&spi)
    }

    /// The pair that carries packets from `source` to `destination`: longest prefix, then newest. Does not touch the pair
    /// itself: whoever learns that its life is over calls `retire`.
    pub fn outbound(&self, source: IpAddr, destination: IpAddr) -> Option<&Arc<Child>> {
        Some(&self.routes.towards(destination, |way| way.carries(source))?.child)
    }

    /// Whether a pair leads to this address outside. A table of many pairs is not searched, and says no: who forges packets
    /// pays for none of that. Clients have few.
    pub fn leads_to(&self, remote: IpAddr) -> bool {
        self.by_id.len() <= FEW && self.by_id.values().any(|child| child.path().remote.ip() == remote)
    }

    /// Which lifetimes the clock ended; each is told once.
    pub fn expired(&mut self, now: Nanos) -> Vec<(u64, Expiry)> {
        let mut expired = Vec::new();
        while let Some((_, id)) = self.ends.first().copied().filter(|(end, _)| *end <= now) {
            self.ends.pop_first();
            let Some(expiry) = self.by_id.get(&id).and_then(|child| child.life().at(now)) else { continue };
            expired.push((id, expiry));
            self.reconsider(id);
        }
        expired
    }

    /// `expired` has nothing to tell before.
    pub fn deadline(&self) -> Option<Nanos> {
        self.ends.first().map(|(end, _)| *end)
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
