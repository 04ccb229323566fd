//! Splitting: what the kernel gave as one large packet becomes the packets it stands for.

use crate::checksum::{pseudo_sum, transport_checksum};
use crate::ip::{set_word, word, Header, Version, TCP, UDP};
use crate::vnet::{Frame, Segmentation};
use crate::{ipv4, ipv6};

const SHORTEST_TCP: usize = 20;
const UDP_HEADER: usize = 8;
const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;
const FLAGS: usize = 13;
const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// The segments of one packet, in order.
pub struct Segments<'a> {
    packet: &'a [u8],
    version: Version,
    protocol: u8,
    /// Octets before the transport header.
    ip: usize,
    /// Octets of all headers.
    headers: usize,
    /// Octets of payload in each segment but the last.
    size: usize,
    /// Octets of payload that are out already.
    done: usize,
    number: u16,
}

impl<'a> Segments<'a> {
    /// `packet` begins with `header`. `None` when `frame` cannot be about it.
    pub fn new(packet: &'a [u8], header: &Header, frame: &Frame) -> Option<Self> {
        if header.is_fragment() || frame.segment == 0 {
            return None;
        }
        let transport = &packet[header.len..header.total];
        let len = match (frame.segmentation, header.protocol) {
            (Segmentation::Tcp(version), TCP) if version == header.version && transport.len() >= SHORTEST_TCP => {
                usize::from(transport[12] >> 4) * 4
            }
            (Segmentation::Udp, UDP) if transport.len() >= UDP_HEADER => UDP_HEADER,
            _ => return None,
        };
        let possible = len <= transport.len() && (header.protocol == UDP || len >= SHORTEST_TCP);
        possible.then_some(Self {
            packet: &packet[..header.total],
            version: header.version,
            protocol: header.protocol,
            ip: header.len,
            headers: header.len + len,
            size: frame.segment.into(),
            done: 0,
            number: 0,
        })
    }

    /// Octets of the next segment; `None` when all are out.
    pub fn next_len(&self) -> Option<usize> {
        let left = self.packet.len() - self.headers - self.done;
        (left > 0 || self.number == 0).then(|| self.headers + left.min(self.size))
    }

    /// Leaves the next segment out.
    pub fn skip_next(&mut self) {
        let left = self.packet.len() - self.headers - self.done;
        self.done += left.min(self.size);
        self.number = self.number.wrapping_add(1);
    }

    /// Writes the next segment into `out`, which has `next_len` octets.
    pub fn write_next(&mut self, out: &mut [u8]) {
        let from = self.headers + self.done;
        let payload = out.len() - self.headers;
        let last = from + payload == self.packet.len();
        out[..self.headers].copy_from_slice(&self.packet[..self.headers]);
        out[self.headers..].copy_from_slice(&self.packet[from..from + payload]);
        self.correct_ip(out);
        if self.protocol == TCP {
            self.correct_tcp(&mut out[self.ip..], last);
        } else {
            let len = out.len() - self.ip;
            set_word(out, self.ip + 4, len as u16);
        }
        self.correct_checksum(out);
        self.done += payload;
        self.number = self.number.wrapping_add(1);
    }

    fn correct_ip(&self, out: &mut [u8]) {
        let total = out.len();
        if self.version == Version::V6 {
            return ipv6::set_total(out, total);
        }
        let id = word(out, 4).wrapping_add(self.number);
        set_word(out, 4, id);
        ipv4::set_total(&mut out[..self.ip], total);
    }

    /// FIN and PSH belong to the last segment, CWR to the first (RFC 3168 §6.1.2).
    fn correct_tcp(&self, segment: &mut [u8], last: bool) {
        let sequence = u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]]);
        segment[4..8].copy_from_slice(&sequence.wrapping_add(self.done as u32).to_be_bytes());
        if !last {
            segment[FLAGS] &= !(FIN | PSH);
        }
        if self.number > 0 {
            segment[FLAGS] &= !CWR;
        }
    }

    fn correct_checksum(&self, out: &mut [u8]) {
        let place = self.ip + if self.protocol == TCP { TCP_CHECKSUM } else { UDP_CHECKSUM };
        let pseudo = pseudo_sum(out, self.protocol, out.len() - self.ip);
        set_word(out, place, 0);
        let sum = transport_checksum(pseudo, &out[self.ip..], self.protocol);
        set_word(out, place, sum);
    }
}

/// Finishes a checksum whose field holds the sum over the pseudo header only. False when `frame` points outside.
pub fn finish_checksum(packet: &mut [u8], header: &Header, frame: &Frame) -> bool {
    let (start, offset) = (usize::from(frame.checksum_start), usize::from(frame.checksum_offset));
    if start < header.len || start + offset + 2 > header.total {
        return false;
    }
    let sum = transport_checksum(0, &packet[start..header.total], header.protocol);
    set_word(packet, start + offset, sum);
    true
}
