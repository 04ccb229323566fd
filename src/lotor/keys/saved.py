"""psk.txt: pre-shared keys, and passwords that a person saved for `xauth_login`; the file is read at every use."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from lotor.files.private import FileError, read_private
from lotor.model.identity import Identity, IdKind
from lotor.model.secret import Secret

HEX_MARK = b"0x"
BLANKS = b" \t"
EVERYBODY = "*"
TEXTUAL = frozenset({IdKind.FQDN, IdKind.USER_FQDN, IdKind.KEY_ID})


def pre_shared_key(path: Path, identity: Identity | None, address: IPv4Address | IPv6Address) -> Secret | None:
    """The key of a peer by its identity where the mode knows one, else by its address; `*` is everybody's."""
    named = [identity.data] if identity is not None and identity.kind in TEXTUAL else []
    for name in (*named, str(address).encode(), b"*"):
        found = _look_up(path, name)
        if found is not None:
            return found
    return None


def saved_password(path: Path, login: str) -> Secret | None:
    """The password beside a login; the first line with it counts. Raises `FileError` when the file may not be trusted.

    A line is the login, blanks and the password to the end of the line (blanks at the end belong to it); `#` in the
    first column makes a comment; a password of `0x` and hexadecimal digits is octets. `*` means nobody here.
    """
    return _look_up(path, login.encode()) if login != EVERYBODY else None


def _look_up(path: Path, wanted: bytes) -> Secret | None:
    for number, line in enumerate(read_private(path).split(b"\n"), 1):
        name, secret = _fields(line.removesuffix(b"\r"))
        if name == wanted and secret:
            return _decode(secret, f"{path} line {number}")
    return None


def _fields(line: bytes) -> tuple[bytes, bytes]:
    if line.startswith(b"#"):
        return b"", b""
    words = line.lstrip(BLANKS).split(None, 1) if line.strip(BLANKS) else []
    return (words[0], words[1]) if len(words) == 2 else (b"", b"")


def _decode(password: bytes, place: str) -> Secret:
    if not password.startswith(HEX_MARK):
        return Secret(password)
    try:
        return Secret(bytes.fromhex(password[2:].decode("ascii")))
    except ValueError:
        raise FileError(f"{place}: what follows 0x is not hexadecimal") from None
