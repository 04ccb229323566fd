//! Networks, and the way from a destination to the SA pair that carries it.

use std::collections::hash_map::{Entry, HashMap};
use std::hash::Hash;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ip::Version;
use crate::mixing::Mixing;

/// An IP network; host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Network {
    /// `None` when the prefix is longer than an address. Host bits are cut off.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let base: IpAddr = match address {
            IpAddr::V4(address) if prefix <= 32 => Ipv4Addr::from_bits(address.to_bits().cut(prefix)).into(),
            IpAddr::V6(address) if prefix <= 128 => Ipv6Addr::from_bits(address.to_bits().cut(prefix)).into(),
            _ => return None,
        };
        Some(Self { base, prefix })
    }

    pub fn version(&self) -> Version {
        Version::of(self.base)
    }

    #[cfg(test)]
    pub(crate) fn prefix(&self) -> u8 {
        self.prefix
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => address.to_bits().cut(self.prefix) == base.to_bits(),
            (IpAddr::V6(base), IpAddr::V6(address)) => address.to_bits().cut(self.prefix) == base.to_bits(),
            _ => false,
        }
    }
}

pub(crate) fn any_contains(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// An address as a number.
trait Bits: Copy + Eq + Hash {
    /// The first `prefix` bits, the others zero.
    fn cut(self, prefix: u8) -> Self;
}

impl Bits for u32 {
    fn cut(self, prefix: u8) -> Self {
        self & u32::MAX.checked_shl(u32::BITS - u32::from(prefix)).unwrap_or(0)
    }
}

impl Bits for u128 {
    fn cut(self, prefix: u8) -> Self {
        self & u128::MAX.checked_shl(u128::BITS - u32::from(prefix)).unwrap_or(0)
    }
}

/// Networks of both versions; under each, whatever leads there.
pub(crate) struct Routes<T> {
    v4: Prefixes<u32, T>,
    v6: Prefixes<u128, T>,
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { v4: Prefixes(Vec::new()), v6: Prefixes(Vec::new()) }
    }
}

impl<T> Routes<T> {
    pub(crate) fn add(&mut self, network: Network, target: T) {
        match network.base {
            IpAddr::V4(base) => self.v4.add(base.to_bits(), network.prefix, target),
            IpAddr::V6(base) => self.v6.add(base.to_bits(), network.prefix, target),
        }
    }

    pub(crate) fn remove(&mut self, network: Network, leaves: impl Fn(&T) -> bool) {
        match network.base {
            IpAddr::V4(base) => self.v4.remove(base.to_bits(), network.prefix, leaves),
            IpAddr::V6(base) => self.v6.remove(base.to_bits(), network.prefix, leaves),
        }
    }

    /// What leads to exactly this network, newest first.
    pub(crate) fn under(&mut self, network: Network) -> impl Iterator<Item = &mut T> {
        let targets = match network.base {
            IpAddr::V4(base) => self.v4.under(base.to_bits(), network.prefix),
            IpAddr::V6(base) => self.v6.under(base.to_bits(), network.prefix),
        };
        targets.into_iter().flat_map(Targets::iter_mut)
    }

    /// The first that `serves`: longest prefix first, then newest first.
    pub(crate) fn towards(&self, destination: IpAddr, serves: impl Fn(&T) -> bool) -> Option<&T> {
        match destination {
            IpAddr::V4(address) => self.v4.towards(address.to_bits()).find(|target| serves(target)),
            IpAddr::V6(address) => self.v6.towards(address.to_bits()).find(|target| serves(target)),
        }
    }
}

/// Networks of one version by prefix length, longest first: there are few lengths, and most networks are single hosts.
struct Prefixes<B, T>(Vec<(u8, Bases<B, T>)>);

/// Networks of one length, by their first address.
type Bases<B, T> = HashMap<B, Targets<T>, Mixing>;

/// The newest lies in the map itself: where there is no other, a lookup ends there.
struct Targets<T> {
    newest: T,
    /// Oldest first.
    older: Vec<T>,
}

impl<B: Bits, T> Prefixes<B, T> {
    fn add(&mut self, base: B, prefix: u8, target: T) {
        let place = self.0.partition_point(|(other, _)| *other > prefix);
        if self.0.get(place).is_none_or(|(other, _)| *other != prefix) {
            self.0.insert(place, (prefix, HashMap::default()));
        }
        match self.0[place].1.entry(base) {
            Entry::Occupied(mut taken) => taken.get_mut().add(target),
            Entry::Vacant(free) => drop(free.insert(Targets { newest: target, older: Vec::new() })),
        }
    }

