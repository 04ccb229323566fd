"""Sockets and the TUN device, made for a daemon: only where the configurations in force want them, and not too many.

A descriptor goes to the daemon and is closed here. The kernel shows which of them are still open: a daemon that closes
its sockets may open others, and one that only opens them reaches a limit.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lotor.config.listening import places
from lotor.config.settings import Settings
from lotor.hosts.holder import living
from lotor.hosts.sockets import HostSockets
from lotor.model.network import Peer
from lotor.ports.interface import Tunnels
from lotor.privsep.budget import Budget
from lotor.privsep.opening import OPEN_RAW_ESP, OPEN_TUNNEL, OPEN_UDP, SOURCE_TOWARDS, Device, Place, Source, Version
from lotor.privsep.serving import Denied, Handler, Late, Reply, handling

MOST_OF_EACH = 2
"""Sockets at one address and port, or of native ESP for one IP version: a socket that is replaced may be open for a
moment beside its successor. With port 0 that is one for port 500 and one for port 4500."""
MOST_TRIED, TRIED_AGAIN = 32, 1.0
"""Sockets that the host is asked for at each place, and for native ESP of each IP version, at once, and another one for
each such time (seconds): where a port is taken, somebody looks through all processes for the one that has it."""
MOST_WAYS, WAYS_AGAIN = 256, 0.25
"""The same for ways to a peer, one for each connection that a client begins."""


class Opening:
    """What daemons have open, one daemon after another. `sockets` marks each socket, or opens none; `settings` are the
    configurations in force: the present one and, during a reload, the next. `other`: another device that the present
    daemon has."""

    def __init__(
        self,
        sockets: HostSockets,
        tunnels: Tunnels,
        settings: Callable[[], Iterable[Settings]],
        other: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._sockets = sockets
        self._tunnels = tunnels
        self._settings = settings
        self._other = other
        self._udp, self._raw = _Opened("udp"), _Opened("raw")
        self._tries, self._ways = _Tries(MOST_TRIED, TRIED_AGAIN), _Tries(MOST_WAYS, WAYS_AGAIN)
        self._begun = False
        self.device: str | None = None
        """The name of the TUN device that the present daemon has."""
        self.ports: set[int] = set()
        """Those of UDP sockets that it was given."""

    async def udp(self, place: Place) -> Reply:
        if place.local not in places(self._settings()):
            raise Denied(f"no configuration has a socket at {place.local}")
        self._udp.demand_room(place.local)
        self._tries.demand(place.local)
        opened = self._sockets.open(place.local, shared=place.shared)
        self.ports.add(opened.getsockname()[1])
        return self._udp.add(place.local, opened)

    async def raw_esp(self, version: Version) -> Reply:
        self._raw.demand_room(version)
        self._tries.demand(version)
        return self._raw.add(version, await self._sockets.raw_esp(version.value))

    async def source_towards(self, remote: Peer) -> Reply:
        if not 0 < remote.port < 2**16:
            raise Denied("there is no such port")
        self._ways.demand(None)
        return Reply(Source(await self._sockets.source_towards(remote)))

    async def tunnel(self, nothing: None) -> Reply:
        """One for each daemon: a daemon that closed its device gets no other one."""
        del nothing
        if self._begun or self._other() is not None:
            raise Denied("a daemon has one TUN device")
        self._begun = True
        try:
            made = await self._tunnels.open()
        except BaseException:
            self._begun = False
            raise
        self.device = made.name
        return Reply(Device(made.name), (made.fd,))

    def let_go(self) -> None:
        """The daemon is dead, and what it had open is closed."""
        self._begun, self.device, self.ports = False, None, set()
        self._tries, self._ways = _Tries(MOST_TRIED, TRIED_AGAIN), _Tries(MOST_WAYS, WAYS_AGAIN)


def rows(opening: Opening) -> dict[int, Handler]:
    """Handlers by the number of the verb."""
    return dict(
        (
            handling(opening.udp, OPEN_UDP),
            handling(opening.raw_esp, OPEN_RAW_ESP),
            handling(opening.source_towards, SOURCE_TOWARDS),
            handling(opening.tunnel, OPEN_TUNNEL),
        )
    )


@dataclass(frozen=True, slots=True)
class _Socket:
    inode: int
    use: object


class _Tries:
    """How often the host is asked for each thing on behalf of one daemon. The configuration names few of them."""

    def __init__(self, most: int, again: float) -> None:
        self._most, self._again = most, again
        self._budgets: dict[object, Budget] = {}

    def demand(self, what: object) -> None:
        """Raises `Late`, which ends no daemon: it cannot help that a port is taken, or that a person connects again and
        again."""
        budget = self._budgets.setdefault(what, Budget(self._most, self._again))
        if not budget.take(asyncio.get_running_loop().time()):
            raise Late("the host is asked too often")


class _Opened:
    """Sockets of one kind that a daemon was given, by what they are for."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._sockets: list[_Socket] = []

    def demand_room(self, use: object) -> None:
        """Raises `Denied`. Where /proc does not show which sockets are open, all count as open."""
        if self._count(use) < MOST_OF_EACH:
            return
        if (alive := living(self._kind)) is not None:
            self._sockets = [each for each in self._sockets if each.inode in alive]
        if self._count(use) >= MOST_OF_EACH:
            raise Denied(f"{MOST_OF_EACH} sockets are open there")

    def add(self, use: object, opened: socket.socket) -> Reply:
        descriptor = opened.detach()
        self._sockets.append(_Socket(os.fstat(descriptor).st_ino, use))
        return Reply(None, (descriptor,))

    def _count(self, use: object) -> int:
        return sum(each.use == use for each in self._sockets)
