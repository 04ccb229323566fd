"""vpnc as the stand-in for the HOW-TO's Cisco client: hybrid authentication, one login, traffic through its own TUN."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

from lab.node import Node, Running
from lab.terminal import Terminal

_SCRIPT = """#!/bin/sh
{ echo "== $reason"; env | grep -E '^(reason|TUNDEV|VPNGATEWAY|INTERNAL_|CISCO_)' | sort; } >> /run/vpnc.out
case "$reason" in
connect)
    ip link set "$TUNDEV" up mtu 1300
    ip address add "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"
    for network in %s; do ip route add "$network" dev "$TUNDEV"; done
    echo connected >> /run/vpnc.out ;;
esac
"""
_CONFIGURATION = """IPSec gateway {gateway}
IPSec ID labgroup
IPSec secret groupsecret-of-the-lab
IKE Authmode {method}
CA-File /etc/vpnc-lab/ca.crt
Xauth username {user}
IKE DH Group {group}
Perfect Forward Secrecy {pfs}
NAT Traversal Mode {nat_mode}
{more}
DPD idle timeout (our side) 10
Pidfile /run/vpnc.pid
Script /etc/vpnc-lab/script
No Detach
Debug {debug}
"""
_ALONE = "Noninteractive\nXauth password {password}\n"
_ASKING = "Xauth interactive\n"
_DEFAULTS = {"method": "hybrid", "group": "dh2", "pfs": "dh2", "nat_mode": "natt", "debug": "3", "more": ""}


class Vpnc:
    """One vpnc on a node. `networks` are routed into the tunnel."""

    def __init__(self, node: Node, gateway: str, authority: Path | bytes, networks: tuple[str, ...]) -> None:
        self.node = node
        self.gateway = gateway
        certificate = authority if isinstance(authority, bytes) else authority.read_bytes()
        node.write("/etc/vpnc-lab/ca.crt", certificate)
        node.write("/etc/vpnc-lab/script", _SCRIPT % " ".join(networks), 0o755)
        self.running: Running | None = None

    def connect(self, user: str, password: str, **options: str) -> Running:
        """Starts vpnc; `options`: method (hybrid or psk), group (dh2), pfs (dh2), nat_mode (natt), more (lines
        of its configuration). `environment` has the result."""
        self._configure(_ALONE.format(password=password), user, options)
        self.running = self.node.start("vpnc", "vpnc", "--non-inter", "/etc/vpnc-lab/vpnc.conf")
        return self.running

    def typed(self, user: str, **options: str) -> Terminal:
        """Runs it at a terminal, where it asks a person for whatever the gateway wants; `options` as for `connect`."""
        self._configure(_ASKING, user, {"debug": "0", **options})
        return Terminal(self.node, "vpnc", "/etc/vpnc-lab/vpnc.conf")

    def _configure(self, who: str, user: str, options: Mapping[str, str]) -> None:
        self.node.path("/run/vpnc.out").write_text("")
        text = _CONFIGURATION.format(gateway=self.gateway, user=user, **{**_DEFAULTS, **options})
        self.node.write("/etc/vpnc-lab/vpnc.conf", text + who, 0o600)

    @property
    def connected(self) -> bool:
        return "\nconnected\n" in self.told

    @property
    def told(self) -> str:
        """What vpnc told its script, event after event."""
        return self.node.path("/run/vpnc.out").read_text()

    def environment(self) -> dict[str, str]:
        """The variables of the `connect` event."""
        event = self.told.partition("== connect\n")[2].partition("\n== ")[0]
        return dict(line.split("=", 1) for line in event.splitlines() if "=" in line)

    def disconnect(self) -> int:
        """SIGTERM: vpnc sends its deletes and leaves."""
        return self.running.stop(signal.SIGTERM) if self.running else 0
