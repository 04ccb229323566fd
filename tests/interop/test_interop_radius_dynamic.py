"""A real radclient ends and changes sessions of a whole gateway (RFC 5176)."""

from __future__ import annotations

import re
from itertools import count

import pytest

from lab import freeradius, lotor
from lab.dialling import road_warrior
from lab.internet import GATEWAY_INSIDE, INSIDE_HOST
from lab.node import wait_until

from .test_interop_radius import FILE, RULES, SECTION, with_section

SECRET = "AnotherDirtySecret"
DYNAMIC = f'radiuscfg {{ dynamic_client {INSIDE_HOST} "{SECRET}"; dynamic_listen {GATEWAY_INSIDE}; }}\n'
ALICE = 'User-Name = "alice"'
SIGNED = "Message-Authenticator = 0x00"


class Server:
    """FreeRADIUS beside the gateway's inside, and its radclient."""

    def __init__(self, node) -> None:
        self.node = node
        for name, content in freeradius.files("/run/radius", INSIDE_HOST, 1812, 1813).items():
            node.write(f"/run/radius/{name}", content)
        node.start("radius", *freeradius.command("/run/radius")).expect("Ready to process")

    def demands(self, kind, attributes, secret=SECRET, options=("-r", "3", "-t", "2")):
        """Whether it is told that it is done, and what radclient says."""
        command = ("radclient", "-x", *options, f"{GATEWAY_INSIDE}:3799", kind, secret)
        done = self.node.run(*command, stdin=attributes, check=False)
        return done.code == 0, done.stdout + done.stderr

    @property
    def accounts(self) -> str:
        file = self.node.path("/run/radius/accounts")
        return file.read_text() if file.exists() else ""


@pytest.fixture
def server(internet):
    return Server(internet.inside)


@pytest.fixture
def gateway(internet, certificates, server):
    made = lotor.gateway(internet.gateway, certificates)
    configuration = made.node.path(lotor.CONFIGURATION).read_text()
    made.configure(with_section(configuration, SECTION) + RULES + DYNAMIC)
    made.node.write("/etc/hosts", f"{INSIDE_HOST} radius.example.net\n")
    made.node.write("/etc/radius.conf", FILE, 0o600)
    made.start()
    return made


def users(gateway):
    return sorted(each["user"] for each in gateway.sessions())


def back_ends(gateway) -> int:
    """Its process id on the node, as the gateway's log told it last."""
    return int(re.findall(r"the process of back ends serves as process (\d+)", gateway.journal())[-1])


def test_a_server_changes_a_session_and_ends_it(internet, certificates, gateway, server):
    """The client reads who ended it, accounting has the cause and the new Class; a session that is not there, another
    gateway, and what cannot be changed are refused each with its cause."""
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "bob", "bobpass").code == 0
    (before,) = gateway.sessions()
    assert before["grants"]["session_time"] == 3600
    changed, told = server.demands("coa", f"User-Name = bob, Session-Timeout = 7200, Class = 0x676f6c64, {SIGNED}")
    assert changed, (told, gateway.journal())
    (after,) = gateway.sessions()
    assert (after["grants"]["session_time"], after["user"]) == (7200, "bob")
    for kind, attributes, why in (
        ("disconnect", f"{ALICE}, {SIGNED}", "Session-Context-Not-Found"),
        ("disconnect", f'User-Name = bob, NAS-Identifier = "other", {SIGNED}', "NAS-Identification-Mismatch"),
        ("disconnect", f"User-Name = bob, Framed-IP-Address = 10.99.99.78, {SIGNED}", "Session-Context-Not-Found"),
        ("coa", f'User-Name = bob, Filter-Id = "all", {SIGNED}', "Unsupported-Attribute"),
        ("coa", f"User-Name = bob, {SIGNED}", "Missing-Attribute"),
    ):
        done, told = server.demands(kind, attributes)
        assert not done
        assert why in told, told
    assert users(gateway) == ["bob"]
    whom = f"User-Name = bob, Framed-IP-Address = 10.99.99.77, NAS-IP-Address = {GATEWAY_INSIDE}"
    ended, told = server.demands("disconnect", f"{whom}, {SIGNED}")
    assert ended, (told, gateway.journal())
    assert wait_until(lambda: not gateway.sessions()), gateway.journal()
    gateway.running.expect("bob was disconnected by the RADIUS server")
    assert wait_until(lambda: "Acct-Terminate-Cause = Admin-Reset" in server.accounts), server.accounts
    stop = server.accounts[server.accounts.rindex("Acct-Status-Type = Stop") :]
    assert "0x676f6c64" in server.accounts or "gold" in stop, server.accounts
    assert SECRET not in gateway.journal()


def test_who_may_not_or_proves_nothing_does_nothing(internet, certificates, gateway, server):
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "bob", "bobpass").code == 0
    once = ("-r", "1", "-t", "1")
    for attributes, secret in ((f"User-Name = bob, {SIGNED}", "wrong"), ("User-Name = bob", SECRET)):
        done, told = server.demands("disconnect", attributes, secret, once)
        assert not done
        assert "No reply" in told, told
    stranger = internet.gateway.run(
        *("radclient", "-x", *once, f"{GATEWAY_INSIDE}:3799", "disconnect", SECRET),
        stdin=f"User-Name = bob, {SIGNED}",
        check=False,
    )
    assert "No reply" in stranger.stdout + stranger.stderr
    assert users(gateway) == ["bob"]
    gateway.running.expect("dropped; the last one came from")


def test_a_process_of_back_ends_that_is_killed_is_followed_by_one_that_hears(internet, certificates, gateway, server):
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "bob", "bobpass").code == 0
    killed = back_ends(gateway)
    gateway.node.run("kill", "-KILL", str(killed))
    numbers = count(1)

    def ended():
        return server.demands("disconnect", f"User-Name = bob, Proxy-State = {next(numbers):#04x}, {SIGNED}")[0]

    assert wait_until(ended), gateway.journal()
    assert wait_until(lambda: not gateway.sessions())
    assert back_ends(gateway) != killed
