//! Opening: whatever comes from the outside, only what was sealed goes in, once and as it was.

use std::collections::HashSet;

use crate::ends::{ends, End, Manner, SUITES};
use crate::packets::{Flows, Given};
use crate::reference::VNET;
use crate::source::Source;

const SEALED: usize = 12;
const MOST_CALLS: usize = 60;

pub fn run(octets: &[u8]) {
    let mut source = Source::new(octets);
    let (suite, choices) = (source.pick(&SUITES), source.octet());
    let (compress, together, esn) = (choices & 1 != 0, choices & 2 != 0, choices & 4 != 0);
    let [client, mut gateway] = ends(Manner { suite, compress, together, esn });
    let inner = packets(&mut source);
    let sealed = client.send(inner.iter().map(|packet| Given { frame: [0; VNET], packet: packet.clone() }));
    assert_eq!(sealed.len(), SEALED);
    let mut gone_in = HashSet::new();
    for _ in 0..MOST_CALLS {
        if source.is_empty() {
            break;
        }
        let (mut arena, stride) = call(&sealed, &mut source);
        judge(&mut gateway, &mut arena, stride, &sealed, &inner, &mut gone_in);
    }
    for number in 0..SEALED {
        let mut esp = sealed[number].clone();
        let stride = esp.len();
        judge(&mut gateway, &mut esp, stride, &sealed, &inner, &mut gone_in);
        assert!(gone_in.contains(&number), "a packet that nobody harmed goes in");
    }
}

/// Different from each other, so that it is known which one went in.
fn packets(source: &mut Source<'_>) -> Vec<Vec<u8>> {
    let mut flows = Flows::default();
    let mut numbered = |number: u8| {
        let mut packet = flows.complete(source);
        packet.truncate(60);
        let total = packet.len() as u16;
        packet.resize(60, 1);
        let total = if packet[0] >> 4 == 4 { total.max(60) } else { 20 };
        let at = if packet[0] >> 4 == 4 { 2 } else { 4 };
        packet[at..at + 2].copy_from_slice(&total.to_be_bytes());
        packet[59] = number;
        packet
    };
    (0..SEALED as u8).map(&mut numbered).collect()
}

/// What one call receives for one SPI, and how long each packet of it is: sealed ones, harmed ones and others.
fn call(sealed: &[Vec<u8>], source: &mut Source<'_>) -> (Vec<u8>, usize) {
    if source.rarely(4) {
        let (stride, len) = (1 + source.below(200), source.below(400));
        let spi = &sealed[source.below(SEALED)][..4];
        let arena = [spi, source.take(len)].concat();
        return (arena, stride);
    }
    let first = &sealed[source.below(SEALED)];
    let stride = first.len();
    let alike: Vec<_> = sealed.iter().filter(|packet| packet[..4] == first[..4]).collect();
    let mut arena = Vec::new();
    for _ in 0..1 + source.below(20) {
        let mut packet = alike[source.below(alike.len())].clone();
        if source.rarely(3) {
            harm(&mut packet, source);
        }
        arena.append(&mut packet);
    }
    let cut = if source.rarely(8) { source.below(arena.len()) } else { 0 };
    arena.truncate(arena.len() - cut);
    (arena, stride)
}

fn harm(packet: &mut [u8], source: &mut Source<'_>) {
    for _ in 0..1 + source.below(4) {
        let at = 4 + source.below(packet.len() - 4);
        packet[at] = if source.rarely(2) { source.octet() } else { packet[at] ^ 1 };
    }
}

/// Panics when anything goes in but what was sealed and did not go in yet, or when that does not.
fn judge(
    gateway: &mut End,
    arena: &mut [u8],
    stride: usize,
    sealed: &[Vec<u8>],
    inner: &[Vec<u8>],
    gone_in: &mut HashSet<usize>,
) {
    let whole: Vec<Vec<u8>> = arena.chunks(stride).map(<[u8]>::to_vec).collect();
    for (esp, verdict) in whole.iter().zip(gateway.receive(arena, stride)) {
        let number = sealed.iter().position(|sealed| sealed == esp);
        match (number, verdict) {
            (Some(number), Ok(packet)) => {
                assert!(gone_in.insert(number), "packet {number} went in twice");
                assert_eq!(packet, inner[number]);
            }
            (Some(number), Err(_)) => assert!(gone_in.contains(&number), "packet {number} was kept out"),
            (None, Ok(_)) => panic!("what nobody sealed went in: {esp:02x?}"),
            (None, Err(_)) => (),
        }
    }
}
