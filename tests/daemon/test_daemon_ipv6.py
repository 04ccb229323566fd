"""IPv6 beside IPv4 in whole programs: what a client is given and shown, and which address of a name is called."""

from __future__ import annotations

import asyncio
import errno
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Interface, ip_address

import pytest

import visiting
from lotor.client import calls, connections
from lotor.client.addresses import resolve, typed
from lotor.client.targets import Target
from lotor.control.messages import Connected, Status
from lotor.hosts import sockets, sysctl
from lotor.ike.v1 import watch
from lotor.model.policy import Dpd
from lotor.model.reason import Reason
from lotor.wire.v1.numbers import ExchangeType
from visiting import ROOT, Typing, play

IPV6 = "network6 fd00:99::1;"
TARGET = IPv4Address("127.0.0.1")


@pytest.fixture(autouse=True)
def ipv6(monkeypatch):
    """Whatever host the tests run on."""
    monkeypatch.setattr(sysctl, "takes_ipv6", lambda _: True)


def children(plane) -> set[str]:
    return {str(network) for child in plane.installed.values() for network in child.local_networks}


async def until(world, condition) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await world.settle()


def test_a_client_that_asks_has_both(directory, caplog):
    async def story(world):
        up = await world.vc()
        await until(world, lambda: len(world.client_plane.installed) == 2)
        (session,) = world.client.register.all()
        (shown,) = (await world.gateway_admin.status(Status(), ROOT))["sessions"]
        return up, session.configuration, shown["address6"], children(world.client_plane)

    caplog.set_level("INFO")
    up, configuration, shown, networks = play(directory, story, ipv6=IPV6)
    assert isinstance(up, Connected)
    assert (up.address, up.address6) == ("10.99.99.1", "fd00:99::1")
    assert configuration.address6 == IPv6Interface("fd00:99::1/64")
    assert shown == "fd00:99::1"
    assert networks == {"10.99.99.1/32", "fd00:99::1/128"}
    assert "address 10.99.99.1 and fd00:99::1 for alice" in caplog.text


def test_one_that_does_not_ask_has_what_it_always_had(directory):
    async def story(world):
        up = await world.vc()
        await world.settle()
        (shown,) = (await world.gateway_admin.status(Status(), ROOT))["sessions"]
        return up, shown["address6"], children(world.client_plane)

    up, shown, networks = play(directory, story, ipv6=IPV6, login="mode_cfg6 off;")
    assert (up.address, up.address6, shown, networks) == ("10.99.99.1", "", "", {"10.99.99.1/32"})


def test_a_host_without_ipv6_does_not_ask_and_says_why(directory, monkeypatch):
    monkeypatch.setattr(sysctl, "takes_ipv6", lambda _: False)

    async def story(world):
        up = await world.vc()
        return up, world.client.present.now.warnings, world.gateway.present.now.warnings

    up, here, there = play(directory, story, ipv6=IPV6)
    assert (up.address, up.address6) == ("10.99.99.1", "")
    assert "this host has IPv6 switched off: its client asks for IPv4 only, as with mode_cfg6 off" in here
    assert not [text for text in there if "IPv6" in text]


# --- which address ---------------------------------------------------------------------------------------------------


def by_ipv4_only(remote, *, mark=None):
    del mark
    if remote.address.version == 6:
        raise OSError(errno.ENETUNREACH, f"no route to {remote.address}: Network is unreachable")
    return IPv4Address("127.0.0.1")


def called(directory, monkeypatch, address: str, *others: str):
    """What came of it, and how often the person was asked."""
    monkeypatch.setattr(sockets, "source_towards", by_ipv4_only)
    person = Typing()

    async def story(world):
        (remote,) = world.client.present.now.policy.remotes
        target = Target(remote, ip_address(address), "127.0.0.1", tuple(map(ip_address, others)))
        return await world.client.connections.reach(target, "alice", person)

    return play(directory, story), person.prompts


def test_without_a_way_to_one_address_the_next_is_called(directory, monkeypatch):
    session, prompts = called(directory, monkeypatch, "2001:db8::50", "127.0.0.1")
    assert session.up
    assert session.path.remote.address == TARGET
    assert len(prompts) == 1


def test_where_all_are_silent_all_are_named(directory, monkeypatch):
    reason, _ = called(directory, monkeypatch, "2001:db8::50", "2001:db8::51")
    assert isinstance(reason, Reason)
    assert reason.text.startswith("no route to 2001:db8::50: ")
    assert "; no route to 2001:db8::51: " in reason.text


