"""What a daemon has changed on the host, and the scripts that it has run: of its own connections only.

A client's connection is attached to the daemon's own device, towards a gateway that a block of the configuration names,
or where a block has redirects followed towards any.
A script runs for a block and an event that the configuration names, with addresses that the pool has given or that this
host has taken; it goes down for those alone that came up. At a gateway the login is that of the lease, and of a block
whose clients log in that of a user who has logged in at this warden; groups are those of that login. What else a script
hears of a peer (its outer address, its identity) is the daemon's word.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lotor.config.methods import admits_by_login_alone, closes, side_of
from lotor.config.settings import RemoteSettings, Settings
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Address
from lotor.model.policy import Side
from lotor.ports.hooks import HookContext, HookEvent, Hooks
from lotor.ports.host import Attachment, Host, Leaving
from lotor.privsep.budget import Budget
from lotor.privsep.hosting import (
    ADMIT,
    ATTACH,
    CHANGED,
    CLOSED,
    DETACH,
    LONGEST_PORTAL,
    MOST_CHANGES,
    MOST_HOOKS,
    OPEN,
    PORTAL,
    RUN_HOOK,
    Detachment,
    Hook,
    addresses_of,
)
from lotor.privsep.serving import Denied, Handler, Late, Reply, answering, handling
from lotor.warden.identification import has_address
from lotor.warden.pairs import blocks_towards
from lotor.warden.ups import Up, Ups

log = logging.getLogger(__name__)

MOST_ATTACHED = 64
"""Connections of one daemon: the host says itself when its routing tables are in use, which are fewer. While some of
them are followed by others, twice as many."""
MOST_ASKED, ANOTHER_AFTER = 256, 1.0
"""Connections that one daemon may have looked at and attached at once, and another one for each such time (seconds):
each costs the host's rules, routes and DNS some work."""
MOST_IN_CLEAR, ANOTHER_SECOND_AFTER = 1200, 2.0
"""Seconds in which login pages may be reached, and another one for each such time (seconds), whatever daemon asks: in
the long run what leaves in clear for them leaves half of the time at most."""
MTUS = range(400, 65_536)
"""Octets. The device of the kernel's ESP has 446 where the least `esp_frag`, 552, counts."""
LONGEST_WORD = 2_048
"""Characters of an identity, a login or cookies, as a script may hear them."""


@dataclass(frozen=True, slots=True)
class Around:
    """What the daemon's wishes are judged by, as it is now: the configurations in force, the name of the tunnel device
    that the daemon has, the user of the lease that has some addresses, and the groups of a user who has logged in;
    whether an address is this host's."""

    settings: Callable[[], Iterable[Settings]]
    device: Callable[[], str | None]
    holder: Callable[[frozenset[Address]], str | None]
    accepted: Callable[[str], frozenset[str] | None]
    is_local: Callable[[Address], bool] = has_address


