"""The port of who is logged in: a ledger, maybe one of many gateways. It decides nothing: the core knows the sessions
of its own gateway by itself, and what holds over several of them will be asked for here."""

from __future__ import annotations

from typing import Protocol

from lotor.model.frozen import frozen
from lotor.model.network import Peer


@frozen
class Presence:
    """`session`: no other one has the name, of whichever gateway, also after a restart; `source` where the client is
    now; `since` wall clock, seconds since 1970."""

    session: str
    user: str
    source: Peer
    since: float


class Sessions(Protocol):
    """The caller keeps the calls for one session in order. Raises `OSError` with a clear text."""

    async def enter(self, presence: Presence) -> None:
        """Once more for the same session: what is true of it now."""
        ...

    async def leave(self, session: str) -> None:
        """Unknown ones are ignored."""
        ...

    async def of(self, user: str) -> tuple[Presence, ...]:
        """The sessions of a person, in the order in which they entered."""
        ...

    async def all(self) -> tuple[Presence, ...]:
        """The same of everybody."""
        ...
