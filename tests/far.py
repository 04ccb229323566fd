"""A port over a real socket pair, and a daemon in an attacker's hands at the same pair."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

from lotor.privsep.asking import Asker
from lotor.privsep.codec import decode, encode
from lotor.privsep.frames import Frame, Kind, pair, receive, send
from lotor.privsep.serving import Server
from lotor.privsep.verb import Verb

PATIENCE = 60
"""Seconds after which a test has failed."""


class FarPort:
    """What `far(asker)` asks is answered by `rows`; both ends stand in whatever loop asks."""

    def __init__(self, far, rows) -> None:
        self._far, self._rows = far, rows
        self._loop = None
        self._ends: tuple[Any, ...] = ()
        self.lost: list[str] = []

    def __getattr__(self, name):
        async def call(*arguments, **named):
            return await getattr(self._here(), name)(*arguments, **named)

        return call

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self):
        for end in self._ends:
            end.close()

    def _here(self):
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self.close()
            self._loop, self._ends = loop, pair()
            self._server = Server(self._ends[1], self._rows, self.lost.append)
            self._engine = self._far(Asker(self._ends[0], self.lost.append))
        return self._engine


class Intruder:
    """The daemon's end without what holds it back."""

    def __init__(self, end) -> None:
        self.end = end
        self._tickets = count(1)
        self._heard: dict[int, Frame] = {}

    def say(self, verb: Verb, request: object) -> int:
        """The ticket of the question."""
        ticket = next(self._tickets)
        send(self.end, Frame(Kind.REQUEST, verb.number, ticket, encode(verb.request, request)))
        return ticket

    def withdraw(self, verb: Verb, ticket: int) -> None:
        send(self.end, Frame(Kind.CANCEL, verb.number, ticket))

    async def hear(self, verb: Verb, ticket: int) -> object:
        """The answer; `Kind.REFUSED` for none."""
        while ticket not in self._heard:
            try:
                frame = receive(self.end)
            except BlockingIOError:
                await asyncio.sleep(0)
            else:
                self._heard[frame.ticket] = frame
        frame = self._heard.pop(ticket)
        return decode(verb.answer, frame.body) if frame.kind is Kind.ANSWER else frame.kind

    async def ask(self, verb: Verb, request: object) -> object:
        return await self.hear(verb, self.say(verb, request))


def besieged(rows: Callable[[], dict], story):
    """`story(intruder, lost)` against a warden that answers `rows()`; `lost` is done once it lets the daemon go."""

    async def run():
        ends = pair()
        lost = asyncio.get_running_loop().create_future()
        server = Server(ends[1], rows(), lambda why: lost.done() or lost.set_result(why))
        try:
            async with asyncio.timeout(PATIENCE):
                return await story(Intruder(ends[0]), lost)
        finally:
            server.close()
            for end in ends:
                end.close()

    return asyncio.run(run())


async def until(condition) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0)