class Hosting:
    """For one daemon after another; `let_go` after the end of each."""

    def __init__(self, host: Host, hooks: Hooks, around: Around) -> None:
        self._host = host
        self._hooks = hooks
        self._around = around
        self._budget = Budget(MOST_ASKED, ANOTHER_AFTER)
        self._portals = Budget(MOST_IN_CLEAR, ANOTHER_SECOND_AFTER)
        self._held: set[int] = set()
        """Sessions that may have something on the host."""
        self._taken: dict[int, ModeConfiguration] = {}
        """What the host took of those that are attached."""
        self._admitted: dict[int, frozenset[Address]] = {}
        """What gateways gave that the host accepts, by session: an SA pair comes before the host is set up for it."""
        self._ups = Ups()
        self._changes: set[asyncio.Task[None]] = set()
        self._downs: dict[Side, set[asyncio.Task[None]]] = {side: set() for side in Side}
        """Both run to their end, whatever becomes of the daemon."""
        self._asked: set[asyncio.Task[None]] = set()
        """Those of `_downs` that a daemon asked for."""

    async def admit(self, attachment: Attachment) -> Reply:
        self._demand(attachment)
        await self._host.admit(attachment)
        self._enter_inside(attachment)
        return Reply(None)

    async def attach(self, attachment: Attachment) -> Reply:
        self._demand(attachment)
        most = 2 * MOST_ATTACHED if attachment.follows and attachment.follows in self._held else MOST_ATTACHED
        if attachment.session not in self._held and len(self._held) >= most:
            raise Denied(f"{len(self._held)} connections are attached")
        self._held.add(attachment.session)  # also where it fails: something may be left
        await self._change(self._attach(replace(attachment, closes=self._closes(attachment))))
        return Reply(None)

    async def detach(self, detachment: Detachment) -> Reply:
        if detachment.session in self._held:
            await self._change(self._detach(detachment.session, detachment.leaving))
        return Reply(None)

    async def closed(self, nothing: None) -> Reply:
        del nothing
        return Reply(await self._host.closed())

    async def open(self, gateways: tuple[str, ...]) -> Reply:
        """Nothing is closed but what a daemon of this host had: one that is owned gains what it could do before."""
        if not self._budget.take(asyncio.get_running_loop().time()):
            raise Denied("more connections than come honestly")
        opened = await asyncio.shield(asyncio.ensure_future(self._host.open(gateways)))
        return Reply(opened)

    async def portal(self, seconds: int) -> Reply:
        if seconds not in range(1, LONGEST_PORTAL + 1):
            raise Denied(f"no login page takes {seconds} s")
        if not self._portals.take(asyncio.get_running_loop().time(), seconds):
            raise Denied("more login pages than people ask for")
        return Reply(await self._host.portal(seconds))

    async def changed(self, seen: int) -> Reply:
        """Of a client alone: a gateway has no use for it."""
        if not any(side_of(each) is Side.CLIENT for each in self._blocks()):
            raise Denied("no block is for a client")
        return Reply(await self._host.changed(seen))

    async def run(self, hook: Hook) -> None:
        self._demand_script(hook)
        context = self._heard(hook.context)
        up = _up(hook.remote, context)
        if hook.event is HookEvent.PHASE1_UP:
            self._demand_login(hook.remote, context)
            self._enter(up, context)
            await self._hooks.run(hook.remote, hook.event, context)
            return
        came = self._ups.of(up, context.user)
        if came is None:
            raise Late(f"nothing came up that {hook.event.value} is for")
        context = replace(context, groups=came.groups)
        if hook.event is HookEvent.PHASE1_DOWN:
            await asyncio.shield(self._leave(up, came, context))
        else:
            await self._hooks.run(hook.remote, hook.event, context)

    @property
    def inside(self) -> frozenset[Address]:
        """The addresses that the newest of this daemon's connections have, or may take."""
        return frozenset().union(*self._admitted.values())

    def _enter_inside(self, attachment: Attachment) -> None:
        """Not one that the host has by itself: of IPv6 such a one is left out."""
        known, given = self.inside, attachment.configuration.addresses
        self._admitted.pop(attachment.session, None)
        fresh = frozenset(each for each in given if each in known or not self._around.is_local(each))
        self._admitted[attachment.session] = fresh
        while len(self._admitted) > 2 * MOST_ATTACHED:
            del self._admitted[next(iter(self._admitted))]

    async def let_go(self) -> None:
        """The daemon is dead. Returns when nothing of its clients is on the host any more; scripts of a gateway may
        still run, before any of the next daemon."""
        self._budget = Budget(MOST_ASKED, ANOTHER_AFTER)
        ups, self._ups = self._ups, Ups()
        for up, context in ups:
            self._down(up, context)
        await _ended(self._downs[Side.CLIENT])  # one that puts back what it changed must not undo the host's work
        await _ended(self._changes)
        for session in tuple(self._held):
            try:
                await self._detach(session, Leaving.CLOSED)
            except Exception as error:  # noqa: BLE001 - its text may quote a peer
                log.error("a connection of a dead daemon stays on the host: %s", type(error).__name__)  # noqa: TRY400
        self._held.clear()
        self._taken.clear()
        self._admitted.clear()

    async def settled(self) -> None:
        """Until all scripts of dead daemons have ended."""
        for tasks in self._downs.values():
            await _ended(tasks)

    def _demand(self, attachment: Attachment) -> None:
        """Raises `Denied`."""
        if not self._blocks_for(attachment):
            raise Denied(f"no block is for a client of {attachment.path.remote.address}")
        if attachment.device != self._around.device():
            raise Denied(f"{attachment.device} is not its TUN device")
        if attachment.mtu not in MTUS:
            raise Denied(f"no device has an MTU of {attachment.mtu}")
        if not self._budget.take(asyncio.get_running_loop().time()):
            raise Denied("more connections than come honestly")

    def _closes(self, attachment: Attachment) -> bool:
        """As its block says, not the daemon; where its own gateway sent it there, as that one's block says, too."""
        blocks, gateway = self._blocks_for(attachment), attachment.path.remote.address
        named = [each for each in blocks if each.name == attachment.remote]
        if not any(each.address in (None, gateway) for each in named):
            named += [each for each in blocks if each.address == gateway]
        return any(closes(each, attachment.configuration) for each in named or blocks)

    def _demand_script(self, hook: Hook) -> None:
        """Raises `Denied`."""
        events = HookEvent if hook.event is HookEvent.PHASE1_UP else (hook.event,)
        if not any(self._hooks.wants(hook.remote, each) for each in events):
            raise Denied(f"remote {hook.remote} has no script for {hook.event.value}")
        if not any(each.name == hook.remote and side_of(each) is hook.context.side for each in self._blocks()):
            raise Denied(f"remote {hook.remote} is for the other side")
        if any(len(each) > LONGEST_WORD for each in _words(hook.context)):
            raise Denied("no identity and no login is that long")

    def _blocks(self) -> list[RemoteSettings]:
        return [remote for settings in self._around.settings() for remote in settings.remotes]

    def _blocks_for(self, attachment: Attachment) -> list[RemoteSettings]:
        return blocks_towards(self._around.settings(), attachment.path.remote.address)

    def _heard(self, context: HookContext) -> HookContext:
        """What a script hears: the device is this warden's word, and of a lease nothing but its addresses is known."""
        told, given = replace(context, device=self._around.device()), context.configuration
        if context.side is Side.CLIENT:
            return replace(told, user=None, groups=frozenset())  # the person knows who they are
        if given is None:
            return told
        return replace(told, configuration=addresses_of(given))

    def _enter(self, up: Up, context: HookContext) -> None:
        """Raises `Late` for addresses that neither the pool nor the host has given."""
        if context.configuration is not None and not self._is_given(up.given, context.user):
            raise Late(f"{context.configuration.inside} is not the address of a session of that login")
        if (oldest := self._ups.too_many(up.side)) is not None:
            self._leave(*oldest, oldest[1])
        self._ups.enter(up, context)

    def _is_given(self, given: ModeConfiguration | frozenset[Address] | None, user: str | None) -> bool:
        """By the host to a client, or by the pool to this user."""
        if not isinstance(given, frozenset):
            return given in self._taken.values()
        holder = self._around.holder(given)
        return holder is not None and holder == user

    def _demand_login(self, remote: str, context: HookContext) -> None:
        """Raises `Late` for a login that this warden has accepted from nobody, and for groups that it does not have."""
        groups = self._around.accepted(context.user) if context.user is not None else None
        blocks = [each for each in self._blocks() if each.name == remote]
        if groups is None and context.side is Side.GATEWAY and all(map(admits_by_login_alone, blocks)):
            raise Late("nobody with that login has logged in")
        if not context.groups <= (groups or frozenset()):
            raise Late("the login has no such groups")

    def _leave(self, up: Up, came: HookContext, context: HookContext) -> asyncio.Task[None]:
        """`context` is what the script hears. Raises `Denied` where a daemon has withdrawn more of them than it may ask
        for."""
        if len(self._asked) >= MOST_HOOKS:
            raise Denied(f"{MOST_HOOKS} scripts wait for their turn")
        self._ups.leave(up, came)
        down = self._down(up, context)
        self._asked.add(down)
        down.add_done_callback(self._asked.discard)
        return down

    def _down(self, up: Up, context: HookContext) -> asyncio.Task[None]:
        return _start(self._downs[up.side], self._hooks.run(up.remote, HookEvent.PHASE1_DOWN, context))

    async def _change(self, work: Coroutine[Any, Any, None]) -> None:
        """A change goes on when the daemon withdraws it: nobody would undo half of it. Raises `Denied` where a daemon
        has withdrawn more than it may ask for."""
        if len(self._changes) >= 2 * MOST_CHANGES:
            work.close()
            raise Denied(f"{len(self._changes)} changes of the host wait for their turn")
        await asyncio.shield(_start(self._changes, work))

    async def _attach(self, attachment: Attachment) -> None:
        for session in (attachment.session, attachment.follows):
            self._taken.pop(session, None)
        if attachment.follows and attachment.follows not in self._held:
            attachment = replace(attachment, follows=0)  # of another daemon, if of any
        await self._host.attach(attachment)
        if attachment.follows:
            self._held.discard(attachment.follows)
        self._taken[attachment.session] = attachment.configuration

    async def _detach(self, session: int, leaving: Leaving) -> None:
        await self._host.detach(session, leaving)
        self._taken.pop(session, None)
        self._admitted.pop(session, None)
        self._held.discard(session)


def _start(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Among `tasks` until it ends; nobody need wait for it."""
    task = asyncio.get_running_loop().create_task(work)
    tasks.add(task)
    task.add_done_callback(partial(_done, tasks))
    return task


def _done(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    tasks.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, OSError):
        log.error("internal error: an engine of the host failed: %s", type(error).__name__)  # its text may quote a peer


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    if waiting := tuple(tasks):
        await asyncio.wait(waiting)


def rows(hosting: Hosting) -> dict[int, Handler]:
    """Handlers by the number of the verb."""
    return dict(
        (
            handling(hosting.admit, ADMIT),
            handling(hosting.attach, ATTACH),
            handling(hosting.detach, DETACH),
            handling(hosting.changed, CHANGED),
            handling(hosting.closed, CLOSED),
            handling(hosting.open, OPEN),
            handling(hosting.portal, PORTAL),
            answering(hosting.run, RUN_HOOK),
        )
    )


def _words(context: HookContext) -> tuple[str, ...]:
    return context.peer_id, context.cookies, context.user or ""


def _up(remote: str, context: HookContext) -> Up:
    given = context.configuration
    inner = frozenset(given.addresses) if given is not None and context.side is Side.GATEWAY else given
    return Up(remote, context.side, inner)
