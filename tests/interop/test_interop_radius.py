"""Logins judged by a real FreeRADIUS."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
from ipaddress import IPv4Address, IPv4Network

import pytest

import vacant
from lab import freeradius, lotor
from lab.dialling import carries, dialled, ping, road_warrior
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until
from lotor.config.settings import Radius, RadiusServer
from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge, LoginAttempt
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import BackEndFault, ServerRefused
from lotor.model.secret import Secret
from lotor.radius import Attribute, Code, RadiusLogins, Request, Servers
from lotor.radius.packets import number, text

SECRET = Secret(freeradius.SECRET)


class Running:
    """One on loopback."""

    def __init__(self, directory, *, signed: bool) -> None:
        self.directory = directory
        directory.mkdir()
        self.port, self.acct = vacant.ports(2)
        self.signed = signed
        for name, content in self.written().items():
            (directory / name).write_text(content)
        self._log = (directory / "log").open("wb")
        self._process = subprocess.Popen(
            freeradius.command(str(directory)), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        assert wait_until(lambda: "Ready to process" in self.log() or self._process.poll() is not None), self.log()
        assert self._process.poll() is None, self.log()

    def written(self) -> dict[str, str]:
        return freeradius.files(str(self.directory), "127.0.0.1", self.port, self.acct, signed=self.signed)

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        self._log.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("radius") / "signing", signed=True)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def old_server(tmp_path_factory):
    """One that does not sign what it answers."""
    running = Running(tmp_path_factory.mktemp("radius") / "old", signed=False)
    yield running
    running.stop()


def settings(*ports: int, secret: Secret = SECRET, **changes) -> Radius:
    servers = tuple(RadiusServer("127.0.0.1", port, secret) for port in ports)
    return Radius(**{"auth": servers, "acct": (), "timeout": 1, "retries": 2, **changes})


def attempt(user: str, password: bytes, conversation: bytes = b"", field: Field = Field.PASSWORD) -> LoginAttempt:
    return LoginAttempt(user, ((field, Secret(password)),), Peer(IPv4Address("192.0.2.9"), 500), conversation)


def judged(radius: Radius, *attempts: LoginAttempt):
    async def run():
        logins = RadiusLogins(radius)
        try:
            return [await logins.judge(each) for each in attempts]
        finally:
            await logins.close()

    return asyncio.run(run())


def test_a_right_password_is_a_yes_with_the_words_of_the_server(server):
    assert judged(settings(server.port), attempt("alice", b"alicepass")) == [
        Accepted("alice", Grants(message="Welcome, alice"))
    ]


@pytest.mark.parametrize(("user", "password"), [("alice", b"wrong"), ("nobody", b"alicepass"), ("alice", b"x" * 128)])
def test_a_wrong_one_is_a_no(server, user, password):
    (verdict,) = judged(settings(server.port), attempt(user, password))
    assert isinstance(verdict.reason, ServerRefused)
    assert verdict.reason.message == ("Nobody knows you here." if user == "nobody" else verdict.reason.message)
    assert verdict.judged


def test_what_the_server_grants(server):
    (verdict,) = judged(settings(server.port), attempt("bob", b"bobpass"))
    assert verdict == Accepted(
        "bob",
        Grants(
            address=IPv4Address("10.99.99.77"),
            netmask=IPv4Address("255.255.255.0"),
            accounting_classes=(b"0x41",),
            session_time=3600.0,
            filter="guests",
            routes=(IPv4Network("203.0.113.0/24"),),
            dns4=(IPv4Address("10.0.12.1"),),
            default_domain="example.net",
            message="Welcome, bob",
        ),
    )
    assert judged(settings(server.port), attempt("pool", b"poolpass")) == [Accepted("pool")]


@pytest.mark.parametrize(("code", "yes"), [(freeradius.CODE.encode(), True), (b"000000", False)])
def test_a_second_factor_is_a_second_round(server, code, yes):
    async def run():
        logins = RadiusLogins(settings(server.port))
        challenge = await logins.judge(attempt("carol", b"carolpass"))
        assert isinstance(challenge, Challenge)
        assert (challenge.message, challenge.wants) == ("Code of your token?", (Field.PASSCODE,))
        return await logins.judge(attempt("carol", code, challenge.conversation, Field.PASSCODE))

    verdict = asyncio.run(run())
    right = Accepted("carol", Grants(address=IPv4Address("10.99.99.75")))
    assert verdict == right if yes else verdict.reason.message == "Wrong code."


def test_a_dead_first_server_costs_one_try_and_then_nothing(server):
    """Nothing answers at 192.0.2.1 of the documentation: on loopback a socket that reads nothing stands for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead:
        dead.bind(("127.0.0.1", 0))
        dead.setblocking(False)
        radius = settings(dead.getsockname()[1], server.port, retries=1)
        verdicts = judged(radius, *[attempt("alice", b"alicepass")] * 5)
        assert [type(each) for each in verdicts] == [Accepted] * 5
        assert dead.recv(4096)
        with pytest.raises(BlockingIOError):
            dead.recv(4096)


