"""What is written of a user, or of a group of users, beside name and password: words of `key=value`, each checked."""

from __future__ import annotations

import binascii
import re
from base64 import b32decode, b32encode
from collections.abc import Callable, Iterable
from dataclasses import field, fields, replace
from datetime import date
from ipaddress import IPv4Address, IPv6Address, IPv6Interface, ip_network
from typing import Any

from lotor.auth.nt_keys import is_sealed
from lotor.config.day import day_of
from lotor.model.frozen import frozen
from lotor.model.grants import LONGEST_NAME, MOST_GROUPS, MOST_ROUTES
from lotor.model.network import Network
from lotor.model.secret import Secret

LEAST_KEY, MOST_KEY = 16, 64
"""Octets of a TOTP key: 128 bits at least (RFC 4226 §4, R6), and a block of SHA-1 at most."""
LONGEST_KEY = 12
"""Characters of a word before `=` that may be told when it is wrong."""
MOST_RECOVERY = 32
MOST_SESSIONS = 65_536
LEAST_RATE, MOST_RATE = 1_000, 125_000_000_000
"""Octets a second: 8 kbit/s, one Tbit/s."""
REQUIRED = "required"
UNITS = {"gbit": 125_000_000, "mbit": 125_000, "kbit": 125}
"""Octets a second of each."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*", re.ASCII)
_RATE = re.compile(r"([1-9]\d{0,12})(kbit|mbit|gbit)", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)


class FactError(ValueError):
    """The text says what is wrong, without the value where that is a secret."""


@frozen
class Facts:
    """None and empty: nothing is said, and the group's counts, else the configuration's. `rate` is in octets a second.
    `expires` is the last day, `ikev1_until` the last one by IKEv1. `totp` is the key of the second factor, `recovery`
    digests of codes that stand in for it. `mschap` is the NT hash, sealed. `second`: of a group, whose members need a
    second factor."""

    groups: tuple[str, ...] = ()
    address: IPv4Address | None = None
    address6: IPv6Interface | None = None
    pool: str = ""
    filter: str = ""
    routes: tuple[Network, ...] = ()
    rate: int | None = None
    sessions: int | None = None
    expires: date | None = None
    ikev1_until: date | None = None
    second: bool = False
    totp: Secret | None = None
    mschap: str = field(default="", repr=False)
    recovery: tuple[str, ...] = field(default=(), repr=False)

    def over(self, groups: Iterable[Facts]) -> Facts:
        """These facts where they say something, else those of the first group that does. A second factor that one group
        requires is required."""
        merged, named = self, tuple(groups)
        for each in named:
            empty = {name: getattr(each, name) for name in OF_GROUPS if not _says(getattr(merged, name))}
            merged = replace(merged, **empty)
        return replace(merged, second=any(each.second for each in named))


NO_FACTS = Facts()


def _says(value: object) -> bool:
    return value is not None and value not in ((), "")


def group_name(text: str) -> str:
    """The name of a group, a pool or a filter. Raises `FactError`."""
    if not _NAME.fullmatch(text) or len(text) > LONGEST_NAME:
        told = f"letters, digits and . _ + - @, {LONGEST_NAME} at most, a letter or a digit in front"
        raise FactError(f"{shown(text)} is no name: {told}")
    return text


def shown(text: str) -> str:
    """Of a word that is wrong, as much as fits into a sentence."""
    return ascii(text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME] + "...")


def _groups(text: str) -> tuple[str, ...]:
    return _several(text, group_name, MOST_GROUPS)


def _several(text: str, read: Callable[[str], Any], most: int) -> tuple[Any, ...]:
    values = tuple(map(read, text.split(",")))
    if len(values) > most:
        raise FactError(f"more than {most} of them")
    if len(set(values)) < len(values):
        raise FactError("one of them stands twice")
    return values


def _of_a_host(address: IPv4Address | IPv6Address) -> None:
    if address.is_unspecified or address.is_multicast or address.is_loopback or address.is_link_local:
        raise FactError(f"{address} is no address that a client could have")


def _address(text: str) -> IPv4Address:
    try:
        address = IPv4Address(text)
    except ValueError:
        raise FactError(f"{shown(text)} is no IPv4 address, like 10.99.99.7") from None
    _of_a_host(address)
    return address


def _address6(text: str) -> IPv6Interface:
    try:
        address = IPv6Interface(text)
    except ValueError:
        raise FactError(f"{shown(text)} is no IPv6 address, like fd00:99::7/64") from None
    if address.scope_id is not None:
        raise FactError(f"{shown(text)} names a link of this host")
    _of_a_host(address.ip)
    return address


def _routes(text: str) -> tuple[Network, ...]:
    networks = _several(text, _network, 2 * MOST_ROUTES)
    if any(sum(each.version == version for each in networks) > MOST_ROUTES for version in (4, 6)):
        raise FactError(f"more than {MOST_ROUTES} of one IP version")
    return networks


def _network(text: str) -> Network:
    try:
        network = ip_network(text) if "/" in text else None
    except ValueError as error:
        if "host bits" in str(error):
            raise FactError(f"{shown(text)} has a host part: {ip_network(text, strict=False)} is the network") from None
        network = None
    if network is None or "%" in text:
        raise FactError(f"{shown(text)} is no network, like 10.1.0.0/16 or fd00:1::/64")
    return network


def _rate(text: str) -> int:
    parts = _RATE.fullmatch(text)
    rate = int(parts[1]) * UNITS[parts[2]] if parts else 0
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise FactError(f"{shown(text)} is no rate from 8kbit to 1000gbit, like 20mbit")
    return rate


def _rate_text(rate: int) -> str:
    unit, size = next(((unit, size) for unit, size in UNITS.items() if rate % size == 0), ("kbit", UNITS["kbit"]))
    return f"{rate // size}{unit}"


def _sessions(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else 0
    if not 1 <= number <= MOST_SESSIONS:
        raise FactError(f"{shown(text)} is no number from 1 to {MOST_SESSIONS}")
    return number


def _day(text: str) -> date:
    day = day_of(text)
    if day is None:
        raise FactError(f"{shown(text)} is no date, like 2027-03-31")
    return day


def _required(text: str) -> bool:
    if text != REQUIRED:
        raise FactError(f"of a group it is {REQUIRED} or not there")
    return True


def _key(text: str) -> Secret:
    try:
        key = b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        key = b""
    if not LEAST_KEY <= len(key) <= MOST_KEY or key_text(Secret(key)) != text:
        raise FactError(f"the key is no base32 (A-Z, 2-7) of {LEAST_KEY} to {MOST_KEY} octets")
    return Secret(key)


def key_text(key: Secret) -> str:
    """Base32 without padding, as authenticator apps take it."""
    return b32encode(key.reveal()).decode().rstrip("=")


def _sealed(text: str) -> str:
    if not is_sealed(text):
        raise FactError("it is no sealed NT hash: 'lotor user passwd --mschap' makes one")
    return text


def _digests(text: str) -> tuple[str, ...]:
    return _several(text, _digest, MOST_RECOVERY)


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise FactError("a recovery code's digest has 16 letters, digits, - or _")
    return text


@frozen
class Fact:
    """A row: the `key` in the file, the field of `Facts`, how its text is read (raises `FactError`) and written."""

    key: str
    field: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    secret: bool = False


def _listed(values: Iterable[object]) -> str:
    return ",".join(map(str, values))


_COMMON = (
    Fact("pool", "pool", group_name),
    Fact("filter", "filter", group_name),
    Fact("routes", "routes", _routes, _listed),
    Fact("rate", "rate", _rate, _rate_text),
    Fact("sessions", "sessions", _sessions),
    Fact("expires", "expires", _day),
    Fact("ikev1_until", "ikev1_until", _day),
)
USER_FACTS = (
    Fact("groups", "groups", _groups, _listed),
    Fact("address", "address", _address),
    Fact("address6", "address6", _address6),
    *_COMMON,
    Fact("totp", "totp", _key, key_text, secret=True),
    Fact("mschap", "mschap", _sealed, secret=True),
    Fact("recovery", "recovery", _digests, _listed, secret=True),
)
GROUP_FACTS = (*_COMMON, Fact("totp", "second", _required, lambda _: REQUIRED))
OF_GROUPS = tuple(each.field for each in _COMMON)
"""Fields that a group's facts give its members."""


