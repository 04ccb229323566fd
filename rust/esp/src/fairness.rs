//! Fairness under overload without a queue of our own: which packets are not worth sealing or opening while more comes than
//! can be carried.
//!
//! A source (the TUN device, a socket) that runs empty at the end of a turn is not overloaded, and all of this costs a branch.
//! Otherwise what each SA pair asks for is counted, in intervals of ten milliseconds. While the source does not run empty for a whole
//! interval, a *share* shrinks, slowly at first; when it does, the share grows again. A pair that asks for no more than
//! the share loses nothing. Of one that asks for more so many packets are chosen, at random, that the share is left: they are marked
//! if they know ECN and few are chosen, else dropped. This is approximate fair dropping (Pan, Breslau, Prabhakar and Shenker,
//! "Approximate fairness through differential dropping", CCR 33:2, 2003) with "has it been empty?" in place of the length of the queue, which no
//! descriptor tells; the patience with what is alone is that of CoDel (RFC 8289 §3.2).
//!
//! A packet of ESP is judged before it is opened, so that nobody knows yet who sent it. What turns out to prove nothing is taken off
//! the pair again and put to the account of *strangers*, who share one; what does not come from where the peer is, is judged by
//! that account from the start. Of what is dropped unopened as much counts as was proved of the pair's packets lately.
//!
//! Reading what is then dropped costs time as well. So it happens only for the sake of somebody: where all that ask, ask for
//! the same, or one is alone, hardly anything is chosen, enough for TCP to slow down. And no pair loses more than
//! seven of eight.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::Nanos;

/// After so long the share is reconsidered.
pub const INTERVAL: Nanos = 10_000_000;
/// What a packet costs beside its octets, in octets.
const PACKET: u64 = 1000;
/// Intervals that a pair may keep the source from running empty when nobody suffers.
const PATIENCE: u32 = 10;
/// Of so many packets of pairs that are alone or equal one is chosen: about as many as CoDel would choose of a large stream.
const HINT: u64 = 512;
/// How long somebody who asked for little is expected to ask again.
const MEMORY: Nanos = 100 * INTERVAL;
/// What must go beside what cannot be carried, that the queue becomes shorter: a 64th, a 32nd, …, at most a quarter.
const FIRST_CUT: u32 = 6;
const LAST_CUT: u32 = 2;

const NO_LIMIT: u64 = u64::MAX;

/// What one pair asks of one source. Its user is one thread.
#[derive(Debug, Default)]
pub struct Demand {
    /// The interval that `now` counts.
    interval: AtomicU64,
    now: AtomicU64,
    /// That of the interval before.
    before: AtomicU64,
    /// What passed, and how much of that proved nothing; older intervals count half.
    passed: AtomicU64,
    unproved: AtomicU64,
}

impl Demand {
    /// How much of what is dropped is the pair's own, by what was found in what passed.
    fn own(&self, cost: u64) -> u64 {
        let (passed, unproved) = (self.passed.load(Relaxed).max(1), self.unproved.load(Relaxed));
        cost - scaled(cost, unproved.min(passed), passed)
    }
}

fn add(counter: &AtomicU64, cost: u64) {
    counter.store(counter.load(Relaxed) + cost, Relaxed);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Pass,
    /// It is marked, or dropped if it knows no marks.
    Slow,
    Drop,
}

/// One source of packets.
#[derive(Debug)]
pub struct Fairness {
    /// Between calm and calm; else nothing is counted.
    busy: bool,
    /// The number of the interval; that of a new `Demand` is none.
    interval: u64,
    began: Nanos,
    /// The source ran empty in this interval, and in the last turn.
    emptied: bool,
    drained: bool,
    /// Whole intervals in a row in which it did not.
    standing: u32,
    /// What a pair may ask for in the time of one interval, NO_LIMIT in calm.
    share: u64,
    /// What that was in the last interval, which may have been longer.
    limit: u64,
    /// Until then somebody may ask for less than others.
    uneven_until: Nanos,
    asked: Asked,
    /// What nobody proves to be his.
    strangers: Demand,
    random: u32,
}

/// What all pairs asked for in one interval.
#[derive(Debug, Default)]
struct Asked {
    total: u64,
    /// What was neither dropped nor marked.
    carried: u64,
    greediest: u64,
    pairs: u64,
    /// How many had asked for more than the share before, and what the others ask for together.
    above: u64,
    below: u64,
}

impl Default for Fairness {
    fn default() -> Self {
        Self {
            busy: false,
            interval: 2,
            began: 0,
            emptied: false,
            drained: false,
            standing: 0,
            share: NO_LIMIT,
            limit: NO_LIMIT,
            uneven_until: 0,
            asked: Asked::default(),
            strangers: Demand::default(),
            random: 0x9e37_79b9,
        }
    }
}

impl Fairness {
    /// What becomes of `packets` packets of one pair, together `octets` long.
    pub fn judge(&mut self, demand: &Demand, packets: usize, octets: usize) -> Fate {
        if !self.busy {
            return Fate::Pass;
        }
        let cost = cost(packets, octets);
        let asked = self.asked.before(demand, self.interval, self.limit);
        let fate = self.fate(asked);
        let own = if fate == Fate::Drop { demand.own(cost) } else { cost };
        if fate != Fate::Drop {
            add(&demand.passed, cost);
        }
        self.asked.add(demand, own, asked <= self.limit);
        if fate == Fate::Pass {
            self.asked.carried += cost;
        }
        fate
    }

    /// The same for what does not come from where the peer of its pair is.
    pub fn judge_strangers(&mut self, packets: usize, octets: usize) -> Fate {
        let strangers = std::mem::take(&mut self.strangers);
        let fate = self.judge(&strangers, packets, octets);
        self.strangers = strangers;
        fate
    }

