"""Every program at either end by the same words, so that one test serves all pairs of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lab import lotor, methods
from lab.internet import GATEWAY
from lab.node import LabError, Node, wait_until
from lab.strongswan import Charon
from lab.vpnc import Vpnc


@dataclass(frozen=True, slots=True)
class Terms:
    """What both ends are told: `method` and `mode` of lab.matrix, `cipher` (aes or 3des, with sha1 and modp1024 as the
    HOW-TO has them), perfect forward secrecy in modp1024 or none, `direct` without a NAT in between, `fragment`: the
    largest IKE fragment of strongSwan in octets. `serving` and `calling` are more for one end: directives of lotor (see
    lab.lotor.howto), or options of Charon or Vpnc."""

    method: str = "hybrid"
    mode: str = "aggressive"
    cipher: str = "aes"
    pfs: bool = True
    direct: bool = False
    fragment: int = 1280
    serving: Mapping[str, str] = field(default_factory=dict)
    calling: Mapping[str, str] = field(default_factory=dict)


class Gateway(Protocol):
    """`guests` are the inner addresses in use; `leave` ends the program with a goodbye."""

    node: Node

    def guests(self) -> list[str]: ...
    def leave(self) -> None: ...


class Client(Protocol):
    """`connect` tells whether the tunnel is up, `address` the inner address; `connected`: the tunnel still is up."""

    node: Node
    address: str

    def connect(self) -> bool: ...
    def connected(self) -> bool: ...
    def goodbye(self) -> None: ...


class LotorGateway:
    def __init__(self, node: Node, certificates: Path, terms: Terms) -> None:
        self.node = node
        changes = {**_directives(terms), **({} if terms.pfs else {"pfs_group": ""}), **terms.serving}
        self.program = methods.serve(node, certificates, terms.method, terms.mode, **changes)

    def guests(self) -> list[str]:
        return [session["address"] for session in self.program.sessions() if session["address"]]

    def leave(self) -> None:
        self.program.stop()


class CharonGateway:
    def __init__(self, node: Node, certificates: Path, terms: Terms) -> None:
        self.node = node
        self.program = Charon(node, fragment_size=terms.fragment)
        identity = GATEWAY if terms.method in methods.WITH_KEY else "gw.example.org"
        options = {**_suites(terms), **terms.serving}
        self.program.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity=identity, **options)

    def guests(self) -> list[str]:
        return re.findall(r"ESTABLISHED.*?\[(10\.99\.99\.\d+)\]", self.program.sessions(), re.DOTALL)

    def leave(self) -> None:
        self.program.terminate()


class LotorClient:
    def __init__(self, node: Node, certificates: Path, terms: Terms, user: str, password: str) -> None:
        self.node = node
        self.address = ""
        self._login = (user, password) if terms.method in methods.WITH_LOGIN else None
        changes = {**_directives(terms), **({"compression_algorithm": _PFS} if terms.pfs else {}), **terms.calling}
        self.program = methods.road_warrior(node, certificates, terms.method, terms.mode, hurry=False, **changes)

    def connect(self) -> bool:
        self.done = lotor.connect(self.program, *self._login) if self._login else self.program.call("vc", GATEWAY)
        found = re.match(r"Bound to address (\S+)\n", self.done.stdout)
        self.address = found[1] if found else ""
        return self.done.code == 0 and bool(found)

    def connected(self) -> bool:
        return self.program.sessions() != []

    def goodbye(self) -> None:
        done = self.program.call("vd", GATEWAY)
        if done.stdout != "VPN connection terminated\n":
            raise LabError(f"lotor vd: {done}")


class CharonClient:
    def __init__(self, node: Node, certificates: Path, terms: Terms, user: str, password: str) -> None:
        self.node = node
        self.address = ""
        self.program = Charon(node, fragment_size=terms.fragment)
        identity = GATEWAY if terms.method in methods.WITH_KEY else "CN=gateway"
        options = {**_suites(terms), **terms.calling}
        self.program.join(certificates / "ca.crt", GATEWAY, identity=identity, user=user, password=password, **options)

    def connect(self) -> bool:
        try:
            up = "completed successfully" in self.program.initiate(30)
        except LabError:
            return False
        found = re.search(r"10\.99\.99\.\d+(?=/32)", self.node.run("ip", "-br", "address").stdout)
        self.address = found[0] if found else ""
        return up

    def connected(self) -> bool:
        return "ESTABLISHED" in self.program.sessions()

    def goodbye(self) -> None:
        self.program.terminate()


class VpncClient:
    def __init__(self, node: Node, certificates: Path, terms: Terms, user: str, password: str) -> None:
        self.node = node
        self.address = ""
        self.program = Vpnc(node, GATEWAY, certificates / "ca.crt", ("203.0.113.0/24",))
        self._login = (user, password)
        way = {"nat_mode": "none" if terms.direct else "natt", "pfs": "dh2" if terms.pfs else "nopfs"}
        old = {"more": "Enable weak encryption"} if terms.cipher == "3des" else {}
        self._options = {"method": "hybrid" if terms.method == "hybrid" else "psk", **way, **old, **terms.calling}

    def connect(self) -> bool:
        running = self.program.connect(*self._login, **self._options)
        wait_until(lambda: self.program.connected or not running.alive)
        if self.program.connected:
            self.address = self.program.environment()["INTERNAL_IP4_ADDRESS"]
        return self.program.connected

    def connected(self) -> bool:
        return self.program.running is not None and self.program.running.alive

    def goodbye(self) -> None:
        if code := self.program.disconnect():
            raise LabError(f"vpnc ended with {code}")


_PFS = "deflate; pfs_group 2"
"""The HOW-TO's client has no pfs_group: it goes by what a lotor gateway tells, which strongSwan does not."""

_GATEWAYS: dict[str, Callable[[Node, Path, Terms], Gateway]] = {"lotor": LotorGateway, "strongSwan": CharonGateway}
_CLIENTS: dict[str, Callable[[Node, Path, Terms, str, str], Client]] = {
    "lotor": LotorClient,
    "strongSwan": CharonClient,
    "vpnc": VpncClient,
}


def serve(program: str, node: Node, certificates: Path, terms: Terms) -> Gateway:
    """A gateway that is running and knows alice; `program` of lab.matrix.PAIRS."""
    return _GATEWAYS[program](node, certificates, terms)


def join(
    program: str, node: Node, certificates: Path, terms: Terms, login: tuple[str, str] = ("alice", "alicepass")
) -> Client:
    """A client, ready for `connect`."""
    return _CLIENTS[program](node, certificates, terms, *login)


def _directives(terms: Terms) -> dict[str, str]:
    """For lotor, at either end; without a NAT the other lotor and vpnc do without UDP, strongSwan's libipsec never."""
    way = {"nat_traversal": "on"} if terms.direct else {}
    return {"encryption_algorithm": terms.cipher, **way}


def _suites(terms: Terms) -> dict[str, str]:
    """For strongSwan, at either end."""
    cipher = "aes128" if terms.cipher == "aes" else terms.cipher
    return {
        "method": terms.method,
        "aggressive": "yes" if terms.mode == "aggressive" else "no",
        "proposals": f"{cipher}-sha1-modp1024",
        "esp": f"{cipher}-sha1-modp1024" if terms.pfs else f"{cipher}-sha1",
    }
