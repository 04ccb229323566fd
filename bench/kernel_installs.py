"""SA pairs a second in a kernel of its own (User Mode Linux): those of lotor's engine, and of strongSwan's
kernel-netlink.

lotor's are those of `bench.installs`, without a handshake. strongSwan has no such way in: a charon on the host makes as
many CHILD_SAs of one IKE_SA with the one in the kernel, and of each its journal shows when its first SA was begun and
when it was said to be established, and for its end the same.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from bench.peers import ENVIRONMENT, PROJECT, swanctl
from lab.internet import GATEWAY, Internet
from lab.node import LabError, Node, Running, wait_until
from lab.uml import Uml

HOME = "198.51.100.10"
"""The client's address."""
INSTALLS = str(PROJECT / "bench" / "installs.py")
JOURNAL = "/run/journal"
"""Of each charon, on its own host. The one in the kernel writes it by large blocks, which costs least."""
FIRST_INSIDE = IPv4Address("10.99.0.1")
PATIENCE = 600.0
_CHARON = """charon {{
    load = random nonce openssl kdf {plugins} socket-default vici
    install_routes = no
    install_virtual_ip = no
    retransmit_timeout = 20
    filelog {{ journal {{
        path = {journal}
        default = 0
        ike = 1
        knl = {knl}
        flush_line = {flush}
        time_format = %s
        time_add_ms = yes }} }}
    plugins {{
        vici {{ socket = unix://{home}/vici }}
        kernel-libipsec {{ allow_peer_ts = yes }}
        kernel-netlink {{ fwmark = !0x42 }}
        socket-default {{ fwmark = 0x42 }} }} }}
"""
_CONNECTION = """connections {{ net {{
    version = 2
    local_addrs = {local}
    remote_addrs = {remote}
    encap = yes
    proposals = aes128gcm16-prfsha256-ecp256
    local {{ auth = psk
        id = {local} }}
    remote {{ auth = psk
        id = {remote} }}
    children {{ {children} }} }} }}
secrets {{ ike-net {{ secret = of-a-benchmark }} }}
"""
_ANY = "net { local_ts = 0.0.0.0/0\nremote_ts = 0.0.0.0/0\nesp_proposals = aes128gcm16 }"
_ONE = "net{0} {{ local_ts = {1}/32\nremote_ts = 0.0.0.0/0\nesp_proposals = aes128gcm16\nstart_action = start }}"
_LINE = re.compile(r"^(\d+)\.(\d+) \d+\[\w+\S* (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Rates:
    """SA pairs a second, installed and removed."""

    installs: float
    removals: float


def lotor(kernel: Uml, how: str, count: int, together: int = 1) -> Rates:
    words = ("env", f"PYTHONPATH={ENVIRONMENT['PYTHONPATH']}:{PROJECT}", sys.executable, INSTALLS, how)
    told = json.loads(kernel.run(*words, "--count", str(count), "--together", str(together), patience=PATIENCE).stdout)
    return Rates(count / told["install"], count / told["remove"])


def strongswan(net: Internet, kernel: Uml, count: int) -> Rates:
    """Both charons are gone afterwards."""
    serving = _charon(kernel, "kernel-netlink", knl=2)
    _connect(kernel, GATEWAY, HOME, _ANY)
    inside = [FIRST_INSIDE + each for each in range(count)]
    net.client.run("ip", "-batch", "-", stdin="".join(f"address replace {each}/32 dev lo\n" for each in inside))
    dialling = _charon(net.client, "kernel-libipsec kernel-netlink", flush="yes")
    try:
        _connect(net.client, HOME, GATEWAY, "\n".join(_ONE.format(number, each) for number, each in enumerate(inside)))
        if not wait_until(lambda: _established(net.client) == count, PATIENCE):
            raise LabError(f"strongSwan has {_established(net.client)} of {count} CHILD_SAs")
        swanctl(net.client, _home(net.client), "--terminate", "--ike", "net", "--timeout", "100")
    finally:
        for each in (dialling, serving):
            each.stop()
    return told(kernel.run("cat", JOURNAL).stdout, count)


def _established(node: Node) -> int:
    return node.path(JOURNAL).read_text().count("established with SPIs")


def told(journal: str, count: int) -> Rates:
    """What strongSwan's journal shows of so many SA pairs. `LabError` where it has not all of them."""
    lines = list(_lines(journal))
    installs = list(_spans(lines, "adding SAD entry", "established with SPIs"))
    removals = list(_spans(lines, "deleting policy", "deleted SAD entry", times=2))
    if (len(installs), len(removals)) != (count, count):
        raise LabError(f"strongSwan's journal has {len(installs)} installs and {len(removals)} removals, not {count}")
    return Rates(count / sum(installs), count / sum(removals))


def _lines(journal: str) -> Iterator[tuple[float, str]]:
    """When, in seconds, and what."""
    for found in _LINE.finditer(journal):
        yield int(found[1]) + int(found[2]) / 1000, found[3]


def _spans(lines: Iterable[tuple[float, str]], first: str, last: str, times: int = 1) -> Iterator[float]:
    """Seconds from a line with the words of `first` to the one of `last` that comes so often after it."""
    begun, left = None, times
    for when, what in lines:
        if begun is None and first in what:
            begun, left = when, times
        elif begun is not None and last in what:
            left -= 1
            if not left:
                yield when - begun
                begun = None


def _home(node: Node) -> Path:
    return node.directory / "charon"


def _charon(node: Node, plugins: str, knl: int = 1, flush: str = "no") -> Running:
    home = _home(node)
    home.mkdir(exist_ok=True)
    (home / "vici").unlink(missing_ok=True)
    settings = _CHARON.format(plugins=plugins, journal=JOURNAL, knl=knl, flush=flush, home=home)
    (home / "strongswan.conf").write_text(settings)
    node.run("rm", "-f", JOURNAL)
    environment = {"STRONGSWAN_CONF": f"{home}/strongswan.conf"}
    running = node.start("charon", "/usr/lib/ipsec/charon", environment=environment)
    if not wait_until((home / "vici").exists):
        raise LabError(f"charon does not start:\n{running.text()[-2000:]}")
    return running


def _connect(node: Node, local: str, remote: str, children: str) -> None:
    home = _home(node)
    (home / "swanctl.conf").write_text(_CONNECTION.format(local=local, remote=remote, children=children))
    swanctl(node, home, "--load-all", "--noprompt")
