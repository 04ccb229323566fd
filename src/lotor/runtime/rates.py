"""How fast sessions carry: their traffic, looked at again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from math import inf
from typing import NamedTuple

from lotor.model.child import Counters
from lotor.model.frozen import frozen
from lotor.model.network import Instant
from lotor.runtime.faults import trace
from lotor.runtime.sessions import Register, Session

log = logging.getLogger(__name__)

SELDOM_S = 10.0
"""Between two looks while nobody wants to know: what is asked for once is then an average of the last seconds."""
OFTEN_S = 2.0
INTEREST_S = 15.0
"""So long after a question another one is expected."""
PER_SECOND, PER_SECOND_SELDOM = 1000, 250
"""Sessions that are looked at in a second at most, which is 2 % of a processor, and less while nobody asks: with
thousands the looks are further apart."""
AT_ONCE = 100
"""Sessions before others have their turn: two milliseconds of work."""


@frozen
class Rate:
    """Inner octets a second from and to the peer. `loss`: the share of the peer's packets that did not come, None where
    none were sent."""

    octets_in: float
    octets_out: float
    loss: float | None = None


class _Seen(NamedTuple):
    """What a session had carried by then, and its rate since the look before. Ten thousand are made in a go."""

    at: Instant
    octets_in: int
    octets_out: int
    packets_in: int
    lost: int
    rate: Rate | None = None


class Rates:
    """Looks at all sessions every ten seconds, and every two while somebody asks; more seldom at thousands. A session
    is remembered for as long as the register has it."""

    def __init__(
        self,
        register: Register,
        counters: Callable[[Iterable[int]], Awaitable[Mapping[int, Counters]]],
        now: Callable[[], Instant],
    ) -> None:
        self._register = register
        self._counters = counters
        self._now = now
        self._seen: dict[int, _Seen] = {}
        self._asked = self._looked = -inf
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def asked(self) -> None:
        """Somebody is interested."""
        self._asked = self._now()

    def of(self, session: int) -> Rate | None:
        """None where two looks have not seen the session, or the engine does not tell."""
        seen = self._seen.get(session)
        return seen.rate if seen is not None else None

    @property
    def due(self) -> bool:
        """Whether it is time to look."""
        now, sessions = self._now(), len(self._seen)
        often = max(OFTEN_S, sessions / PER_SECOND)
        seldom = max(SELDOM_S, sessions / PER_SECOND_SELDOM)
        return now - self._looked >= (often if now - self._asked < INTEREST_S else seldom)

    async def look(self) -> None:
        """All sessions once. Without the engine's answer nothing is known until the next look."""
        self._looked = self._now()
        found: dict[int, _Seen] = {}
        sessions = self._register.all()
        try:
            for begin in range(0, len(sessions), AT_ONCE):
                some = sessions[begin : begin + AT_ONCE]
                counters = await self._counters([child for each in some for child in each.counted])
                found |= {each.id: self._look_at(each, counters) for each in some}
                await asyncio.sleep(0)
        except OSError:
            found = {}
        self._seen = found

    def _look_at(self, session: Session, counters: Mapping[int, Counters]) -> _Seen:
        parts = [session.past, *(counters[child] for child in session.counted if child in counters)]
        seen = _Seen(
            self._now(),
            sum([each.octets_in for each in parts]),
            sum([each.octets_out for each in parts]),
            sum([each.packets_in for each in parts]),
            sum([each.lost for each in parts]),
        )
        return seen._replace(rate=_rate(self._seen.get(session.id), seen))

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(OFTEN_S)
            if self.due:
                await self._look_once()

    async def _look_once(self) -> None:
        try:
            await self.look()
        except Exception as error:  # noqa: BLE001 - the next look has figures again
            log.error("internal error: rates: %s", trace(error))  # noqa: TRY400


def _rate(before: _Seen | None, seen: _Seen) -> Rate | None:
    """A pair that went meanwhile may be counted a moment later: never less than nothing."""
    if before is None or seen.at <= before.at:
        return None
    seconds = seen.at - before.at
    came, lost = max(0, seen.packets_in - before.packets_in), max(0, seen.lost - before.lost)
    return Rate(
        max(0, seen.octets_in - before.octets_in) / seconds,
        max(0, seen.octets_out - before.octets_out) / seconds,
        lost / (came + lost) if came + lost else None,
    )
