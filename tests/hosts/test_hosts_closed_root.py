"""A host that is closed: what belongs into a tunnel leaves through a tunnel or not at all, whoever has died."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
import subprocess
import sys
import time
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest

from hosts.private_namespace import Tun, in_namespace, ip, picture, send
from hosts.test_hosts_client_root import GATEWAY, LEASE, attachment, client, outer_and_tunnel, programs
from lotor.hosts.changes import Machine, Table
from lotor.hosts.closures import left
from lotor.hosts.commands import Commands
from lotor.hosts.journal import Journal
from lotor.hosts.netlink import Netlink
from lotor.hosts.routing import OUTER_MARK
from lotor.model.network import Path, Peer
from lotor.ports.host import Leaving

pytestmark = pytest.mark.root

SPLIT = replace(LEASE, dns=(), split_include=(IPv4Network("203.0.113.0/24"),))
SPLIT_ELSEWHERE = replace(SPLIT, split_include=(IPv4Network("198.51.100.0/24"),))
SO_BINDTODEVICE = 25


def closes(configuration=LEASE, session=1, **more):
    return replace(attachment(configuration, session), closes=True, remote="office", **more)


def refused(error):
    return error is not None and error.errno == errno.EPERM


def outer6():
    ip("addr add 2001:db8:1::2/64 dev outer0 nodad")
    ip("-6 route add default via 2001:db8:1::1 dev outer0")


def destinations(outer):
    """Without what a link needs to be one."""
    return [each for each in outer.destinations() if not each.startswith(("fe80", "ff02"))]


@in_namespace
def test_a_lost_tunnel_leaves_the_host_closed_until_a_person_opens_it(tmp_path):
    outer, tunnel = outer_and_tunnel()
    outer6()
    before = picture()
    host = client(tmp_path)

    async def play():
        await host.attach(closes())
        assert send("203.0.113.7") is None
        assert tunnel.destinations() == ["203.0.113.7"]
        await host.detach(1, Leaving.CLOSED)
        assert await host.closed() == (str(GATEWAY),)
        for address in ("203.0.113.7", "192.0.2.1", "2001:db8:99::1", "2001:db8:1::1"):
            assert refused(send(address)), address
        assert send("192.0.2.50", 4500, mark=OUTER_MARK) is None
        assert send("127.0.0.1") is None
        assert send("::1") is None
        assert destinations(outer) == ["192.0.2.50"]
        assert await host.open(("192.0.2.51", "another")) == 0
        assert await host.open((str(GATEWAY),)) == 1
        assert await host.closed() == ()
        assert send("203.0.113.7") is None

    asyncio.run(play())
    assert picture() == before
    assert destinations(outer) == ["203.0.113.7"]


@in_namespace
def test_a_gateway_by_ipv6_is_reached_from_a_closed_host(tmp_path):
    outer, _ = outer_and_tunnel()
    outer6()
    ends = Path(Peer(IPv6Address("2001:db8:1::2"), 4500), Peer(IPv6Address("2001:db8::50"), 4500), floated=True)
    host = client(tmp_path)

    async def play():
        await host.attach(closes(path=ends))
        assert send("2001:db8:99::1") is not None, "while it is up"
        await host.detach(1, Leaving.CLOSED)
        assert await host.closed() == ("2001:db8::50",)
        for address in ("203.0.113.7", "2001:db8::50", "2001:db8:99::1"):
            assert refused(send(address)), address
        assert send("2001:db8::50", 4500, mark=OUTER_MARK) is None

    asyncio.run(play())
    assert destinations(outer) == ["2001:db8::50"]


@in_namespace
def test_a_program_that_is_bound_to_the_outer_device_is_stopped_as_well(tmp_path):
    outer, _ = outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(closes()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"outer0\0")
        with pytest.raises(OSError, match="not permitted"):
            bound.sendto(b"in clear?", ("203.0.113.7", 9))
    assert outer.destinations() == []


@in_namespace
def test_addresses_of_the_link_are_still_leased_and_neighbours_found(tmp_path):
    outer, _ = outer_and_tunnel()
    outer6()
    host = client(tmp_path)

    async def play():
        await host.attach(closes())
        await host.detach(1, Leaving.CLOSED)

    asyncio.run(play())
    everybody = ("ff02::1:2", 547, 0, socket.if_nametoindex("outer0"))
    for family, source, server in ((socket.AF_INET, 68, ("192.0.2.1", 67)), (socket.AF_INET6, 546, everybody)):
        with socket.socket(family, socket.SOCK_DGRAM) as lease:
            lease.bind(("", source))
            lease.sendto(b"renew", server)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as neighbour:
        neighbour.sendto(bytes([135, *bytes(23)]), ("2001:db8:1::77", 0))
    seen = outer.destinations()
    assert {"192.0.2.1", "ff02::1:2", "2001:db8:1::77"} <= set(seen)


@in_namespace
def test_the_lan_stays_reachable_where_the_gateway_says_so(tmp_path):
    outer, _ = outer_and_tunnel()
    host = client(tmp_path)
    lan = replace(LEASE, split_local=(IPv4Network("192.0.2.0/24"),))

    async def play():
        await host.attach(closes(lan))
        await host.detach(1, Leaving.CLOSED)

    asyncio.run(play())
    assert send("192.0.2.9") is None
    assert refused(send("203.0.113.7"))
    assert outer.destinations() == ["192.0.2.9"]


@in_namespace
def test_one_that_never_came_up_leaves_the_host_as_it_was(tmp_path):
    outer, _ = outer_and_tunnel()
    host = client(tmp_path)

    async def play():
        await host.attach(closes())
        await host.detach(1, Leaving.AS_BEFORE)
        assert await host.closed() == ()
        assert send("203.0.113.7") is None
        await host.attach(closes(session=2))
        await host.detach(2, Leaving.CLOSED)
        await host.attach(closes(session=3))
        await host.detach(3, Leaving.AS_BEFORE)
        assert await host.closed() == (str(GATEWAY),), "it was closed before"
        assert refused(send("203.0.113.8"))

    asyncio.run(play())
    assert outer.destinations() == ["203.0.113.7"]


@in_namespace
def test_a_split_tunnel_closes_its_networks_only(tmp_path):
    outer, _ = outer_and_tunnel()
    outer6()
    host = client(tmp_path)

    async def play():
        await host.attach(closes(SPLIT))
        await host.detach(1, Leaving.CLOSED)
        assert refused(send("203.0.113.7"))
        assert send("198.51.100.7") is None
        assert send("2001:db8:99::1") is None

    asyncio.run(play())
    assert destinations(outer) == ["198.51.100.7", "2001:db8:99::1"]


@in_namespace
def test_other_networks_at_a_comeback_leave_no_gap(tmp_path):
    """What belonged into the tunnel is tried at each step on the way to the new one."""
    outer, tunnel = outer_and_tunnel()
    host = client(tmp_path)
    made = host._attach

    async def between(*given, **more):
        assert refused(send("203.0.113.7"))
        await made(*given, **more)

    async def play():
        for session, closing in ((1, False), (3, True)):
            await host.attach(replace(closes(SPLIT, session), closes=closing))
            host._attach = between
            await host.attach(replace(closes(SPLIT_ELSEWHERE, session + 1, follows=session), closes=closing))
            host._attach = made
            assert send("198.51.100.7") is None
            assert tunnel.destinations() == ["198.51.100.7"]
            assert outer.destinations() == []
            assert send("203.0.113.7") is None, "it does not belong into the tunnel any more"
            assert outer.destinations() == ["203.0.113.7"]
            await host.detach(session + 1)

    asyncio.run(play())


@in_namespace
def test_a_comeback_without_a_kill_switch_opens_what_the_former_one_closed(tmp_path):
    """The configuration was reloaded in between."""
    outer_and_tunnel()
    host = client(tmp_path)

    async def play():
        for session, follows in ((1, 1), (2, 0)):
            await host.attach(closes(SPLIT, session))
            if not follows:
                await host.detach(session, Leaving.CLOSED)
            await host.attach(replace(closes(SPLIT_ELSEWHERE, session + follows), closes=False, follows=follows))
            assert await host.closed() == ()
            assert send("203.0.113.7") is None, "it does not belong into the tunnel any more"
            await host.detach(session + follows)

    before = picture()
    asyncio.run(play())
    assert picture() == before


@in_namespace
def test_another_connection_takes_over_what_is_closed_for_less(tmp_path):
    outer_and_tunnel()
    host = client(tmp_path)

    async def play():
        await host.attach(closes(SPLIT))
        await host.detach(1, Leaving.CLOSED)
        await host.attach(closes(LEASE, 2))
        assert await host.closed() == ()
        await host.detach(2)
        assert send("203.0.113.7") is None

    before = picture()
    asyncio.run(play())
    assert picture() == before


@in_namespace
def test_the_address_of_one_that_ended_is_admitted_for_the_one_that_follows_it(tmp_path):
    outer_and_tunnel()
    host = client(tmp_path)

    async def play():
        await host.attach(closes())
        with pytest.raises(OSError, match="has already"):
            await host.admit(closes(session=2))
        await host.admit(closes(session=2, follows=1))

    asyncio.run(play())


def tables():
    return subprocess.check_output(["nft", "list", "tables"], text=True)


def flush():
    subprocess.run(["nft", "flush", "ruleset"], check=True)


def arrives(port):
    """Whether a TCP connection to that port of somebody is at least tried."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as page:
        page.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            page.connect(("198.51.100.7", port))
        return page.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


