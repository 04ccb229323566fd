"""`lotor init` typed on an empty gateway and an empty client: a login reaches the inside, and undo leaves nothing."""

from __future__ import annotations

import pytest

from lab.dialling import ping
from lab.internet import GATEWAY, INSIDE_HOST, INSIDE_NETWORK, Internet
from lab.lotor import PROGRAM, Lotor
from lab.node import wait_until

pytestmark = pytest.mark.root

NAME = "vpn.example.net"
FILE = "/etc/lotor/racoon.conf"
LEFT = "cd /etc && find . -type f -newer /run/before | sort; nft list tables; cat /proc/sys/net/ipv4/ip_forward"


def started(lotor: Lotor) -> None:
    lotor.running = lotor.node.start("lotor", *PROGRAM, "daemon", "-F")
    lotor.running.expect("lotor serves with")


def traces(lotor: Lotor) -> str:
    return lotor.node.run("sh", "-c", "find /etc -name '*lotor*'; " + LEFT).stdout


EMPTY = """
rm -rf /etc/lotor
mount -t tmpfs -o mode=755 tmpfs /var/lib
touch -d '1 minute ago' /run/before
echo 0 > /proc/sys/net/ipv4/ip_forward
"""


def empty(lotor: Lotor) -> str:
    """Nothing of lotor is there, and nothing is forwarded; what is there then."""
    lotor.node.run("sh", "-c", EMPTY)
    lotor.node.write("/etc/hosts", f"127.0.0.1 localhost\n{GATEWAY} {NAME}\n")
    lotor.node.run("touch", "-d", "1 hour ago", "/etc/hosts")
    return traces(lotor)


def test_two_hosts_that_have_nothing():
    with Internet() as internet:
        internet.inside.ip("route", "del", "default")  # no way back to the clients' addresses
        gateway, client = Lotor(internet.gateway), Lotor(internet.client)
        before = empty(gateway), empty(client)
        a_gateway(gateway)
        started(gateway)
        a_client(client, gateway.node.path("/etc/lotor/certs/ca.crt").read_bytes())
        started(client)
        done = client.call("connect", NAME)
        assert done.code == 0, done
        assert wait_until(lambda: ping(client.node, INSIDE_HOST))
        assert "by IKEv1: 0 users, 0 of them never by IKEv2; by IKEv2: 1" in gateway.call("status", "--versions").stdout
        shown = gateway.call("network", "show")
        assert shown.code == 0, shown
        assert "everything is there" in shown.stdout
        rules_that_change(gateway, client)
        for each, earlier in zip((client, gateway), reversed(before), strict=True):
            each.stop()
            undone = each.call("init", "undo")
            assert undone.code == 0, undone
            assert "not taken back" not in undone.stdout, undone
            assert traces(each) == earlier
        assert gateway.call("init", "undo").code == 1


def rules_that_change(gateway: Lotor, client: Lotor) -> None:
    """The daemon takes rules of the file over, for who is connected as well, and leaves what was where one is wrong."""
    text = gateway.node.path(FILE).read_text()
    gateway.node.write(FILE, text.replace("network {", f'network {{ allow user "alice" to {INSIDE_HOST} tcp;', 1))
    assert gateway.call("network", "apply").code == 0
    assert not ping(client.node, INSIDE_HOST)
    assert "user alice: 10." in gateway.call("network", "show").stdout
    gateway.node.write(FILE, text.replace("network {", "network { proxy_arp eth77;", 1))
    refused = gateway.call("network", "apply")
    assert refused.code != 0
    assert "the device eth77 was not found" in refused.stderr
    assert not ping(client.node, INSIDE_HOST)
    gateway.node.write(FILE, text)
    assert gateway.call("network", "apply").code == 0
    assert ping(client.node, INSIDE_HOST)
    assert "keeps it" in gateway.call("network", "remove").stderr


def a_gateway(gateway: Lotor) -> None:
    """Set up where the disk was too full at first, then a second time, in vain."""
    words = ("init", "gateway", NAME, GATEWAY, "--reach", INSIDE_NETWORK, "--user", "alice")
    gateway.node.run("sh", "-c", "mkdir /etc/lotor && mount -t tmpfs -o size=8k tmpfs /etc/lotor")
    full = gateway.call(*words, "--password-stdin", stdin="a long password\n")
    assert full.code == 1, full
    assert "No space left on device; everything was taken back" in full.stderr
    assert gateway.node.run("ls", "-A", "/etc/lotor").stdout == ""
    gateway.node.run("sh", "-c", "umount /etc/lotor && rmdir /etc/lotor")

    done = gateway.call(*words, "--password-stdin", stdin="a long password\n")
    assert done.code == 0, done
    assert "let UDP 500 and UDP 4500 in" in done.stdout
    assert "warnings" not in done.stdout
    assert gateway.call("check").stdout == "/etc/lotor/racoon.conf: no errors, 0 warnings\n"
    again = gateway.call(*words)
    assert again.code == 0, again
    assert "This host is set up as gateway vpn.example.net 192.0.2.50" in again.stdout
    assert gateway.call("init", "gateway", "other.example.net").code == 1


def a_client(client: Lotor, authority: bytes) -> None:
    client.node.write("/run/ca.crt", authority)
    words = ("init", "client", NAME, "--ca", "/run/ca.crt", "-u", "alice", "--save-password", "--password-stdin")
    done = client.call(*words, stdin="a long password\n")
    assert done.code == 0, done
    assert f"lotor connect {NAME}" in done.stdout
