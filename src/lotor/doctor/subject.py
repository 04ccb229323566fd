"""What is examined: a configuration, this host, and what the person said of both."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path

from lotor.config import side_of
from lotor.config.overlaps import pool_of
from lotor.config.settings import ModeCfg, RemoteSettings, Settings
from lotor.daemon.inspection import Inspection, inspect
from lotor.hosts.commands import Commands
from lotor.model.frozen import frozen
from lotor.model.network import Network
from lotor.model.policy import Side

PATIENCE = 3.0
"""Seconds that a program of this host has."""
SYSTEMD = Path("/run/systemd/system")
"""There where systemd runs (sd_booted(3))."""


@frozen
class Subject:
    """`inspection` None: there is no configuration. `names`: what people type for the gateway, as this person said.
    `probe`: a gateway may be sent a first message. `socket`: the control socket of the daemon; None where it has
    none (`adminsock disabled`)."""

    path: Path
    inspection: Inspection | None
    sides: frozenset[Side]
    names: tuple[str, ...]
    now: datetime
    socket: Path | None
    probe: bool = False
    root: bool = field(default_factory=lambda: os.geteuid() == 0)
    systemd: bool = field(default_factory=SYSTEMD.is_dir)
    commands: Commands = field(default_factory=lambda: Commands(patience=PATIENCE))

    @property
    def settings(self) -> Settings | None:
        checked = self.inspection.checked if self.inspection else None
        return checked.settings if checked else None

    @property
    def remotes(self) -> tuple[RemoteSettings, ...]:
        return self.settings.remotes if self.settings else ()

    @property
    def mode_cfg(self) -> ModeCfg | None:
        """Of a gateway."""
        return self.settings.mode_cfg if self.settings and Side.GATEWAY in self.sides else None

    @property
    def pool(self) -> tuple[Network, ...]:
        """The addresses that clients get."""
        return tuple(pool_of(self.mode_cfg)) if self.mode_cfg else ()

    def of_side(self, side: Side) -> list[RemoteSettings]:
        return [each for each in self.remotes if side_of(each) is side]


@frozen
class Wish:
    """What the person asked for."""

    names: tuple[str, ...] = ()
    probe: bool = False


def subject(path: Path, socket: Path | None, wish: Wish, now: datetime | None = None) -> Subject:
    """Without a configuration it is a client for whoever names a gateway, otherwise a gateway to be."""
    clock = now or datetime.now(UTC)
    inspection = inspect(path, clock, wish.names) if _is_there(path) else None
    checked = inspection.checked if inspection else None
    sides = frozenset(side for each in (checked.settings.remotes if checked else ()) if (side := side_of(each)))
    return Subject(path, inspection, sides or _guessed(wish.names), wish.names, clock, socket, wish.probe)


def _is_there(path: Path) -> bool:
    """Also one that this user may not walk to, which the check of the configuration tells."""
    try:
        return path.exists()
    except PermissionError:
        return True


def _guessed(names: Iterable[str]) -> frozenset[Side]:
    return frozenset({Side.CLIENT if any(names) else Side.GATEWAY})
