//! Notices that the control side has not taken yet. An SA pair has at most three of them, however many packets come and
//! however long nobody reads: the end of each of its two lifetimes, and where its peer was last.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use lotor_esp::lifetime::Expiry;

use crate::record;

enum Notice {
    Expired(u64, Expiry),
    /// To the address that `Notices::moved` has.
    Moved(u64),
}

#[derive(Default)]
pub(crate) struct Notices {
    queue: VecDeque<Notice>,
    /// The latest address of those pairs that have a `Notice::Moved`.
    moved: HashMap<u64, SocketAddr>,
}

impl Notices {
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Each end of a lifetime comes once (`lotor_esp::lifetime::Life`).
    pub(crate) fn expired(&mut self, child: u64, expiry: Expiry) {
        self.queue.push_back(Notice::Expired(child, expiry));
    }

    /// Takes the place of an address that was not told yet.
    pub(crate) fn moved(&mut self, child: u64, remote: SocketAddr) {
        if self.moved.insert(child, remote).is_none() {
            self.queue.push_back(Notice::Moved(child));
        }
    }

    /// Gives the records to `send` in their order, until it takes one no more; that one stays the first.
    pub(crate) fn flush(&mut self, mut send: impl FnMut(&[u8]) -> bool) {
        while let Some(notice) = self.queue.front() {
            let record = match notice {
                Notice::Expired(child, expiry) => Some(record::expired(*child, *expiry)),
                Notice::Moved(child) => self.moved.get(child).map(|remote| record::moved(*child, *remote)),
            };
            if record.is_some_and(|record| !send(&record)) {
                return;
            }
            if let Some(Notice::Moved(child)) = self.queue.pop_front() {
                self.moved.remove(&child);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    fn flushed(notices: &mut Notices, room: usize) -> Vec<Vec<u8>> {
        let mut sent = Vec::new();
        notices.flush(|record| {
            let fits = sent.len() < room;
            if fits {
                sent.push(record.to_vec());
            }
            fits
        });
        sent
    }

    #[test]
    fn f11_a_pair_that_moves_all_the_time_has_one_notice_with_its_last_address() {
        let mut notices = Notices::default();
        for port in 1..=60_000 {
            notices.moved(7, at(port));
            notices.moved(8, at(1));
        }
        notices.expired(7, Expiry::Soft);
        assert_eq!((notices.queue.len(), notices.moved.len()), (3, 2));
        let wanted = [record::moved(7, at(60_000)), record::moved(8, at(1)), record::expired(7, Expiry::Soft)];
        assert_eq!(flushed(&mut notices, 9), wanted);
        assert!(notices.is_empty() && notices.moved.is_empty());
    }

    #[test]
    fn what_is_not_taken_stays_and_what_was_told_is_told_anew() {
        let mut notices = Notices::default();
        notices.moved(7, at(1));
        notices.expired(8, Expiry::Hard);
        assert_eq!(flushed(&mut notices, 0), Vec::<Vec<u8>>::new());
        notices.moved(7, at(2));
        assert_eq!(flushed(&mut notices, 1), [record::moved(7, at(2))]);
        notices.moved(7, at(3));
        assert_eq!(flushed(&mut notices, 9), [record::expired(8, Expiry::Hard), record::moved(7, at(3))]);
    }
}
