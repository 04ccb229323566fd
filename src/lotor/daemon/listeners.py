"""The sockets of port 500 that a running program has open, as its configuration wants them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from lotor.config.problem import NOWHERE
from lotor.config.settings import Listen, ListenAddress
from lotor.daemon import listening
from lotor.daemon.active_config import ActiveConfig
from lotor.daemon.exits import StartError
from lotor.ike.events import Ended, Event
from lotor.model.network import Peer
from lotor.model.policy import Side
from lotor.ports.sockets import Sockets
from lotor.runtime.carriers import Carriers
from lotor.runtime.sockets import IsakmpSocket


class Listeners:
    """`prepare` opens what a new configuration wants, `replace` changes over. `floated`: where the sockets of port 4500
    are bound, which no reload changes."""

    def __init__(self, carriers: Carriers, sockets: Sockets, floated: Iterable[Peer]) -> None:
        self._carriers = carriers
        self._sockets = sockets
        self._floated = frozenset(floated)

    async def prepare(self, active: ActiveConfig, opened: ExitStack) -> list[IsakmpSocket]:
        """A socket for every address, those that are open already among them; `opened` closes the new ones. A mere
        client keeps a free port that it got where the usual one was taken. Raises `StartError`."""
        listen = active.settings.listen
        there = {carrier.local: carrier for carrier in self._isakmp()}
        free = {} if active.serves_as(Side.GATEWAY) else {carrier.local.address: carrier for carrier in there.values()}
        found: list[IsakmpSocket] = []
        for wanted in listening.isakmp(listen):
            carrier = there.get(Peer(wanted.address, wanted.port))
            if carrier is None and wanted.at == NOWHERE:
                carrier = free.get(wanted.address)
            if carrier is None:
                carrier = await self._opened(wanted, listen, opened)
            if carrier is not None:
                found.append(carrier)
        if not found:
            raise StartError("no address of listen { isakmp } can be opened: see the log")
        return found

    def replace(self, carriers: Sequence[IsakmpSocket], active: ActiveConfig) -> list[str]:
        """From now on these are open; what a person should know of it."""
        told = [*self._moved(carriers), *self._bound(active)]
        self._carriers.replace(carriers)
        return told

    def follow(self, event: Event) -> None:
        """Behind the register, which knows whose sockets are needed."""
        if isinstance(event, Ended):
            self._carriers.tidy()

    def _isakmp(self) -> list[IsakmpSocket]:
        return [carrier for carrier in self._carriers.open if isinstance(carrier, IsakmpSocket)]

    async def _opened(self, wanted: ListenAddress, listen: Listen, opened: ExitStack) -> IsakmpSocket | None:
        beside = [carrier.socket for carrier in self._isakmp()]
        udp = await listening.open_at(self._sockets, wanted, listen, beside)
        if udp is None:
            return None
        opened.callback(udp.close)
        return IsakmpSocket(udp)

    def _moved(self, carriers: Sequence[IsakmpSocket]) -> list[str]:
        before, now = {carrier.local for carrier in self._carriers.open}, {carrier.local for carrier in carriers}
        told = [f"{each} is open now" for each in sorted(now - before, key=str)]
        return told + [f"{each} is closed to new clients" for each in sorted(before - now, key=str)]

    def _bound(self, active: ActiveConfig) -> list[str]:
        """Port 4500 belongs to the engine that carries the traffic. What no line asks for is an address that this host
        lacks, or a client's port that was taken."""
        bound = {each.address for each in self._floated}
        usual = bound if active.serves_as(Side.GATEWAY) else set()
        places = listening.nat_t(active.settings.listen)
        wanted = {Peer(each.address, each.port) for each in places if each.at != NOWHERE or each.address in usual}
        if wanted <= self._floated:
            return []
        here = " and ".join(map(str, sorted(self._floated, key=str)))
        return [f"NAT traversal stays at {here} until the next start: restart lotor to move it"]
