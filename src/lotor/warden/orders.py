"""What parts of the warden order of the daemon's sessions: they end, or their peers show that they are there.

The daemon asks for orders, and waits for them. One that nobody has taken or answered when its daemon ends is over: the
sessions have ended with the daemon. The next one takes what is ordered in between, and finds nobody.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import deque

from lotor.model.network import Address
from lotor.ports.orders import LONGEST_WAIT, Changes, Order, Outcome, Whom, Why
from lotor.privsep.complaints import Complaints
from lotor.privsep.ordering import MOST_IN_ANSWER, ORDERS, OUTCOME
from lotor.privsep.serving import Handler, Reply, handling

log = logging.getLogger(__name__)

MOST_ORDERS = 1024
"""That are not done: each is a session or a user, and a daemon does thousands a second."""
MOST_LOST = 65_536
"""With those of addresses that another gateway has: one for each session that may have one (`warden.leases`). Each is
ordered once, and nobody may have the address here as well."""
LONGEST_ANSWER = 5.0
"""Seconds in which a daemon says what became of an order; nobody waits for it longer."""
LONGEST_WORD = 1_024
"""Octets of a login, or of an id."""
_NOBODY = Whom()


class Orders:
    """Implements `ports.orders.Orders`."""

    def __init__(self) -> None:
        self._waiting: deque[Order] = deque()
        self._open: dict[int, asyncio.Future[int]] = {}
        self._number = 0
        self._stirred = asyncio.Event()
        self._complaints = Complaints(log)

    async def end(self, whom: Whom, why: Why) -> int:
        """How many sessions were found, which end. Raises `OSError` where the daemon does not say so within
        `LONGEST_ANSWER` (they may end nevertheless), or too much is ordered."""
        return await self._answered(self._give(whom, why))

    async def change(self, whom: Whom, changes: Changes) -> int:
        """The same of sessions that go on with these changes, which a RADIUS server wants."""
        return await self._answered(self._give(whom, Why.SERVER, changes))

    async def _answered(self, outcome: asyncio.Future[int]) -> int:
        try:
            async with asyncio.timeout(LONGEST_ANSWER):
                return await asyncio.shield(outcome)
        except TimeoutError:
            text = f"the daemon did not say within {LONGEST_ANSWER:g} s whether it has such a session"
            raise OSError(errno.ETIMEDOUT, text) from None

    def tell(self, whom: Whom, why: Why) -> None:
        """The same where nobody waits for it. What is too much is not done, and said."""
        try:
            self._give(whom, why)
        except OSError as error:
            self._complaints.tell("an order (%s) is not done: %s", why.value, error.strerror)

    def probe(self, inside: Address) -> None:
        """The peer of a session is asked for a sign of life; where none comes within two seconds the session ends, and
        its address is given back. A peer that cannot be asked keeps it."""
        self.tell(Whom(inside=inside), Why.SILENT)

    def over(self) -> None:
        """The daemon is gone, and its sessions with it."""
        self._waiting.clear()
        outcomes, self._open = self._open, {}
        for each in outcomes.values():
            if not each.done():
                each.set_result(0)

    async def next(self) -> tuple[Order, ...]:
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                while not self._waiting:
                    self._stirred.clear()
                    await self._stirred.wait()
        except TimeoutError:
            return ()
        return tuple(self._waiting.popleft() for _ in range(min(MOST_IN_ANSWER, len(self._waiting))))

    async def done(self, outcome: Outcome) -> None:
        found = self._open.pop(outcome.number, None)
        if found is not None and not found.done():
            found.set_result(max(0, outcome.sessions))

    def _give(self, whom: Whom, why: Why, changes: Changes | None = None) -> asyncio.Future[int]:
        """What becomes of it. Raises `OSError`."""
        outcome: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if whom == _NOBODY or not all(map(_may_be, (whom.user, whom.session, whom.named))):
            outcome.set_result(0)
            return outcome
        most = MOST_LOST if why is Why.LEASE_LOST else MOST_ORDERS
        if len(self._open) >= most:
            raise OSError(errno.ENOBUFS, f"{most} orders wait for the daemon, no more may")
        self._number += 1
        self._open[self._number] = outcome
        self._waiting.append(Order(self._number, whom, why, changes))
        self._stirred.set()
        return outcome


def rows(orders: Orders) -> dict[int, Handler]:
    async def following(nothing: None) -> Reply:
        del nothing
        return Reply(await orders.next())

    async def done(outcome: Outcome) -> Reply:
        await orders.done(outcome)
        return Reply(None)

    return dict((handling(following, ORDERS), handling(done, OUTCOME)))


def _may_be(word: str) -> bool:
    """What has no octets, or too many, is nobody's name."""
    try:
        return len(word.encode()) <= LONGEST_WORD
    except UnicodeEncodeError:
        return False
