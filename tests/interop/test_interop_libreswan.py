"""libreswan at lotor's gateway over IKEv1, in User Mode Linux, whose kernel carries its ESP: login and address."""

from __future__ import annotations

import pytest

from lab.dialling import ping
from lab.internet import INSIDE_HOST
from lab.libreswan import OldLibreswan
from lab.lotor import STRONG
from lab.methods import GROUP_KEY, serve
from lab.node import wait_until

pytestmark = pytest.mark.usefixtures("uml")
WAYS = {"xauth_psk": ("main", "aggressive"), "xauth_rsa": ("main",)}


@pytest.mark.parametrize("method", WAYS)
def test_it_logs_in_and_leaves(internet, alices, method):
    """With a group key in one mode and then in the other."""
    gateway = serve(internet.gateway, alices, method, ", ".join(WAYS[method]), **STRONG)
    client = OldLibreswan(internet.client, method, alices, GROUP_KEY if method == "xauth_psk" else "")
    for number, mode in enumerate(WAYS[method], 1):
        told = client.connect(mode)
        assert client.address == "10.99.99.1", (told, gateway.journal()[-2000:])
        assert client.pings(INSIDE_HOST)
        assert ping(internet.inside, "10.99.99.1")
        (session,) = gateway.sessions()
        assert (session["user"], session["address"], session["ike"]) == ("alice", "10.99.99.1", 1)
        client.leave(mode)
        assert wait_until(lambda number=number: gateway.journal().count("session ended") == number)
        assert wait_until(lambda: gateway.sessions() == [])
    assert gateway.journal().count("session ended") == len(WAYS[method])
