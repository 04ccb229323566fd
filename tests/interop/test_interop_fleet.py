"""A gateway in three processes that is one of a fleet, its clients, and a real PostgreSQL that goes and comes back."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab import lotor, pki
from lab.internet import GATEWAY, Internet
from lab.lotor import Lotor
from lab.node import wait_until
from postgres import DATABASE, PASSWORD, USER, Postgres, served

pytestmark = [pytest.mark.root, pytest.mark.interop]

LEASE = 30
HELD = "SELECT host(address), username, gateway FROM lotor.leases WHERE held ORDER BY address"


@dataclass
class Fleet:
    database: Postgres
    gateway: Lotor
    client: Lotor
    other: Lotor

    def held(self) -> list[list[str]]:
        return [line.split("|") for line in self.database.sql(HELD).splitlines()]


def configuration(database: Postgres) -> str:
    """The HOW-TO's, of a gateway that reaches the database by its Unix socket: namespaces of the lab share files."""
    password = PASSWORD.replace(" ", "%20")
    url = f"postgresql://{USER}:{password}@:{database.port}/{DATABASE}?host={database.home}"
    fleet = f'store "{url}"; fleet_name "gw1"; lease_time {LEASE};\n'
    return fleet + lotor.howto("gateway", auth_source="local", adminsock='"/run/gateway.sock"')


@pytest.fixture(scope="module")
def fleet(tmp_path_factory) -> Iterator[Fleet]:
    directory = tmp_path_factory.mktemp("certificates")
    authority = pki.authority()
    authority.save(directory, "ca")
    pki.gateway(authority, GATEWAY).save(directory, "vpngw")
    with served() as database, Internet(clients=2) as internet:
        database.database()
        gateway = lotor.gateway(internet.gateway, directory)
        clients = [lotor.client(each, directory) for each in internet.clients]
        gateway.configure(configuration(database))
        for user in ("alice", "bob"):
            lotor.add_user(gateway, user, f"{user}pass")
        gateway.start("-d")
        for each in clients:
            each.start("-d")
        yield Fleet(database, gateway, *clients)
        for each in clients:
            each.stop()
        gateway.stop()


def test_an_address_is_the_databases_before_it_is_the_clients(fleet):
    done = lotor.connect(fleet.client, "alice", "alicepass")
    assert done.code == 0, done
    assert fleet.held() == [["10.99.99.1", "alice", "gw1"]]
    processes = json.loads(fleet.gateway.call("status", "--json").stdout)["processes"]
    assert processes[2]["serves"][0].startswith(f"the fleet at postgresql://{USER}@/{DATABASE}")
    assert PASSWORD not in fleet.gateway.call("status", "-v").stdout


def alice_is_there(fleet):
    """Each of these tests may be the first of its process."""
    if not fleet.client.sessions():
        done = lotor.connect(fleet.client, "alice", "alicepass")
        assert done.code == 0, done


def test_a_database_that_is_away_ends_no_tunnel_and_refuses_logins(fleet):
    alice_is_there(fleet)
    fleet.database.stop(signal.SIGQUIT)
    try:
        done = lotor.connect(fleet.other, "bob", "bobpass")
        assert done.code != 0
        assert "cannot ask its database" in done.stdout + done.stderr
        assert "fleet-away" in fleet.gateway.journal() or "fleet's database cannot be asked" in fleet.gateway.journal()
        assert fleet.client.sessions()
    finally:
        fleet.database.start()
    assert wait_until(lambda: "answers again" in fleet.gateway.journal())
    done = lotor.connect(fleet.other, "bob", "bobpass")
    assert done.code == 0, done
    assert [each[1] for each in fleet.held()] == ["alice", "bob"]


def test_a_gateway_that_was_killed_gives_the_same_address_again(fleet):
    alice_is_there(fleet)
    before = fleet.held()
    fleet.gateway.stop(signal.SIGKILL)
    fleet.gateway.start("-d")
    assert wait_until(lambda: before[0] not in fleet.held())  # another run of the same seat
    fleet.client.stop()
    fleet.client.start("-d")
    done = lotor.connect(fleet.client, "alice", "alicepass")
    assert done.code == 0, done
    assert before[0] in fleet.held()


def test_a_gateway_that_ends_leaves_nothing_held(fleet):
    alice_is_there(fleet)
    assert fleet.gateway.stop() == 0
    assert fleet.held() == []
    fleet.gateway.start("-d")
