"""The ESP of the host's kernel, which the warden asks (the port `ports.host_esp.HostEsp`)."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice

from lotor.model.child import Child, Counters, Lifetime
from lotor.model.network import Path
from lotor.ports.esp import Expired, Moved
from lotor.ports.host_esp import KernelDevice
from lotor.privsep.asking import Asker
from lotor.privsep.carrying import (
    ACTIVATE_PAIR,
    CLOSE_CARRIER,
    COUNT_PAIRS,
    INSTALL_PAIR,
    MOST_AT_ONCE,
    MOVE_PAIR,
    OPEN_CARRIER,
    PAIRS_TOLD,
    REMOVE_PAIR,
    Move,
)
from lotor.privsep.far import ask

log = logging.getLogger(__name__)


class FarHostEsp:
    """The daemon's end."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def open(self) -> KernelDevice:
        return (await ask(self._asker, OPEN_CARRIER, None)).value

    async def close(self) -> None:
        """Returns also where the warden did not: it takes everything away when this process has ended."""
        try:
            await ask(self._asker, CLOSE_CARRIER, None)
        except OSError as error:
            log.warning("%s", error.strerror)

    async def install(self, child: Child) -> None:
        try:
            await ask(self._asker, INSTALL_PAIR, _slim(child))
        except (TypeError, ValueError):
            networks = len(child.local_networks) + len(child.remote_networks)
            text = f"an SA pair of {networks} networks is larger than the warden takes"
            raise OSError(errno.EMSGSIZE, text) from None  # the other text may quote a key

    async def activate(self, child: int) -> None:
        await ask(self._asker, ACTIVATE_PAIR, child)

    async def remove(self, child: int) -> Counters | None:
        return (await ask(self._asker, REMOVE_PAIR, child)).value

    async def move(self, child: int, path: Path) -> None:
        await ask(self._asker, MOVE_PAIR, Move(child, path))

    async def counters(self, children: Iterable[int]) -> Mapping[int, Counters]:
        found: dict[int, Counters] = {}
        rest = iter(children)
        while some := tuple(islice(rest, MOST_AT_ONCE)):
            found.update((await ask(self._asker, COUNT_PAIRS, some)).value)
        return found

    async def notices(self) -> tuple[Expired | Moved, ...]:
        return (await ask(self._asker, PAIRS_TOLD, None)).value


def _slim(child: Child) -> Child:
    """What the kernel has use for: it answers no DHCPINFORM."""
    life = child.lifetime
    soft, hard = (None if each is None else float(each) for each in (life.soft_seconds, life.hard_seconds))
    return replace(child, lifetime=Lifetime(soft, hard, life.soft_octets, life.hard_octets), informed=None)