@in_namespace
def test_a_login_page_is_reached_for_a_while_that_the_kernel_ends(tmp_path):
    outer_and_tunnel()
    host = client(tmp_path)

    async def play():
        assert await host.portal(60) == 0, "nothing is closed"
        await host.attach(closes())
        assert await host.portal(60) == 0, "the tunnel is there"
        await host.detach(1, Leaving.CLOSED)
        assert not arrives(80)
        assert await host.portal(2) == 1
        assert [arrives(port) for port in (80, 443, 53, 22, 8080)] == [True, True, True, False, False]
        assert send("192.0.2.1", 53) is None
        assert refused(send("192.0.2.1", 443)), "QUIC"

    asyncio.run(play())
    for _ in range(1200):
        if not arrives(80):
            break
        time.sleep(0.05)
    assert not arrives(80), "nobody was there to end it"
    assert refused(send("192.0.2.1", 53))


@in_namespace
def test_the_next_connection_ends_the_time_of_a_login_page(tmp_path):
    outer_and_tunnel()
    host = client(tmp_path)

    async def play():
        await host.attach(closes())
        await host.detach(1, Leaving.CLOSED)
        await host.portal(600)
        assert arrives(80)
        await host.attach(closes(session=2))
        await host.detach(2, Leaving.CLOSED)
        assert not arrives(80)

    asyncio.run(play())


