"""What the entries of a directory grant: an address, a network mask, groups. What makes no sense is told."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from lotor.model.frozen import frozen
from lotor.model.grants import LONGEST_NAME, MOST_GROUPS
from lotor.model.text import clean

LONGEST_VALUE = 1024
_FIRST_NAME = re.compile(rb"[A-Za-z0-9.-]+ *= *((?:[^\\,+;]|\\.)*)", re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)


@frozen
class Dropped(Exception):  # noqa: N818 - a note for the log, which no caller lets through
    """Why a value of the directory does not count."""

    why: str


def address(values: tuple[bytes, ...], name: str) -> IPv4Address | None:
    """The address that a user has; None without a value. Raises `Dropped`."""
    found = _one(values, name)
    if found is None:
        return None
    if found.is_multicast or found.is_loopback or found.is_unspecified or found == IPv4Address("255.255.255.255"):
        raise Dropped(f"{name} {found} is no address for a client")
    return found


def netmask(values: tuple[bytes, ...], name: str) -> IPv4Address | None:
    """Raises `Dropped`."""
    found = _one(values, name)
    if found is None:
        return None
    try:
        return IPv4Network(f"0.0.0.0/{_bits(found)}").netmask
    except ValueError:
        raise Dropped(f"{name} {found} is no network mask") from None


def _bits(mask: IPv4Address) -> int:
    """Raises `ValueError` for a mask with holes."""
    bits = int(mask).bit_count()
    if int(mask) != ((1 << bits) - 1) << (32 - bits):
        raise ValueError(mask)
    return bits


def _one(values: tuple[bytes, ...], name: str) -> IPv4Address | None:
    if not values:
        return None
    if len(values) > 1:
        raise Dropped(f"{name} has {len(values)} values: which one counts?")
    text = clean(values[0], longest=LONGEST_NAME)
    try:
        return IPv4Address(text)
    except ValueError:
        raise Dropped(f'{name} "{text}" is no IPv4 address') from None


def groups(values: Iterable[bytes]) -> tuple[frozenset[str], int]:
    """The names that can be those of groups of the configuration, and how many others there are."""
    found: set[str] = set()
    dropped = 0
    for value in values:
        name = clean(value, longest=LONGEST_NAME)
        if not name or name.encode() != value or len(found) >= MOST_GROUPS:
            dropped += 1
        else:
            found.add(name)
    return frozenset(found), dropped


def first_name(dn: bytes) -> bytes:
    """The value of the first part of a DN (RFC 4514 §3), `admins` of `cn=admins,ou=groups,dc=example`; empty where it
    has none."""
    found = _FIRST_NAME.match(dn[:LONGEST_VALUE])
    return _ESCAPED.sub(_unescaped, found[1].strip()) if found else b""


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode()) if len(found[1]) == 2 else found[1]
