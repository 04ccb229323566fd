"""Addresses: the database gives each to one session of the fleet at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ipaddress import IPv4Address

from lotor.fleet import answers
from lotor.fleet.answers import unfit
from lotor.fleet.connecting import Connection
from lotor.fleet.members import Members
from lotor.fleet.procedures import ALIVE
from lotor.model.frozen import frozen
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.model.reasons.local import GrantInUse, GrantPoolUnknown, PoolExhausted
from lotor.ports.fleet import MOST_AT_ONCE, Claim, FleetPool, Member

WAIT = 3.0
"""Seconds in which another gateway may give back the address of a user who has come here."""
ASKS_AGAIN = 0.2
"""Seconds between two looks at whether it did."""
SHOWS = 1.5
"""Seconds after which one that has not been heard of since is not waited for: it is dead, or cut off."""
SETTLED = 10.0
"""Seconds after which a claim that nobody heard the end of is given back, unless it was made again."""
MOST_DOUBTFUL = 10_000
MOST_OF_A_SESSION = 8
_CLAIM = """SELECT state, coalesce((SELECT string_agg(host(one), ' ' ORDER BY one) FROM unnest(had) AS one), '')
    FROM lotor.claim($1, $2, $3, $4, $5::text[]::inet[], $6, $7, $8::text::inet, $9, $10::text[]::inet[], $11)"""
_GIVE_BACK = """UPDATE lotor.leases SET held = false, run = '', rested = clock_timestamp()
    WHERE gateway = $1 AND run = $2 AND run <> '' AND session = ANY ($3::text[]::bigint[]) AND held"""
# Nothing is locked or written, however many wait.
_HAS = f"""SELECT greatest(extract(epoch FROM clock_timestamp() - g.heard), 0)::double precision
    FROM lotor.leases l JOIN lotor.gateways g ON g.name = l.gateway
    WHERE l.address = $1::text::inet AND l.held AND l.gateway <> $2 AND {ALIVE}"""  # noqa: S608 - a text of ours
_NO_POOL = FleetPool("", IPv4Address(0), 0)


@frozen
class _Answer:
    state: str
    had: tuple[Address, ...]


class Leasing:
    """Of one gateway. As `ports.fleet.Fleet` says."""

    def __init__(self, members: Members, member: Member, wait: float = WAIT) -> None:
        self._members = members
        self._member = member
        self._wait = wait
        self._pools: dict[str, FleetPool] = {}
        self._doubtful: dict[int, float] = {}
        """Sessions whose claim may have been carried out, and since when nobody knows."""

    def meant(self, pools: Iterable[FleetPool]) -> None:
        """From now on these are meant by their names."""
        self._pools = {pool.name: pool for pool in pools}

    async def claim(self, claim: Claim) -> tuple[Address, ...] | Failure:
        pool = self._pools.get(claim.pool, _NO_POOL)
        if not claim.granted and not pool.size:
            return Failure(GrantPoolUnknown(claim.pool))
        try:
            answer = await self._settled(claim, pool)
        except BaseException:  # also where nobody waits any more: the server may carry it out yet
            self._doubt(claim)
            raise
        self._doubtful.pop(claim.session, None)
        match answer.state:
            case "had":
                return answer.had
            case "used":
                return Failure(GrantInUse(answer.had[0]))
        return Failure(PoolExhausted(pool.first, pool.first + (pool.size - 1), pool.size))

    async def give_back(self, sessions: tuple[int, ...]) -> None:
        if sessions:
            await self._members.run(
                lambda it: it.execute(_GIVE_BACK, self._member.name, self._member.run, list(map(str, sessions)))
            )

    async def settle(self) -> None:
        """Claims whose end nobody heard of, and that nobody made again, are no longer held; also those that were given
        back since: the server may have carried them out later than that."""
        while old := self._old():
            await self.give_back(old)
            for each in old:
                self._doubtful.pop(each, None)

    def _old(self) -> tuple[int, ...]:
        now = asyncio.get_running_loop().time()
        return tuple(each for each, since in self._doubtful.items() if since + SETTLED <= now)[:MOST_AT_ONCE]

    def _doubt(self, claim: Claim) -> None:
        """One that is `held` is made again by whoever holds it."""
        self._doubtful.pop(claim.session, None)
        if not claim.held and len(self._doubtful) < MOST_DOUBTFUL:
            self._doubtful[claim.session] = asyncio.get_running_loop().time()

    async def _settled(self, claim: Claim, pool: FleetPool) -> _Answer:
        """Another gateway that has the user's address is asked, and waited for, without any lock."""
        began = asyncio.get_running_loop().time()
        answer = await self._asked(claim, pool, 3 if claim.held else 0)
        while answer.state == "asked":
            came = await self._comes(claim, answer.had, began)
            answer = await self._asked(claim, pool, 1 if came else 2)
        return answer

    async def _comes(self, claim: Claim, addresses: tuple[Address, ...], began: float) -> bool:
        """Whether the other gateway has given them back, for all that is known of it. `began`: when it was asked. Who
        was granted them waits to the end: there are no others."""
        loop = asyncio.get_running_loop()
        while (now := loop.time()) < began + self._wait:
            await asyncio.sleep(min(ASKS_AGAIN, began + self._wait - now))
            heard = await self._members.run(lambda it: it.fetchval(_HAS, str(addresses[0]), self._member.name))
            if heard is None:
                return True
            waited = loop.time() - began
            if not claim.granted and waited > SHOWS and answers.seconds(heard) > waited:
                return False
        return False

    async def _asked(self, claim: Claim, pool: FleetPool, ask: int) -> _Answer:
        answer = await self._members.run(lambda it: self._carried_out(it, claim, pool, ask))
        if answer.state == "unknown":  # silent for too long, or the tables are others
            self._members.forget()
            answer = await self._members.run(lambda it: self._carried_out(it, claim, pool, ask))
        if answer.state == "unknown":
            raise OSError("the fleet's database does not know this gateway, though it has joined")
        return answer

    async def _carried_out(self, connection: Connection, claim: Claim, pool: FleetPool, ask: int) -> _Answer:
        granted = [str(each) for each in sorted(set(claim.granted), key=lambda each: (each.version, int(each)))]
        row = await connection.fetchrow(
            *(_CLAIM, self._member.name, self._member.run, claim.session, claim.user, granted, ask),
            *(pool.name, str(pool.first), pool.size, list(map(str, pool.reserved)), pool.lowest),
        )
        state = answers.text(row[0])
        had = answers.addresses(row[1], MOST_OF_A_SESSION)
        if not _possible(claim, pool, state, had):
            raise unfit("an address that was not asked for")
        if state == "had" and claim.granted:
            had = claim.granted
        return _Answer(state, had)


def _possible(claim: Claim, pool: FleetPool, state: str, had: tuple[Address, ...]) -> bool:
    """Whether a database that is what it should be could answer that. A session that has something already may have
    what was granted to it."""
    match state:
        case "unknown":
            return True
        case "exhausted":
            return not claim.granted
        case "had" if claim.granted:
            return set(had) == set(claim.granted)
        case "had" | "asked" if not claim.granted:
            last = int(pool.first) + pool.size - 1
            return bool(had) and any(each.version == 4 and int(pool.first) <= int(each) <= last for each in had)
        case "used" | "asked":
            return len(had) == 1 and had[0] in claim.granted and (state == "used" or not claim.held)
    return False
