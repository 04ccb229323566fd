//! Pairs that move between ESP in UDP and native ESP, as MOBIKE moves them between networks with a NAT and without.

use super::*;

const NATIVE: Encapsulation = Encapsulation::None;

fn over(encapsulation: Encapsulation) -> Path {
    Path { encapsulation, ..specification(Ends::Client).path }
}

fn in_form(via: Encapsulation, remote: SocketAddr) -> Arrival {
    Arrival { via, ..from(remote, 1) }
}

#[test]
fn only_the_form_of_the_new_path_is_accepted() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    for (now, other) in [(NATIVE, UDP), (UDP, NATIVE)] {
        gateway.set_path(over(now));
        client.set_path(over(now));
        assert_eq!((gateway.path().encapsulation, client.path().encapsulation), (now, now));
        let mut esp = one(&client, ping(10));
        assert_eq!(receive(&gateway, &mut esp.clone(), &in_form(other, at(4500))), Err(Refusal::Unwanted));
        assert!(receive(&gateway, &mut esp, &in_form(now, at(4500))).unwrap().inner.is_some());
    }
    assert_eq!((gateway.counters().packets_in, client.counters().packets_out), (2, 2));
}

#[test]
fn a_move_lets_nothing_in_twice_and_goes_on_counting() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let esp = one(&client, ping(10));
    receive(&gateway, &mut esp.clone(), &in_form(UDP, at(4500))).unwrap();
    gateway.set_path(over(NATIVE));
    client.set_path(over(NATIVE));
    assert_eq!(receive(&gateway, &mut esp.clone(), &in_form(NATIVE, at(0))), Err(Refusal::Replayed));
    assert_eq!(one(&client, ping(10))[4..8], [0, 0, 0, 2]);
}

#[test]
fn the_encapsulation_decides_the_size() {
    let client = child(Ends::Client, |specification| specification.largest_outer = 1484);
    let native = child(Ends::Client, |specification| {
        specification.largest_outer = 1484;
        specification.path.encapsulation = NATIVE;
    });
    let (in_udp, without) = (client.largest_inner(), native.largest_inner());
    assert_eq!(without - in_udp, 16); // 8 octets, in whole blocks
    client.set_path(over(NATIVE));
    assert_eq!(client.largest_inner(), without);
    client.set_path(over(UDP));
    assert_eq!(client.largest_inner(), in_udp);
}

#[test]
fn packets_are_followed_in_udp_only() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    gateway.set_path(over(NATIVE));
    let elsewhere = SocketAddr::new([203, 0, 113, 9].into(), 0);
    let received = receive(&gateway, &mut one(&client, ping(10)), &in_form(NATIVE, elsewhere)).unwrap();
    assert_eq!((received.moved, gateway.path()), (None, over(NATIVE)));
    gateway.set_path(over(UDP));
    let received = receive(&gateway, &mut one(&client, ping(10)), &in_form(UDP, at(5000))).unwrap();
    assert_eq!((received.moved, gateway.path().remote), (Some(at(5000)), at(5000)));
}

/// The control side moves the pair while packets that came before are being opened.
#[test]
fn packets_of_the_other_form_that_were_accepted_before_lead_nowhere() {
    for (before, after) in [(UDP, NATIVE), (NATIVE, UDP)] {
        let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
        gateway.set_path(over(before));
        let mut esp = [one(&client, ping(10)), one(&client, ping(10))].concat();
        let (stride, mut moves) = (esp.len() / 2, 0);
        gateway.receiver().receive_all(&mut esp, stride, &in_form(before, at(4500)), |_, received| {
            moves += usize::from(received.unwrap().moved.is_some());
            gateway.set_path(over(after));
        });
        let late = in_form(before, at(9));
        assert_eq!(gateway.follow(crate::replay::Mark::Advanced, &late), None);
        assert_eq!((moves, gateway.path()), (0, over(after)));
    }
}

#[test]
fn of_native_esp_any_port_is_the_peers() {
    let gateway = child(Ends::Gateway, |_| ());
    assert!(!gateway.is_from_peer(&in_form(UDP, at(0))));
    gateway.set_path(over(NATIVE));
    assert!(gateway.is_from_peer(&in_form(NATIVE, at(0))));
}
