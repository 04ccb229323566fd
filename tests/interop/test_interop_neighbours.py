"""Two clients behind one NAT, with the same private address and the same identity: both have traffic at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import lotor
from lab.internet import INSIDE_HOST
from lab.node import wait_until
from lab.peers import Terms, join, serve

OTHERS = [("vpnc", "vpnc", "bob"), ("lotor", "lotor", "bob"), ("strongSwan", "vpnc", "bob")]
SAME = [("strongSwan", "vpnc", "alice"), ("lotor", "lotor", "alice"), ("vpnc", "vpnc", "alice")]
"""The same person at two devices: INITIAL-CONTACT of the second must not end the first, which answers when asked."""
PINGS = ("-c", "30", "-i", "0.05", "-W", "5")


def all_answered(node, address):
    return " 30 received" in node.run("ping", *PINGS, address, check=False).stdout


def traffic_at_once(net, clients):
    """From each client to the inside host and back again, all at the same time."""
    ways = [(client.node, INSIDE_HOST) for client in clients] + [(net.inside, client.address) for client in clients]
    with ThreadPoolExecutor(len(ways)) as pool:
        return list(pool.map(lambda way: all_answered(*way), ways)) == [True] * len(ways)


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
    assert all_answered(clients[1].node, INSIDE_HOST)
