"""Makes a connection's DNS known to the host, and settles whose DNS a device has that several connections share."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lotor.hosts import dns, undo
from lotor.hosts.changes import Machine, Resolved
from lotor.hosts.journal import Journal
from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen

log = logging.getLogger(__name__)


@frozen
class Named:
    """A connection: its device and index, its journal, what this host took of the gateway's configuration."""

    device: str
    index: int
    journal: Journal
    configuration: ModeConfiguration


@frozen
class Naming:
    """Of this host. systemd-resolved has one set of servers for each device."""

    machine: Machine
    places: dns.DnsPlaces

    async def begin(self, new: Named, others: Sequence[Named]) -> None:
        """A host whose DNS cannot be changed keeps its tunnel; the log says that names are not asked there."""
        wanted = dns.settings(new.configuration)
        if wanted is None:
            return
        namespace = new.journal.file.stem.rpartition("-")[0]
        kept = new.journal.file.with_name(f"{namespace}.resolv")
        of = dns.Connection(new.device, new.index, new.journal.file.stem, kept)
        change, note = dns.plan(wanted, self.places, self.machine.commands, of)
        if note is not None:
            log.warning("of DNS: %s", note)
        if change is None:
            return
        holder = _holder(new.index, others) if isinstance(change, Resolved) else None
        if holder is not None and not wanted.full:
            what = f"the servers of another connection on {new.device} are: systemd-resolved takes one set for a device"
            log.warning("the tunnel's DNS servers (%s) are not used, %s", ", ".join(wanted.servers), what)
            return
        try:
            await undo.make(self.machine, new.journal, change)
        except OSError as error:
            log.warning(
                "the tunnel's DNS servers (%s) are not used: %s", ", ".join(wanted.servers), error.strerror or error
            )
            return
        if holder is not None:
            log.warning("from now on all names are asked in the full tunnel, those of other connections too")
            holder.journal.keep([each for each in holder.journal.changes if not isinstance(each, Resolved)])

    async def pass_on(self, index: int, left: Sequence[Named]) -> None:
        """A connection on that device has ended: the next one has its turn."""
        for each in [one for one in left if one.index == index]:
            if _holder(index, left) is not None:
                return
            await self.begin(each, [])


def _holder(index: int, connections: Sequence[Named]) -> Named | None:
    """Whose servers the device has."""
    return next((each for each in connections if each.index == index and resolves(each.journal)), None)


def resolves(journal: Journal) -> bool:
    """Whether systemd-resolved was told of it."""
    return any(isinstance(change, Resolved) for change in journal.changes)