def silent(directory, monkeypatch, *others):
    """What came of calling an address where nobody is, for what a person would take for seconds."""
    monkeypatch.setattr(calls, "TOLD_AFTER", (0.02, 0.05))
    monkeypatch.setattr(connections, "SECONDS_FOR_ONE_OF_MANY", 0.1)
    person = Typing()

    async def story(world):
        world.air.deaf = True
        (remote,) = world.client.present.now.policy.remotes
        target = Target(remote, TARGET, "127.0.0.1", others)
        reached = asyncio.create_task(world.client.connections.reach(target, "alice", person))
        await until(world, lambda: len(person.told) == 2)
        if not others:
            reached.cancel()
            return None
        world.air.deaf = False
        return await reached

    return play(directory, story), person


def test_who_waits_is_told_that_nobody_answers(directory, monkeypatch):
    _, person = silent(directory, monkeypatch)
    assert person.told == [
        "no answer yet from 127.0.0.1 at UDP port 500, trying 50 s more",
        "no answer yet from 127.0.0.1 at UDP port 500, trying 50 s more",
    ]


def test_a_silent_address_is_left_soon_where_there_is_another(directory, monkeypatch):
    session, person = silent(directory, monkeypatch, TARGET)
    assert session.up
    assert len(person.prompts) == 1
    assert person.told[0] == "no answer yet from 127.0.0.1 at UDP port 500, trying 0 s more"


def test_who_waits_is_told_of_a_port_where_nothing_comes_back(directory, monkeypatch):
    monkeypatch.setattr(calls, "SILENCE_AFTER_PHASE_ONE", 0.1)
    forced = visiting.GATEWAY_FILE.replace("ike_frag on;", "ike_frag on; nat_traversal force;")
    monkeypatch.setattr(visiting, "GATEWAY_FILE", forced)
    person = Typing()

    async def story(world):
        carry = world.air.carry
        world.air.carry = lambda sender, data, path: None if path.floated else carry(sender, data, path)
        reached = asyncio.create_task(world.vc(typing=person))
        await until(world, lambda: person.told)
        reached.cancel()

    play(directory, story, login="nat_traversal force;")
    assert person.told == ["127.0.0.1 answered, but nothing has come back at UDP port 4500 yet: is it open on the way?"]


def test_f2_who_waits_for_a_gateway_that_answers_there_is_not_sent_to_the_firewall(directory, monkeypatch):
    """It answers probes at port 4500, and does not ask for the login, as racoon whose request was lost."""
    monkeypatch.setattr(calls, "SILENCE_AFTER_PHASE_ONE", 1.0)
    monkeypatch.setattr(watch, "WAITING_DPD", Dpd(delay=0.03, retry=0.03, maxfail=12))
    forced = visiting.GATEWAY_FILE.replace("ike_frag on;", "ike_frag on; nat_traversal force;")
    monkeypatch.setattr(visiting, "GATEWAY_FILE", forced)
    person = Typing()

    async def story(world):
        carry, lost = world.air.carry, ExchangeType.TRANSACTION
        world.air.carry = lambda sender, data, path: None if data[18] == lost else carry(sender, data, path)
        reached = asyncio.create_task(world.vc(typing=person))
        await until(world, lambda: person.told)
        (attempt,) = world.client.attempts.all()
        reached.cancel()
        return attempt

    attempt = play(directory, story, login="nat_traversal force;")
    assert attempt.reached
    told = "127.0.0.1 answered, but it does not go on yet: it has not asked for a login, nor given an address"
    assert person.told == [told]


def test_what_is_typed_is_an_address_or_a_name():
    assert typed("2001:db8::50") == typed("[2001:db8::50]") == IPv6Address("2001:db8::50")
    assert typed("192.0.2.50") == IPv4Address("192.0.2.50")
    assert typed("vpn.example.net") is None


def test_a_name_is_called_by_ipv4_first(monkeypatch):
    found = ["2001:db8::1", "fe80::1", "192.0.2.1", "2001:db8::2", "192.0.2.1"]

    def looked_up(host, port, *_, **__):
        del host, port
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (each, 0)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    assert list(map(str, asyncio.run(resolve("vpn.example.net")))) == ["192.0.2.1", "2001:db8::1", "2001:db8::2"]
    found[:] = ["fe80::1"]
    with pytest.raises(OSError, match=r"cannot resolve vpn\.example\.net: it has link-local addresses only"):
        asyncio.run(resolve("vpn.example.net"))
