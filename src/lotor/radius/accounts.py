"""`accounting radius`: a record is an Accounting-Request (RFC 2866), which some server has to answer."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

from lotor.config.settings import Radius
from lotor.model.back_end import BackEnd
from lotor.model.network import Address
from lotor.ports.accounting import Account, Record, Usage
from lotor.radius import nas, numbers
from lotor.radius.causes import terminate_cause
from lotor.radius.nas import Pair
from lotor.radius.numbers import Attribute, Code
from lotor.radius.packets import Request, number, text
from lotor.radius.servers import Servers
from lotor.radius.structure import LONGEST_VALUE

WORD = nas.WORD
"""Octets beyond it are gigawords (RFC 2869 §5.1); packets and seconds begin again."""


class Authentic(IntEnum):
    """Who judged the login (RFC 2866 §5.6)."""

    RADIUS = 1
    LOCAL = 2
    REMOTE = 3


def authentic(logins: BackEnd | None) -> Authentic:
    return {BackEnd.RADIUS: Authentic.RADIUS, BackEnd.LDAP: Authentic.REMOTE, None: Authentic.LOCAL}[logins]


class RadiusAccounts:
    """Implements `ports.accounting.Keeper`. Belongs to one event loop. `name` is NAS-Identifier: that of the settings,
    else of this host."""

    def __init__(
        self,
        settings: Radius,
        *,
        authentic: Authentic = Authentic.RADIUS,
        name: str = "",
        servers: Callable[[Radius], Servers] = Servers.of_accounts,
    ) -> None:
        self._servers = servers(settings)
        self._authentic = authentic
        self._name = nas.nas_name(name or settings.nas_identifier)

    async def take(self, record: Record) -> None:
        """Returns when a server has answered that it has the record."""
        request = Request(Code.ACCOUNTING_REQUEST, tuple(self._attributes(record)))
        try:
            await self._servers.ask(request)
        except ValueError:
            raise OSError(errno.EMSGSIZE, "the record has no room in a packet of RADIUS") from None

    async def close(self) -> None:
        self._servers.close()

    def _attributes(self, record: Record) -> Iterator[Pair]:
        """Acct-Session-Id, Acct-Status-Type and Event-Timestamp stay the same however often a record is told: a server
        knows by them that it has it already."""
        account = record.account
        yield number(Attribute.ACCT_STATUS_TYPE, record.status.value)
        yield text(Attribute.ACCT_SESSION_ID, account.id if account is not None else f"gateway-{int(record.at):x}")
        yield number(Attribute.EVENT_TIMESTAMP, max(0, int(record.at)) % WORD)
        yield number(Attribute.ACCT_DELAY_TIME, min(record.delay, WORD - 1))
        yield text(Attribute.NAS_IDENTIFIER, self._name)
        yield number(Attribute.NAS_PORT_TYPE, numbers.PORT_VIRTUAL)
        if account is not None:
            yield number(Attribute.ACCT_AUTHENTIC, self._authentic)
            yield from _session(account)
        if record.usage is not None:
            yield from _figures(record.usage)
        if record.why is not None:
            yield number(Attribute.ACCT_TERMINATE_CAUSE, terminate_cause(record.why))


def _session(account: Account) -> Iterator[Pair]:
    if user := _cut(account.user):
        yield Attribute.USER_NAME, user
    yield from ((Attribute.CLASS, each) for each in account.accounting_classes if 0 < len(each) <= LONGEST_VALUE)
    yield from nas.service()
    yield nas.port(account.id)
    yield from nas.stations(account.source.address, account.called, account.ike)
    for inside in account.inside:
        if isinstance(inside, IPv4Address | IPv6Address):
            yield _framed(inside)


def _framed(inside: Address) -> Pair:
    if isinstance(inside, IPv4Address):
        return Attribute.FRAMED_IP_ADDRESS, inside.packed
    return Attribute.FRAMED_IPV6_ADDRESS, inside.packed


def _figures(usage: Usage) -> Iterator[Pair]:
    """Input is what came from the client."""
    yield number(Attribute.ACCT_SESSION_TIME, min(usage.seconds, WORD - 1))
    yield number(Attribute.ACCT_INPUT_OCTETS, usage.octets_in % WORD)
    yield number(Attribute.ACCT_INPUT_GIGAWORDS, usage.octets_in // WORD % WORD)
    yield number(Attribute.ACCT_OUTPUT_OCTETS, usage.octets_out % WORD)
    yield number(Attribute.ACCT_OUTPUT_GIGAWORDS, usage.octets_out // WORD % WORD)
    yield number(Attribute.ACCT_INPUT_PACKETS, usage.packets_in % WORD)
    yield number(Attribute.ACCT_OUTPUT_PACKETS, usage.packets_out % WORD)


def _cut(user: str) -> bytes:
    """What a server has room for, in whole characters. A login that a server judged is never longer."""
    return user.encode()[:LONGEST_VALUE].decode(errors="ignore").encode()
