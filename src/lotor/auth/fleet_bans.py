"""Guesses counted at this gateway, with one word of the others: who was proved from there lately at any of them does
not wait behind those who guess."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from lotor.auth.bans import MOST_OPEN, MemoryBans, digest
from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.sources import networks
from lotor.model.network import Peer
from lotor.ports.bans import Outcome, Turn
from lotor.ports.fleet import Fleet

MOMENT = 0.5
"""Seconds that a login waits for the database at most."""
REST = 10.0
"""Seconds in which nobody asks it after it did not answer."""
MOST_ASKED = 64
"""Logins that ask at a time; the others are strangers."""
MOST_PENDING = 4096
"""Proved logins that the fleet has not heard of yet; the oldest is forgotten first."""
AGAIN = 3600.0
"""Seconds after which it hears of the same one once more."""

Pair = tuple[str, str]


class FleetBans:
    """Implements `ports.bans.Bans` over `memory`. Names that were typed reach nobody: the database gets digests."""

    def __init__(self, memory: MemoryBans, fleet: Fleet, clock: Clock = SYSTEM) -> None:
        self._memory, self._fleet, self._clock = memory, fleet, clock
        self._asked = 0
        self._rests_until = 0.0
        self._open: OrderedDict[int, Pair] = OrderedDict()
        self._pending: OrderedDict[Pair, None] = OrderedDict()
        self._told: OrderedDict[Pair, float] = OrderedDict()
        self._telling: asyncio.Task[None] | None = None

    async def enter(self, user: str, source: Peer) -> Turn:
        pair = digest(user).hex(), str(networks(source)[0])
        vouched = not self._memory.knows(user, source) and await self._vouched(pair)
        turn = await self._memory.enter(user, source, vouched=vouched)
        if turn.wait is not None:
            self._open[turn.ticket] = pair
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)
        return turn

    async def leave(self, ticket: int, outcome: Outcome) -> None:
        pair = self._open.pop(ticket, None)
        await self._memory.leave(ticket, outcome)
        if outcome is Outcome.PROVED and pair is not None:
            self._vouch(pair)

    def change(self, step: float) -> None:
        self._memory.change(step)

    async def _vouched(self, pair: Pair) -> bool:
        """Nobody waits for a database that is away, or slow, longer than a moment; and then nobody asks it for a
        while."""
        if self._asked >= MOST_ASKED or self._clock.now() < self._rests_until:
            return False
        self._asked += 1
        try:
            async with asyncio.timeout(MOMENT):
                return await self._fleet.vouched(*pair)
        except OSError:  # also TimeoutError
            self._rests_until = self._clock.now() + REST
            return False
        finally:
            self._asked -= 1

    def _vouch(self, pair: Pair) -> None:
        if self._clock.now() < self._told.get(pair, -AGAIN) + AGAIN:
            return
        self._pending[pair] = None
        if len(self._pending) > MOST_PENDING:
            self._pending.popitem(last=False)
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        try:
            while self._pending:
                pair = next(iter(self._pending))
                try:
                    await self._fleet.vouch(*pair)
                except OSError:
                    await self._clock.sleep(REST)
                    continue
                self._pending.pop(pair, None)
                self._told[pair] = self._clock.now()
                self._told.move_to_end(pair)
                if len(self._told) > MOST_PENDING:
                    self._told.popitem(last=False)
        finally:
            self._telling = None
