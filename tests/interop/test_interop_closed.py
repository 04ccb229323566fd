"""Nothing in clear: a client's cable is watched while its gateway, its daemon, its warden or both of them die."""

from __future__ import annotations

import os
import re
import signal
import sys

from halting import gone, pythons
from lab import lotor
from lab.dialling import ping, road_warrior, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until

INSIDE, ELSEWHERE, ELSEWHERE6 = INSIDE_HOST, "192.0.2.1", "2001:db8::1"
PORT = 7777
CHATTER = """
import socket, sys, time
port = int(sys.argv[1])
while True:
    for address in sys.argv[2:]:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sender:
            try:
                sender.sendto(b"in clear", (address, port))
            except OSError:
                pass
    time.sleep(0.002)
"""
"""Five hundred datagrams a second to each address, whatever the kernel says."""


WATCHED = f"""
table inet cable {{
    chain seen {{
        type filter hook prerouting priority -400;
        iifname "lan" udp dport {PORT} counter
    }}
}}
"""


class Cable:
    """Counts what passes a router's device in clear."""

    def __init__(self, router):
        router.run("nft", "-f", "-", stdin=WATCHED)
        self.router = router

    @property
    def seen(self):
        return int(re.search(r"packets (\d+)", self.router.run("nft", "list", "table", "inet", "cable").stdout)[1])


def moves(node, address):
    """By IPv4 the host is in another network."""
    node.ip("-4", "address", "flush", "dev", "eth0")
    node.ip("address", "add", f"{address}/24", "dev", "eth0")
    node.ip("route", "add", "default", "via", "198.51.100.1", "dev", "eth0")


def test_nothing_leaves_in_clear(both_internet, certificates):
    net = both_internet
    gateway = serve(net, certificates)
    before = lotor.traces(net.client)
    client = road_warrior(net.client, certificates, passive="off; auto_connect on")
    assert lotor.connect(client, "alice", "alicepass").code == 0
    cable = Cable(net.router)
    words = (sys.executable, "-c", CHATTER, str(PORT), INSIDE, ELSEWHERE, ELSEWHERE6)
    chatter = net.client.start("chatter", *words)
    assert ping(net.client, INSIDE)

    moves(net.client, "198.51.100.77")
    assert wait_until(lambda: ping(net.client, INSIDE)), client.journal()
    assert cable.seen == 0, "another network"

    gateway.running.stop(signal.SIGKILL)
    assert wait_until(lambda: "connecting again" in " ".join(client.call("status").stdout.split()))
    gateway.start()
    assert wait_until(lambda: ping(net.client, INSIDE)), client.journal()
    assert cable.seen == 0, "the peer died"

    _, daemon = pythons(client.running)
    os.kill(daemon, signal.SIGKILL)
    assert wait_until(lambda: "started again" in " ".join(client.call("status").stdout.split()))
    told = client.call("status").stdout
    assert "this host is closed" in " ".join(told.split()), told
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert ping(net.client, INSIDE)
    assert cable.seen == 0, "the daemon died"

    processes = pythons(client.running)
    os.kill(processes[0], signal.SIGKILL)
    assert wait_until(lambda: gone(processes))
    told = client.call("status")
    assert told.code == 3
    assert f"lotor vd {GATEWAY}" in told.stderr
    client.start("-d")
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert ping(net.client, INSIDE)
    assert cable.seen == 0, "the warden died"

    for process in (processes := pythons(client.running)):
        os.kill(process, signal.SIGKILL)
    assert wait_until(lambda: gone(processes))
    assert cable.seen == 0, "both died"
    assert client.call("vd", "192.0.2.99").code == 3
    assert cable.seen == 0
    done = client.call("vd", GATEWAY)
    assert done.stdout == "the host is open again\n", done
    assert wait_until(lambda: cable.seen > 0)
    chatter.stop()
    moves(net.client, "198.51.100.10")
    assert lotor.traces(net.client) == before