    fn remove(&mut self, base: B, prefix: u8, leaves: impl Fn(&T) -> bool) {
        let Some(place) = self.0.iter().position(|(other, _)| *other == prefix) else { return };
        let of_length = &mut self.0[place].1;
        if let Some(targets) = of_length.remove(&base).and_then(|targets| targets.without(leaves)) {
            of_length.insert(base, targets);
        }
        if of_length.is_empty() {
            self.0.remove(place);
        }
    }

    fn under(&mut self, base: B, prefix: u8) -> Option<&mut Targets<T>> {
        self.0.iter_mut().find(|(other, _)| *other == prefix)?.1.get_mut(&base)
    }

    fn towards(&self, destination: B) -> impl Iterator<Item = &T> {
        self.0
            .iter()
            .filter_map(move |(prefix, of_length)| of_length.get(&destination.cut(*prefix)))
            .flat_map(Targets::iter)
    }
}

impl<T> Targets<T> {
    fn add(&mut self, target: T) {
        self.older.push(mem::replace(&mut self.newest, target));
    }

    /// `None` when nothing is left.
    fn without(mut self, leaves: impl Fn(&T) -> bool) -> Option<Self> {
        self.older.retain(|target| !leaves(target));
        if leaves(&self.newest) {
            self.newest = self.older.pop()?;
        }
        Some(self)
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.newest).chain(self.older.iter().rev())
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        std::iter::once(&mut self.newest).chain(self.older.iter_mut().rev())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

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
        assert!(Network::new(Ipv4Addr::LOCALHOST.into(), 33).is_none());
    }

    #[test]
    fn versions_do_not_meet() {
        let inside = |net: &str, address: &str| network(net).contains(address.parse().unwrap());
        assert!(inside("fd00:99::/32", "fd00:99:ffff::1") && !inside("fd00:99::/32", "fd00:9a::"));
        assert!(inside("::/0", "fe80::1") && inside("fd00::1/128", "fd00::1") && !inside("fd00::1/128", "fd00::2"));
        assert_eq!(network("fd00::ffff/112"), network("fd00::/112"));
        assert!(Network::new(Ipv6Addr::LOCALHOST.into(), 129).is_none());
        assert!(!inside("::/0", "10.0.0.1") && !inside("0.0.0.0/0", "::") && !inside("::/96", "0.0.0.1"));
    }

    #[test]
    fn longest_prefix_then_newest() {
        let mut routes = Routes::default();
        for (net, name) in [("0.0.0.0/0", 'a'), ("10.0.0.0/8", 'b'), ("10.0.0.0/8", 'c'), ("10.1.0.0/16", 'd')] {
            routes.add(network(net), name);
        }
        routes.add(network("::/0"), 'x');
        routes.add(network("fd00::/8"), 'y');
        let towards = |routes: &Routes<char>, address: &str| {
            let asked = RefCell::new(String::new());
            routes.towards(address.parse().unwrap(), |name| {
                asked.borrow_mut().push(*name);
                false
            });
            asked.into_inner()
        };
        assert_eq!(towards(&routes, "10.1.2.3"), "dcba");
        assert_eq!(towards(&routes, "10.2.2.3"), "cba");
        assert_eq!(towards(&routes, "8.8.8.8"), "a");
        assert_eq!((towards(&routes, "fd00::7"), towards(&routes, "::1")), ("yx".into(), "x".into()));
        assert_eq!(routes.towards("10.1.2.3".parse().unwrap(), |name| *name < 'd'), Some(&'c'));
        routes.under(network("10.0.0.0/8")).filter(|name| **name == 'b').for_each(|name| *name = 'B');
        assert_eq!((towards(&routes, "10.2.2.3"), routes.under(network("10.2.0.0/16")).count()), ("cBa".into(), 0));
        routes.remove(network("10.0.0.0/8"), |name| *name == 'c');
        routes.remove(network("10.1.0.0/16"), |_| true);
        assert_eq!(towards(&routes, "10.1.2.3"), "Ba");
        assert_eq!(routes.towards("10.1.2.3".parse().unwrap(), |_| true), Some(&'B'));
    }
}
