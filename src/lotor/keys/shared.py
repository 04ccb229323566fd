"""Pre-shared keys of psk.txt: whose line counts for a peer, and which keys are too short to withstand guessing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from lotor.files.private import FileError
from lotor.keys.saved import EVERYBODY, Entry, entries, hexadecimal
from lotor.model.identity import Identity, IdentityPattern, IdKind
from lotor.model.reasons.local import EXPOSED
from lotor.model.text import clean

LEAST_OCTETS = 16
"""128 bits, if the key is random: an attacker who records one aggressive mode can try keys offline."""

ADDRESS_SIZES = {IdKind.IPV4_ADDR: 4, IdKind.IPV6_ADDR: 16}
TEXTUAL = frozenset({IdKind.FQDN, IdKind.USER_FQDN, IdKind.KEY_ID})

Address = IPv4Address | IPv6Address
Means = Callable[[bytes], bool]
"""Whether the name of a line is that of the peer."""


def line_of(path: Path, names: Iterable[Means]) -> Entry | None:
    """The line of the first of these names that has one, else of `*`. Whether there is one is not to be told by the
    time that this takes: every name is compared with every line.

    racoon takes `*` as soon as it meets it; here the line that names somebody goes first, wherever it stands. Raises
    `FileError` when the file may not be trusted.
    """
    return first_of(tuple(entries(path)), names)


def first_of(lines: Iterable[Entry], names: Iterable[Means]) -> Entry | None:
    """The same of lines that were read."""
    lines = tuple(lines)
    found = [[entry for entry in lines if means(entry.name)] for means in (*names, _is_everybody)]
    return next((fitting[0] for fitting in found if fitting), None)


def names_of_client(identity: Identity | None, address: Address | None) -> tuple[Means, ...]:
    """Gateway: a client goes by its identity, where the mode knows one, else by its address. `address` None: the
    identity alone counts."""
    by_identity = () if identity is None else (lambda name: _means_identity(name, identity),)
    by_address = () if address is None else (lambda name: _parse_address(name) == address,)
    return (*by_identity, *by_address)


def names_of_gateway(identifiers: Iterable[IdentityPattern], host: str | None, address: Address) -> tuple[Means, ...]:
    """Client: the gateway that was dialled goes by the identifiers that the configuration has for it, else by the name
    that was typed, else by its address; nothing that it says of itself counts."""
    configured = tuple(_means_pattern(each) for each in identifiers if each.value is not None)
    typed = () if host is None else (_means_pattern(IdentityPattern(IdKind.FQDN, host)),)
    return (*configured, *typed, lambda name: _parse_address(name) == address)


def peer_text(identity: Identity | None, address: Address) -> str:
    """Whom a key was sought for, for a person: `bob at 192.0.2.50`."""
    if identity is None:
        return str(address)
    own = _address_of(identity)
    if identity.kind in TEXTUAL:
        return f"{clean(identity.data, longest=200)} at {address}"
    return f"{own} at {address}" if own not in {None, address} else str(address)


def short_keys(path: Path, logins: Collection[str]) -> Iterator[str]:
    """A sentence for each key that can be guessed. The lines of our own `xauth_login`s hold passwords, not keys.

    Raises `FileError` when the file may not be trusted.
    """
    passwords = {login.encode() for login in logins}
    for entry in entries(path):
        if entry.name not in passwords:
            yield from _fault(path, entry)


def too_short(remote: str) -> str:
    """What to do about a short key in aggressive mode."""
    return EXPOSED.format(remote=remote)


def _fault(path: Path, entry: Entry) -> Iterable[str]:
    try:
        size = len(entry.secret(path))
    except FileError as fault:
        return (str(fault),)
    if size >= LEAST_OCTETS:
        return ()
    text = f"{path} line {entry.line}: this key has {size} octets only, so one recorded connection gives it away"
    return (f"{text}; use {LEAST_OCTETS} or more random ones, such as from 'openssl rand -hex 16'",)


def _is_everybody(name: bytes) -> bool:
    return name == EVERYBODY


def _means_pattern(pattern: IdentityPattern) -> Means:
    """A line for a configured identifier: as text (names of hosts and persons in any case), as an address, or as `0x`
    and the octets. A distinguished name has no line of its own."""
    value = pattern.value or ""
    if pattern.kind in ADDRESS_SIZES:
        address = _parse_address(value.encode())
        return lambda name: address is not None and _parse_address(name) == address
    if pattern.kind is IdKind.KEY_ID:
        octets = {value.encode(), value.encode("latin-1", "replace")}
        return lambda name: name != EVERYBODY and (name in octets or hexadecimal(name) in octets)
    if pattern.kind not in TEXTUAL:
        return lambda _: False
    folded = _folded(value.encode())
    return lambda name: name != EVERYBODY and _folded(name) == folded


def _folded(name: bytes) -> bytes:
    return name.lower().removesuffix(b".")


def _means_identity(name: bytes, identity: Identity) -> bool:
    """As sent, as an address, or as `0x` and the octets for what no text can hold: key ids, distinguished names."""
    if identity.kind in TEXTUAL and name == identity.data and name != EVERYBODY:
        return True
    own = _address_of(identity)
    if own is not None:
        return _parse_address(name) == own
    return bool(identity.data) and hexadecimal(name) == identity.data


def _address_of(identity: Identity) -> Address | None:
    kind = identity.kind
    fits = kind in ADDRESS_SIZES and len(identity.data) == ADDRESS_SIZES[IdKind(kind)]
    return ip_address(identity.data) if fits else None


def _parse_address(name: bytes) -> Address | None:
    try:
        return ip_address(name.decode("ascii"))
    except ValueError:
        return None
