"""The fleet as its gateways ask for it: each call a statement at the database, or a few."""

from __future__ import annotations

from lotor.config.servers import FleetSettings
from lotor.fleet.connecting import Connection, Way
from lotor.fleet.connections import Connections
from lotor.fleet.history import History
from lotor.fleet.leasing import WAIT, Leasing
from lotor.fleet.listening import Listening
from lotor.fleet.members import Members
from lotor.fleet.people import People
from lotor.model.ban import Ban
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.names.whereabouts import LookUp, looked_up
from lotor.ports.fleet import Claim, FleetPool, GatewayState, Member, News, Page, Past, Present, UserLine, Wanted

_FORGET = (
    # Addresses of no pool that nobody has any more, and gateways of which nothing is left.
    "DELETE FROM lotor.leases WHERE pool = '' AND NOT held AND rested < clock_timestamp() - make_interval(days => $1)",
    """DELETE FROM lotor.gateways g WHERE g.gone AND g.heard < clock_timestamp() - make_interval(days => $1)
        AND NOT EXISTS (SELECT 1 FROM lotor.leases l WHERE l.gateway = g.name AND l.run <> '')""",
)


class FleetStore:
    """Implements `ports.fleet.Fleet`. `open` first, `close` last, from one event loop. `wait`: seconds in which
    another gateway may give back the address of a user who has come here."""

    def __init__(
        self, settings: FleetSettings, member: Member, look_up: LookUp = looked_up, wait: float = WAIT
    ) -> None:
        self._way = Way(settings, member.name, look_up)
        self._connections = Connections(self._way)
        self._listening = Listening(self._way, member.name)
        self._members = Members(self._connections, member, self._listening.queue.put)
        self._leasing = Leasing(self._members, member, wait)
        self._history = History(self._members, member)
        self._people = People(self._members)

    async def open(self) -> None:
        """The tables are there, and this gateway is one of the fleet. Raises `RefusedError`: it may not be; `OSError`:
        the database cannot be asked now; it is tried again with each call, and news come once it is there."""
        self._listening.start()
        await self._members.join()

    async def close(self) -> None:
        """Gives nothing back: that is `leave`."""
        await self._listening.close()
        self._members.close()
        self._connections.close()
        self._way.close()

    async def beat(self) -> None:
        await self._members.beat()
        await self._leasing.settle()

    async def leave(self) -> None:
        await self._members.leave()

    async def pools(self, pools: tuple[FleetPool, ...]) -> None:
        self._leasing.meant(pools)

    async def claim(self, claim: Claim) -> tuple[Address, ...] | Failure:
        return await self._leasing.claim(claim)

    async def give_back(self, sessions: tuple[int, ...]) -> None:
        await self._leasing.give_back(sessions)

    async def keep(self, sessions: tuple[Past, ...]) -> None:
        await self._history.keep(sessions)

    async def present(self, user: str = "") -> tuple[Present, ...]:
        return await self._history.present(user)

    async def past(self, wanted: Wanted) -> Page:
        return await self._history.past(wanted)

    async def forget(self, days: int) -> None:
        async def forgotten(connection: Connection) -> None:
            await self._history.forget(connection, days)
            await self._people.forget(connection)
            for each in _FORGET:
                await connection.execute(each, max(days, 1))

        await self._members.run(forgotten)

    async def gateways(self) -> tuple[GatewayState, ...]:
        return await self._members.all()

    async def ban(self, ban: Ban, seconds: float) -> None:
        await self._people.ban(ban, seconds)

    async def bans(self) -> tuple[tuple[Ban, float], ...]:
        return await self._people.bans()

    async def tell(self, news: News) -> None:
        await self._people.tell(news)

    async def news(self) -> tuple[News, ...]:
        return await self._listening.news()

    async def users(self, after: int) -> tuple[UserLine, ...]:
        return await self._people.users(after)

    async def write_user(self, name: str, sealed: bytes, version: int) -> int | None:
        return await self._people.write_user(name, sealed, version)

    async def spend(self, key: str, step: int | None) -> bool:
        return await self._people.spend(key, step)

    async def vouch(self, user: str, network: str) -> None:
        await self._people.vouch(user, network)

    async def vouched(self, user: str, network: str) -> bool:
        return await self._people.vouched(user, network)
