//! The packet thread works while the control side installs, moves, counts and removes pairs; nothing is lost that should not
//! be, and nothing hangs. Of most use under a sanitizer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use lotor_esp::algorithm::{Cipher, Suite};
use lotor_esp::child::{Path, Specification};
use lotor_esp::lifetime::Limits;
use lotor_esp::network::Network;
use lotor_esp::seal::Keys;
use lotor_esp::size::Encapsulation;
use lotor_pump::offload::Offloads;
use lotor_pump::{Descriptors, Engine};

const PACKETS: usize = 2000;
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine with the far end of its device.
struct Side {
    engine: Engine,
    inside: UnixDatagram,
    outside: UdpSocket,
    _records: UnixDatagram,
}

fn side() -> Side {
    let (inside, device) = UnixDatagram::pair().expect("a pair of sockets");
    let (records, ours) = UnixDatagram::pair().expect("a pair of sockets");
    let outside = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    inside.set_read_timeout(Some(PATIENCE)).expect("a time to wait");
    let udp = vec![outside.as_raw_fd()];
    let descriptors = Descriptors { tun: device.as_raw_fd(), framed: false, udp, records: ours.as_raw_fd() };
    let engine = Engine::new(&descriptors, 1500, Offloads::ALL).expect("the engine can be");
    engine.start().expect("the thread can be");
    Side { engine, inside, outside, _records: records }
}

fn pair(id: u64, client: bool, remote: SocketAddr) -> Specification {
    let keys = |spi| Keys { spi, encryption: vec![spi as u8; 20].into(), integrity: Vec::new().into() };
    let network = |last| vec![Network::new(Ipv4Addr::new(10, 0, id as u8, last).into(), 32).expect("it fits")];
    let (spis, ends) = if client { ((1000, 2000), (1, 2)) } else { ((2000, 1000), (2, 1)) };
    Specification {
        id,
        path: path(remote),
        suite: Suite { cipher: Cipher::AesGcm16, key_bits: 128, integrity: None },
        inbound: keys(spis.0 + id as u32),
        outbound: keys(spis.1 + id as u32),
        local_networks: network(ends.0),
        remote_networks: network(ends.1),
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

fn path(remote: SocketAddr) -> Path {
    Path { local: IpAddr::V4(Ipv4Addr::LOCALHOST), remote, encapsulation: Encapsulation::Udp }
}

/// Pairs come and go, paths are set and counters read until told to stop.
fn churn(engine: &Engine, remote: SocketAddr, stop: &AtomicBool) {
    for id in (2..100).cycle() {
        if stop.load(Relaxed) {
            return;
        }
        engine.install(pair(id, true, remote)).expect("the number is free");
        engine.activate(id);
        engine.set_path(1, path(remote));
        assert!(engine.counters(1).is_some_and(|counters| counters.forged == 0));
        engine.remove(id);
    }
}

#[test]
fn packets_pass_while_pairs_come_and_go() {
    let (client, gateway) = (side(), side());
    let end = |side: &Side| side.outside.local_addr().expect("it is bound");
    client.engine.install(pair(1, true, end(&gateway))).expect("the pair can be");
    gateway.engine.install(pair(1, false, end(&client))).expect("the pair can be");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for (side, remote) in [(&client, end(&gateway)), (&gateway, end(&client))] {
            let stop = &stop;
            scope.spawn(move || churn(&side.engine, remote, stop));
        }
        for number in 0..PACKETS {
            let packet = packet(number as u8);
            client.inside.send(&packet).expect("the device takes it");
            let mut came = [0; 2000];
            let len = gateway.inside.recv(&mut came).expect("it arrives");
            assert_eq!(came[..len], packet);
        }
        stop.store(true, Relaxed);
    });
    assert_eq!(gateway.engine.counters(1).map(|counters| counters.packets_in), Some(PACKETS as u64));
    client.engine.stop();
}

fn packet(number: u8) -> Vec<u8> {
    let mut packet = vec![number; 60];
    packet[..20].copy_from_slice(&[0x45, 0, 0, 60, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 1, 1, 10, 0, 1, 2]);
    packet
}
