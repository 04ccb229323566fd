//! What an SA pair asks of an engine that cannot carry everything, and what that costs the pair.

use std::sync::atomic::Ordering::Relaxed;

use super::{Arrival, Child};
use crate::congestion;
use crate::fairness::{Demand, Fairness, Fate};
use crate::size::Encapsulation;

/// For each direction.
#[derive(Default)]
pub(super) struct Demands {
    inbound: Demand,
    outbound: Demand,
}

impl Child {
    /// What becomes of packets with the pair's SPI, before they are opened: whoever knows an SPI can send some from
    /// anywhere.
    pub fn judge_inbound(&self, fairness: &mut Fairness, arrival: &Arrival, packets: usize, octets: usize) -> Fate {
        if self.is_from_peer(arrival) {
            fairness.judge(&self.demands.inbound, packets, octets)
        } else {
            fairness.judge_strangers(packets, octets)
        }
    }

    /// Of those that passed so much proved nothing.
    pub fn unproved(&self, fairness: &mut Fairness, arrival: &Arrival, packets: usize, octets: usize) {
        if packets > 0 && self.is_from_peer(arrival) {
            fairness.unproved(&self.demands.inbound, packets, octets);
        }
    }

    pub(super) fn is_from_peer(&self, arrival: &Arrival) -> bool {
        let path = self.path();
        match path.encapsulation {
            Encapsulation::Udp => path.remote == arrival.remote,
            Encapsulation::None => path.remote.ip() == arrival.remote.ip(),
        }
    }

    /// What it asks of the device inside.
    pub fn outbound_demand(&self) -> &Demand {
        &self.demands.outbound
    }

    /// Whether a packet on its way out, of which others may be cut so that there are `packets`, has a future after its
    /// `fate`. It is marked if it must be; counts what is lost.
    pub fn outlives(&self, fate: Fate, packet: &mut [u8], packets: usize) -> bool {
        let lost = match fate {
            Fate::Pass => false,
            Fate::Slow => !congestion::slow_down(packet),
            Fate::Drop => true,
        };
        if lost {
            self.count_shed(packets);
        }
        !lost
    }

    /// So many packets were dropped before they were opened, or sealed.
    pub fn count_shed(&self, packets: usize) {
        self.tally.shed.fetch_add(packets as u64, Relaxed);
    }
}
