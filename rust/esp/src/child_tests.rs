//! Two ends of one tunnel, without a network between them.

use zeroize::Zeroizing;

use std::net::Ipv4Addr;
use std::ops::Range;

use super::*;
use crate::algorithm::{Cipher, Integrity};
use crate::batch::Batch;
use crate::fairness::Fate;
use crate::ip::Header;
use crate::ipcomp::{self, Spare};
use crate::ipcomp::{Deflater, Inflater};
use crate::ipv4::tests::packet;
use crate::ipv6;
use crate::lifetime::Expiry;
use crate::open::Refusal;
use crate::vnet::Frame;
use crate::NEXT_HEADER_NONE;

#[path = "child/elsewhere_tests.rs"]
mod elsewhere;
#[path = "child/esn_tests.rs"]
mod esn;
#[path = "child/moves_tests.rs"]
mod moves;
#[path = "child/versions_tests.rs"]
mod versions;

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
    Arrival { via: UDP, remote, class: 0, congested: false, now }
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
        path: Path { local: Ipv4Addr::LOCALHOST.into(), remote: at(4500), encapsulation: UDP },
        suite: Suite { cipher: Cipher::AesCbc, key_bits: 128, integrity: Some(Integrity::HmacSha1) },
        inbound: keys(spis.0),
        outbound: keys(spis.1),
        local_networks: networks.0,
        remote_networks: networks.1,
        limits: Limits::default(),
        largest_outer: 1500,
        compression: None,
        replay_window: 1024,
        esn: false,
        replaces: None,
        sending: true,
        rate: None,
        inform: None,
        iv_seed: [3; 16],
    }
}

fn receive(child: &Child, packet: &mut [u8], arrival: &Arrival) -> Result<Received, Refusal> {
    child.receiver().receive(packet, arrival)
}

fn here(received: Received) -> Range<usize> {
    match received.inner {
        Some(Inner::Packet(place)) => place,
        other => panic!("{other:?}"),
    }
}

/// The same client with an IPv6 address, the same gateway with an IPv6 network behind it.
pub(crate) fn specification6(end: Ends) -> Specification {
    let lease = vec![Network::new(ipv6::tests::LEASE.into(), 128).unwrap()];
    let inside = vec![Network::new(ipv6::tests::INSIDE.into(), 64).unwrap()];
    let (spis, local_networks, remote_networks) = match end {
        Ends::Client => ((1001, 2001), lease, inside),
        Ends::Gateway => ((2001, 1001), inside, lease),
    };
    let (inbound, outbound) = (keys(spis.0), keys(spis.1));
    Specification { id: 2, inbound, outbound, local_networks, remote_networks, ..specification(end) }
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
    let received = receive(&gateway, &mut esp, &from(at(4500), 77)).unwrap();
    assert_eq!((received.moved, received.expiry), (None, None));
    assert_eq!(&esp[here(received)], &ping(100)[..]);
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
    assert_eq!(receive(&gateway, &mut forged, &from(at(9), 1)), Err(Refusal::Forged));
    receive(&gateway, &mut esp.clone(), &from(at(4500), 1)).unwrap();
    assert_eq!(receive(&gateway, &mut esp.clone(), &from(at(9), 1)), Err(Refusal::Replayed));
    let counters = gateway.counters();
    assert_eq!((counters.forged, counters.replayed, counters.misdirected, counters.packets_in), (1, 1, 0, 1));
    assert_eq!(gateway.path().remote, at(4500));
}

