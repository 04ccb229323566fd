"""The lives of SA pairs of the kernel's: renewed when they carried enough or are old, and over where nobody renews
them, with nothing sent in clear. Both versions of IKE at one gateway."""

from __future__ import annotations

import re
import signal

import pytest

from lab.dialling import ping, road_warrior, transfer
from lab.ikev2 import person, prepare
from lab.internet import INSIDE_HOST
from lab.kernels import by_kernel, gateway_kernel
from lab.lotor import connect
from lab.node import wait_until
from lab.wire import Watch

pytestmark = pytest.mark.usefixtures("uml")
OLD = {"encryption_algorithm": "aes 256", "dh_group": "14"}
SHORT = "lifetime time 5 sec; lifetime byte 1 MB;"
OVER = "down: the lifetime of the SA pair is over"
FLOOD = ("ping", "-q", "-i", "0.002", "-s", "1300", "-W", "1", "-c", "1000")
"""More than an SA pair may carry."""


def pairs_of(gateway, who):
    """How many SA pairs a person had so far."""
    return len(re.findall(rf"\({who}\): SA pair \d+ up", gateway.journal()))


def first_packet(node, address):
    return node.run("ping", "-c1", "-W30", address, check=False).code == 0


def test_lives_of_octets_and_of_time(internet, certificates):
    """Under traffic and without any, and while one client stands still: its pair ends, and it gets another one."""
    net, (first, second) = internet, internet.clients
    gateway = by_kernel(prepare(net, certificates, sainfo=SHORT), gateway_kernel(net))
    clients = {"alice": road_warrior(first, certificates, **OLD), "bob": person(second, certificates)}
    for who, client in clients.items():
        done = connect(client, who, f"{who}pass")
        assert done.code == 0, done
    for who, client in clients.items():
        before = pairs_of(gateway, who)
        assert transfer(net.inside, client.node, INSIDE_HOST, 4_000_000)
        assert pairs_of(gateway, who) >= before + 2, gateway.journal()
    now = {who: pairs_of(gateway, who) for who in clients}
    assert wait_until(lambda: all(pairs_of(gateway, who) >= now[who] + 1 for who in clients))
    assert all(first_packet(client.node, INSIDE_HOST) for client in clients.values())
    assert first_packet(net.inside, "10.99.99.1")
    second.run("pkill", "-STOP", "-f", "lotor")
    over, watch = gateway.journal().count(OVER), Watch(net.router, "wan", INSIDE_HOST)
    net.inside.run(*FLOOD, "10.99.99.2", check=False)
    assert wait_until(lambda: gateway.journal().count(OVER) > over), gateway.journal()
    policies = gateway.node.run("ip", "xfrm", "policy").stdout
    assert ("10.99.99.1" in policies, "10.99.99.2" in policies) == (True, False)
    assert watch.stop().largest == 0
    second.run("pkill", "-CONT", "-f", "lotor")
    clients["bob"].running.process.send_signal(signal.SIGCONT)  # the wrapper stops with what it started
    assert wait_until(lambda: ping(second, INSIDE_HOST)), gateway.journal()
    assert ping(net.inside, "10.99.99.2")
    assert ping(first, INSIDE_HOST)
