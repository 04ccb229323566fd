"""Connections that stay: each comes back by itself when its session ends, until a person ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from math import inf
from typing import Protocol

from lotor.client.addresses import resolve
from lotor.client.calls import Ground, Parts
from lotor.client.comeback import Comeback, Now, Step
from lotor.client.persons import Given
from lotor.client.requests import Prompter
from lotor.client.staying import News, Silent, Staying
from lotor.client.targets import Target, toward
from lotor.ike.events import Doubted, Ended, Event, LoginRound
from lotor.ike.intents import Check, Disconnect
from lotor.model.child import Counters
from lotor.model.frozen import frozen
from lotor.model.network import Address, Path, Peer
from lotor.model.policy import Side
from lotor.model.reason import Cause, Reason
from lotor.model.reasons.ends import ClosedHere, EndedAtOnce, Relocated
from lotor.model.reasons.logins import NoLoginGiven
from lotor.model.ticket import Resumption
from lotor.ports.host import Leaving
from lotor.runtime.faults import trace
from lotor.runtime.sessions import Session

log = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds between two looks at the clocks and the counters, while there is a connection that stays."""
DEAF = 10.0
"""Seconds until news of the network are asked for again, where nobody tells them."""
WITHOUT_TICKET = 8
"""Of calls that nobody answers each eighth is one without a ticket: there may be a gateway by now that knows none."""
RELOCATED, AT_ONCE, CLOSED = Relocated(), EndedAtOnce(), ClosedHere()


@frozen
class Senses:
    """What the host tells: `clocks` of this instant; `changed` as `ports.host.Host` has it; `counters` of SA pairs, by
    their numbers; `chance` a number from 0 to 1; `resolve` the addresses of a name (`OSError`)."""

    clocks: Callable[[], Now]
    changed: Callable[[int], Awaitable[int]]
    counters: Callable[[tuple[int, ...]], Awaitable[Mapping[int, Counters]]]
    chance: Callable[[], float]
    resolve: Callable[[str], Awaitable[list[Address]]] = resolve


@frozen
class Wishes:
    """What the configuration says of a `remote` block: its connections come back; what belongs into its tunnels stays
    unreachable while they are down. `unheard`: a gateway does not answer in a network that this host just came to."""

    stays: Callable[[str], bool]
    shuts: Callable[[Session], bool]
    unheard: Callable[[str], Awaitable[None]]


class Again(Protocol):
    """`connections.Connections.again`."""

    async def __call__(
        self,
        target: Target,
        given: Given,
        patience: float,
        prompter: Prompter,
        resumption: Resumption | None = None,
    ) -> Session | Reason: ...


@dataclass(slots=True)
class _Watching:
    """What goes on while there is a connection that stays."""

    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.tasks.clear()


