"""Ends sessions that carry nothing for the time that their login granted (Idle-Timeout, RFC 2865 §5.28)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from lotor.ike.intents import Disconnect
from lotor.model.child import Counters
from lotor.model.network import Instant
from lotor.model.reasons.ends import SessionIdle
from lotor.runtime.faults import trace
from lotor.runtime.sessions import Register, Session

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""Between two looks: so much later than granted a session may end."""
PER_SECOND = 250
"""Sessions that are looked at in a second at most: with thousands the looks are further apart."""
AT_ONCE = 100
"""Sessions before others have their turn."""


class IdleSessions:
    """Looks at the packets of the sessions whose login granted an idle time, and at no others. A packet in either
    direction counts, also of an SA pair that is gone since. `command` ends one."""

    def __init__(
        self,
        register: Register,
        counters: Callable[[Iterable[int]], Awaitable[Mapping[int, Counters]]],
        command: Callable[[Disconnect], None],
        now: Callable[[], Instant] | None = None,
    ) -> None:
        self._register = register
        self._counters = counters
        self._command = command
        self._now = now or asyncio.get_running_loop().time
        self._seen: dict[int, tuple[int, Instant]] = {}
        """By session: its packets, and when they were fewer."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def look(self) -> None:
        """All of them once. Where the engine does not answer nobody is idle."""
        sessions = [each for each in self._register.all() if each.grants.idle_time is not None]
        self._seen = {each.id: self._seen[each.id] for each in sessions if each.id in self._seen}
        for begin in range(0, len(sessions), AT_ONCE):
            some = sessions[begin : begin + AT_ONCE]
            try:
                counters = await self._counters([child for each in some for child in each.counted])
            except OSError:
                self._seen = {}
                return
            for each in some:
                self._judge(each, counters)
            await asyncio.sleep(0)

    def _judge(self, session: Session, counters: Mapping[int, Counters]) -> None:
        if session.ended or session.grants.idle_time is None:
            return
        now, total = self._now(), session.traffic(counters)
        packets = total.packets_in + total.packets_out
        before, since = self._seen.get(session.id, (-1, now))
        if packets != before:
            self._seen[session.id] = packets, now
        elif now - since >= session.grants.idle_time:
            self._command(Disconnect(session.id, SessionIdle(round(session.grants.idle_time))))

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(max(LOOK_S, len(self._seen) / PER_SECOND))
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - who is idle at the next look ends all the same
                log.error("internal error: idle sessions: %s", trace(error))  # noqa: TRY400
