"""A fleet in memory: one database that the gateways of a test share, with a clock that the test turns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from lotor.model.judgement import Failure
from lotor.model.reasons.local import GrantInUse, GrantPoolUnknown, PoolExhausted
from lotor.ports.fleet import (
    LONGEST_WAIT,
    MOST_AT_ONCE,
    GatewayState,
    Member,
    News,
    Page,
    Past,
    Sign,
    UserLine,
)

SEAT = "5ea7" * 8
RUN = "4a11" * 8
MOST_NEWS = 256


def member(name: str = "gw1", seat: str = SEAT, run: str = RUN, lease: int = 600) -> Member:
    return Member(name, seat, run, lease)


@dataclass
class Taken:
    """Addresses that a session of a gateway has."""

    member: Member
    session: int
    user: str
    addresses: tuple


@dataclass
class Database:
    """`away`: a sentence, and whoever asks gets it as a fault. `holds`: until it is set nobody is answered."""

    away: str = ""
    holds: asyncio.Event | None = None
    now: float = 0.0
    seen: dict = field(default_factory=dict)
    members: dict = field(default_factory=dict)
    taken: list = field(default_factory=list)
    last: dict = field(default_factory=dict)
    past: dict = field(default_factory=dict)
    bans: dict = field(default_factory=dict)
    users: dict = field(default_factory=dict)
    spent: dict = field(default_factory=dict)
    proved: dict = field(default_factory=dict)
    ends: list = field(default_factory=list)
    version: int = 0

    def alive(self, who: Member) -> bool:
        found = self.members.get(who.name)
        return found is not None and found.run == who.run and self.now - self.seen[who.name] <= who.lease

    def sweep(self) -> None:
        """The addresses of the dead are free."""
        self.taken = [each for each in self.taken if self.alive(each.member)]

    def tell(self, news: News, to: str | None = None) -> None:
        for each in self.ends:
            if to is None or each.member.name == to:
                each.hear(news)

    def go(self, why: str = "the database is away") -> None:
        self.away = why

    def come(self) -> None:
        """It is there again: whoever was cut off hears so."""
        self.away = ""
        for each in self.ends:
            each.hear(News(Sign.JOINED))


class FakeFleet:
    """Implements `ports.fleet.Fleet` for one gateway. `asked` are the names of the calls, in order."""

    def __init__(self, database: Database | None = None, who: Member | None = None) -> None:
        self.database = database if database is not None else Database()
        self.member = who or member()
        self.asked: list[str] = []
        self.named: dict = {}
        self._news: list[News] = [News(Sign.JOINED)]
        self._heard = asyncio.Event()
        self.database.ends.append(self)

    def hear(self, news: News) -> None:
        self._news = [*self._news, news][-MOST_NEWS:]
        self._heard.set()

    async def beat(self) -> None:
        await self._there("beat")
        self._seen()

    async def leave(self) -> None:
        await self._there("leave")
        self.database.taken = [each for each in self.database.taken if each.member != self.member]
        self.database.members.pop(self.member.name, None)

    async def pools(self, pools) -> None:
        await self._there("pools")
        self.named = {each.name: each for each in pools}

    async def claim(self, claim):
        await self._there("claim")
        self._seen()
        database = self.database
        database.sweep()
        mine = next(
            (each for each in database.taken if (each.member, each.session) == (self.member, claim.session)), None
        )
        if mine is not None:
            return mine.addresses
        found = self._granted(claim) if claim.granted else self._of_pool(claim)
        if not isinstance(found, Failure):
            database.taken.append(Taken(self.member, claim.session, claim.user, found))
            database.last[claim.user] = found
        return found

    def _granted(self, claim):
        for address in claim.granted:
            if address in self._all():
                return Failure(GrantInUse(address))
        return claim.granted

    def _of_pool(self, claim):
        pool = self.named.get(claim.pool)
        if pool is None:
            return Failure(GrantPoolUnknown(claim.pool))
        taken = self._all()
        free = [
            pool.first + number
            for number in range(pool.size)
            if pool.first + number not in taken and pool.first + number not in pool.reserved
        ]
        last = self.database.last.get(claim.user, ())
        for each in self.database.taken:
            if each.user == claim.user and each.member != self.member:
                self.database.tell(News(Sign.RETURNED, claim.user), each.member.name)
        if not free:
            return Failure(PoolExhausted(pool.first, pool.first + pool.size - 1, pool.size))
        return (next((each for each in last if each in free), free[0]),)

    def _all(self):
        return {address for each in self.database.taken for address in each.addresses}

    async def give_back(self, sessions) -> None:
        await self._there("give_back")
        database = self.database
        database.taken = [each for each in database.taken if each.member != self.member or each.session not in sessions]

    async def keep(self, sessions: tuple[Past, ...]) -> None:
        await self._there("keep")
        assert len(sessions) <= MOST_AT_ONCE
        for each in sessions:
            self.database.past[each.present.id] = each

    async def present(self, user: str = ""):
        await self._there("present")
        found = [each.present for each in self.database.past.values() if each.ended is None]
        return tuple(each for each in found if user in ("", each.user))

    async def past(self, wanted):
        await self._there("past")
        rows = list(enumerate(self.database.past.values(), 1))
        rows = [(number, each) for number, each in rows if wanted.user in ("", each.present.user)]
        rows = [(number, each) for number, each in rows if wanted.ike in (None, each.ike)]
        rows = [(number, each) for number, each in rows if wanted.before is None or number < wanted.before][::-1]
        page = rows[:MOST_AT_ONCE]
        return Page(tuple(each for _, each in page), page[-1][0] if len(rows) > len(page) else None)

    async def forget(self, days: int) -> None:
        await self._there("forget")

    async def gateways(self):
        await self._there("gateways")
        database = self.database
        return tuple(
            GatewayState(
                who.name,
                database.now - database.seen[who.name],
                database.alive(who),
                sum(each.member == who for each in database.taken),
            )
            for who in database.members.values()
        )

    async def ban(self, ban, seconds: float) -> None:
        await self._there("ban")
        key = ban.network, ban.subject
        self.database.bans.pop(key, None)
        if seconds > 0:
            self.database.bans[key] = ban, self.database.now + seconds
        self.database.tell(News(Sign.BANS))

    async def bans(self):
        await self._there("bans")
        now = self.database.now
        return tuple((ban, until - now) for ban, until in self.database.bans.values() if until > now)

    async def tell(self, news: News) -> None:
        await self._there("tell")
        self.database.tell(news)

    async def news(self):
        await self._there("news")
        while not self._news:
            self._heard.clear()
            try:
                async with asyncio.timeout(LONGEST_WAIT):
                    await self._heard.wait()
            except TimeoutError:
                return ()
        await self._there("news")
        found, self._news = tuple(self._news), []
        return found

    async def users(self, after: int):
        await self._there("users")
        rows = sorted(self.database.users.values(), key=lambda each: each.version)
        return tuple(each for each in rows if each.version > after)[:MOST_AT_ONCE]

    async def write_user(self, name: str, sealed: bytes, version: int):
        await self._there("write_user")
        found = self.database.users.get(name)
        if version != (found.version if found is not None else 0):
            return None
        self.database.version += 1
        self.database.users[name] = UserLine(name, sealed, self.database.version)
        self.database.tell(News(Sign.USERS))
        return self.database.version

    async def spend(self, key: str, step: int | None) -> bool:
        await self._there("spend")
        last = self.database.spent.get(key)
        if last is not None and (step is None or step <= last):
            return False
        self.database.spent[key] = step if step is not None else 1 << 62
        return True

    async def vouch(self, user: str, network: str) -> None:
        await self._there("vouch")
        self.database.proved[user, network] = self.database.now

    async def vouched(self, user: str, network: str) -> bool:
        await self._there("vouched")
        return (user, network) in self.database.proved

    async def _there(self, name: str) -> None:
        """Raises `OSError` where the database is away."""
        self.asked.append(name)
        if self.database.holds is not None:
            await self.database.holds.wait()
        if self.database.away:
            raise OSError(110, self.database.away)

    def _seen(self) -> None:
        """Raises `OSError` where another gateway has the name."""
        database, mine = self.database, self.member
        there = database.members.get(mine.name)
        if there is not None and there.seat != mine.seat and database.alive(there):
            raise OSError(17, f"another gateway that is alive is called {mine.name}: give each its own fleet_name")
        database.members[mine.name] = mine
        database.seen[mine.name] = database.now


def later(who: Member) -> Member:
    """The same gateway, started anew."""
    return replace(who, run="4a12" * 8)
