"""The ESP engine as core and follower use it. The calls for one SA pair keep their order, and an SA pair that was
installed too late for its caller is removed again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum, auto
from functools import partial
from typing import TypeVar

from lotor.model.begun import Over, begin, finished
from lotor.model.child import Child, Counters, Encapsulation
from lotor.model.network import Instant, Path
from lotor.ports.esp import EspEngine
from lotor.runtime.lanes import Lanes, within

T = TypeVar("T")

ENGINE_SECONDS = 10.0
"""An engine that is silent for longer has refused; what it does later is taken back."""


class Step(Enum):
    """What waits for one SA pair: of each kind one, so that the line is short whatever the peer does."""

    INSTALL = auto()
    ACTIVATE = auto()
    MOVE = auto()
    REMOVE = auto()


class Associations:
    """`settled` at the end: until then everything that was asked is done, or refused, or `ENGINE_SECONDS` are over.
    `lost` hears of an SA pair that did not go where its peer is, and so carries nothing, in a turn of its own."""

    def __init__(self, engine: EspEngine, lost: Callable[[int], None] = lambda _: None) -> None:
        self._engine = engine
        self._lost = lost
        self._lanes = Lanes(ENGINE_SECONDS, at_once=True)
        self.past = Counters()
        """What SA pairs had carried that are removed."""

    async def reserve_spi(self) -> int:
        return await _soon(self._engine.reserve_spi)

    async def install(self, child: Child) -> None:
        """A caller that stops waiting, because the session ended or the time is over, leaves no SA pair behind."""
        installed = self._lanes.put(child.id, Step.INSTALL, partial(self._install, child))
        try:
            await _shielded(installed)
        except (asyncio.CancelledError, GeneratorExit, TimeoutError):
            self._lanes.follow(child.id, Step.REMOVE, partial(self._engine.remove, child.id))
            raise

    async def activate(self, child: int) -> None:
        await _shielded(self._lanes.put(child, Step.ACTIVATE, partial(self._engine.activate, child)))

    def move(self, child: int, path: Path) -> None:
        """Of several moves that wait the last one counts. Where the engine refuses, or the host does not give what the
        path needs, the pair is lost, and the journal says why."""
        self._lanes.follow(child, Step.MOVE, partial(self._move, child, path))

    def remove(self, child: int, removed: Callable[[Counters | None], None]) -> asyncio.Future[None]:
        """`removed` hears once what the pair had carried in the end, None also when the engine would not say."""
        return self._lanes.follow(child, Step.REMOVE, partial(self._remove, child, removed))

    async def counters(self, children: Iterable[int]) -> Mapping[int, Counters]:
        return await _soon(partial(self._engine.counters, tuple(children)))

    async def last_inbound(self, children: tuple[int, ...]) -> Instant | None:
        """When the newest good packet of these pairs came."""
        found = (await self.counters(children)).values()
        return max((each.last_inbound for each in found if each.last_inbound is not None), default=None)

    async def settled(self) -> None:
        await self._lanes.settled()

    async def _install(self, child: Child) -> None:
        await self._engine.prepare(child.encapsulation, child.path.remote.address.version)
        await self._engine.install(child)

    async def _move(self, child: int, path: Path) -> None:
        try:
            await self._engine.prepare(Encapsulation.along(path), path.remote.address.version)
            await self._engine.move(child, path)
        except OSError:
            if not self._lanes.waits(child, Step.MOVE):  # the next one may go well
                asyncio.get_running_loop().call_soon(self._lost, child)
            raise

    async def _remove(self, child: int, removed: Callable[[Counters | None], None]) -> None:
        last: Counters | None = None
        try:
            last = await self._engine.remove(child)
            self.past = self.past.plus(last)
        finally:
            removed(last)


async def _shielded(outcome: asyncio.Future[T]) -> T:
    """What comes of a step that goes on where its caller gives up."""
    return outcome.result() if outcome.done() else await asyncio.shield(outcome)


async def _soon(ask: Callable[[], Awaitable[T]]) -> T:
    begun = begin(finished(ask))
    if isinstance(begun, Over):
        return begun.value
    task = asyncio.get_running_loop().create_task(within(ENGINE_SECONDS, lambda: begun))
    try:
        return await task
    finally:
        task.cancel()
