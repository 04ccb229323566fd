//! Two ends of one tunnel, without a network between them.

use zeroize::Zeroizing;

use std::net::Ipv4Addr;

use super::*;
use crate::algorithm::{Cipher, Integrity};
use crate::ipv4::tests::packet;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Ends {
    Client,
    Gateway,
}

const UDP: Encapsulation = Encapsulation::Udp;

fn keys(spi: u32) -> Keys {
    Keys { spi, encryption: Zeroizing::new(vec![spi as u8; 16]), integrity: Zeroizing::new(vec![spi as u8; 20]) }
}

fn at(port: u16) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, 1), port).into()
}

fn from(remote: SocketAddr, now: Nanos) -> Arrival {
    Arrival { via: UDP, remote, class: 0, now }
}

/// Client 10.99.99.1, behind the gateway 10.0.0.0/16.
pub(crate) fn specification(end: Ends) -> Specification {
    let lease = vec![Network::new([10, 99, 99, 1].into(), 32).unwrap()];
    let inside = vec![Network::new([10, 0, 0, 0].into(), 16).unwrap()];
    let (spis, networks) = match end {
        Ends::Client => ((1000, 2000), (lease, inside)),
        Ends::Gateway => ((2000, 1000), (inside, lease)),
    };
    Specification {
        id: 1,
        path: Path { local: Ipv4Addr::LOCALHOST.into(), remote: at(4500) },
        encapsulation: UDP,
        suite: Suite { cipher: Cipher::AesCbc, key_bits: 128, integrity: Some(Integrity::HmacSha1) },
        inbound: keys(spis.0),
        outbound: keys(spis.1),
        local_networks: networks.0,
        remote_networks: networks.1,
        limits: Limits::default(),
        largest_outer: 1500,
        replay_window: 1024,
        replaces: None,
        sending: true,
        iv_seed: [3; 16],
    }
}

fn child(end: Ends, change: impl Fn(&mut Specification)) -> Child {
    let mut specification = specification(end);
    change(&mut specification);
    Child::new(specification, 0).unwrap()
}

fn send(child: &Child, inner: Vec<u8>) -> (Sent, Vec<Vec<u8>>) {
    send_framed(child, inner, &Frame::default())
}

fn send_framed(child: &Child, mut inner: Vec<u8>, frame: &Frame) -> (Sent, Vec<Vec<u8>>) {
    let (mut datagrams, mut out) = (Vec::new(), Outgoing::default());
    let header = Header::parse(&inner).unwrap();
    let mut emit = |batch: &Batch| datagrams.extend(batch.packets().map(<[u8]>::to_vec));
    let sent = child.send(&mut inner, &header, frame, &mut out, &mut emit);
    child.seal(&mut out, &mut emit);
    (sent, datagrams)
}

fn one(child: &Child, inner: Vec<u8>) -> Vec<u8> {
    send(child, inner).1.remove(0)
}

/// From 10.99.99.1 to 10.0.12.7.
fn ping(size: usize) -> Vec<u8> {
    packet(1, 0, &[], &vec![8; size])
}

#[test]
fn what_goes_in_comes_out() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let mut esp = one(&client, ping(100));
    let received = gateway.receiver().receive(&mut esp, &from(at(4500), 77)).unwrap();
    assert_eq!(&esp[received.inner.unwrap()], &ping(100)[..]);
    assert_eq!((received.moved, received.expiry), (None, None));
    let counters = gateway.counters();
    assert_eq!((counters.packets_in, counters.octets_in, counters.last_inbound), (1, 120, Some(77)));
    let counters = client.counters();
    assert_eq!((counters.packets_out, counters.octets_out, counters.last_inbound), (1, 120, None));
}

#[test]
fn refusals_are_counted_by_kind() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let esp = one(&client, ping(10));
    let mut forged = esp.clone();
    forged[30] ^= 1;
    assert_eq!(gateway.receiver().receive(&mut forged, &from(at(9), 1)), Err(Refusal::Forged));
    gateway.receiver().receive(&mut esp.clone(), &from(at(4500), 1)).unwrap();
    assert_eq!(gateway.receiver().receive(&mut esp.clone(), &from(at(9), 1)), Err(Refusal::Replayed));
    let counters = gateway.counters();
    assert_eq!((counters.forged, counters.replayed, counters.misdirected, counters.packets_in), (1, 1, 0, 1));
    assert_eq!(gateway.path().remote, at(4500));
}

#[test]
fn only_its_own_addresses_come_out() {
    let strange: [fn(&mut Vec<u8>); 5] = [
        |inner| inner[15] = 2,
        |inner| inner[17] = 1,
        |inner| inner[0] = 0x65,
        |inner| inner[3] = 200,
        |inner| inner.truncate(12),
    ];
    for change in strange {
        let gateway = child(Ends::Gateway, |_| ());
        let mut inner = ping(50);
        change(&mut inner);
        let sealer = Sealer::new(specification(Ends::Client).suite, &keys(2000), &[0; 16]).unwrap();
        let mut esp = Vec::new();
        sealer.seal(1, &inner, 4, &mut esp);
        let received = gateway.receiver().receive(&mut esp, &from(at(4500), 1)).unwrap();
        assert_eq!((received.inner, gateway.counters().misdirected), (None, 1));
    }
}

#[test]
fn a_dummy_proves_life_and_is_no_fault() {
    let gateway = child(Ends::Gateway, |_| ());
    let sealer = Sealer::new(specification(Ends::Client).suite, &keys(2000), &[0; 16]).unwrap();
    let mut esp = Vec::new();
    sealer.seal(1, b"anything", NEXT_HEADER_NONE, &mut esp);
    assert_eq!(gateway.receiver().receive(&mut esp, &from(at(4500), 5)).unwrap().inner, None);
    assert_eq!(gateway.counters(), Counters { last_inbound: Some(5), ..Counters::default() });
}

