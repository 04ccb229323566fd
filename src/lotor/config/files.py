"""The files that a configuration names: whether those that the daemon will need are there and can be used."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any

from lotor.config.problem import Problem
from lotor.config.settings import CertificateFiles, FileName, IdentifierSetting, Script

SINGLE = ("ca", "peers_certfile", "passphrase_file")


def of_remote(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the files of a `remote` block, given as field to value; what was not written may be left
    out. Pre-shared keys are not in there: they are of all blocks."""
    pair: CertificateFiles | None = values.get("certificate")
    files = [pair.certificate, pair.key] if pair else []
    files += [file for file in (values.get(name) for name in SINGLE) if file]
    files += values.get("crl", ())
    for identifier in (values.get("my_identifier"), *values.get("peers_identifiers", ())):
        files += _of_identifier(identifier)
    for file in files:
        yield from readable(file)
    yield from _scripts(values.get("scripts", ()))


def _of_identifier(identifier: IdentifierSetting | None) -> list[FileName]:
    return [identifier.file] if identifier is not None and identifier.file is not None else []


def _scripts(scripts: tuple[Script, ...]) -> Iterator[Problem]:
    events: dict[str, Script] = {}
    for script in scripts:
        yield from executable(script.file)
        if events.setdefault(script.event, script) is not script:
            text = f"{script.event} has a script already, at {events[script.event].file.at}: take one of them out"
            yield Problem.at(script.file.at, text)


def readable(file: FileName) -> Iterator[Problem]:
    wrong = _unreadable(file)
    if wrong:
        yield Problem.at(file.at, f"{file.path} {wrong}")


def executable(file: FileName) -> Iterator[Problem]:
    wrong = _unreadable(file)
    if wrong:
        yield Problem.at(file.at, f"{file.path} {wrong}")
    elif not os.access(file.path, os.X_OK):
        yield Problem.at(file.at, f"{file.path} is not executable: chmod +x it")


def _unreadable(file: FileName) -> str:
    try:
        mode = file.path.stat().st_mode
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        return "is missing: create it or name another" if missing else f"cannot be looked at: {error}"
    if not stat.S_ISREG(mode):
        return "is not a regular file"
    return "" if os.access(file.path, os.R_OK) else "cannot be read by this user"
