"""Which sockets are opened: those of the configuration, and a free port for a client whose usual one is taken."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from lotor.config.load import loads
from lotor.config.problem import Location
from lotor.config.settings import ListenAddress
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.listening import open_anywhere, open_at
from lotor.hosts.sockets import HostSockets, open_udp
from lotor.model.network import Peer
from lotor.ports.sockets import local_of

HOME = IPv4Address("127.0.0.1")
LISTEN = loads("").settings.listen


def opened(how, wanted):
    return asyncio.run(how(HostSockets(), wanted, LISTEN))


@pytest.fixture
def taken():
    """A port that somebody has."""
    with open_udp(Peer(HOME, 0)) as udp:
        yield local_of(udp).port


def test_newcomer_16_a_client_takes_a_free_port_where_its_own_is_taken(taken):
    with opened(open_anywhere, ListenAddress(HOME, taken)) as udp:
        assert local_of(udp).address == HOME
        assert local_of(udp).port not in (0, taken)


def test_newcomer_16_a_free_port_is_taken_as_it_is():
    with open_udp(Peer(HOME, 0)) as probe:
        port = local_of(probe).port
    with opened(open_anywhere, ListenAddress(HOME, port)) as udp:
        assert local_of(udp).port == port


def test_newcomer_16_a_port_that_the_configuration_names_is_meant(taken):
    written = ListenAddress(HOME, taken, Location("racoon.conf", 3, 1))
    with pytest.raises(StartError, match=r"is in use by .*process") as caught:
        opened(open_anywhere, written)
    assert caught.value.code is Exit.BUSY


def test_newcomer_16_a_gateway_has_no_other_port(taken):
    with pytest.raises(StartError) as caught:
        opened(open_at, ListenAddress(HOME, taken))
    assert caught.value.code is Exit.BUSY
