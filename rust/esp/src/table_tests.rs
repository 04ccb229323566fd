//! Which pair carries what, while pairs come and go.

use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;
use crate::child::tests::{specification, Ends};
use crate::lifetime::Limits;

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
fn where_pairs_lead_is_known_of_few_pairs_only() {
    let mut table = Table::new();
    let first = child(1, 301, None);
    let remote = first.path().remote.ip();
    table.install(first).unwrap();
    assert!(table.leads_to(remote) && !table.leads_to([198, 51, 100, 99].into()));
    for id in 2..=17 {
        table.install(child(id, 300 + id as u32, None)).unwrap();
    }
    assert!(!table.leads_to(remote));
}

#[test]
fn only_packets_between_its_networks_leave() {
    let mut table = Table::new();
    table.install(child(1, 300, None)).unwrap();
    assert!(table.outbound([172, 16, 0, 1].into(), LEASE).is_none());
    assert!(table.outbound(INSIDE, [10, 99, 99, 2].into()).is_none());
}

/// What may happen to the pairs, with small numbers so that they meet.
#[derive(Clone, Debug)]
enum Step {
    Install { id: u64, replaces: Option<u64>, sending: bool, remote: Vec<Network>, local: Vec<Network>, limits: Limits },
    Activate(u64),
    Remove(u64),
    End(u64),
    Clock(Nanos),
}

fn networks(most: usize) -> impl Strategy<Value = Vec<Network>> {
    let network = (0u8..4, prop::sample::select(vec![0, 8, 30, 31, 32]))
        .prop_map(|(host, prefix)| Network::new([10, 0, 0, host].into(), prefix).unwrap());
    prop::collection::vec(network, 0..=most)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = || 1u64..7;
    let limits = (prop::option::of(1u64..50), prop::option::of(1u64..50)).prop_map(|(soft_after, hard_after)| Limits {
        soft_after,
        hard_after,
        hard_octets: Some(1000),
        ..Limits::default()
    });
    let install = (id(), prop::option::of(id()), any::<bool>(), networks(3), networks(2), limits).prop_map(
        |(id, replaces, sending, remote, local, limits)| Step::Install { id, replaces, sending, remote, local, limits },
    );
    let step = prop_oneof![
        4 => install,
        1 => id().prop_map(Step::Activate),
        2 => id().prop_map(Step::Remove),
        1 => id().prop_map(Step::End),
        1 => (1u64..20).prop_map(Step::Clock),
    ];
    prop::collection::vec(step, 1..40)
}

/// The simple way: all pairs, oldest first, looked at one by one.
#[derive(Default)]
struct Simple(Vec<Pair>);

struct Pair {
    id: u64,
    replaces: Option<u64>,
    sending: bool,
    over: bool,
    remote: Vec<Network>,
    local: Vec<Network>,
    soft: Option<Nanos>,
    hard: Option<Nanos>,
}

impl Simple {
    fn outbound(&self, source: IpAddr, destination: IpAddr) -> Option<u64> {
        let superseded = |id| self.0.iter().any(|heir| heir.sending && heir.replaces == Some(id));
        let serves =
            |pair: &&Pair| pair.sending && !pair.over && !superseded(pair.id) && any_contains(&pair.local, source);
        let longest = |pair: &Pair| pair.remote.iter().filter(|it| it.contains(destination)).map(Network::prefix).max();
        let candidates = self.0.iter().filter(serves).filter_map(|pair| Some((longest(pair)?, pair.id)));
        candidates.max_by_key(|(prefix, _)| *prefix).map(|(_, id)| id) // the last of several: the newest
    }

    fn activate(&mut self, id: u64) {
        if let Some(at) = self.0.iter().position(|pair| pair.id == id) {
            let pair = self.0.remove(at);
            self.0.push(Pair { sending: true, ..pair });
        }
    }

    fn expired(&mut self, now: Nanos) -> Vec<(u64, Expiry)> {
        let reached = |end: &mut Option<Nanos>| end.take_if(|end| *end <= now).is_some();
        let told = self.0.iter_mut().filter_map(|pair| {
            let (was_over, soft, hard) = (pair.over, reached(&mut pair.soft), reached(&mut pair.hard));
            pair.over |= hard;
            let which = if hard { Expiry::Hard } else { Expiry::Soft };
            (!was_over && (soft || hard)).then_some((pair.id, which))
        });
        told.collect()
    }
}

fn apply(step: Step, now: &mut Nanos, table: &mut Table, simple: &mut Simple) {
    match step {
        Step::Install { id, replaces, sending, remote, local, limits } => {
            let mut wanted = specification(Ends::Gateway);
            (wanted.id, wanted.inbound.spi, wanted.replaces, wanted.sending) = (id, 300 + id as u32, replaces, sending);
            (wanted.remote_networks, wanted.local_networks, wanted.limits) = (remote.clone(), local.clone(), limits);
            if table.install(Child::new(wanted, *now).unwrap()).is_ok() {
                let end = |after: Option<Nanos>| after.map(|after| *now + after);
                let (soft, hard) = (end(limits.soft_after), end(limits.hard_after));
                simple.0.push(Pair { id, replaces, sending, over: false, remote, local, soft, hard });
            }
        }
        Step::Activate(id) => {
            table.activate(id);
            simple.activate(id);
        }
        Step::Remove(id) => {
            table.remove(id);
            simple.0.retain(|pair| pair.id != id);
        }
        Step::End(id) => {
            table.get(id).map(|child| child.life().spent(1000));
            table.retire(id);
            simple.0.iter_mut().filter(|pair| pair.id == id).for_each(|pair| pair.over = true);
        }
        Step::Clock(passed) => *now += passed,
    }
}

proptest! {
    /// Every change and every lookup gives what looking at all pairs one by one would give.
    #[test]
    fn the_table_is_as_good_as_looking_at_every_pair(steps in steps()) {
        let (mut table, mut simple, mut now) = (Table::new(), Simple::default(), 100);
        for step in steps {
            apply(step, &mut now, &mut table, &mut simple);
            for (source, destination) in (0..5).flat_map(|source| (0..5).map(move |destination| (source, destination))) {
                let [source, destination] = [source, destination].map(|host| IpAddr::from([10, 0, 0, host]));
                let found = table.outbound(source, destination).map(|child| child.id());
                prop_assert_eq!(found, simple.outbound(source, destination));
            }
            let next = simple.0.iter().filter(|pair| !pair.over).flat_map(|pair| [pair.soft, pair.hard]).flatten().min();
            prop_assert!(next.is_none_or(|next| table.deadline().is_some_and(|deadline| deadline <= next)));
            let (mut told, mut wanted) = (table.expired(now), simple.expired(now));
            told.sort_by_key(|(id, _)| *id);
            wanted.sort_by_key(|(id, _)| *id);
            prop_assert_eq!(told, wanted);
            prop_assert!(table.deadline().is_none_or(|deadline| deadline > now));
            prop_assert_eq!(table.inbound(303).map(|child| child.id()), simple.0.iter().find(|pair| pair.id == 3).map(|pair| pair.id));
        }
        for pair in std::mem::take(&mut simple.0) {
            table.remove(pair.id);
        }
        prop_assert!(table.heirs.is_empty() && table.ends.is_empty() && table.by_spi.is_empty());
    }
}
