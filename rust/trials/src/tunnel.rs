//! Any inner packets through cutting, sealing, a bad network, opening and joining: what arrived comes out octet by octet, in
//! the order of its flow, and nothing else does.

use crate::coalescer::{kinds, survive};
use crate::ends::{ends, End, Manner, SUITES};
use crate::packets::{Flows, Given};
use crate::reference::{cut, VNET};
use crate::source::Source;

/// Fewer than the replay window has places.
const MOST_SENT: usize = 700;
/// What one call receives.
const MOST_TOGETHER: usize = 64;

pub fn run(octets: &[u8]) {
    let mut source = Source::new(octets);
    let (suite, choices) = (source.pick(&SUITES), source.octet());
    let (compress, together, esn) = (choices & 4 != 0, choices & 16 != 0, choices & 32 != 0);
    let [client, mut gateway] = ends(Manner { suite, compress, together, esn });
    let mut wire = sent(&client, &mut source);
    if choices & 8 != 0 {
        disturb(&mut wire, &mut source);
    }
    let wanted: Vec<Vec<u8>> = first_of_each(&wire);
    let opened = received(&mut gateway, &wire, &mut source);
    assert_eq!(opened, wanted);
    survive(&opened, kinds(choices));
}

/// A packet on the wire. `number`: which of those sent; `inner`: what it carries.
#[derive(Clone)]
struct Sealed {
    number: usize,
    esp: Vec<u8>,
    inner: Vec<u8>,
    forged: bool,
}

/// What the client makes of the packets, each with what the reference says that it is.
fn sent(client: &End, source: &mut Source<'_>) -> Vec<Sealed> {
    let (mut flows, mut given, mut wanted) = (Flows::default(), Vec::new(), Vec::new());
    while !source.is_empty() && wanted.len() < MOST_SENT {
        let next = match source.octet() % 8 {
            0..=3 => flows.large(20_000, source),
            4 => stranger(source),
            _ => Given { frame: [0; VNET], packet: flows.complete(source) },
        };
        wanted.extend(cut(&next.frame, &next.packet).expect("only what the kernel gives is sent"));
        given.push(next);
    }
    let wire = client.send(given);
    assert_eq!(wire.len(), wanted.len(), "as many ESP packets as packets inside");
    let sealed = |(number, (esp, inner))| Sealed { number, esp, inner, forged: false };
    wire.into_iter().zip(wanted).enumerate().map(sealed).collect()
}

/// Between the right addresses, and otherwise any octets; no TCP, since a handshake is not left as it is.
fn stranger(source: &mut Source<'_>) -> Given {
    let mut packet = Flows::default().complete(&mut Source::new(&[0, 99, 0, 0]));
    let len = source.below(300);
    packet.truncate(20);
    packet.extend_from_slice(source.take(len));
    packet[9] = source.octet() | 0x80;
    let total = packet.len() as u16;
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    Given { frame: [0; VNET], packet }
}

/// Loses, repeats, swaps and forges.
fn disturb(wire: &mut Vec<Sealed>, source: &mut Source<'_>) {
    for _ in 0..source.below(64) {
        let at = source.below(wire.len() + 1);
        if at >= wire.len() {
            continue;
        }
        let further = (at + source.below(100)).min(wire.len() - 1);
        match source.octet() % 4 {
            0 => drop(wire.remove(at)),
            1 => wire.insert(further, wire[at].clone()),
            2 => wire.swap(at, further),
            _ => {
                let mut forged = wire[at].clone();
                let place = source.below(forged.esp.len());
                forged.esp[place] ^= 1 << (source.octet() % 8);
                forged.forged = true;
                wire.insert(further, forged);
            }
        }
    }
}

fn first_of_each(wire: &[Sealed]) -> Vec<Vec<u8>> {
    let mut seen = std::collections::HashSet::new();
    let fresh = wire.iter().filter(|sealed| !sealed.forged && seen.insert(sealed.number));
    fresh.map(|sealed| sealed.inner.clone()).collect()
}

/// What comes out of calls that receive packets of one SPI and length each, the last one maybe shorter.
fn received(gateway: &mut End, wire: &[Sealed], source: &mut Source<'_>) -> Vec<Vec<u8>> {
    let (mut opened, mut left) = (Vec::new(), wire);
    while let Some(first) = left.first() {
        let most = 1 + (source.below(MOST_TOGETHER) + MOST_TOGETHER - 1) % MOST_TOGETHER;
        let stride = first.esp.len();
        let alike = |sealed: &Sealed| sealed.esp.len() == stride && sealed.esp[..4] == first.esp[..4];
        let mut count = left.iter().take(most).take_while(|sealed| alike(sealed)).count();
        let shorter = |sealed: &Sealed| sealed.esp.len() < stride && sealed.esp[..4] == first.esp[..4];
        count += usize::from(count < most && left.get(count).is_some_and(shorter));
        let (together, rest) = left.split_at(count);
        let mut arena: Vec<u8> = together.iter().flat_map(|sealed| sealed.esp.clone()).collect();
        opened.extend(gateway.receive(&mut arena, stride).into_iter().flatten());
        left = rest;
    }
    opened
}
