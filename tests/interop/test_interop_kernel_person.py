"""A person whose own kernel carries ESP, at a terminal: what is seen, Ctrl-C, and what is left."""

from __future__ import annotations

import json

import pytest

from lab.console import Console
from lab.dialling import carries
from lab.ikev2 import serve, traveller
from lab.internet import GATEWAY, INSIDE_HOST
from lab.kernels import by_kernel, client_kernel
from lab.lotor import PROGRAM
from lab.node import wait_until

pytestmark = pytest.mark.usefixtures("uml")
LEFT = """ip -br address; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule; cat /etc/resolv.conf
ip xfrm state count; ip xfrm policy | grep '^src.*[0-9]/'"""


def left(kernel):
    """All that a connection could leave, and what is in the kernel's tables of SAs and policies."""
    return kernel.shell(LEFT).stdout


def test_at_a_terminal(internet, certificates):
    """Ctrl-C while the gateway does not answer leaves nothing; then the very first packets are carried. The daemon is
    one process."""
    gateway = serve(internet, certificates)
    kernel = client_kernel(internet)
    client = by_kernel(traveller(internet.client, certificates), kernel, "--single-process")
    before = left(kernel)
    internet.gateway.run("ip", "link", "set", "eth0", "down")
    with Console(kernel, *PROGRAM, "connect", "-u", "alice", GATEWAY) as person:
        person.expect("Password: ")
        person.type("alicepass")
        client.running.expect("IKEv2 begins")
        person.interrupt()
        assert person.end() == 130, person.screen
        assert "interrupted" in person.screen
    assert wait_until(lambda: client.sessions() == [])
    internet.gateway.ip("link", "set", "eth0", "up")
    assert left(kernel) == before
    with Console(kernel, *PROGRAM, "connect", "-u", "alice", GATEWAY) as person:
        person.expect(f"connecting to {GATEWAY}")
        person.expect("Password: ")
        person.type("alicepass")
        person.expect("Bound to address 10.99.99.1")
        assert person.end() == 0, person.screen
        assert "alicepass" not in person.screen
    assert kernel.run("ping", "-c1", "-W30", INSIDE_HOST, check=False).code == 0
    assert internet.inside.run("ping", "-c1", "-W30", "10.99.99.1", check=False).code == 0
    told = json.loads(client.must("status", "--json").stdout)
    assert (told["engine"]["name"], [each["name"] for each in told["processes"]]) == ("kernel", ["single"])
    assert carries(internet, kernel, "10.99.99.1")
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: gateway.sessions() == [])
    assert left(kernel) == before
