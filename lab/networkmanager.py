"""NetworkManager's plugin for strongSwan (charon-nm) on a node, and what NetworkManager itself does with it."""

from __future__ import annotations

import json
import sys
from configparser import ConfigParser
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab import bus
from lab.node import CommandError, LabError, Node, wait_until

NAME = "org.freedesktop.NetworkManager.strongswan"
_PLACE = (NAME, "/org/freedesktop/NetworkManager/VPN/Plugin", "org.freedesktop.NetworkManager.VPN.Plugin")
CONFIGURATION = """charon-nm {
    load = random nonce aes sha1 sha2 md5 hmac kdf gcm x509 pem pkcs1 pkcs8 pubkey revocation constraints openssl \
curve25519 kernel-libipsec kernel-netlink socket-default eap-identity eap-mschapv2 eap-gtc
    plugins {
        kernel-libipsec { allow_peer_ts = yes }
        kernel-netlink { fwmark = !0x42 }
        socket-default { fwmark = 0x42 }
    }
    filelog { stderr { default = 1
        ike = 2
        time_format = %H:%M:%S } }
}
"""
STOPPED, STARTED = 6, 4
"""States of a connection (NMVpnServiceState)."""


def settings(keyfile: str, password: str) -> dict[str, dict[str, str | dict[str, str]]]:
    """What NetworkManager gives a plugin of a connection: its groups, and the password that it asked for."""
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names of settings as they are
    parser.read_string(keyfile)
    vpn = dict(parser["vpn"])
    service = vpn.pop("service-type")
    connection = {name: value for name, value in parser["connection"].items() if name in {"id", "uuid", "type"}}
    secrets = {"password": password}
    return {"connection": dict(connection), "vpn": {"service-type": service, "data": vpn, "secrets": secrets}}


def _words(values: dict[str, dict[str, str | dict[str, str]]]) -> list[str]:
    """As `a{sa{sv}}` on busctl's command line."""
    words = [str(len(values))]
    for group, members in values.items():
        words += [group, str(len(members))]
        for name, value in members.items():
            if isinstance(value, str):
                words += [name, "s", value]
            else:
                words += [name, "a{ss}", str(len(value)), *(word for pair in value.items() for word in pair)]
    return words


@dataclass(frozen=True, slots=True)
class Signal:
    """Of the plugin, with its arguments as busctl writes them."""

    member: str
    data: list[object]


class CharonNm:
    """charon-nm with a bus of its own, asked as NetworkManager asks it. ESP in user space sets up what NetworkManager
    would."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._before = 0
        bus.serve(node)
        node.write("/etc/strongswan-nm.conf", CONFIGURATION)
        match = f"--match=interface={_PLACE[2]}"
        self._signals = node.start("signals", "busctl", "--json=short", match, "monitor")
        environment = {"STRONGSWAN_CONF": "/etc/strongswan-nm.conf"}
        self.running = node.start("charon-nm", "/usr/lib/ipsec/charon-nm", environment=environment)
        if not wait_until(lambda: self._on_bus or not self.running.alive) or not self._on_bus:
            raise LabError(f"charon-nm does not start: {self.running.text()[-2000:]}")

    @property
    def _on_bus(self) -> bool:
        return NAME in self.node.run("busctl", "list", check=False).stdout

    def connect(self, keyfile: str, password: str) -> bool:
        """Whether the connection came about."""
        self._before = len(self._told())
        try:
            self.node.run("busctl", "call", *_PLACE, "Connect", "a{sa{sv}}", *_words(settings(keyfile, password)))
        except CommandError:
            return False
        wait_until(lambda: self.state in {STARTED, STOPPED})
        return self.state == STARTED

    @property
    def signals(self) -> list[Signal]:
        """Since the last connection was asked for."""
        return self._told()[self._before :]

    def _told(self) -> list[Signal]:
        lines = (json.loads(line) for line in self._signals.text().splitlines() if line.startswith("{"))
        return [Signal(each["member"], each["payload"]["data"]) for each in lines if each["type"] == "signal"]

    @property
    def state(self) -> int:
        states = [each.data[0] for each in self.signals if each.member == "StateChanged"]
        return int(str(states[-1])) if states else 0

    @property
    def given(self) -> dict[str, object]:
        """IPv4 as NetworkManager sets it up: `address`, `dns` and the like."""
        (found,) = [each.data[0] for each in self.signals if each.member == "Ip4Config"]
        if not isinstance(found, dict):
            raise LabError(f"Ip4Config has no dictionary: {found}")
        return {name: _shown(name, value["data"]) for name, value in found.items()}

    def disconnect(self) -> bool:
        self.node.run("busctl", "call", *_PLACE, "Disconnect")
        return wait_until(lambda: self.state == STOPPED)


def _shown(name: str, value: object) -> object:
    """Addresses are numbers in the order of the network, as this machine reads them."""
    if isinstance(value, list):
        return [_shown(name, each) for each in value]
    if name in {"address", "gateway", "dns", "nbns"} and isinstance(value, int):
        return str(IPv4Address(value.to_bytes(4, sys.byteorder)))
    return value
