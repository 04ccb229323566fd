"""Two gateways, one PostgreSQL: what is typed at one of them reaches the other, also where that one was killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from halting import gone, pythons
from lab import lotor, pki
from lab.internet import GATEWAY
from lab.lotor import Lotor
from lab.node import wait_until
from postgres import PASSWORD, USER, Postgres, served

OTHER = "198.51.100.13"
LEASE = 30
"""Seconds: the shortest."""


@pytest.fixture(scope="module")
def postgres():
    with served() as started:
        yield started


def settings(server: Postgres, name: str) -> str:
    """What makes a gateway one of the fleet. Its socket lies in a directory that every node sees."""
    server_url = f"postgresql://{USER}:{PASSWORD.replace(' ', '%20')}@:{server.port}/lotor?host={server.home}"
    store = f'store "{server_url}";\nlocal_store "/run/state/lotor.db";\n'
    return f'{store}fleet_name "{name}";\nlease_time {LEASE};\n'


def member(node, certificates: Path, fleet: str) -> Lotor:
    made = lotor.gateway(node, certificates)
    made.node.run("install", "-d", "-m", "700", "/run/state")
    made.configure(made.node.path(lotor.CONFIGURATION).read_text() + fleet)
    for user in ("alice", "bob"):
        lotor.add_user(made, user, f"{user}pass")
    made.start()
    return made


@pytest.fixture
def fleet(internet, authority, tmp_path, postgres):
    """gw1 at the HOW-TO's address, and gw2 in the network of the clients."""
    postgres.database()
    authority.save(tmp_path, "ca")
    pki.gateway(authority, GATEWAY, OTHER).save(tmp_path, "vpngw")
    node = internet._node("gateway2")
    internet._at_the_router(3, node)
    gw1 = member(internet.gateway, tmp_path, settings(postgres, "gw1"))
    return gw1, member(node, tmp_path, settings(postgres, "gw2"))


def client(internet, number: int, certificates: Path, gateway: str) -> Lotor:
    made = lotor.client(internet.clients[number], certificates)
    text = made.node.path(lotor.CONFIGURATION).read_text().replace(f"remote {GATEWAY}", f"remote {gateway}")
    made.configure(text + lotor.HURRY)
    made.start()
    return made


def everybody(gateway: Lotor) -> dict:
    done = gateway.call("status", "--all", "--json")
    return {"code": done.code, **json.loads(done.stdout)}


def where(gateway: Lotor) -> dict[str, str]:
    """By user: the gateway."""
    return {each["user"]: each["gateway"] for each in everybody(gateway)["sessions"]}


def test_what_is_typed_at_one_gateway_reaches_the_other(internet, tmp_path, postgres, fleet):
    gw1, gw2 = fleet
    road, other = client(internet, 0, tmp_path, OTHER), client(internet, 1, tmp_path, GATEWAY)
    assert lotor.connect(road, "alice", "alicepass", OTHER).code == 0, gw2.journal()
    assert lotor.connect(other, "bob", "bobpass").code == 0, gw1.journal()
    for each in fleet:
        assert wait_until(lambda at=each: where(at) == {"alice": "gw2", "bob": "gw1"}), everybody(each)
        assert {state["name"]: state["alive"] for state in everybody(each)["gateways"]} == {"gw1": True, "gw2": True}

    done = gw1.call("logout", "alice")
    assert (done.code, "gw2: 1 session of alice ended" in done.stdout) == (0, True), done
    assert wait_until(lambda: not road.sessions())
    assert where(gw2) == {"bob": "gw1"}
    assert gw1.call("logout", "alice").code == 1

    done = gw1.call("ban", "add", "alice")
    assert "it holds at all 2 gateways of the fleet" in done.stdout
    assert wait_until(lambda: "alice" in gw2.call("ban", "list").stdout)
    assert lotor.connect(road, "alice", "alicepass", OTHER).code != 0
    assert "login-banned" in gw2.call("explain", "--json", "alice").stdout
    assert gw2.call("ban", "lift", "alice").code == 0
    assert wait_until(lambda: "alice" not in gw1.call("ban", "list").stdout)
    assert lotor.connect(road, "alice", "alicepass", OTHER).code == 0

    past = [json.loads(line) for line in gw1.call("history", "--all", "--json", "--user", "alice").stdout.splitlines()]
    assert [(each["gateway"], each["why"]) for each in past] == [("gw2", ""), ("gw2", "logged-out")]

    processes = pythons(gw2.running)
    os.kill(processes[0], signal.SIGKILL)
    assert wait_until(lambda: gone(processes))

    def not_seen() -> bool:
        view = everybody(gw1)
        return not next(each for each in view["gateways"] if each["name"] == "gw2")["alive"]

    assert wait_until(not_seen, LEASE + 30, 1.0), everybody(gw1)
    assert "not seen" in gw1.call("status", "--all").stdout
    assert where(gw1) == {"bob": "gw1"}

    postgres.stop(signal.SIGKILL)
    try:
        assert wait_until(lambda: everybody(gw1)["fault"])
        view = everybody(gw1)
        assert (view["code"], [each["user"] for each in view["sessions"]]) == (20, ["bob"])
        done = gw1.call("logout", "bob")
        assert (done.code, "gw1 (here): 1 session of bob ended" in done.stdout) == (20, True)
    finally:
        postgres.start()
