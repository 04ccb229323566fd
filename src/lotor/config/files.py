"""The files that a configuration names: whether those that the daemon will need exist and are usable."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lotor.config.problem import Problem
from lotor.config.settings import CertificateFiles, FileName, IdentifierSetting, Script

LONGEST_KEYID = 512
"""Octets: gateways of ours take no longer identity in a first message."""

SINGLE = ("ca", "peers_certfile", "passphrase_file")


class NamedFiles:
    """Checks of the files of one configuration. Each file is checked once, however many lines name it, and a keyid file
    is read once: `keyids` has the octets by the path."""

    def __init__(self) -> None:
        self.keyids: dict[Path, bytes] = {}
        self._wrong: dict[Path, str] = {}

    def of_remote(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """Problems of the files of a `remote` block, given as field to value; unwritten fields may be left out.
        Pre-shared keys are not included, since they belong to all blocks."""
        pairs: tuple[CertificateFiles, ...] = values.get("certificates", ())
        files = [file for pair in pairs for file in (pair.certificate, pair.key)]
        files += [file for file in (values.get(name) for name in SINGLE) if file]
        files += values.get("crl", ())
        for file in files:
            yield from self.readable(file)
        for identifier in (values.get("my_identifier"), *values.get("peers_identifiers", ())):
            yield from self._keyid(identifier)
        yield from self._scripts(values.get("scripts", ()))

    def readable(self, file: FileName) -> Iterator[Problem]:
        if wrong := self._look(file.path):
            yield Problem.at(file.at, f"{file.path} {wrong}")

    def _executable(self, file: FileName) -> Iterator[Problem]:
        if wrong := self._look(file.path):
            yield Problem.at(file.at, f"{file.path} {wrong}")
        elif not os.access(file.path, os.X_OK):
            yield Problem.at(file.at, f"{file.path} is not executable: chmod +x it")

    def _keyid(self, identifier: IdentifierSetting | None) -> Iterator[Problem]:
        file = identifier.file if identifier is not None else None
        if file is None:
            return
        if wrong := self._look(file.path) or self._read_keyid(file.path):
            yield Problem.at(file.at, f"{file.path} {wrong}")

    def _read_keyid(self, path: Path) -> str:
        """What is wrong with it as an identity."""
        if path in self.keyids:
            return ""
        try:
            with path.open("rb") as stream:
                octets = stream.read(LONGEST_KEYID + 1)
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        if len(octets) > LONGEST_KEYID:
            return f"has more than {LONGEST_KEYID} octets, too many for an identity: name another"
        self.keyids[path] = octets
        return ""

    def _scripts(self, scripts: tuple[Script, ...]) -> Iterator[Problem]:
        for script in {each.event: each for each in scripts}.values():  # the last of an event counts
            yield from self._executable(script.file)

    def _look(self, path: Path) -> str:
        if path not in self._wrong:
            self._wrong[path] = _unreadable(path)
        return self._wrong[path]


def _unreadable(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        return "is missing: create it or name another" if missing else f"cannot be looked at: {error}"
    if not stat.S_ISREG(mode):
        return "is not a regular file"
    return "" if os.access(path, os.R_OK) else "cannot be read by this user"
