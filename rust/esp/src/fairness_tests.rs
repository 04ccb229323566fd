//! An engine in virtual time: pairs put packets into a queue as the kernel's, and one thread reads, judges and carries.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const MILLISECOND: Nanos = 1_000_000;
const SECOND: Nanos = 1_000_000_000;
/// What the kernel keeps, and what one turn takes.
const QUEUE: usize = 2000;
const TURN: usize = 64;

/// One that sends packets of `octets` every `gap`.
#[derive(Clone, Copy, Debug)]
struct Sender {
    gap: Nanos,
    octets: usize,
    /// It knows marks, and halves what it sends for a while when it gets one.
    heeds: bool,
    forges: Option<Forger>,
}

/// Sends with the SPI of the first sender what proves nothing: from its address, or from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Forger {
    WithItsAddress,
    FromElsewhere,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Outcome {
    sent: u64,
    carried: u64,
    marked: u64,
    shed: u64,
    overflown: u64,
    /// The longest that a packet waited in the second half of the time.
    waited: Nanos,
}

impl Outcome {
    fn lost(&self) -> f64 {
        (self.shed + self.overflown) as f64 / self.sent as f64
    }
}

struct Engine {
    fairness: Fairness,
    fair: bool,
    demands: Vec<Demand>,
    queue: VecDeque<(usize, Nanos)>,
    due: Vec<Nanos>,
    calm_from: Vec<Nanos>,
    outcomes: Vec<Outcome>,
    now: Nanos,
    random: u32,
    /// Now and then the thread does not run.
    stalls: bool,
    stall: Nanos,
}

const READ: Nanos = 5_000;
const CARRY: Nanos = 45_000;
const END: Nanos = 2 * SECOND;

/// Twenty thousand packets a second.
fn run(senders: &[Sender], fair: bool) -> Vec<Outcome> {
    engine(senders, fair, false)
}

fn engine(senders: &[Sender], fair: bool, stalls: bool) -> Vec<Outcome> {
    let mut engine = Engine {
        fairness: Fairness::default(),
        fair,
        demands: senders.iter().map(|_| Demand::default()).collect(),
        queue: VecDeque::new(),
        due: (0..senders.len() as u64).map(|at| at * 777).collect(),
        calm_from: vec![0; senders.len()],
        outcomes: vec![Outcome::default(); senders.len()],
        now: 0,
        random: 7,
        stalls,
        stall: 0,
    };
    while engine.now < END {
        engine.arrive(senders);
        if engine.queue.is_empty() {
            engine.now = *engine.due.iter().min().unwrap();
            continue;
        }
        engine.turn(senders);
    }
    engine.outcomes
}

impl Engine {
    fn arrive(&mut self, senders: &[Sender]) {
        loop {
            let (at, due) = self.due.iter().copied().enumerate().min_by_key(|(_, due)| *due).unwrap();
            if due > self.now {
                return;
            }
            let slowed = if due < self.calm_from[at] { 2 } else { 1 };
            self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (gap, random) = (senders[at].gap * slowed, u64::from(self.random >> 16));
            self.due[at] += gap / 2 + ((gap * random) >> 16);
            self.outcomes[at].sent += 1;
            if self.queue.len() < QUEUE {
                self.queue.push_back((at, due));
            } else {
                self.outcomes[at].overflown += 1;
            }
        }
    }

    fn turn(&mut self, senders: &[Sender]) {
        let mut emptied = false;
        for _ in 0..TURN {
            self.arrive(senders);
            let Some((at, since)) = self.queue.pop_front() else {
                emptied = true;
                break;
            };
            self.now += READ;
            let fate = self.judge(at, senders[at]);
            self.carry(at, since, fate, senders[at].heeds);
        }
        if self.stalls && self.now > self.stall {
            self.now += 30 * MILLISECOND;
            self.stall = self.now + 77 * MILLISECOND;
        }
        let now = self.now;
        if self.fair {
            self.fairness.turn(emptied, || now);
        }
    }

