"""All gateways of a fleet as an administrator sees them at this one, and logouts that reach them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from lotor.control.messages import NOT_LOGGED_IN, Everywhere, Failed, Response
from lotor.control.views import FleetView, GatewayView, LogoutView, PresentView, ReachedView
from lotor.daemon.exits import Exit
from lotor.model.child import Counters
from lotor.model.policy import Side
from lotor.model.text import clean
from lotor.ports.fleet import Present
from lotor.ports.gateways import FleetLook, Gateways
from lotor.runtime.sessions import Register, Session

SCHEMA = 1
_Sessions: TypeAlias = tuple[Present, ...]
LOOKS, BETWEEN = 10, 0.5
"""How often, and how far apart (seconds), others are looked at behind a logout until it has reached them."""
MOST_LISTED = 2_000
"""As `ports.fleet.Fleet.present` has it."""
LAST = 253_402_300_799
"""The end of the year 9999, in seconds since 1970."""
ALONE = "this gateway stands alone: there is no fleet whose gateways could be told of"
ALONE_FIX = 'store "postgresql://…" makes it one of a fleet (docs/fleet.md)'


class GatewayAdministration:
    """`counters` of SA pairs, as the packet engine has them; `pause` waits between two looks."""

    def __init__(
        self,
        gateways: Gateways,
        register: Register,
        counters: Callable[[list[int]], Awaitable[Mapping[int, Counters]]],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gateways = gateways
        self._register = register
        self._counters = counters
        self._pause = pause

    async def look(self) -> FleetLook | None:
        """As the port says; what the warden does not tell is a fault."""
        try:
            return await self._gateways.look()
        except OSError as error:
            return FleetLook("", _text(error))

    async def every(self, user: str) -> Response:
        """The sessions of this gateway are its own word, whatever the database has of them."""
        look = await self.look()
        if look is None:
            return Failed(ALONE, Exit.FAILED.name, ALONE_FIX)
        found, fault = await self._present(user, look.fault)
        others = [each for each in found if each.gateway != look.name]
        here = await self._here(user, look.name)
        total = sum(each.sessions for each in look.gateways if each.alive and each.name != look.name)
        view = FleetView(
            schema=SCHEMA,
            name=clean(look.name),
            fault=clean(fault),
            waiting=look.waiting,
            gateways=self._states(look),
            sessions=sorted([*here, *map(_view, others)], key=lambda each: each["since"], reverse=True),
            left_out=max(0, total - len(others)) if len(found) >= MOST_LISTED else 0,
        )
        return Everywhere(dict(view))

    async def reach(self, subject: str, here: int, look: FleetLook) -> Response:
        """Behind the end of the sessions `here`: the same at all others, and what became of it."""
        before, left, fault = await self._reached(subject, look) if not look.fault else ((), (), look.fault)
        if not here and not before and not fault:
            return Failed(f"{subject} is not logged in at any gateway", kind=NOT_LOGGED_IN)
        met, stay = Counter(each.gateway for each in before), Counter(each.gateway for each in left)
        view = LogoutView(
            schema=SCHEMA,
            subject=subject,
            name=clean(look.name),
            here=here,
            fault=clean(fault),
            gateways=[ReachedView(gateway=clean(name), sessions=met[name], left=stay[name]) for name in sorted(met)],
        )
        return Everywhere(dict(view))

    async def _reached(self, subject: str, look: FleetLook) -> tuple[_Sessions, _Sessions, str]:
        """The sessions of others that are meant, those that are there still, and what was in the way."""
        before: _Sessions = ()
        try:
            before = await self._elsewhere(subject, look)
            await self._gateways.logout(subject)
            return before, await self._gone(subject, look, before), ""
        except OSError as error:
            return before, before, _text(error)

    async def _here(self, user: str, name: str) -> list[PresentView]:
        """Without what they carry where the packet engine does not tell it."""
        sessions = [each for each in self._register.all() if _counts(each) and user in ("", each.user)]
        try:
            counters = await self._counters([child for each in sessions for child in each.counted])
        except OSError:
            counters = {}
        return [_own(each, name, each.traffic(counters)) for each in sessions]

    async def _present(self, user: str, fault: str) -> tuple[tuple[Present, ...], str]:
        if fault:
            return (), fault
        try:
            return await self._gateways.present(user), ""
        except OSError as error:
            return (), _text(error)

    async def _elsewhere(self, subject: str, look: FleetLook) -> tuple[Present, ...]:
        """Sessions of others that are meant. A name is looked up by itself, whatever the number of all sessions is."""
        found = named(subject, await self._gateways.present(subject)) or named(subject, await self._gateways.present())
        return tuple(each for each in found if each.gateway != look.name)

    async def _gone(self, subject: str, look: FleetLook, before: tuple[Present, ...]) -> tuple[Present, ...]:
        """Those that are there still, when some time is over."""
        met = {(each.gateway, each.id) for each in before}
        left = before
        for _ in range(LOOKS):
            if not left:
                break
            await self._pause(BETWEEN)
            now = await self._elsewhere(subject, look)
            left = tuple(each for each in now if (each.gateway, each.id) in met)
        return left

    def _states(self, look: FleetLook) -> list[GatewayView]:
        """The gateway that answers is alive."""
        own = sum(map(_counts, self._register.all()))
        others = [each for each in look.gateways if each.name != look.name]
        seen = next((each.seen for each in look.gateways if each.name == look.name), None)
        return [
            GatewayView(name=clean(look.name), here=True, alive=True, seen=seen, sessions=own),
            *(
                GatewayView(name=clean(each.name), here=False, alive=each.alive, seen=each.seen, sessions=each.sessions)
                for each in sorted(others, key=lambda each: each.name)
            ),
        ]


def named(subject: str, sessions: Iterable[Present]) -> list[Present]:
    """The session of an id, else of an inside address, else all of a user: as `ports.orders.Whom.named`."""
    known = list(sessions)
    by_id = [each for each in known if each.id == subject]
    inside = [each for each in known if subject in each.inside.split(",")]
    return by_id or inside or [each for each in known if each.user == subject]


def _counts(session: Session) -> bool:
    return session.side is Side.GATEWAY and session.up


def _own(session: Session, gateway: str, traffic: Counters) -> PresentView:
    given = session.configuration
    return PresentView(
        gateway=clean(gateway),
        id=session.key,
        user=clean(session.user),
        source=str(session.path.remote.address),
        address=",".join(map(str, given.addresses)) if given is not None else "",
        client=clean(session.vendor),
        since=_moment(session.since),
        octets_in=traffic.octets_in,
        octets_out=traffic.octets_out,
    )


def _view(present: Present) -> PresentView:
    return PresentView(
        gateway=clean(present.gateway),
        id=clean(present.id),
        user=clean(present.user),
        source=clean(present.source),
        address=clean(present.inside),
        client=clean(present.client),
        since=_moment(present.since),
        octets_in=present.octets_in,
        octets_out=present.octets_out,
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(min(max(seconds, 0.0), LAST), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(error: OSError) -> str:
    return error.strerror or str(error) or "nobody answers"