#[test]
fn what_never_came_is_counted_by_the_gaps() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let mut esp: Vec<_> = (0..5).map(|_| one(&client, ping(10))).collect();
    for place in [0, 4, 2] {
        receive(&gateway, &mut esp[place].clone(), &from(at(4500), 1)).unwrap();
    }
    assert_eq!(gateway.counters().lost, 2);
    let mut forged = one(&client, ping(10));
    forged[30] ^= 1;
    assert_eq!(receive(&gateway, &mut forged, &from(at(4500), 1)), Err(Refusal::Forged));
    assert_eq!(receive(&gateway, &mut esp[2], &from(at(4500), 1)), Err(Refusal::Replayed));
    assert_eq!(gateway.counters().lost, 2);
    receive(&gateway, &mut esp[1], &from(at(4500), 1)).unwrap();
    assert_eq!((gateway.counters().lost, client.counters().lost), (1, 0));
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
        let sealer = Sealer::new(specification(Ends::Client).suite, &keys(2000), &[0; 16], false).unwrap();
        let mut esp = Vec::new();
        sealer.seal(1, &inner, 4, &mut esp);
        let received = receive(&gateway, &mut esp, &from(at(4500), 1)).unwrap();
        assert_eq!((received.inner, gateway.counters().misdirected), (None, 1));
    }
}

#[test]
fn a_dummy_proves_life_and_is_no_fault() {
    let gateway = child(Ends::Gateway, |_| ());
    let sealer = Sealer::new(specification(Ends::Client).suite, &keys(2000), &[0; 16], false).unwrap();
    let mut esp = Vec::new();
    sealer.seal(1, b"anything", NEXT_HEADER_NONE, &mut esp);
    assert_eq!(receive(&gateway, &mut esp, &from(at(4500), 5)).unwrap().inner, None);
    assert_eq!(gateway.counters(), Counters { last_inbound: Some(5), ..Counters::default() });
}

#[test]
fn traffic_flow_padding_is_cut_off() {
    let gateway = child(Ends::Gateway, |_| ());
    let sealer = Sealer::new(specification(Ends::Client).suite, &keys(2000), &[0; 16], false).unwrap();
    let (mut esp, padded) = (Vec::new(), [ping(20), vec![0; 100]].concat());
    sealer.seal(1, &padded, 4, &mut esp);
    let received = receive(&gateway, &mut esp, &from(at(4500), 1)).unwrap();
    assert_eq!(here(received).len(), 40);
}

