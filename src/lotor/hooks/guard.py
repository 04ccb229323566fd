"""What may stand in a script's environment, and which file may be a script: checks without effects."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lotor.files.places import SYSTEM_PATH, changeable, ourselves
from lotor.hooks.environment import environment
from lotor.model.text import clean
from lotor.ports.hooks import HookContext

LONGEST = 16384
FOREIGN_PROGRAM = b"setkey"
MOST_READ = 65536

FUNCTION = "() {"
"""How a value that an old bash takes for a function begins (CVE-2014-6271)."""


def admitted(context: HookContext) -> dict[str, str]:
    """The environment of a script: the table's variables, values without control characters, and our PATH. racoon gave
    its scripts no PATH at all, and theirs named every program in full."""
    return {name: _harmless(value) for name, value in environment(context).items()} | {"PATH": SYSTEM_PATH}


class UnfitError(Exception):
    """A file is not run as a script: the text says which, why, and what to do."""


def take(file: Path) -> int:
    """A descriptor of the script, which is what was judged whatever happens to its name. Raises `UnfitError`."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        told = f"script {file} cannot be run: {error.strerror}; correct its name in the `script` line"
        raise UnfitError(told) from error
    if why := _fault(file, descriptor):
        os.close(descriptor)
        raise UnfitError(why)
    return descriptor


def _fault(file: Path, descriptor: int) -> str | None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return f"script {file} cannot be run: it is not a file"
    if told := changeable(file, status, ourselves()):
        return f"script {file} is not run with this daemon's rights: {told}"
    if not os.access(by_descriptor(descriptor), os.X_OK):
        return f"script {file} cannot be run: it is not executable; `chmod +x {file}`"
    return None


def by_descriptor(descriptor: int) -> str:
    """A name of the opened file for this process and, where it is left open for it, a program that is started."""
    return f"/proc/self/fd/{descriptor}"


def remark(file: Path, descriptor: int) -> str | None:
    """A word to those who bring the scripts of another program along."""
    if FOREIGN_PROGRAM not in os.pread(descriptor, MOST_READ, 0):
        return None
    return (
        f"script {file} calls setkey, so it was written for racoon: here address, routes and DNS are set already, and "
        "without `engine kernel;` its policies stop the tunnel's traffic; see docs/hooks.md for what to take out"
    )


def _harmless(value: str) -> str:
    text = clean(value, longest=LONGEST)
    return "?" + text[1:] if text.startswith(FUNCTION) else text
