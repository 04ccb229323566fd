"""Tickets for one daemon (RFC 5723): it gets some for its own sessions, and sees what is in those that clients show.

An owned daemon knows the keys of a session anyway, and so may have a ticket sealed with keys of its choice: for users
who logged in at it, each for as long as the configuration says behind that login.
"""

from __future__ import annotations

from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.tickets import Terms
from lotor.config.ikev2 import eap_methods
from lotor.config.methods import side_of
from lotor.config.settings import Settings
from lotor.model.judgement import Failure
from lotor.model.policy import Side
from lotor.model.ticket import Opened, Sealing, Ticket
from lotor.ports.tickets import Tickets
from lotor.privsep.accounting import is_id
from lotor.privsep.logging_in import OPEN_TICKET, SEAL_TICKET
from lotor.privsep.serving import Denied, Handler, answering
from lotor.warden.pace import Pace

RATE, BURST = 1000.0, 2000
"""Tickets sealed and opened together, a second and at once: a gateway that is back after a restart opens one for each
client, and makes some 200 handshakes in a second."""


def terms_of(settings: Settings) -> dict[str, Terms]:
    """The blocks of a gateway that give tickets."""
    source = settings.mode_cfg.auth_source if settings.mode_cfg is not None else None
    gateways = [each for each in settings.remotes if side_of(each) is Side.GATEWAY and each.resumption]
    return {
        each.name: Terms(each.resumption or 0, frozenset(eap_methods(each, Side.GATEWAY, source))) for each in gateways
    }


class HeldTickets:
    """For the daemon whose sessions have ids that begin with `beginning`."""

    def __init__(self, tickets: Tickets, beginning: str, clock: Clock = SYSTEM) -> None:
        self._tickets = tickets
        self._beginning = beginning
        self._pace = Pace(RATE, BURST, clock)

    def rows(self) -> dict[int, Handler]:
        return dict((answering(self._seal, SEAL_TICKET), answering(self._open, OPEN_TICKET)))

    async def _seal(self, wanted: Sealing) -> Ticket | Failure:
        await self._pace.take()
        if not is_id(wanted.account, self._beginning):
            raise Denied("a session of this daemon has another id")
        return await self._tickets.seal(wanted)

    async def _open(self, ticket: bytes) -> Opened | Failure:
        await self._pace.take()
        return await self._tickets.open(ticket)
