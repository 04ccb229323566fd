"""A gateway under attack: strangers and newcomers on one cable, a member whose tunnel is up on another.

The strangers' host sends frames from addresses that nobody has, and newcomers who want to log in have their own there.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.gateways import PASSWORD
from bench.link import CLIENT, GATEWAY, Link
from bench.peers import ENVIRONMENT, PROJECT, authority
from lab import lotor as lab_lotor
from lab.lotor import Lotor
from lab.node import LabError, Node, Running
from lab.pings import Pings

GATEWAY6, STRANGERS6 = "2001:db8:ffff:ffff::50", "2001:db8:ffff:ffff::1"
MEMBER, MEMBERS_ROUTER = "203.0.113.10", "203.0.113.1"
INSIDE = "10.99.200.1"
NEWCOMERS = 150
FIRST_NEWCOMER = 100
"""Their addresses begin with 192.0.2.100."""
PHASE_1, PAIR = 30, 31
"""Seconds: the member renews both again and again."""


class Siege(Link):
    """`client` is the strangers' host; `member` has a cable of its own to the gateway."""

    def __init__(self) -> None:
        super().__init__()
        self.member = Node("member", self.directory)
        self.member.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1", "netns", str(self.gateway.pid))
        for node, device, address in ((self.member, "eth0", MEMBER), (self.gateway, "eth1", MEMBERS_ROUTER)):
            node.ip("address", "add", f"{address}/24", "dev", device)
            node.ip("link", "set", device, "up")
        self.member.ip("route", "add", "default", "via", MEMBERS_ROUTER)
        self._addresses()

    def _addresses(self) -> None:
        """Where strangers seem to come from is behind their host; the answers end there."""
        for number in range(NEWCOMERS):
            self.client.ip("address", "add", f"192.0.2.{FIRST_NEWCOMER + number}/24", "dev", "eth0")
        for node, address in ((self.client, STRANGERS6), (self.gateway, GATEWAY6)):
            node.ip("address", "add", f"{address}/64", "dev", "eth0", "nodad")
        self.gateway.ip("route", "add", "198.51.100.0/24", "via", CLIENT)
        self.gateway.ip("route", "add", "2001:db8::/32", "via", STRANGERS6)
        self.gateway.ip("address", "add", f"{INSIDE}/32", "dev", "lo")
        for node in (self.client, self.gateway):
            node.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.eth0.rp_filter=0")

    def __exit__(self, *words: object) -> None:
        self.member.close()
        super().__exit__(*words)

    def flood(self, *words: str) -> Running:
        """`bench.flood` with more of its words, under way."""
        mac = json.loads(self.gateway.ip("-j", "link", "show", "eth0"))[0]["address"]
        ends = ("--gateway", GATEWAY, "--gateway6", GATEWAY6, "--mac", mac)
        script = str(PROJECT / "bench" / "flood.py")
        running = self.client.start("flood", sys.executable, script, *ends, *words, environment=ENVIRONMENT)
        running.expect("ready")
        return running


def told(running: Running) -> dict[str, Any]:
    """What a script printed at its end."""
    running.process.wait(180)
    lines = [line for line in running.text().splitlines() if line.startswith("{")]
    if not lines:
        raise LabError(f"{running.name} says nothing:\n{running.text()[-2000:]}")
    report: dict[str, Any] = json.loads(lines[-1])
    return report


class Member:
    """A lotor client whose tunnel is up, with ten pings a second through it. `renewals`, `ended` and `lost` tell how it
    fared so far."""

    def __init__(self, siege: Siege) -> None:
        directory = siege.directory / "member"
        authority().save(Path(directory), "ca")
        lives = {"mode_cfg": f"on; lifetime time {PHASE_1} sec", "lifetime": f"time {PAIR} sec", "dpd_delay": "5"}
        self.program: Lotor = lab_lotor.client(siege.member, directory, **lives)
        self.program.start()
        done = lab_lotor.connect(self.program, "user63", PASSWORD, GATEWAY)
        if done.code:
            raise LabError(f"the member does not connect: {done.stderr}\n{self.program.journal()[-2000:]}")
        self._node = siege.member
        self._pings: Pings | None = None
        self._count = 0

    def begin(self, seconds: float) -> None:
        self._count = int(seconds * 10)
        self._pings = Pings(self._node, INSIDE, self._count, 0.1)

    def fared(self) -> Fared:
        """When the pings are over."""
        if self._pings is None:
            raise LabError("no ping was begun")
        lost = self._pings.lost()
        journal = self.program.journal()
        return Fared(
            sent=self._count,
            lost=len(lost),
            phases=journal.count("phase 1 renewed"),
            pairs=max(0, len(re.findall(r"SA pair \d+ up", journal)) - 1),
            ended=journal.count("session ended"),
        )


@dataclass(frozen=True, slots=True)
class Fared:
    """Pings sent and lost; renewals of phase 1 and of SA pairs; sessions that ended."""

    sent: int
    lost: int
    phases: int
    pairs: int
    ended: int
