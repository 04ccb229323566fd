"""The second act: the HOW-TO's RADIUS section as it is typed, then its `auth_source pam`, with vpnc as the client."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable

from demo.story import CERTIFICATES, howto, stop
from demo.telling import Teller
from lab import lotor
from lab.dialling import ping
from lab.freeradius import Server
from lab.internet import GATEWAY, INSIDE_HOST, INSIDE_NETWORK, Internet
from lab.lotor import CONFIGURATION, Lotor
from lab.node import LabError, Running, wait_until
from lab.vpnc import Vpnc

USER = "username"
GRANTED, MASK, CLASS = "10.99.99.77", "255.255.255.192", "staff of the demo"
SERVER = "radius.example.net"
RADIUS_CONF = """\
auth radius.example.net MyDirtySecret
acct radius.example.net MyDirtySecret
"""
RADIUSCFG = """
radiuscfg {
        auth "radius.example.net" "MyDirtySecret";
        acct "radius.example.net" "MyDirtySecret";
}
"""
PAM_FILE = "/etc/pam.d/racoon"
PAM_SERVICE = """\
auth     required  pam_unix.so
account  required  pam_unix.so
"""
OCTETS = 5 * 1400
"""So many go each way at least between a start and a stop."""


class RadiusStory:
    """One telling, after the first one. Steps stand in order; each raises `LabError` when it fails."""

    def __init__(self, internet: Internet, teller: Teller) -> None:
        self.internet = internet
        self.teller = teller
        self.password = secrets.token_urlsafe(12)
        self.gateway = Lotor(internet.gateway)
        self.before = ""
        self._server: Server | None = None
        self._vpnc: Vpnc | None = None

    def tell(self) -> None:
        steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("A FreeRADIUS with one user on the inside host", self.radius_up),
            ("The HOW-TO's RADIUS section, /etc/radius.conf (lotor check)", self.radius_files),
            ("The gateway starts, and its server hears of that", self.gateway_up),
            ("A wrong password: FreeRADIUS says no, vpnc stays outside", self.refused),
            ("The right one: vpnc has address and mask of FreeRADIUS", self.login),
            ("FreeRADIUS has the start, with its own Class (detail file)", self.begun),
            ("vpnc leaves; FreeRADIUS has the stop with what went through", self.ended),
            ("The servers by radiuscfg, without that file (SIGHUP)", self.radiuscfg),
            ("vpnc comes and goes once more; two starts, two stops", self.again),
            ("auth_source pam, /etc/pam.d/racoon, an account of the host", self.pam_files),
            ("vpnc logs in by PAM, with an address of the pool", self.by_pam),
            ("All stop; routes, rules and devices are as before", self.clean),
        )
        self.teller.tell(steps)

    @property
    def server(self) -> Server:
        if self._server is None:
            raise LabError("FreeRADIUS does not run yet")
        return self._server

    @property
    def vpnc(self) -> Vpnc:
        if self._vpnc is None:
            authority = self.internet.gateway.path(f"{CERTIFICATES}/ca.crt").read_bytes()
            self._vpnc = Vpnc(self.internet.client, GATEWAY, authority, (INSIDE_NETWORK,))
        return self._vpnc

    def radius_up(self) -> None:
        self._server = Server(self.internet.inside, INSIDE_HOST, users(self.password))

    def radius_files(self) -> None:
        node = self.gateway.node
        self.gateway.configure(howto("gateway-radius"))
        node.write("/etc/radius.conf", RADIUS_CONF, 0o600)
        node.write("/etc/hosts", f"127.0.0.1 localhost\n{INSIDE_HOST} {SERVER}\n")
        self.gateway.must("check", CONFIGURATION)

    def gateway_up(self) -> None:
        self.before = lotor.traces(self.gateway.node)
        self.gateway.start()
        self._wait(lambda: self._kinds() == ["Accounting-On"], "FreeRADIUS heard no Accounting-On")

    def refused(self) -> None:
        running = self.vpnc.connect(USER, "a guess", debug="0")
        self._wait(lambda: not running.alive, "vpnc does not give up")
        told = [line for line in self.server.running.text().splitlines() if "Login incorrect" in line]
        self.teller.quote(told[0].partition(": ")[2] if told else "")
        if self.vpnc.connected or not told:
            raise LabError(f"a wrong password: {self.server.running.text()}")

    def login(self) -> None:
        got = self._connect()
        address, mask = got.get("INTERNAL_IP4_ADDRESS"), got.get("INTERNAL_IP4_NETMASK")
        self.teller.quote(f"address {address}, mask {mask}")
        if (address, mask) != (GRANTED, MASK):
            raise LabError(f"FreeRADIUS granted {GRANTED} and {MASK}, vpnc has {address} and {mask}")

    def begun(self) -> None:
        start = self._record("Start", 1)
        self._quote(start, "User-Name", "Acct-Session-Id", "Framed-IP-Address", "Class")
        if (start["Framed-IP-Address"], start["Class"]) != (GRANTED, f"0x{CLASS.encode().hex()}"):
            raise LabError(f"the start is not that of the session: {start}")

    def ended(self) -> None:
        if not ping(self.internet.client, INSIDE_HOST, "-c5", "-s", "1372"):
            raise LabError("the inside host does not answer through the tunnel")
        self.vpnc.disconnect()
        stop, start = self._record("Stop", 1), self._record("Start", 1)
        self._quote(stop, "Acct-Session-Id", "Acct-Input-Octets", "Acct-Output-Octets", "Acct-Terminate-Cause")
        carried = min(int(stop["Acct-Input-Octets"]), int(stop["Acct-Output-Octets"]))
        if stop["Acct-Session-Id"] != start["Acct-Session-Id"] or carried < OCTETS:
            raise LabError(f"the stop is not that of the session, or octets are missing: {stop}")

    def radiuscfg(self) -> None:
        self.gateway.node.path("/etc/radius.conf").unlink()
        self.gateway.configure(howto("gateway-radius") + RADIUSCFG)
        self.gateway.must("check", CONFIGURATION)
        self._running().send(signal.SIGHUP)
        self._wait(lambda: "taken over" in self.gateway.journal(), "the gateway did not read its file anew")

    def again(self) -> None:
        if self._connect().get("INTERNAL_IP4_ADDRESS") != GRANTED:
            raise LabError("the address is not that of FreeRADIUS")
        self._record("Start", 2)
        self.vpnc.disconnect()
        self._record("Stop", 2)
        self.teller.quote(", ".join(self._kinds()))
        if len({each["Acct-Session-Id"] for each in self.server.of(USER, "Start", "Stop")}) != len(("first", "second")):
            raise LabError(f"two sessions have not two Acct-Session-Ids: {self.server.records()}")

    def pam_files(self) -> None:
        node = self.gateway.node
        stop(self.gateway, self.before)
        node.run("useradd", "--no-create-home", "--shell", "/usr/sbin/nologin", USER)
        node.run("chpasswd", "-c", "SHA512", stdin=f"{USER}:{self.password}\n")
        node.write(PAM_FILE, PAM_SERVICE)
        self.gateway.configure(howto("gateway", auth_source="pam"))
        self.gateway.must("check", CONFIGURATION)
        self.gateway.start()

    def by_pam(self) -> None:
        heard = len(self.server.running.text())
        address = self._connect().get("INTERNAL_IP4_ADDRESS", "")
        self.teller.quote(f"address {address}")
        if not address.startswith("10.99.99."):  # the one of before, maybe, which the store remembers
            raise LabError(f"{address} is no address of the pool")
        if not ping(self.internet.client, INSIDE_HOST):
            raise LabError("the inside host does not answer through the tunnel")
        self.vpnc.disconnect()
        if self.server.running.text()[heard:]:
            raise LabError("FreeRADIUS was asked where PAM was to judge")

    def clean(self) -> None:
        stop(self.gateway, self.before)
        self.server.running.stop()
        journals = "".join(each.text() for each in self.gateway.node.programs if each.name.startswith("lotor"))
        if self.password in journals or "MyDirtySecret" in journals:
            raise LabError("a journal of the gateway contains a password or the secret of the server")
        for node in (self.gateway.node, self.server.node, self.internet.client):
            if left := node.processes():
                raise LabError(f"processes left on the {node.name}: {left}")

    def _connect(self) -> dict[str, str]:
        """What vpnc was given."""
        running = self.vpnc.connect(USER, self.password, debug="0")
        self._wait(lambda: self.vpnc.connected or not running.alive, "vpnc does not connect")
        if not self.vpnc.connected:
            raise LabError(f"vpnc does not connect:\n{running.text()}")
        return self.vpnc.environment()

    def _record(self, kind: str, number: int) -> dict[str, str]:
        """The last of so many records of the user."""
        self._wait(lambda: len(self.server.of(USER, kind)) >= number, f"FreeRADIUS has no {kind} number {number}")
        return self.server.of(USER, kind)[number - 1]

    def _kinds(self) -> list[str]:
        return [each["Acct-Status-Type"] for each in self.server.records()]

    def _quote(self, record: dict[str, str], *names: str) -> None:
        self.teller.quote("\n".join(f"{name} = {record.get(name)}" for name in names))

    def _running(self) -> Running:
        if self.gateway.running is None:
            raise LabError("the gateway does not run")
        return self.gateway.running

    def _wait(self, condition: Callable[[], bool], otherwise: str) -> None:
        if not wait_until(condition, 30):
            raise LabError(f"{otherwise}: {self.gateway.journal()[-2000:]}")


def users(password: str) -> str:
    """The file of FreeRADIUS: one person, with what is granted."""
    return (
        f'{USER} Cleartext-Password := "{password}"\n'
        f'        Framed-IP-Address := {GRANTED},\n        Framed-IP-Netmask := {MASK},\n        Class := "{CLASS}"\n'
        "DEFAULT Auth-Type := Reject\n"
    )
