"""systemd-resolved on a node: with a D-Bus of its own, as a host has it that systemd started."""

from __future__ import annotations

import sys
from pathlib import Path

from lab import bus
from lab.node import LabError, Node, Running, wait_until

PROJECT = Path(__file__).parents[1]
PROGRAMS = PROJECT / ".venv" / "resolved"
"""Where scripts/resolved.sh puts them."""
USER = 992
SOCKET = "/run/systemd/resolve/io.systemd.Resolve"
_SETUP = f"""
set -e
mkdir -p /run/programs /run/systemd/resolve
cp {PROGRAMS}/resolvectl /run/programs/
mount -t overlay overlay -o lowerdir=/run/programs:/usr/bin /usr/bin
sed -i /^systemd-resolve:/d /etc/passwd /etc/group
echo systemd-resolve:x:{USER}:{USER}::/:/usr/sbin/nologin >> /etc/passwd
echo systemd-resolve:x:{USER}: >> /etc/group
printf '[Resolve]\\nDNS=%s\\nDNSSEC=no\\nLLMNR=no\\nMulticastDNS=no\\n' "$1" > /etc/systemd/resolved.conf
printf 'passwd: files\\ngroup: files\\nhosts: files dns\\n' > /etc/nsswitch.conf
chown {USER}:{USER} /run/systemd/resolve
ln -sf /run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
"""


class SystemdResolved:
    """What the node asks for names from now on; `server` is the one that it asks of itself."""

    def __init__(self, node: Node, server: str) -> None:
        self._node = node
        if not (PROGRAMS / "systemd-resolved").exists():
            raise LabError(f"there is no systemd-resolved in {PROGRAMS}: run scripts/resolved.sh {PROGRAMS}")
        node.run("sh", "-c", _SETUP, "sh", server)
        bus.serve(node)
        self._running = self._launch()

    def _launch(self) -> Running:
        running = self._node.start("resolved", str(PROGRAMS / "systemd-resolved"))
        if not wait_until(lambda: not running.alive or self._answers()) or not running.alive:
            raise LabError(f"systemd-resolved does not start: {running.text()[-2000:]}")
        return running

    def _answers(self) -> bool:
        return self._node.run("resolvectl", "dns", check=False).code == 0

    def stop(self) -> None:
        self._running.stop()

    def restart(self) -> None:
        self.stop()
        self._running = self._launch()


def name_server(node: Node, address: str, answer: str) -> None:
    """A server there gives one address for every name."""
    node.start("names", sys.executable, str(PROJECT / "lab" / "nameserver.py"), address, answer)
    if not wait_until(lambda: f"{address}:53 " in node.run("ss", "-uln").stdout):
        raise LabError(f"no name server listens on {address}")


def address_of(node: Node, name: str) -> str:
    """As any program of the node finds it; empty where it is not found."""
    words = node.run("getent", "ahostsv4", name, check=False).stdout.split()
    return words[0] if words else ""
