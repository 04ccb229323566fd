"""RADIUS over TLS with a real FreeRADIUS: logins and accounting on one connection, certificates that do not do."""

from __future__ import annotations

import asyncio
import subprocess
import textwrap
from ipaddress import IPv4Address
from pathlib import Path

import pytest

import vacant
from lab import freeradius, lotor, pki
from lab.dialling import road_warrior
from lab.internet import INSIDE_HOST
from lab.node import wait_until
from lotor.config.file_name import FileName
from lotor.config.servers import RadiusServer, RadiusTls
from lotor.config.settings import Radius
from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge
from lotor.model.network import Peer
from lotor.model.prompt import Field
from lotor.model.reasons.logins import BackEndFault, ServerRefused
from lotor.model.secret import Secret
from lotor.ports.accounting import Account, Record, Status
from lotor.radius import RadiusLogins
from lotor.radius.accounts import RadiusAccounts

from .test_interop_radius import attempt, records, with_section

ACCOUNT = Account("5f3a09c1d2e4-17", "alice", Peer(IPv4Address("192.0.2.9"), 500), (), 1764415800.0)


class Running:
    """A FreeRADIUS on loopback that speaks TLS to whoever shows a certificate of its authority."""

    def __init__(self, directory) -> None:
        self.directory = directory
        self.authority = pki.authority("RADIUS CA")
        self.port, self.acct, self.tls = vacant.ports(3)
        written = freeradius.files(str(directory), "127.0.0.1", self.port, self.acct)
        written["radiusd.conf"] += freeradius.tls(str(directory), "127.0.0.1", self.tls)
        for name, content in written.items():
            (directory / name).write_text(content)
        (directory / "ca.crt").write_bytes(self.authority.certificate)
        pki.gateway(self.authority, "radius.example.net").save(directory, "server")
        pki.gateway(self.authority, "vpngw.example.net").save(directory, "gw")
        pki.gateway(pki.authority("Others"), "vpngw.example.net").save(directory, "stranger")
        self.start()

    def start(self) -> None:
        self.log_file = self.directory / "log"
        with self.log_file.open("wb") as log:
            command = freeradius.command(str(self.directory))
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        assert wait_until(lambda: "Ready to process" in self.log() or self.process.poll() is not None), self.log()
        assert self.process.poll() is None, self.log()

    def log(self) -> str:
        return self.log_file.read_text()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def file(self, name: str) -> FileName:
        return FileName(name, self.directory / name)

    def radius(self, own: str = "gw", name: str = "radius.example.net", **changes) -> Radius:
        pair = (self.file(f"{own}.crt"), self.file(f"{own}.key")) if own else (None, None)
        tls = RadiusTls(self.file("ca.crt"), *pair, name)
        server = RadiusServer("127.0.0.1", self.tls, Secret("radsec"), tls=tls)
        held = {each.path: Secret(each.path.read_bytes()) for each in (tls.authority, *pair) if each is not None}
        return Radius(**{"auth": (server,), "acct": (server,), "timeout": 3, "retries": 2, "files": held, **changes})


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("radsec"))
    yield running
    running.stop()


def judged(radius, *attempts):
    async def run():
        logins = RadiusLogins(radius)
        try:
            return [await logins.judge(each) for each in attempts], logins._servers._servers[0].channels._last
        finally:
            await logins.close()

    return asyncio.run(run())


def test_logins_and_their_second_factor_go_over_tls(server):
    async def run():
        logins = RadiusLogins(server.radius())
        right = await logins.judge(attempt("alice", b"alicepass"))
        wrong = await logins.judge(attempt("alice", b"wrong"))
        challenge = await logins.judge(attempt("carol", b"carolpass"))
        assert isinstance(challenge, Challenge)
        code = attempt("carol", freeradius.CODE.encode(), challenge.conversation, Field.PASSCODE)
        second = await logins.judge(code)
        await logins.close()
        return right, wrong, second

    right, wrong, second = asyncio.run(run())
    assert right == Accepted("alice", Grants(message="Welcome, alice"))
    assert isinstance(wrong.reason, ServerRefused)
    assert wrong.judged
    assert second == Accepted("carol", Grants(address=IPv4Address("10.99.99.75")))


def test_many_at_once_share_a_connection(server):
    async def run():
        logins = RadiusLogins(server.radius())
        verdicts = await asyncio.gather(*(logins.judge(attempt("alice", b"alicepass")) for _ in range(100)))
        channel = logins._servers._servers[0].channels._last
        assert channel.proved
        assert len(channel._free) == 256
        await logins.close()
        return verdicts

    assert {type(each) for each in asyncio.run(run())} == {Accepted}


def test_accounting_has_the_id_of_the_login(server):
    async def run():
        radius = server.radius(nas_identifier="vpn.example.net")
        logins, accounts = RadiusLogins(radius), RadiusAccounts(radius)
        asked = attempt("alice", b"alicepass")
        await logins.judge(type(asked)(asked.user, asked.answers, asked.source, account=ACCOUNT.id))
        await accounts.take(Record(Status.START, 1764415800.0, ACCOUNT))
        await logins.close()
        await accounts.close()

    asyncio.run(run())
    (login,) = [each for each in records(server.directory / "asked") if "Acct-Session-Id" in each]
    (start,) = records(server.directory / "accounts")
    for name in ("Acct-Session-Id", "NAS-Port", "NAS-Identifier", "Calling-Station-Id", "NAS-IP-Address"):
        assert login[name] == start[name]
    assert (start["Acct-Session-Id"], start["NAS-Port"]) == ('"5f3a09c1d2e4-17"', "17")


