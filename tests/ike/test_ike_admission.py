"""Floods of first messages in virtual time: who is answered, who gets in beside them, and what a stranger costs."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from itertools import pairwise

import pytest

from lotor.ike import halfopen
from lotor.ike.admission import LOAD_OVER_AFTER_S, PUSHED_OUT
from lotor.ike.effects import Transmit
from lotor.ike.events import Dead, Deferring, Ended, PhaseOneUp, Renewed, Started, Undeferred, Up
from lotor.ike.questions import AskPerson
from lotor.ike.repeats import REMEMBERED_S, Repeats
from lotor.ike.v1 import protocol
from lotor.model.network import Path, Peer
from lotor.model.policy import KNOWN, STRANGERS, AdmissionLimits, Dpd, Policy, Retransmission
from lotor.wire.v1.fragment import split
from peers.counter import Counter
from peers.speaker import Speaker
from peers.world import CHILD, CLIENT, GATEWAY, NEVER, CheapRandomness, Host, World, connect, is_up

HERE = Peer(IPv4Address("192.0.2.50"), 500)
HOME = IPv4Address("203.0.113.1")
SCHEDULES = {
    "lotor": Retransmission(),
    "strongswan": Retransmission(interval=4.0),
    "apple": Retransmission(interval=3.0),
    "racoon": Retransmission(interval=10.0),
}
FIRST = Speaker().first()


def distinct(number: int) -> tuple[bytes, Peer]:
    """The first message of a stranger like no other, from an address like no other."""
    return (number + 1).to_bytes(8, "big") + FIRST[8:], Peer(IPv4Address(0xC6120000 + number), 500)


class Flood:
    """First messages at an average rate; `message` makes the one of a number."""

    def __init__(self, world: World, gateway: Host, rate: float, message=distinct) -> None:
        self.world, self.gateway, self.message, self.rate = world, gateway, message, rate
        self.sent, self.over = 0, False
        self._send()

    def _send(self) -> None:
        if self.over:
            return
        data, source = self.message(self.sent)
        self.sent += 1
        self.world._arrive(source, HERE, data, False)
        self.world.later(self.world.random.expovariate(self.rate), self._send)


class Besieged:
    """A gateway and clients of every kind, each at home somewhere else, or all in one place."""

    def __init__(self, seed: int = 0, gateway=GATEWAY, **limits) -> None:
        self.world = World(seed)
        policy = Policy((gateway,), CHILD, admission=AdmissionLimits(**limits))
        self.gateway = self.world.add(Host("gateway", HERE.address, policy, CheapRandomness(seed)))
        self.clients: list[Host] = []
        self.began: dict[Host, float] = {}
        self.up: dict[Host, float] = {}

    def client(self, timing: Retransmission, home: IPv4Address, remote=CLIENT) -> Host:
        number = len(self.clients)
        policy = Policy((remote,), CHILD, retransmission=timing)
        host = Host(f"client {number}", IPv4Address(0x0A010000 + number), policy, CheapRandomness(1000 + number))
        self.clients.append(self.world.add(host, behind=home))
        return host

    def dial(self, host: Host, after: float = 0.0) -> None:
        def begin() -> None:
            self.began[id(host)] = self.world.now
            connect(self.world, host, self.gateway)

        self.world.later(after, begin)

    def crowd(self, per_kind: int, spread: float, *, together: bool = False) -> None:
        """Clients of every kind, who begin one after the other."""
        for kind, timing in enumerate(SCHEDULES.values()):
            for number in range(per_kind):
                index = kind * per_kind + number
                home = HOME if together else IPv4Address(0xCB007100 + index)
                self.dial(self.client(timing, home), spread * index / (per_kind * len(SCHEDULES)))

    def run(self, seconds: float) -> None:
        def all_up() -> bool:
            for host in self.clients:
                if id(host) not in self.up and is_up(host):
                    self.up[id(host)] = self.world.now
            return len(self.up) == len(self.clients)

        self.world.run(seconds, all_up)

    def took(self) -> list[float]:
        """Seconds of each login; infinite for one that did not come up."""
        return [self.up.get(key, float("inf")) - began for key, began in self.began.items()]


# --- who gets in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [50, 200, 800])
def test_f3_every_client_gets_in_beside_first_messages_from_distinct_sources(rate):
    scene = Besieged(rate)
    flood = Flood(scene.world, scene.gateway, rate)
    scene.world.run(5)
    scene.crowd(per_kind=6, spread=5)
    scene.run(25)
    assert max(scene.took()) <= 15
    assert flood.sent > rate * 5
    tally = scene.gateway.endpoint.admissions()
    assert tally.deferred > 0.5 * flood.sent
    assert tally.half_open <= 1000


def test_f3_a_client_gets_in_at_its_first_repetition():
    scene = Besieged(1)
    Flood(scene.world, scene.gateway, 1000)
    scene.world.run(4)
    for number, timing in enumerate(SCHEDULES.values()):
        scene.dial(scene.client(timing, IPv4Address(0xCB007100 + number)))
    scene.run(20)
    assert [int(seconds) for seconds in scene.took()] == [1, 4, 3, 10]


def test_f3_at_two_thousand_a_second_a_tunnel_that_is_up_loses_no_probe_and_no_renewal():
    short = replace(CLIENT.proposals[0], lifetime=60)
    remote = replace(GATEWAY, proposals=(short,), dpd=Dpd(delay=1, retry=1, maxfail=1))
    scene = Besieged(2, gateway=remote)
    host = scene.client(Retransmission(), HOME, replace(CLIENT, proposals=(short,), dpd=remote.dpd))
    scene.dial(host)
    scene.run(20)
    Flood(scene.world, scene.gateway, 2000)
    scene.world.run(60)
    assert len(host.of(Renewed)) >= 1
    assert not [event for each in (host, scene.gateway) for event in each.of(Dead)]
    assert not host.of(Ended)


def test_f3_sites_where_somebody_was_proved_do_not_wait():
    scene = Besieged(3)
    scene.dial(scene.client(Retransmission(), HOME))
    scene.run(10)
    Flood(scene.world, scene.gateway, 1000)
    scene.world.run(4)
    colleagues = [scene.client(SCHEDULES["racoon"], HOME) for _ in range(20)]
    for host in colleagues:
        scene.dial(host)
    scene.run(5)
    assert max(scene.took()) < 1


@pytest.mark.parametrize("known", [False, True])
def test_a2_an_office_behind_one_address_gets_in_when_all_begin_at_once(known):
    scene = Besieged(4)
    if known:
        scene.dial(scene.client(Retransmission(), HOME))
        scene.run(10)
    scene.crowd(per_kind=25, spread=0.5, together=True)
    scene.run(60)
    assert max(scene.took()) <= (1 if known else 25)


def test_a2_first_messages_in_the_name_of_an_address_do_not_lock_it_out():
    scene = Besieged(5)
    flood = Flood(scene.world, scene.gateway, 200, lambda n: (distinct(n)[0], Peer(HOME, 1024 + n % 60000)))
    scene.world.run(10)
    scene.crowd(per_kind=2, spread=1, together=True)
    scene.run(20)
    assert max(scene.took()) <= 15
    assert flood.sent > 2000


def test_a3_first_messages_in_the_name_of_a_tunnel_do_not_stop_its_renewal():
    short = replace(CLIENT.proposals[0], lifetime=60)
    scene = Besieged(6, gateway=replace(GATEWAY, proposals=(short,)))
    host = scene.client(Retransmission(), HOME, replace(CLIENT, proposals=(short,)))
    scene.dial(host)
    scene.world.run(20)
    place = scene.gateway.of(Up)[0].path.remote
    Flood(scene.world, scene.gateway, 600, lambda n: (distinct(n)[0], place))
    scene.world.run(100)
    assert len(host.of(Renewed)) >= 2
    assert not host.of(Ended)


def twice(number: int) -> tuple[bytes, Peer]:
    """Each message comes again a second later."""
    return distinct(number // 2 if number % 2 else number // 2 + 100)


def test_f3_strangers_who_repeat_leave_something_for_clients():
    scene = Besieged(7)
    flood = Flood(scene.world, scene.gateway, 200, twice)
    scene.world.run(10)
    before = scene.gateway.endpoint.admissions().repeated
    scene.crowd(per_kind=5, spread=5)
    scene.run(40)
    repeated = scene.gateway.endpoint.admissions().repeated - before
    took = scene.took()
    assert max(took[:5]) <= 15, took
    assert sum(seconds <= 40 for seconds in took) >= 16, took
    seconds = scene.world.now - 1010
    assert repeated <= STRANGERS.again.second * seconds + STRANGERS.again.burst + 20
    assert flood.sent > 2000


def test_f3_fragmented_first_messages_get_in_as_well():
    counter = Counter(Policy((GATEWAY,), CHILD, admission=AdmissionLimits(calm=0)))
    pieces = split(FIRST, 1, 200)
    assert not [said for piece in pieces for said in counter.receive(piece)]
    counter.now += 4
    assert [said for piece in pieces for said in counter.receive(piece)]


def test_a20_a_full_house_of_idle_sessions_keeps_nobody_out_and_pushes_no_lone_person_out():
    """Sessions at the prompt for a login, which cost real addresses, sixteen of them."""
    scene = Besieged(8, half_open=40, half_open_site=10)
    lone = scene.client(Retransmission(), IPv4Address("203.0.113.200"))
    lone.answers[AskPerson] = lambda _: NEVER
    scene.dial(lone)
    scene.world.run(2)
    for number in range(90):
        idle = scene.client(Retransmission(), IPv4Address(0xCB007100 + number % 4))
        idle.answers[AskPerson] = lambda _: NEVER
        scene.dial(idle, number * 0.1)
    scene.world.run(12)
    assert scene.gateway.endpoint.admissions().half_open == 40
    late = scene.client(Retransmission(), IPv4Address("203.0.113.201"))
    scene.dial(late)
    assert scene.world.run(5, lambda: is_up(late))
    assert not lone.of(Ended)
    asked = [event for event in scene.gateway.of(Ended) if event.session == scene.gateway.of(Started)[0].session]
    assert not asked


def test_a2_people_who_wait_for_a_busy_gateway_are_not_pushed_out_by_their_colleagues():
    """More come from one place than may be half-open there, and each login takes seconds."""
    scene = Besieged(12, half_open_site=10, half_open_known=10)
    scene.gateway.slow = 3.0
    scene.crowd(per_kind=6, spread=2, together=True)
    scene.run(60)
    assert max(scene.took()) < 60
    assert scene.gateway.endpoint.admissions().full > 0
    assert not [event for event in scene.gateway.of(Ended) if event.reason == PUSHED_OUT]


def test_a20_who_was_seen_leaves_a_full_site_when_he_had_his_time():
    scene = Besieged(13, half_open_site=4)
    for number in range(4):
        idle = scene.client(Retransmission(), HOME)
        idle.answers[AskPerson] = lambda _: NEVER
        scene.dial(idle, number * 0.1)
    scene.world.run(30)
    late = scene.client(Retransmission(), HOME)
    scene.dial(late)
    assert not scene.world.run(20, lambda: is_up(late))
    assert scene.world.run(30, lambda: is_up(late))


# --- what a stranger costs -------------------------------------------------------------------------------------------


def test_f4_messages_that_fail_count_like_those_that_do_not(monkeypatch):
    """One address, first messages whose nonce is too short: after the expensive step nothing is left of them."""
    counter, answered = Counter(), []
    monkeypatch.setattr(protocol, "answer", lambda *_: bool(answered.append(1)))
    for number in range(5000):
        counter.now += 0.002
        counter.receive(distinct(number)[0], Peer(HOME, 500))
    assert len(answered) <= STRANGERS.at_once_site.burst + 10 * STRANGERS.at_once_site.second + 1
    assert counter.sessions == 0


def test_f3_a_deferred_message_is_not_read_and_nothing_is_told_of_it(monkeypatch):
    counter = Counter(Policy((GATEWAY,), CHILD, admission=AdmissionLimits(calm=0)))
    counter.receive(*distinct(0))
    counter.host.events.clear()
    monkeypatch.setattr(protocol, "answer", None)
    for number in range(1, 3000):
        assert not counter.receive(*distinct(number))
    assert counter.sessions == 0
    assert not counter.host.events
    assert not counter.host.questions


def test_f3_the_load_is_told_once_when_it_begins_and_once_when_it_is_over():
    scene = Besieged(9)
    flood = Flood(scene.world, scene.gateway, 500)
    scene.world.run(40)
    flood.over = True
    assert len(scene.gateway.of(Deferring)) == 1
    assert scene.gateway.endpoint.admissions().deferring
    scene.world.run(LOAD_OVER_AFTER_S + 31)
    (over,) = scene.gateway.of(Undeferred)
    assert over.seconds in range(35, 41)
    assert over.deferred == scene.gateway.endpoint.admissions().deferred
    assert scene.gateway.endpoint.deadline() is None


def test_f6_a_lone_first_message_has_two_answers_and_its_copies_at_once_none():
    counter, times = Counter(), []
    for _ in range(200):
        times += [counter.now] * len(counter.receive(FIRST))
    counter.now += 0.9
    assert not counter.receive(FIRST)
    while (deadline := counter.endpoint.deadline()) is not None:
        counter.now = max(counter.now, deadline.at)
        times += [counter.now] * len(counter.settle(counter.endpoint.tick(counter.now)))
    assert times == [1000.0, 1004.0]


def test_f6_a_copy_takes_the_place_of_the_repetition_and_none_comes_within_a_second():
    counter, times = Counter(), []
    for _ in range(100):
        counter.now = round(counter.now + 0.1, 1)
        times += [counter.now] * len(counter.receive(FIRST))
        times += [counter.now] * len(counter.settle(counter.endpoint.tick(counter.now)))
    gaps = [round(later - earlier, 1) for earlier, later in pairwise(times)]
    assert min(gaps) >= 1.0
    assert gaps == [1.0, 4.0, 2.0, 2.0]


@pytest.mark.parametrize("copies", [False, True])
def test_f6_octets_to_addresses_that_did_not_show_themselves_are_bounded(copies):
    """A minute of lone messages in the names of many, or of copies in the name of one."""
    counter, octets = Counter(), 0
    for number in range(12000):
        counter.now += 0.005
        data = counter.receive(*(distinct(number % 50) if copies else distinct(number)))
        data += counter.settle(counter.endpoint.tick(counter.now))
        octets += sum(map(len, data))
    assert 0 < octets <= STRANGERS.octets.burst + 60 * STRANGERS.octets.second + 4000
    assert octets <= 128_000 * 60


def test_f6_one_site_is_not_sent_more_than_its_budget():
    counter, octets = Counter(), 0
    for number in range(12000):
        counter.now += 0.005
        data = counter.receive(distinct(number % 1000)[0], Peer(HOME, 500))
        data += counter.settle(counter.endpoint.tick(counter.now))
        octets += sum(map(len, data))
    assert 0 < octets <= STRANGERS.octets_site.burst + 60 * STRANGERS.octets_site.second + 4000


def test_f6_refusals_in_clear_count_as_well():
    """A first message that no proposal fits, from one address after the other."""
    scene = Besieged(10, strangers=replace(STRANGERS, octets=replace(STRANGERS.octets, second=0, burst=100)))
    wrong = Speaker(3)
    wrong.sa = replace(wrong.sa, proposals=())
    said = []
    for number in range(200):
        effects = scene.gateway.endpoint.receive(
            (number + 1).to_bytes(8, "big") + wrong.first()[8:], Path(HERE, distinct(number)[1]), 1000.0
        )
        said += [each.data for each in effects if isinstance(each, Transmit)]
    assert sum(map(len, said)) <= 140


def test_f6_an_address_that_shows_our_cookie_gets_its_octets_back():
    counter, speaker = Counter(), Speaker()
    speaker.second(counter.receive(speaker.first())[0])
    octets = counter.endpoint._admission._strangers.octets
    site = next(iter(octets._sites))
    spent = STRANGERS.octets_site.burst - octets._sites[site].level(counter.now)
    assert spent > 0
    counter.receive(speaker.third())
    assert octets._sites[site].level(counter.now) == STRANGERS.octets_site.burst
    assert counter.host.of(PhaseOneUp)


# --- one recorded message --------------------------------------------------------------------------------------------


def test_dup_a_recorded_first_message_from_fifty_sources_makes_one_session():
    counter, message = Counter(), Speaker().first()
    answers = [counter.receive(message, Peer(IPv4Address(0xC6336400 + n), 500 + n)) for n in range(50)]
    assert [len(each) for each in answers] == [1] + [0] * 49
    assert counter.sessions == 1
    assert counter.endpoint.admissions().copies == 49


def test_dup_who_recorded_a_first_message_holds_its_place_for_moments_only():
    counter, speaker = Counter(), Speaker()
    counter.receive(speaker.first(), Peer(IPv4Address("198.51.100.66"), 500))
    counter.now += halfopen.UNSEEN_PATIENCE_S
    speaker.second(counter.receive(speaker.first())[0])
    assert counter.sessions == 1
    counter.receive(speaker.third())
    assert counter.host.of(PhaseOneUp)
    counter.now += 10
    assert not counter.receive(speaker.first(), Peer(IPv4Address("198.51.100.66"), 500))
    assert counter.sessions == 1


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_f3_repetitions_are_known_for_as_long_as_clients_wait_whatever_comes_between():
    def came(number: int, now: float) -> bool:
        return repeats.again(number.to_bytes(16, "big"), HERE, now)

    repeats = Repeats(b"k" * 16, 0.0)
    assert not came(0, 0.5)
    for number in range(1, 20001):
        came(number, 0.5 + number / 2000)
    assert came(0, 10.6)
    assert not repeats.again(bytes(16), Peer(HERE.address, 501), 10.6)
    assert sum(came(number, 10.7) for number in range(50000, 60000)) <= 10


@pytest.mark.parametrize("quiet", [2 * REMEMBERED_S, 5 * REMEMBERED_S])
def test_f3_repetitions_are_forgotten_after_a_while(quiet):
    repeats = Repeats(b"k" * 16, 0.0)
    repeats.again(bytes(16), HERE, 0.0)
    assert not repeats.again(bytes(16), HERE, quiet)


def test_f3_what_a_flood_leaves_behind_is_nothing():
    scene = Besieged(11)
    flood = Flood(scene.world, scene.gateway, 1000, twice)
    scene.world.run(30)
    flood.over = True
    scene.world.run(100)
    endpoint = scene.gateway.endpoint
    admission, sessions = endpoint._admission, endpoint._sessions
    assert not len(admission.places)
    assert not sessions.by_id
    assert not sessions.strangers
    assert not sessions._met
    assert not admission.places._by_digest
    assert not admission.places._sites
    for kind in (admission._strangers, admission._known):
        for budget in (kind.at_once, kind.again, kind.octets):
            assert len(budget._sites) <= KNOWN.at_once.burst
    assert endpoint.deadline() is None
