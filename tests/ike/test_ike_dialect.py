"""The seam between the endpoint and the protocol versions: a second version is a second row."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path as File

import pytest

from lotor.ike.dialect import Incoming, Opening
from lotor.ike.effects import Tell, Transmit
from lotor.ike.endpoint import SPOKEN, Endpoint
from lotor.ike.events import Dropped, Ended, Started
from lotor.ike.intents import Connect, Disconnect, Shutdown
from lotor.ike.session import Session
from lotor.model.network import Path, Peer
from lotor.model.policy import Policy
from lotor.model.reasons.ends import ClosedHere
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from peers.world import CHILD, CLIENT, GATEWAY, SeededRandomness

HERE, THERE = Peer(IPv4Address("192.0.2.1"), 500), Peer(IPv4Address("198.51.100.7"), 500)
WAY = Path(HERE, THERE)
POLICY = Policy((replace(GATEWAY, versions=(1, 2, 3)),), CHILD)
OVER = ClosedHere()
FIRST = Header(b"stranger", bytes(8), 33, 34, 0x08, 0, version=0x20)


class EchoSession(Session):
    VERSION = 2


class Echo:
    """A version 2 that answers each message with its own octets, under our SPI."""

    def check(self, header: Header) -> None:
        if header.version != 0x20:
            raise Malformed(f"echo {header.spoken} is not spoken here")

    def describe(self, header: Header) -> str:
        return f"echo {header.exchange}"

    def whole(self, incoming, session, path, now):
        return incoming

    def hint(self, header: Header, randomness) -> bytes | None:
        return None

    def told_spi(self, incoming) -> int | None:
        return None

    def shown(self, incoming, path, now) -> bool:
        return False

    def challenge(self, incoming, path, randomness, now) -> bytes | None:
        return None

    def begins_session(self, header: Header) -> bool:
        return header.responder == bytes(8)

    def candidates(self, policy, peer, header):
        return policy.remotes

    def make(self, opening: Opening) -> Session:
        there = (opening.spis, opening.path, opening.registry)
        return EchoSession(opening.id, opening.context, opening.candidates[0], opening.initiator, *there)

    def begin(self, session, now):
        raise NotImplementedError

    def admit(self, session, incoming, path, now) -> bool:
        return self.receive(session, incoming, path, now) or True

    def receive(self, session, incoming: Incoming, path, now) -> None:
        header = replace(incoming.header, responder=session.spis.responder)
        session.context.put(Transmit(header.encode(len(incoming.body)) + incoming.body, path))

    def rekey(self, session, pair, now):
        raise NotImplementedError

    expired = rekey


class Echo3Session(Session):
    VERSION = 3


class Echo3(Echo):
    """The same once more, as another version."""

    def check(self, header: Header) -> None:
        assert header.version == 0x30

    def make(self, opening: Opening) -> Session:
        there = (opening.spis, opening.path, opening.registry)
        return Echo3Session(opening.id, opening.context, opening.candidates[0], opening.initiator, *there)


class Caller(Echo):
    """One that also begins."""

    def begin(self, session, now):
        session.context.put(Transmit(b"hello", session.path))


def endpoint(*versions) -> Endpoint:
    rows = {1: SPOKEN[1], 2: Echo}
    return Endpoint(POLICY, SeededRandomness(1), spoken={version: rows[version] for version in versions})


def events(effects, kind):
    return [effect.event for effect in effects if isinstance(effect, Tell) and isinstance(effect.event, kind)]


def sent(effects) -> list[bytes]:
    return [effect.data for effect in effects if isinstance(effect, Transmit)]


def test_a_second_row_makes_a_second_version():
    both = endpoint(1, 2)
    begun = both.receive(FIRST.encode(5) + b"hello", WAY, 1.0)
    (started,) = events(begun, Started)
    (answer,) = sent(begun)
    assert started.ike == 2
    ours = Header.decode(answer).responder
    assert (ours != bytes(8), answer[Header.SIZE :]) == (True, b"hello")
    again = both.receive(replace(FIRST, responder=ours, message_id=1).encode(3) + b"you", WAY, 2.0)
    assert (events(again, Started), sent(again)[0][Header.SIZE :]) == ([], b"you")
    (ended,) = events(both.command(Disconnect(started.session, OVER), 3.0), Ended)
    assert (ended.session, ended.reason) == (started.session, OVER)


def test_a_version_hears_nothing_of_the_sessions_of_another():
    both = endpoint(1, 2)
    (answer,) = sent(both.receive(FIRST.encode(5) + b"hello", WAY, 1.0))
    stray = Header(FIRST.initiator, Header.decode(answer).responder, 8, 5, 1, 7)
    assert both.receive(stray.encode(16) + bytes(16), WAY, 2.0) == []


def test_first_messages_that_differ_in_the_version_alone_are_of_two_sessions():
    """The same SPI from the same address: the copy of each first message finds the session of its own version."""
    both = Endpoint(POLICY, SeededRandomness(1), spoken={2: Echo, 3: Echo3})
    third = replace(FIRST, version=0x30)
    begun = [events(both.receive(first.encode(5) + b"hello", WAY, 1.0), Started) for first in (FIRST, third)]
    assert [each.ike for (each,) in begun] == [2, 3]
    again = [both.receive(first.encode(5) + b"hello", WAY, 2.0) for first in (FIRST, third)]
    responders = [Header.decode(sent(effects)[0]).responder for effects in again]
    assert [events(effects, Started) for effects in again] == [[], []]
    assert len({*responders, bytes(8)}) == 3


def test_a_client_calls_in_the_version_that_its_remote_names():
    called = replace(CLIENT, name="echo", versions=(2,))
    both = Endpoint(Policy((CLIENT, called), CHILD), SeededRandomness(1), spoken={1: SPOKEN[1], 2: Caller})
    begun = both.command(Connect("echo", WAY, 1), 1.0)
    assert ([each.ike for each in events(begun, Started)], sent(begun)) == ([2], [b"hello"])
    (first,) = sent(both.command(Connect(CLIENT.name, WAY, 2), 1.0))
    assert Header.decode(first).major == 1


def test_a_version_that_nothing_speaks_is_told_to_whoever_wants_to_call_in_it():
    called = replace(CLIENT, versions=(7,))
    with pytest.raises(ValueError, match=f"{called.name} is to be called by version 7, which nothing here speaks"):
        Endpoint(Policy((called,), CHILD), SeededRandomness(1)).command(Connect(called.name, WAY, 1), 1.0)


def test_sessions_of_all_versions_end_with_the_endpoint():
    both = endpoint(1, 2)
    both.receive(FIRST.encode(5) + b"hello", WAY, 1.0)
    assert len(events(both.command(Shutdown(OVER), 2.0), Ended)) == 1


@pytest.mark.parametrize("version", [0x00, 0x20, 0x0F, 0xFF, 0x11, 0x1F])
def test_h3_another_version_than_1_0_is_turned_away(version):
    told = endpoint(1).receive(replace(FIRST, version=version, flags=0).encode(0), WAY, 1.0)
    (dropped,) = events(told, Dropped)
    assert f"version {version >> 4}.{version & 15}, only 1.0 is spoken here" in dropped.text()
    assert (sent(told), events(told, Started)) == ([], [])


@pytest.mark.parametrize("flags", range(256))
def test_h3_flags_that_nobody_defined_are_turned_away(flags):
    header = Header(b"initiate", b"respond!", 1, 4, flags, 0xDEADBEEF)
    told = endpoint(1).receive(header.encode(0), WAY, 1.0)
    assert [f"flags {flags:#04x}" in dropped.text() for dropped in events(told, Dropped)] == [True] * (flags > 7)


def test_the_endpoint_knows_a_version_by_its_row_only():
    text = (File(__file__).parents[2] / "src/lotor/ike/endpoint.py").read_text()
    assert [line for line in text.splitlines() if "ike.v" in line] == [
        f"from lotor.ike.v{version}.dialect import IkeV{version}" for version in (1, 2)
    ]