KILLED = """
import asyncio, os, signal, sys
sys.path.insert(0, "tests")
from pathlib import Path
from hosts.test_hosts_closed_root import client, closes
async def play():
    await client(Path(sys.argv[1])).attach(closes())
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(play())
"""


@in_namespace
def test_a_program_that_is_killed_leaves_the_host_closed_and_the_next_one_knows(tmp_path):
    outer, tunnel = outer_and_tunnel()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -9
    os.close(tunnel.fd)
    assert send("203.0.113.7") is not None
    host = client(tmp_path)

    async def play():
        assert await host.recover() > 0
        assert refused(send("203.0.113.7"))
        assert await host.closed() == (str(GATEWAY),)
        again = Tun("lotor0")
        await host.attach(closes(session=1))
        assert send("203.0.113.7") is None
        assert again.destinations() == ["203.0.113.7"]
        await host.detach(1)
        assert send("203.0.113.8") is None

    asyncio.run(play())
    assert outer.destinations() == ["203.0.113.8"]


@in_namespace
def test_everybody_may_see_what_the_host_is_closed_for(tmp_path):
    outer_and_tunnel()
    os.umask(0o077)
    host = client(tmp_path)

    async def play():
        await host.attach(closes())
        await host.detach(1, Leaving.CLOSED)

    asyncio.run(play())
    (file,) = (tmp_path / "closed").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o755
    (journal,) = left(tmp_path / "closed")
    assert Journal.load(file).changes == journal.changes


