"""A connection is found by whom it was made for, wherever the gateway is by now."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import replace
from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from lotor.client import addresses
from lotor.client.connections import Connections
from lotor.client.targets import Target
from lotor.ike.events import PathChanged
from lotor.model.policy import RemotePolicy, Side
from lotor.model.reasons.local import NoClientBlock, NotResolved
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
        await asyncio.wait(set(asked[addresses.MOST_ASKED :]), timeout=10)
        over = [str(each.exception()) for each in asked[addresses.MOST_ASKED :]]
        answers.set()
        for each in [each for each in threading.enumerate() if each.name == "lotor-names"]:
            await asyncio.to_thread(each.join, 10)
        assert await addresses.resolve("host.example") == [ip_address("192.0.2.1")]
        return over

    over = asyncio.run(story())
    assert len(begun) == addresses.MOST_ASKED + 1
    assert len(over) == 100 - addresses.MOST_ASKED
    assert all("names are being looked up" in each for each in over)
