"""The host that is set up: its files, the programs that are run on it, whether systemd runs it."""

from __future__ import annotations

import asyncio
from dataclasses import field
from pathlib import Path

from lotor.hosts.commands import Commands
from lotor.model.frozen import frozen

FAULT = "lotor: "
"""What a command of lotor begins the reason of its end with."""
PATIENCE = 120.0
"""Seconds: systemd waits up to 90 for a service to start."""


@frozen
class Target:
    """`root` is before every path, for a host that lies in a directory."""

    root: Path = Path("/")
    commands: Commands = field(default_factory=lambda: Commands(patience=PATIENCE))

    def path(self, absolute: str) -> Path:
        return self.root / absolute.lstrip("/")

    def run(self, *words: str, given: str = "") -> str:
        """What the program said. Raises `OSError` with its words."""
        return asyncio.run(self.commands.run(*words, given=given))

    def has(self, program: str) -> bool:
        return self.commands.find(program) is not None

    def systemd(self) -> bool:
        """Whether it runs here (sd_booted(3)), and not only lies here."""
        return self.path("/run/systemd/system").is_dir() and self.has("systemctl")

    def answers(self, *words: str) -> bool:
        """Whether a program says yes by its exit status."""
        try:
            self.run(*words)
        except OSError:
            return False
        return True

    def last_words(self, unit: str) -> str:
        """The fault that lotor told last as a service; empty where the journal has none."""
        try:
            said = self.run("journalctl", "--unit", unit, "--output", "cat", "--lines", "20", "--no-pager")
        except OSError:
            return ""
        faults = [line.partition(FAULT)[2] for line in said.splitlines() if FAULT in line]
        return faults[-1] if faults else ""

    def networks(self) -> str:
        """The kernel's routing table of IPv4, as /proc/net/route shows it; empty where there is none."""
        return _text(self.path("/proc/net/route"))

    def resolvers(self) -> str:
        """/etc/resolv.conf; empty where there is none."""
        return _text(self.path("/etc/resolv.conf"))


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
