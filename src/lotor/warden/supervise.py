"""Keeps a daemon running, or another process: the first start succeeds or is refused with a reason, a later end is
followed by a start."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lotor.model.text import clean
from lotor.privsep.living import StartFailure
from lotor.privsep.serving import Handler
from lotor.warden.child import DAEMON, Child, End, Role
from lotor.warden.spawning import Program

log = logging.getLogger(__name__)

PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0)
"""Seconds before each further start; the last one for all that follow."""
STEADY = 60.0
"""A daemon that served as many seconds is started at once when it ends."""
PATIENCE = 10.0
"""Seconds in which a daemon says goodbye to its peers."""
LONGEST_START = 60.0
"""A daemon that is not ready by then, and says nothing, will not be."""
SILENT = 1
"""The exit code of a daemon that did not say why it does not start."""


class StartFailed(Exception):  # noqa: N818 - what happened
    """No daemon came up. `text` and `fix` are for a person, `code` is the exit code of the program."""

    def __init__(self, failure: StartFailure) -> None:
        super().__init__(failure.text)
        self.text = failure.text
        self.fix = failure.fix
        self.code = failure.code


@dataclass(frozen=True, slots=True)
class Care:
    """What a warden does for each daemon: `begin` makes the handlers that answer its questions, by verb; `let_go` gives
    back all that it held, after its end and before the next one begins. `again`: whether one that ended by itself is
    followed by another one. `role`: what it is."""

    begin: Callable[[], Mapping[int, Handler]]
    let_go: Callable[[], Awaitable[None]]
    again: Callable[[End], bool] = lambda _: True
    role: Role = DAEMON

    @property
    def name(self) -> str:
        return self.role.name


class Supervisor:
    """One process at a time, which is called a daemon here. `pause` waits; tests have one of their own."""

    def __init__(self, program: Program, care: Care, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._program = program
        self._care = care
        self._pause = pause
        self._child: Child | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._hung_up = False

    @property
    def pid(self) -> int | None:
        """Of the daemon that runs."""
        return self._child.pid if self._child is not None else None

    @property
    def answers(self) -> bool:
        """Whether the daemon showed lately that it lives; also while another one is about to start."""
        return self._child is None or not self._child.pulse.stands_still

    async def start(self) -> None:
        """Returns when the daemon serves. Raises `StartFailed`."""
        end = await self._attempt()
        if end is not None:
            raise StartFailed(_failure(end, self._care.name))
        self._task = asyncio.get_running_loop().create_task(self._keep())

    def hang_up(self) -> None:
        """The daemon reads its configuration again: now, or as soon as it serves."""
        self._hung_up = True
        self._pass_on()

    def _pass_on(self) -> None:
        if self._hung_up and self._child is not None:
            self._hung_up = not self._child.hang_up()

    def lose(self, why: str) -> None:
        """The process broke a rule elsewhere: it is ended, and started again."""
        if self._child is not None:
            self._child.lose(why)

    async def stop(self) -> None:
        """Ends the daemon, and returns when all that it held is given back. Its questions are answered until then."""
        self._stopping.set()
        if self._child is not None:
            self._child.end(PATIENCE)
        if self._task is not None:
            await self._task

    async def _keep(self) -> None:
        """Beside a daemon that serves; until `stop`."""
        failures = 0
        while self._child is not None:
            since = asyncio.get_running_loop().time()
            end: End | None = await self._over(self._child)
            if asyncio.get_running_loop().time() - since >= STEADY:
                failures = 0
            while end is not None and not self._stopping.is_set() and self._care.again(end):
                pause = PAUSES[min(failures, len(PAUSES) - 1)]
                failures += 1
                _tell(end, pause, self._care.name)
                end = await self._attempt() if await self._waited(pause) else None

    async def _attempt(self) -> End | None:
        """None when a daemon serves, else how that ended; all that it held is given back then."""
        begun = self._begun()
        if isinstance(begun, StartFailure):
            return End(SILENT, ready=False, failure=begun)
        self._child = begun
        if not await self._came_up(begun):
            return await self._over(begun)
        log.info("the %s serves as process %d", self._care.name, begun.pid)
        self._pass_on()
        return None

    def _begun(self) -> Child | StartFailure:
        """A process that has begun to start, or why there is none. It never raises: nobody would start the next one."""
        try:
            handlers = self._care.begin()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next start tries again
            return StartFailure(f"the warden is not ready for a {self._care.name}: {_why(error)}", "", SILENT)
        try:
            return Child(self._program, handlers, self._care.role)
        except Exception as error:  # noqa: BLE001 - the same
            return StartFailure(f"no process starts: {_why(error)}", "", SILENT)

    async def _came_up(self, child: Child) -> bool:
        """Whether it serves. One that hangs is ended; so is one whose start is no longer wanted."""
        first: list[asyncio.Future[Any]] = [child.ready, child.ended]
        try:
            async with asyncio.timeout(LONGEST_START):
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            text = "the %s is not ready after %d seconds and is ended"
            log.error(text, self._care.name, LONGEST_START)  # noqa: TRY400 - it says all
            child.end(0.0)
            return False
        except asyncio.CancelledError:
            child.end(0.0)
            await self._over(child)
            raise
        return child.ready.done()

    async def _over(self, child: Child) -> End:
        """Its end, with everything given back."""
        end = await child.ended
        self._child = None
        try:
            await self._care.let_go()
        except Exception as error:  # noqa: BLE001 - its text may quote a peer
            text = "what the %s held was not given back: %s"
            log.error(text, self._care.name, type(error).__name__)  # noqa: TRY400 - it says all
        return end

    async def _waited(self, seconds: float) -> bool:
        """Whether the next start is still wanted."""
        waits = asyncio.ensure_future(self._pause(seconds))
        stops = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({waits, stops}, return_when=asyncio.FIRST_COMPLETED)
        for each in (waits, stops):
            each.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await each
        return not self._stopping.is_set()


def _tell(end: End, pause: float, name: str) -> None:
    when = f"in {pause:g} s" if pause else "at once"
    if end.ready:
        log.error("the %s ended unexpectedly (%s): it is started again %s", name, end.text, when)
    else:
        log.error("the %s did not start (%s): it is tried again %s", name, _failure(end, name).text, when)


def _why(error: Exception) -> str:
    """The text of a fault of the program itself may quote a peer."""
    return error.strerror or str(error) if isinstance(error, OSError) else f"internal error: {type(error).__name__}"


def _failure(end: End, name: str) -> StartFailure:
    """What it said itself, else how it ended."""
    if end.failure is not None:
        said = end.failure
        return StartFailure(clean(said.text, lines=True, longest=8192), clean(said.fix, lines=True), said.code)
    return StartFailure(f"the {name} ended before it was ready ({end.text}); its log says more", "", SILENT)
