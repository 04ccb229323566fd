//! What Linux makes of a packet with a virtio-net header, computed field by field and with nothing of the engine: sums word
//! by word, one segment after the other (`tcp_gso_segment`, `__udp_gso_segment` and `skb_checksum_help` of Linux say what).

pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const VNET: usize = 10;

const NEEDS_CHECKSUM: u8 = 1;
const MOST_EXTENSIONS: usize = 8;

/// Where the headers of a packet lead. `at`: where the transport header begins, of a packet that ends at `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) version: u8,
    pub(crate) protocol: u8,
    pub(crate) at: usize,
    pub(crate) end: usize,
    pub(crate) offset: usize,
    pub(crate) more: bool,
}

impl Seen {
    pub(crate) fn is_fragment(&self) -> bool {
        self.more || self.offset > 0
    }
}

pub(crate) fn word(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

pub(crate) fn put(octets: &mut [u8], at: usize, value: usize) {
    octets[at..at + 2].copy_from_slice(&(value as u16).to_be_bytes());
}

/// The sum of all words, folded; a last single octet counts as the upper half of its word (RFC 1071).
pub(crate) fn sum(octets: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in octets.chunks(2) {
        sum += u32::from(pair[0]) * 256 + pair.get(1).map_or(0, |low| u32::from(*low));
        sum = sum % 0x1_0000 + sum / 0x1_0000;
    }
    sum as u16
}

/// The sum over a pseudo header, written out (RFC 9293 §3.1, RFC 8200 §8.1).
pub(crate) fn pseudo(packet: &[u8], seen: &Seen) -> u16 {
    let addresses = if seen.version == 4 { 12..20 } else { 8..40 };
    let len = (seen.end - seen.at) as u32;
    sum(&[&packet[addresses], &len.to_be_bytes(), &[0, 0, 0, seen.protocol]].concat())
}

/// Where the checksum of TCP and UDP stands in their header.
fn field(protocol: u8) -> usize {
    if protocol == TCP {
        16
    } else {
        6
    }
}

pub(crate) fn look(packet: &[u8]) -> Option<Seen> {
    let seen = match packet.first()? >> 4 {
        4 => look4(packet),
        6 => look6(packet),
        _ => None,
    };
    seen.filter(|seen| seen.at <= seen.end && seen.end <= packet.len())
}

fn look4(packet: &[u8]) -> Option<Seen> {
    let header = packet.get(..20)?;
    let at = usize::from(header[0] % 16) * 4;
    let place = word(header, 6);
    let (offset, more) = (usize::from(place % 0x2000) * 8, place & 0x2000 != 0);
    let seen = Seen { version: 4, protocol: header[9], at, end: word(header, 2).into(), offset, more };
    (at >= 20).then_some(seen)
}

fn look6(packet: &[u8]) -> Option<Seen> {
    let header = packet.get(..40)?;
    let end = 40 + usize::from(word(header, 4));
    let mut seen = Seen { version: 6, protocol: header[6], at: 40, end, offset: 0, more: false };
    for _ in 0..MOST_EXTENSIONS {
        let Some(extension) = packet.get(..end)?.get(seen.at..seen.at + 8) else { break };
        let len = match seen.protocol {
            0 | 60 => 8 + 8 * usize::from(extension[1]),
            43 if extension[3] == 0 => 8 + 8 * usize::from(extension[1]),
            51 => 8 + 4 * usize::from(extension[1]),
            44 if !seen.is_fragment() => 8,
            _ => break,
        };
        if seen.at + len > end {
            break;
        }
        if seen.protocol == 44 {
            (seen.offset, seen.more) = (usize::from(word(extension, 2) / 8) * 8, extension[3] % 2 == 1);
        }
        (seen.protocol, seen.at) = (extension[0], seen.at + len);
        if seen.offset > 0 {
            break;
        }
    }
    Some(seen)
}

/// Whether the checksum of a TCP or UDP packet is right; UDP of IPv4 may have none.
pub(crate) fn adds_up(packet: &[u8], seen: &Seen) -> bool {
    let transport = &packet[seen.at..seen.end];
    if transport.len() < if seen.protocol == TCP { 20 } else { 8 } {
        return false;
    }
    let none = seen.protocol == UDP && word(transport, 6) == 0;
    none || sum(&[&pseudo(packet, seen).to_be_bytes()[..], transport].concat()) == 0xffff
}

/// Right sums in the headers of a whole packet of IP, and of TCP or UDP.
pub(crate) fn finish(packet: &mut [u8]) {
    let Some(seen) = look(packet) else { return };
    if seen.version == 4 {
        put(packet, 10, 0);
        let header = !sum(&packet[..seen.at]);
        put(packet, 10, header.into());
    }
    let place = seen.at + field(seen.protocol);
    if matches!(seen.protocol, TCP | UDP) && !seen.is_fragment() && place + 2 <= seen.end {
        put(packet, place, 0);
        let total = sum(&[&pseudo(packet, &seen).to_be_bytes()[..], &packet[seen.at..seen.end]].concat());
        let checksum = if total == 0xffff && seen.protocol == UDP { 0xffff } else { !total };
        put(packet, place, checksum.into());
    }
}

/// The packets that `whole` stands for; `None` when Linux would never hand it over or take it like that.
pub(crate) fn cut(frame: &[u8; VNET], whole: &[u8]) -> Option<Vec<Vec<u8>>> {
    let kind = frame[1] & 0x7f;
    if kind == 0 {
        return Some(vec![whole.to_vec()]);
    }
    let size = usize::from(u16::from_ne_bytes([frame[4], frame[5]]));
    let seen = look(whole).filter(|seen| !seen.is_fragment() && size > 0)?;
    let wanted = match kind {
        1 => (4, TCP),
        4 => (6, TCP),
        5 => (seen.version, UDP),
        _ => return None,
    };
    let transport = &whole[seen.at..seen.end];
    let len = match seen.protocol {
        TCP => usize::from(transport.get(12)? / 16) * 4,
        _ => 8,
    };
    let least = if seen.protocol == TCP { 20 } else { 8 };
    let fits = (seen.version, seen.protocol) == wanted && len >= least && len <= transport.len();
    fits.then(|| segments(&whole[..seen.end], &seen, seen.at + len, size))
}

fn segments(whole: &[u8], seen: &Seen, headers: usize, size: usize) -> Vec<Vec<u8>> {
    let (front, payload) = whole.split_at(headers);
    let pieces: Vec<&[u8]> = if payload.is_empty() { vec![payload] } else { payload.chunks(size).collect() };
    let last = pieces.len() - 1;
    let segment = |(number, piece): (usize, &&[u8])| {
        let mut segment = [front, piece].concat();
        let len = segment.len();
        if seen.version == 4 {
            put(&mut segment, 2, len);
            put(&mut segment, 4, usize::from(word(front, 4)) + number);
        } else {
            put(&mut segment, 4, len - 40);
        }
        if seen.protocol == UDP {
            put(&mut segment, seen.at + 4, len - seen.at);
        } else {
            of_tcp(&mut segment[seen.at..], number * size, number == last);
        }
        finish(&mut segment);
        segment
    };
    pieces.iter().enumerate().map(segment).collect()
}

/// FIN and PSH go to the last segment, CWR to the first.
fn of_tcp(segment: &mut [u8], before: usize, last: bool) {
    let number = u32::from_be_bytes([segment[4], segment[5], segment[6], segment[7]]).wrapping_add(before as u32);
    segment[4..8].copy_from_slice(&number.to_be_bytes());
    if !last {
        segment[13] &= !0x09;
    }
    if before > 0 {
        segment[13] &= !0x80;
    }
}

/// `cut` for what the engine gives to the device, with all that Linux checks or believes there.
pub(crate) fn taken(frame: &[u8; VNET], whole: &[u8]) -> Vec<Vec<u8>> {
    if *frame == [0; VNET] {
        return vec![whole.to_vec()];
    }
    let told = |at: usize| usize::from(u16::from_ne_bytes([frame[at], frame[at + 1]]));
    let seen = look(whole).expect("a large packet has an IP header");
    let field = field(seen.protocol);
    assert_eq!(frame[0], NEEDS_CHECKSUM);
    assert_eq!((seen.end, whole.len() <= 65_535), (whole.len(), true), "lengths of the whole");
    assert_eq!((told(6), told(8)), (seen.at, field), "where the checksum stands");
    assert_eq!(word(whole, seen.at + field), pseudo(whole, &seen), "half of the checksum");
    assert!(seen.version == 6 || sum(&whole[..seen.at]) == 0xffff, "the checksum of the IP header");
    let transport = if seen.protocol == TCP { usize::from(whole[seen.at + 12] / 16) * 4 } else { 8 };
    assert_eq!(told(2), seen.at + transport, "where the payload begins");
    assert!(seen.protocol == TCP || usize::from(word(whole, seen.at + 4)) == whole.len() - seen.at);
    let segments = cut(frame, whole).expect("Linux takes what is delivered");
    assert!((2..=64).contains(&segments.len()), "{} segments", segments.len());
    segments
}
