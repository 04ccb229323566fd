//! The answer to a client that asks by DHCPINFORM what its inner network is like (RFC 2131 §3.4, §4.3.5): Windows hears of
//! the routes of a split tunnel in no other way. The request comes out of the tunnel, and the answer goes into it.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::checksum::{pseudo_sum, transport_checksum};
use crate::ip::{set_word, word, Header, UDP};
use crate::ipv4::{self, SHORTEST_HEADER};
use crate::Nanos;

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
const UDP_HEADER: usize = 8;
const TTL: u8 = 64;

const BOOT_REQUEST: u8 = 1;
const BOOT_REPLY: u8 = 2;
/// Where the fields of a message are (RFC 2131 §2).
const XID: usize = 4;
const FLAGS: usize = 10;
const CIADDR: usize = 12;
const GIADDR: usize = 24;
const CHADDR: usize = 28;
const SNAME: usize = 44;
const COOKIE: usize = 236;
const OPTIONS: usize = 240;
const MAGIC: [u8; 4] = [99, 130, 83, 99];
const LONGEST_OPTION: usize = 255;
const LONGEST_HARDWARE: u8 = 16;
/// What a client of BOOTP takes at least (RFC 1542 §2.1).
const SHORTEST_MESSAGE: usize = 300;

const PAD: u8 = 0;
const MESSAGE_TYPE: u8 = 53;
const SERVER_IDENTIFIER: u8 = 54;
const PARAMETERS: u8 = 55;
const LARGEST_MESSAGE: u8 = 57;
const END: u8 = 255;
const ACK: u8 = 5;
const INFORM: u8 = 8;

/// Octets of the whole answer that every client takes (RFC 2131 §2), and at most: it leaves in one piece then.
const SMALL: u16 = 576;
const LARGE: u16 = 1200;

/// Between two answers: a client that asks all the time gets ten each second.
const PAUSE: Nanos = 100_000_000;

/// Number and octets of an option.
pub type Tell = (u8, Vec<u8>);

/// Who is answered, as whom, and what.
pub struct Inform {
    client: Ipv4Addr,
    server: Ipv4Addr,
    /// The most important first: what does not fit is left out.
    options: Vec<Tell>,
    /// 0: never.
    answered_at: AtomicU64,
}

/// What a request says.
struct Request<'a> {
    message: &'a [u8],
    /// What it asks for; `None`: it leaves that open.
    wanted: Option<&'a [u8]>,
    /// Octets of the IP packet that the client takes.
    largest: u16,
}

impl Inform {
    /// An option of more than 255 octets is left out.
    pub fn new(client: Ipv4Addr, server: Ipv4Addr, options: Vec<Tell>) -> Self {
        let options = options.into_iter().filter(|(_, octets)| octets.len() <= LONGEST_OPTION).collect();
        Self { client, server, options, answered_at: AtomicU64::new(0) }
    }

    /// Whether a packet is a DHCPINFORM of the client, which goes no further then. Everything else does, other messages of
    /// DHCP and what a relay passed on included. `out` is the answer, or empty for a client that asks too often.
    pub fn answer(&self, packet: &[u8], now: Nanos, out: &mut Vec<u8>) -> bool {
        let Some(request) = self.request(packet) else { return false };
        out.clear();
        let answered_at = self.answered_at.load(Relaxed);
        if answered_at == 0 || now >= answered_at + PAUSE {
            self.answered_at.store(now, Relaxed);
            self.write(&request, out);
        }
        true
    }

