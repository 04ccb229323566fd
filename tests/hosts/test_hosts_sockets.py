"""Sockets of IKE are opened: busy and foreign addresses are one clear sentence, and the routes choose the source."""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from lotor.daemon.entry import MODULE
from lotor.hosts import sockets
from lotor.hosts.holder import Holder, holder_of, holders_of
from lotor.hosts.sockets import open_udp, source_towards
from lotor.model.network import Peer
from lotor.ports.sockets import local_of


def test_newcomer_1_a_busy_port_is_told_with_who_holds_it():
    first = open_udp(Peer(IPv4Address("127.0.0.1"), 0))
    holder = f"{Path('/proc/self/comm').read_text().strip()} (process {os.getpid()})"
    told = rf"port \d+ of 127\.0\.0\.1 is in use by {re.escape(holder)}: stop it \(lotor doctor says how\) or set"
    with pytest.raises(OSError, match=told):
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


def test_a_daemon_of_lotor_is_told_as_the_lotor_that_a_person_started(tmp_path):
    """It is another user's python; its warden is what can be stopped."""
    there = proc(tmp_path, {"42": ("lotor", []), "812": ("python", ["socket:[77]"])})
    (there / "812" / "cmdline").write_bytes(b"/usr/bin/python3\0-P\0-m\0" + MODULE.encode() + b"\x007\0")
    (there / "812" / "stat").write_text("812 (pyth) on) S 42 812 812 0")
    assert holder_of(500, there) == "lotor (process 42)"


@pytest.mark.parametrize(("port", "directive"), [(500, "isakmp"), (4500, "isakmp_natt")])
def test_who_has_a_port_is_told_with_the_directive_that_moves_it(port, directive):
    local = Peer(IPv4Address("192.0.2.50"), port)
    told = sockets._taken(local, "charon (process 8)")
    otherwise = f"stop it (lotor doctor says how) or set listen {{ {directive} ADDR[PORT]; }}"
    assert told == f"port {port} of 192.0.2.50 is in use by charon (process 8): {otherwise}"
    again = sockets._taken(local, "lotor (process 42)")
    assert again.startswith(f"lotor runs already: lotor (process 42) has port {port} of 192.0.2.50: stop it")


def test_newcomer_1_a_holder_that_nobody_may_look_at_is_not_guessed(tmp_path):
    assert holder_of(500, proc(tmp_path, {"3": ("init", ["socket:[7]"])})) == ""


def test_every_socket_of_a_port_is_told_with_its_address(tmp_path):
    there = proc(tmp_path, {"812": ("charon", ["socket:[77]"])})
    rows = [
        "  2: 3202000C:01F4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 78 2 0 0",
        "  3: 320200C0:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 79 2 0 0",
    ]
    with (there / "net" / "udp").open("a") as table:
        table.write("".join(f"{row}\n" for row in rows))
    row = "  1: B80D0120000000000000000050000000:01F4 0:0000 07 0:0 00:0 0     0        0 80 2 0 0\n"
    (there / "net" / "udp6").write_text(f"  sl  local_address\n{row}")
    assert holders_of(500, there) == [
        Holder(IPv4Address("0.0.0.0"), "charon", 812),
        Holder(IPv4Address("12.0.2.50")),
        Holder(IPv6Address("2001:db8::50")),
    ]


def test_newcomer_1_a_name_of_a_program_is_shown_clean(tmp_path):
    assert "\x1b" not in holder_of(500, proc(tmp_path, {"812": ("char\x1b[2Jon", ["socket:[77]"])}))


def test_a_foreign_address_is_told():
    with pytest.raises(OSError, match=r"192\.0\.2\.77 is not an address of this host"):
        open_udp(Peer(IPv4Address("192.0.2.77"), 0))


def test_the_source_of_a_connection_is_the_one_that_the_routes_choose():
    assert source_towards(Peer(IPv4Address("127.0.0.1"), 500)) == IPv4Address("127.0.0.1")


def has_ipv6() -> bool:
    try:
        open_udp(Peer(IPv6Address("::1"), 0)).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this host has no IPv6")
def test_the_source_of_an_ipv6_connection():
    assert source_towards(Peer(IPv6Address("::1"), 500)) == IPv6Address("::1")
