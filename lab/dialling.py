"""Dialling in, moving on, and what is asked of a tunnel: pings, a TCP transfer."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from lab import lotor
from lab.internet import GATEWAY, INSIDE_HOST, INSIDE_HOST6, Internet
from lab.lotor import PROGRAM, Lotor
from lab.node import LabError, Node, wait_until
from lab.terminal import Terminal
from lab.vpnc import Vpnc


def ping(node: Node, address: str, *options: str) -> bool:
    return node.run("ping", "-c3", "-i0.2", "-W3", *options, address, check=False).code == 0


def transfer(sender: Node, receiver: Node, address: str, octets: int = 2_000_000, content: bytes = b"") -> bool:
    """`sender` listens at `address`, `receiver` fetches `content`, else random octets; whether all arrived whole."""
    content = content or secrets.token_bytes(octets)
    sender.write("/run/sent", content)
    ipv6 = ":" in address
    listener = sender.start("file", "socat", "-u", "OPEN:/run/sent", f"TCP{6 if ipv6 else 4}-LISTEN:8000,reuseaddr")
    wait_until(lambda: ":8000" in sender.run("ss", "-ltn").stdout)
    receiver.run("rm", "-f", "/run/got")
    host = f"[{address}]" if ipv6 else address
    receiver.run("socat", "-u", f"TCP:{host}:8000,connect-timeout=30", "CREATE:/run/got", check=False)
    listener.stop()
    got = receiver.path("/run/got")
    return got.exists() and hashlib.sha256(got.read_bytes()).digest() == hashlib.sha256(content).digest()


def carries(net: Internet, client: Node, inner: str) -> bool:
    """Traffic flows both ways, whoever begins, small and large."""
    return ping(client, INSIDE_HOST) and ping(net.inside, inner) and transfer(net.inside, client, INSIDE_HOST)


def carries6(net: Internet, client: Node, inner: str) -> bool:
    """The same by IPv6, where the lab has it."""
    return ping(client, INSIDE_HOST6) and ping(net.inside, inner) and transfer(net.inside, client, INSIDE_HOST6)


def connecting(net: Internet, certificates: Path, *more: str) -> Terminal:
    """`lotor connect` at a terminal of the client, as alice."""
    certificate = net.client.write("/etc/ca.crt", (certificates / "ca.crt").read_bytes())
    return Terminal(net.client, *PROGRAM, "connect", "--ca", certificate, "-u", "alice", *more, GATEWAY)


def moves(node: Node, address: str) -> None:
    """The host is in another network, as a laptop that changes from one Wi-Fi to another."""
    node.ip("address", "flush", "dev", "eth0")
    node.ip("link", "set", "eth0", "down")
    node.ip("link", "set", "eth0", "up")
    node.ip("address", "add", f"{address}/24", "dev", "eth0")
    node.ip("route", "add", "default", "via", "198.51.100.1", "dev", "eth0")


def dial(node: Node, certificates: Path, user: str = "alice", password: str = "alicepass", **options: str) -> Vpnc:
    """A vpnc that is starting to connect."""
    vpnc = Vpnc(node, GATEWAY, certificates / "ca.crt", ("203.0.113.0/24",))
    vpnc.connect(user, password, **options)
    return vpnc


def dialled(node: Node, certificates: Path, user: str = "alice", password: str = "alicepass", **options: str) -> Vpnc:
    """A connected vpnc."""
    vpnc = dial(node, certificates, user, password, **options)
    running = vpnc.running
    wait_until(lambda: vpnc.connected or running is None or not running.alive)
    if not vpnc.connected:
        raise LabError(f"vpnc does not connect:\n{running.text() if running else ''}")
    return vpnc


def road_warrior(node: Node, certificates: Path, **changes: str) -> Lotor:
    """The HOW-TO's client, its daemon running."""
    program = lotor.client(node, certificates, **changes)
    program.start("-d")
    return program


def serve(net: Internet, certificates: Path, **changes: str) -> Lotor:
    """The HOW-TO's gateway with user alice, its daemon running."""
    program = lotor.gateway(net.gateway, certificates, **changes)
    lotor.add_user(program, "alice", "alicepass")
    program.start("-d")
    return program
