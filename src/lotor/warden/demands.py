"""What RADIUS servers demand of sessions (RFC 5176), as the process of back ends hears it: looked at, ordered of the
daemon, and settled.

Whoever owns that process can end any session, and change what a server may change of it: nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from lotor.config.settings import Settings
from lotor.model.quantity import quantity
from lotor.model.text import clean
from lotor.ports.demands import Demand, Demands, Settled
from lotor.ports.orders import Changes, Whom, Why
from lotor.privsep.complaints import Complaints
from lotor.privsep.demanding import MOST_UNDER_WAY
from lotor.warden.accounting import Accounts
from lotor.warden.judging import no_demand
from lotor.warden.orders import Orders

log = logging.getLogger(__name__)

DEAF = 1.0
"""Seconds until servers are listened to again where they could not be heard."""
LONGEST_SHOWN = 200

Order = Callable[[Whom, Changes | None], Awaitable[int]]
"""How many sessions there are, which end or are changed. Raises `OSError` where that is not known."""


def ordering(orders: Orders, accounts: Accounts) -> Order:
    """The daemon has the sessions; what their accounts tell is the warden's own."""

    async def order(whom: Whom, changes: Changes | None) -> int:
        if changes is None:
            return await orders.end(whom, Why.SERVER)
        sessions = await orders.change(whom, changes)
        if sessions and changes.classes is not None:
            accounts.reclass(whom, changes.classes)
        return sessions

    return order


class Obeying:
    """From `start` to `stop`. `settings` are those in force: they say which servers may demand something."""

    def __init__(self, demands: Demands, order: Order, settings: Callable[[], Settings]) -> None:
        self._demands = demands
        self._order = order
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._told, self._complaints = Complaints(log), Complaints(log)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    async def stop(self) -> None:
        tasks = {*self._under_way, *((self._task,) if self._task is not None else ())}
        for each in tasks:
            each.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _go_on(self) -> None:
        while True:
            try:
                for demand in await self._demands.demanded():
                    await self._begin(demand)
            except OSError:
                await asyncio.sleep(DEAF)
            except Exception as error:  # noqa: BLE001 - its text may quote a server
                self._complaints.tell("demands of servers failed: %s", type(error).__name__)
                await asyncio.sleep(DEAF)

    async def _begin(self, demand: Demand) -> None:
        while len(self._under_way) >= MOST_UNDER_WAY:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.get_running_loop().create_task(self._obey(demand))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _obey(self, demand: Demand) -> None:
        if wrong := no_demand(demand, self._settings().radius):
            self._complaints.tell("the process of back ends demanded what it may not: %s", wrong)
            return
        sessions: int | None = None
        try:
            sessions = await self._order(demand.whom, demand.changes)
            become = "changed" if demand.changes is not None else "ended"
            told = f"{quantity(sessions, 'session')} {become}" if sessions else "there is no such session"
        except OSError as error:
            told = f"nobody knows what became of it: {error.strerror or error}"
        self._told.tell("RADIUS server %s %s: %s", demand.server, shown(demand), told)
        try:
            await self._demands.settle(Settled(demand.number, sessions))
        except OSError:  # the server asks again
            return


def shown(demand: Demand) -> str:
    """What is demanded, in words."""
    whom = demand.whom
    named = (
        ("user", whom.user),
        ("session", whom.session),
        *(("inside", each) for each in (whom.inside, *whom.beside)),
        ("from", whom.source),
        ("called", whom.called),
        ("port", whom.port),
    )
    words = " ".join(f"{name} {value}" for name, value in named if value not in {None, ""})
    what = "changes" if demand.changes is not None else "ends"
    return f"{what} {clean(words, longest=LONGEST_SHOWN)}"