def read(text: str, rows: Iterable[Fact]) -> Facts:
    """The facts of words between blanks. Raises `FactError`."""
    known, given = {each.key: each for each in rows}, dict[str, Any]()
    for word in text.split():
        key, equals, value = word.partition("=")
        row = known.get(key)
        if row is None or not equals:
            told = shown(key) if equals and len(key) <= LONGEST_KEY else "a word"  # else it may be a secret's
            raise FactError(f"{told} is none of {', '.join(known)}, each with = and its value behind it")
        if row.field in given:
            raise FactError(f"{key} is given twice")
        given[row.field] = _valued(row, value)
    return Facts(**given)


def _valued(row: Fact, text: str) -> Any:
    try:
        return row.read(text)
    except FactError as fault:
        raise FactError(f"{row.key}: {fault}") from None


def written(facts: Facts, rows: Iterable[Fact]) -> str:
    """What `read` reads; empty where nothing is said."""
    return " ".join(f"{row.key}={text}" for row in rows if (text := value_text(facts, row)))


def value_text(facts: Facts, row: Fact) -> str:
    """The value as the file has it; empty where nothing is said."""
    value = getattr(facts, row.field)
    return row.write(value) if _says(value) and value is not False else ""


def with_value(facts: Facts, row: Fact, text: str) -> Facts:
    """With another value; an empty text takes it away. Raises `FactError`."""
    empty = next(getattr(NO_FACTS, each.name) for each in fields(Facts) if each.name == row.field)
    return replace(facts, **{row.field: _valued(row, text) if text else empty})
