"""The tunnels that are compared: each brings up one tunnel between the two hosts of a link."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.link import CLIENT, CLIENT_INSIDE, GATEWAY, GATEWAY_INSIDE, MTU, Link
from lab import lotor as lab_lotor
from lab import pki
from lab.lotor import Lotor
from lab.node import LabError, Node, Running, wait_until
from lab.vpnc import Vpnc

PROJECT = Path(__file__).parents[1]
ENVIRONMENT = {"PYTHONPATH": str(PROJECT / "src")}

_OPENSSL_ALONE = "load = random nonce openssl kdf kernel-libipsec kernel-netlink socket-default vici"
"""The fastest primitives that strongSwan has; where nothing is said, its own come first."""

_CHARON = """
charon {{
    {load}
    install_virtual_ip = no
    filelog {{ stderr {{ default = 0 }} }}
    plugins {{
        vici {{ socket = unix://{vici} }}
        kernel-libipsec {{ allow_peer_ts = yes }}
        kernel-netlink {{ fwmark = !0x42 }}
        socket-default {{ fwmark = 0x42 }}
    }}
}}
"""
_CONNECTION = """
connections {{ net {{
    version = 2
    local_addrs = {local}
    remote_addrs = {remote}
    encap = yes
    proposals = aes128-sha256-ecp256
    local {{ auth = psk
        id = {local} }}
    remote {{ auth = psk
        id = {remote} }}
    children {{ net {{
        local_ts = {mine}/32
        remote_ts = {other}/32
        esp_proposals = {suite}
    }} }}
}} }}
secrets {{ ike-net {{ secret = of-a-benchmark }} }}
"""
_OPENVPN = (
    *("--dev", "tun0", "--dev-type", "tun", "--proto", "udp", "--port", "1194", "--dh", "none", "--verb", "3"),
    *("--tun-mtu", str(MTU), "--mssfix", "0", "--sndbuf", "4194304", "--rcvbuf", "4194304", "--txqueuelen", "4000"),
    *("--fast-io", "--disable-dco", "--allow-compression", "no"),
)
_OPENVPN_SUITES = {
    "aes128gcm16": ("--data-ciphers", "AES-128-GCM"),
    "aes128-sha1": ("--data-ciphers", "AES-128-CBC", "--auth", "SHA1"),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One end, by its addresses."""

    node: Node
    local: str
    remote: str
    mine: str
    other: str
    gateway: bool


@dataclass(frozen=True, slots=True)
class Peer:
    """`start` returns the programs of both ends when packets flow."""

    name: str
    suite: str
    start: Callable[[Link, str], list[Running]]


def sides(link: Link) -> tuple[Side, Side]:
    return (
        Side(link.gateway, GATEWAY, CLIENT, GATEWAY_INSIDE, CLIENT_INSIDE, gateway=True),
        Side(link.client, CLIENT, GATEWAY, CLIENT_INSIDE, GATEWAY_INSIDE, gateway=False),
    )


def lotor(link: Link, suite: str, tunnels: int = 1) -> list[Running]:
    return [_lotor(side, suite, tunnels) for side in sides(link)]


def lotor_with(tunnels: int) -> Callable[[Link, str], list[Running]]:
    return lambda link, suite: lotor(link, suite, tunnels)


def _lotor(side: Side, suite: str, tunnels: int) -> Running:
    ends = {"local": side.local, "remote": side.remote, "mine": side.mine, "other": side.other}
    words = [word for name, value in ends.items() for word in (f"--{name}", value)]
    role = ["--gateway"] if side.gateway else []
    program = (sys.executable, str(PROJECT / "bench" / "endpoint.py"), "--suite", suite, "--mtu", str(MTU))
    running = side.node.start("lotor", *program, "--tunnels", str(tunnels), *words, *role, environment=ENVIRONMENT)
    running.expect("ready", 60.0)
    side.node.ip("route", "add", side.other, "dev", "lotor0", "src", side.mine)
    return running


def strongswan(link: Link, suite: str, load: str = _OPENSSL_ALONE) -> list[Running]:
    gateway, client = sides(link)
    running = [_charon(link, gateway, suite, load), _charon(link, client, suite, load)]
    swanctl(link.client, _home(link, client), "--initiate", "--child", "net", "--timeout", "20")
    return running


def strongswan_as_installed(link: Link, suite: str) -> list[Running]:
    return strongswan(link, suite, load="")


def _charon(link: Link, side: Side, suite: str, load: str) -> Running:
    home = _home(link, side)
    home.mkdir()
    (home / "strongswan.conf").write_text(_CHARON.format(vici=home / "vici", load=load))
    ends = {"local": side.local, "remote": side.remote, "mine": side.mine, "other": side.other}
    (home / "swanctl.conf").write_text(_CONNECTION.format(**ends, suite=suite))
    side.node.ip("address", "add", f"{side.mine}/32", "dev", "lo")
    environment = {"STRONGSWAN_CONF": str(home / "strongswan.conf")}
    running = side.node.start("charon", "/usr/lib/ipsec/charon", environment=environment)
    if not wait_until((home / "vici").exists, 10):
        raise LabError(f"charon does not start:\n{running.text()[-2000:]}")
    swanctl(side.node, home, "--load-all", "--noprompt")
    return running


def _home(link: Link, side: Side) -> Path:
    return link.directory / f"charon-{side.node.name}"


def swanctl(node: Node, home: Path, *words: str) -> None:
    """Talks to the charon whose files are in `home`."""
    settings = (f"STRONGSWAN_CONF={home}/strongswan.conf", f"SWANCTL_DIR={home}")
    node.run("env", *settings, "swanctl", *words, "--uri", f"unix://{home}/vici")


def openvpn(link: Link, suite: str) -> list[Running]:
    prints = {side.node.name: _certificate(link, side) for side in sides(link)}
    gateway, client = sides(link)
    running = [
        _openvpn(link, gateway, suite, prints[client.node.name]),
        _openvpn(link, client, suite, prints[gateway.node.name]),
    ]
    for each in running:
        each.expect("Initialization Sequence Completed")
    return running


def _certificate(link: Link, side: Side) -> str:
    """Makes a key and its certificate; returns the fingerprint."""
    key, certificate = (str(link.directory / f"{side.node.name}.{kind}") for kind in ("key", "crt"))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    side.node.run("openssl", "req", "-x509", *curve, "-keyout", key, "-out", certificate, "-subj", f"/CN={side.local}")
    told = side.node.run("openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").stdout
    found = re.search(r"=([0-9A-F:]+)", told)
    if not found:
        raise LabError(f"openssl tells no fingerprint: {told}")
    return found.group(1)


def _openvpn(link: Link, side: Side, suite: str, fingerprint: str) -> Running:
    own = link.directory / side.node.name
    role = ("--tls-server",) if side.gateway else ("--tls-client", "--remote", side.remote)
    return side.node.start(
        "openvpn",
        *("openvpn", *_OPENVPN, *_OPENVPN_SUITES[suite], *role, "--local", side.local),
        *("--cert", f"{own}.crt", "--key", f"{own}.key", "--peer-fingerprint", fingerprint),
        *("--ifconfig", side.mine, side.other),
        environment=dict(os.environ),
    )


def vpnc(link: Link, suite: str) -> list[Running]:
    """A whole handshake with lotor's daemon: vpnc knows no static keys."""
    if suite != "aes128-sha1":
        raise LabError("vpnc is measured with aes128-sha1 only")
    gateway = dialled_gateway(link, dh_group="2", network4="10.99.99.100", pool_size="10", auth_source="local")
    lab_lotor.add_user(gateway, "bench", "of-a-benchmark")
    link.gateway.ip("address", "add", f"{GATEWAY_INSIDE}/32", "dev", "lo")
    serving = gateway.start()
    client = Vpnc(link.client, GATEWAY, authority().certificate, (f"{GATEWAY_INSIDE}/32",))
    dialling = client.connect("bench", "of-a-benchmark", debug="0")
    if not wait_until(lambda: client.connected or not dialling.alive) or not client.connected:
        raise LabError(f"vpnc does not connect:\n{dialling.text()[-2000:]}")
    link.client.ip("link", "set", "tun0", "mtu", str(MTU))
    return [serving, dialling]


def dialled_gateway(link: Link, **changes: str) -> Lotor:
    """The HOW-TO's gateway for who dials without a person, with a certificate of `authority`; not started yet."""
    directory = link.directory / "certificates"
    certificate().save(directory, "vpngw")
    plain = {"pfs_group": "", "dpd_delay": "0", "esp_frag": "", "banner": "", "my_identifier": "address"}
    return lab_lotor.gateway(link.gateway, directory, **{**plain, **changes})


@cache
def authority() -> pki.Issued:
    return pki.authority("Bench CA")


@cache
def certificate() -> pki.Issued:
    return pki.gateway(authority(), GATEWAY)


PEERS = (
    Peer("lotor", "aes128gcm16", lotor),
    Peer("strongSwan", "aes128gcm16", strongswan),
    Peer("strongSwan, own primitives", "aes128gcm16", strongswan_as_installed),
    Peer("OpenVPN", "aes128gcm16", openvpn),
    Peer("lotor", "aes128-sha1", lotor),
    Peer("strongSwan", "aes128-sha1", strongswan),
    Peer("strongSwan, own primitives", "aes128-sha1", strongswan_as_installed),
    Peer("OpenVPN", "aes128-sha1", openvpn),
    Peer("lotor with vpnc", "aes128-sha1", vpnc),
    Peer("lotor, 100 tunnels", "aes128gcm16", lotor_with(100)),
    Peer("lotor, 1,000 tunnels", "aes128gcm16", lotor_with(1000)),
)
