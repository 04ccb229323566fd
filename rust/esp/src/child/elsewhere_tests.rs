//! Packets that do not come from where the peer was: whether the path follows them, and who pays for them.

use super::*;
use crate::fairness::Fairness;

#[test]
fn follows_the_newest_packet_only() {
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let late = one(&client, ping(10));
    let received = receive(&gateway, &mut one(&client, ping(10)), &from(at(5000), 1)).unwrap();
    assert_eq!((received.moved, gateway.path().remote), (Some(at(5000)), at(5000)));
    let received = receive(&gateway, &mut late.clone(), &from(at(4500), 1)).unwrap();
    assert_eq!((received.moved, gateway.path().remote), (None, at(5000)));
}

#[test]
fn f11_a_peer_that_changes_with_each_packet_is_followed_ten_times_a_second() {
    const MILLISECOND: Nanos = 1_000_000;
    let (client, gateway) = (child(Ends::Client, |_| ()), child(Ends::Gateway, |_| ()));
    let moves = (1..=1000).filter(|turn| {
        let arrival = from(at(5000 + (turn % 2) as u16), 77 + turn * MILLISECOND);
        let received = receive(&gateway, &mut one(&client, ping(10)), &arrival).unwrap();
        assert!(received.inner.is_some());
        assert!(received.moved.is_none_or(|to| to == arrival.remote && to == gateway.path().remote));
        received.moved.is_some()
    });
    assert_eq!(moves.count(), 10);
    let arrival = from(at(9), 77 + 1200 * MILLISECOND);
    let received = receive(&gateway, &mut one(&client, ping(10)), &arrival).unwrap();
    assert_eq!((received.moved, gateway.path().remote), (Some(at(9)), at(9)));
}

#[test]
fn n13_only_what_comes_from_its_peer_is_asked_for_by_a_pair() {
    let gateway = child(Ends::Gateway, |_| ());
    let (mut fairness, home, elsewhere) = (Fairness::default(), from(at(4500), 1), from(at(4501), 1));
    let (mut of_home, mut of_others) = (Vec::new(), Vec::new());
    for turn in 0..20 {
        for _ in 0..100 {
            of_home.push(gateway.judge_inbound(&mut fairness, &home, 2, 200));
            gateway.unproved(&mut fairness, &home, 1, 100);
            of_others.push(gateway.judge_inbound(&mut fairness, &elsewhere, 10, 14_000));
            gateway.unproved(&mut fairness, &elsewhere, 10, 14_000);
        }
        fairness.turn(false, || 1 + turn * 20_000_000);
    }
    assert!(of_home.iter().all(|fate| *fate == Fate::Pass));
    assert!(of_others.contains(&Fate::Drop));
}
