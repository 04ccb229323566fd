"""Two clients behind one NAT, with the same private address and the same identity: both have traffic at once."""

import pytest

from lab import lotor
from lab.internet import INSIDE_HOST
from lab.node import wait_until
from lab.peers import Terms, join, serve
from lab.pings import Pings

OTHERS = [("vpnc", "vpnc", "bob"), ("lotor", "lotor", "bob"), ("strongSwan", "vpnc", "bob")]
SAME = [("strongSwan", "vpnc", "alice"), ("lotor", "lotor", "alice"), ("vpnc", "vpnc", "alice")]
"""The same person at two devices: INITIAL-CONTACT of the second must not end the first, which answers when asked."""


def traffic_at_once(net, clients):
    """From each client to the inside host and back again, all at the same time."""
    ways = [(client.node, INSIDE_HOST) for client in clients] + [(net.inside, client.address) for client in clients]
    return [each.lost() for each in [Pings(*way, 30) for way in ways]] == [[]] * len(ways)


@pytest.mark.parametrize("who", OTHERS + SAME, ids="-".join)
def test_two_clients_with_one_private_address(twin_internet, certificates, who):
    net, second = twin_internet, who[2]
    terms = Terms()
    gateway = serve("lotor", net.gateway, certificates, terms)
    lotor.add_user(gateway.program, "bob", "bobpass")
    clients = [
        join(program, node, certificates, terms, (user, f"{user}pass"))
        for program, node, user in zip(who[:2], net.clients, ("alice", second), strict=True)
    ]
    assert all(client.connect() for client in clients)
    assert sorted(gateway.guests()) == sorted(client.address for client in clients)
    assert len({client.address for client in clients}) == 2
    assert traffic_at_once(net, clients)
    clients[0].goodbye()
    assert wait_until(lambda: gateway.guests() == [clients[1].address])
    assert Pings(clients[1].node, INSIDE_HOST, 30).lost() == []
