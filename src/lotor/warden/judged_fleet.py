"""The fleet as the warden believes it: what the process of back ends, or the database, may not say is not believed.

Whoever owns one of them can keep people out, end sessions, and say who is connected. He gives no address that nobody
asked for, and bans nobody whom an administrator could not have meant.
"""

from __future__ import annotations

import errno
import logging
import math
from collections.abc import Iterator

from lotor.model.ban import LONGEST, LONGEST_SUBJECT, Ban, known_as, network_of, shown
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.model.reasons.local import GrantInUse, GrantPoolUnknown, PoolExhausted, PoolFault
from lotor.model.text import clean
from lotor.ports.fleet import (
    Claim,
    Fleet,
    FleetPool,
    GatewayState,
    News,
    Page,
    Past,
    Present,
    UserLine,
    Wanted,
)
from lotor.privsep.complaints import Complaints

log = logging.getLogger(__name__)

LONGEST_TEXT = 1_024
"""Characters of a text about a session."""
LONGEST_WHY = 256
WIDEST = {4: 8, 6: 16}
"""By IP version: how many bits of a network must count at least so that its ban is believed. A wider one, which shuts
out everybody, counts only at the gateway where an administrator made it."""


class JudgedFleet:
    """Implements `ports.fleet.Fleet` around another. What cannot be is an `OSError`, and a line of the log; of bans and
    news what cannot be is left out."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._pools: dict[str, FleetPool] = {}
        self._complaints = Complaints(log)

    async def beat(self) -> None:
        await self._fleet.beat()

    async def leave(self) -> None:
        await self._fleet.leave()

    async def pools(self, pools: tuple[FleetPool, ...]) -> None:
        await self._fleet.pools(pools)
        self._pools = {each.name: each for each in pools}

    async def claim(self, claim: Claim) -> tuple[Address, ...] | Failure:
        """Exactly what was asked for, or one address of the pool that is nobody's by right."""
        answer = await self._fleet.claim(claim)
        wrong = self._refusal(claim, answer) if isinstance(answer, Failure) else self._grant(claim, answer)
        if wrong:
            raise self._lie(wrong)
        return answer

    async def give_back(self, sessions: tuple[int, ...]) -> None:
        await self._fleet.give_back(sessions)

    async def keep(self, sessions: tuple[Past, ...]) -> None:
        await self._fleet.keep(sessions)

    async def present(self, user: str = "") -> tuple[Present, ...]:
        found = await self._fleet.present(user)
        self._demand(all(map(_present, found)), "a session that cannot be")
        return found

    async def past(self, wanted: Wanted) -> Page:
        page = await self._fleet.past(wanted)
        self._demand(all(map(_past, page.sessions)), "a session that cannot be")
        return page

    async def forget(self, days: int) -> None:
        await self._fleet.forget(days)

    async def gateways(self) -> tuple[GatewayState, ...]:
        found = await self._fleet.gateways()
        fit = all(_said(each.name) and _number(each.seen) and each.sessions >= 0 for each in found)
        self._demand(fit, "a gateway that cannot be")
        return found

    async def ban(self, ban: Ban, seconds: float) -> None:
        await self._fleet.ban(ban, seconds)

    async def bans(self) -> tuple[tuple[Ban, float], ...]:
        return tuple(self._believed(await self._fleet.bans()))

    async def tell(self, news: News) -> None:
        await self._fleet.tell(news)

    async def news(self) -> tuple[News, ...]:
        found = await self._fleet.news()
        fit = tuple(each for each in found if _said(each.subject, LONGEST_SUBJECT))
        if len(fit) < len(found):
            self._lie("news of what no text is")
        return fit

    async def users(self, after: int) -> tuple[UserLine, ...]:
        found = await self._fleet.users(after)
        fit = all(_said(each.name) and each.name and each.version > after for each in found)
        self._demand(fit, "a user that cannot be")
        return found

    async def write_user(self, name: str, sealed: bytes, version: int) -> int | None:
        return await self._fleet.write_user(name, sealed, version)

    async def spend(self, key: str, step: int | None) -> bool:
        return await self._fleet.spend(key, step)

    async def vouch(self, user: str, network: str) -> None:
        await self._fleet.vouch(user, network)

    async def vouched(self, user: str, network: str) -> bool:
        return await self._fleet.vouched(user, network)

    def _grant(self, claim: Claim, given: tuple[Address, ...]) -> str:
        if claim.granted:
            return "" if sorted(map(str, given)) == sorted(map(str, claim.granted)) else "other addresses than granted"
        pool = self._pools.get(claim.pool)
        if pool is None or len(given) != 1 or given[0].version != 4:
            return "no address of a pool"
        if not int(pool.first) <= int(given[0]) < int(pool.first) + pool.size:
            return "an address that is not of the pool"
        return "a reserved address to somebody" if given[0] in pool.reserved else ""

    def _refusal(self, claim: Claim, failure: Failure) -> str:
        match failure.reason:
            case GrantInUse(address=address):
                return "" if address in claim.granted else "that somebody has what was not asked for"
            case PoolExhausted() | GrantPoolUnknown():
                return "that a pool has no address, of which none was asked for" if claim.granted else ""
            case PoolFault():
                return ""
        return "a reason for which no address is refused"

    def _believed(self, bans: tuple[tuple[Ban, float], ...]) -> Iterator[tuple[Ban, float]]:
        for ban, seconds in bans:
            if wrong := _unfit(ban, seconds):
                self._lie(wrong)
            else:
                yield ban, seconds

    def _demand(self, fit: bool, wrong: str) -> None:
        if not fit:
            raise self._lie(wrong)

    def _lie(self, wrong: str) -> OSError:
        """What is told of one, which the log has, too."""
        self._complaints.tell("the fleet answered what it may not: %s", wrong)
        return OSError(errno.EPROTO, f"the fleet answered what it may not: {wrong}")


def _unfit(ban: Ban, seconds: float) -> str:
    """What is wrong with a ban; empty where nothing is."""
    if not (math.isfinite(seconds) and 0 < seconds <= LONGEST and _said(ban.why, LONGEST_WHY)):
        return "a ban without an end, or a reason"
    if not ban.network:
        return "" if known_as(ban.subject) and _said(ban.subject, LONGEST_SUBJECT) else "a ban of no login"
    try:
        network = network_of(ban.subject)
    except ValueError:
        return "a ban of no network"
    if network.prefixlen < WIDEST[network.version]:
        return "a ban of half the world"
    return "" if shown(network) == ban.subject else "a ban of no network"


def _present(session: Present) -> bool:
    texts = (session.gateway, session.id, session.user, session.source, session.inside, session.client)
    numbers = (session.since, session.octets_in, session.octets_out)
    return all(map(_said, texts)) and all(map(_number, numbers))


def _past(session: Past) -> bool:
    numbers = (session.ended or 0, session.seconds, session.packets_in, session.packets_out)
    return _present(session.present) and _said(session.why) and all(map(_number, numbers))


def _number(value: float) -> bool:
    return math.isfinite(value) and value >= 0


def _said(text: str, longest: int = LONGEST_TEXT) -> bool:
    """Whether nobody has to clean it."""
    return clean(text, longest=longest) == text
