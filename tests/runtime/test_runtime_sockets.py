"""UDP of IKE on loopback: the address that was asked answers."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from lotor.hosts.sockets import open_udp
from lotor.model import network
from lotor.model.network import Peer
from lotor.ports.sockets import local_of
from lotor.runtime.sockets import IsakmpSocket

ANY = Peer(IPv4Address("0.0.0.0"), 0)


def test_an_answer_leaves_from_the_address_that_was_asked():
    async def play():
        gateway = IsakmpSocket(open_udp(ANY))
        heard = asyncio.get_running_loop().create_future()
        gateway.start(lambda data, path: heard.set_result((data, path)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.1", 0))
            client.settimeout(60)
            client.sendto(b"hello", ("127.0.0.9", gateway.local.port))
            data, path = await asyncio.wait_for(heard, 60)
            gateway.transmit(b"answer", path)
            answer, source = client.recvfrom(100)
            mine = client.getsockname()
        gateway.close()
        return data, path, answer, source, mine, gateway.local.port

    data, path, answer, source, mine, port = asyncio.run(play())
    assert (data, answer) == (b"hello", b"answer")
    assert path == network.Path(Peer(IPv4Address("127.0.0.9"), port), Peer(IPv4Address(mine[0]), mine[1]))
    assert source == ("127.0.0.9", port)


def way(local: Peer) -> network.Path:
    return network.Path(local, local)


def test_a_socket_serves_its_own_address_or_all():
    everywhere, one = IsakmpSocket(open_udp(ANY)), IsakmpSocket(open_udp(Peer(IPv4Address("127.0.0.2"), 0)))
    assert everywhere.serves(way(Peer(IPv4Address("127.0.0.5"), everywhere.local.port)))
    assert not one.serves(way(Peer(IPv4Address("127.0.0.5"), one.local.port)))
    assert one.serves(way(one.local))
    assert not one.serves(replace(way(one.local), floated=True))
    everywhere.close()
    one.close()


def has_ipv6() -> bool:
    try:
        open_udp(Peer(IPv6Address("::1"), 0)).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6")
def test_ipv6_answers_from_the_address_that_was_asked():
    async def play():
        gateway = IsakmpSocket(open_udp(Peer(IPv6Address("::"), 0)))
        heard = asyncio.get_running_loop().create_future()
        gateway.start(lambda data, path: heard.set_result((data, path)))
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
            client.bind(("::1", 0))
            client.settimeout(60)
            client.sendto(b"hello", ("::1", gateway.local.port))
            data, path = await asyncio.wait_for(heard, 60)
            gateway.transmit(b"answer", path)
            answer, source = client.recvfrom(100)
            mine = client.getsockname()
        gateway.close()
        return data, path, answer, source[:2], mine, gateway.local.port

    data, path, answer, source, mine, port = asyncio.run(play())
    assert (data, answer) == (b"hello", b"answer")
    assert path == network.Path(Peer(IPv6Address("::1"), port), Peer(IPv6Address("::1"), mine[1]))
    assert source == ("::1", port)


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6")
def test_each_ip_version_has_the_port_for_itself():
    first = open_udp(ANY)
    port = local_of(first).port
    second = open_udp(Peer(IPv6Address("::"), port))
    four, six = IsakmpSocket(first), IsakmpSocket(second)
    assert six.serves(way(Peer(IPv6Address("2001:db8::1"), port)))
    assert not six.serves(way(Peer(IPv4Address("127.0.0.1"), port)))
    assert not four.serves(way(Peer(IPv6Address("2001:db8::1"), port)))
    four.close()
    six.close()
