"""Disconnect- and CoA-Requests: who is heard, what is answered, and what is done once however often it comes."""

from __future__ import annotations

import asyncio
import logging
import socket
from ipaddress import ip_address

import pytest

from demanding import (
    ACK,
    CALLED,
    CALLING,
    CLASS,
    COA,
    COA_ACK,
    COA_NAK,
    DISCONNECT,
    FRAMED,
    IDLE_TIMEOUT,
    INTERIM,
    NAK,
    NAS_ID,
    NAS_IP,
    PROXY,
    SECRET,
    SESSION_ID,
    SESSION_TIMEOUT,
    SIGNED,
    STATE,
    TIMESTAMP,
    USER,
    attribute,
    cause,
    checked,
    request,
)
from lotor.config.settings import DynamicClient, DynamicPlace
from lotor.model.secret import Secret
from lotor.ports.demands import Settled
from lotor.ports.orders import Changes, Whom
from lotor.radius import dynamic, dynamic_sockets
from lotor.radius.dynamic import DynamicRequests
from lotor.radius.structure import framed
from radius_double import settings

WALL = 1_900_000_000
ALICE = attribute(USER, b"alice")
HERE = ip_address("127.0.0.1")


class Playing:
    """One that is heard on loopback, a server beside it, and a warden that says what becomes of a demand."""

    def __init__(self, sessions: int | None = 1, **changes) -> None:
        self.sessions, self.demands = sessions, []
        client = DynamicClient(ip_address(changes.pop("client", "127.0.0.1")), Secret(SECRET))
        place = DynamicPlace(changes.pop("at", HERE), 0)
        given = {"dynamic_clients": (client,), "dynamic_listen": (place,), "nas_identifier": "gw", **changes}
        self.settings = settings(**given)
        self.requests = DynamicRequests(self.settings, lambda: WALL)
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 0))
        self.server.setblocking(False)
        self._task: asyncio.Task[None] | None = None

    async def obey(self):
        while True:
            for demand in await self.requests.demanded():
                self.demands.append(demand)
                await self.requests.settle(Settled(demand.number, self.sessions))

    def send(self, octets: bytes) -> None:
        self.server.sendto(octets, ("127.0.0.1", self.requests.ports[0]))

    def answers(self) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self.server.recv(4096))
            except BlockingIOError:
                return found

    async def asked(self, *requests: bytes) -> list[bytes]:
        """All answers to them."""
        obeying = asyncio.get_running_loop().create_task(self.obey())
        for each in requests:
            self.send(each)
        await asyncio.sleep(0.1)
        obeying.cancel()
        return self.answers()

    def close(self) -> None:
        self.requests.close()
        self.server.close()


@pytest.fixture
def play(leaping):
    """Runs a story with a `Playing` made of these arguments; what it returns."""

    def run(story, *arguments, **changes):
        async def whole():
            playing = Playing(*arguments, **changes)
            try:
                return await story(playing)
            finally:
                playing.close()

        return leaping(whole())

    return run


@pytest.fixture
def ask(play):
    """What answers one request, and what was demanded."""

    def run(octets: bytes, *arguments, **changes):
        async def story(playing):
            return await playing.asked(octets), playing.demands

        answers, demands = play(story, *arguments, **changes)
        return [checked(each, octets) for each in answers], demands

    return run


def test_a_session_is_ended_and_the_server_hears_of_it(ask):
    answers, (demand,) = ask(request(ALICE))
    assert answers == [(ACK, ())]
    assert (demand.whom, demand.changes, demand.server) == (Whom(user="alice"), None, HERE)


def test_where_there_is_no_such_session_the_server_hears_that(ask):
    assert ask(request(ALICE), 0)[0] == [(NAK, cause(503))]
    assert ask(request(ALICE, attribute(CLASS, b"x"), code=COA), 0)[0] == [(COA_NAK, cause(503))]


def test_what_could_not_be_done_now_may_come_again(play):
    async def story(playing):
        octets = request(ALICE)
        first = await playing.asked(octets)
        playing.sessions = 1
        return [checked(each, octets) for each in (*first, *await playing.asked(octets))]

    assert play(story, None) == [(NAK, cause(506)), (ACK, ())]


