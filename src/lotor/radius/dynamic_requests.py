"""What a Disconnect- or CoA-Request asks for: whose sessions, and what of them is to be otherwise (RFC 5176 §3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeVar

from lotor.model.frozen import frozen
from lotor.model.grants import LONGEST_CLASS, MOST_CLASSES
from lotor.model.network import Address
from lotor.model.text import clean
from lotor.ports.demands import MOST_INSIDE, names_sessions
from lotor.ports.orders import Changes, Whom
from lotor.radius.numbers import PORT_VIRTUAL, PROTOCOL_PPP, SERVICE_FRAMED, Attribute, Code, ErrorCause
from lotor.radius.structure import Frame

Value = TypeVar("Value")

SHORTEST_INTERVAL = 60.0
"""Seconds (RFC 2869 §5.16)."""
LONGEST_ID = 64
"""Characters of an id of this gateway's accounting at most."""
BESIDE = frozenset({Attribute.MESSAGE_AUTHENTICATOR, Attribute.EVENT_TIMESTAMP, Attribute.PROXY_STATE})
"""They say nothing of sessions."""
FIXED: dict[int, int] = {
    Attribute.NAS_PORT_TYPE: PORT_VIRTUAL,
    Attribute.FRAMED_PROTOCOL: PROTOCOL_PPP,
    Attribute.SERVICE_TYPE: SERVICE_FRAMED,
}
"""Of any session of this gateway they have these values."""


class RefusedError(Exception):
    """The request cannot be carried out, whoever is connected."""

    def __init__(self, cause: ErrorCause) -> None:
        super().__init__(cause.name)
        self.cause = cause


@frozen
class Here:
    """Who this gateway is: the name that it tells servers, and whether an address is one of this host."""

    name: str
    has: Callable[[Address], bool]


def read(frame: Frame, here: Here) -> tuple[Whom, Changes | None]:
    """Changes are None for a Disconnect-Request. Raises `RefusedError`."""
    coa = frame.code == Code.COA_REQUEST
    whom, changes = Whom(), Changes()
    for number, value in frame.attributes:
        if number in BESIDE or _is_of_gateway(number, value, here):
            continue
        if number in FIXED:
            _demand_fixed(number, value, coa=coa)
        elif (change := CHANGES.get(number)) is not None and coa:
            changes = change(changes, value)
        elif (narrow := WHOM.get(number)) is not None:
            whom = narrow(whom, value)
        else:
            raise RefusedError(ErrorCause.UNSUPPORTED_ATTRIBUTE)
    if not names_sessions(whom) or (coa and changes == Changes()):
        raise RefusedError(ErrorCause.MISSING_ATTRIBUTE)
    return whom, changes if coa else None


def _is_of_gateway(number: int, value: bytes, here: Here) -> bool:
    """Whether it names a gateway: then it has to be this one."""
    match number:
        case Attribute.NAS_IDENTIFIER:
            same = value == here.name.encode()
        case Attribute.NAS_IP_ADDRESS:
            same = here.has(IPv4Address(_octets(value, 4)))
        case Attribute.NAS_IPV6_ADDRESS:
            same = here.has(IPv6Address(_octets(value, 16)))
        case _:
            return False
    if not same:
        raise RefusedError(ErrorCause.NAS_IDENTIFICATION_MISMATCH)
    return True


def _demand_fixed(number: int, value: bytes, *, coa: bool) -> None:
    """What another value would mean is no service of this gateway's: Authorize-Only asks for a new login (RFC 5176
    §3.2)."""
    if _number(value) == FIXED[number]:
        return
    if coa and number == Attribute.SERVICE_TYPE:
        raise RefusedError(ErrorCause.UNSUPPORTED_SERVICE)
    raise RefusedError(ErrorCause.INVALID_ATTRIBUTE_VALUE)


def _user(whom: Whom, value: bytes) -> Whom:
    return replace(whom, user=_once(whom.user, _text(value, 253)))