UNKNOWN_THERE = "TLS does not come about|without an answer|Connection reset by peer"
"""With TLS 1.3 a server refuses a certificate when the client is done: its alert, its end of the connection or the
reset comes first."""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "other.example.net"}, "its certificate is refused: Hostname mismatch"),
        ({"own": ""}, UNKNOWN_THERE),
        ({"own": "stranger"}, UNKNOWN_THERE),
    ],
)
def test_a_certificate_that_does_not_do_is_told_and_no_guess(server, changes, told):
    (verdict,), _ = judged(server.radius(**changes), attempt("alice", b"alicepass"))
    assert isinstance(verdict.reason, BackEndFault)
    assert not verdict.judged
    assert any(each in verdict.reason.text for each in told.split("|")), verdict.reason.text


def test_a_server_that_is_started_again_is_asked_again(server):
    async def run():
        logins = RadiusLogins(server.radius())
        before = await logins.judge(attempt("alice", b"alicepass"))
        await asyncio.to_thread(server.stop)
        gone = await logins.judge(attempt("alice", b"alicepass"))
        await asyncio.to_thread(server.start)
        verdicts = [await logins.judge(attempt("alice", b"alicepass")) for _ in range(3)]
        await logins.close()
        return before, gone, verdicts

    before, gone, verdicts = asyncio.run(run())
    assert isinstance(before, Accepted)
    assert not gone.judged
    assert isinstance(verdicts[-1], Accepted)


SECTION = """\
mode_cfg {
	pool_size 253;
	auth_source radius;
	conf_source radius;
	accounting radius;
	pfs_group 2;
}
"""
PAGE = Path(__file__).parents[2] / "docs/radius.md"


def typed(part: str) -> str:
    """The block of the page that has this in it."""
    blocks = [each for each in PAGE.read_text().split("\n\n") if each.startswith("    ") and part in each]
    return textwrap.dedent(blocks[0]) + "\n"


def test_a_whole_gateway_asks_over_tls(internet, certificates, tmp_path):
    """As the page types it, at both ends. In the process of back ends, which has no files: what they hold comes to it.
    The start of the session has the id of the login."""
    node, authority = internet.inside, pki.authority("RADIUS CA")
    written = freeradius.files("/run/radius", INSIDE_HOST, 1812, 1813)
    other_end = typed("proto = tcp").replace("/etc/freeradius/3.0/certs", "/run/radius")
    written["radiusd.conf"] += other_end.replace("192.0.2.50", "0.0.0.0/0")
    proof = pki.gateway(authority, "radius.example.net")
    written["radius.example.net.crt"], written["radius.example.net.key"] = (
        proof.certificate.decode(),
        proof.key.decode(),
    )
    for name, content in {**written, "radius-ca.crt": authority.certificate.decode()}.items():
        node.write(f"/run/radius/{name}", content)
    node.start("radius", *freeradius.command("/run/radius")).expect("Ready to process")
    gateway, lines = lotor.gateway(internet.gateway, certificates), typed("tls ca")
    gateway.configure(with_section(gateway.node.path(lotor.CONFIGURATION).read_text(), SECTION) + lines)
    gateway.node.write("/etc/hosts", f"{INSIDE_HOST} radius.example.net\n")
    own = pki.gateway(authority, "vpngw.example.net")
    place = lotor.CONFIGURATION.rpartition("/")[0]
    gateway.node.write(f"{place}/radius-ca.crt", authority.certificate.decode())
    gateway.node.write(f"{place}/radius.crt", own.certificate.decode())
    gateway.node.write(f"{place}/radius.key", own.key.decode(), 0o600)
    checked = gateway.call("check", lotor.CONFIGURATION)
    assert checked.code == 0, checked
    gateway.start()
    client = road_warrior(internet.client, certificates)
    refused = lotor.connect(client, "nobody", "bobpass")
    assert (refused.code, "Nobody knows you here." in refused.stderr) == (13, True), (refused, gateway.journal())
    done = lotor.connect(client, "erin", "erinpass")
    assert "10.99.99.76" in done.stdout, (done, gateway.journal())
    accounts = node.path("/run/radius/accounts")
    assert wait_until(lambda: accounts.exists() and 'User-Name = "erin"' in accounts.read_text()), gateway.journal()
    (start,) = [each for each in records(accounts) if each["Acct-Status-Type"] == "Start"]
    (login,) = [each for each in records(node.path("/run/radius/asked")) if each["User-Name"] == '"erin"']
    assert login["Acct-Session-Id"] == start["Acct-Session-Id"]
    told = gateway.journal() + gateway.call("status", "-v").stdout
    assert "PRIVATE KEY" not in told
