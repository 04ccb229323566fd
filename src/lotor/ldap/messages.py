"""The messages of LDAPv3 that a login needs (RFC 4511), to octets and from octets: bind, search, StartTLS.

Names and values go into a message as octets of their own. There is no text of a filter that a login name could break
out of, so nothing needs escaping here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import IntEnum

from lotor.ldap import ber
from lotor.ldap.ber import BerError, Reader
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

VERSION = 3
BIND, BOUND = 0x60, 0x61
UNBIND = 0x42
SEARCH, ENTRY, DONE, REFERENCE = 0x63, 0x64, 0x65, 0x73
EXTEND, EXTENDED, INTERMEDIATE = 0x77, 0x78, 0x79
ANSWERS = frozenset({BOUND, ENTRY, DONE, REFERENCE, EXTENDED, INTERMEDIATE})
SIMPLE, CONTROLS, REFERRAL, REQUEST_NAME = 0x80, 0xA0, 0xA3, 0x80
EQUAL, AND = 0xA3, 0xA0
START_TLS = b"1.3.6.1.4.1.1466.20037"
PASSWORD_POLICY = b"1.3.6.1.4.1.42.2.27.8.5.1"
"""The control of draft-behera-ldap-password-policy: a server says with it why, and what comes next."""
MOST_ATTRIBUTES = 256
"""Of an entry: a login asks for four."""
WARNING, ERROR = 0xA0, 0x81
EXPIRES, GRACE = 0x80, 0x81


class Scope(IntEnum):
    BASE = 0
    ONE = 1
    SUBTREE = 2


@frozen
class Equal:
    """`(attribute=value)`, the value as octets."""

    attribute: str
    value: bytes

    def octets(self) -> bytes:
        return ber.element(EQUAL, ber.octets(self.attribute.encode()), ber.octets(self.value))


@frozen
class Search:
    """`size`: how many entries the server may answer at most; `seconds` how long it may look."""

    base: bytes
    scope: Scope
    filter: Equal
    attributes: tuple[str, ...]
    size: int
    seconds: int


@frozen
class Policy:
    """The server's words on the password: seconds until it expires, logins that are left after that, and an error
    (`PolicyError`, or another number)."""

    expires: int | None = None
    grace: int | None = None
    error: int | None = None


@frozen
class Result:
    """`message` is the server's, for an administrator: hostile text."""

    code: int
    message: bytes = b""
    policy: Policy | None = None


@frozen
class Entry:
    """`name` is the DN. `attributes`: values by the name in lower case, without options (`;lang-de`)."""

    name: bytes
    attributes: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)


@frozen
class Referred:
    """Where a search would go on at another server; nobody goes there."""


@frozen
class Message:
    """`op` is the tag of what the server says; `what` None where that means nothing here."""

    number: int
    op: int
    what: Result | Entry | Referred | None


def bind(number: int, name: bytes, password: Secret) -> bytes:
    """A simple bind, which asks for the server's words on the password, too."""
    simple = ber.octets(password.reveal(), SIMPLE)
    request = ber.element(BIND, ber.integer(VERSION), ber.octets(name), simple)
    return _message(number, request, ber.element(ber.SEQUENCE, ber.octets(PASSWORD_POLICY)))


def search(number: int, wanted: Search) -> bytes:
    request = ber.element(
        SEARCH,
        ber.octets(wanted.base),
        ber.integer(wanted.scope, ber.ENUMERATED),
        ber.integer(0, ber.ENUMERATED),  # aliases are not followed
        ber.integer(wanted.size),
        ber.integer(wanted.seconds),
        ber.boolean(value=False),
        wanted.filter.octets(),
        ber.element(ber.SEQUENCE, *(ber.octets(each.encode()) for each in wanted.attributes)),
    )
    return _message(number, request)


def start_tls(number: int) -> bytes:
    return _message(number, ber.element(EXTEND, ber.octets(START_TLS, REQUEST_NAME)))


def unbind(number: int) -> bytes:
    return _message(number, ber.element(UNBIND))


def _message(number: int, operation: bytes, *controls: bytes) -> bytes:
    added = ber.element(CONTROLS, *controls) if controls else b""
    return ber.element(ber.SEQUENCE, ber.integer(number), operation, added)


def parse(data: bytes) -> Message:
    """One message of a server. Raises `BerError`."""
    outer = Reader(data)
    reader = Reader(outer.take(ber.SEQUENCE))
    number = reader.number()
    op, content = reader.any()
    controls = reader.maybe(CONTROLS)
    if op in {BOUND, DONE, EXTENDED}:
        return Message(number, op, _result(content, controls))
    if op == ENTRY:
        return Message(number, op, _entry(content))
    return Message(number, op, Referred() if op == REFERENCE else None)


def _result(content: bytes, controls: bytes | None) -> Result:
    reader = Reader(content)
    code = reader.number(ber.ENUMERATED)
    reader.take(ber.OCTETS)
    message = reader.take(ber.OCTETS)
    return Result(code, message, _policy(controls) if controls is not None else None)


def _entry(content: bytes) -> Entry:
    reader = Reader(content)
    name = reader.take(ber.OCTETS)
    listed = Reader(reader.take(ber.SEQUENCE))
    found: dict[str, tuple[bytes, ...]] = {}
    count = 0
    while listed.tag is not None:
        if (count := count + 1) > MOST_ATTRIBUTES:
            raise BerError(f"an entry of more than {MOST_ATTRIBUTES} attributes")
        attribute = Reader(listed.take(ber.SEQUENCE))
        described = attribute.take(ber.OCTETS).decode("ascii", "replace").lower()
        values = Reader(attribute.take(ber.SET))
        named = described.partition(";")[0]
        found[named] = (*found.get(named, ()), *_all(values))
    return Entry(name, found)


def _all(values: Reader) -> tuple[bytes, ...]:
    found = []
    while values.tag is not None:
        found.append(values.take(ber.OCTETS))
    return tuple(found)


def _policy(controls: bytes) -> Policy | None:
    """None where the server says nothing on the password."""
    listed = Reader(controls)
    while listed.tag is not None:
        control = Reader(listed.take(ber.SEQUENCE))
        kind = control.take(ber.OCTETS)
        control.maybe(ber.BOOLEAN)
        value = control.maybe(ber.OCTETS)
        if kind == PASSWORD_POLICY and value:
            return _words(Reader(Reader(value).take(ber.SEQUENCE)))
    return None


def _words(reader: Reader) -> Policy:
    expires = grace = None
    if (warning := reader.maybe(WARNING)) is not None:
        tag, content = Reader(warning).any()
        expires = ber.number(content) if tag == EXPIRES else None
        grace = ber.number(content) if tag == GRACE else None
    error = reader.maybe(ERROR)
    return Policy(expires, grace, ber.number(error) if error is not None else None)
