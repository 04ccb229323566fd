"""What the administrator's socket can ask of the program, joined to the parts that do it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from lotor.accounting.backlog import waits
from lotor.client.staying import News
from lotor.config import ConfigError
from lotor.control.messages import (
    NOT_LOGGED_IN,
    AddBan,
    Connect,
    Connected,
    Debug,
    Disconnect,
    Disconnected,
    Done,
    Drain,
    Explain,
    Explained,
    Failed,
    Gateways,
    Happened,
    Lift,
    Logout,
    Measured,
    Portal,
    Response,
    Status,
    Until,
)
from lotor.control.service import Caller
from lotor.control.views import StatusView
from lotor.daemon.banning import BanAdministration
from lotor.daemon.draining import DrainAdministration
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.explaining import explain_view, fix_of
from lotor.daemon.gateways import GatewayAdministration
from lotor.daemon.measuring import Measuring
from lotor.daemon.processes import Processes, alone
from lotor.daemon.rights import OTHERS, Rights, rights_of
from lotor.daemon.status import Carried, Program, Surveyed, page, status_view
from lotor.daemon.wiring import Wiring
from lotor.ike.events import Ended, Event, reason_of
from lotor.model.child import Counters
from lotor.model.configuration import LONGEST_BANNER
from lotor.model.policy import Side
from lotor.model.quantity import quantity
from lotor.model.reason import Reason
from lotor.model.text import clean
from lotor.ports.orders import Whom
from lotor.privsep.hosting import LONGEST_PORTAL
from lotor.runtime.obedience import meant
from lotor.runtime.sessions import Session
from lotor.runtime.watches import MOST, Full, Watch, address_or_name

log = logging.getLogger(__name__)

NOT_CLOSED = "no tunnel that is down closes this host: nothing of lotor is in the way of a login page"


class AdminService:
    """Implements `control.service.Service`."""

    def __init__(
        self,
        wiring: Wiring,
        name: str,
        reload: Callable[[], Awaitable[list[str]]],
        processes: Processes | None = None,
        owner: int | None = None,
    ) -> None:
        """`name` is that of the configuration file; `reload` takes it over anew and says what that came to:
        `ConfigError` or `StartError`, and nothing has changed. `processes`: which this program is; None where it is
        one. `owner`: the user who may do what root may; None: the one of this process."""
        self._processes = processes or alone()
        self._owner = owner
        self._wiring = wiring
        self._measuring = Measuring(wiring, self._processes)
        self._gateways = GatewayAdministration(wiring.gateways, wiring.register, wiring.associations.counters)
        self._banning = BanAdministration(wiring.records, self._gateways.look)
        self._draining = DrainAdministration(wiring.driver.command, lambda: wiring.present.now)
        wiring.listen(self._draining.follow)
        self._name = name
        self._reload = reload
        self._started = asyncio.get_running_loop().time()
        self._restarts: list[str] = []
        self._listeners: dict[Callable[[Happened], None], Caller] = {}
        self._ends: defaultdict[int, set[asyncio.Future[Reason]]] = defaultdict(set)
        self._reloads: set[asyncio.Task[Response]] = set()
        wiring.listen(self._tell)

    def remember(self, seconds: float, restarts: int) -> None:
        """The program has run for so long already, and this is another daemon of it."""
        self._started -= seconds
        if restarts:
            often = "once" if restarts == 1 else f"{restarts} times"
            last = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._restarts = [f"the daemon ended unexpectedly and was started again {often}, the last time at {last}"]

    async def connect(self, request: Connect, caller: Caller) -> Response:
        known = {session.id for session in self._wiring.register.all() if session.up}
        found = await self._wiring.connections.connect(request.gateway, request.user, caller)
        if isinstance(found, Reason):
            return _failed(found, fix_of(self._wiring.attempts, found))
        return connected(found, already=found.id in known)

    async def until(self, request: Until, caller: Caller) -> Response:
        wiring, number = self._wiring, request.session
        known = wiring.attempts.get(number)
        if known is None or not self._rights(caller).concern(known.side, known.user):
            return Failed(f"there is no session {number}")
        with wiring.keeping.news(number) as news:
            if news is not None:
                return _failed(await self._heard(news, caller))
        if known.reason is not None:
            return _failed(known.reason)
        ended: asyncio.Future[Reason] = asyncio.get_running_loop().create_future()
        self._ends[number].add(ended)
        try:
            reason = await ended
        finally:
            self._ends[number].discard(ended)
            if not self._ends[number]:
                del self._ends[number]
        await wiring.follower.finished(number)
        return _failed(reason)

    async def _heard(self, news: News, caller: Caller) -> Reason:
        """Why a connection that stays ended, when the host is as it was; the caller hears what comes before."""
        while not isinstance(said := await news.next(), Reason):
            await caller.tell(said)
        await self._wiring.follower.finished(news.session)
        return said

    async def disconnect(self, request: Disconnect, caller: Caller) -> Response:
        del caller
        ended = await self._wiring.connections.disconnect(request.gateway)
        try:
            ended += await self._wiring.closed.open(request.gateway)
        except OSError as error:
            return Failed(f"the host was not opened: {error.strerror or error}", Exit.LOCAL_FAULT.name)
        if ended:
            return Disconnected(ended)
        remarks = await self._wiring.closed.remarks()
        return Failed("; ".join([f"not connected to {request.gateway}", *remarks]))

    async def logout(self, request: Logout, caller: Caller) -> Response:
        rights = self._rights(caller)
        if not self._may_end(request, rights):
            return Failed(OTHERS)
        if request.user is None:
            ended = await self._wiring.connections.close(request.session)
            return Disconnected(ended) if ended else Failed(f"there is no session {request.session}")
        ended = await self._logged_out(request.user)
        look = await self._gateways.look() if request.everywhere and rights.all else None
        if look is not None:
            return await self._gateways.reach(request.user, ended, look)
        return Disconnected(ended) if ended else Failed(f"{request.user} is not logged in", kind=NOT_LOGGED_IN)

    async def _logged_out(self, subject: str) -> int:
        """How many sessions of an id, of an inside address or of a login ended here; a client's by login alone."""
        connections = self._wiring.connections
        found = meant(Whom(named=subject), self._wiring.register.all())
        others = [each for each in found if each.user != subject]
        if not others:
            return await connections.logout(subject)
        return sum([await connections.close(each.id) for each in others])

    async def gateways(self, request: Gateways, caller: Caller) -> Response:
        return await self._gateways.every(request.user) if self._rights(caller).all else Failed(OTHERS)

    async def portal(self, request: Portal, caller: Caller) -> Response:
        del caller
        if request.seconds not in range(1, LONGEST_PORTAL + 1):
            return Failed(f"a login page takes from 1 to {LONGEST_PORTAL} seconds")
        try:
            opened = await self._wiring.closed.portal(request.seconds)
        except OSError as error:
            return Failed(f"nothing was opened: {error.strerror or error}", Exit.LOCAL_FAULT.name)
        return Done() if opened else Failed(NOT_CLOSED)

    async def bans(self, caller: Caller) -> Response:
        return await self._banning.every() if self._rights(caller).all else Failed(OTHERS)

    async def ban(self, request: AddBan, caller: Caller) -> Response:
        return await self._banning.add(request) if self._rights(caller).all else Failed(OTHERS)

    async def lift(self, request: Lift, caller: Caller) -> Response:
        return await self._banning.lift(request) if self._rights(caller).all else Failed(OTHERS)

    def drain(self, request: Drain, caller: Caller) -> Response:
        return self._draining.drain(request) if self._rights(caller).all else Failed(OTHERS)

    async def status(self, request: Status, caller: Caller) -> StatusView:
        wiring, rights = self._wiring, self._rights(caller)
        wiring.rates.asked()
        surveyed = Surveyed(wiring.rates.of, wiring.devices.of, wiring.capabilities)
        seen = page(wiring.register, request, lambda each: rights.concern(each.side, each.user), surveyed)
        processes, beside = await self._processes.look()
        carrying = Carried(wiring.choice, wiring.interface)
        program = Program(carrying, wiring.admissions(), self._name, self._started, processes)
        counters, remarks = await self._counters([child for session in seen.sessions for child in session.counted])
        view = status_view(seen, program, counters, asyncio.get_running_loop().time(), surveyed)
        view["internal_errors"] = wiring.driver.tally.internal_errors
        users, unknown = await self._logged_in(rights)
        view["users"] = users
        kept = await self._banning.remarks() if rights.all else []
        view["remarks"] = [
            *self._restarts,
            *beside,
            *remarks,
            *unknown,
            *kept,
            *await wiring.closed.remarks(),
            *map(waits, await wiring.backlog()),
            *wiring.remarks(),
            *self._draining.remarks(),
        ]
        return view

    async def _logged_in(self, rights: Rights) -> tuple[int, list[str]]:
        """How many people are logged in whom the caller may see, and a remark where the ledger does not say."""
        try:
            present = await self._wiring.sessions.all()
        except OSError as error:
            return 0, [f"who is logged in is not told: {error.strerror or str(error) or 'no answer'}"]
        return len({each.user for each in present if rights.concern(Side.GATEWAY, each.user)}), []

    async def _counters(self, children: list[int]) -> tuple[Mapping[int, Counters], list[str]]:
        """What SA pairs have carried, and a remark where the engine does not say."""
        try:
            return await self._wiring.associations.counters(children), []
        except OSError as error:
            why = error.strerror or str(error) or "it does not answer"
            return {}, [f"traffic is not shown for SA pairs that are up, the packet engine does not tell it: {why}"]

    async def metrics(self, caller: Caller) -> Response:
        return Measured(dict(await self._measuring.figures())) if self._rights(caller).all else Failed(OTHERS)

    def explain(self, request: Explain, caller: Caller) -> Response:
        rights = self._rights(caller)
        view = explain_view(self._wiring.attempts, request.subject, rights.concern)
        if request.subject and not view["attempts"]:
            return Failed(f"no attempt of {request.subject} is remembered: lotor explain lists those that are")
        return Explained(dict(view))

    async def reload(self, caller: Caller) -> Response:
        return await asyncio.shield(self.read_again()) if self._rights(caller).all else Failed(OTHERS)

    def read_again(self) -> asyncio.Task[Response]:
        """Reads, judges, then switches; what cannot be taken over whole keeps what was there. It goes on when nobody
        waits for it any more: half of it would leave this process with another configuration than its warden."""
        work = asyncio.get_running_loop().create_task(self._read_again())
        self._reloads.add(work)
        work.add_done_callback(self._reloads.discard)
        return work

    async def _read_again(self) -> Response:
        try:
            changes = await self._reload()
        except (ConfigError, StartError) as error:
            log.error("%s was not taken over, the old configuration stays:\n%s", self._name, error)  # noqa: TRY400 - the text says all
            code = error.code if isinstance(error, StartError) else Exit.CONFIGURATION
            return Failed(f"the old configuration stays:\n{error}", code.name)
        text = "; ".join([f"{self._name} taken over, sessions that are up keep what they have", *changes])
        log.info("%s", text)
        warnings = len(self._wiring.present.now.warnings)
        warned = [f"{quantity(warnings, 'warning')}: lotor check tells more"] if warnings else []
        return Done("\n".join([text, *warned]))

    def subscribe(self, listener: Callable[[Happened], None], caller: Caller) -> Callable[[], None]:
        self._listeners[listener] = caller

        def end() -> None:
            self._listeners.pop(listener, None)

        return end

    def debug(
        self, request: Debug, listener: Callable[[Happened], None], caller: Caller
    ) -> Callable[[], None] | Failed:
        if not self._rights(caller).all:
            return Failed(OTHERS)
        if not request.subject:
            return Failed("whom to follow is missing: an address or the name of a login")

        def missed(number: int) -> None:
            listener(Happened(time.time(), "Missed", 0, f"{number} more events within a second are not shown"))

        watch = Watch(address_or_name(request.subject), lambda event: listener(_happened(event)), missed)
        try:
            return self._wiring.watches.add(watch)
        except Full:
            return Failed(f"{MOST} peers are followed already: end one of these commands")

    def _tell(self, event: Event) -> None:
        if isinstance(event, Ended):
            for waiting in self._ends.get(event.session, ()):
                if not waiting.done():
                    waiting.set_result(event.reason)
        if not self._listeners or event.repeats:
            return
        happened = _happened(event)
        session = self._wiring.register.recall(event.session)
        for listener, caller in tuple(self._listeners.items()):
            rights = self._rights(caller)
            if rights.all or (session is not None and rights.concern(session.side, session.user)):
                listener(happened)

    def _rights(self, caller: Caller) -> Rights:
        active = self._wiring.present.now
        serving = not active.serves_as(Side.GATEWAY) and any(
            session.side is Side.GATEWAY for session in self._wiring.register.all()
        )
        return rights_of(caller.credential, active, serving=serving, owner=self._owner)

    def _may_end(self, request: Logout, rights: Rights) -> bool:
        """What does not exist is not the caller's either."""
        if request.user is not None:
            found = meant(Whom(named=request.user), self._wiring.register.all())
            return all(rights.concern(Side.GATEWAY, user) for user in {each.user for each in found} or {request.user})
        session = self._wiring.register.get(request.session)
        return rights.all or (session is not None and rights.concern(session.side, session.user))


def _happened(event: Event) -> Happened:
    reason = reason_of(event)
    kind, facts = (reason.kind.value, dict(reason.facts())) if reason is not None else ("", {})
    return Happened(time.time(), event.public_name(), event.session, clean(event.text()), kind, facts)


def _failed(reason: Reason, fix: str = "") -> Failed:
    return Failed(reason.text, reason.cause.name, fix, reason.kind.value, dict(reason.facts()))


def connected(session: Session, *, already: bool) -> Connected:
    """What a person reads when the tunnel is up; the gateway's banner is cleaned here."""
    configuration = session.configuration
    if configuration is None:
        return Connected("", already=already, session=session.id)
    banner = clean(configuration.banner, lines=True, longest=LONGEST_BANNER)
    address6 = str(configuration.address6.ip) if configuration.address6 is not None else ""
    return Connected(str(configuration.address), banner, already, address6, session.id)
