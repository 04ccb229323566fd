"""The port of what is ordered from outside of sessions that are up at a gateway: they end, or their peers show that
they are there."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from lotor.model.frozen import frozen
from lotor.model.network import Address

LONGEST_WAIT = 20.0
"""Seconds after which `Orders.next` answers that there is none."""


class Why(Enum):
    """For what sessions are to end."""

    LOGOUT = "logout"
    """An administrator wants it, here or at another gateway of the fleet."""
    LEASE_LOST = "lease lost"
    """Another gateway of the fleet has the inside address."""
    SERVER = "server"
    """The RADIUS server wants it (RFC 5176)."""
    SILENT = "silent"
    """Only that whose peer does not answer: it may have come to another gateway."""


@frozen
class Whom:
    """The sessions that are meant: those for which everything holds that is not empty; where all is empty, none.
    `session` as in accounting (Acct-Session-Id); `named`: one of them, the session of that id, else of that inside
    address, else all of that user. `beside`: inside addresses that the session has, too; `source`: the peer's outer
    address, `called`: the gateway's; `port`: the number of the session (NAS-Port)."""

    user: str = ""
    inside: Address | None = None
    session: str = ""
    named: str = ""
    beside: tuple[Address, ...] = ()
    source: Address | None = None
    called: Address | None = None
    port: int | None = None


@frozen
class Changes:
    """What is to be otherwise from now on; None: it stays as it is. `session_time`: seconds from now on until the
    session ends; `idle_time`: seconds without a packet after which it does; `accounting_interval`: seconds between two
    records of it; of all three 0 is no limit. `classes` as `model.grants.Grants.accounting_classes`."""

    session_time: float | None = None
    idle_time: float | None = None
    accounting_interval: float | None = None
    classes: tuple[bytes, ...] | None = None


@frozen
class Order:
    """`number` names it in its outcome. With `changes` the sessions do not end, but go on so."""

    number: int
    whom: Whom
    why: Why
    changes: Changes | None = None


@frozen
class Outcome:
    """Of the order of that number: so many `sessions` were found, and end, are asked or changed."""

    number: int
    sessions: int


class Orders(Protocol):
    """Raises `OSError` where nobody can be asked."""

    async def next(self) -> tuple[Order, ...]:
        """What was ordered since, each once; waits for it, at most `LONGEST_WAIT`."""
        ...

    async def done(self, outcome: Outcome) -> None:
        """Whoever ordered it hears of it. An outcome of no order is ignored."""
        ...
