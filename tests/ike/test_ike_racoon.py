"""A client that renews SA pairs as racoon does: it sends the third message first, and installs its pair afterwards."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.effects import Transmit
from lotor.ike.events import ChildDown, Ended
from lotor.ike.intents import ChildExpired
from lotor.ike.v1 import child_rekey
from lotor.model.algorithms import Cipher, EspSuite, Group, Hash, Integrity
from lotor.model.network import Path, Peer
from lotor.model.policy import ChildPolicy, Policy, Switch
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.numbers import Protocol
from lotor.wire.v1.payloads import Delete, Identification, Nonce
from peers import clients
from peers.speaker import I, Q
from peers.visitor import Visitor
from peers.world import GATEWAY, SUITE, CheapRandomness, Host, World

ESP = ChildPolicy((EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256),), lifetime=3600)

STEP = 0.001
"""Seconds from one packet of the inside to the next."""


class Racoon:
    """Its way in the world is short: what the gateway does at once arrives before the pair is installed."""

    def __init__(self, busy: float) -> None:
        suite = replace(SUITE, key_bits=256, hash=Hash.SHA256, group=Group.MODP2048, lifetime=86400)
        remote = replace(GATEWAY, proposals=(suite,), nat_traversal=Switch.ON)
        self.world, self.busy = World(), busy
        self.world.network.delay = 0.0002
        host = Host("gateway", IPv4Address("192.0.2.50"), Policy((remote,), ESP), CheapRandomness(9))
        self.gateway = self.world.add(host)
        self.visitor = Visitor(self.world, self.gateway, clients.apple())
        self.visitor.come_up()
        self.hears = {int.from_bytes(self.visitor.spis[0], "big"): 0.0}
        self.sent = self.lost = 0

    def ping(self, seconds: float) -> None:
        """The gateway's host sends a packet each millisecond."""
        for _ in range(round(seconds / STEP)):
            self.world.run(STEP)
            spi = self.takes()
            arrives = self.world.now + self.world.network.delay
            self.sent += 1
            self.lost += not self.hears.get(spi, float("inf")) <= arrives

    def takes(self) -> int:
        """The SPI of what leaves the gateway: the newest pair that sends."""
        return [child for child in self.gateway.installed.values() if child.sending][-1].outbound.spi

    def renew(self, spi: bytes) -> None:
        """Quick mode: the old pair stays as it is."""
        speaker, message_id = self.visitor.speaker, self.visitor.next_id()
        mine, everywhere = Identification(1, 0, 0, self.visitor.inner.packed), Identification(4, 0, 0, bytes(8))
        asked = (self.visitor.habits.child(spi), Nonce(speaker.randomness.nonce(16)), mine, everywhere)
        ((_, answer),) = self.visitor.say(Q, message_id, *asked, seconds=0.01)
        (proposal,) = answer.only(SecurityAssociation).proposals
        self.say(speaker.say(Q, message_id))
        self.hears[int.from_bytes(spi, "big")] = self.world.now + self.busy
        self.theirs = proposal.spi

    def say(self, datagram: bytes) -> None:
        """Without waiting for anything."""
        local, remote = Peer(self.visitor.address, 4500), Peer(self.gateway.address, 4500)
        self.world.do(self.visitor.host, [Transmit(datagram, Path(local, remote, floated=True))])


@pytest.mark.parametrize("busy", [0.001, 0.01, 0.05, 0.15])
def test_f7_nothing_is_lost_while_a_client_like_racoon_takes_up_its_new_pair(busy):
    racoon = Racoon(busy)
    racoon.ping(0.5)
    for number in range(2, 6):
        spi = b"\xc0\xff\xee" + bytes([number])
        racoon.renew(spi)
        racoon.ping(1.0)
        assert racoon.takes() == int.from_bytes(spi, "big")
    assert (racoon.sent, racoon.lost) == (4500, 0)
    assert not racoon.gateway.of(Ended)


def test_f7_a_client_that_deletes_its_old_pair_at_once_is_sent_to_by_the_new_one():
    racoon = Racoon(0.0)
    old, spi = racoon.takes(), b"\xc0\xff\xee\x02"
    racoon.renew(spi)
    delete = Delete(Protocol.ESP, (old.to_bytes(4, "big"),))
    racoon.say(racoon.visitor.speaker.say(I, racoon.visitor.next_id(), delete))
    racoon.world.run(0.002)
    assert racoon.gateway.of(ChildDown)
    assert racoon.takes() == int.from_bytes(spi, "big")
    assert child_rekey.INITIATOR_READY_S > 0.002


def test_f7_a_pair_that_replaces_nothing_any_more_sends_at_once():
    racoon = Racoon(0.0)
    (old,) = racoon.gateway.installed.values()
    end = ChildExpired(old.id, hard=True)
    answering = racoon.visitor.speaker
    message_id = racoon.visitor.next_id()
    mine, everywhere = Identification(1, 0, 0, racoon.visitor.inner.packed), Identification(4, 0, 0, bytes(8))
    asked = (racoon.visitor.habits.child(b"\xc0\xff\xee\x02"), Nonce(answering.randomness.nonce(16)), mine, everywhere)
    racoon.visitor.say(Q, message_id, *asked, seconds=0.01)
    racoon.world.do(racoon.gateway, racoon.gateway.endpoint.command(end, racoon.world.now))
    racoon.say(answering.say(Q, message_id))
    racoon.world.run(0.01)
    assert racoon.takes() == 0xC0FFEE02