    fn judge(&mut self, at: usize, sender: Sender) -> Fate {
        let Some(forger) = sender.forges else { return self.fairness.judge(&self.demands[at], 1, sender.octets) };
        if forger == Forger::FromElsewhere {
            return self.fairness.judge_strangers(1, sender.octets);
        }
        let fate = self.fairness.judge(&self.demands[0], 1, sender.octets);
        if fate != Fate::Drop {
            self.fairness.unproved(&self.demands[0], 1, sender.octets);
        }
        fate
    }

    fn carry(&mut self, at: usize, since: Nanos, fate: Fate, heeds: bool) {
        let outcome = &mut self.outcomes[at];
        if self.now > END / 2 {
            outcome.waited = outcome.waited.max(self.now - since);
        }
        if fate == Fate::Drop || (fate == Fate::Slow && !heeds) {
            outcome.shed += 1;
            return;
        }
        if fate == Fate::Slow {
            outcome.marked += 1;
            self.calm_from[at] = self.now + 20 * MILLISECOND;
        }
        outcome.carried += 1;
        self.now += CARRY;
    }
}

fn sender(a_second: u64, octets: usize) -> Sender {
    Sender { gap: SECOND / a_second, octets, heeds: false, forges: None }
}

const MODEST: u64 = 1_000;

#[test]
fn the_modest_lose_next_to_nothing_beside_a_greedy_one() {
    for greed in [22_000, 30_000, 40_000, 80_000] {
        let senders = [sender(greed, 1400), sender(MODEST, 200), sender(50, 84)];
        let (unfair, fair) = (run(&senders, false), run(&senders, true));
        let overload = 1.0 - 20_000.0 / (greed + MODEST) as f64;
        assert!(unfair[1].lost() > overload * 0.7 && unfair[1].waited > 80 * MILLISECOND, "{greed}: {unfair:?}");
        assert!(fair[1].lost() < 0.04 && fair[2].lost() < 0.06, "{greed}: {fair:?}");
        assert_eq!((fair[1].shed, fair[2].shed), (0, 0));
        assert!(fair[0].shed > 0 && fair[1].waited < unfair[1].waited, "{greed}: {fair:?}");
        assert!(fair[0].carried > unfair[0].carried / 2, "{greed}: {fair:?}");
    }
}

#[test]
fn n13_what_is_forged_in_the_name_of_a_pair_does_not_cost_it_its_share() {
    for flood in [22_000, 40_000, 80_000] {
        for forger in [Forger::WithItsAddress, Forger::FromElsewhere] {
            let forged = Sender { forges: Some(forger), ..sender(flood, 200) };
            let outcomes = run(&[sender(MODEST, 200), sender(MODEST, 200), forged], true);
            assert_eq!((outcomes[0].shed, outcomes[1].shed), (0, 0), "{flood} {forger:?}: {outcomes:?}");
            if forger == Forger::FromElsewhere {
                assert!(outcomes[0].lost() < 0.06 && outcomes[2].shed > 0, "{flood}: {outcomes:?}");
            }
        }
    }
}

#[test]
fn n13_a_greedy_pair_loses_no_more_for_what_is_forged_in_its_name() {
    let forged = Sender { forges: Some(Forger::WithItsAddress), ..sender(10_000, 200) };
    let outcomes = run(&[sender(15_000, 1400), sender(MODEST, 200), forged], true);
    let alone = run(&[sender(25_000, 1400), sender(MODEST, 200)], true);
    let shed = |outcome: &Outcome| outcome.shed as f64 / outcome.sent as f64;
    assert!(shed(&outcomes[0]) < shed(&alone[0]) + 0.05, "{outcomes:?} {alone:?}");
    assert_eq!(outcomes[1].shed, 0);
}

