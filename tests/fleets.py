"""Gateways of a fleet, as a test makes them; they share one database."""

from __future__ import annotations

from ipaddress import IPv4Address

from lotor.config.servers import FleetSettings
from lotor.fleet import FleetStore
from lotor.ports.fleet import FleetPool, Member, News, Sign

FIRST = IPv4Address("10.99.99.1")


def pool(size: int = 3, name: str = "p", **more) -> tuple[FleetPool, ...]:
    return (FleetPool(name, FIRST, size, **more),)


class Fleet:
    """Makes gateways, and closes them."""

    def __init__(self, database: FleetSettings) -> None:
        self.database = database
        self.made: list[FleetStore] = []

    def member(self, name: str, run: int = 1, seat: str = "", lease: int = 600) -> Member:
        return Member(name, (seat or name).encode().hex().ljust(32, "0")[:32], f"{run:032x}", lease)

    async def join(self, name: str, *, size: int = 3, wait: float = 0.0, pools=None, **member) -> FleetStore:
        made = self.make(name, wait=wait, **member)
        await made.open()
        assert (await made.news())[0] == News(Sign.JOINED)  # it listens
        await made.pools(pools or pool(size))
        return made

    def make(self, name: str, *, wait: float = 0.0, database: FleetSettings | None = None, **member) -> FleetStore:
        made = FleetStore(database or self.database, self.member(name, **member), wait=wait)
        self.made.append(made)
        return made

    async def close(self) -> None:
        for each in self.made:
            await each.close()
