"""Calls that a gateway sends on: where they go, how often, and what is made of an end on the way (RFC 5685)."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, ip_address
from types import SimpleNamespace

import pytest

from lotor.client.calls import Calls, Ground, Unheard
from lotor.client.elsewhere import way_to
from lotor.client.requests import ConnectRequest
from lotor.client.targets import Target
from lotor.model.network import Path, Peer
from lotor.model.reasons.ends import NoAnswer, NoRoute, Redirected, RedirectedTooOften
from lotor.model.redirection import MOST_REDIRECTS, Detour
from peers.world import CLIENT

HERE, MEANT, OTHER = (ip_address(each) for each in ("198.51.100.10", "192.0.2.50", "192.0.2.60"))


class Scripted(Calls):
    """What comes of each single call is written down before."""

    def __init__(self, *found: object, unreachable: frozenset[IPv4Address] = frozenset()) -> None:
        async def way(there: Peer) -> Path:
            if there.address in unreachable:
                raise OSError(None, "no route")
            return Path(Peer(HERE, 500), there)

        super().__init__(SimpleNamespace(), Ground(tuple, lambda _: None, way, lambda: 30.0))
        self.found, self.called = list(found), []

    async def _one(self, target, request, patience, there):
        del target, request, patience
        path, detour = there
        self.called.append((path.remote.address, detour))
        return self.found.pop(0)


class Person:
    def __init__(self) -> None:
        self.heard: list[str] = []

    async def tell(self, text: str) -> None:
        self.heard.append(text)


def call(calls: Calls, person: Person | None = None) -> object:
    return asyncio.run(calls.call(Target(CLIENT, MEANT, "vpn"), ConnectRequest({}, person), 5.0))


def sent(by: object = MEANT, to: object = OTHER, *, proved: bool = False) -> Redirected:
    return Redirected(by, str(to), proved)


@pytest.mark.parametrize("proved", [False, True])
def test_a_call_goes_where_it_is_sent_and_the_person_hears_it(proved):
    calls, person = Scripted(sent(proved=proved), "up"), Person()
    assert call(calls, person) == "up"
    assert calls.called == [(MEANT, None), (OTHER, Detour(MEANT, MEANT, str(OTHER) if proved else ""))]
    assert person.heard == [f"{MEANT} sends this client to {OTHER}"]


def test_but_not_round_for_ever():
    found = [sent(MEANT, OTHER), sent(OTHER, MEANT)] * 4
    calls = Scripted(*found)
    assert isinstance(call(calls), RedirectedTooOften)
    assert len(calls.called) == MOST_REDIRECTS + 1


@pytest.mark.parametrize("end", [NoAnswer(OTHER), NoRoute("nothing")])
def test_what_is_silent_there_still_spoke_ikev2_here(end):
    """So that nobody who can send a client on makes it speak IKEv1."""
    assert call(Scripted(sent(), Unheard(end))) == Unheard(end, spoke=True)


def test_nor_where_no_way_leads_there():
    found = call(Scripted(sent(), unreachable=frozenset({OTHER})))
    assert found == Unheard(NoRoute("no route"), spoke=True)


def test_the_first_address_with_a_way_is_called():
    async def way(there: Peer) -> Path:
        if there.address == MEANT:
            raise OSError(None, "no route")
        return Path(Peer(HERE, 500), there)

    async def resolve(name: str):
        assert name == "gw2.example.net"
        return [MEANT, OTHER]

    assert asyncio.run(way_to("gw2.example.net", 500, way, resolve)).remote == Peer(OTHER, 500)
    with pytest.raises(OSError, match="no route"):
        asyncio.run(way_to(str(MEANT), 500, way, resolve))