#[test]
fn traffic_flow_padding_is_cut_off() {
    let gateway = child(Ends::Gateway, |_| ());
    let sealer = Sealer::new(specification(Ends::Client).suite, &keys(2000), &[0; 16]).unwrap();
    let (mut esp, padded) = (Vec::new(), [ping(20), vec![0; 100]].concat());
    sealer.seal(1, &padded, 4, &mut esp);
    let received = gateway.receiver().receive(&mut esp, &from(at(4500), 1)).unwrap();
    assert_eq!(received.inner.unwrap().len(), 40);
}

#[test]
fn follows_the_newest_packet_only() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let late = one(&client, ping(10));
    let received = gateway.receiver().receive(&mut one(&client, ping(10)), &from(at(5000), 1)).unwrap();
    assert_eq!((received.moved, gateway.path().remote), (Some(at(5000)), at(5000)));
    let received = gateway.receiver().receive(&mut late.clone(), &from(at(4500), 1)).unwrap();
    assert_eq!((received.moved, gateway.path().remote), (None, at(5000)));
}

#[test]
fn the_other_encapsulation_is_not_accepted() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let mut esp = one(&client, ping(10));
    assert_eq!(
        gateway.receiver().receive(&mut esp, &Arrival { via: Encapsulation::None, ..from(at(0), 1) }),
        Err(Refusal::Unwanted)
    );
}

#[test]
fn big_packets_leave_in_pieces_or_not_at_all() {
    let client = child(Ends::Client, |specification| specification.largest_outer = 552);
    let (sent, datagrams) = send(&client, ping(1400));
    assert_eq!((sent, datagrams.len()), (Sent::Carried(None), 4));
    assert!(datagrams.iter().all(|esp| esp.len() + 28 <= 552));
    let must_not = packet(1, 0x4000, &[], &[8; 1400]);
    assert_eq!(send(&client, must_not), (Sent::TooBig, vec![]));
    let fits = packet(1, 0x4000, &[], &vec![8; client.largest_inner() - 20]);
    assert_eq!(send(&client, fits).1.len(), 1);
}

#[test]
fn a_clamped_handshake_fits() {
    let client = child(Ends::Client, |specification| specification.largest_outer = 552);
    let gateway = child(Ends::Gateway, |_| ());
    let mut segment = vec![0; 24];
    segment[12..14].copy_from_slice(&[0x60, 2]);
    segment[20..].copy_from_slice(&[2, 4, 5, 180]);
    let mut esp = one(&client, packet(6, 0x4000, &[], &segment));
    let inner = gateway.receiver().receive(&mut esp, &from(at(4500), 1)).unwrap().inner.unwrap();
    let announced = usize::from(u16::from_be_bytes([esp[inner.start + 42], esp[inner.start + 43]]));
    assert_eq!(announced + 40, client.largest_inner());
}

#[test]
fn volume_ends_both_directions() {
    let limits = Limits { soft_octets: Some(100), hard_octets: Some(200), ..Limits::default() };
    let client = child(Ends::Client, |specification| specification.limits = limits);
    assert_eq!(send(&client, ping(40)).0, Sent::Carried(None));
    assert_eq!(send(&client, ping(40)).0, Sent::Carried(Some(Expiry::Soft)));
    assert_eq!(send(&client, ping(80)).0, Sent::Carried(Some(Expiry::Hard)));
    assert_eq!(send(&client, ping(80)), (Sent::Carried(None), vec![]));
    assert!(!client.sends_for([10, 99, 99, 1].into()));
    let mut esp = vec![0; 100];
    assert_eq!(client.receiver().receive(&mut esp, &from(at(1), 1)), Err(Refusal::Unwanted));
}

#[test]
fn sequence_numbers_start_at_one_and_stop_before_they_repeat() {
    let client = child(Ends::Client, |_| ());
    assert_eq!(one(&client, ping(1))[4..8], [0, 0, 0, 1]);
    client.next_sequence.store(u64::from(u32::MAX), Relaxed);
    let (sent, datagrams) = send(&client, ping(1));
    assert_eq!((sent, &datagrams[0][4..8]), (Sent::Carried(Some(Expiry::Soft)), &[0xff; 4][..]));
    assert_eq!(send(&client, ping(1)), (Sent::Carried(Some(Expiry::Hard)), vec![]));
    assert_eq!(send(&client, ping(1)), (Sent::Carried(None), vec![]));
}

#[test]
fn impossible_pairs_are_named() {
    let refused = |change: fn(&mut Specification)| {
        let mut specification = specification(Ends::Client);
        change(&mut specification);
        Child::new(specification, 0).err().unwrap()
    };
    for spi in [0, 1, 255] {
        let mut specification = specification(Ends::Client);
        specification.inbound.spi = spi;
        assert_eq!(Child::new(specification, 0).err(), Some(Impossible::ReservedSpi(spi)));
    }
    assert_eq!(refused(|it| it.outbound.spi = 0), Impossible::ReservedSpi(0));
    assert_eq!(refused(|it| it.largest_outer = 100), Impossible::NoRoom { outer: 100 });
    assert!(matches!(refused(|it| it.suite.key_bits = 256), Impossible::Keys(BadKeys::Length { .. })));
    assert!(matches!(refused(|it| it.suite.integrity = None), Impossible::Keys(BadKeys::Suite(_))));
}
