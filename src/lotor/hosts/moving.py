"""Another inside address, or another way to the gateway, for a connection that stands: what names the old one makes
way, and everything else stays.

The rules that lead into the tunnel and the unreachable routes behind it are never taken away: nothing leaves in clear.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace

from lotor.hosts import firewall, undo
from lotor.hosts.changes import AddressMade, Change, Machine, RouteMade, RuleMade, Table
from lotor.hosts.journal import Journal
from lotor.hosts.netlink import Rule
from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.network import Address

log = logging.getLogger(__name__)


def fits(old: ModeConfiguration, new: ModeConfiguration) -> bool:
    """Whether nothing differs but the client's own addresses."""
    same = replace(old, address=new.address, address6=new.address6, banner=new.banner) == new
    return same and (old.address6 is None) is (new.address6 is None)


@frozen
class Move:
    """From one configuration to another that `fits`, on the device of that index."""

    machine: Machine
    journal: Journal
    index: int
    old: ModeConfiguration
    new: ModeConfiguration

    async def make(self) -> None:
        """Raises `OSError`; the journal then knows what is there, old or new."""
        gone = [one for one in self.old.addresses if one not in self.new.addresses]
        come = [one for one in self.new.addresses if one not in self.old.addresses]
        await self._guard([*self.new.addresses, *gone])
        for one in come:
            with suppress(FileExistsError):
                await undo.make(self.machine, self.journal, AddressMade(self.index, str(one)))
        for before, after in zip(gone, come, strict=True):
            await self._lead(str(before), str(after))
        await undo.retract(self.machine, self.journal, [AddressMade(self.index, str(one)) for one in gone])
        await self._guard(self.new.addresses)

    async def _lead(self, before: str, after: str) -> None:
        """The routes with one source address get the other; what is behind them catches packets in between."""
        for route in self._of(RouteMade):
            if isinstance(route, RouteMade) and route.source == before:
                await undo.retract(self.machine, self.journal, [route])
                await undo.make(self.machine, self.journal, replace(route, source=after))

    async def _guard(self, insides: Sequence[Address]) -> None:
        """Packets to these addresses come by way of the tunnel only."""
        for table in self._of(Table):
            if isinstance(table, Table):
                first = [rule for rule in table.rules[:1] if rule == firewall.THROUGH]
                rules = [*first, *firewall.lease_rules(self.index, insides)]
                if table.family == "arp":
                    rules = firewall.arp_rules(self.index, self.new.address)
                await self._take_place_of(table, replace(table, rules=rules))

    async def _take_place_of(self, old: Table, new: Table) -> None:
        if old == new:
            return
        try:
            await undo.replace(self.machine, self.journal, old, new)
        except undo.NotMadeError as error:
            log.warning("nftables guards the old inside address, not the new one: %s", error)

    def _of(self, kind: type[Change]) -> list[Change]:
        return [change for change in self.journal.changes if isinstance(change, kind)]


async def steer(machine: Machine, journal: Journal, rules: Sequence[Rule]) -> None:
    """From now on these rules lead the packets of a connection. What leads into the tunnel stands in both, and is not
    touched. Raises `OSError`; the journal then knows what is there."""
    wanted = [RuleMade(**asdict(rule)) for rule in rules]
    made = [change for change in journal.changes if isinstance(change, RuleMade)]
    for rule in wanted:
        if rule not in made:
            await undo.make(machine, journal, rule)
    await undo.retract(machine, journal, [rule for rule in made if rule not in wanted])
