"""The port of the engines that keep account of sessions: when each began and ended, why, and what it carried."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from lotor.model.frozen import frozen
from lotor.model.kinds import Kind
from lotor.model.network import Address, Network, Peer

LONGEST_GROUPS = 2_048
"""Octets of the names of all groups of an account; of who is in more, those that fit are told."""


LONGEST_MACHINE = 256
"""Characters of the name of a device."""


@frozen
class Account:
    """What stays the same from the start of a session to its stop. `id`: no other session has it, also after a restart;
    `inside`: the inner addresses, or the networks that the client brought; `began`: wall clock, seconds since 1970;
    `groups` (`LONGEST_GROUPS`) and `accounting_classes` as the back end granted them; `called`: the address of this
    gateway; `client`: which program the peer says that it is, empty: it does not say;
    `ike`: the major version, `suite` its algorithms; `machine`: the device that proved itself before the user did,
    empty where none has to; `resumed`: a ticket brought the client back, without a login."""

    id: str
    user: str
    source: Peer
    inside: tuple[Address | Network, ...]
    began: float
    groups: frozenset[str] = frozenset()
    accounting_classes: tuple[bytes, ...] = ()
    called: Address | None = None
    client: str = ""
    ike: int = 1
    suite: str = ""
    machine: str = ""
    resumed: bool = False


def port_of(number: str) -> int:
    """NAS-Port: the number of the session, as it stands in the id of its account."""
    tail = number.rpartition("-")[2]
    return int(tail) % 2**32 if tail.isascii() and tail.isdigit() else 0


@frozen
class Usage:
    """Whole seconds since the start, however wall clocks were set meanwhile; inner octets and packets, `in` from the
    client, since the session began."""

    seconds: int
    octets_in: int = 0
    octets_out: int = 0
    packets_in: int = 0
    packets_out: int = 0


class Status(Enum):
    """What a record tells of. The numbers are those of Acct-Status-Type (RFC 2866 section 5.1)."""

    START = 1
    STOP = 2
    INTERIM = 3
    ON = 7
    OFF = 8


@frozen
class Record:
    """What is told of a session, or with `account` None of the whole gateway. `at`: when it happened, by the wall clock
    (seconds since 1970); `delay`: whole seconds since then. One that is told again has the same `at`, and another
    `delay`."""

    status: Status
    at: float
    account: Account | None = None
    usage: Usage | None = None
    why: Kind | None = None
    delay: int = 0


@frozen
class Backlog:
    """What waits for one keeper: so many records, the oldest for so many seconds. `silent`: for how many seconds nobody
    has taken any; None where somebody does."""

    keeper: str
    records: int
    seconds: int
    silent: int | None


class Keeper(Protocol):
    """Whoever keeps accounts in the end, and may be far away."""

    async def take(self, record: Record) -> None:
        """Returns when the keeper has it for good. Raises `OSError` with a clear text where nobody knows: the same is
        told again later."""
        ...


class Accounting(Protocol):
    """Asked in order for each account: `start`, `interim` now and then, `stop` once; also when one before failed.
    Raises `OSError` with a clear text for what it could not take. A call that takes too long is cancelled."""

    async def start(self, account: Account) -> None: ...

    async def interim(self, account: Account, usage: Usage) -> None: ...

    async def stop(self, account: Account, usage: Usage, why: Kind) -> None: ...


class SpooledAccounting(Accounting, Protocol):
    """One that keeps records until somebody has them."""

    async def backlog(self) -> tuple[Backlog, ...]:
        """Of those for whom records wait. Raises `OSError`."""
        ...
