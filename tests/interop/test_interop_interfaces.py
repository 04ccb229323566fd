"""lotor at both ends with ESP of the kernel and xfrm interfaces, as most hosts have them: what is promised of the
HOW-TO and of IKEv2, and after kill -9.

Runs where the kernel has xfrm interfaces: `make kernel` brings one. A start of lotor takes long there, so each test
starts its daemons once and asks everything of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from contextlib import contextmanager

import pytest

from halting import gone, pythons
from interop.test_interop_closed import Cable
from lab import lotor
from lab.dialling import ping, road_warrior, transfer
from lab.ikev2 import prepare, traveller
from lab.internet import GATEWAY, GATEWAY6, INSIDE_HOST, INSIDE_HOST6, INSIDE_NETWORK
from lab.lotor import CONFIGURATION, connect
from lab.machine import led_by_routes
from lab.node import LabError, wait_until
from lab.pings import Pings
from lab.wire import Handshakes, Watch

pytestmark = pytest.mark.timeout(1500)  # an emulated machine needs ten to twenty times as long
LEASE, OTHER_LEASE, FORBIDDEN = "10.99.99.1", "10.99.99.2", "203.0.113.99"
RULES = f"network {{ deny everyone to {FORBIDDEN}; allow everyone to any; }}\n"
CHATTER = f"while :; do echo clear >/dev/udp/{INSIDE_HOST}/7777; sleep 0.05; done 2>/dev/null"


@pytest.fixture(scope="module", autouse=True)
def interfaces():
    if not led_by_routes():
        pytest.skip("this kernel has no ESP, or no xfrm interfaces: make kernel")


def by_kernel(program, more=""):
    """Starts it with what was written for it, and the kernel's engine."""
    program.configure(f"engine kernel;\n{program.node.path(CONFIGURATION).read_text()}{more}")
    program.start("-d")
    return program


def engine(program):
    return json.loads(program.must("status", "--json").stdout)["engine"]


class Asked:
    """Many questions to the same daemons: one that fails does not keep the others from being asked."""

    def __init__(self):
        self.faults = []

    @contextmanager
    def asked(self, what):
        try:
            yield
        except (AssertionError, LabError, TypeError, OSError, subprocess.TimeoutExpired) as error:
            self.faults.append(f"{what}: {type(error).__name__}: {str(error)[:1500]}")


def carries(net, client, inner):
    """Both ways, whoever begins, small and large."""
    both = ping(client, INSIDE_HOST) and ping(net.inside, inner)
    return both and transfer(net.inside, client, INSIDE_HOST, 200_000) and transfer(client, net.inside, inner, 200_000)


def way(node, *words):
    """The device by which a packet leaves."""
    told = node.run("ip", "route", "get", *words, check=False).stdout
    found = re.search(r" dev (\S+)", told)
    return found[1] if found else told


def strictly(*nodes, value=1):
    """What comes in must have its way back there (1), or any way back (2)."""
    for node in nodes:
        node.run("sysctl", "-qw", f"net.ipv4.conf.all.rp_filter={value}", f"net.ipv4.conf.eth0.rp_filter={value}")


def left(node):
    """All that a lotor with the kernel's engine could leave."""
    counts = node.run("sh", "-c", "ip xfrm state count; ip xfrm policy | grep -c 'dir fwd'", check=False).stdout
    return lotor.traces(node) + counts


def nothing_is_lost(net, client, times):
    """While keys are renewed so often."""
    already = client.journal().count("SA pair")
    while client.journal().count("SA pair") < already + times:
        flood = Pings(net.client, INSIDE_HOST, 200)
        assert flood.lost() == []
        assert not flood.repeated


def nothing_is_large(net, mtu, most):
    """Packets with DF and without, of this host and of others: outer datagrams keep to esp_frag."""
    seen = [Watch(net.router, device, source) for device, source in (("wan", GATEWAY), ("lan", "198.51.100.10"))]
    fits, over = str(mtu - 28), str(mtu - 27)
    assert ping(net.client, INSIDE_HOST, "-s", fits, "-M", "do")
    assert not ping(net.client, INSIDE_HOST, "-s", over, "-M", "do")
    assert ping(net.client, INSIDE_HOST, "-s", "1400", "-M", "dont")
    assert ping(net.inside, LEASE, "-s", "1400", "-M", "dont")
    refused = net.inside.run("ping", "-c1", "-W30", "-s", over, "-M", "do", LEASE, check=False).stdout
    assert f"mtu = {mtu}" in refused, refused
    assert ping(net.inside, LEASE, "-s", fits, "-M", "do")
    assert carries(net, net.client, LEASE)
    for each in (watch.stop() for watch in seen):
        assert each.udp > 20, each
        assert most - 64 < each.largest <= most, each
        assert each.fragments == 0


