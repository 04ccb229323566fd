"""The fleet as its gateways ask for it: each call a statement at the database."""

# ruff: noqa: ARG002
from __future__ import annotations

from lotor.config.servers import FleetSettings
from lotor.model.ban import Ban
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.names.whereabouts import LookUp, looked_up
from lotor.ports.fleet import Claim, FleetPool, GatewayState, Member, News, Page, Past, Present, UserLine, Wanted

_LATER = OSError("the fleet's database cannot be asked: this is not written yet")


class FleetStore:
    """Implements `ports.fleet.Fleet`. `open` first, `close` last, from one event loop."""

    def __init__(self, settings: FleetSettings, member: Member, look_up: LookUp = looked_up) -> None:
        self._settings = settings
        self._member = member
        self._look_up = look_up

    async def open(self) -> None:
        """The tables are there, and this gateway is one of the fleet. Raises `RefusedError`: it may not be; `OSError`:
        the database cannot be asked now; it is tried again with each call, and news come once it is there."""
        raise _LATER

    async def close(self) -> None:
        """Gives nothing back: that is `leave`."""

    async def beat(self) -> None:
        raise _LATER

    async def leave(self) -> None:
        raise _LATER

    async def pools(self, pools: tuple[FleetPool, ...]) -> None:
        raise _LATER

    async def claim(self, claim: Claim) -> tuple[Address, ...] | Failure:
        raise _LATER

    async def give_back(self, sessions: tuple[int, ...]) -> None:
        raise _LATER

    async def keep(self, sessions: tuple[Past, ...]) -> None:
        raise _LATER

    async def present(self, user: str = "") -> tuple[Present, ...]:
        raise _LATER

    async def past(self, wanted: Wanted) -> Page:
        raise _LATER

    async def forget(self, days: int) -> None:
        raise _LATER

    async def gateways(self) -> tuple[GatewayState, ...]:
        raise _LATER

    async def ban(self, ban: Ban, seconds: float) -> None:
        raise _LATER

    async def bans(self) -> tuple[tuple[Ban, float], ...]:
        raise _LATER

    async def tell(self, news: News) -> None:
        raise _LATER

    async def news(self) -> tuple[News, ...]:
        raise _LATER

    async def users(self, after: int) -> tuple[UserLine, ...]:
        raise _LATER

    async def write_user(self, name: str, sealed: bytes, version: int) -> int | None:
        raise _LATER

    async def spend(self, key: str, step: int | None) -> bool:
        raise _LATER

    async def vouch(self, user: str, network: str) -> None:
        raise _LATER

    async def vouched(self, user: str, network: str) -> bool:
        raise _LATER
