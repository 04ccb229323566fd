"""The HOW-TO, step by step: certificates, a user, both configurations, a login, traffic, and the way back."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable

from demo.telling import Teller
from lab import lotor
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.lotor import CONFIGURATION, Lotor
from lab.node import LabError, wait_until

USER = "username"
TRANSFER = 20_000_000
CERTIFICATES = "/etc/lotor/certs"
_ONLY_TUNNEL = """
table ip watch {
    counter elsewhere { }
    chain forward {
        type filter hook forward priority 0;
        iifname "lan" udp dport { 500, 4500 } accept
        iifname "lan" counter name elsewhere
    }
}
"""


class Story:
    """One telling. Steps stand in the order of the HOW-TO; each raises `LabError` when it fails."""

    def __init__(self, internet: Internet, teller: Teller) -> None:
        self.internet = internet
        self.teller = teller
        self.password = secrets.token_urlsafe(12)
        self.gateway = Lotor(internet.gateway)
        self.client = Lotor(internet.client)
        self.before: dict[str, str] = {}

    def tell(self) -> None:
        steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("An authority, the gateway's key and certificate (lotor pki)", self.certificates),
            ("A user in the gateway's own list (lotor user add)", self.user),
            ("The HOW-TO's gateway, with auth_source local (lotor check)", self.gateway_file),
            ("The HOW-TO's client and scripts (lotor check)", self.client_file),
            ("The gateway starts (lotor daemon)", self.gateway_up),
            ("The client starts behind the NAT; inside is out of reach", self.client_up),
            ("A person connects and types the password (lotor vc)", self.login),
            ("The inside host answers, 56 and 1400 octets (ping)", self.ping),
            ("20 MB come through the tunnel whole, nothing around it", self.transfer),
            ("The client tells its state (lotor status)", self.status),
            ("The gateway's journal tells who came", self.journal),
            ("The person disconnects (lotor vd)", self.goodbye),
            ("Both daemons stop; routes, rules and DNS are as before", self.clean),
        )
        self.teller.tell(steps)

    def certificates(self) -> None:
        self.gateway.must("pki", "ca", "-d", CERTIFICATES)
        self.gateway.must("pki", "gateway", "-d", CERTIFICATES, GATEWAY)
        authority = self.internet.gateway.path(f"{CERTIFICATES}/ca.crt").read_bytes()
        self.internet.client.write(f"{CERTIFICATES}/ca.crt", authority)

    def user(self) -> None:
        lotor.add_user(self.gateway, USER, self.password)

    def gateway_file(self) -> None:
        self.gateway.configure(howto("gateway", auth_source="local"))
        self.internet.gateway.write("/etc/racoon/motd", lotor.MOTD)
        self.gateway.must("check", CONFIGURATION)

    def client_file(self) -> None:
        self.client.configure(howto("client"))
        for script in ("phase1-up.sh", "phase1-down.sh"):
            self.internet.client.write(f"/etc/racoon/{script}", lotor.sample_script(script), 0o755)
        self.client.must("check", CONFIGURATION)

    def gateway_up(self) -> None:
        self.before["gateway"] = lotor.traces(self.internet.gateway)
        self.gateway.start()

    def client_up(self) -> None:
        self.before["client"] = lotor.traces(self.internet.client)
        self.client.start()
        if self.internet.client.run("ping", "-c1", "-W1", INSIDE_HOST, check=False).code == 0:
            raise LabError("the inside host answers without a tunnel: the lab is wrong")
        self.internet.router.run("nft", "-f", "-", stdin=_ONLY_TUNNEL)

    def login(self) -> None:
        with self.client.type("vc", "-u", USER, GATEWAY) as terminal:
            terminal.expect("Password: ")
            terminal.type(self.password)
            code = terminal.end()
        self.teller.quote(f"$ lotor vc -u {USER} {GATEWAY}\n{terminal.screen}")
        if code or not re.search(r"^Bound to address 10\.99\.99\.\d+$", terminal.screen, re.MULTILINE):
            raise LabError(f"lotor vc ended with {code}:\n{terminal.screen}")
        if "Flying pigs LTD" not in terminal.screen:
            raise LabError("the banner did not appear")
        if self.password in terminal.screen:
            raise LabError("the password was shown on the terminal")

    def ping(self) -> None:
        for size in ("56", "1400"):
            done = self.internet.client.run(
                "ping", "-c5", "-i0.2", "-W3", "-s", size, "-M", "dont", INSIDE_HOST, check=False
            )
            self.teller.quote("\n".join(line for line in done.stdout.splitlines() if "packets" in line))
            if done.code:
                raise LabError(f"ping through the tunnel: {done.stdout}{done.stderr}")

    def transfer(self) -> None:
        content = secrets.token_bytes(TRANSFER)
        self.internet.inside.write("/run/big", content)
        inside = self.internet.inside.start("file", "socat", "-u", "OPEN:/run/big", "TCP-LISTEN:8000,reuseaddr")
        wait_until(lambda: ":8000" in self.internet.inside.run("ss", "-ltn").stdout)
        self.internet.client.run("socat", "-u", f"TCP:{INSIDE_HOST}:8000", "CREATE:/run/big", patience=120)
        inside.stop()
        got = hashlib.sha256(self.internet.client.path("/run/big").read_bytes()).hexdigest()
        if got != hashlib.sha256(content).hexdigest():
            raise LabError("the file that arrived is not the file that was sent")
        elsewhere = self.internet.router.run("nft", "list", "counters", "table", "ip", "watch").stdout
        if "packets 0 " not in elsewhere:
            raise LabError(f"packets of the client went around the tunnel: {elsewhere}")
        self.teller.quote(f"sha256 {got}")

    def status(self) -> None:
        done = self.client.must("status")
        self.teller.quote(done.stdout)
        if GATEWAY not in done.stdout or "10.99.99." not in done.stdout:
            raise LabError(f"lotor status does not tell gateway and address:\n{done.stdout}")

    def journal(self) -> None:
        lines = [line for line in self.gateway.journal().splitlines() if USER in line]
        self.teller.quote("\n".join(lines[:6]))
        if not lines:
            raise LabError(f"the gateway's journal does not name {USER}")
        if self.password in self.gateway.journal() + self.client.journal():
            raise LabError("a journal contains the password")

    def goodbye(self) -> None:
        done = self.client.must("vd", GATEWAY)
        self.teller.quote(done.stdout)
        if "VPN connection terminated" not in done.stdout:
            raise LabError(f"lotor vd said {done.stdout!r}")
        if not wait_until(lambda: "session ended" in self.gateway.journal()):
            raise LabError("the gateway did not notice that the client left")

    def clean(self) -> None:
        for name, program in (("gateway", self.gateway), ("client", self.client)):
            stop(program, self.before[name])
            if left := program.node.processes():
                raise LabError(f"processes left on the {name}: {left}")


def howto(side: str, **changes: str) -> str:
    """The HOW-TO's file, with certificates where lotor's own documentation has them."""
    return lotor.howto(side, **changes).replace(lotor.CERTIFICATES, CERTIFICATES)


def stop(program: Lotor, before: str) -> None:
    """The daemon's end; its host has to be as it was before the start."""
    host = program.node.name
    if code := program.stop():
        raise LabError(f"the daemon of the {host} ended with {code}")
    after = lotor.traces(program.node)
    if after != before:
        raise LabError(f"the {host} is not as before:\n{differences(before, after)}")


def differences(before: str, after: str) -> str:
    """Lines that went away and lines that came."""
    old, new = before.splitlines(), after.splitlines()
    went = [f"- {line}" for line in old if line not in new]
    came = [f"+ {line}" for line in new if line not in old]
    return "\n".join(went + came)
