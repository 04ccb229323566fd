"""Messages of PostgreSQL's protocol, version 3, as a server sends them: their form is looked at before the driver sees
any of it, whose compiled half trusts lengths. They have the names of the manual (part Frontend/Backend Protocol)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

LONGEST = 1 << 23
"""Octets of a message: 128 users of 16 KiB each, and more."""
MOST_COLUMNS = 64
_SIZES = {16: 1, 20: 8, 21: 2, 23: 4, 26: 4, 701: 8, 1184: 8, 2278: 0}
"""Octets of values by the numbers of their types: bool, int8, int2, int4, oid, float8, timestamptz, void."""
_ANY_SIZE = frozenset({17, 19, 25, 1043})
"""bytea, name, text, varchar."""
ANSWERED = frozenset({*_SIZES, *_ANY_SIZE})
"""What our statements answer with. Arrays go there as text[], which the driver knows, and come as text."""
_GIVEN = ANSWERED | {1009}
_AUTHENTICATIONS = {0: 0, 3: 0, 5: 4, 10: None, 11: None, 12: None}
"""Kinds of requests with the octets that follow; None: any number."""
_COLUMN = struct.Struct("!IhIhih")
_INT, _SHORT = struct.Struct("!i"), struct.Struct("!h")


class MalformedError(ConnectionError):
    """No server sends this, or not to us."""

    def __init__(self) -> None:
        super().__init__("it answers what no PostgreSQL does")


class Messages:
    """Of one connection, in order."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._types: tuple[int, ...] = ()
        self._bound = False
        """Whether rows are those of a statement that was bound: in binary form; others nobody reads."""

    def take(self, octets: bytes) -> bytes:
        """The whole messages that are there by now. Raises `MalformedError`."""
        self._rest += octets
        at = 0
        while len(self._rest) - at >= 5:
            length = int.from_bytes(self._rest[at + 1 : at + 5], "big")
            if not 4 <= length <= LONGEST:
                raise MalformedError
            if len(self._rest) - at < 1 + length:
                break
            self._look(self._rest[at : at + 1].decode("latin-1"), bytes(self._rest[at + 5 : at + 1 + length]))
            at += 1 + length
        whole = bytes(self._rest[:at])
        del self._rest[:at]
        return whole

    def _look(self, kind: str, body: bytes) -> None:
        match kind:
            case "T":
                self._types = _described(body)
            case "D":
                self._row(body)
            case "2" | "Z":
                self._bound = kind == "2"
        if kind not in _FORMS or not _FORMS[kind](body):
            raise MalformedError

    def _row(self, body: bytes) -> None:
        values = tuple(_values(body))
        if len(values) != len(self._types):
            raise MalformedError
        if self._bound and not all(map(_fits, self._types, values)):
            raise MalformedError


def _described(body: bytes) -> tuple[int, ...]:
    """RowDescription: the types of the columns."""
    types: list[int] = []
    at = 2
    for _ in range(_count(body)):
        at = body.find(b"\0", at) + 1
        if not at or len(body) - at < _COLUMN.size:
            raise MalformedError
        types.append(_COLUMN.unpack_from(body, at)[2])
        at += _COLUMN.size
    if at != len(body) or not set(types) <= ANSWERED:
        raise MalformedError
    return tuple(types)


def _values(body: bytes) -> Iterator[bytes | None]:
    """DataRow: what the columns have, each behind its length; None: NULL."""
    at = 2
    for _ in range(_count(body)):
        length = _INT.unpack_from(body, at)[0] if len(body) - at >= 4 else -2
        at += 4
        if length < -1 or length > len(body) - at:
            raise MalformedError
        yield None if length == -1 else body[at : at + length]
        at += max(length, 0)
    if at != len(body):
        raise MalformedError


def _count(body: bytes) -> int:
    count = _SHORT.unpack_from(body)[0] if len(body) >= 2 else -1
    if not 0 <= count <= MOST_COLUMNS:
        raise MalformedError
    return int(count)


def _fits(type_: int, value: bytes | None) -> bool:
    return value is None or type_ in _ANY_SIZE or len(value) == _SIZES[type_]


def _texts(body: bytes, count: int) -> bool:
    return body.count(b"\0") == count and body.endswith(b"\0")


def _fields(body: bytes) -> bool:
    """ErrorResponse and NoticeResponse: a letter and a text, again and again, and a zero."""
    at = 0
    while at < len(body) and body[at]:
        at = body.find(b"\0", at) + 1
        if not at:
            return False
    return at == len(body) - 1


def _authentication(body: bytes) -> bool:
    kind = _INT.unpack_from(body)[0] if len(body) >= 4 else -1
    wanted = _AUTHENTICATIONS.get(kind, -1)
    return wanted is None or len(body) == 4 + wanted


def _parameters(body: bytes) -> bool:
    count = _count(body)
    return len(body) == 2 + 4 * count and set(struct.unpack_from(f"!{count}I", body, 2)) <= _GIVEN


def _sized(size: int) -> Callable[[bytes], bool]:
    return lambda body: len(body) == size


_EMPTY = _sized(0)
_FORMS: dict[str, Callable[[bytes], bool]] = {
    "1": _EMPTY,
    "2": _EMPTY,
    "3": _EMPTY,
    "A": lambda body: len(body) > 4 and _texts(body[4:], 2),
    "C": lambda body: _texts(body, 1),
    "D": lambda _: True,
    "E": _fields,
    "I": _EMPTY,
    "K": _sized(8),
    "N": _fields,
    "R": _authentication,
    "S": lambda body: _texts(body, 2),
    "T": lambda _: True,
    "Z": lambda body: body in {b"I", b"T", b"E"},
    "n": _EMPTY,
    "s": _EMPTY,
    "t": _parameters,
}
"""Every message that a server of ours has a reason to send. D and T are looked at before."""
