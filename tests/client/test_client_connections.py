"""A connection is found by whom it was made for, wherever the gateway is by now."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import replace
from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from lotor.client import addresses, targets
from lotor.client.calls import Unheard
from lotor.client.connections import Connections
from lotor.client.targets import Target
from lotor.ike.events import PathChanged
from lotor.model.policy import RemotePolicy, Side
from lotor.model.reasons.certificates import WrongSignature
from lotor.model.reasons.ends import NoAnswer
from lotor.model.reasons.local import NoClientBlock, NotResolved
from lotor.model.reasons.logins import RefusedThere
from lotor.model.reasons.protocol import RefusedByGateway
from lotor.runtime.sessions import Register
from peers.world import CLIENT
from scripted import FLOATED, established, started


class Driver:
    """Notes what is commanded."""

    def __init__(self) -> None:
        self.commands: list[object] = []

    def command(self, intent: object) -> None:
        self.commands.append(intent)


class Follower:
    async def finished(self, session: int) -> None:
        pass


def test_f1_a_gateway_that_moved_is_still_the_one_that_was_dialled():
    register, driver = Register(lambda: 1.0), Driver()
    begun = started().event
    begun = begun.but(side=Side.CLIENT, remote=CLIENT.name)
    for event in (begun, *(effect.event for effect in established())):
        register.follow(event)
    dialled = begun.path.remote.address
    elsewhere = replace(FLOATED, remote=replace(FLOATED.remote, address=dialled + 7))
    register.follow(PathChanged(1, FLOATED, elsewhere, (1,)))
    connections = Connections(SimpleNamespace(register=register, driver=driver, follower=Follower()), None)
    assert connections.existing(Target(CLIENT, dialled, None)) is register.get(1)
    assert connections.existing(Target(CLIENT, elsewhere.remote.address, None)) is None
    for address in (dialled, elsewhere.remote.address):
        assert asyncio.run(connections.disconnect(str(address))) == 1
    assert [intent.session for intent in driver.commands] == [1, 1]


class Keeper:
    """Knows where one name leads."""

    def known(self, host: str) -> Target | None:
        return Target(CLIENT, FLOATED.remote.address, host) if host == "vpn.example.net" else None


def test_a_name_that_no_server_knows_any_more_leads_where_its_connection_was():
    """The host may be closed for everything but the gateway: its name servers, too."""
    looked_up = []

    async def silent(host: str) -> list[object]:
        looked_up.append(host)
        raise OSError(None, "cannot resolve")

    async def story(host: str, *blocks: RemotePolicy) -> object:
        connections = Connections(None, SimpleNamespace(remotes=lambda: blocks), Keeper())
        reached: list[Target] = []

        async def reach(target: Target, user: object, prompter: object) -> Target:
            reached.append(target)
            return target

        connections.reach = reach
        return await connections.connect(host, None, None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lotor.client.targets.resolve", silent)
        found = asyncio.run(story("vpn.example.net", CLIENT))
        assert (found.host, found.address) == ("vpn.example.net", FLOATED.remote.address)
        assert isinstance(asyncio.run(story("another.example.net", CLIENT)), NotResolved)
        assert isinstance(asyncio.run(story("vpn.example.net")), NotResolved), "its block is gone since"
        changed = replace(CLIENT, port=1500)
        assert asyncio.run(story("vpn.example.net", changed)).remote is changed
    names = ["vpn.example.net", "another.example.net", "vpn.example.net", "vpn.example.net"]
    assert looked_up == names, "a name server goes first: a gateway may have moved"


def test_a_name_server_that_answers_is_believed_also_where_no_block_is_for_it():
    async def answers(host: str) -> list[object]:
        del host
        return [FLOATED.remote.address]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lotor.client.targets.resolve", answers)
        connections = Connections(None, SimpleNamespace(remotes=lambda: ()), Keeper())
        assert isinstance(asyncio.run(connections.connect("vpn.example.net", None, None)), NoClientBlock)


def test_lookups_under_way_are_a_bounded_number(monkeypatch):
    """A name server that does not answer holds a thread for half a minute, whoever still waits for it."""
    answers, begun = threading.Event(), []

    def slow(host: str, *_: object, **__: object) -> list[object]:
        begun.append(host)
        answers.wait(60)
        return [(None, None, None, "", ("192.0.2.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def story() -> list[object]:
        asked = [asyncio.ensure_future(addresses.resolve(f"host{each}.example")) for each in range(100)]
        await asyncio.sleep(0)
        for each in asked[: addresses.MOST_ASKED]:
            each.cancel()
        await asyncio.wait(set(asked[addresses.MOST_ASKED :]), timeout=60)
        over = [str(each.exception()) for each in asked[addresses.MOST_ASKED :]]
        answers.set()
        for each in [each for each in threading.enumerate() if each.name == "lotor-names"]:
            await asyncio.to_thread(each.join, 60)
        assert await addresses.resolve("host.example") == [ip_address("192.0.2.1")]
        return over

    over = asyncio.run(story())
    assert len(begun) == addresses.MOST_ASKED + 1
    assert len(over) == 100 - addresses.MOST_ASKED
    assert all("names are being looked up" in each for each in over)


# --- versions of IKE -------------------------------------------------------------------------------------------------

GATEWAYS = (ip_address("192.0.2.50"), ip_address("192.0.2.51"))
NEW, OLD = replace(CLIENT, versions=(2,)), replace(CLIENT, versions=(1,))
SILENT = Unheard(NoAnswer(GATEWAYS[0]))
NOT_SPOKEN = Unheard(RefusedByGateway(GATEWAYS[0], "INVALID_MAJOR_VERSION", ""), refused=True)
STUCK = Unheard(NoAnswer(GATEWAYS[0], 61, 17, 4500), spoke=True)
WRONG = RefusedThere(GATEWAYS[0], "alice")
ROGUE = WrongSignature("CN=rogue")


class Person:
    def __init__(self) -> None:
        self.told: list[str] = []

    async def tell(self, text: str) -> None:
        self.told.append(text)


def called(target: Target, *outcomes: object) -> tuple[list[object], list[str], object]:
    """Which versions and addresses are called and for how long, what the person hears, and what comes of it."""
    calls, person, left = [], Person(), list(outcomes)

    class Calls:
        async def call(self, target: Target, request: object, patience: float) -> object:
            del request
            calls.append((target.remote.version, GATEWAYS.index(target.address), patience))
            return left.pop(0)

    connections = Connections(None, SimpleNamespace(patience=lambda: 60.0))
    connections._calls = Calls()
    return calls, person.told, asyncio.run(connections._attempt(target, SimpleNamespace(prompter=person)))


BOTH = Target(NEW, GATEWAYS[0], None, also=(OLD,))
OLDER = "nothing came of IKEv2, trying IKEv1"


@pytest.mark.parametrize("first", [SILENT, NOT_SPOKEN])
def test_a_gateway_that_does_not_speak_ikev2_is_called_by_ikev1_in_bounded_time(first):
    assert called(BOTH, first, "a session") == ([(2, 0, 8.0), (1, 0, 60.0)], [OLDER], "a session")


@pytest.mark.parametrize("refused", [WRONG, ROGUE])
def test_neither_a_refused_login_nor_a_gateway_without_proof_is_a_reason_for_ikev1(refused):
    assert called(BOTH, refused) == ([(2, 0, 8.0)], [], refused)


def test_a_gateway_that_speaks_ikev2_is_not_called_by_ikev1():
    """Else whoever can stop IKE_AUTH chooses the older version."""
    calls, told, reason = called(BOTH, STUCK)
    assert ([version for version, *_ in calls], reason) == ([2], STUCK.reason)
    assert told == ["192.0.2.50 speaks IKEv2: IKEv1 is not tried"]


def test_another_address_of_the_gateway_may_be_an_older_one():
    calls, told, found = called(replace(BOTH, others=GATEWAYS[1:]), STUCK, SILENT, "a session")
    assert ([(version, at) for version, at, _ in calls], found) == ([(2, 0), (2, 1), (1, 1)], "a session")
    assert told == [OLDER]


def test_who_comes_back_does_not_go_back_to_ikev1():
    reached = BOTH.reached(CLIENT.name, 2, GATEWAYS[0])
    assert called(reached, SILENT)[0] == [(2, 0, 60.0)]
    older = BOTH.reached(CLIENT.name, 1, GATEWAYS[0])
    assert [version for version, *_ in called(older, SILENT, SILENT)[0]] == [1, 2]
    assert reached.by([replace(CLIENT, versions=(2, 1))]) == reached
    assert older.by([NEW]).blocks == (NEW,)
    assert reached.by([OLD]).blocks == (OLD,), "who takes IKEv2 out of the file means it"


@pytest.mark.parametrize(("versions", "blocks"), [((2, 1), (NEW, OLD)), ((2,), (NEW,)), ((1,), (OLD,))])
def test_a_block_is_called_once_in_each_version(versions, blocks):
    block = replace(CLIENT, versions=versions)
    assert asyncio.run(targets.find(str(CLIENT.address), [block])).blocks == blocks
