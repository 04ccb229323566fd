"""The engines that follow a session: the host and the hooks one after the other per session, SA pairs beside them: no
script keeps one alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial

from lotor.ike.events import ChildDown, Configured, Dead, Ended, Event, PathChanged, Rerouted, Up
from lotor.ike.intents import Disconnect, Intent
from lotor.model.frozen import frozen
from lotor.model.kinds import Kind
from lotor.model.policy import Side
from lotor.model.reason import Reason
from lotor.model.reasons.local import HostUnfit
from lotor.ports.hooks import HookContext, HookEvent, Hooks
from lotor.ports.host import Attachment, Host, Leaving
from lotor.ports.interface import TunnelInterface
from lotor.runtime.associations import Associations
from lotor.runtime.lanes import Lanes
from lotor.runtime.places import NOBODY, Kept, Places
from lotor.runtime.sessions import Register, Session


@frozen
class Engines:
    """What follows. `release` gives a lease back."""

    associations: Associations
    interface: TunnelInterface
    host: Host
    hooks: Hooks
    release: Callable[[int], None]


@dataclass(slots=True)
class Progress:
    """How far the engines are with one session; `hooked` the session as `phase1_up` was told of it, None before;
    `closing` the SA pairs that the engine has still to remove."""

    closing: set[asyncio.Future[None]] = field(default_factory=set)
    configured: bool = False
    attachment: Attachment | None = None
    hooked: Session | None = None
    dead: bool = False
    up: bool = False
    leaving: bool = False


class Step(Enum):
    """What waits for the host and the hooks of one session."""

    CONFIGURED = auto()
    UP = auto()
    MOVED = auto()
    GONE = auto()


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
        self._lanes = Lanes()
        self._places = Places(NOBODY)

    def use(self, kept: Kept) -> None:
        """Who knows which connections are to come back. Before the first event."""
        self._places = Places(kept)

    def follow(self, event: Event) -> None:
        match event:
            case Configured(session=session):
                self._lanes.follow(session, Step.CONFIGURED, partial(self._configured, session))
            case Up(session=session):
                self._lanes.follow(session, Step.UP, partial(self._up, session))
            case ChildDown(session=session, child=child):
                self._remove(session, child)
            case PathChanged(session=session, new=new, children=children):
                for child in children:
                    self._engines.associations.move(child, new)
                self._lanes.follow(session, Step.MOVED, partial(self._moved, session))
            case Rerouted(path=path, children=children):
                for child in children:
                    self._engines.associations.move(child, path)
            case Dead(session=session):
                self._progress_of(session).dead = True
            case Ended(session=session, reason=reason):
                self._engines.release(session)
                gone = self._register.recall(session)
                self._progress_of(session).leaving = True
                place = self._places.stays(gone, reason)
                self._lanes.follow(session, Step.GONE, partial(self._gone, session, gone, (place, reason)))

    def follows(self, number: int) -> int:
        """The session whose place on the host this one is to take, 0 for none."""
        session = self._register.get(number)
        return self._places.waits_for(session) if session is not None else 0

    async def finished(self, session: int) -> None:
        """Until the engines are done with one session."""
        await self._lanes.finished(session)

    async def settled(self) -> None:
        """Until everything under way is done: at shutdown."""
        await self._lanes.settled()
        await self._engines.associations.settled()

    async def give_up(self, place: int, leaving: Leaving = Leaving.OPEN) -> bool:
        """No session will take the place that waits for this connection. Whether one waited."""
        session = self._places.give_up(place)
        if session:
            await self._engines.host.detach(session, leaving)
        return bool(session)

    async def emptied(self, session: int) -> None:
        """Until the engine has removed the SA pairs of a session that are going, or has refused to."""
        progress = self._progress.get(session)
        if progress is not None and progress.closing:
            await asyncio.wait(progress.closing)

    def _progress_of(self, session: int) -> Progress:
        return self._progress.setdefault(session, Progress())

    def _remove(self, number: int, child: int) -> None:
        session, closing = self._register.recall(number), self._progress_of(number).closing
        hear = partial(session.removed, child) if session is not None else lambda _: None
        removed = self._engines.associations.remove(child, hear)
        closing.add(removed)
        removed.add_done_callback(closing.discard)

    async def _configured(self, number: int) -> None:
        session, progress = self._register.get(number), self._progress_of(number)
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
        device = self._engines.interface
        block, closes = session.remote, self._places.shuts(session)
        given = (session.path, session.configuration)
        attachment = Attachment(session.id, device.name, device.mtu, *given, remote=block, closes=closes)
        if progress.attachment == attachment:
            return True
        await self._left(session.id)
        follows = self._places.waits_for(session) if progress.attachment is None else 0
        try:
            await self._engines.host.attach(replace(attachment, follows=follows))
        except OSError as error:
            for number in (session.id, follows) if follows else ():
                await self._engines.host.detach(number, Leaving.CLOSED)
            self._command(Disconnect(session.id, HostUnfit(error.strerror or str(error))))
            return False
        finally:
            self._places.taken(follows)
        progress.attachment = attachment
        return True

    async def _moved(self, number: int) -> None:
        """A client's own address, or the gateway's, is another one: what leads beside the tunnel follows."""
        session, progress = self._register.get(number), self._progress.get(number)
        if session is not None and progress is not None and progress.attachment is not None:
            await self._attach(session, progress)

    async def _left(self, number: int) -> None:
        """Until no other session that has ended still holds the host: its scripts may take a while."""
        leaving = [each for each, progress in self._progress.items() if progress.leaving and progress.attachment]
        tasks = {task for each in leaving if each != number and (task := self._lanes.task(each)) is not None}
        if tasks:
            await asyncio.wait(tasks)

    async def _up(self, number: int) -> None:
        progress = self._progress_of(number)
        progress.up = True
        session = self._register.get(number)
        if session is not None and session.configuration is None:
            await self._enter(session, progress)  # without mode config phase1_up runs when the tunnel is up
        self._tell_ready(number, progress)

    def _tell_ready(self, number: int, progress: Progress) -> None:
        if progress.up and progress.configured:
            self._ready(number)

    async def _gone(self, number: int, session: Session | None, ended: tuple[int | None, Reason]) -> None:
        """Scripts first: one that puts back what it changed itself must not undo what the host puts back. `ended`: the
        connection for which this session's place on the host is to wait, and why it ended."""
        place, reason = ended
        progress = self._progress_of(number)
        try:
            if session is not None and progress.hooked is not None:
                await self._say_good_bye(session, progress)
        finally:
            try:
                if progress.attachment is not None:
                    await self._detach(number, self._places.still(session, place), _leaving(progress, reason))
            finally:
                if progress.closing:
                    await asyncio.wait(progress.closing)
                self._progress.pop(number, None)

    async def _detach(self, number: int, place: int | None, leaving: Leaving) -> None:
        if place is None:
            await self._engines.host.detach(number, leaving)
        elif spare := self._places.leave(place, number):
            await self._engines.host.detach(spare, Leaving.CLOSED)

    async def _say_good_bye(self, session: Session, progress: Progress) -> None:
        if progress.dead:
            await self._hook(session, HookEvent.PHASE1_DEAD)
        await self._hook(session, HookEvent.PHASE1_DOWN)

    async def _hook(self, session: Session, event: HookEvent) -> None:
        if not self._engines.hooks.wants(session.remote, event):
            return
        await self._engines.hooks.run(session.remote, event, _context(session, self._engines.interface.name))


def _leaving(progress: Progress, reason: Reason) -> Leaving:
    """Only a person opens what a connection closes; one that never came up closes nothing."""
    if reason.by_hand() and reason.kind is not Kind.SHUT_DOWN:
        return Leaving.OPEN
    return Leaving.CLOSED if progress.up else Leaving.AS_BEFORE


def _context(session: Session, device: str) -> HookContext:
    """Scripts of a gateway get the login name; on a client the person knows it."""
    return HookContext(
        side=session.side,
        path=session.path,
        peer_id=session.peer,
        cookies=session.cookies,
        configuration=session.configuration,
        user=session.user if session.side is Side.GATEWAY else None,
        device=device,
        groups=session.grants.groups,
    )
