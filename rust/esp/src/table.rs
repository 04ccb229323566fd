//! The SA pairs of an engine: by SPI for what comes in, by networks for what goes out.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::child::{Child, Impossible};
use crate::lifetime::Expiry;
use crate::network::Routes;
use crate::Nanos;

/// All installed SA pairs. Cheap to read for every packet, changed only by the control side.
pub struct Table {
    by_id: HashMap<u64, Arc<Child>>,
    by_spi: HashMap<u32, Arc<Child>>,
    routes: Routes<Arc<Child>>,
    /// Pairs whose outgoing traffic another installed pair took over.
    superseded: HashSet<u64>,
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl Table {
    pub fn new() -> Self {
        Self { by_id: HashMap::new(), by_spi: HashMap::new(), routes: Routes::new(), superseded: HashSet::new() }
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
        for network in child.remote_networks() {
            self.routes.add(*network, Arc::clone(&child));
        }
        self.by_spi.insert(child.inbound_spi(), Arc::clone(&child));
        self.by_id.insert(child.id(), child);
        self.supersede();
        Ok(())
    }

    /// Outgoing traffic takes the pair from now on, as if it were the newest. Unknown pairs are ignored.
    pub fn activate(&mut self, id: u64) {
        let Some(child) = self.by_id.get(&id).cloned() else { return };
        child.activate();
        for network in child.remote_networks() {
            self.routes.remove(*network, |other| other.id() == id);
            self.routes.add(*network, Arc::clone(&child));
        }
        self.supersede();
    }

    /// Unknown pairs are ignored.
    pub fn remove(&mut self, id: u64) {
        let Some(child) = self.by_id.remove(&id) else { return };
        self.by_spi.remove(&child.inbound_spi());
        for network in child.remote_networks() {
            self.routes.remove(*network, |other| other.id() == id);
        }
        self.supersede();
    }

    fn supersede(&mut self) {
        let sending = self.by_id.values().filter(|child| child.is_sending());
        self.superseded = sending.filter_map(|child| child.replaces()).collect();
    }

    pub fn get(&self, id: u64) -> Option<&Arc<Child>> {
        self.by_id.get(&id)
    }

    pub fn inbound(&self, spi: u32) -> Option<&Arc<Child>> {
        self.by_spi.get(&spi)
    }

    /// The pair that carries packets from `source` to `destination`: longest prefix, then newest.
    pub fn outbound(&self, source: IpAddr, destination: IpAddr) -> Option<&Arc<Child>> {
        self.routes.towards(destination, |child| child.sends_for(source) && !self.superseded.contains(&child.id()))
    }

    /// Which lifetimes the clock ended.
    pub fn expired(&self, now: Nanos) -> Vec<(u64, Expiry)> {
        self.by_id.values().filter_map(|child| Some((child.id(), child.life().at(now)?))).collect()
    }

    /// When `expired` has something to tell next.
    pub fn deadline(&self) -> Option<Nanos> {
        self.by_id.values().filter_map(|child| child.life().deadline()).min()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::child::tests::{specification, Ends};

    const LEASE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 99, 1));
    const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 12, 7));

    fn child(id: u64, spi: u32, replaces: Option<u64>) -> Child {
        let mut specification = specification(Ends::Gateway);
        specification.id = id;
        specification.inbound.spi = spi;
        specification.replaces = replaces;
        Child::new(specification, 0).unwrap()
    }

    fn outbound(table: &Table) -> Option<u64> {
        table.outbound(INSIDE, LEASE).map(|child| child.id())
    }

    #[test]
    fn ids_and_spis_are_used_once() {
        let mut table = Table::new();
        table.install(child(1, 300, None)).unwrap();
        assert_eq!(table.install(child(1, 301, None)), Err(Impossible::TakenId(1)));
        assert_eq!(table.install(child(2, 300, None)), Err(Impossible::TakenSpi(300)));
        table.remove(1);
        table.remove(1);
        assert!(table.inbound(300).is_none() && outbound(&table).is_none());
        table.install(child(2, 300, None)).unwrap();
    }

    #[test]
    fn a_replaced_pair_still_receives_and_sends_again_when_its_heir_is_gone() {
        let mut table = Table::new();
        table.install(child(2, 302, None)).unwrap();
        assert_eq!(outbound(&table), Some(2));
        table.install(child(3, 303, None)).unwrap();
        table.install(child(4, 304, Some(3))).unwrap();
        assert_eq!(outbound(&table), Some(4));
        assert_eq!(table.inbound(303).unwrap().id(), 3);
        table.install(child(5, 305, None)).unwrap();
        table.remove(5);
        assert_eq!(outbound(&table), Some(4));
        table.remove(4);
        assert_eq!(outbound(&table), Some(3));
    }

    #[test]
    fn a_pair_that_only_receives_takes_no_traffic_until_it_is_activated() {
        let mut table = Table::new();
        table.install(child(1, 301, None)).unwrap();
        let mut specification = specification(Ends::Gateway);
        (specification.id, specification.replaces, specification.sending) = (2, Some(1), false);
        table.install(Child::new(specification, 0).unwrap()).unwrap();
        assert_eq!((outbound(&table), table.inbound(2000).unwrap().id()), (Some(1), 2));
        table.activate(2);
        table.activate(77);
        assert_eq!(outbound(&table), Some(2));
    }

    #[test]
    fn of_two_pairs_for_one_place_the_one_activated_last_sends() {
        let mut table = Table::new();
        table.install(child(1, 301, None)).unwrap();
        table.install(child(2, 302, Some(1))).unwrap();
        table.install(child(3, 303, Some(1))).unwrap();
        assert_eq!(outbound(&table), Some(3));
        table.activate(2);
        assert_eq!(outbound(&table), Some(2));
        table.remove(2);
        assert_eq!(outbound(&table), Some(3));
    }

    #[test]
    fn only_packets_between_its_networks_leave() {
        let mut table = Table::new();
        table.install(child(1, 300, None)).unwrap();
        assert!(table.outbound([172, 16, 0, 1].into(), LEASE).is_none());
        assert!(table.outbound(INSIDE, [10, 99, 99, 2].into()).is_none());
    }
}
