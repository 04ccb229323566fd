"""What may stand in a script's environment, and which file may be a script: checks without effects."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from lotor.hooks.environment import NAMES
from lotor.model.text import clean

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""racoon gave its scripts no PATH at all, and theirs named every program in full."""

LONGEST = 16384
FOREIGN_PROGRAM = b"setkey"
MOST_READ = 65536

FUNCTION = "() {"
"""How a value that an old bash takes for a function begins (CVE-2014-6271)."""


def admitted(given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The environment of a script: the table's names only, values without control characters, and our PATH; beside it
    the names that were left out."""
    refused = [clean(name, longest=64) for name in given if name not in NAMES]
    kept = {name: _harmless(value) for name, value in given.items() if name in NAMES}
    return kept | {"PATH": SYSTEM_PATH}, refused


def fault(file: Path) -> str | None:
    """Why a file cannot be run as a script, with what to do; None when it can."""
    try:
        found = file.stat()
    except OSError as error:
        return f"script {file} cannot be run: {error.strerror}; correct its name in the `script` line"
    if not stat.S_ISREG(found.st_mode):
        return f"script {file} cannot be run: it is not a file"
    if found.st_uid not in {0, os.geteuid()} or found.st_mode & 0o022:
        return (
            f"script {file} is not run: it would have this daemon's rights, and others than root may change it; "
            f"`chown root {file}; chmod go-w {file}`"
        )
    if not os.access(file, os.X_OK):
        return f"script {file} cannot be run: it is not executable; `chmod +x {file}`"
    return None


def remark(file: Path) -> str | None:
    """A word to those who bring the scripts of another program along."""
    try:
        with file.open("rb") as stream:
            old = FOREIGN_PROGRAM in stream.read(MOST_READ)
    except OSError:
        return None
    if not old:
        return None
    return (
        f"script {file} calls setkey, so it was written for racoon: here address, routes and DNS are set already and "
        "there are no policies of the kernel to write; see docs/hooks.md for what to take out"
    )


def _harmless(value: str) -> str:
    text = clean(value, longest=LONGEST)
    return "?" + text[1:] if text.startswith(FUNCTION) else text
