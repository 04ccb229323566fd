"""The answers of the back ends' process about what several gateways know together."""

from __future__ import annotations

import errno
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from lotor.model.frozen import frozen
from lotor.ports.fleet import (
    Claim,
    Fleet,
    FleetPool,
    GatewayState,
    News,
    Past,
    Present,
    RefusedError,
    UserLine,
    Wanted,
)
from lotor.privsep import sharing
from lotor.privsep.serving import Handler, Reply, handling
from lotor.privsep.sharing import (
    REFUSED,
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

MOST_LISTINGS = 16
"""Lists that are read portion by portion at a time; the oldest gives way to another one."""


MOST_PARTS = 512
"""Pools: a configuration has 64 beside its own."""


@frozen
class _Listing:
    """What is left of a list: items from the number `first` on."""

    items: tuple[Any, ...]
    first: int


class FleetAnswers:
    """`fleet` is that of the settings in force; it raises `OSError` where there is none."""

    def __init__(self, fleet: Callable[[], Awaitable[Fleet]]) -> None:
        self._fleet = fleet
        self._listings: OrderedDict[int, _Listing] = OrderedDict()
        self._numbers = itertools.count(1)
        self._named: list[FleetPool] = []

    def rows(self) -> dict[int, Handler]:
        does: tuple[tuple[Callable[[Any], Awaitable[object]], Verb[Any, Any]], ...] = (
            (self._beat, sharing.BEAT),
            (self._leave, sharing.LEAVE),
            (self._pools, sharing.POOLS),
            (self._claim, sharing.CLAIM),
            (self._give_back, sharing.GIVE_BACK),
            (self._keep, sharing.KEEP),
            (self._forget, sharing.FORGET),
            (self._ban, sharing.BAN_ALL),
            (self._tell, sharing.TELL),
            (self._write_user, sharing.WRITE_USER),
            (self._spend, sharing.SPEND),
            (self._vouch, sharing.VOUCH),
            (self._vouched, sharing.VOUCHED),
        )
        lists: tuple[tuple[Callable[[Any], Awaitable[tuple[Any, ...]]], object, Verb[Any, Any]], ...] = (
            (self._present, Present, sharing.PRESENT),
            (self._past, PastItem, sharing.PAST),
            (self._gateways, GatewayState, sharing.GATEWAYS),
            (self._bans, BanFor, sharing.ALL_BANS),
            (self._news, News, sharing.NEWS),
            (self._users, UserLine, sharing.USERS),
        )
        rows = (handling(_replied(action), verb) for action, verb in does)
        portions = (handling(self._portioned(whole, item), verb) for whole, item, verb in lists)
        return dict((*rows, *portions))

    def _portioned(
        self, whole: Callable[[Any], Awaitable[tuple[Any, ...]]], item: object
    ) -> Callable[[Part[Any]], Awaitable[Reply]]:
        """A handler that answers a list by portions."""

        async def answer(part: Part[Any]) -> Reply:
            left = self._rest(part) if part.listing else (await _replied(whole)(part.asked)).value
            count = first_of(left, item, ROOM)
            return Reply(self._portion(part, left, count))

        return answer

    def _rest(self, part: Part[Any]) -> tuple[Any, ...]:
        """Each portion is asked for once, in order. Raises `OSError` for a list that is not kept any more."""
        kept = self._listings.pop(part.listing, None)
        if kept is None or kept.first != part.first:
            raise OSError(errno.ESTALE, "this list is not kept any more: ask for it again")
        return kept.items

    def _portion(self, part: Part[Any], left: tuple[Any, ...], count: int) -> Portion[Any]:
        rest = left[count:]
        if not rest:
            return Portion(left, part.listing, 0)
        number = part.listing or next(self._numbers)
        self._listings[number] = _Listing(rest, part.first + count)
        if len(self._listings) > MOST_LISTINGS:
            self._listings.popitem(last=False)
        return Portion(left[:count], number, len(rest))

    # --- what is done -------------------------------------------------------------------------------------------------

    async def _beat(self, nothing: None) -> None:
        del nothing
        await (await self._fleet()).beat()

    async def _leave(self, nothing: None) -> None:
        del nothing
        await (await self._fleet()).leave()

    async def _pools(self, part: PoolPart) -> None:
        """Raises `OSError` for more than there may be."""
        if part.begins:
            self._named = []
        if len(self._named) >= MOST_PARTS:
            raise OSError(errno.E2BIG, "more pools than there may be")
        if (pool := part.pool) is not None and self._named and self._named[-1].name == pool.name:
            self._named[-1] = replace(pool, reserved=(*self._named[-1].reserved, *pool.reserved))
        elif pool is not None:
            self._named.append(pool)
        if part.ends:
            named, self._named = tuple(self._named), []
            await (await self._fleet()).pools(named)

    async def _claim(self, claim: Claim) -> object:
        return await (await self._fleet()).claim(claim)

    async def _give_back(self, sessions: tuple[int, ...]) -> None:
        await (await self._fleet()).give_back(sessions)

    async def _keep(self, sessions: tuple[Past, ...]) -> None:
        await (await self._fleet()).keep(sessions)

    async def _forget(self, days: int) -> None:
        await (await self._fleet()).forget(days)

    async def _ban(self, wish: BanFor) -> None:
        await (await self._fleet()).ban(wish.ban, wish.seconds)

    async def _tell(self, news: News) -> None:
        await (await self._fleet()).tell(news)

    async def _write_user(self, user: UserWrite) -> int | None:
        return await (await self._fleet()).write_user(user.name, user.sealed, user.version)

    async def _spend(self, code: Spending) -> bool:
        return await (await self._fleet()).spend(code.key, code.step)

    async def _vouch(self, voucher: Voucher) -> None:
        await (await self._fleet()).vouch(voucher.user, voucher.network)

    async def _vouched(self, voucher: Voucher) -> bool:
        return await (await self._fleet()).vouched(voucher.user, voucher.network)

    # --- lists --------------------------------------------------------------------------------------------------------

    async def _present(self, user: str) -> tuple[Present, ...]:
        return await (await self._fleet()).present(user)

    async def _past(self, wanted: Wanted) -> tuple[PastItem, ...]:
        page = await (await self._fleet()).past(wanted)
        return tuple(PastItem(each, page.before) for each in page.sessions)

    async def _gateways(self, nothing: None) -> tuple[GatewayState, ...]:
        del nothing
        return await (await self._fleet()).gateways()

    async def _bans(self, nothing: None) -> tuple[BanFor, ...]:
        del nothing
        return tuple(BanFor(ban, seconds) for ban, seconds in await (await self._fleet()).bans())

    async def _news(self, nothing: None) -> tuple[News, ...]:
        del nothing
        return await (await self._fleet()).news()

    async def _users(self, after: int) -> tuple[UserLine, ...]:
        return await (await self._fleet()).users(after)


def _replied(action: Callable[[Any], Awaitable[object]]) -> Callable[[Any], Awaitable[Reply]]:
    async def answer(asked: Any) -> Reply:
        try:
            return Reply(await action(asked))
        except RefusedError as error:
            raise OSError(REFUSED, error.strerror or str(error)) from error

    return answer
