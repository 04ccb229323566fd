//! What a client is answered that asks by DHCPINFORM, and what nobody is answered.

use std::net::Ipv4Addr;

use super::{Inform, Tell, PAUSE};
use crate::checksum::{checksum, pseudo_sum, transport_checksum};
use crate::ip::{set_word, Header, UDP};
use crate::ipv4;

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 99, 99, 7);
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 50);
const XID: [u8; 4] = [0xde, 0xad, 0xbe, 0xef];
/// As Windows has them: the DNS servers, NetBIOS, its own options, the mask, routes, the domain.
const WINDOWS: [u8; 6] = [6, 44, 43, 1, 249, 15];
const ROUTES: [u8; 6] = [8, 10, 0, 0, 0, 0];

fn told() -> Vec<Tell> {
    vec![
        (249, ROUTES.to_vec()),
        (1, vec![255; 4]),
        (6, vec![10, 0, 0, 53]),
        (15, b"example.net".to_vec()),
        (121, ROUTES.to_vec()),
    ]
}

fn inform() -> Inform {
    Inform::new(CLIENT, SERVER, told())
}

fn option(number: u8, octets: &[u8]) -> Vec<u8> {
    [&[number, octets.len() as u8], octets].concat()
}

/// A message whose fields `change` may change before it is wrapped.
fn message(options: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = vec![0; super::OPTIONS];
    message[..3].copy_from_slice(&[1, 8, 6]);
    message[4..8].copy_from_slice(&XID);
    message[10] = 0x80;
    message[12..16].copy_from_slice(&CLIENT.octets());
    message[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
    message[236..240].copy_from_slice(&super::MAGIC);
    message.extend_from_slice(options);
    change(&mut message);
    message
}

fn packet(from: Ipv4Addr, to: Ipv4Addr, message: &[u8]) -> Vec<u8> {
    let mut packet = ipv4::tests::packet(UDP, 0, &[], &[&[0, 68, 0, 67, 0, 0, 0, 0], message].concat());
    packet[12..16].copy_from_slice(&from.octets());
    packet[16..20].copy_from_slice(&to.octets());
    let len = packet.len() - 20;
    set_word(&mut packet, 24, len as u16);
    let total = packet.len();
    ipv4::set_total(&mut packet[..20], total);
    packet
}

fn asked(options: &[u8]) -> Vec<u8> {
    packet(CLIENT, Ipv4Addr::BROADCAST, &message(options, |_| ()))
}

fn windows() -> Vec<u8> {
    asked(
        &[
            option(53, &[8]),
            option(61, &[1, 2, 0, 0, 0, 0, 9]),
            option(60, b"MSFT 5.0"),
            option(55, &WINDOWS),
            vec![255],
        ]
        .concat(),
    )
}

/// The options of an answer, whose sums and lengths must be right.
fn options(answer: &[u8]) -> Vec<Tell> {
    let header = Header::parse(answer).unwrap();
    assert_eq!((header.source, header.destination), (SERVER.into(), CLIENT.into()));
    assert_eq!((header.total, header.protocol, header.dont_fragment), (answer.len(), UDP, false));
    assert_eq!(checksum(&answer[..20]), 0);
    assert_eq!(&answer[20..24], &[0, 67, 0, 68]);
    let mut datagram = answer[20..].to_vec();
    let sum = std::mem::take(&mut datagram[6..8].try_into().map(u16::from_be_bytes).unwrap());
    set_word(&mut datagram, 6, 0);
    assert_eq!(transport_checksum(pseudo_sum(answer, UDP, datagram.len()), &datagram, UDP), sum);
    let message = &answer[28..];
    assert!(message.len() >= 300);
    assert_eq!(&message[..12], &[&[2, 8, 6, 0][..], &XID, &[0, 0, 0x80, 0]].concat()[..]);
    assert_eq!(&message[12..28], &[&CLIENT.octets()[..], &[0; 12]].concat()[..]);
    assert_eq!(&message[28..34], &[2, 0, 0, 0, 0, 9]);
    assert!(message[34..236].iter().all(|octet| *octet == 0));
    super::Options(&message[240..])
        .map(|each| each.unwrap())
        .map(|(number, octets)| (number, octets.to_vec()))
        .collect()
}

fn numbers(answer: &[u8]) -> Vec<u8> {
    options(answer).into_iter().map(|(number, _)| number).collect()
}

fn answered(packet: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![1];
    let takes = inform().answer(packet, 1, &mut out);
    if !takes {
        assert_eq!(out, [1]);
    }
    takes.then_some(out)
}

#[test]
fn windows_gets_what_it_asks_for() {
    let found = options(&answered(&windows()).unwrap());
    let wanted = [(53, vec![5]), (54, SERVER.octets().to_vec())];
    assert_eq!(found, [&wanted[..], &told()[..4]].concat());
}

#[test]
fn who_asks_for_121_gets_it_and_who_leaves_it_open_gets_all() {
    let both = asked(&[option(53, &[8]), option(55, &[121, 249])].concat());
    assert_eq!(numbers(&answered(&both).unwrap()), [53, 54, 249, 121]);
    assert_eq!(numbers(&answered(&asked(&option(53, &[8]))).unwrap()), [53, 54, 249, 1, 6, 15, 121]);
}

#[test]
fn a_request_may_go_to_the_server_itself() {
    let request = message(&option(53, &[8]), |_| ());
    assert!(answered(&packet(CLIENT, SERVER, &request)).is_some());
    assert!(answered(&packet(CLIENT, Ipv4Addr::new(10, 0, 0, 3), &request)).is_none(), "another server's");
}

#[test]
fn nobody_else_is_answered() {
    let own = message(&option(53, &[8]), |_| ());
    assert!(answered(&packet(Ipv4Addr::new(10, 99, 99, 8), Ipv4Addr::BROADCAST, &own)).is_none());
    let foreign = message(&option(53, &[8]), |message| message[15] = 8);
    assert!(answered(&packet(CLIENT, Ipv4Addr::BROADCAST, &foreign)).is_none());
    let unset = message(&option(53, &[8]), |message| message[12..16].fill(0));
    assert!(answered(&packet(CLIENT, Ipv4Addr::BROADCAST, &unset)).is_none());
    let relayed = message(&option(53, &[8]), |message| message[24] = 10);
    assert!(answered(&packet(CLIENT, Ipv4Addr::BROADCAST, &relayed)).is_none());
}

#[test]
fn other_messages_go_on() {
    for kind in [1, 2, 3, 4, 5, 6, 7, 9, 13] {
        assert!(answered(&asked(&option(53, &[kind]))).is_none(), "message type {kind}");
    }
    let two = [option(53, &[8]), option(53, &[1])].concat();
    for options in [&[][..], &[255], &[53, 0], &[53, 2, 8, 8], &two] {
        assert!(answered(&asked(options)).is_none(), "{options:?}");
    }
    // overloaded: the type of a message stands among the options themselves
    let hidden = message(&option(52, &[1]), |message| message[108..111].copy_from_slice(&[53, 1, 8]));
    assert!(answered(&packet(CLIENT, Ipv4Addr::BROADCAST, &hidden)).is_none());
    let overloaded = message(&[option(53, &[8]), option(52, &[3])].concat(), |message| message[44..236].fill(0xaa));
    assert!(answered(&packet(CLIENT, Ipv4Addr::BROADCAST, &overloaded)).is_some());
}

#[test]
fn what_is_malformed_goes_on() {
    let broken = |change: fn(&mut Vec<u8>)| {
        let request = message(&option(53, &[8]), change);
        answered(&packet(CLIENT, Ipv4Addr::BROADCAST, &request)).is_some()
    };
    assert!(broken(|_| ()));
    assert!(!broken(|message| message[0] = 2), "a reply");
    assert!(!broken(|message| message[2] = 17), "longer hardware addresses than there is room for");
    assert!(!broken(|message| message[236] = 0), "BOOTP without options");
    assert!(!broken(|message| message.push(12)), "an option without a length");
    assert!(!broken(|message| message.extend([12, 200, 1])), "an option that is cut off");
    assert!(!broken(|message| message.truncate(239)));
    assert!(broken(|message| message.extend([255, 12, 200])), "nothing counts behind the end");
    let whole = windows();
    for len in 0..whole.len() {
        let mut cut = whole[..len].to_vec();
        assert!(answered(&cut).is_none(), "{len} of {} octets", whole.len());
        if len >= 20 {
            ipv4::set_total(&mut cut[..20], len);
            assert!(answered(&cut).is_none(), "{len} octets, of which UDP says more");
        }
    }
}

#[test]
fn ports_protocols_and_fragments_of_others_go_on() {
    let with = |at: usize, value: u8| {
        let mut packet = windows();
        packet[at] = value;
        answered(&packet).is_some()
    };
    assert!(!with(9, 6), "TCP");
    assert!(!with(6, 0x20), "a first fragment");
    assert!(!with(7, 1), "a later fragment");
    assert!(!with(21, 69), "from another port");
    assert!(!with(23, 69), "to another port");
    assert!(!with(24, 0xff), "longer than its packet");
    assert!(!with(25, 7) && !with(0, 0x65));
}

#[test]
fn what_does_not_fit_is_left_out_the_least_important_first() {
    let long = Inform::new(
        CLIENT,
        SERVER,
        vec![(249, vec![1; 255]), (1, vec![2; 4]), (15, vec![3; 200]), (6, vec![4; 8]), (121, vec![5; 255])],
    );
    let answer = |options: &[u8]| {
        let mut out = Vec::new();
        assert!(long.answer(&asked(options), 1, &mut out));
        long.answered_at.store(0, super::Relaxed);
        (out.len(), numbers(&out))
    };
    let plain = option(53, &[8]);
    let (len, found) = answer(&plain);
    assert!(len <= 576);
    assert_eq!(found, [53, 54, 249, 1, 6]);
    let sized = |size: u16| [plain.clone(), option(57, &size.to_be_bytes())].concat();
    assert_eq!(answer(&sized(0)), (len, found));
    let (len, found) = answer(&sized(u16::MAX));
    assert!(len <= 1200);
    assert_eq!(found, [53, 54, 249, 1, 15, 6, 121]);
}

#[test]
fn a_flood_is_answered_ten_times_a_second_and_goes_no_further() {
    let (inform, request) = (inform(), windows());
    let mut out = Vec::new();
    let answers = (0..100_000).filter(|step| {
        assert!(inform.answer(&request, 1 + step * 10_000, &mut out));
        !out.is_empty()
    });
    assert_eq!(answers.count() as u64, 1_000_000_000 / PAUSE);
}

#[test]
fn any_octets_as_options_are_answered_well_or_go_on() {
    let (mut state, mut answers) = (1_u64, 0);
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) as u8
    };
    for _ in 0..20_000 {
        let len = usize::from(next() % 40);
        let any: Vec<u8> = (0..len).map(|_| if next() % 2 == 0 { next() % 8 } else { next() }).collect();
        if let Some(answer) = answered(&asked(&[option(53, &[8]), any].concat())) {
            assert_eq!(numbers(&answer)[..2], [53, 54]);
            answers += 1;
        }
    }
    assert!((100..19_900).contains(&answers), "{answers}");
}
