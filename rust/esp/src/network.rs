//! Networks, and the way from a destination to the SA pair that carries it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

/// An IPv4 network; host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    base: u32,
    prefix: u8,
}

impl Network {
    /// `None` when the prefix is longer than an address. Host bits are cut off.
    pub fn new(address: Ipv4Addr, prefix: u8) -> Option<Self> {
        (prefix <= 32).then(|| Self { base: address.to_bits() & mask(prefix), prefix })
    }

    pub fn contains(&self, address: Ipv4Addr) -> bool {
        address.to_bits() & mask(self.prefix) == self.base
    }
}

pub(crate) fn any_contains(networks: &[Network], address: Ipv4Addr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

/// Networks by prefix length, longest first; under each, whatever leads there, oldest first.
pub(crate) struct Routes<T>(BTreeMap<Reverse<u8>, HashMap<u32, Vec<T>>>);

impl<T> Routes<T> {
    pub(crate) fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(crate) fn add(&mut self, network: Network, target: T) {
        self.0.entry(Reverse(network.prefix)).or_default().entry(network.base).or_default().push(target);
    }

    pub(crate) fn remove(&mut self, network: Network, leaves: impl Fn(&T) -> bool) {
        let Some(of_length) = self.0.get_mut(&Reverse(network.prefix)) else { return };
        if let Some(targets) = of_length.get_mut(&network.base) {
            targets.retain(|target| !leaves(target));
            if targets.is_empty() {
                of_length.remove(&network.base);
            }
        }
        if of_length.is_empty() {
            self.0.remove(&Reverse(network.prefix));
        }
    }

    /// Longest prefix first, then newest first.
    pub(crate) fn towards(&self, destination: Ipv4Addr) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(move |(Reverse(prefix), of_length)| {
            let base = destination.to_bits() & mask(*prefix);
            of_length.get(&base).into_iter().flat_map(|targets| targets.iter().rev())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network::new(address.parse().unwrap(), prefix.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_ends_of_a_network_are_inside() {
        let inside = |net: &str, address: &str| network(net).contains(address.parse().unwrap());
        assert!(inside("10.99.99.0/24", "10.99.99.0") && inside("10.99.99.0/24", "10.99.99.255"));
        assert!(!inside("10.99.99.0/24", "10.99.98.255") && !inside("10.99.99.0/24", "10.99.100.0"));
        assert!(inside("0.0.0.0/0", "255.255.255.255") && inside("10.0.0.1/32", "10.0.0.1"));
        assert_eq!(network("10.99.99.77/24"), network("10.99.99.0/24"));
        assert!(Network::new(Ipv4Addr::LOCALHOST, 33).is_none());
    }

    #[test]
    fn longest_prefix_then_newest() {
        let mut routes = Routes::new();
        for (net, name) in [("0.0.0.0/0", 'a'), ("10.0.0.0/8", 'b'), ("10.0.0.0/8", 'c'), ("10.1.0.0/16", 'd')] {
            routes.add(network(net), name);
        }
        let towards =
            |routes: &Routes<char>, address: &str| -> String { routes.towards(address.parse().unwrap()).collect() };
        assert_eq!(towards(&routes, "10.1.2.3"), "dcba");
        assert_eq!(towards(&routes, "10.2.2.3"), "cba");
        assert_eq!(towards(&routes, "8.8.8.8"), "a");
        routes.remove(network("10.0.0.0/8"), |name| *name == 'c');
        routes.remove(network("10.1.0.0/16"), |_| true);
        assert_eq!(towards(&routes, "10.1.2.3"), "ba");
    }
}
