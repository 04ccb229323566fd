"""The warden's rows for the configuration: what a daemon gets of it, and when the next one is taken over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from lotor.config import ConfigError
from lotor.config.provision import Provision
from lotor.privsep.codec import encode
from lotor.privsep.configuring import (
    LARGEST_PROVISION,
    LONGEST_TEXT,
    MOST_ITEMS,
    PROVISION,
    TAKE_OVER,
    Faults,
    NotTaken,
    Provided,
    TakenOver,
    Which,
)
from lotor.privsep.sealed import seal
from lotor.privsep.serving import Handler, Reply

AT_ONCE, ANOTHER_AFTER = 16, 2.0
"""So many times in a row the files are read again; then once in so many seconds. A person reloads seldom."""

Provide = Callable[[Which], Awaitable[Provision]]
"""Raises `ConfigError` with everything that is wrong."""
TakeOver = Callable[[], Awaitable[TakenOver | NotTaken]]


def rows(provide: Provide, take_over: TakeOver) -> dict[int, Handler]:
    """Handlers by the number of the verb; `provide` and `take_over` do what is asked."""
    pace = Pace()

    async def provision(which: Which) -> Reply:
        await pace.wait(which)
        try:
            return await _reply(await provide(which))
        except ConfigError as error:
            return Reply(Faults(_cut(str(error), LONGEST_TEXT)))

    async def taken(nothing: None) -> Reply:
        del nothing
        return Reply(_shortened(await take_over()))

    return {PROVISION.number: provision, TAKE_OVER.number: taken}


class Pace:
    """How often files may be read again at a daemon's word: loading of keys takes time, and reads disks. Whoever asks
    too often waits, and one who stops waiting does not make the next wait longer."""

    def __init__(self) -> None:
        self._left, self._since = float(AT_ONCE), 0.0

    async def wait(self, which: Which) -> None:
        if which is Which.IN_FORCE:
            return
        now = asyncio.get_running_loop().time()
        self._left = max(-1.0, min(AT_ONCE, self._left + (now - self._since) / ANOTHER_AFTER) - 1)
        self._since = now
        if self._left < 0:
            await asyncio.sleep(-self._left * ANOTHER_AFTER)


async def _reply(provision: Provision) -> Reply:
    octets = await asyncio.to_thread(encode, Provision, provision, MOST_ITEMS)
    if len(octets) > LARGEST_PROVISION:
        text = f"the configuration takes {len(octets)} octets in memory, {LARGEST_PROVISION} may be: make it smaller"
        return Reply(Faults(text))
    return Reply(Provided(len(octets)), (seal(octets),))


def _shortened(answer: TakenOver | NotTaken) -> TakenOver | NotTaken:
    if isinstance(answer, NotTaken):
        return NotTaken(_cut(answer.why, LONGEST_TEXT), _cut(answer.code, 64))
    share = LONGEST_TEXT // max(1, len(answer.told))
    return TakenOver(tuple(_cut(each, share) for each in answer.told))


def _cut(text: str, longest: int) -> str:
    """At most so many octets."""
    octets = text.encode("utf-8", "replace")
    return octets.decode() if len(octets) <= longest else octets[: longest - 3].decode("utf-8", "ignore") + "…"