@in_namespace
def test_what_somebody_flushed_is_made_anew_and_what_nobody_watched_counts_as_opened(tmp_path):
    outer_and_tunnel()
    host = client(tmp_path)

    async def play():
        await host.attach(closes())
        await host.detach(1, Leaving.CLOSED)
        flush()
        for _ in range(1200):
            if refused(send("203.0.113.7")):
                break
            await asyncio.sleep(0.05)
        assert refused(send("203.0.113.7"))

    asyncio.run(play())
    flush()
    other = client(tmp_path)
    asyncio.run(other.recover())
    assert asyncio.run(other.closed()) == ()


@in_namespace
def test_a_host_without_nftables_says_how_long_it_is_closed(tmp_path, caplog):
    outer_and_tunnel()
    (tmp_path / "programs").mkdir()
    host = client(tmp_path)
    (tmp_path / "programs" / "nft").unlink()
    asyncio.run(host.attach(closes()))
    assert "holds as long as lotor lives" in caplog.text
    assert IPv4Address("10.99.99.3") in LEASE.addresses
    asyncio.run(host.detach(1, Leaving.CLOSED))
    assert asyncio.run(host.closed()) == ()


@in_namespace
def test_of_two_programs_that_found_a_closed_host_one_opens_it(tmp_path, caplog):
    """The other one makes again what somebody flushes, not what a lotor has opened."""
    outer, tunnel = outer_and_tunnel()
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False).returncode == -9
    os.close(tunnel.fd)
    one, other = client(tmp_path), client(tmp_path)

    async def play():
        await one.recover(told=False)
        assert "stays unreachable" not in caplog.text, "to who opens it"
        await other.recover()
        assert "stays unreachable" in caplog.text
        assert await other.closed() == await one.closed() == (str(GATEWAY),)
        assert await one.open((str(GATEWAY),)) == 1
        await asyncio.sleep(0.5)
        await other.open(("somebody else's",))  # behind all that the other one had begun

    asyncio.run(play())
    assert "lotor-closed" not in tables()
    assert send("203.0.113.8") is None
    assert outer.destinations() == ["203.0.113.8"]


@in_namespace
def test_a_host_that_nftables_keeps_closed_does_not_count_as_opened(tmp_path):
    outer_and_tunnel()
    host = client(tmp_path)

    async def play():
        await host.attach(closes())
        await host.detach(1, Leaving.CLOSED)
        (tmp_path / "programs" / "nft").unlink()
        with pytest.raises(OSError, match=r"closed for 192\.0\.2\.50"):
            await host.open((str(GATEWAY),))
        assert refused(send("203.0.113.7"))
        assert await host.closed() == (str(GATEWAY),)
        programs(tmp_path)
        assert await host.open((str(GATEWAY),)) == 1
        assert send("203.0.113.7") is None

    asyncio.run(play())


class Vanishing(Netlink):
    """The outer link goes while it is looked at."""

    gone = False

    async def connected(self, index):
        if self.gone:
            raise OSError(errno.ENODEV, "No such device")
        return await super().connected(index)


@in_namespace
def test_a_link_that_goes_at_the_wrong_moment_costs_no_routing_table(tmp_path):
    outer_and_tunnel()
    network = Vanishing()
    host = client(tmp_path, Machine(network, Commands(programs(tmp_path), patience=60)))

    async def play():
        network.gone = True
        with pytest.raises(OSError, match="No such device"):
            await host.attach(closes())
        network.gone = False

    asyncio.run(play())
    assert list((tmp_path / "run").glob("*")) == []
    assert asyncio.run(host.closed()) == ()


@in_namespace
def test_a_table_that_cannot_be_made_anew_leaves_no_host_open(tmp_path):
    """The one that the host refuses is the first of those that somebody flushed."""
    outer, _ = outer_and_tunnel()
    host = client(tmp_path)

    async def play():
        await host.attach(closes())
        (journal,) = host._journals()
        journal.changes.insert(0, Table("inet", "x" * 300, []))
        flush()
        for _ in range(1200):
            if "lotor-closed-0" in tables():
                break
            await asyncio.sleep(0.05)
        journal.changes.pop(0)
        await host.detach(1, Leaving.CLOSED)
        assert refused(send("203.0.113.7"))

    asyncio.run(play())
    assert outer.destinations() == []
