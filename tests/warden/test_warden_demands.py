"""What servers demand of sessions, from the process of back ends to the daemon: a real process, a lying one, and a
warden that obeys."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from dataclasses import replace
from ipaddress import ip_address

import pytest

import vacant
from demanding import ACK, COA, NAK, SECRET, USER, attribute, cause, checked, request
from lotor.config.settings import DynamicClient, DynamicPlace, Radius
from lotor.model.secret import Secret
from lotor.ports.demands import Demand, Settled
from lotor.ports.orders import Changes, Whom
from lotor.warden import demands
from lotor.warden.back_ends import BackEndsAtNeed, NoBackEnds
from lotor.warden.demands import Obeying, shown
from lotor.warden.judging import no_demand
from paired import asking

from .test_warden_back_ends import House, plain

HERE = ip_address("127.0.0.1")
ALICE = Whom(user="alice")
WANTED = request(attribute(USER, b"alice"))
PATIENCE = 60


def listening(port: int, *clients: str):
    """Settings of a gateway with RADIUS servers at these addresses that may demand something."""
    plain = asking("sesame")
    named = tuple(DynamicClient(ip_address(each), Secret(SECRET)) for each in clients or ("127.0.0.1",))
    radius = replace(plain.radius, dynamic_clients=named, dynamic_listen=(DynamicPlace(HERE, port),))
    return replace(plain, radius=radius)


class Server:
    """One that demands."""

    def __init__(self) -> None:
        self.port = vacant.port()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.setblocking(False)

    async def asks(self, octets: bytes = WANTED):
        """Again and again, as a server does, until there is an answer; others are late ones to a former request."""
        loop = asyncio.get_running_loop()
        while True:
            self.udp.sendto(octets, ("127.0.0.1", self.port))
            try:
                async with asyncio.timeout(0.5):
                    while (answer := await loop.sock_recv(self.udp, 4096))[1] != octets[1]:
                        continue
                    return checked(answer, octets)
            except TimeoutError:
                continue


@pytest.fixture
def play(tmp_path):
    """A story with the process of back ends, a server, and what is ordered; `outcome` says what becomes of it."""

    def run(story, outcome=lambda: 1):
        async def whole():
            house, server, ordered = House(tmp_path), Server(), []

            async def order(whom, changes):
                ordered.append((whom, changes))
                return outcome()

            settings = [listening(server.port)]
            obeying = Obeying(house.back_ends, order, lambda: settings[-1])
            try:
                async with asyncio.timeout(PATIENCE):
                    await house.back_ends.use(settings[-1])
                    obeying.start()
                    return await story(house, server, settings), ordered
            finally:
                await obeying.stop()
                await house.back_ends.stop()
                server.udp.close()

        return asyncio.run(whole())

    return run


def test_what_a_server_demands_is_ordered_and_it_hears_what_became_of_it(play, caplog):
    caplog.set_level(logging.WARNING)

    async def story(house, server, _):
        answer = await server.asks()
        changed = request(attribute(USER, b"alice"), attribute(25, b"gold"), code=COA, number=8)
        return answer, await server.asks(changed), house.back_ends.serving().serves

    (answer, changed, serves), ordered = play(story)
    assert (answer, changed[0]) == ((ACK, ()), COA + 1)
    assert ordered == [(ALICE, None), (ALICE, Changes(classes=(b"gold",)))]
    assert "RADIUS server 127.0.0.1 ends user alice: 1 session ended" in caplog.text
    assert "RADIUS server 127.0.0.1 changes user alice: 1 session changed" in caplog.text
    assert "orders of RADIUS servers" in serves


def test_nobody_and_a_daemon_that_does_not_say(play):
    outcomes = [OSError(5, "the daemon did not say"), 0]

    def outcome():
        if isinstance(found := outcomes.pop(0), OSError):
            raise found
        return found

    async def story(house, server, _):
        return await server.asks(), await server.asks()

    answers, ordered = play(story, outcome)
    assert answers == ((NAK, cause(506)), (NAK, cause(503)))
    assert len(ordered) == 2


def test_a_process_that_is_killed_is_followed_by_one_that_hears(play):
    async def story(house, server, _):
        killed = house.pid
        os.kill(killed, signal.SIGKILL)
        answer = await server.asks()
        return answer, killed != house.pid

    assert play(story)[0] == ((ACK, ()), True)


def test_a_reload_says_who_is_heard_and_whether_anybody_is(play):
    async def story(house, server, settings):
        pid = house.pid
        settings.append(listening(server.port, "127.0.0.9"))
        await house.back_ends.use(settings[-1])
        server.udp.sendto(WANTED, ("127.0.0.1", server.port))
        settings.append(asking("sesame"))
        await house.back_ends.use(settings[-1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", server.port))  # nobody has it
        settings.append(listening(server.port))
        await house.back_ends.use(settings[-1])
        return await server.asks(), house.pid == pid

    (answer, same), ordered = play(story)
    assert (answer, same, len(ordered)) == ((ACK, ()), True, 1)


def test_a_place_that_is_taken_refuses_the_reload_and_the_former_one_goes_on(play):
    async def story(house, server, settings):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", 0))
            with pytest.raises(OSError, match="RADIUS servers cannot be heard at "):
                await house.back_ends.use(listening(other.getsockname()[1]))
        return await server.asks()

    assert play(story)[0] == (ACK, ())


class Lying:
    """Demands what it likes, once."""

    def __init__(self, *demanded: Demand) -> None:
        self.demands, self.settled = [demanded], asyncio.Queue()

    async def demanded(self):
        if not self.demands:
            await asyncio.Event().wait()
        return self.demands.pop()

    async def settle(self, settled):
        await self.settled.put(settled)


RADIUS = Radius((), (), 3, 3, dynamic_clients=(DynamicClient(HERE, Secret(SECRET)),))
GOOD = Demand(1, HERE, ALICE)


@pytest.mark.parametrize(
    "lie",
    [
        Demand(1, ip_address("192.0.2.1"), ALICE),
        Demand(1, HERE, Whom()),
        Demand(1, HERE, Whom(called=HERE)),
        Demand(1, HERE, Whom(named="alice")),
        Demand(1, HERE, Whom(user="alice", named="alice")),
        Demand(1, HERE, Whom(user="u" * 254)),
        Demand(1, HERE, Whom(user="a\x1b[2J")),
        Demand(1, HERE, Whom(session="s" * 65)),
        Demand(1, HERE, Whom(inside=HERE, beside=(HERE,) * 8)),
        Demand(1, HERE, ALICE, Changes()),
        Demand(1, HERE, ALICE, Changes(session_time=-1.0)),
        Demand(1, HERE, ALICE, Changes(idle_time=float("nan"))),
        Demand(1, HERE, ALICE, Changes(accounting_interval=float("inf"))),
        Demand(1, HERE, ALICE, Changes(classes=(b"c",) * 5)),
        Demand(1, HERE, ALICE, Changes(classes=(bytes(254),))),
    ],
)
def test_what_no_server_may_demand_is_not_ordered(lie, caplog):
    caplog.set_level(logging.WARNING)

    async def story():
        ordered = []

        async def order(whom, changes):
            ordered.append((whom, changes))
            return 1

        lying = Lying(lie, replace(GOOD, number=2))
        obeying = Obeying(lying, order, lambda: replace(asking("x"), radius=RADIUS))
        obeying.start()
        settled = await lying.settled.get()
        await obeying.stop()
        return settled, ordered

    assert asyncio.run(story()) == (Settled(2, 1), [(ALICE, None)])
    assert "the process of back ends demanded what it may not: " in caplog.text
    assert no_demand(lie, RADIUS)
    assert no_demand(GOOD, None)


def test_a_bounded_number_is_ordered_at_a_time_and_one_that_hangs_holds_no_other_up(monkeypatch):
    monkeypatch.setattr(demands, "MOST_UNDER_WAY", 2)

    async def story():
        release, begun = asyncio.Event(), []

        async def order(whom, changes):
            begun.append(whom.user)
            if whom.user == "slow":
                await release.wait()
            return 1

        whoms = [Whom(user=each) for each in ("slow", "alice", "slow", "bob")]
        lying = Lying(*(Demand(number, HERE, each) for number, each in enumerate(whoms)))
        obeying = Obeying(lying, order, lambda: replace(asking("x"), radius=RADIUS))
        obeying.start()
        first = await lying.settled.get()
        for _ in range(20):
            await asyncio.sleep(0)
        before = list(begun)
        release.set()
        rest = {(await lying.settled.get()).number for _ in range(3)}
        await obeying.stop()
        return first.number, before, rest

    assert asyncio.run(story()) == (1, ["slow", "alice", "slow"], {0, 2, 3})


def test_without_back_ends_nobody_is_listened_to():
    async def story():
        for none in (NoBackEnds(), BackEndsAtNeed(NoBackEnds)):
            await none.use(plain())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await none.demanded()
            await none.settle(Settled(1, 1))

    asyncio.run(story())


def test_a_line_of_the_log_names_all_that_was_said():
    whom = Whom("alice", HERE, "id-7", "", (HERE,), HERE, HERE, 0)
    said = "ends user alice session id-7 inside 127.0.0.1 inside 127.0.0.1 from 127.0.0.1 called 127.0.0.1 port 0"
    assert shown(Demand(1, HERE, whom)) == said
