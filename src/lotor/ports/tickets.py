"""The port of the engine that seals tickets, with which clients come back without a login (RFC 5723)."""

from __future__ import annotations

from typing import Protocol

from lotor.model.judgement import Failure
from lotor.model.ticket import Opened, Sealing, Ticket


class Tickets(Protocol):
    """Nobody is let in by it: who shows a ticket is judged as a login is, by `ports.auth.LoginBackend`."""

    async def seal(self, wanted: Sealing) -> Ticket | Failure:
        """A ticket for the login that was accepted for this account, and for nobody else."""
        ...

    async def open(self, ticket: bytes) -> Opened | Failure:
        """What a ticket of this gateway shows, as long as it is good. It counts no less afterwards."""
        ...
