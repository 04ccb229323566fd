"""Tickets at the other end of the line: their keys are the warden's, and what was used."""

from __future__ import annotations

from typing import TypeVar

from lotor.model.judgement import Failure
from lotor.model.reasons.local import TicketRefused
from lotor.model.ticket import LONGEST_TICKET, Opened, Sealing, Ticket
from lotor.privsep.asking import Asker, Refused, reason_of
from lotor.privsep.frames import Ended
from lotor.privsep.logging_in import OPEN_TICKET, SEAL_TICKET
from lotor.privsep.verb import Verb

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class FarTickets:
    """Implements `ports.tickets.Tickets`. What the warden cannot say is a ticket that counts for nothing."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def seal(self, wanted: Sealing) -> Ticket | Failure:
        return await self._ask(SEAL_TICKET, wanted)

    async def open(self, ticket: bytes) -> Opened | Failure:
        if len(ticket) > LONGEST_TICKET:
            return Failure(TicketRefused("it is longer than any"))
        return await self._ask(OPEN_TICKET, ticket)

    async def _ask(self, verb: Verb[Request, Answer], request: Request) -> Answer | Failure:
        try:
            return (await self._asker.ask(verb, request)).value
        except (Refused, Ended) as fault:
            return Failure(reason_of(fault))
        except ValueError:
            return Failure(TicketRefused("its names are longer than any"))
