//! Records to the control side, one per message of a SOCK_SEQPACKET socket.
//!
//! All numbers are big-endian; the first octet says what it is:
//!
//! | octet 0 | then |
//! |---|---|
//! | 1 IKE | local address (4), local port (2), remote address (4), remote port (2), the ISAKMP message without marker |
//! | 2 EXPIRED | SA pair (8), hard (1): 0 or 1 |
//! | 3 MOVED | SA pair (8), remote address (4), remote port (2) |
//! | 4 BROKEN | why: UTF-8 |
//!
//! The reader is `lotor.dataplane.userspace.records`.

use std::net::SocketAddrV4;

use lotor_esp::lifetime::Expiry;

const IKE: u8 = 1;
const EXPIRED: u8 = 2;
const MOVED: u8 = 3;
const BROKEN: u8 = 4;

/// Replaces `out` by the record of an IKE message.
pub fn ike(local: SocketAddrV4, remote: SocketAddrV4, message: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.push(IKE);
    put_address(out, local);
    put_address(out, remote);
    out.extend_from_slice(message);
}

pub fn expired(child: u64, expiry: Expiry) -> Vec<u8> {
    let mut out = vec![EXPIRED];
    out.extend_from_slice(&child.to_be_bytes());
    out.push(u8::from(expiry == Expiry::Hard));
    out
}

pub fn moved(child: u64, remote: SocketAddrV4) -> Vec<u8> {
    let mut out = vec![MOVED];
    out.extend_from_slice(&child.to_be_bytes());
    put_address(&mut out, remote);
    out
}

pub fn broken(why: &str) -> Vec<u8> {
    let mut out = vec![BROKEN];
    out.extend_from_slice(why.as_bytes());
    out
}

fn put_address(out: &mut Vec<u8>, address: SocketAddrV4) {
    out.extend_from_slice(&address.ip().octets());
    out.extend_from_slice(&address.port().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let (local, remote) = ("192.0.2.1:4500".parse().unwrap(), "198.51.100.7:30416".parse().unwrap());
        let mut out = vec![9; 50];
        ike(local, remote, b"hello", &mut out);
        assert_eq!(out, b"\x01\xc0\x00\x02\x01\x11\x94\xc6\x33\x64\x07\x76\xd0hello");
        assert_eq!(expired(258, Expiry::Hard), b"\x02\0\0\0\0\0\0\x01\x02\x01");
        assert_eq!(expired(1, Expiry::Soft), b"\x02\0\0\0\0\0\0\0\x01\0");
        assert_eq!(moved(2, remote), b"\x03\0\0\0\0\0\0\0\x02\xc6\x33\x64\x07\x76\xd0");
        assert_eq!(broken("gone"), b"\x04gone");
    }
}
