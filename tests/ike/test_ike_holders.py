"""Whose inside is whose is found at once, however many sessions there are."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Interface, ip_network
from types import SimpleNamespace

from lotor.ike.holders import Holders
from lotor.ike.intents import Disconnect
from lotor.ike.session import Inner
from lotor.model.configuration import ModeConfiguration
from lotor.model.reasons.ends import ClosedHere
from peers.world import connect, is_up, pair

FIRST = IPv4Address("10.99.0.1")


class Counted:
    """A session that counts how often somebody looks at its inside."""

    looks = 0

    def __init__(self, *, given=None, six=None, brought=None, pairs=()):
        configuration = ModeConfiguration(given, address6=six) if given is not None else None
        self._inner = Inner(configuration, brought)
        self.children = [SimpleNamespace(selectors=SimpleNamespace(remote=each)) for each in pairs]

    @property
    def inner(self):
        Counted.looks += 1
        return self._inner


def filled(*sessions):
    holders = Holders()
    for session in sessions:
        holders.note(session)
    return holders


def test_ten_thousand_that_were_given_addresses_are_not_looked_through():
    many = [Counted(given=FIRST + number) for number in range(10000)]
    holders, stranger = filled(*many), Counted()
    Counted.looks = 0
    assert holders.other(stranger, ip_network(FIRST + 7777)) is many[7777]
    assert holders.other(many[7777], ip_network(FIRST + 7777)) is None
    assert holders.other(stranger, ip_network(FIRST + 20000)) is None
    assert Counted.looks < 10


def test_a_network_an_address_of_ipv6_and_what_was_brought_are_found():
    six = Counted(given=FIRST, six=IPv6Interface("fd00:99::1/64"))
    own = Counted(brought=IPv4Network("10.1.0.0/16"))
    older = Counted(brought=IPv4Network("10.3.0.0/24"), pairs=[IPv4Network("10.2.0.0/24")])
    holders, stranger = filled(six, own, older), Counted()
    found = {
        "10.99.0.0/24": six,
        "fd00:99::1/128": six,
        "fd00:99::2/128": None,
        "10.1.2.3/32": own,
        "10.0.0.0/8": own,
        "10.2.0.9/32": older,
        "10.3.0.0/16": older,
        "10.4.0.0/16": None,
    }
    assert {inside: holders.other(stranger, ip_network(inside)) for inside in found} == found


def test_who_has_ended_or_was_taken_over_holds_nothing():
    old, successor, other = Counted(given=FIRST), Counted(given=FIRST), Counted()
    holders = filled(old)
    holders.replace(old, successor)
    assert holders.other(other, ip_network(FIRST)) is successor
    holders.forget(old)
    assert holders.other(other, ip_network(FIRST)) is successor
    holders.forget(successor)
    assert holders.other(other, ip_network(FIRST)) is None
    holders.replace(Counted(), other)
    assert (holders._given, holders._brought) == ({}, {})


def test_who_brought_an_inside_and_is_given_one_has_only_that():
    session, stranger = Counted(brought=IPv4Network("10.1.0.0/16")), Counted()
    holders = filled(session)
    session._inner.configuration = ModeConfiguration(FIRST)
    holders.note(session)
    assert holders.other(stranger, ip_network("10.1.0.1/32")) is None
    assert holders.other(stranger, ip_network(FIRST)) is session
    holders.forget(session)
    assert (holders._given, holders._brought) == ({}, {})


def test_a_gateway_whose_clients_have_left_remembers_no_inside():
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    holders = gateway.endpoint._sessions._holders
    assert list(holders._given) == [IPv4Address("10.99.99.1")]
    world.do(client, client.endpoint.command(Disconnect(1, ClosedHere()), world.now))
    world.run(100)
    assert (holders._given, holders._brought) == ({}, {})
