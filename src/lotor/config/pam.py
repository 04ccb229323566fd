"""Services of PAM by their names: where the file of one lies, and what is missing in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

DIRECTORIES = (Path("/etc/pam.d"), Path("/usr/lib/pam.d"), Path("/usr/etc/pam.d"))
"""Where libpam looks: the administrator's files, then those of distributions."""
LARGEST_FILE = 65_536

_LINE = re.compile(r"^[ \t]*(?:-?(auth|account|password|session)[ \t]|(@include)[ \t])", re.MULTILINE | re.IGNORECASE)


def service_file(name: str) -> Path | None:
    """The file of a service; None where there is none, and libpam would take that of the service `other`."""
    return next((each / name for each in DIRECTORIES if (each / name).is_file()), None)


def missing(name: str, *, sessions: bool = False) -> str:
    """What an administrator has to add before a service can be used; empty: nothing."""
    file = service_file(name)
    if file is None:
        return f"{DIRECTORIES[0] / name} is missing: write the PAM service, as docs/pam.md shows it"
    lacks = [each for each in _wanted(sessions=sessions) if each not in _kinds(file)]
    if not lacks:
        return ""
    return f"{file} has no line for {' and '.join(lacks)}, so PAM takes the service other for that: add it"


def _wanted(*, sessions: bool) -> Iterator[str]:
    yield from ("auth", "account")
    if sessions:
        yield "session"


def _kinds(file: Path) -> frozenset[str]:
    """The kinds of its lines; all where one includes another file, or where nobody may read it."""
    try:
        with file.open(errors="replace") as opened:
            found = _LINE.findall(opened.read(LARGEST_FILE))
    except OSError:
        return frozenset(("auth", "account", "session"))
    if any(include for _, include in found):
        return frozenset(("auth", "account", "session"))
    return frozenset(kind.lower() for kind, _ in found)
