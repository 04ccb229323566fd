//! A batch: ESP packets of one SA pair, one behind the other, that leave by one system call.

/// As many as the kernel takes as segments of one datagram (UDP_SEGMENT).
pub const MOST_PACKETS: usize = 64;
/// What fits into one UDP datagram over IPv4.
pub const MOST_OCTETS: usize = 65_507;

/// Equally long packets; only the last may be shorter. Its room is made once.
pub struct Batch {
    room: Box<[u8]>,
    len: usize,
    /// Octets of each packet but the last; 0 while there is none.
    stride: usize,
    packets: usize,
    /// The last packet is shorter: nothing fits behind it.
    closed: bool,
    class: u8,
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    pub fn new() -> Self {
        Self { room: vec![0; MOST_OCTETS].into(), len: 0, stride: 0, packets: 0, closed: false, class: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// DSCP and ECN of the outer headers.
    pub fn class(&self) -> u8 {
        self.class
    }

    /// Whether packets of that class may stand in this batch.
    pub(crate) fn goes_as(&self, class: u8) -> bool {
        self.class == class
    }

    /// Only of an empty batch.
    pub(crate) fn set_class(&mut self, class: u8) {
        debug_assert!(self.is_empty());
        self.class = class;
    }

    /// Whether a packet of `len` octets may stand behind the others.
    pub fn takes(&self, len: usize) -> bool {
        let fits = self.len + len <= MOST_OCTETS && self.packets < MOST_PACKETS;
        fits && (self.is_empty() || (!self.closed && len <= self.stride))
    }

    /// Room for the next packet; its octets are left over from others. `takes` was asked before.
    pub fn push(&mut self, len: usize) -> &mut [u8] {
        debug_assert!(self.takes(len));
        if self.is_empty() {
            self.stride = len;
        }
        self.closed = len < self.stride;
        let start = self.len;
        self.len += len;
        self.packets += 1;
        &mut self.room[start..start + len]
    }

    /// Whether several packets are in it, all of one length.
    pub fn is_even(&self) -> bool {
        self.packets > 1 && !self.closed
    }

    pub fn clear(&mut self) {
        (self.len, self.stride, self.packets, self.closed) = (0, 0, 0, false);
    }

    pub fn octets(&self) -> &[u8] {
        &self.room[..self.len]
    }

    /// Octets of each packet but the last.
    pub fn stride(&self) -> usize {
        self.stride
    }

    pub fn packets(&self) -> std::slice::Chunks<'_, u8> {
        self.room[..self.len].chunks(self.stride.max(1))
    }

    pub(crate) fn octets_mut(&mut self) -> &mut [u8] {
        &mut self.room[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_packets_and_one_shorter() {
        let mut batch = Batch::new();
        for _ in 0..3 {
            assert!(batch.takes(100));
            batch.push(100).fill(7);
        }
        assert!(!batch.takes(101) && batch.is_even());
        batch.push(40).fill(8);
        assert!(!batch.takes(40) && !batch.takes(100) && !batch.is_even());
        assert_eq!(batch.packets().map(<[u8]>::len).collect::<Vec<_>>(), [100, 100, 100, 40]);
        assert_eq!((batch.octets().len(), batch.stride()), (340, 100));
        batch.clear();
        batch.push(40);
        assert!(!batch.is_even());
        batch.clear();
        assert!(batch.is_empty() && batch.takes(1400) && batch.packets().next().is_none());
    }

    #[test]
    fn neither_too_many_nor_too_much() {
        let mut batch = Batch::new();
        while batch.takes(64) {
            batch.push(64);
        }
        assert_eq!(batch.packets().count(), MOST_PACKETS);
        batch.clear();
        while batch.takes(1456) {
            batch.push(1456);
        }
        assert_eq!(batch.packets().count(), MOST_OCTETS / 1456);
    }
}
