//! What an SA pair asks of an engine that cannot carry everything, and what that costs the pair.

use std::sync::atomic::Ordering::Relaxed;

use super::Child;
use crate::congestion;
use crate::fairness::{Demand, Fate};

/// For each direction.
#[derive(Default)]
pub(super) struct Demands {
    inbound: Demand,
    outbound: Demand,
}

impl Child {
    /// What the pair asks of the sockets outside.
    pub fn inbound_demand(&self) -> &Demand {
        &self.demands.inbound
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