#[test]
fn the_other_encapsulation_is_not_accepted() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let mut esp = one(&client, ping(10));
    assert_eq!(
        receive(&gateway, &mut esp, &Arrival { via: Encapsulation::None, ..from(at(0), 1) }),
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
    let inner = receive(&gateway, &mut esp, &from(at(4500), 1)).map(here).unwrap();
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
    assert!(client.life().is_over());
    let mut esp = vec![0; 100];
    assert_eq!(receive(&client, &mut esp, &from(at(1), 1)), Err(Refusal::Unwanted));
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

/// A TCP packet that the device wants cut into pieces of 100 octets.
fn large(payload: usize) -> (Vec<u8>, Frame) {
    let mut segment = vec![0; 20];
    segment[12] = 5 << 4;
    segment.resize(20 + payload, 7);
    let frame = Frame { segmentation: crate::vnet::Segmentation::Tcp(Version::V4), segment: 100, ..Frame::default() };
    (packet(6, 0, &[], &segment), frame)
}

#[test]
fn a_volume_that_ends_within_a_large_packet_ends_there() {
    let limits = Limits { hard_octets: Some(500), ..Limits::default() };
    let client = child(Ends::Client, |specification| specification.limits = limits);
    let (packet, frame) = large(10_000);
    let (sent, datagrams) = send_framed(&client, packet, &frame);
    assert_eq!((sent, datagrams.len()), (Sent::Carried(Some(Expiry::Hard)), 4));
}

#[test]
fn a_rate_holds_each_way_and_what_it_costs_is_counted() {
    let limited = |end| child(end, |specification| specification.rate = Some(1_000_000));
    let (client, free) = (limited(Ends::Client), child(Ends::Client, |_| ()));
    let (packet, frame) = large(50_000);
    client.set_time(1);
    let (mut passed, mut offered) = (0, 0);
    for _ in 0..10 {
        passed += send_framed(&client, packet.clone(), &frame).1.len() as u64;
        offered += 500;
    }
    assert_eq!((client.counters().packets_out, client.counters().limited), (passed, offered - passed));
    assert_eq!(passed * 140, 131_014 / 140 * 140);
    client.set_time(1_000_000_001);
    assert_eq!(send(&client, ping(100)).1.len(), 1);

    let gateway = limited(Ends::Gateway);
    let (mut entered, mut offered) = (0, 0);
    for _ in 0..10 {
        for mut esp in send_framed(&free, packet.clone(), &frame).1 {
            let received = gateway.receiver().receive(&mut esp, &from(at(4500), 1)).unwrap();
            entered += u64::from(received.inner.is_some());
            offered += 1;
        }
    }
    assert_eq!((entered, gateway.counters().limited), (passed, offered - entered));
}

#[test]
fn who_knows_marks_is_told_before_anything_is_lost() {
    let client = child(Ends::Client, |specification| specification.rate = Some(1_000_000));
    let gateway = child(Ends::Gateway, |_| ());
    client.set_time(1);
    let (mut packet, frame) = large(50_000);
    packet[1] = 2;
    let mut marks = Vec::new();
    for _ in 0..2 {
        for mut esp in send_framed(&client, packet.clone(), &frame).1 {
            let inner = gateway.receiver().receive(&mut esp, &from(at(4500), 1)).unwrap().inner.unwrap();
            let Inner::Packet(inner) = inner else { panic!("it was not compressed") };
            assert_eq!(crate::checksum::checksum(&esp[inner.start..inner.start + 20]), 0);
            marks.push(esp[inner.start + 1] & 3);
        }
    }
    let first = marks.iter().position(|mark| *mark == 3).unwrap();
    assert!(marks[..first].iter().all(|mark| *mark == 2) && marks[first..].iter().all(|mark| *mark == 3));
    assert!((460..480).contains(&first) && client.counters().limited > 0);
}

#[test]
fn overload_marks_what_knows_marks_and_counts_what_it_costs() {
    let client = child(Ends::Client, |_| ());
    let (mut able, mut unable) = (ping(100), ping(100));
    able[1] = 2;
    assert!(client.outlives(Fate::Pass, &mut unable, 1) && client.outlives(Fate::Slow, &mut able, 1));
    assert_eq!((able[1], unable[1]), (3, 0));
    assert!(!client.outlives(Fate::Slow, &mut unable, 1) && !client.outlives(Fate::Drop, &mut able, 45));
    assert_eq!(client.counters().shed, 46);

    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let congested = Arrival { congested: true, ..from(at(4500), 1) };
    let mut able = ping(100);
    able[1] = 1;
    let mut esp = one(&client, able);
    let inner = receive(&gateway, &mut esp, &congested).map(here).unwrap();
    assert_eq!(esp[inner.start + 1], 3);
    assert_eq!(receive(&gateway, &mut one(&client, ping(100)), &congested).unwrap().inner, None);
    assert_eq!((gateway.counters().packets_in, gateway.counters().shed), (1, 1));
}

#[test]
fn ipv6_of_the_size_that_every_link_carries_leaves_whole() {
    let mut specification = specification6(Ends::Client);
    specification.largest_outer = 552;
    let client = Child::new(specification, 0).unwrap();
    let whole = |size: usize| ipv6::tests::packet(17, &[], &vec![1; size - 40]);
    let (sent, datagrams) = send(&client, whole(1280));
    assert_eq!((sent, datagrams.len(), client.largest_whole(Version::V6)), (Sent::Carried(None), 1, 1280));
    assert!(datagrams[0].len() > 1280 && client.largest_inner() < 552);
    assert_eq!(send(&client, whole(1281)), (Sent::TooBig, vec![]));
}

#[test]
fn the_path_decides_the_size() {
    let client = child(Ends::Client, |_| ());
    let before = client.largest_inner();
    let (local, remote) = (ipv6::tests::LEASE.into(), (ipv6::tests::INSIDE, 4500).into());
    client.set_path(Path { local, remote, encapsulation: UDP });
    assert_eq!(before - client.largest_inner(), 16); // 20 octets, in whole blocks
    client.set_path(specification(Ends::Client).path);
    assert_eq!(client.largest_inner(), before);
}

#[test]
fn no_packet_moves_the_path_to_the_other_version() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let remote = (ipv6::tests::LEASE, 4500).into();
    let received = receive(&gateway, &mut one(&client, ping(10)), &from(remote, 1)).unwrap();
    assert_eq!((received.moved, gateway.path().remote), (None, at(4500)));
}

