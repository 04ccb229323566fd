//! Records to the control side, one per message of a SOCK_SEQPACKET socket.
//!
//! All numbers are big-endian; the first octet says what it is:
//!
//! | octet 0 | then |
//! |---|---|
//! | 1 IKE | local end, remote end, the ISAKMP message without marker |
//! | 2 EXPIRED | SA pair (8), hard (1): 0 or 1 |
//! | 3 MOVED | SA pair (8), remote end |
//! | 4 BROKEN | why: UTF-8 |
//! | 5 STRANGE | local end, remote end, SPI (4), octets of the packet (4) |
//!
//! An end is the IP version (1): 4 or 6, the address (4 or 16), the port (2).
//! The reader is `lotor.dataplane.userspace.records`.

use std::net::{IpAddr, SocketAddr};

use lotor_esp::lifetime::Expiry;

const IKE: u8 = 1;
const EXPIRED: u8 = 2;
const MOVED: u8 = 3;
const BROKEN: u8 = 4;
const STRANGE: u8 = 5;

/// Replaces `out` by the record of an IKE message.
pub fn ike(local: SocketAddr, remote: SocketAddr, message: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.push(IKE);
    put_end(out, local);
    put_end(out, remote);
    out.extend_from_slice(message);
}

pub fn expired(child: u64, expiry: Expiry) -> Vec<u8> {
    let mut out = vec![EXPIRED];
    out.extend_from_slice(&child.to_be_bytes());
    out.push(u8::from(expiry == Expiry::Hard));
    out
}

pub fn moved(child: u64, remote: SocketAddr) -> Vec<u8> {
    let mut out = vec![MOVED];
    out.extend_from_slice(&child.to_be_bytes());
    put_end(&mut out, remote);
    out
}

pub fn broken(why: &str) -> Vec<u8> {
    let mut out = vec![BROKEN];
    out.extend_from_slice(why.as_bytes());
    out
}

/// Replaces `out` by the record of a packet with an SPI of no SA pair.
pub fn strange(local: SocketAddr, remote: SocketAddr, spi: u32, octets: usize, out: &mut Vec<u8>) {
    out.clear();
    out.push(STRANGE);
    put_end(out, local);
    put_end(out, remote);
    out.extend_from_slice(&spi.to_be_bytes());
    out.extend_from_slice(&u32::try_from(octets).unwrap_or(u32::MAX).to_be_bytes());
}

fn put_end(out: &mut Vec<u8>, end: SocketAddr) {
    match end.ip() {
        IpAddr::V4(address) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.push(6);
            out.extend_from_slice(&address.octets());
        }
    }
    out.extend_from_slice(&end.port().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let (local, remote) = ("192.0.2.1:4500".parse().unwrap(), "198.51.100.7:30416".parse().unwrap());
        let mut out = vec![9; 50];
        ike(local, remote, b"hello", &mut out);
        assert_eq!(out, b"\x01\x04\xc0\x00\x02\x01\x11\x94\x04\xc6\x33\x64\x07\x76\xd0hello");
        strange(local, remote, 0x1234_5678, 92, &mut out);
        let ends = b"\x05\x04\xc0\x00\x02\x01\x11\x94\x04\xc6\x33\x64\x07\x76\xd0";
        assert_eq!(out, [&ends[..], b"\x12\x34\x56\x78\0\0\0\x5c"].concat());
        assert_eq!(expired(258, Expiry::Hard), b"\x02\0\0\0\0\0\0\x01\x02\x01");
        assert_eq!(expired(1, Expiry::Soft), b"\x02\0\0\0\0\0\0\0\x01\0");
        assert_eq!(moved(2, remote), b"\x03\0\0\0\0\0\0\0\x02\x04\xc6\x33\x64\x07\x76\xd0");
        let remote = "[2001:db8::7]:4500".parse().unwrap();
        let wanted = b"\x03\0\0\0\0\0\0\0\x02\x06\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x11\x94";
        assert_eq!(moved(2, remote), wanted);
        assert_eq!(broken("gone"), b"\x04gone");
    }
}
