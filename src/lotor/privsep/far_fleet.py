"""The fleet as the warden asks for it: the engine is in the process of back ends."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from lotor.model.ban import Ban
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.ports.fleet import (
    MOST_AT_ONCE,
    Claim,
    FleetPool,
    GatewayState,
    News,
    Page,
    Past,
    Present,
    UserLine,
    Wanted,
)
from lotor.privsep import sharing
from lotor.privsep.codec import MOST_ITEMS
from lotor.privsep.faults import Fault
from lotor.privsep.sharing import (
    ROOM,
    BanFor,
    Part,
    PastItem,
    PoolPart,
    Portion,
    Spending,
    UserWrite,
    Voucher,
    first_of,
)
from lotor.privsep.verb import Verb

Request = TypeVar("Request")
Answer = TypeVar("Answer")

MOST_LISTED = 16_384
"""Items of one list: no honest process has more."""


class Ask(Protocol):
    """Asks the process of back ends: raises `OSError` where nobody answers, `ValueError` for more octets than a verb
    takes."""

    async def __call__(self, verb: Verb[Request, Answer], request: Request) -> Answer: ...


class FarFleet:
    """Implements `ports.fleet.Fleet`. What does not fit into one message is asked for in several."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._turn = asyncio.Lock()

    async def beat(self) -> None:
        await self._demand(sharing.BEAT, None)

    async def leave(self) -> None:
        await self._demand(sharing.LEAVE, None)

    async def pools(self, pools: tuple[FleetPool, ...]) -> None:
        async with self._turn:
            for each in _parts(pools):
                await self._demand(sharing.POOLS, each)

    async def claim(self, claim: Claim) -> tuple[Address, ...] | Failure:
        answer: tuple[Address, ...] | Failure = await self._demand(sharing.CLAIM, claim)
        return answer

    async def give_back(self, sessions: tuple[int, ...]) -> None:
        for first in range(0, len(sessions), MOST_ITEMS):
            await self._demand(sharing.GIVE_BACK, sessions[first : first + MOST_ITEMS])

    async def keep(self, sessions: tuple[Past, ...]) -> None:
        for each in _fitting(sessions):
            await self._demand(sharing.KEEP, each)

    async def present(self, user: str = "") -> tuple[Present, ...]:
        return await self._list(sharing.PRESENT, user)

    async def past(self, wanted: Wanted) -> Page:
        items: tuple[PastItem, ...] = await self._list(sharing.PAST, wanted)
        return Page(tuple(each.past for each in items), items[0].before if items else None)

    async def forget(self, days: int) -> None:
        await self._demand(sharing.FORGET, days)

    async def gateways(self) -> tuple[GatewayState, ...]:
        return await self._list(sharing.GATEWAYS, None)

    async def ban(self, ban: Ban, seconds: float) -> None:
        await self._demand(sharing.BAN_ALL, BanFor(ban, seconds))

    async def bans(self) -> tuple[tuple[Ban, float], ...]:
        items: tuple[BanFor, ...] = await self._list(sharing.ALL_BANS, None)
        return tuple((each.ban, each.seconds) for each in items)

    async def tell(self, news: News) -> None:
        await self._demand(sharing.TELL, news)

    async def news(self) -> tuple[News, ...]:
        return await self._list(sharing.NEWS, None)

    async def users(self, after: int) -> tuple[UserLine, ...]:
        return await self._list(sharing.USERS, after)

    async def write_user(self, name: str, sealed: bytes, version: int) -> int | None:
        written: int | None = await self._demand(sharing.WRITE_USER, UserWrite(name, sealed, version))
        return written

    async def spend(self, key: str, step: int | None) -> bool:
        spent: bool = await self._demand(sharing.SPEND, Spending(key, step))
        return spent

    async def vouch(self, user: str, network: str) -> None:
        await self._demand(sharing.VOUCH, Voucher(user, network))

    async def vouched(self, user: str, network: str) -> bool:
        proved: bool = await self._demand(sharing.VOUCHED, Voucher(user, network))
        return proved

    async def _demand(self, verb: Verb[Request, Any], request: Request) -> Any:
        """Raises `OSError`, also what the engine raised there."""
        try:
            answer = await self._ask(verb, request)
        except (TypeError, ValueError) as error:  # longer than a message, or text that is no UTF-8
            raise OSError(errno.E2BIG, f"the fleet cannot be asked: {error}") from error
        if isinstance(answer, Fault):
            raise OSError(answer.number, answer.sentence)
        return answer

    async def _list(self, verb: Verb[Part[Any], Any], asked: object) -> tuple[Any, ...]:
        """The whole list. A process that never ends one is not believed."""
        found: list[Any] = []
        portion: Portion[Any] = await self._demand(verb, Part(asked))
        found += portion.items
        while portion.left:
            if not portion.items or not portion.listing or len(found) + portion.left > MOST_LISTED:
                raise OSError(errno.EPROTO, "the process of back ends answered a list without an end")
            portion = await self._demand(verb, Part(asked, portion.listing, len(found)))
            found += portion.items
        return tuple(found)


def _parts(pools: Sequence[FleetPool]) -> Iterator[PoolPart]:
    """A message has room for some of the addresses that are reserved."""
    parts = [
        replace(each, reserved=each.reserved[first : first + MOST_ITEMS])
        for each in pools
        for first in range(0, max(1, len(each.reserved)), MOST_ITEMS)
    ]
    for number, part in enumerate(parts or [None]):
        yield PoolPart(part, number == 0, number >= len(parts) - 1)


def _fitting(sessions: Sequence[Past]) -> Iterator[tuple[Past, ...]]:
    """As many as there is room for in a message, one after the other. Raises `OSError` for one that is longer."""
    left = tuple(sessions)
    while left:
        try:
            count = min(first_of(left, Past, ROOM), MOST_AT_ONCE)
        except (TypeError, ValueError) as error:
            raise OSError(errno.E2BIG, "a session is longer than a message") from error
        yield left[:count]
        left = left[count:]
