"""OpenIKED, as client and as gateway of IKEv2, on a node with a kernel of its own."""

from __future__ import annotations

import re
from pathlib import Path

from lab.internet import GATEWAY, GATEWAY_INSIDE, POOL, ROUTER
from lab.node import Finished, Node, wait_until
from lab.uml import Uml

ADDRESS, NEIGHBOUR = "198.51.100.10", "198.51.100.1"
LONG = "ikelifetime 4h lifetime 3h"
_SUITES = """ikesa enc aes-256 auth hmac-sha2-256 prf hmac-sha2-256 group ecp256 \\
    childsa enc aes-256 auth hmac-sha1"""
"""Neither GCM nor SHA2-256 for ESP: by PF_KEY it can install neither."""
_CLIENT = """set fragmentation
ikev2 "ra" active esp from dynamic to any local {address} peer {gateway} \\
    {suites} \\
    srcid "{identity}" dstid gw.example.org {lifetimes} {proof} request address any
"""
_GATEWAY = """set fragmentation
user "alice" "alicepass"
ikev2 "ra" passive esp from 0.0.0.0/0 to dynamic local {gateway} peer any \\
    {suites} \\
    srcid gw.example.org {lifetimes} {proof} config address {pool} config name-server 10.99.99.1
"""
_START = """cd /etc/iked; mkdir -p /var/lib/iked ca certs crls private pubkeys
iked -n && (iked -dv >/tmp/iked.log 2>&1 &)
"""


class OpenIked:
    """One that runs; `files` belong below /etc/iked."""

    def __init__(self, kernel: Uml, configuration: str, files: dict[str, Path]) -> None:
        self.kernel, node = kernel, kernel.node
        for name, line in (("passwd", "_iked:x:990:990::/var/lib/iked:/usr/sbin/nologin"), ("group", "_iked:x:990:")):
            node.write(f"/etc/{name}", f"{node.path(f'/etc/{name}').read_text()}{line}\n")
        for name, source in files.items():
            node.write(f"/etc/iked/{name}", source.read_bytes(), 0o600 if "private" in name else 0o644)
        node.write("/etc/iked.conf", configuration, 0o600)
        self.started = kernel.shell(_START)

    def load(self, configuration: str) -> None:
        """In place of the one that it has."""
        self.kernel.node.write("/etc/iked.conf", configuration, 0o600)
        self.control("reload")

    def log(self) -> str:
        return self.kernel.shell("cat /tmp/iked.log").stdout

    def says(self, what: str, times: int = 1) -> bool:
        """Whether it comes to say it that often."""
        return wait_until(lambda: self.log().count(what) >= times, 60, 0.3)

    def control(self, *words: str) -> Finished:
        return self.kernel.shell(" ".join(("ikectl", *words)))

    def pings(self, address: str) -> bool:
        return self.kernel.shell(f"ping -c3 -i0.2 -W30 {address}").code == 0


def join(node: Node, certificates: Path, *, key: str = "", lifetimes: str = LONG) -> OpenIked:
    """A client that connects at once, as alice: by the `key`, else by user.crt."""
    chosen = {"identity": "alice" if key else "/CN=alice", "proof": f'psk "{key}"' if key else "", "suites": _SUITES}
    text = _CLIENT.format(**chosen, lifetimes=lifetimes, address=ADDRESS, gateway=GATEWAY)
    files = {"private/local.key": certificates / ("vpngw.key" if key else "user.key")}
    if not key:
        files |= {"ca/ca.crt": certificates / "ca.crt", "certs/user.crt": certificates / "user.crt"}
    return OpenIked(Uml(node, [f"{ADDRESS}/24"], NEIGHBOUR), text, files)


def up(client: OpenIked) -> str:
    """The inner address once the client is connected, "" where it does not come to that. It takes traffic into the
    tunnel by itself, but leaves address and routes to others."""
    if not client.says(": obtained lease"):
        return ""
    found = re.findall(r"obtained lease: ([\d.]+)", client.log())[-1]
    outside = f"ip route add {GATEWAY} via {NEIGHBOUR} src {ADDRESS}"
    inside = f"ip route replace default via {NEIGHBOUR} src {found}"
    client.kernel.shell(f"set -e; ip address add {found}/32 dev vec0; {outside}; {inside}")
    return str(found)


def serve(node: Node, certificates: Path, configuration: str) -> OpenIked:
    """A gateway with a `configuration` made by `serving`."""
    files = {
        "ca/ca.crt": certificates / "ca.crt",
        "certs/vpngw.crt": certificates / "vpngw.crt",
        "private/local.key": certificates / "vpngw.key",
    }
    kernel = Uml(node, [f"{GATEWAY}/24", f"{GATEWAY_INSIDE}/24"])
    kernel.shell(f"ip route add {POOL} via {ROUTER}")
    return OpenIked(kernel, configuration, files)


def serving(proof: str = "", lifetimes: str = LONG) -> str:
    """`proof`: how clients prove themselves, as its configuration says it; "" by certificates."""
    return _GATEWAY.format(proof=proof, lifetimes=lifetimes, suites=_SUITES, gateway=GATEWAY, pool=POOL)
