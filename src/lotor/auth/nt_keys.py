"""NT hashes of lotor's own users, sealed: one is worth as much as its password, so that no copy of the file of users
alone may tell it."""

from __future__ import annotations

import binascii
import hashlib
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

from lotor.crypto import sealing
from lotor.files import writing
from lotor.files.current import Current
from lotor.files.private import FileError, read_private
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

NT_HASH = 16
"""Octets."""
_KEY = re.compile(rb"\s*([0-9a-fA-F]{64})\s*")
_LARGEST = 1024
_SEALED = re.compile(r"[0-9a-f]{16}\.[A-Za-z0-9_-]{59}", re.ASCII)


def is_sealed(text: str) -> bool:
    """Whether it is of the form that `NtKeys.seal` gives: the name of a key, and what it has sealed."""
    return _SEALED.fullmatch(text) is not None


class NtKeys:
    """Files of 64 hexadecimal digits, for root's eyes only, which are read again when they change. What is sealed is
    bound to a name and to the hash that stands beside it, so that it is worth nothing once the password is another one.
    Its methods block, and raise `FileError` for a file that is no key, or cannot be read or made."""

    def __init__(self, own: Path, shared: Path | None = None) -> None:
        """`own` is made when it is needed and `shared`, which all gateways of a fleet have, is not there."""
        self._own = own
        self._files = tuple(Current(path, _read) for path in (shared, own) if path is not None)

    @classmethod
    def beside(cls, users: Path, shared: Path | None = None) -> NtKeys:
        """Those for a file of users."""
        return cls(users.with_name(f"{users.name}.key"), shared)

    @property
    def at_hand(self) -> bool:
        """Whether `opened` reads nothing, as the files are now."""
        return all(file.at_hand or not os.path.lexists(file.path) for file in self._files)

    def seal(self, name: str, stored: str, nt_hash: Secret) -> str:
        """`stored` is the hash of the same password as the file has it."""
        key = self._present()
        sealed = sealing.seal(key.secret, nt_hash.reveal(), _bound(name, stored))
        return f"{key.name}.{urlsafe_b64encode(sealed).decode().rstrip('=')}"

    def opened(self, name: str, stored: str, sealed: str) -> Secret | None:
        """None where no key that is here has sealed it, for this name and this hash."""
        called, _, text = sealed.partition(".")
        try:
            octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            return None
        key = next((each.secret for each in self._all() if each.name == called), None)
        found = sealing.unseal(key, octets, _bound(name, stored)) if key is not None else None
        return Secret(found) if found is not None and len(found) == NT_HASH else None

    def _all(self) -> tuple[_Key, ...]:
        return tuple(file.get() for file in self._files if os.path.lexists(file.path))

    def _present(self) -> _Key:
        if (found := next(iter(self._all()), None)) is not None:
            return found
        with suppress(FileError, OSError):  # somebody made it just now; if not, reading says so
            writing.create(self._own, os.urandom(sealing.KEY_OCTETS).hex().encode() + b"\n")
            writing.settle(self._own.absolute().parent)
        return _read(self._own)


@frozen
class _Key:
    """`name` tells it from others, and tells nothing else."""

    secret: Secret
    name: str


def _read(path: Path) -> _Key:
    found = _KEY.fullmatch(read_private(path, largest=_LARGEST))
    if found is None:
        raise FileError(f"{path} is not a key of 64 hexadecimal digits: put back the one of before, or remove it")
    octets = hashlib.blake2b(bytes.fromhex(found[1].decode()), digest_size=sealing.KEY_OCTETS, person=b"lotor-nt-hash")
    key = octets.digest()
    return _Key(Secret(key), hashlib.blake2b(key, digest_size=8, person=b"lotor-nt-name").hexdigest())


def _bound(name: str, stored: str) -> bytes:
    octets = name.encode("utf-8", "surrogatepass")
    head = b"lotor nt hash 1\0" + len(octets).to_bytes(4)
    return head + octets + stored.encode("utf-8", "surrogateescape")
