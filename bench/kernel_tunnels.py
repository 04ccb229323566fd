"""TCP through a gateway whose ESP is that of a kernel of its own (User Mode Linux): lotor's and strongSwan's, with the
same client, which is lotor in user space on the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.measure import TICKS, iperf
from lab import pki
from lab.internet import GATEWAY, INSIDE_HOST, Internet
from lab.kernels import KernelCharon, gateway_kernel
from lab.lotor import CERTIFICATES, Lotor, add_user, connect
from lab.node import LabError, descendants, wait_until
from lab.strongswan_v2 import Gateway
from lab.uml import Uml

USER, PASSWORD, IDENTITY = "alice", "alicepass", "gw.example.org"
SUITES = {"aes128gcm16": "aes_gcm_16 128", "aes128-sha256": "aes 128"}
"""As strongSwan names them, and lotor's ciphers; HMAC-SHA-256 stands beside."""
WAYS = {"in UDP": "nat_traversal force", "native": "nat_traversal on"}
"""How ESP travels, and the client's directive for it: there is no NAT between."""
TCP = {"up": (), "down": ("-R",)}
_SAINFO = """sainfo anonymous {{
    lifetime time 8 hour; encryption_algorithm {cipher};
    authentication_algorithm hmac_sha256; compression_algorithm deflate; }}
"""
_GATEWAY = """engine kernel;
path certificate "{certificates}";
listen {{ adminsock "/run/gateway.sock"; }}
remote anonymous {{
    ike_version 2; certificate_type x509 "vpngw.crt" "vpngw.key"; my_identifier fqdn "{identity}";
    generate_policy on; proposal_check claim; nat_traversal on; eap mschapv2; }}
mode_cfg {{ network4 10.99.99.10; pool_size 100; auth_source local; }}
"""
_CLIENT = """engine userspace;
path certificate "{certificates}";
listen {{ adminsock "/run/client.sock"; }}
remote {gateway} {{ ike_version 2; ca_type x509 "ca.crt"; mode_cfg on; eap mschapv2; {way}; }}
"""


@dataclass(frozen=True, slots=True)
class Case:
    suite: str
    way: str

    def __str__(self) -> str:
        return f"{self.suite}, {self.way}"


@dataclass(frozen=True, slots=True)
class Figures:
    """Mbit/s by direction, and seconds of the processor that the gateway's machine (its kernel with all that runs in
    it) spent for a gigabyte."""

    up: float
    down: float
    processor: float


Serve = Callable[[Internet, Uml, Case], object]
"""Starts a gateway in the kernel."""


def lotor(net: Internet, kernel: Uml, case: Case) -> None:
    """People and files are made outside, where that is ten times as fast."""
    program = Lotor(net.gateway)
    sainfo = _SAINFO.format(cipher=SUITES[case.suite])
    program.configure(_GATEWAY.format(certificates=CERTIFICATES, identity=IDENTITY) + sainfo)
    certificate().save(net.gateway.path(CERTIFICATES), "vpngw")
    add_user(program, USER, PASSWORD, "--mschap")
    program.node = kernel
    program.start()


def strongswan(net: Internet, kernel: Uml, case: Case) -> None:
    files = net.directory / "certificates"
    authority().save(files, "ca")
    certificate().save(files, "vpngw")
    charon = KernelCharon(kernel)
    charon.serve_v2(files / "vpngw.crt", files / "vpngw.key", Gateway(esp=case.suite))


GATEWAYS: dict[str, Serve] = {"lotor": lotor, "strongSwan": strongswan}


def measure(serve: Serve, case: Case, seconds: int) -> Figures:
    """In a lab of its own."""
    with Internet(nat=False) as net:
        kernel = gateway_kernel(net, nat=False)
        serve(net, kernel, case)
        _dial(net, case)
        net.inside.start("iperf3", "iperf3", "-s")
        before = spent(kernel)
        ends = [iperf(net.client, INSIDE_HOST, "-t", str(seconds), *words)["sum_received"] for words in TCP.values()]
        octets = sum(end["bytes"] for end in ends)
        up, down = (end["bits_per_second"] / 1e6 for end in ends)
        return Figures(up, down, (spent(kernel) - before) / octets * 1e9)


def _dial(net: Internet, case: Case) -> None:
    """Returns when the client's connection carries what it should."""
    client = Lotor(net.client)
    text = _CLIENT.format(certificates=CERTIFICATES, gateway=GATEWAY, way=WAYS[case.way])
    client.configure(text + _SAINFO.format(cipher=SUITES[case.suite]))
    net.client.write(f"{CERTIFICATES}/ca.crt", authority().certificate)
    client.start()
    done = connect(client, USER, PASSWORD)
    if done.code:
        raise LabError(f"no connection: {done}\n{client.journal()[-2000:]}")
    if not wait_until(lambda: net.client.run("ping", "-c1", "-W1", INSIDE_HOST, check=False).code == 0, 20):
        raise LabError(f"no packet comes through the tunnel:\n{client.journal()[-2000:]}")
    (child,) = client.sessions()[0]["children"]
    if (child["encapsulation"] == "udp") != (case.way == "in UDP"):
        raise LabError(f"{case}: the SA pair is another one: {child}")


def spent(kernel: Uml) -> float:
    """Seconds of this machine's processors that went into the other kernel and what runs in it so far."""
    return sum(map(_seconds, descendants(kernel.running.process.pid)))


def _seconds(process: int) -> float:
    """Also of children that have ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


@cache
def authority() -> pki.Issued:
    return pki.authority("Bench CA")


@cache
def certificate() -> pki.Issued:
    return pki.gateway(authority(), GATEWAY, IDENTITY)
