"""News of the fleet: a connection that only listens, comes back by itself, and a bounded queue of what it heard."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from typing import Any

from lotor.fleet.connecting import Connection
from lotor.fleet.connections import Connecting
from lotor.fleet.faults import told
from lotor.model.text import clean
from lotor.ports.fleet import LONGEST_WAIT, MOST_AT_ONCE, News, Sign

log = logging.getLogger(__name__)

CHANNEL = "lotor"
MOST_KEPT = 1024
"""News that nobody has fetched; where there are more, whoever fetches asks for everything once more."""
LONGEST_PAYLOAD = 8000
"""Octets that PostgreSQL carries."""
LONGEST_SUBJECT = 256
OF_THIS_END = frozenset({Sign.JOINED, Sign.REPLACED})
"""What nobody tells another."""
LOOKS = 10.0
"""Seconds after which a silent server is asked whether it is there."""
PATIENCE = 5.0
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds between attempts to connect; the last one for as long as it takes."""


class Queue:
    """What happened and was not fetched."""

    def __init__(self) -> None:
        self._news: deque[News] = deque()
        self._some = asyncio.Event()

    def put(self, news: News) -> None:
        if len(self._news) >= MOST_KEPT:
            self._news.clear()
            self._news.append(News(Sign.JOINED))
        if not self._news or self._news[-1] != news:
            self._news.append(news)
        self._some.set()

    async def get(self, wait: float) -> tuple[News, ...]:
        """`MOST_AT_ONCE`, in order; none where nothing came within so many seconds."""
        try:
            async with asyncio.timeout(wait):
                await self._some.wait()
        except TimeoutError:
            return ()
        taken = tuple(self._news.popleft() for _ in range(min(len(self._news), MOST_AT_ONCE)))
        if not self._news:
            self._some.clear()
        return taken


class Listening:
    """`start` once; `close` ends it."""

    def __init__(self, way: Connecting, name: str) -> None:
        self.queue = Queue()
        self._way = way
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self._away = False
        self._failed = 0
        """Attempts since it listened last."""

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._listen())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def news(self) -> tuple[News, ...]:
        return await self.queue.get(LONGEST_WAIT)

    async def _listen(self) -> None:
        while True:
            try:
                await self._stay(await self._way.connect())
            except Exception as error:  # noqa: BLE001 - a server can make asyncpg raise anything
                self._tell(told(error, self._way.settings))
            await asyncio.sleep(PAUSES[min(self._failed, len(PAUSES) - 1)])
            self._failed += 1

    async def _stay(self, connection: Connection) -> None:
        """Until the connection ends, which raises."""
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        try:
            async with asyncio.timeout(PATIENCE):
                await connection.add_listener(CHANNEL, self._heard)
            self._failed = 0
            self._tell(None)
            self.queue.put(News(Sign.JOINED))
            while not await _within(ended, LOOKS):
                async with asyncio.timeout(PATIENCE):
                    await connection.execute("SELECT 1")
        finally:
            connection.terminate()
        raise ConnectionResetError("the server ended the connection")

    def _heard(self, _connection: Any, _pid: Any, _channel: Any, payload: Any) -> None:
        if (news := news_of(payload, self._name)) is not None:
            self.queue.put(news)

    def _tell(self, fault: OSError | None) -> None:
        """Each time it goes, and comes back."""
        if fault is not None and not self._away:
            log.warning("%s; nobody whom it does not concern loses the tunnel", fault)
        if fault is None and self._away:
            log.warning("the fleet's database %s is there again", self._way.settings.shown)
        self._away = fault is not None


def payload_of(news: News) -> str:
    """For every gateway."""
    return json.dumps({"to": "", "sign": news.sign.value, "subject": news.subject[:LONGEST_SUBJECT]})


def news_of(payload: Any, name: str) -> News | None:
    """None for what is for others, or is no news: whoever may connect to the database may send anything here."""
    if not isinstance(payload, str) or len(payload) > LONGEST_PAYLOAD:
        return None
    try:
        told_of = json.loads(payload)
        sign, subject, to = Sign(told_of["sign"]), told_of["subject"], told_of["to"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if sign in OF_THIS_END or to not in ("", name) or not isinstance(subject, str):
        return None
    return News(sign, clean(subject, longest=LONGEST_SUBJECT))


async def _within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