def test_another_secret_is_told_as_a_fault_of_the_gateway(server):
    (verdict,) = judged(settings(server.port, secret=Secret("another")), attempt("alice", b"alicepass"))
    assert isinstance(verdict.reason, BackEndFault)
    assert not verdict.judged


def test_a_server_that_does_not_sign_is_believed_only_where_the_administrator_says_so(old_server):
    """And one that signs all the same, as newer releases do whatever they are told, is believed."""
    (verdict,) = judged(settings(old_server.port), attempt("alice", b"alicepass"))
    (relaxed,) = judged(settings(old_server.port, message_authenticator=False), attempt("alice", b"alicepass"))
    assert relaxed == Accepted("alice", Grants(message="Welcome, alice"))
    assert verdict == relaxed or "message_authenticator optional" in verdict.reason.text


def test_the_server_sees_a_nas(server):
    judged(settings(server.port, nas_identifier="vpn.example.net"), attempt("alice", b"alicepass"))
    assert "Login OK: [alice] (from client everybody port 0 cli 192.0.2.9)" in server.log()


def test_accounting_goes_the_same_way(server):
    async def run():
        radius = settings(acct=(RadiusServer("127.0.0.1", server.acct, SECRET),))
        record = (
            text(Attribute.USER_NAME, "alice"),
            number(Attribute.ACCT_STATUS_TYPE, 1),
            text(Attribute.ACCT_SESSION_ID, "interop-1"),
        )
        return (await Servers.of_accounts(radius).ask(Request(Code.ACCOUNTING_REQUEST, record))).reply.code

    assert asyncio.run(run()) is Code.ACCOUNTING_RESPONSE
    assert 'Acct-Session-Id = "interop-1"' in (server.directory / "accounts").read_text()


SECTION = """\
mode_cfg {
	pool_size 253;			# IPv4 pool size
	auth_source radius;		# login validated against RADIUS
	conf_source radius;		# IPv4 address obtained by RADIUS
	accounting radius;		# RADIUS accounting
        dns4 10.0.12.1;			# IPv4 DNS server
        wins4 10.0.12.1;		# IPv4 WINS server
        banner "/etc/racoon/motd";	# Banner message for clients
	pfs_group 2;
}
"""
RULES = """\
network { forward off; mss_clamp off; allow filter "guests" to any; }
"""
"""What the server's Filter-Id of bob names: a filter that there is not would be a refusal. erin has none."""
FILE = """\
auth radius.example.net MyDirtySecret
acct radius.example.net MyDirtySecret
"""


def records(detail) -> list[dict[str, str]]:
    """What FreeRADIUS wrote down, one request after the other."""
    written = [block.splitlines()[1:] for block in detail.read_text().split("\n\n") if block.strip()]
    return [dict(line.strip().split(" = ", 1) for line in lines) for lines in written]


def with_section(configuration: str, section: str) -> str:
    return re.sub(r"(?ms)^mode_cfg \{.*?^\}\n", section, configuration)