def _session(whom: Whom, value: bytes) -> Whom:
    return replace(whom, session=_once(whom.session, _text(value, LONGEST_ID)))


def _source(whom: Whom, value: bytes) -> Whom:
    return replace(whom, source=_once(whom.source, _address(value)))


def _called(whom: Whom, value: bytes) -> Whom:
    return replace(whom, called=_once(whom.called, _address(value)))


def _port(whom: Whom, value: bytes) -> Whom:
    return replace(whom, port=_once(whom.port, _number(value)))


def _inside4(whom: Whom, value: bytes) -> Whom:
    return _inside(whom, IPv4Address(_octets(value, 4)))


def _inside6(whom: Whom, value: bytes) -> Whom:
    return _inside(whom, IPv6Address(_octets(value, 16)))


def _inside(whom: Whom, address: Address) -> Whom:
    if whom.inside is None:
        return replace(whom, inside=address)
    if len(whom.beside) >= MOST_INSIDE - 1:
        raise RefusedError(ErrorCause.INVALID_REQUEST)
    return replace(whom, beside=(*whom.beside, address))


def _session_time(changes: Changes, value: bytes) -> Changes:
    return replace(changes, session_time=float(_once(changes.session_time, _number(value))))


def _idle_time(changes: Changes, value: bytes) -> Changes:
    return replace(changes, idle_time=float(_once(changes.idle_time, _number(value))))


def _interval(changes: Changes, value: bytes) -> Changes:
    seconds = float(_once(changes.accounting_interval, _number(value)))
    return replace(changes, accounting_interval=max(SHORTEST_INTERVAL, seconds) if seconds else 0.0)


def _class(changes: Changes, value: bytes) -> Changes:
    classes = (*(changes.classes or ()), value)
    if len(classes) > MOST_CLASSES or not 0 < len(value) <= LONGEST_CLASS:
        raise RefusedError(ErrorCause.INVALID_ATTRIBUTE_VALUE)
    return replace(changes, classes=classes)


WHOM: dict[int, Callable[[Whom, bytes], Whom]] = {
    Attribute.USER_NAME: _user,
    Attribute.ACCT_SESSION_ID: _session,
    Attribute.FRAMED_IP_ADDRESS: _inside4,
    Attribute.FRAMED_IPV6_ADDRESS: _inside6,
    Attribute.CALLING_STATION_ID: _source,
    Attribute.CALLED_STATION_ID: _called,
    Attribute.NAS_PORT: _port,
}
CHANGES: dict[int, Callable[[Changes, bytes], Changes]] = {
    Attribute.SESSION_TIMEOUT: _session_time,
    Attribute.IDLE_TIMEOUT: _idle_time,
    Attribute.ACCT_INTERIM_INTERVAL: _interval,
    Attribute.CLASS: _class,
}


def _once(before: object, value: Value) -> Value:
    """Of what is said twice nobody knows which of them counts."""
    if before not in {None, ""}:
        raise RefusedError(ErrorCause.INVALID_REQUEST)
    return value


def _octets(value: bytes, length: int) -> bytes:
    if len(value) != length:
        raise RefusedError(ErrorCause.INVALID_ATTRIBUTE_VALUE)
    return value


def _number(value: bytes) -> int:
    return int.from_bytes(_octets(value, 4))


def _text(value: bytes, longest: int) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise RefusedError(ErrorCause.INVALID_ATTRIBUTE_VALUE) from None
    if not text or clean(text, longest=longest) != text:
        raise RefusedError(ErrorCause.INVALID_ATTRIBUTE_VALUE)
    return text


def _address(value: bytes) -> Address:
    """As this gateway writes them to servers."""
    try:
        return ip_address(_text(value, 64))
    except ValueError:
        raise RefusedError(ErrorCause.INVALID_ATTRIBUTE_VALUE) from None
