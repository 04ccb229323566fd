//! Lifetimes of an SA pair, by time, by volume and by the end of its sequence numbers.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::Nanos;

/// Limits; `None` never. The octets are inner octets, counted for each direction by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub soft_after: Option<Nanos>,
    pub hard_after: Option<Nanos>,
    pub soft_octets: Option<u64>,
    pub hard_octets: Option<u64>,
}

/// Which lifetime is over: `Soft` asks for a new pair, `Hard` ends this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    Soft,
    Hard,
}

/// The life of one SA pair. Each expiry is told once.
#[derive(Debug)]
pub struct Life {
    soft_at: Option<Nanos>,
    hard_at: Option<Nanos>,
    soft_octets: u64,
    hard_octets: u64,
    last_sequence: u64,
    soft_told: AtomicBool,
    over: AtomicBool,
}

impl Life {
    /// `esn`: sequence numbers have 64 bits.
    pub fn new(limits: Limits, esn: bool, now: Nanos) -> Self {
        Self {
            soft_at: limits.soft_after.map(|after| now.saturating_add(after)),
            hard_at: limits.hard_after.map(|after| now.saturating_add(after)),
            soft_octets: limits.soft_octets.unwrap_or(u64::MAX),
            hard_octets: limits.hard_octets.unwrap_or(u64::MAX),
            last_sequence: if esn { u64::MAX } else { u32::MAX.into() },
            soft_told: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// What the clock says.
    pub fn at(&self, now: Nanos) -> Option<Expiry> {
        let reached = |limit: Option<Nanos>| limit.is_some_and(|limit| now >= limit);
        self.tell(reached(self.soft_at), reached(self.hard_at))
    }

    /// What `octets` in one direction say.
    pub fn spent(&self, octets: u64) -> Option<Expiry> {
        self.tell(octets >= self.soft_octets, octets >= self.hard_octets)
    }

    /// What the next sequence number says. A new pair is wanted for the last sixteenth; no number is used twice.
    pub fn numbered(&self, sequence: u64) -> Option<Expiry> {
        let soft = self.last_sequence - self.last_sequence / 16;
        self.tell(sequence >= soft, sequence > self.last_sequence)
    }

    /// When `at` may have something to tell.
    pub fn ends(&self) -> impl Iterator<Item = Nanos> {
        self.soft_at.into_iter().chain(self.hard_at)
    }

    fn tell(&self, soft: bool, hard: bool) -> Option<Expiry> {
        if hard {
            return (!self.over.swap(true, Relaxed)).then_some(Expiry::Hard);
        }
        (soft && !self.is_over() && !self.soft_told.swap(true, Relaxed)).then_some(Expiry::Soft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_told_once() {
        let limits = Limits { soft_after: Some(10), hard_after: Some(20), ..Limits::default() };
        let life = Life::new(limits, false, 100);
        assert_eq!((life.ends().collect::<Vec<_>>(), life.at(109)), (vec![110, 120], None));
        assert_eq!((life.at(110), life.at(111)), (Some(Expiry::Soft), None));
        assert!(!life.is_over());
        assert_eq!((life.at(120), life.at(121)), (Some(Expiry::Hard), None));
        assert!(life.is_over());
    }

    #[test]
    fn volume_and_sequence_end_it_too() {
        let life = Life::new(Limits { soft_octets: Some(100), hard_octets: Some(200), ..Limits::default() }, false, 0);
        assert_eq!((life.spent(99), life.spent(100), life.spent(150)), (None, Some(Expiry::Soft), None));
        assert_eq!((life.spent(200), life.spent(300)), (Some(Expiry::Hard), None));
        let life = Life::new(Limits::default(), false, 0);
        assert_eq!((life.numbered(0xefff_ffff), life.numbered(0xf000_0000)), (None, Some(Expiry::Soft)));
        assert_eq!((life.numbered(0xffff_ffff), life.numbered(0x1_0000_0000)), (None, Some(Expiry::Hard)));
        assert_eq!(life.ends().count(), 0);
        let long = Life::new(Limits::default(), true, 0);
        assert_eq!((long.numbered(0x1_0000_0000), long.numbered(u64::MAX)), (None, Some(Expiry::Soft)));
    }

    #[test]
    fn a_dead_pair_asks_for_nothing() {
        let life = Life::new(Limits { soft_octets: Some(1), hard_octets: Some(1), ..Limits::default() }, false, 0);
        assert_eq!((life.spent(5), life.spent(5)), (Some(Expiry::Hard), None));
    }
}
