"""The command line of `lotor daemon`, as the program has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lotor.model.frozen import frozen


class Said(NamedTuple):
    """What the command line says of the log, whatever the configuration does."""

    debug: bool = False
    json: bool = False


@frozen
class Options:
    """`file` is the configuration."""

    file: Path
    foreground: bool = False
    log: Path | None = None
    debug: bool = False
    json: bool = False
    capture: Path | None = None
    single_process: bool = False

    @property
    def said(self) -> Said:
        return Said(self.debug, self.json)

    @property
    def anywhere(self) -> Options:
        """The same for a process that leaves the working directory."""
        return replace(self, file=self.file.absolute(), log=self.log.absolute() if self.log is not None else None)