@pytest.fixture
def served(internet, certificates):
    """The HOW-TO's gateway with its RADIUS section, and the server behind it, whose name is known."""
    server = internet.inside
    for name, content in freeradius.files("/run/radius", INSIDE_HOST, 1812, 1813).items():
        server.write(f"/run/radius/{name}", content)
    server.start("radius", *freeradius.command("/run/radius")).expect("Ready to process")
    gateway = lotor.gateway(internet.gateway, certificates)
    gateway.configure(with_section(gateway.node.path(lotor.CONFIGURATION).read_text(), SECTION) + RULES)
    gateway.node.write("/etc/hosts", f"{INSIDE_HOST} radius.example.net\n")
    gateway.node.write("/etc/radius.conf", FILE, 0o600)
    return gateway


def test_logins_by_the_howtos_section(internet, certificates, served):
    """A refusal has the server's words for the person, carol's second factor is a second question, bob has the address
    of the server and reaches what its filter lets through, erin with vpnc an address and nothing behind it; there is
    no pool, and nobody learns the secret."""
    checked = served.call("check", lotor.CONFIGURATION)
    assert checked.code == 0, checked
    served.start()
    client = road_warrior(internet.client, certificates)
    refused = lotor.connect(client, "nobody", "bobpass")
    assert (refused.code, "Nobody knows you here." in refused.stderr) == (13, True), refused
    with client.type("vc", "-u", "carol", GATEWAY) as terminal:
        terminal.expect("Password")
        terminal.type("carolpass")
        terminal.expect("Code of your token?")
        terminal.type(freeradius.CODE)
        assert terminal.end() == 0
    client.call("vd", GATEWAY)
    bob = lotor.connect(client, "bob", "bobpass")
    assert "10.99.99.77" in bob.stdout, (bob, served.journal())
    assert carries(internet, internet.client, "10.99.99.77")
    dialled(internet.clients[1], certificates, "erin", "erinpass")
    assert not ping(internet.clients[1], INSIDE_HOST)
    granted = {each["user"]: each["grants"] for each in served.sessions()}
    assert (granted["bob"]["filter"], granted["bob"]["session_time"], granted["erin"]["filter"]) == (
        "guests",
        3600,
        "",
    )
    assert {each["user"] for each in served.sessions()} == {"bob", "erin"}
    accounts = internet.inside.path("/run/radius/accounts")
    assert wait_until(lambda: accounts.exists() and 'User-Name = "erin"' in accounts.read_text()), served.journal()
    assert {"Acct-Status-Type = Start", "Acct-Status-Type = Stop"} <= {
        line.strip() for line in accounts.read_text().splitlines()
    }
    started = [each for each in records(accounts) if each["Acct-Status-Type"] == "Start"]
    asked = [each for each in records(internet.inside.path("/run/radius/asked")) if each["User-Name"] != '"nobody"']
    assert {each["Acct-Session-Id"] for each in started} == {each["Acct-Session-Id"] for each in asked}
    for each in started:
        login = next(one for one in asked if one["Acct-Session-Id"] == each["Acct-Session-Id"])
        same = ("User-Name", "NAS-Port", "NAS-Port-Type", "NAS-Identifier", "Calling-Station-Id", "Called-Station-Id")
        same += ("Service-Type", "Framed-Protocol", "Connect-Info", "NAS-IP-Address")
        assert {name: login.get(name) for name in same} == {name: each[name] for name in same}
    told = served.journal() + served.call("status", "-v").stdout + refused.stderr
    assert 'refused it, and says "Nobody knows you here."' in told
    assert freeradius.SECRET not in told


def test_a_server_hears_the_end_of_a_session_behind_a_reload_that_asks_it_no_more(internet, certificates, served):
    served.start()
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "bob", "bobpass").code == 0
    configuration = served.node.path(lotor.CONFIGURATION)
    served.configure(configuration.read_text().replace("accounting radius;", "accounting none;"))
    assert served.call("reload").code == 0
    assert served.call("logout", "bob").code == 0
    accounts = internet.inside.path("/run/radius/accounts")
    stopped = "Acct-Terminate-Cause = Admin-Reset"
    assert wait_until(lambda: accounts.exists() and stopped in accounts.read_text()), served.journal()
