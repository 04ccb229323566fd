"""The engines that follow a session: the host and the hooks one after the other per session, the data plane at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from lotor.ike.events import ChildDown, Configured, Dead, Ended, Event, PathChanged, Up
from lotor.ike.intents import Disconnect, Intent
from lotor.model.policy import Side
from lotor.model.reason import Cause, Reason
from lotor.ports.dataplane import DataPlane
from lotor.ports.hooks import HookEvent, Hooks
from lotor.ports.host import Attachment, Host
from lotor.runtime.faults import trace
from lotor.runtime.sessions import Register, Session

log = logging.getLogger(__name__)

Environment = Callable[[Session, str], Mapping[str, str]]
"""The variables of a hook: a session and the name of the TUN device."""


@dataclass(frozen=True, slots=True)
class Engines:
    """What follows. `release` gives a lease back; `environment` is the hooks' table of variables."""

    dataplane: DataPlane
    host: Host
    hooks: Hooks
    release: Callable[[int], None]
    environment: Environment


@dataclass(slots=True)
class Progress:
    """How far the engines are with one session; `tail` is the last thing under way, None when nothing is; `hooked` the
    session as `phase1_up` was told of it, None before."""

    tail: asyncio.Task[None] | None = None
    configured: bool = False
    attachment: Attachment | None = None
    hooked: Session | None = None
    dead: bool = False
    up: bool = False
    leaving: bool = False


class Follower:
    """Subscribes to the driver. `ready` hears of sessions that a person may use now."""

    def __init__(
        self, engines: Engines, register: Register, command: Callable[[Intent], None], ready: Callable[[int], None]
    ) -> None:
        self._engines = engines
        self._register = register
        self._command = command
        self._ready = ready
        self._progress: dict[int, Progress] = {}
        self._running: set[asyncio.Task[None]] = set()

    def follow(self, event: Event) -> None:
        match event:
            case Configured(session=session):
                self._in_turn(session, lambda progress: self._configured(session, progress))
            case Up(session=session):
                self._in_turn(session, lambda progress: self._up(session, progress))
            case ChildDown(session=session, child=child):
                self._register.removed(session, child, self._engines.dataplane.remove(child))
            case PathChanged(new=new, children=children):
                for child in children:
                    self._engines.dataplane.move(child, new)
            case Dead(session=session):
                self._progress_of(session).dead = True
            case Ended(session=session):
                self._engines.release(session)
                gone = self._register.recall(session)
                self._progress_of(session).leaving = True
                self._in_turn(session, lambda progress: self._gone(session, gone, progress))

    async def finished(self, session: int) -> None:
        """Until the engines are done with one session."""
        progress = self._progress.get(session)
        while progress is not None and progress.tail is not None and not progress.tail.done():
            await asyncio.wait({progress.tail})

    async def settled(self) -> None:
        """Until everything under way is done: at shutdown."""
        while self._running:
            await asyncio.wait(self._running)

    def _progress_of(self, session: int) -> Progress:
        return self._progress.setdefault(session, Progress())

    def _in_turn(self, session: int, step: Callable[[Progress], Awaitable[None]]) -> None:
        """Steps of one session never overlap and keep their order; those of different sessions do not wait."""
        progress = self._progress_of(session)
        task = asyncio.get_running_loop().create_task(self._after(progress.tail, progress, step))
        progress.tail = task
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _after(
        self, before: asyncio.Task[None] | None, progress: Progress, step: Callable[[Progress], Awaitable[None]]
    ) -> None:
        if before is not None and not before.done():
            await asyncio.wait({before})
        try:
            await step(progress)
        except Exception as error:  # noqa: BLE001 - one session's engine must not stop the others
            log.error("internal error: an engine did not follow: %s", trace(error))  # noqa: TRY400 - no secrets: see faults
        finally:
            if progress.tail is asyncio.current_task():
                progress.tail = None  # a task that is done would be kept as long as the session

    async def _configured(self, number: int, progress: Progress) -> None:
        session = self._register.get(number)
        if session is None:
            return
        if session.side is Side.CLIENT:
            await self._leave(session, progress)
            if not await self._attach(session, progress):
                return
        await self._enter(session, progress)
        self._tell_ready(number, progress)

    async def _enter(self, session: Session, progress: Progress) -> None:
        progress.configured = True
        progress.hooked = replace(session) if session.side is Side.CLIENT else session
        await self._hook(session, HookEvent.PHASE1_UP)

    async def _leave(self, session: Session, progress: Progress) -> None:
        """Another inside: to the scripts the old one goes down, as they know it, before the new one comes up."""
        before = progress.hooked
        if before is not None and before.configuration != session.configuration:
            progress.hooked = None
            await self._hook(before, HookEvent.PHASE1_DOWN)

    async def _attach(self, session: Session, progress: Progress) -> bool:
        """Whether the host is set up; a session that cannot be used is ended with the host's own sentence."""
        if session.configuration is None:
            return False
        dataplane = self._engines.dataplane
        attachment = Attachment(session.id, dataplane.device(), dataplane.mtu(), session.path, session.configuration)
        if progress.attachment == attachment:
            return True
        await self._left(session.id)
        try:
            await self._engines.host.attach(attachment)
        except OSError as error:
            text = f"this host could not be set up for the tunnel: {error.strerror or error}"
            self._command(Disconnect(session.id, Reason(Cause.LOCAL_FAULT, text)))
            return False
        progress.attachment = attachment
        return True

    async def _left(self, number: int) -> None:
        """Until no other session that has ended still holds the host: its scripts may take a while."""
        others = [each for session, each in self._progress.items() if session != number and each.leaving]
        tails = {each.tail for each in others if each.tail is not None and each.attachment is not None}
        if tails:
            await asyncio.wait(tails)

    async def _up(self, number: int, progress: Progress) -> None:
        progress.up = True
        session = self._register.get(number)
        if session is not None and session.configuration is None:
            await self._enter(session, progress)  # without mode config phase1_up runs when the tunnel is up
        self._tell_ready(number, progress)

    def _tell_ready(self, number: int, progress: Progress) -> None:
        if progress.up and progress.configured:
            self._ready(number)

    async def _gone(self, number: int, session: Session | None, progress: Progress) -> None:
        """Scripts first: one that puts back what it changed itself must not undo what the host puts back."""
        try:
            if session is not None and progress.hooked is not None:
                await self._say_good_bye(session, progress)
        finally:
            if progress.attachment is not None:
                await self._engines.host.detach(number)
            self._progress.pop(number, None)

    async def _say_good_bye(self, session: Session, progress: Progress) -> None:
        if progress.dead:
            await self._hook(session, HookEvent.PHASE1_DEAD)
        await self._hook(session, HookEvent.PHASE1_DOWN)

    async def _hook(self, session: Session, event: HookEvent) -> None:
        if not self._engines.hooks.wants(session.remote, event):
            return
        environment = self._engines.environment(session, self._engines.dataplane.device())
        await self._engines.hooks.run(session.remote, event, environment)