    fn request<'a>(&self, packet: &'a [u8]) -> Option<Request<'a>> {
        let header = Header::parse(packet)?;
        let towards_us = header.destination == Ipv4Addr::BROADCAST || header.destination == self.server;
        if !towards_us || header.source != self.client || header.protocol != UDP || header.is_fragment() {
            return None;
        }
        let datagram = &packet[header.len..header.total];
        let (ports, _) = datagram.split_at_checked(UDP_HEADER)?;
        let len = usize::from(word(ports, 4));
        if word(ports, 0) != CLIENT_PORT || word(ports, 2) != SERVER_PORT {
            return None;
        }
        self.read(datagram.get(UDP_HEADER..len)?)
    }

    fn read<'a>(&self, message: &'a [u8]) -> Option<Request<'a>> {
        let (head, octets) = message.split_at_checked(OPTIONS)?;
        let plain = head[0] == BOOT_REQUEST && head[2] <= LONGEST_HARDWARE && head[COOKIE..] == MAGIC;
        let own = head[CIADDR..CIADDR + 4] == self.client.octets() && head[GIADDR..GIADDR + 4] == [0; 4];
        if !plain || !own {
            return None;
        }
        let mut request = Request { message, wanted: None, largest: SMALL };
        let mut is_inform = false;
        for option in Options(octets) {
            match option? {
                (MESSAGE_TYPE, [INFORM]) => is_inform = true,
                (MESSAGE_TYPE, _) => return None,
                (PARAMETERS, wanted) => request.wanted = Some(wanted),
                (LARGEST_MESSAGE, size @ [_, _]) => request.largest = word(size, 0).clamp(SMALL, LARGE),
                _ => (),
            }
        }
        is_inform.then_some(request)
    }

    fn write(&self, request: &Request<'_>, out: &mut Vec<u8>) {
        let asked = request.message;
        out.extend_from_slice(&[0x45, 0, 0, 0, 0, 0, 0, 0, TTL, UDP, 0, 0]);
        out.extend_from_slice(&self.server.octets());
        out.extend_from_slice(&self.client.octets());
        out.extend_from_slice(&[0, SERVER_PORT as u8, 0, CLIENT_PORT as u8, 0, 0, 0, 0]);
        let start = out.len();
        out.extend_from_slice(&[BOOT_REPLY, asked[1], asked[2], 0]);
        out.extend_from_slice(&asked[XID..XID + 4]);
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&asked[FLAGS..CIADDR + 4]);
        out.resize(start + CHADDR, 0);
        out.extend_from_slice(&asked[CHADDR..SNAME]);
        out.resize(start + COOKIE, 0);
        out.extend_from_slice(&MAGIC);
        self.write_options(request, out);
        out.resize(out.len().max(start + SHORTEST_MESSAGE), PAD);
        finish(out);
    }

    fn write_options(&self, request: &Request<'_>, out: &mut Vec<u8>) {
        put(out, MESSAGE_TYPE, &[ACK]);
        put(out, SERVER_IDENTIFIER, &self.server.octets());
        for (number, octets) in &self.options {
            let wanted = request.wanted.is_none_or(|wanted| wanted.contains(number));
            if wanted && out.len() + 2 + octets.len() < usize::from(request.largest) {
                put(out, *number, octets);
            }
        }
        out.push(END);
    }
}

fn put(out: &mut Vec<u8>, number: u8, octets: &[u8]) {
    out.extend_from_slice(&[number, octets.len() as u8]);
    out.extend_from_slice(octets);
}

/// Lengths and sums of the whole packet.
fn finish(packet: &mut [u8]) {
    let (total, len) = (packet.len(), packet.len() - SHORTEST_HEADER);
    set_word(packet, SHORTEST_HEADER + 4, len as u16);
    ipv4::set_total(&mut packet[..SHORTEST_HEADER], total);
    let pseudo = pseudo_sum(packet, UDP, len);
    let sum = transport_checksum(pseudo, &packet[SHORTEST_HEADER..], UDP);
    set_word(packet, SHORTEST_HEADER + 6, sum);
}

/// Options one after the other; `None` for one that is cut off, and nothing after it.
struct Options<'a>(&'a [u8]);

impl<'a> Iterator for Options<'a> {
    type Item = Option<(u8, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (number, rest) = std::mem::take(&mut self.0).split_first()?;
            match *number {
                PAD => self.0 = rest,
                END => return None,
                number => {
                    let found = rest.split_first().and_then(|(len, rest)| rest.split_at_checked(usize::from(*len)));
                    let Some((octets, rest)) = found else { return Some(None) };
                    self.0 = rest;
                    return Some(Some((number, octets)));
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "inform_tests.rs"]
mod tests;
