//! IPv4 and IPv6 inside one pair.

use super::*;

/// Networks of both versions at each end, and several each way.
fn dual(end: Ends) -> Specification {
    let (four, six) = (specification(end), specification6(end));
    let far = |text: [u8; 4]| Network::new(text.into(), 24).unwrap();
    let more = |networks: Vec<Network>| networks.into_iter().chain([far([192, 0, 2, 0])]).collect::<Vec<_>>();
    let both = |mut first: Vec<Network>, second: Vec<Network>| {
        first.extend(second);
        first
    };
    let local_networks = both(four.local_networks, six.local_networks);
    let remote_networks = both(four.remote_networks, six.remote_networks);
    match end {
        Ends::Client => Specification { local_networks, remote_networks: more(remote_networks), ..specification(end) },
        Ends::Gateway => Specification { local_networks: more(local_networks), remote_networks, ..specification(end) },
    }
}

#[test]
fn one_pair_carries_both_versions() {
    let (client, gateway) = (Child::new(dual(Ends::Client), 0).unwrap(), Child::new(dual(Ends::Gateway), 0).unwrap());
    let six = ipv6::tests::packet(17, &[], &[1; 20]);
    let mut far = ping(20);
    far[16..20].copy_from_slice(&[192, 0, 2, 9]);
    for inner in [ping(20), six, far] {
        let mut esp = one(&client, inner.clone());
        let place = here(receive(&gateway, &mut esp, &from(at(4500), 1)).unwrap());
        assert_eq!(esp[place], inner);
    }
    assert_eq!((gateway.counters().packets_in, gateway.counters().misdirected), (3, 0));
}

#[test]
fn a_next_header_tells_the_version_inside() {
    let six = ipv6::tests::packet(17, &[], &[1; 20]);
    for gateway in [specification6(Ends::Gateway), Specification { inbound: keys(2001), ..dual(Ends::Gateway) }] {
        let gateway = Child::new(gateway, 0).unwrap();
        let carries_four = gateway.local_networks().len() > 1;
        for (sequence, next_header, inner, comes) in [
            (1, 41, &six, true),
            (2, 4, &six, false),
            (3, 4, &ping(20), carries_four),
            (4, 41, &ping(20), false),
            (5, 58, &six, false),
        ] {
            let sealer = Sealer::new(specification6(Ends::Client).suite, &keys(2001), &[0; 16], false).unwrap();
            let mut esp = Vec::new();
            sealer.seal(sequence, inner, next_header, &mut esp);
            let received = receive(&gateway, &mut esp, &from(at(4500), 1)).unwrap();
            assert_eq!(received.inner.is_some(), comes, "{next_header}");
        }
        assert_eq!(gateway.counters().misdirected, 4 - u64::from(carries_four));
    }
}

/// IPv4 is cut where a small outer datagram wants it; IPv6 of the same pair leaves whole up to what every link carries.
#[test]
fn sizes_go_by_the_version_inside() {
    let client = Child::new(Specification { largest_outer: 552, ..dual(Ends::Client) }, 0).unwrap();
    let six = ipv6::tests::packet(17, &[], &[1; 1200]);
    assert_eq!((send(&client, six).1.len(), client.largest_whole(Version::V6)), (1, 1280));
    assert_eq!((send(&client, ping(1200)).1.len(), client.largest_whole(Version::V4)), (3, client.largest_inner()));
    assert_eq!(send(&client, ipv6::tests::packet(17, &[], &[1; 1300])).0, Sent::TooBig);
}
