"""UDP of IKE on loopback: the address that was asked answers; busy and foreign addresses are one clear sentence."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from lotor.model import network
from lotor.model.network import Peer
from lotor.runtime.holder import holder_of
from lotor.runtime.sockets import IsakmpSocket, local_of, open_udp, source_towards

ANY = Peer(IPv4Address("0.0.0.0"), 0)


def test_an_answer_leaves_from_the_address_that_was_asked():
    async def play():
        gateway = IsakmpSocket(open_udp(ANY))
        heard = asyncio.get_running_loop().create_future()
        gateway.start(lambda data, path: heard.set_result((data, path)))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.1", 0))
            client.settimeout(5)
            client.sendto(b"hello", ("127.0.0.9", gateway.local.port))
            data, path = await asyncio.wait_for(heard, 5)
            gateway.transmit(b"answer", path)
            answer, source = client.recvfrom(100)
            mine = client.getsockname()
        gateway.close()
        return data, path, answer, source, mine, gateway.local.port

    data, path, answer, source, mine, port = asyncio.run(play())
    assert (data, answer) == (b"hello", b"answer")
    assert path == network.Path(Peer(IPv4Address("127.0.0.9"), port), Peer(IPv4Address(mine[0]), mine[1]))
    assert source == ("127.0.0.9", port)


def test_newcomer_1_a_busy_port_is_told_with_who_holds_it():
    first = open_udp(Peer(IPv4Address("127.0.0.1"), 0))
    holder = f"{Path('/proc/self/comm').read_text().strip()} (process {os.getpid()})"
    with pytest.raises(OSError, match=rf"port \d+ of 127\.0\.0\.1 is in use by {re.escape(holder)}: stop it or set"):
        open_udp(local_of(first))
    first.close()


def proc(directory, files):
    """A /proc in which `files` are the processes and what they hold open; port 500 is bound in socket 77."""
    net = directory / "net"
    net.mkdir()
    row = "  1: 00000000:01F4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 77 2 0 0\n"
    (net / "udp").write_text(f"  sl  local_address rem_address   st\n{row}")
    for number, (name, links) in files.items():
        (directory / number / "fd").mkdir(parents=True)
        (directory / number / "comm").write_text(f"{name}\n")
        for link, target in enumerate(links):
            (directory / number / "fd" / str(link)).symlink_to(target)
    return directory


@pytest.mark.parametrize(
    ("port", "told"), [(500, "charon (process 812)"), (501, "")], ids=["a port that is held", "a port that nobody has"]
)
def test_newcomer_1_the_holder_of_a_port_is_found(tmp_path, port, told):
    files = {"3": ("init", ["/dev/null", "socket:[7]"]), "812": ("charon", ["/dev/null", "socket:[77]"])}
    assert holder_of(port, proc(tmp_path, files)) == told


def test_newcomer_1_a_holder_that_nobody_may_look_at_is_not_guessed(tmp_path):
    assert holder_of(500, proc(tmp_path, {"3": ("init", ["socket:[7]"])})) == ""


def test_newcomer_1_a_name_of_a_program_is_shown_clean(tmp_path):
    assert "\x1b" not in holder_of(500, proc(tmp_path, {"812": ("char\x1b[2Jon", ["socket:[77]"])}))


def test_a_foreign_address_is_told():
    with pytest.raises(OSError, match=r"192\.0\.2\.77 is not an address of this host"):
        open_udp(Peer(IPv4Address("192.0.2.77"), 0))


def test_the_source_of_a_connection_is_the_one_that_the_routes_choose():
    assert source_towards(Peer(IPv4Address("127.0.0.1"), 500)) == IPv4Address("127.0.0.1")


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
            client.settimeout(5)
            client.sendto(b"hello", ("::1", gateway.local.port))
            data, path = await asyncio.wait_for(heard, 5)
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


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6")
def test_the_source_of_an_ipv6_connection():
    assert source_towards(Peer(IPv6Address("::1"), 500)) == IPv6Address("::1")
