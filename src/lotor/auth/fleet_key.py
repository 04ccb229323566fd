"""The key of a fleet, which lies in a private file on each of its gateways and in no database: a user's line crosses
the database sealed with it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import field
from pathlib import Path

from lotor.crypto import sealing
from lotor.files.private import read_private
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

DEFAULT = Path("/etc/lotor/fleet.key")
LONGEST_LINE = 8192
"""Octets of a user's or a group's line that crosses: more than 300 networks."""
LONGEST_SEALED = 2 * LONGEST_LINE
MOST_EDITIONS = 1 << 53
ROUND = 64
"""Octets up to whose multiple a text is filled: the length of what is sealed does not tell who has a second factor."""
_KEY = re.compile(rb"\s*([0-9a-fA-F]{64})\s*")
_LARGEST = 1024


class FleetKeyError(Exception):
    """The text is a whole sentence for the administrator."""


@frozen
class Told:
    """What the gateway `by` tells of one name (a group's with `@` in front). `edition` grows with each change of it.
    `line` is that of the file of users, without its end; empty: the name is gone. `over`: the gateway whose change,
    made at the same time, this one replaces; else empty."""

    name: str
    edition: int
    line: str = field(repr=False)
    by: str
    over: str = ""


class FleetKey:
    """Seals and opens. Never shows itself."""

    def __init__(self, key: Secret) -> None:
        self._key = key
        digest = hashlib.blake2b(key.reveal(), digest_size=8, person=b"lotor-fleet-id")
        self.name = digest.hexdigest()
        """Tells it from others, and tells nothing else."""

    def seal(self, told: Told) -> bytes:
        text = json.dumps([told.edition, told.line, told.by, told.over], ensure_ascii=False).encode()
        return sealing.seal(self._key, text + b" " * (-len(text) % ROUND), _bound(told.name))

    def opened(self, name: str, sealed: bytes) -> Told | None:
        """None for what no gateway with this key has told of this name."""
        text = sealing.unseal(self._key, sealed, _bound(name)) if len(sealed) <= LONGEST_SEALED else None
        if text is None:
            return None
        try:
            edition, line, by, over = json.loads(text)
        except (ValueError, TypeError):
            return None
        whole = isinstance(edition, int) and 0 < edition < MOST_EDITIONS
        whole = whole and all(isinstance(each, str) for each in (line, by, over))
        return Told(name, edition, line, by, over) if whole else None


def read(path: Path) -> FleetKey:
    """Raises `files.private.FileError`, `FleetKeyError`."""
    found = _KEY.fullmatch(read_private(path, largest=_LARGEST))
    if found is None:
        raise FleetKeyError(f"{path} is not a key of 64 hexadecimal digits: {making(path)}")
    return FleetKey(Secret(bytes.fromhex(found[1].decode())))


def making(path: Path) -> str:
    """How a key is made, for a person."""
    return f"make one with `(umask 077; openssl rand -hex 32 >{path})`, and copy it to the other gateways"


def _bound(name: str) -> bytes:
    return b"lotor fleet user 1\0" + name.encode("utf-8", "surrogatepass")