def handshakes_learn_what_fits(net, mtu):
    watches = (Handshakes(net.client, "lotor0"), Handshakes(net.inside, "eth0"))
    assert transfer(net.inside, net.client, INSIDE_HOST, 20_000)
    assert transfer(net.client, net.inside, LEASE, 20_000)
    at_client, at_inside = (watch.stop() for watch in watches)
    assert at_inside[LEASE] == mtu - 40, "of the client, where the inside takes it"
    assert at_client[INSIDE_HOST] == mtu - 40, "of the inside, which the gateway clamps"


def test_the_how_to_with_everything_in_the_tunnel(internet, certificates):
    """Strict reverse path filters at both ends; another client has its ESP in user space."""
    net, ask = internet, Asked()
    net.inside.ip("address", "add", f"{FORBIDDEN}/24", "dev", "eth0")
    strictly(net.gateway, net.client)
    before = [left(node) for node in (net.client, net.gateway)]
    program = lotor.gateway(net.gateway, certificates, esp_frag="900", compression_algorithm="deflate; ipcomp accept")
    for user in ("alice", "bob"):
        lotor.add_user(program, user, f"{user}pass")
    gateway = by_kernel(program, RULES)
    changes = {"esp_frag": "900", "passive": "off; kill_switch on", "lifetime": "time 20 sec"}
    client = by_kernel(lotor.client(net.client, certificates, **changes))
    with ask.asked("login"):
        done = connect(client, "alice", "alicepass")
        assert done.code == 0, done
        assert f"Bound to address {LEASE}" in done.stdout
    with ask.asked("traffic both ways"):
        assert carries(net, net.client, LEASE)
    with ask.asked("status"):
        told = engine(client)
        assert (told["name"], told["device"]) == ("kernel", "lotor0")
        assert "ESP: kernel (engine kernel), device lotor0, MTU " in gateway.must("status", "-v").stdout
        assert "if_id 0x6c6f746f" in net.client.ip("-d", "link", "show", "lotor0")
    with ask.asked("routes and names"):
        assert (way(net.client, "198.51.100.77"), way(net.client, GATEWAY)) == ("lotor0", "lotor0")
        assert way(net.client, GATEWAY, "mark", "0x6c6f") == "eth0"
        assert "10.0.12.1" in net.client.path("/etc/resolv.conf").read_text()
    with ask.asked("a rule by device"):
        assert not ping(net.client, FORBIDDEN)
    mtu = int(re.search(r"mtu (\d+)", net.client.ip("link", "show", "lotor0"))[1])
    with ask.asked("esp_frag"):
        nothing_is_large(net, mtu, 900)
    with ask.asked("handshakes"):
        handshakes_learn_what_fits(net, mtu)
    with ask.asked("keys renewed"):
        nothing_is_lost(net, client, 3)

    with ask.asked("a client in user space"):
        bob = road_warrior(net.clients[1], certificates, compression_algorithm="deflate; ipcomp on")
        assert connect(bob, "bob", "bobpass").code == 0
        assert carries(net, net.clients[1], OTHER_LEASE)
        assert ping(net.client, OTHER_LEASE)
    with ask.asked("IPComp into the kernel"):
        assert ping(net.clients[1], INSIDE_HOST, "-s", "1200", "-p", "00"), net.gateway.run(
            "grep", "-v", " 0$", "/proc/net/xfrm_stat", check=False
        )
    with ask.asked("reload"):
        gateway.configure(gateway.node.path(CONFIGURATION).read_text().replace(FORBIDDEN, INSIDE_HOST))
        gateway.must("reload")
        assert ping(net.client, FORBIDDEN)
        assert not ping(net.client, INSIDE_HOST)
    with ask.asked("the end"):
        assert client.call("vd", GATEWAY).code == 0
        assert wait_until(lambda: [each["user"] for each in gateway.sessions()] == ["bob"])
        assert (client.stop(), gateway.stop()) == (0, 0)
        assert [left(node) for node in (net.client, net.gateway)] == before
    assert ask.faults == []