class Keeping:
    """Implements `runtime.places.Kept`, and `connections.Keeper`."""

    def __init__(self, parts: Parts, ground: Ground, senses: Senses, wishes: Wishes) -> None:
        self._parts = parts
        self._ground = ground
        self._senses = senses
        self._wanted, self._shuts, self._unheard = wishes.stays, wishes.shuts, wishes.unheard
        self._numbers = count(1)
        self._staying: dict[int, Staying] = {}
        self._watching = _Watching()
        self._seen = 0
        self._again: Again | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    def start(self, again: Again) -> None:
        """Lost connections are dialled by `again` from now on."""
        self._again = again

    def begin(self) -> None:
        """Connections that the configuration asks for begin."""
        for remote in self._ground.remotes():
            if remote.side is Side.CLIENT and remote.address is not None and self._wanted(remote.name):
                self._go_on(self._begin(toward((remote,), remote.address, None)))

    # --- what stays --------------------------------------------------------------------------------------------------

    def came_up(self, target: Target, session: Session) -> None:
        """A person, or a call of ours, has a session: from now on it stays, where the configuration says so."""
        staying = self._of(session)
        if staying is None:
            if not self._wanted(session.remote) and not self._shuts(session):
                return
            staying = self._begin(target)
        staying.shut = self._shuts(session)
        staying.given = self._parts.persons.kept(session.id) or staying.given
        staying.came_up(session, self._now())
        if session.ended:
            self._lost(staying, AT_ONCE)
        else:
            self._go_on(staying)

    def known(self, host: str) -> Target | None:
        return next((each.target for each in self._staying.values() if each.target.host == host), None)

    async def let_go(self, meant: Callable[[Target], bool]) -> int:
        """A person ends connections. How many were on their way back."""
        gone = [each for each in self._staying.values() if meant(each.target)]
        down = [each for each in gone if not each.comeback.is_up]
        for each in gone:
            await self._end(each, CLOSED)
        return len(down)

    async def stop(self, why: Reason) -> None:
        """The host stays closed: whoever stops the program on purpose opens it."""
        for each in tuple(self._staying.values()):
            await self._end(each, why, Leaving.CLOSED)
        self._watching.stop()

    @contextlib.contextmanager
    def news(self, session: int) -> Iterator[News | None]:
        """What becomes of the connection that has or had the session of that number; None where it is none that
        stays."""
        staying = next((each for each in self._staying.values() if session in each.numbers), None)
        if staying is None:
            yield None
            return
        news = News()
        if staying.lost is not None:
            news.line(staying.remark(self._now()))
        if staying.closed:
            news.over(staying.comeback.reason or AT_ONCE, staying.session)
        staying.news.add(news)
        try:
            yield news
        finally:
            staying.news.discard(news)

    async def step_aside(self) -> None:
        """What is down leaves the host, which stays closed: what a login page needs finds the link's way and DNS."""
        for each in tuple(self._staying.values()):
            if each.shut and not each.comeback.is_up:
                with contextlib.suppress(OSError):
                    await self._parts.follower.give_up(each.number, Leaving.CLOSED)

    def remarks(self) -> list[str]:
        """What a person who looks at the status should know."""
        return [each.remark(self._now()) for each in self._staying.values() if not each.comeback.is_up]

    # --- runtime.places.Kept -----------------------------------------------------------------------------------------

    def place(self, session: Session) -> int | None:
        staying = self._of(session)
        return staying.number if staying is not None else None

    def comes_back(self, session: Session, reason: Reason) -> bool:
        if self.place(session) is None or reason.by_hand():
            return False
        return self._shuts(session) or (self._wanted(session.remote) and reason.may_heal())

    def shuts(self, session: Session) -> bool:
        return self._shuts(session)

    # --- what happens ------------------------------------------------------------------------------------------------

    def follow(self, event: Event) -> None:
        """Subscribes to the driver, behind the follower: that one has to know first whether the host stays as it is."""
        staying = next((each for each in self._staying.values() if each.session == event.session), None)
        if staying is None:
            self._called(event)
            return
        match event:
            case Ended(reason=reason) if staying.comeback.is_up:
                self._lost(staying, reason)
            case Doubted():
                staying.comeback.doubted(self._now())
                self._go_on(staying)

    def _called(self, event: Event) -> None:
        """Of the session of a call. Known before the call itself has noticed: a new network in between would dial with
        the same password."""
        if not isinstance(event, Ended | LoginRound):
            return
        session = self._parts.register.recall(event.session)
        staying = self._of(session) if session is not None else None
        if staying is None or staying.call is None:
            return
        if isinstance(event, LoginRound):
            staying.comeback.login_sent(self._now())
        elif event.reason.cause is Cause.LOGIN_REFUSED:
            staying.comeback.ended(event.reason, self._now())

    def _lost(self, staying: Staying, reason: Reason) -> None:
        wanted = self._wanted(staying.target.remote.name)
        if reason.by_hand() or not (wanted or staying.shut):
            self._forget(staying)
            staying.over(reason)
            return
        staying.ticket = self._parts.wallet.take(staying.session)
        staying.went_down(reason, self._now())
        if not wanted:
            self._close(staying)
        elif reason.may_heal():
            staying.tell(f"connection lost: {reason.text}; connecting again")
        self._go_on(staying)

    def _go_on(self, staying: Staying) -> None:
        """Does what is due, and sets the alarm for what comes next."""
        if staying.number not in self._staying or staying.closed:
            return
        match staying.comeback.step(self._now()):
            case Step.STOP:
                self._stopped(staying)
                return
            case Step.DIAL if not self._wanted(staying.target.remote.name):
                if staying.call is not None:
                    staying.call.cancel()
                self._stopped(staying, "the configuration does not ask for it any more")
                return
            case Step.DIAL:
                self._dial(staying)
            case Step.CHECK:
                self._check(staying)
            case Step.WAIT:
                pass
        self._wind(staying)

    def _wind(self, staying: Staying) -> None:
        if staying.alarm is not None:
            staying.alarm.cancel()
            staying.alarm = None
        due = staying.comeback.due
        if due < inf:
            loop = asyncio.get_running_loop()
            staying.alarm = loop.call_later(max(0.0, due - self._now()), self._go_on, staying)

    def _stopped(self, staying: Staying, why: str = "") -> None:
        reason, name = staying.comeback.reason, staying.name
        why = why or (reason.text if reason is not None else "it ended")
        if isinstance(reason, NoLoginGiven) and not staying.session:
            log.warning("auto_connect waits for `lotor vc %s`: no password is saved for it", name)
        else:
            log.warning("the connection to %s does not come back: %s", name, why)
        if staying.shut and staying.session:
            self._close(staying)
            return
        self._forget(staying)
        task = asyncio.get_running_loop().create_task(self._leave(staying, reason or AT_ONCE))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _close(self, staying: Staying) -> None:
        """Its place on the host stays: what belongs into the tunnel finds nobody there, and no other way."""
        staying.closed, staying.given = True, {}
        if staying.alarm is not None:
            staying.alarm.cancel()
        log.warning("kill_switch: what belongs into the tunnel to %s is %s", staying.name, staying.until)
        staying.tell(f"what belongs into the tunnel is {staying.until}")
        staying.over(staying.comeback.reason or AT_ONCE)  # a command that waited may end: the host stays closed

    async def _leave(self, staying: Staying, why: Reason, leaving: Leaving = Leaving.OPEN) -> None:
        with contextlib.suppress(OSError):  # a host that cannot be put back has said so
            await self._parts.follower.give_up(staying.number, leaving)
        staying.over(why)

    def _check(self, staying: Staying) -> None:
        """From the address that this host has now. ESP in UDP goes on from another one, and the gateway follows what is
        proved. ESP without UDP passes no NAT that may be here: such a session says goodbye from the new address, and
        another one follows."""
        session = self._parts.register.get(staying.session)
        if session is None:
            return
        before = session.path.local.address
        local = replace(session.path.local, address=staying.source or before)
        self._parts.driver.command(Check(session.id, replace(session.path, local=local)))
        if local.address != before and not session.path.floated:
            self._parts.driver.command(Disconnect(session.id, RELOCATED))

    # --- calls -------------------------------------------------------------------------------------------------------

    def _dial(self, staying: Staying) -> None:
        before, staying.call = staying.call, None
        if before is not None:
            before.cancel()
        staying.call_where_it_is()
        loop = asyncio.get_running_loop()
        staying.call = loop.create_task(self._call(staying, before))
        if staying.target.follows_name and staying.lookup is None:
            staying.lookup = loop.create_task(self._look_up(staying))

    async def _look_up(self, staying: Staying) -> None:
        """Where the gateway is now, for the calls that follow; nothing waits for it. Without an answer those addresses
        are called that were known before."""
        try:
            staying.found = tuple(await self._senses.resolve(staying.target.host or ""))
        except OSError as error:
            log.debug("%s", error.strerror)
        finally:
            staying.lookup = None

    async def _call(self, staying: Staying, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        if self._again is None:
            return
        patience = staying.comeback.patience(self._now())
        ticket = self._parts.wallet.usable(staying.ticket)
        turn = staying.unheard % WITHOUT_TICKET < WITHOUT_TICKET - 1
        found = await self._again(staying.target, staying.given, patience, Silent(), ticket if turn else None)
        if not turn and ticket is not None and isinstance(found, Reason) and found.cause is not Cause.NO_ANSWER:
            found = await self._again(staying.target, staying.given, patience, Silent(), ticket)
        if staying.call is not asyncio.current_task():
            return
        staying.call = None
        elsewhere, staying.elsewhere = staying.elsewhere, False
        if isinstance(found, Reason):
            staying.unheard += found.cause is Cause.NO_ANSWER
            staying.ticket = staying.ticket if found.cause is Cause.NO_ANSWER else None
            staying.comeback.ended(found, self._now())
            if elsewhere and found.cause is Cause.NO_ANSWER:
                await self._unheard(staying.target.remote.name)
            self._go_on(staying)
        else:
            self.came_up(staying.target, found)

    # --- what the host tells -----------------------------------------------------------------------------------------

    async def _hear(self) -> None:
        """News of the network. Nobody tells them while the configuration has no block for a client."""
        while True:
            with _going_on():
                while any(each.side is Side.CLIENT for each in self._ground.remotes()):
                    self._seen = await self._senses.changed(self._seen)
                    for staying in tuple(self._staying.values()):
                        await self._moved(staying)
            await asyncio.sleep(DEAF)

    async def _moved(self, staying: Staying) -> None:
        path = await self._way(staying)
        source = path.local.address if path is not None else None
        before, staying.source = staying.source, source
        if path is None or staying.number not in self._staying:
            return
        if source == before:
            staying.comeback.doubted(self._now())
            self._go_on(staying)
            return
        staying.elsewhere = True
        log.info("another network: %s is reached from %s", staying.name, source)
        staying.comeback.network_changed(self._now())
        self._go_on(staying)

    async def _way(self, staying: Staying) -> Path | None:
        target, session = staying.target, self._parts.register.get(staying.session)
        address = session.path.remote.address if session is not None else target.address
        try:
            return await self._ground.way(Peer(address, target.remote.port))
        except OSError:
            return None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            now = self._senses.clocks()
            for staying in tuple(self._staying.values()):
                with _going_on():
                    staying.comeback.looked(now)
                    await self._count(staying)
                    self._go_on(staying)

    async def _count(self, staying: Staying) -> None:
        session = self._parts.register.get(staying.session)
        if session is None or not staying.comeback.is_up:
            return
        with contextlib.suppress(OSError):
            total = session.traffic(await self._senses.counters(session.counted))
            staying.comeback.carried(total.packets_out, total.packets_in, self._now())

    # --- bookkeeping -------------------------------------------------------------------------------------------------

    def _begin(self, target: Target) -> Staying:
        staying = Staying(next(self._numbers), target, {}, Comeback(self._senses.chance))
        self._staying[staying.number] = staying
        if not self._watching.tasks:
            loop = asyncio.get_running_loop()
            self._watching.tasks = {loop.create_task(self._hear()), loop.create_task(self._look())}
        return staying

    async def _end(self, staying: Staying, why: Reason, leaving: Leaving = Leaving.OPEN) -> None:
        call, staying.call = staying.call, None
        self._forget(staying)
        if call is not None:
            call.cancel()
            await asyncio.wait({call})
        await self._leave(staying, why, leaving)

    def _forget(self, staying: Staying) -> None:
        self._staying.pop(staying.number, None)
        staying.given = {}
        if staying.alarm is not None:
            staying.alarm.cancel()
        if staying.lookup is not None:
            staying.lookup.cancel()
        if not self._staying:
            self._watching.stop()

    def _of(self, session: Session) -> Staying | None:
        return next((each for each in self._staying.values() if each.is_for(session)), None)

    def _now(self) -> float:
        return self._senses.clocks().awake


@contextlib.contextmanager
def _going_on() -> Iterator[None]:
    """A fault in it ends no connection's coming back."""
    try:
        yield
    except OSError:  # the host does not tell
        pass
    except Exception as error:  # noqa: BLE001 - the next look goes on
        log.error("internal error: connections that stay: %s", trace(error))  # noqa: TRY400