#[test]
fn n13_what_is_dropped_unopened_counts_as_far_as_the_pair_proved_the_rest() {
    let (mut fairness, demand) = (Fairness { busy: true, ..Fairness::default() }, Demand::default());
    assert_eq!(demand.own(1000), 1000);
    fairness.judge(&demand, 4, 0);
    fairness.unproved(&demand, 3, 0);
    assert_eq!((demand.now.load(Relaxed), fairness.strangers.now.load(Relaxed)), (PACKET, 3 * PACKET));
    assert_eq!((demand.own(1000), fairness.asked.total), (250, 4 * PACKET));
    fairness.unproved(&demand, 9, 0);
    assert_eq!((demand.now.load(Relaxed), demand.own(1000), fairness.asked.total), (0, 0, 4 * PACKET));
}

#[test]
fn a_thread_that_does_not_always_run_does_not_blame_the_modest() {
    for greed in [20_000, 30_000, 60_000] {
        let outcomes = engine(&[sender(greed, 1400), sender(MODEST, 200)], true, true);
        assert!(outcomes[0].shed > 1000 && outcomes[1].shed == 0, "{greed}: {outcomes:?}");
    }
}

#[test]
fn who_is_alone_loses_next_to_nothing_of_what_can_be_carried() {
    for greed in [22_000, 40_000, 100_000] {
        let (unfair, fair) = (run(&[sender(greed, 1400)], false), run(&[sender(greed, 1400)], true));
        assert!(fair[0].carried as f64 > unfair[0].carried as f64 * 0.98, "{greed}: {unfair:?} {fair:?}");
    }
}

#[test]
fn equals_lose_next_to_nothing_of_what_can_be_carried() {
    let senders = [sender(40_000, 1400); 2];
    let total = |outcomes: Vec<Outcome>| outcomes.iter().map(|outcome| outcome.carried).sum::<u64>() as f64;
    let (unfair, fair) = (total(run(&senders, false)), total(run(&senders, true)));
    assert!(fair > unfair * 0.95, "{unfair} {fair}");
}

#[test]
fn what_knows_marks_is_marked_rather_than_dropped() {
    let heeds = Sender { heeds: true, ..sender(26_000, 1400) };
    for senders in [vec![heeds], vec![heeds, sender(MODEST, 200)]] {
        let (unfair, fair) = (run(&senders, false), run(&senders, true));
        assert!(fair[0].marked > 5 * fair[0].shed, "{fair:?}");
        assert!(fair[0].lost() < unfair[0].lost() / 2.0, "{unfair:?} {fair:?}");
    }
}

#[test]
fn nothing_is_counted_and_no_clock_is_read_while_the_source_runs_empty() {
    let (mut fairness, demand) = (Fairness::default(), Demand::default());
    for _ in 0..1000 {
        assert_eq!(fairness.judge(&demand, 45, 65_000), Fate::Pass);
        fairness.turn(true, || unreachable!());
    }
    assert_eq!(demand.now.load(Relaxed), 0);
}

#[test]
fn a_pause_ends_it() {
    let (mut fairness, greedy, modest) = (Fairness::default(), Demand::default(), Demand::default());
    for turn in 0..100 {
        fairness.judge(&modest, 1, 100);
        for _ in 0..64 {
            fairness.judge(&greedy, 1, 1400);
        }
        fairness.turn(false, || turn * MILLISECOND);
    }
    assert!(fairness.share < u64::MAX);
    fairness.turn(true, || 101 * MILLISECOND);
    fairness.turn(true, || SECOND);
    assert!((0..1000).all(|_| fairness.judge(&greedy, 1, 1400) == Fate::Pass));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whoever asks for no more than an equal part of what is carried is never touched, and of nobody more than seven
    /// of eight are.
    #[test]
    fn a_fair_share_is_never_touched(greed in 10_000u64..120_000, others in prop::collection::vec(50u64..800, 1..8)) {
        let mut senders: Vec<Sender> = others.iter().map(|rate| sender(*rate, 200)).collect();
        senders.push(sender(greed, 1400));
        let outcomes = run(&senders, true);
        let (greedy, modest) = outcomes.split_last().unwrap();
        prop_assert!(modest.iter().all(|outcome| outcome.shed == 0), "{:?}", outcomes);
        prop_assert!(greedy.shed <= (greedy.carried + greedy.shed) * 9 / 10, "{:?}", outcomes);
    }
}
