//! Octets that decide: what a trial does next is read from them, and when they are used up, everything is zero.

pub(crate) struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// From 0 to `limit`, which is left out.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let value = if limit > 256 { self.word().into() } else { usize::from(self.octet()) };
        value % limit
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// True for one value of `of`, and not when the octets are used up.
    pub(crate) fn rarely(&mut self, of: u8) -> bool {
        self.octet() % of == of - 1
    }

    /// The next octets, at most `len`.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }
}
