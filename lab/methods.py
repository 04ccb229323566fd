"""lotor at either end with every authentication method in every mode: the HOW-TO's files, changed in those lines."""

from __future__ import annotations

from pathlib import Path

from lab import lotor
from lab.internet import GATEWAY
from lab.lotor import CERTIFICATES, CONFIGURATION, Lotor
from lab.matrix import METHODS
from lab.node import Finished, Node
from lab.strongswan import GROUP_KEY

WITH_LOGIN = ("hybrid", "xauth_psk", "xauth_rsa")
WITH_KEY = ("xauth_psk", "psk")
BOTH_SIGN = ("xauth_rsa", "rsa")


def _name(method: str, side: str) -> str:
    return f"{METHODS[method]}_{side}" if method in WITH_LOGIN else METHODS[method]


def serve(node: Node, certificates: Path, method: str, mode: str, **changes: str) -> Lotor:
    """A gateway that is running; alice may log in, everybody knows GROUP_KEY. `changes` as in lab.lotor.howto."""
    lines = {"exchange_mode": mode, "authentication_method": _name(method, "server")}
    if method in WITH_KEY:
        lines |= {"certificate_type": "", "my_identifier": "address"}
        lines["path"] = 'pre_shared_key "/etc/racoon/psk.txt"'
    if method in BOTH_SIGN:
        lines["certificate_type"] = 'x509 "vpngw.crt" "vpngw.key"; ca_type x509 "ca.crt"'
    program = lotor.gateway(node, certificates, **lines, **changes)
    node.write(f"{CERTIFICATES}/ca.crt", (certificates / "ca.crt").read_bytes())
    node.write("/etc/racoon/psk.txt", f"* {GROUP_KEY}\n", 0o600)
    lotor.add_user(program, "alice", "alicepass")
    program.start("-d")
    return program


def road_warrior(
    node: Node, certificates: Path, method: str, mode: str, *, hurry: bool = False, **changes: str
) -> Lotor:
    """A client whose daemon is running; see `connect`. With `hurry` it soon gives up."""
    lines = {"exchange_mode": mode, "authentication_method": _name(method, "client")}
    if method in WITH_KEY:
        lines["ca_type"] = ""
    if method in BOTH_SIGN:
        lines["ca_type"] = 'x509 "ca.crt"; certificate_type x509 "user.crt" "user.key"; my_identifier asn1dn'
    program = lotor.client(node, certificates, **lines, **changes)
    if hurry:
        program.configure(lotor.HURRY + node.path(CONFIGURATION).read_text())
    for name, permissions in (("user.crt", 0o644), ("user.key", 0o600)):
        if method in BOTH_SIGN:
            node.write(f"{CERTIFICATES}/{name}", (certificates / name).read_bytes(), permissions)
    node.write("/etc/racoon/psk.txt", f"{GATEWAY} {GROUP_KEY}\n", 0o600)
    program.start("-d")
    return program


def connect(client: Lotor, method: str, password: str = "alicepass") -> Finished:
    """Alice connects, and types a password where the method asks for one."""
    if method in WITH_LOGIN:
        return lotor.connect(client, "alice", password)
    return client.call("vc", GATEWAY)
