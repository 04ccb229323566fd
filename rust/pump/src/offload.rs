//! Which shortcuts through the kernel are taken. Each is probed at the start and fails alone.

/// `Default` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloads {
    /// The TUN device gives and takes TCP packets of up to 64 KiB (TSO).
    pub tun_tcp: bool,
    /// The same for UDP (USO, Linux 6.2).
    pub tun_udp: bool,
    /// Datagrams of one length leave by one call (UDP_SEGMENT, Linux 4.18).
    pub udp_segment: bool,
    /// Datagrams of one length arrive by one call (UDP_GRO, Linux 5.0).
    pub udp_receive: bool,
    /// What leaves by one call ends with a keepalive where all datagrams would be of one length: some kernels garble them.
    pub segment_tail: bool,
}

impl Offloads {
    pub const ALL: Self =
        Self { tun_tcp: true, tun_udp: true, udp_segment: true, udp_receive: true, segment_tail: false };
}
