"""Does what is ordered of sessions that are up at this gateway: its warden orders, the core carries out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from lotor.ike.intents import Check, Disconnect, Intent, Regrant
from lotor.model.network import Address
from lotor.model.policy import Side
from lotor.model.reason import Reason
from lotor.model.reasons.ends import DisconnectedByServer, LeaseLost, LoggedOut
from lotor.ports.orders import Changes, Order, Orders, Outcome, Whom, Why
from lotor.runtime.faults import trace
from lotor.runtime.sessions import Register, Session

log = logging.getLogger(__name__)

T = TypeVar("T")

WORD = 2**32
"""NAS-Port is the number of a session within it."""
DEAF = 1.0
"""Seconds until orders are asked for again where that went wrong."""


class Obedience:
    """`command` gives the core an intent. It obeys from `start` to `stop`."""

    def __init__(self, orders: Orders, register: Register, command: Callable[[Intent], None]) -> None:
        self._orders = orders
        self._register = register
        self._command = command
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _go_on(self) -> None:
        while True:
            orders = await self._tried(self._orders.next())
            done = [await self._tried(self._carried_out(each)) for each in orders or ()]
            if orders is None or None in done:
                await asyncio.sleep(DEAF)

    async def _tried(self, step: Awaitable[T]) -> T | None:
        """None where it went wrong, which costs no other order."""
        try:
            return await step
        except OSError as error:
            log.debug("no orders: %s", error.strerror or error)
        except Exception as error:  # noqa: BLE001 - orders to come are obeyed all the same
            log.error("internal error: an order was not obeyed: %s", trace(error))  # noqa: TRY400 - the trace says all
        return None

    async def _carried_out(self, order: Order) -> bool:
        """Its outcome is told in any case: the warden keeps a place for each order until then."""
        found = 0
        try:
            found = self._obey(order)
        finally:
            await self._orders.done(Outcome(order.number, found))
        return True

    def _obey(self, order: Order) -> int:
        """How many sessions it is about."""
        found = meant(order.whom, self._register.all())
        if order.changes is not None:
            found = [each for each in found if each.up]
        for session in found:
            if order.changes is not None:
                self._command(regranted(session, order.changes))
            elif order.why is Why.SILENT:
                self._command(Check(session.id, session.path))
            else:
                self._command(Disconnect(session.id, _reason(order.why, session)))
        return len(found)


def meant(whom: Whom, sessions: Iterable[Session]) -> list[Session]:
    """Of those of a gateway."""
    here = [each for each in sessions if each.side is Side.GATEWAY]
    if whom == Whom():
        return []
    return [each for each in _named(whom.named, here) if _fits(whom, each)]


def _named(name: str, sessions: list[Session]) -> list[Session]:
    if not name:
        return sessions
    for each in sessions:
        if each.key == name:
            return [each]
    inside = [each for each in sessions if name in _insides(each)]
    return inside or [each for each in sessions if each.user == name]


def _fits(whom: Whom, session: Session) -> bool:
    user, key, port = whom.user, whom.session, whom.port
    insides = (whom.inside, *whom.beside)
    return (
        (not user or session.user == user)
        and all(each is None or str(each) in _insides(session) for each in insides)
        and (not key or session.key == key)
        and (port is None or (bool(session.user) and session.id % WORD == port))
        and _is_between(session, whom.source, whom.called)
    )


def _is_between(session: Session, source: Address | None, called: Address | None) -> bool:
    """Accounting has told where the session began, which is where it is now as long as the peer does not move. Who has
    not logged in is nobody whom a server knows."""
    far = source is None or (bool(session.user) and source in {session.called, session.path.remote.address})
    return far and (called is None or session.path.local.address == called)


def regranted(session: Session, changes: Changes) -> Regrant:
    """What was granted, with these changes."""
    before = session.grants
    grants = replace(
        before,
        session_time=_limit(changes.session_time, before.session_time),
        idle_time=_limit(changes.idle_time, before.idle_time),
        accounting_interval=_limit(changes.accounting_interval, before.accounting_interval),
        accounting_classes=before.accounting_classes if changes.classes is None else changes.classes,
    )
    return Regrant(session.id, grants, timed=changes.session_time is not None)


def _limit(changed: float | None, before: float | None) -> float | None:
    """0 is none."""
    return before if changed is None else changed or None


def _insides(session: Session) -> tuple[str, ...]:
    return tuple(map(str, session.configuration.addresses)) if session.configuration is not None else ()


def _reason(why: Why, session: Session) -> Reason:
    if why is Why.LEASE_LOST:
        return LeaseLost()
    if why is Why.SERVER:
        return DisconnectedByServer(session.user)
    return LoggedOut(session.user)
