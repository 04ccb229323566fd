"""The lab proves itself with programs that know nothing of lotor, so that a failure elsewhere is lotor's."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from halting import state
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.node import wait_until
from lab.pings import Pings
from lab.strongswan import Charon
from lab.vpnc import Vpnc

ROOT = Path(__file__).parents[2]
ANSWERS_LATE = """
import socket, time
echoes = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
print("ready", flush=True)
while True:
    packet, asker = echoes.recvfrom(2048)
    message = bytearray(packet[20:])
    number = int.from_bytes(message[6:8])
    if message[0] == 8 and number != 7:
        time.sleep(3 * (number == 20))
        message[0], message[2:4] = 0, ((int.from_bytes(message[2:4]) + 0x0800) % 0xFFFF).to_bytes(2)
        echoes.sendto(message, asker)
"""
"""The seventh never, and the twentieth so late that `ping -c 20` calls it lost."""


def reached(node, address, *options):
    return node.run("ping", "-c2", "-i0.2", "-W2", *options, address, check=False).code == 0


def test_vpnc_reaches_the_inside_host_through_strongswan(internet, certificates):
    gateway = Charon(internet.gateway)
    gateway.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org")
    vpnc = Vpnc(internet.client, GATEWAY, certificates / "ca.crt", ("203.0.113.0/24",))
    vpnc.connect("alice", "alicepass")
    assert wait_until(lambda: vpnc.connected), vpnc.running.text()
    assert vpnc.environment()["CISCO_BANNER"] == "Welcome to the interop lab"
    assert reached(internet.client, INSIDE_HOST)
    assert vpnc.disconnect() == 0
    # vpnc's second delete may repeat the message id of the first: then strongSwan cannot read it and keeps phase 1
    assert wait_until(lambda: "INSTALLED" not in gateway.sessions())


def test_strongswan_reaches_the_inside_host_through_strongswan(internet, certificates):
    gateway = Charon(internet.gateway)
    gateway.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org")
    client = Charon(internet.client)
    client.join(certificates / "ca.crt", GATEWAY, identity="gw.example.org", user="alice", password="alicepass")
    assert "completed successfully" in client.initiate()
    assert reached(internet.client, INSIDE_HOST)


def test_the_inside_is_closed_without_a_tunnel(internet):
    assert reached(internet.client, GATEWAY)
    assert not reached(internet.client, INSIDE_HOST)


def test_a_late_answer_is_none_that_was_lost(internet):
    internet.gateway.run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
    internet.gateway.start("answers", sys.executable, "-c", ANSWERS_LATE).expect("ready")
    told = internet.client.run("ping", "-i0.05", "-c20", "-W5", GATEWAY, check=False).stdout
    assert "20 packets transmitted, 18 received" in told
    assert Pings(internet.client, GATEWAY, 20).lost() == [7]


def test_the_broken_router_drops_fragments_and_large_datagrams(broken_internet):
    client, gateway = broken_internet.client, broken_internet.gateway
    assert reached(client, GATEWAY)
    assert not reached(client, GATEWAY, "-s", "2000", "-M", "dont")
    assert broken_internet.dropped().fragments > 0
    sink = gateway.start("sink", "socat", "-u", "UDP-RECVFROM:4500,fork", "STDOUT")
    wait_until(lambda: "4500" in gateway.run("ss", "-lun").stdout)
    client.run("socat", "-u", "STDIN", f"UDP-SENDTO:{GATEWAY}:4500", stdin="x" * 549)
    client.run("socat", "-u", "STDIN", f"UDP-SENDTO:{GATEWAY}:4500", stdin="y" * 548)
    sink.expect("y" * 548)
    assert "x" not in sink.text()
    assert broken_internet.dropped().large == 1


def gone(pids):
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_lab_leaves_nothing_behind():
    with Internet() as net:
        pids = [node.pid for node in net.nodes]
        directory = net.directory
        net.client.start("sleeper", "sleep", "1000")
    assert not directory.exists()
    assert wait_until(lambda: gone(pids))


def test_a_program_that_stands_still_ends_with_its_lab():
    """Its wrapper (nsenter) stops itself when it sees its program stopped, and does not go on with it."""
    with Internet() as net:
        sleeper = net.client.start("sleeper", "sleep", "1000")
        os.kill(sleeper.process.pid, signal.SIGSTOP)
        assert wait_until(lambda: state(sleeper.process.pid) == "T")
    assert sleeper.process.returncode is not None


KILLED = """
import time
from lab.internet import Internet
net = Internet()
net.gateway.start("sleeper", "sleep", "1000")
print(*[node.pid for node in net.nodes], net.directory, flush=True)
time.sleep(1000)
"""


def test_a_killed_lab_takes_its_namespaces_along():
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True, cwd=ROOT) as victim:
        *pids, directory = victim.stdout.readline().split()
        assert not gone(pids)
        victim.kill()
    shutil.rmtree(directory)
    assert wait_until(lambda: gone(pids))