const CPIS: (Cpis, Cpis) = (Cpis { inbound: 300, outbound: 400 }, Cpis { inbound: 400, outbound: 300 });

fn inflated(gateway: &Child, esp: &mut [u8]) -> Option<Vec<u8>> {
    let mut room = vec![0; ipcomp::LARGEST_INFLATED];
    let spare = Spare { inflater: &mut Inflater::default(), room: &mut room };
    match receive(gateway, esp, &from(at(4500), 1)).unwrap().inner? {
        Inner::Packet(place) => Some(esp[place].to_vec()),
        Inner::Compressed(place) => {
            gateway.inflate(&esp[place], &from(at(4500), 1), spare).map(|inflated| room[..inflated.len].to_vec())
        }
    }
}

#[test]
fn what_shrinks_is_compressed_and_what_comes_plain_is_taken() {
    let client = child(Ends::Client, |it| it.compression = Some(CPIS.0));
    let gateway = child(Ends::Gateway, |it| it.compression = Some(CPIS.1));
    let mut esp = one(&client, ping(1000));
    assert!(esp.len() < 200);
    assert_eq!(inflated(&gateway, &mut esp), Some(ping(1000)));
    assert_eq!((client.counters().octets_out, gateway.counters().octets_in), (1020, 1020));
    let mut plain = one(&client, ping(20));
    assert_eq!(plain.len(), 8 + 16 + 48 + 12);
    assert_eq!(inflated(&gateway, &mut plain), Some(ping(20)));
}

#[test]
fn compression_that_was_not_agreed_on_is_refused() {
    let sender = |cpis| child(Ends::Client, |it| it.compression = Some(cpis));
    let agreed = child(Ends::Gateway, |it| it.compression = Some(CPIS.1));
    let plain = child(Ends::Gateway, |_| ());
    let other = Cpis { inbound: 300, outbound: 401 };
    for (sender, gateway) in [(sender(CPIS.0), &plain), (sender(other), &agreed)] {
        assert_eq!(inflated(gateway, &mut one(&sender, ping(1000))), None);
        assert_eq!((gateway.counters().misdirected, gateway.counters().packets_in), (1, 0));
    }
}

#[test]
fn a_compressed_packet_must_belong_as_any_other() {
    let client = child(Ends::Client, |it| it.compression = Some(CPIS.0));
    let gateway = child(Ends::Gateway, |it| it.compression = Some(CPIS.1));
    let mut strange = ping(1000);
    strange[15] = 2;
    assert_eq!(inflated(&gateway, &mut one(&client, strange)), None);
    let sealer = Sealer::new(specification(Ends::Client).suite, &keys(2000), &[0; 16], false).unwrap();
    let (mut deflater, mut esp) = (Deflater::default(), Vec::new());
    let called_ipv6 = Compression::new(CPIS.0).deflate(&ping(1000), 41, &mut deflater).unwrap().to_vec();
    sealer.seal(9, &called_ipv6, ipcomp::PROTOCOL, &mut esp);
    assert_eq!(inflated(&gateway, &mut esp), None);
    assert_eq!(gateway.counters().misdirected, 2);
}