def test_everything_that_names_a_session_counts(ask):
    octets = request(
        ALICE,
        attribute(SESSION_ID, b"a1b2c3d4e5f6-7"),
        attribute(FRAMED, ip_address("10.99.99.7").packed),
        attribute(168, ip_address("fd00::7").packed),
        attribute(CALLING, b"198.51.100.9"),
        attribute(CALLED, b"192.0.2.1"),
        attribute(5, (7).to_bytes(4)),
        attribute(NAS_ID, b"gw"),
        attribute(NAS_IP, ip_address("127.0.0.1").packed),
        attribute(6, (2).to_bytes(4)),
        attribute(61, (5).to_bytes(4)),
    )
    answers, (demand,) = ask(octets)
    assert answers == [(ACK, ())]
    four, six = ip_address("10.99.99.7"), ip_address("fd00::7")
    outside = (ip_address("198.51.100.9"), ip_address("192.0.2.1"))
    assert demand.whom == Whom("alice", four, "a1b2c3d4e5f6-7", "", (six,), *outside, 7)


def test_a_change_of_what_can_be_changed(ask):
    octets = request(
        ALICE,
        attribute(SESSION_TIMEOUT, (600).to_bytes(4)),
        attribute(IDLE_TIMEOUT, (0).to_bytes(4)),
        attribute(INTERIM, (5).to_bytes(4)),
        attribute(CLASS, b"one"),
        attribute(CLASS, b"two"),
        code=COA,
    )
    answers, (demand,) = ask(octets)
    assert answers == [(COA_ACK, ())]
    assert demand.changes == Changes(600.0, 0.0, 60.0, (b"one", b"two"))


