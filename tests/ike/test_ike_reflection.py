"""What goes to addresses that a stranger only names: he is himself at one address, and writes another on messages."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from lotor.ike.effects import Effect, Transmit
from lotor.model.network import Address, Peer
from lotor.model.policy import STRANGERS, ExchangeMode, Policy
from peers.counter import Counter
from peers.speaker import Manners, Speaker
from peers.world import CHILD, GATEWAY

REMOTE = replace(GATEWAY, exchange_modes=(ExchangeMode.MAIN,), certificates=(bytes(1500),))
VICTIMS = (Peer(IPv4Address("203.0.113.99"), 500), Peer(IPv6Address("2001:db8:99::1"), 500))
SECONDS, STEP = 60, 0.5


@dataclass
class Gateway(Counter):
    """Counts the octets that leave, by address."""

    octets: Tally[Address] = field(default_factory=Tally)

    def settle(self, effects: list[Effect]) -> list[bytes]:
        for each in effects:
            if isinstance(each, Transmit):
                self.octets[each.path.remote.address] += len(each.data)
        return super().settle(effects)

    def _deliver(self, ticket: int, question: object, answer: object) -> list[Effect]:
        effects = super()._deliver(ticket, question, answer)
        for each in effects:
            if isinstance(each, Transmit):
                self.octets[each.path.remote.address] += len(each.data)
        return effects


def begin(gateway: Gateway, number: int) -> tuple[Speaker, Peer, bytes, bytes]:
    """A stranger at an address of his own, with his third message and the answer to it."""
    speaker, home = Speaker(seed=number, manners=Manners(main=True)), Peer(IPv4Address(0xC6336400 + number), 500)
    (second,) = gateway.receive(speaker.first(), home, floated=False)
    third = speaker.main_third(second)
    (fourth,) = gateway.receive(third, home, floated=False)
    return speaker, home, third, fourth


@pytest.mark.parametrize("victim", VICTIMS, ids=str)
@pytest.mark.parametrize("at_home", [True, False], ids=["copies", "the message itself"])
def test_f6_octets_to_an_address_that_a_later_message_names_are_bounded_too(victim: Peer, *, at_home: bool) -> None:
    gateway = Gateway(Policy((REMOTE,), CHILD))
    begun = [begin(gateway, number) for number in range(40)]
    fifths = []
    for speaker, home, _, fourth in begun:
        fifth = speaker.main_fifth(fourth)
        fifths.append(fifth)
        if at_home:
            assert gateway.receive(fifth, home, floated=False)
    while gateway.now < 1000 + SECONDS:
        for fifth in fifths:
            gateway.receive(fifth, victim, floated=False)
        gateway.wait(STEP)
    rate = STRANGERS.octets_site
    most = rate.burst + SECONDS * rate.second
    assert 0 < gateway.octets[victim.address] <= most
    assert gateway.endpoint.admissions().withheld > 0


@pytest.mark.parametrize("victim", VICTIMS, ids=str)
def test_f6_who_holds_keys_but_has_no_login_names_no_address_for_the_questions(victim: Peer) -> None:
    """Hybrid: anybody gets keys. The login is asked for where the session began, whatever the third message says."""
    gateway = Gateway(Policy((replace(REMOTE, exchange_modes=(ExchangeMode.AGGRESSIVE,)),), CHILD))
    speaker, home = Speaker(seed=1), Peer(IPv4Address("198.51.100.7"), 500)
    (second,) = gateway.receive(speaker.first(), home, floated=False)
    speaker.second(second)
    assert gateway.receive(speaker.third(), victim, floated=False)
    before = gateway.octets[victim.address]
    gateway.wait(SECONDS)
    assert before == gateway.octets[victim.address] == 0
    assert gateway.octets[home.address] > len(second)