    /// Of what passed just now for a pair, so much proved nothing.
    pub fn unproved(&mut self, demand: &Demand, packets: usize, octets: usize) {
        if !self.busy || packets == 0 {
            return;
        }
        let cost = cost(packets, octets).min(demand.now.load(Relaxed));
        add(&demand.unproved, cost);
        let modest = demand.before.load(Relaxed) <= self.limit;
        self.asked.take_off(demand, cost, modest);
        let asked = self.asked.before(&self.strangers, self.interval, self.limit);
        self.asked.add(&self.strangers, cost, asked <= self.limit);
    }

    /// `asked`: by the pair, in the last interval.
    fn fate(&mut self, asked: u64) -> Fate {
        if asked <= self.limit || self.below(asked) < self.limit {
            Fate::Pass
        } else if self.limit >= asked - asked / 4 {
            Fate::Slow
        } else {
            Fate::Drop
        }
    }

    /// Any number below `limit`, from a xorshift generator (Marsaglia, "Xorshift RNGs", 2003).
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        ((u128::from(limit) * u128::from(self.random)) >> u32::BITS) as u64
    }

    /// The source had its turn, and gave all that it had if it was `emptied`. The clock is asked only while that matters.
    pub fn turn(&mut self, emptied: bool, clock: impl FnOnce() -> Nanos) {
        if emptied && !self.busy {
            return;
        }
        let now = clock();
        let (idle, passed) = (self.drained, now.saturating_sub(self.began));
        self.drained = emptied;
        self.emptied |= emptied;
        if !self.busy || (idle && passed >= u64::from(PATIENCE) * INTERVAL) {
            (self.share, self.limit, self.standing) = (NO_LIMIT, NO_LIMIT, 0);
            self.busy = !emptied;
        } else if passed < INTERVAL {
            return;
        } else {
            self.reconsider(now, passed);
        }
        (self.began, self.emptied, self.asked) = (now, false, Asked::default());
        self.interval += 1;
    }

    /// At the end of an interval that took so long.
    fn reconsider(&mut self, now: Nanos, passed: Nanos) {
        if self.asked.is_uneven() {
            self.uneven_until = now + MEMORY;
        }
        self.limit = scaled(self.share, passed, INTERVAL);
        if self.emptied {
            self.grow();
        } else {
            self.shrink(now < self.uneven_until);
        }
        self.share = scaled(self.limit, INTERVAL, passed);
    }

    fn grow(&mut self) {
        self.standing = 0;
        self.limit = self.limit.saturating_add(self.limit / 32);
        if self.limit >= self.asked.greediest {
            (self.limit, self.busy) = (NO_LIMIT, false);
        }
    }

    fn shrink(&mut self, somebody_suffers: bool) {
        self.standing += 1;
        let Some(step) = self.standing.checked_sub(if somebody_suffers { 1 } else { PATIENCE }) else { return };
        let Asked { carried, greediest, .. } = self.asked;
        let fits = carried - (carried >> FIRST_CUT.saturating_sub(step).max(LAST_CUT));
        let least = if somebody_suffers { greediest / 8 } else { greediest - greediest / HINT };
        let before = self.limit.min(greediest);
        self.limit = self.asked.share_of(fits).max(before - before / 4).max(least);
    }
}

fn cost(packets: usize, octets: usize) -> u64 {
    PACKET * packets as u64 + octets as u64
}

/// What `cost` in the time `from` is in the time `to`.
fn scaled(cost: u64, to: Nanos, from: Nanos) -> u64 {
    u64::try_from(u128::from(cost) * u128::from(to) / u128::from(from)).unwrap_or(NO_LIMIT)
}

impl Asked {
    /// What a pair asked for in the interval before.
    fn before(&mut self, demand: &Demand, interval: u64, limit: u64) -> u64 {
        let last = demand.interval.load(Relaxed);
        if last == interval {
            return demand.before.load(Relaxed);
        }
        let before = if last + 1 == interval { demand.now.load(Relaxed) } else { 0 };
        demand.before.store(before, Relaxed);
        demand.now.store(0, Relaxed);
        demand.interval.store(interval, Relaxed);
        for counter in [&demand.passed, &demand.unproved] {
            counter.store(counter.load(Relaxed) / 2, Relaxed);
        }
        self.pairs += 1;
        self.above += u64::from(before > limit);
        before
    }

    /// Counts what a pair asks for; a `modest` one asked for no more than the share before.
    fn add(&mut self, demand: &Demand, cost: u64, modest: bool) {
        add(&demand.now, cost);
        self.total += cost;
        self.greediest = self.greediest.max(demand.now.load(Relaxed));
        self.below += if modest { cost } else { 0 };
    }

    fn take_off(&mut self, demand: &Demand, cost: u64, modest: bool) {
        demand.now.store(demand.now.load(Relaxed) - cost, Relaxed);
        self.total -= cost;
        self.below -= if modest { cost } else { 0 };
    }

    /// What each may ask for that all together get what `fits`: an equal part, and more where others ask for less.
    fn share_of(&self, fits: u64) -> u64 {
        let equal = fits / self.pairs.max(1);
        match self.above {
            0 => self.greediest - self.greediest / 64,
            above => equal.max(fits.saturating_sub(self.below) / above),
        }
    }

    /// Whether somebody asks for much less than the greediest.
    fn is_uneven(&self) -> bool {
        self.total < self.pairs * (self.greediest / 4 * 3)
    }
}

#[cfg(test)]
#[path = "fairness_tests.rs"]
mod tests;
