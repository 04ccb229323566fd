//! Inflating: any octets stay within their room, and what was deflated comes out as it was.

use crate::ends::{ends, Manner, SUITES};
use crate::packets::{Flows, Given};
use crate::reference::{look, VNET};
use crate::source::Source;

const WELL_KNOWN_DEFLATE: [u8; 4] = [4, 0, 0, 2];

pub fn run(octets: &[u8]) {
    let mut source = Source::new(octets);
    let [client, mut gateway] = ends(Manner { suite: SUITES[0], compress: true, together: false, esn: false });
    match source.octet() % 4 {
        0 => drop(gateway.inflate(source.rest())),
        1 => {
            let packet = gateway.inflate(&[&WELL_KNOWN_DEFLATE, source.rest()].concat());
            assert!(packet.is_none_or(|packet| look(&packet).is_some()));
        }
        2 => drop(gateway.inflate(&[&WELL_KNOWN_DEFLATE, &stored(&mut source)[..]].concat())),
        _ => {
            let packet = Flows::default().complete(&mut source);
            let [mut esp] = <[Vec<u8>; 1]>::try_from(client.send([Given { frame: [0; VNET], packet: packet.clone() }]))
                .expect("one packet leaves as one");
            let stride = esp.len();
            assert_eq!(gateway.receive(&mut esp, stride), [Ok(packet)]);
        }
    }
}

/// A packet of this tunnel, or nearly, as blocks that are stored and not compressed (RFC 1951 §3.2.4).
fn stored(source: &mut Source<'_>) -> Vec<u8> {
    let packet = Flows::default().any(source);
    let len = packet.len() as u16;
    let head = [1, len.to_le_bytes()[0], len.to_le_bytes()[1], (!len).to_le_bytes()[0], (!len).to_le_bytes()[1]];
    let mut stream = [&head[..], &packet].concat();
    while !source.is_empty() {
        let at = source.below(stream.len());
        stream[at] ^= source.octet();
    }
    stream
}
