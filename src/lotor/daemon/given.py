"""What the program is told at its start: the options of `lotor daemon`, and what a warden tells the daemon of them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lotor.config.settings import Adminsock
from lotor.control.listening import Address

MODULE = "lotor.daemon.attended"
"""What the warden has the interpreter run."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the daemon's command line says; nothing in it is secret. `name` of the configuration file; `identity` as
    `Identity.word` has it; `log` and `control` are descriptors, None for no file and no socket; `syslog`: where the log
    goes without a file; `level` as the `log` directive names it; `capture` is the name of the file of packets, and the
    descriptors of that and of the file of keys."""

    name: str
    identity: str
    log: int | None
    control: int | None
    syslog: bool
    level: str
    debug: bool
    capture: tuple[str, int, int] | None

    @property
    def word(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, word: str) -> Given:
        told = json.loads(word)
        captured = told.pop("capture")
        return cls(**told, capture=tuple(captured) if captured is not None else None)


@dataclass(frozen=True, slots=True)
class Options:
    """The command line of `lotor daemon`."""

    file: Path
    foreground: bool = False
    log: Path | None = None
    debug: bool = False
    capture: Path | None = None
    single_process: bool = False


def address_of(adminsock: Adminsock | None) -> Address | None:
    """Where the administrator's socket is; None for `adminsock disabled`."""
    if adminsock is None:
        return None
    return Address(adminsock.path, adminsock.owner, adminsock.group, adminsock.mode)
