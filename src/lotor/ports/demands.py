"""The port of what RADIUS servers demand of sessions that are up: that they end, or go on otherwise (RFC 5176)."""

from __future__ import annotations

from typing import Protocol

from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.ports.orders import Changes, Whom

MOST_INSIDE = 8
"""Inside addresses that one demand names."""
LONGEST_WAIT = 20.0
"""Seconds after which `Demands.demanded` answers that there is nothing."""


@frozen
class Demand:
    """`number` names it until it is settled; `server` is who wants it; `changes` None: the sessions are to end."""

    number: int
    server: Address
    whom: Whom
    changes: Changes | None = None


@frozen
class Settled:
    """Of the demand of that number: so many `sessions` end, or are changed; None: it could not be done now."""

    number: int
    sessions: int | None


class Demands(Protocol):
    """What servers demand, wherever they are heard."""

    async def demanded(self) -> tuple[Demand, ...]:
        """What came since the last call, each once, in order; waits for it, at most `LONGEST_WAIT`, or for ever where
        nobody is to be heard. Raises `OSError` where nobody can be heard now."""
        ...

    async def settle(self, settled: Settled) -> None:
        """The server hears of it, where it can be told. What nobody demanded is ignored."""
        ...


def names_sessions(whom: Whom) -> bool:
    """Not where it says nothing but where people called: that is everybody."""
    said = whom.user or whom.session or whom.inside is not None
    return bool(said) or whom.source is not None or whom.port is not None