def test_ikev2_with_some_networks_in_the_tunnel(both_internet, certificates):
    """By IPv6 and native ESP, both IP versions inside; loose reverse path filters."""
    net, ask = both_internet, Asked()
    strictly(net.gateway, net.client, value=2)
    before = [left(node) for node in (net.client, net.gateway)]
    inside = f"network6 fd00:99::1; dns6 fd00:113::53; split_network include {INSIDE_NETWORK}, fd00:113::/64;"
    gateway = by_kernel(prepare(net, certificates, inside=f'{inside} default_domain "example.org";'))
    client = by_kernel(traveller(net.client, certificates, block=GATEWAY6, lifetime="20 sec"))
    with ask.asked("login"):
        done = connect(client, "alice", "alicepass", GATEWAY6)
        assert done.code == 0, done
    with ask.asked("status"):
        assert (engine(client)["device"], engine(gateway)["name"]) == ("lotor0", "kernel")
        (session,) = gateway.sessions()
        assert [each["encapsulation"] for each in session["children"]] == ["esp"]
    with ask.asked("routes and names"):
        assert "example.org" in net.client.path("/etc/resolv.conf").read_text()
        assert (way(net.client, INSIDE_HOST), way(net.client, "198.51.100.77")) == ("lotor0", "eth0")
        assert (way(net.client, INSIDE_HOST6), way(net.client, GATEWAY6)) == ("lotor0", "eth0")
    with ask.asked("IPv4 inside"):
        assert carries(net, net.client, LEASE)
    with ask.asked("IPv6 inside"):
        assert ping(net.client, INSIDE_HOST6)
        assert ping(net.inside, "fd00:99::1")
        assert transfer(net.inside, net.client, INSIDE_HOST6, 200_000)
    with ask.asked("keys renewed"):
        nothing_is_lost(net, client, 3)
    with ask.asked("the end"):
        assert client.call("vd", GATEWAY6).code == 0
        assert (client.stop(), gateway.stop()) == (0, 0)
        assert [left(node) for node in (net.client, net.gateway)] == before
    assert ask.faults == []


def test_a_process_is_killed(internet, certificates):
    """The gateway's, then the client's, whose host is closed meanwhile: what they left goes, and all comes back."""
    net, ask = internet, Asked()
    before = [left(node) for node in (net.client, net.gateway)]
    gateway = by_kernel(prepare(net, certificates), RULES)
    client = by_kernel(traveller(net.client, certificates, more="eap mschapv2, gtc; kill_switch on;"))
    assert connect(client, "alice", "alicepass").code == 0
    cable = Cable(net.router)
    chatter = net.client.start("chatter", "bash", "-c", CHATTER)
    assert ping(net.client, INSIDE_HOST)
    with ask.asked("the gateway's daemon"):
        os.kill(pythons(gateway.running)[1], signal.SIGKILL)
        assert wait_until(lambda: gateway.journal().count("the daemon serves as process") == 2), gateway.journal()
        back(net, client)
    with ask.asked("the gateway's warden"):
        os.kill(pythons(gateway.running)[0], signal.SIGKILL)
        assert wait_until(lambda: not gateway.running.alive)
        gateway.start("-d")
        back(net, client)
    with ask.asked("the client's daemon"):
        os.kill(pythons(client.running)[1], signal.SIGKILL)
        assert wait_until(lambda: client.journal().count("the daemon serves as process") == 2), client.journal()
        back(net, client)
    with ask.asked("the client's warden"):
        processes = pythons(client.running)
        os.kill(processes[0], signal.SIGKILL)
        assert wait_until(lambda: gone(processes))
        client.start("-d")
        back(net, client)
    with ask.asked("nothing in clear"):
        assert cable.seen == 0
        assert client.call("vd", GATEWAY).code == 0
        assert wait_until(lambda: cable.seen > 0)
        chatter.stop()
    with ask.asked("the end"):
        assert (client.stop(), gateway.stop()) == (0, 0)
        assert [left(node) for node in (net.client, net.gateway)] == before
    assert ask.faults == []


def back(net, client):
    """Once more connected, with one device at each end."""
    assert wait_until(lambda: connect(client, "alice", "alicepass").code == 0)
    assert ping(net.client, INSIDE_HOST)
    assert [node.ip("link").count(": lotor") for node in (net.gateway, net.client)] == [1, 1]
