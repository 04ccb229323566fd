"""Bans as an administrator sees and changes them, and what the status says of them and of the store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from lotor.control.messages import AddBan, Banned, Done, Failed, Lift, Response
from lotor.control.views import BansView, BanView
from lotor.daemon.exits import Exit
from lotor.model.ban import Ban
from lotor.model.quantity import quantity
from lotor.model.text import clean
from lotor.ports.gateways import FleetLook
from lotor.ports.records import Records

SCHEMA = 1


class BanAdministration:
    """`look` at the fleet: None where this gateway stands alone."""

    def __init__(self, records: Records, look: Callable[[], Awaitable[FleetLook | None]]) -> None:
        self._records = records
        self._look = look

    async def every(self) -> Response:
        try:
            found = await self._records.bans()
        except OSError as error:
            return _fault(error)
        return _told(found, await self._fleet("they hold at all"))

    async def add(self, request: AddBan) -> Response:
        try:
            found = await self._records.ban(request.subject, request.seconds)
        except OSError as error:
            return _fault(error)
        return _told((found,), await self._fleet("it holds at all"))

    async def lift(self, request: Lift) -> Response:
        try:
            lifted = await self._records.lift(request.subject)
        except OSError as error:
            return _fault(error)
        if not lifted:
            return Failed(f"{request.subject} is not banned")
        fleet = await self._fleet("that holds at all")
        return Done("\n".join(filter(None, (f"{request.subject} may log in again", fleet))))

    async def _fleet(self, holds: str) -> str:
        """A sentence without a full stop; empty where there is no other gateway."""
        look = await self._look()
        if look is None:
            return ""
        if look.fault:
            return f"other gateways of the fleet may not know of it yet: {clean(look.fault)}"
        return f"{holds} {quantity(len(look.gateways), 'gateway')} of the fleet"

    async def remarks(self) -> list[str]:
        """What a person should know of bans, of the store, and of a fleet that this gateway cannot ask."""
        try:
            bans, store = await self._records.bans(), await self._records.store()
        except OSError as error:
            return [f"bans are not told: {error.strerror or error}"]
        banned = [f"{quantity(len(bans), 'ban')} in force: lotor ban list"] if bans else []
        return [*banned, *([store.fault] if store.fault else []), *await self._alone()]

    async def _alone(self) -> list[str]:
        try:
            look = await self._look()
        except OSError as error:
            return [f"the fleet is not told: {error.strerror or error}"]
        if look is None or not look.fault:
            return []
        waits = f", {quantity(look.waiting, 'row')} to be told later" if look.waiting else ""
        return [f"the fleet's database cannot be asked: {look.fault}{waits}"]


def _told(bans: tuple[Ban, ...], fleet: str) -> Banned:
    now = time.time()
    return Banned(dict(BansView(schema=SCHEMA, bans=[_view(each, now) for each in bans], fleet=fleet)))


def _view(ban: Ban, now: float) -> BanView:
    return BanView(
        subject=clean(ban.subject),
        kind="network" if ban.network else "login",
        since=_moment(ban.since),
        until=_moment(ban.until),
        left=round(max(0.0, ban.until - now), 1),
        why=clean(ban.why),
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fault(error: OSError) -> Failed:
    return Failed(error.strerror or str(error), Exit.LOCAL_FAULT.name)
