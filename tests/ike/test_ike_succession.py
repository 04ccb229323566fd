"""A session whose keys were renewed under the old ones takes the place of the old session everywhere."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from lotor.ike.admission import Admission
from lotor.ike.context import CoreContext
from lotor.ike.gates import Gates
from lotor.ike.proved import ProvedPeer
from lotor.ike.session import Dialled, Session, Spis
from lotor.ike.sessions import RENEWED_LINGER_S, Sessions
from lotor.model.configuration import ModeConfiguration
from lotor.model.identity import Identity
from lotor.model.network import Path, Peer
from lotor.model.policy import Policy
from peers.world import CHILD, CLIENT, GATEWAY, SeededRandomness

PATH = Path(Peer(IPv4Address("192.0.2.50"), 4500), Peer(IPv4Address("203.0.113.1"), 20000), floated=True)
ADDRESS = IPv4Address("10.99.99.7")


class Stage:
    """The sessions of an endpoint, without exchanges."""

    def __init__(self, remote=GATEWAY):
        self.now, self.remote = 1000.0, remote
        self.context = CoreContext(Policy((remote,), CHILD), SeededRandomness(1))
        self.sessions = Sessions(lambda: self.now, print, Admission(self.context), self.context.timers)

    def make(self, *, initiator, spis):
        number = self.sessions.next_id()
        session = Session(number, self.context, self.remote, initiator, Spis(*spis), PATH, self.sessions, Gates())
        session.user = "alice"
        session.proved = ProvedPeer(Identity(3, b"alice@example.net"), True, True, True, False)
        self.sessions.add(session)
        return session

    def wait(self, seconds):
        self.now += seconds
        self.context.timers.run(self.now)


def first(stage, *, initiator):
    session = stage.make(initiator=initiator, spis=(b"i" * 8, b"r" * 8))
    if initiator:
        session.dialled = Dialled(PATH.remote.address)
    else:
        session.inner.configuration = ModeConfiguration(ADDRESS)
        stage.sessions.housed(session)
        stage.sessions.accepted(session, "alice")
    return session


@pytest.mark.parametrize("who", ["client", "gateway"])
def test_a_gateways_session_keeps_its_number_user_and_address_whoever_renews(who):
    stage = Stage()
    old = first(stage, initiator=False)
    number = old.id
    new = stage.make(initiator=who == "gateway", spis=(b"I" * 8, b"R" * 8))
    stage.sessions.succeed(new, old)
    assert stage.sessions.by_id == {number: new}
    assert new.inner.configuration.address == ADDRESS
    stranger = stage.make(initiator=False, spis=(b"s" * 8, b"t" * 8))
    assert stage.sessions.holder(stranger, IPv4Network(ADDRESS)) is new
    assert stage.sessions.begun_with(PATH.remote.address) == []
    stranger.remote, stranger.path = replace(GATEWAY, max_sessions=1), PATH.to(Peer(IPv4Address("203.0.113.2"), 20000))
    barred = stage.sessions.barred(stranger, "alice")
    assert barred is not None
    new.end(barred)
    assert stage.sessions.barred(stranger, "alice") is None


@pytest.mark.parametrize("who", ["client", "gateway"])
def test_what_a_client_opened_is_still_found_by_the_gateways_address(who):
    """A message in clear that says that an SPI is unknown is for what this end opened, whoever renewed the keys."""
    stage = Stage(CLIENT)
    old = first(stage, initiator=True)
    new = stage.make(initiator=who == "client", spis=(b"I" * 8, b"R" * 8))
    stage.sessions.succeed(new, old)
    assert stage.sessions.begun_with(PATH.remote.address) == [new]
    assert new.dialled == old.dialled


def test_the_old_keys_are_known_for_a_while():
    """The peer may not have the answer to its last request."""
    stage = Stage()
    old = first(stage, initiator=False)
    new = stage.make(initiator=False, spis=(b"I" * 8, b"R" * 8))
    stage.sessions.succeed(new, old)
    assert stage.sessions.known(b"i" * 8, b"r" * 8)
    assert stage.sessions.known(b"I" * 8, b"R" * 8)
    stage.wait(RENEWED_LINGER_S)
    assert not stage.sessions.known(b"i" * 8, b"r" * 8)
    assert stage.sessions.find(0, (b"I" * 8, b"R" * 8), PATH.remote) is new


def test_keys_that_lost_a_collision_leave_nothing():
    stage = Stage()
    old = first(stage, initiator=False)
    loser = stage.make(initiator=True, spis=(b"I" * 8, b"R" * 8))
    loser.stop()
    stage.sessions.closed(loser)
    assert list(stage.sessions.by_id.values()) == [old]
    assert not stage.sessions.known(b"I" * 8, b"R" * 8)
    assert stage.sessions.barred(stage.make(initiator=False, spis=(b"s" * 8, b"t" * 8)), "alice") is None
