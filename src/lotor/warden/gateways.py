"""What a daemon may know of the other gateways of a fleet, and want of them, for an administrator.

An owned daemon learns who is connected where, and can log people out everywhere, no faster than a person would. Of
sessions of the past, and of addresses, it learns nothing here.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass

from lotor.model.text import clean
from lotor.ports.fleet import Fleet, News, Present, Sign
from lotor.ports.gateways import FleetLook
from lotor.ports.orders import Whom, Why
from lotor.privsep.codec import MOST_ITEMS
from lotor.privsep.reaching import CONNECTED, LOG_OUT, LONGEST_SUBJECT, LOOK
from lotor.privsep.serving import Handler, Reply, handling
from lotor.privsep.sharing import ROOM, Part, Portion, first_of
from lotor.warden.orders import Orders
from lotor.warden.pace import Pace

log = logging.getLogger(__name__)

LOGOUTS_A_SECOND, LOGOUTS_AT_ONCE = 1.0, 50
LOOKS_A_SECOND, LOOKS_AT_ONCE = 5.0, 100
"""Questions that reach the database, by one daemon after another."""
PATIENCE = 10.0
"""Seconds for an answer of the database."""
AWAY = "the fleet's database does not answer"


@dataclass(frozen=True, slots=True)
class Own:
    """What this gateway is: the `fleet` that it is in, if it is; its `name` there; the rows that wait; why the database
    is known not to answer now, empty: it is not."""

    fleet: Callable[[], Fleet | None]
    name: Callable[[], str]
    waiting: Callable[[], int] = lambda: 0
    away: Callable[[], str] = lambda: ""


def heard(orders: Orders) -> Callable[[News], None]:
    """What this gateway does when others want somebody logged out, or a user of its own has come to one of them."""

    def hear(news: News) -> None:
        if news.sign is Sign.LOGOUT:
            log.info("the fleet wants %s logged out", clean(news.subject))
            orders.tell(Whom(named=news.subject), Why.LOGOUT)
        elif news.sign is Sign.RETURNED:
            orders.tell(Whom(user=news.subject), Why.SILENT)

    return hear


class FleetGateways:
    """Implements `ports.gateways.Gateways`."""

    def __init__(self, own: Own) -> None:
        self._own = own

    async def look(self) -> FleetLook | None:
        fleet = self._own.fleet()
        if fleet is None:
            return None
        name, waiting = self._own.name(), self._own.waiting()
        if away := clean(self._own.away()):
            return FleetLook(name, away, waiting)
        try:
            async with asyncio.timeout(PATIENCE):
                return FleetLook(name, "", waiting, (await fleet.gateways())[:MOST_ITEMS])
        except OSError as error:
            return FleetLook(name, clean(error.strerror or str(error)) or AWAY, waiting)

    async def present(self, user: str = "") -> tuple[Present, ...]:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._fleet().present(user)
        except TimeoutError as error:  # which may be the database's own, with its own words
            raise OSError(errno.ETIMEDOUT, error.strerror or AWAY) from None

    async def logout(self, subject: str) -> None:
        if not subject or subject != clean(subject) or len(subject.encode()) > LONGEST_SUBJECT:
            raise OSError(errno.EINVAL, "that is no login, address or id of a session")
        log.info("every gateway of the fleet is to log out %s", subject)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._fleet().tell(News(Sign.LOGOUT, subject))
        except TimeoutError as error:  # which may be the database's own, with its own words
            raise OSError(errno.ETIMEDOUT, error.strerror or AWAY) from None

    def _fleet(self) -> Fleet:
        """Raises `OSError`."""
        if (fleet := self._own.fleet()) is None:
            raise OSError(errno.ENOENT, "this gateway stands alone")
        return fleet


class GatewayRows:
    """Handlers of the verbs. Who is connected is told portion by portion: the rest of the last list is kept."""

    def __init__(self, gateways: FleetGateways) -> None:
        self._gateways = gateways
        self._looks, self._logouts = Pace(LOOKS_A_SECOND, LOOKS_AT_ONCE), Pace(LOGOUTS_A_SECOND, LOGOUTS_AT_ONCE)
        self._left: tuple[Present, ...] = ()
        self._number = self._first = 0

    def rows(self) -> dict[int, Handler]:
        return dict((handling(self._look, LOOK), handling(self._some, CONNECTED), handling(self._logout, LOG_OUT)))

    async def _look(self, nothing: None) -> Reply:
        del nothing
        await self._looks.take()
        return Reply(await self._gateways.look())

    async def _logout(self, subject: str) -> Reply:
        await self._logouts.take()
        await self._gateways.logout(subject)
        return Reply(None)

    async def _some(self, part: Part[str]) -> Reply:
        if not part.listing:
            await self._looks.take()
            self._left = await self._gateways.present(part.asked)
            self._number, self._first = self._number + 1, 0
        elif (part.listing, part.first) != (self._number, self._first):
            raise OSError(errno.ESTALE, "this list is not kept any more: ask for it again")
        count = first_of(self._left, Present, ROOM)
        some, self._left = self._left[:count], self._left[count:]
        self._first += count
        return Reply(Portion(some, self._number, len(self._left)))