@pytest.mark.parametrize(
    ("attributes", "code", "number"),
    [
        ((), DISCONNECT, 402),
        ((attribute(NAS_ID, b"gw"),), DISCONNECT, 402),
        ((attribute(CALLED, b"192.0.2.1"),), DISCONNECT, 402),
        ((ALICE,), COA, 402),
        ((attribute(CLASS, b"x"),), COA, 402),
        ((ALICE, attribute(NAS_ID, b"another")), DISCONNECT, 403),
        ((ALICE, attribute(NAS_IP, ip_address("192.0.2.77").packed)), DISCONNECT, 403),
        ((ALICE, attribute(NAS_IP, bytes(4))), DISCONNECT, 403),
        ((ALICE, attribute(95, ip_address("2001:db8::77").packed)), DISCONNECT, 403),
        ((ALICE, attribute(SESSION_TIMEOUT, bytes(4))), DISCONNECT, 401),
        ((ALICE, attribute(11, b"guests")), COA, 401),
        ((ALICE, attribute(26, b"\0\0\0\x09\x01\x07shell")), COA, 401),
        ((ALICE, attribute(200, b"?")), DISCONNECT, 401),
        ((ALICE, attribute(STATE, b"?"), attribute(6, (17).to_bytes(4))), COA, 401),
        ((ALICE, attribute(6, (17).to_bytes(4))), COA, 405),
        ((ALICE, attribute(6, (17).to_bytes(4))), DISCONNECT, 407),
        ((ALICE, ALICE), DISCONNECT, 404),
        ((ALICE, attribute(SESSION_TIMEOUT, bytes(4)), attribute(SESSION_TIMEOUT, bytes(4))), COA, 404),
        ((attribute(FRAMED, bytes(4)),) * 9, DISCONNECT, 404),
        ((attribute(USER, b""),), DISCONNECT, 407),
        ((attribute(USER, b"\xff\xfe"),), DISCONNECT, 407),
        ((attribute(USER, b"a\x1b[2J"),), DISCONNECT, 407),
        ((attribute(FRAMED, b"10.0.0.1"),), DISCONNECT, 407),
        ((attribute(CALLING, b"00-11-22-33-44-55"),), DISCONNECT, 407),
        ((ALICE, attribute(SESSION_TIMEOUT, b"1")), COA, 407),
        ((ALICE, *(attribute(CLASS, b"x"),) * 5), COA, 407),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_cause(ask, attributes, code, number):
    answers, demands = ask(request(*attributes, code=code))
    assert answers == [(code + 2, cause(number))]
    assert not demands


def test_a_proxy_has_its_state_back_whatever_the_answer_as_far_as_there_is_room(ask):
    states = tuple(attribute(PROXY, bytes((each,))) for each in (1, 2))
    back = ((PROXY, b"\1"), (PROXY, b"\2"))
    assert ask(request(ALICE, *states))[0] == [(ACK, back)]
    assert ask(request(*states))[0] == [(NAK, (*cause(402), *back))]
    most = (*(attribute(PROXY, bytes(252)),) * 15, attribute(PROXY, bytes(246)))
    assert ask(request(*most))[0] == [(NAK, cause(402))]


@pytest.mark.parametrize(
    "octets",
    [
        request(ALICE, secret=b"another"),
        request(ALICE, secret=b"another", signed=False),
        request(ALICE, signed=False),
        request(ALICE, attribute(SIGNED, bytes(16))),
        request(ALICE, attribute(SIGNED, bytes(4)), signed=False),
        request(ALICE, code=1),
        request(ALICE, code=ACK),
        request(ALICE)[:-1],
        request(ALICE)[:19],
        request(ALICE)[:4] + bytes(16) + request(ALICE)[20:],
        b"",
        bytes(4096),
        request(ALICE, attribute(TIMESTAMP, (WALL - 301).to_bytes(4))),
        request(ALICE, attribute(TIMESTAMP, (WALL + 301).to_bytes(4))),
        request(ALICE, attribute(TIMESTAMP, b"1")),
    ],
)
def test_what_nobody_proved_has_no_answer_and_does_nothing(ask, caplog, octets):
    caplog.set_level(logging.WARNING)
    assert ask(octets) == ([], [])
    assert "1 request to end or change sessions dropped; the last one came from 127.0.0.1: " in caplog.text
    assert SECRET.decode() not in caplog.text


def test_every_bit_that_is_turned_on_the_way_is_noticed(play):
    octets = request(ALICE, attribute(TIMESTAMP, WALL.to_bytes(4)))

    async def story(playing):
        turned = []
        for bit in range(8 * len(octets)):
            changed = bytearray(octets)
            changed[bit // 8] ^= 1 << bit % 8
            turned.append(bytes(changed))
        answers = []
        for start in range(0, len(turned), 64):
            answers += await playing.asked(*turned[start : start + 64])
        return answers, playing.demands

    assert play(story) == ([], [])


@pytest.mark.parametrize("away", [-300, 0, 300])
def test_a_timestamp_within_the_window_is_good(ask, away):
    assert ask(request(ALICE, attribute(TIMESTAMP, (WALL + away).to_bytes(4))))[0] == [(ACK, ())]


def test_a_server_that_cannot_sign_is_obeyed_where_the_administrator_says_so(ask):
    answers, demands = ask(request(ALICE, signed=False), dynamic_authenticator=False)
    assert answers == [(ACK, ())]
    assert len(demands) == 1
    assert ask(request(ALICE, attribute(SIGNED, bytes(16)), signed=False), dynamic_authenticator=False) == ([], [])


def test_who_is_not_named_is_not_heard_whatever_it_knows(ask, caplog):
    assert ask(request(ALICE), client="127.0.0.9") == ([], [])
    assert "no dynamic_client has this address" in caplog.text


def test_a_request_that_comes_again_has_the_same_answer_and_is_done_once(play):
    async def story(playing):
        octets = request(ALICE)
        first = await playing.asked(octets)
        playing.sessions = 0  # it has ended
        return first, await playing.asked(octets, octets), playing.demands

    first, again, demands = play(story)
    assert again == first * 2
    assert len(demands) == 1


def test_padding_behind_a_recorded_request_makes_no_other_one_of_it(play):
    """Nobody signs it (RFC 2865 §3): whoever records a request could have it done again and again."""

    async def story(playing):
        octets = request(ALICE, attribute(TIMESTAMP, WALL.to_bytes(4)))
        first = await playing.asked(octets)
        return first, await playing.asked(octets + b"\0", octets + bytes(7), octets + b"padding"), playing.demands

    first, again, demands = play(story)
    assert again == first * 3
    assert len(demands) == 1


def test_one_that_is_under_way_is_not_begun_again(play):
    async def story(playing):
        octets = request(ALICE)
        for _ in range(3):
            playing.send(octets)
        demands = await playing.requests.demanded()
        playing.send(octets)
        await asyncio.sleep(0.1)
        await playing.requests.settle(Settled(demands[0].number, 1))
        return [checked(each, octets) for each in playing.answers()], demands

    answers, demands = play(story)
    assert answers == [(ACK, ())]
    assert len(demands) == 1


def test_a_recorded_one_is_dropped_once_its_time_is_over(play):
    async def story(playing):
        octets = request(ALICE, attribute(TIMESTAMP, WALL.to_bytes(4)))
        first = await playing.asked(octets)
        playing.requests._wall = lambda: WALL + dynamic.KEPT + 1
        await asyncio.sleep(dynamic.KEPT + 1)
        return first, await playing.asked(octets), playing.demands

    first, again, demands = play(story)
    assert (len(first), again, len(demands)) == (1, [], 1)


def test_more_than_may_wait_are_refused_and_forgotten_ones_give_way(play):
    async def story(playing):
        octets = [request(ALICE, attribute(CALLING, f"192.0.2.{each}".encode())) for each in range(100)]
        for each in octets:
            playing.send(each)
        await asyncio.sleep(0.1)
        refused = [(each[0], framed(each).attributes[1:]) for each in playing.answers()]
        waiting = len(playing.requests._waiting)
        await asyncio.sleep(dynamic.GIVEN_UP)
        playing.send(request(ALICE))
        await asyncio.sleep(0.1)
        return refused, waiting, [each.whom for each in await playing.requests.demanded()]

    refused, waiting, left = play(story)
    assert waiting == dynamic.MOST_WAITING
    assert refused == [(NAK, cause(506))] * (100 - waiting)
    assert left == [Whom("alice")]


def test_a_flood_is_bounded_and_told_once_a_minute(play, caplog):
    async def story(playing):
        for _ in range(20):
            await playing.asked(*[b"junk"] * 50)
        return playing.answers(), playing.demands

    assert play(story) == ([], [])
    assert len(caplog.records) == 1


def test_answers_are_kept_in_a_bounded_number(play, monkeypatch):
    monkeypatch.setattr(dynamic, "MOST_ANSWERED", 8)

    async def story(playing):
        for each in range(20):
            await playing.asked(request(ALICE, number=each))
        return len(playing.requests._answered)

    assert play(story) == 8


def test_what_is_settled_late_or_by_chance_is_nobodys(play):
    async def story(playing):
        await playing.requests.settle(Settled(99, 1))
        return playing.answers()

    assert play(story) == []


def test_other_settings_count_at_once_and_ones_that_cannot_be_change_nothing(play):
    async def story(playing):
        taken = DynamicPlace(HERE, playing.server.getsockname()[1])
        for places in ((taken,), (DynamicPlace(ip_address("192.0.2.77"), 3799),)):
            clients = playing.settings.dynamic_clients
            with pytest.raises(OSError, match="RADIUS servers cannot be heard at "):
                playing.requests.use(settings(dynamic_clients=clients, dynamic_listen=places))
        octets = request(ALICE, secret=b"new")
        port = playing.requests.ports[0]
        before = await playing.asked(octets)
        client = DynamicClient(HERE, Secret(b"new"))
        place = playing.settings.dynamic_listen
        playing.requests.use(settings(dynamic_clients=(client,), dynamic_listen=place))
        return before, len(await playing.asked(octets)), playing.requests.ports[0] == port

    assert play(story) == ([], 1, True)


def test_where_nobody_may_ask_nothing_is_open(play):
    async def story(playing):
        (port,), found = playing.requests.ports, []
        for nobody in (None, settings(dynamic_listen=playing.settings.dynamic_listen)):
            playing.requests.use(nobody)
            found.append(playing.requests.ports)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind(("127.0.0.1", port))
        return found

    assert play(story) == [(), ()]


def test_an_answer_comes_from_the_address_that_was_asked(play):
    async def story(playing):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            server.connect(("127.0.0.5", playing.requests.ports[0]))
            server.setblocking(False)
            server.send(request(attribute(NAS_ID, b"gw")))
            await asyncio.sleep(0.1)
            return checked(server.recv(4096), request(attribute(NAS_ID, b"gw")))

    assert play(story, at=ip_address("0.0.0.0")) == (NAK, cause(402))


def test_without_a_place_each_version_of_those_who_may_ask_is_heard():
    clients = [DynamicClient(ip_address(each), Secret(b"s")) for each in ("192.0.2.1", "192.0.2.2")]
    six = DynamicClient(ip_address("2001:db8::1"), Secret(b"s"))
    every = DynamicPlace(ip_address("0.0.0.0"), 3799)
    assert dynamic.places_of(settings(dynamic_clients=tuple(clients))) == (every,)
    both = dynamic.places_of(settings(dynamic_clients=(*clients, six)))
    assert both == (every, DynamicPlace(ip_address("::"), 3799))


@pytest.mark.parametrize(
    ("address", "own"),
    [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("192.0.2.77", False), ("255.255.255.255", False)],
)
def test_which_addresses_are_of_this_host(address, own):
    assert dynamic_sockets.is_of_this_host(ip_address(address)) == own
