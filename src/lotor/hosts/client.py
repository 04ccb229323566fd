"""A client's host: `LinuxHost` attaches a connection to it and detaches it again (the port `ports.host.Host`)."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lotor.hosts import dns, firewall, guard, kill_switch, moving, others, resolvfile, routing, sysctl, undo
from lotor.hosts.admission import NOBODY, Neighbours, admit
from lotor.hosts.changes import (
    AddressMade,
    Closing,
    LinkUp,
    Machine,
    ResolvFile,
    RouteMade,
    RuleMade,
    Table,
)
from lotor.hosts.closures import DIRECTORY, Closures, closing_of, gateways_of, same_tunnel
from lotor.hosts.journal import STATE_DIRECTORY, Journal, journals
from lotor.hosts.keeper import Keeper
from lotor.hosts.naming import Named, Naming, resolves
from lotor.hosts.netlink import LEAST_IPV6_MTU, Link
from lotor.hosts.news import News
from lotor.hosts.owner import Owner
from lotor.hosts.resolvfile import Place
from lotor.hosts.routing import OUTER_MARK, SLOTS, HostFacts
from lotor.model.configuration import ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.ports.host import Attachment, Leaving
from lotor.ports.host_esp import Leading

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Attached:
    """One connection that is set up; `configuration` is what this host took of the gateway's. `closure`: what closes
    the host while it is down; `lasting`: the host was closed before it came."""

    attachment: Attachment
    link: Link
    journal: Journal
    slot: int
    configuration: ModeConfiguration
    closure: Journal | None = None
    lasting: bool = False


class LinuxHost:
    """Addresses, routes and rules over netlink; DNS by whichever manager the host has. `state` holds the journals."""

    def __init__(
        self,
        state: Path = STATE_DIRECTORY,
        places: dns.DnsPlaces | None = None,
        machine: Machine | None = None,
    ) -> None:
        self._state = state
        self._places = places or dns.DnsPlaces()
        self._machine = machine or Machine()
        self._naming = Naming(self._machine, self._places)
        self._attached: dict[int, Attached] = {}
        self._turn = asyncio.Lock()
        self._news = News()
        self._closures = Closures(self._machine, state.with_name(DIRECTORY.name))
        self._keeper = Keeper(self._machine, self._turn, self._held)

    async def admit(self, attachment: Attachment) -> None:
        """Raises `OSError` with a clear text for what no gateway may give this host. Changes nothing."""
        await self._admitted(attachment, await self._machine.network.link(attachment.device))

    async def attach(self, attachment: Attachment) -> None:
        """Raises `OSError` with a clear text, after undoing what was done. Attaching the same again changes nothing;
        where only the inside addresses or the way to the gateway are others, nothing else is touched."""
        async with self._turn:
            self._succeed(attachment)
            known = self._attached.get(attachment.session)
            if known is not None and (known.attachment == attachment or await self._move(known, attachment)):
                return
            bridge = await self._bridge(known)
            try:
                await self._detach(attachment.session)
                await self._attach(attachment, lasting=known is not None)
            finally:
                if bridge is not None:
                    await self._closures.open(bridge)

    async def changed(self, seen: int) -> int:
        return await self._news.await_other_than(seen)

    async def detach(self, session: int, leaving: Leaving = Leaving.OPEN) -> None:
        """Undo exactly what was made, last first. The log names what cannot be undone; it stays in the journal."""
        async with self._turn:
            gone = await self._detach(session)
            if gone is not None:
                await self._leave(gone, leaving)
            self._rest()

    async def closed(self) -> tuple[str, ...]:
        return gateways_of(self._left())

    async def open(self, gateways: tuple[str, ...]) -> int:
        async with self._turn:
            found = [closing_of(each) for each in self._left()]
            meant = {each.gateway for each in found if {each.gateway, each.remote} & set(gateways)}
            wanted = [each for each in self._left() if closing_of(each).gateway in meant]
            stay = {closing_of(each).gateway for each in wanted if not await self._closures.open(each)}
            self._rest()
            if stay:
                what = f"nftables keeps this host closed for {', '.join(sorted(stay))}: the log says why"
                raise OSError(errno.EIO, what)
            return len(meant)

    async def portal(self, seconds: int) -> int:
        async with self._turn:
            for journal in (found := self._left()):
                await self._closures.portal(journal, seconds)
            return len(found)

    async def release(self) -> None:
        """A person ends the program: the host is open for all that it closed itself."""
        async with self._turn:
            for journal in self._left():
                if journal.owner == Owner.myself():
                    await self._closures.open(journal)
            self._rest()

    async def recover(self, *, told: bool = True) -> int:
        """Undo what a crashed daemon left; how many changes were undone. What it closed stays closed: the log says so
        where it is to be `told`."""
        async with self._turn:
            for journal in await self._closures.find():
                if told:
                    log.warning("%s", stays_closed(closing_of(journal).gateway))
                self._keeper.start()
            undone = await undo.recover(self._machine, self._state)
            return undone + self._recover_resolv_conf()

    def _held(self) -> list[Journal]:
        return [*self._journals(), *self._closures.held]

    def _left(self) -> list[Journal]:
        """What is closed without a connection."""
        taken = {each.closure.file for each in self._attached.values() if each.closure is not None}
        return [each for each in self._closures.left() if each.file not in taken]

    def _rest(self) -> None:
        if not self._held():
            self._keeper.stop()

    async def _move(self, known: Attached, attachment: Attachment) -> bool:
        """False when more must be changed than the addresses."""
        link, configuration = await self._taken(attachment)
        same = (known.attachment.device, known.attachment.mtu, known.link.index)
        fits = moving.fits(known.configuration, configuration)
        if same != (attachment.device, attachment.mtu, link.index) or not fits:
            return False
        await moving.Move(self._machine, known.journal, link.index, known.configuration, configuration).make()
        work = _Work(self._machine, known.journal, link, replace(attachment, configuration=configuration))
        await moving.steer(self._machine, known.journal, (await work.plan(known.slot)).rules)
        if known.closure is not None:
            await self._closures.change(known.closure, await work.closing())
        known.attachment, known.configuration = attachment, configuration
        return True

    async def _bridge(self, known: Attached | None) -> Journal | None:
        """What belonged into a tunnel stays unreachable until it leads elsewhere; one that closes its host has that."""
        if known is None or known.closure is not None:
            return None
        given = replace(known.attachment, configuration=known.configuration)
        return await self._closures.close(await _Work(self._machine, known.journal, known.link, given).closing())

    async def _leave(self, gone: Attached, leaving: Leaving) -> None:
        """The connection is undone."""
        before = leaving is Leaving.AS_BEFORE
        closed = leaving is Leaving.CLOSED or (before and gone.lasting)
        gateway, remote = str(gone.attachment.path.remote.address), gone.attachment.remote
        own = gone.closure.file if gone.closure is not None else None
        if closed and own is not None:
            log.warning("%s", stays_closed(gateway))
        for journal in self._left():
            same = not before and same_tunnel(closing_of(journal), gateway, remote)
            goes = not closed if journal.file == own else same
            if goes:
                await self._closures.open(journal)

    async def _inherit(self, heir: Attached) -> None:
        """What was closed for the same tunnel, or for less than it carries, is its own matter now."""
        if heir.closure is None and heir.attachment.closes:
            return  # nftables refused: what it closed before is more than nothing
        networks = closing_of(heir.closure).networks if heir.closure is not None else None
        gateway, remote = str(heir.attachment.path.remote.address), heir.attachment.remote
        for journal in self._left():
            other = closing_of(journal)
            covered = networks is not None and kill_switch.covers(networks, other.networks)
            if covered or same_tunnel(other, gateway, remote):
                heir.lasting = True
                await self._closures.open(journal)

    def _succeed(self, attachment: Attachment) -> None:
        """The place of a session that has ended becomes that of the one that follows it."""
        former = attachment.follows if attachment.session not in self._attached else 0
        if former and former in self._attached:
            self._attached[attachment.session] = self._attached.pop(former)

    async def _taken(self, attachment: Attachment) -> tuple[Link, ModeConfiguration]:
        """The device, and what this host takes of what the gateway sent; the log names the rest."""
        link = await self._machine.network.link(attachment.device)
        self._news.leave_out(link.index)
        configuration, notes = await self._admitted(attachment, link)
        if configuration.address6 is not None and (why := _no_ipv6(attachment)):
            configuration = configuration.without_ipv6()
            notes.append(f"the address {attachment.configuration.address6}: {why}, so the tunnel is for IPv4 only")
        for note in notes:
            log.warning("of what the gateway sent: %s", note)
        return link, configuration

    async def _attach(self, attachment: Attachment, *, lasting: bool) -> None:
        link, configuration = await self._taken(attachment)
        for note in others.beside(configuration, await self._machine.network.led_to(others.TABLES)):
            log.warning("of what the gateway sent: %s", note)
        journal, slot = await self._begin(full=configuration.is_full or configuration.is_full6)
        work = _Work(self._machine, journal, link, replace(attachment, configuration=configuration))
        closure: Journal | None = None
        try:
            if attachment.closes:
                closure = await self._closures.close(await work.closing())
            await work.guard(slot)
            await work.address()
            await work.routes(slot)
            await self._naming.begin(_named(link, journal, configuration), self._named())
        except BaseException:
            await undo.undo(self._machine, journal)
            if closure is not None:
                await self._closures.open(closure)
            raise
        attached = Attached(attachment, link, journal, slot, configuration, closure, lasting)
        self._attached[attachment.session] = attached
        await self._inherit(attached)
        self._keeper.start()

    async def _admitted(self, attachment: Attachment, link: Link) -> tuple[ModeConfiguration, list[str]]:
        own = [address for index, address in await self._machine.network.addresses() if index != link.index]
        own += self._addresses_of_others(attachment)
        gateway = attachment.path.remote.address
        return admit(attachment.configuration, own, gateway, await self._neighbours(gateway))

    def _addresses_of_others(self, attachment: Attachment) -> list[Address]:
        """Of connections on the same device: which SA pair a packet takes is known by its source."""
        same = {attachment.session, attachment.follows}
        others = [each.configuration for number, each in self._attached.items() if number not in same]
        return [address for each in others for address in each.addresses]

    async def _neighbours(self, gateway: Address) -> Neighbours:
        network = self._machine.network
        try:
            outer = await network.link(await network.way_to(gateway, OUTER_MARK))
            return Neighbours(tuple(await network.connected(outer.index)), await network.routers())
        except OSError:
            return NOBODY  # what is not known of the outer link is told where its routes are planned

    async def _begin(self, *, full: bool) -> tuple[Journal, int]:
        """A journal and the slot that its name holds for this connection."""
        priorities = await self._machine.network.priorities()
        if full and routing.full_tunnel_exists(priorities):
            what = "another connection carries all traffic of this host already: disconnect it first"
            raise OSError(errno.EBUSY, what)
        namespace = Owner.myself().namespace
        for slot in sorted(set(range(SLOTS)) - routing.used_slots(priorities)):
            if not await self._machine.network.table_is_empty(routing.FIRST_TABLE + slot):
                continue
            try:
                return Journal.begin(self._state, f"{namespace}-{slot}"), slot
            except FileExistsError:
                continue
        raise OSError(errno.EBUSY, f"all {SLOTS} routing tables for connections are in use: disconnect some")

    async def _detach(self, session: int) -> Attached | None:
        """What closes the host stays."""
        gone = self._attached.pop(session, None)
        if gone is None:
            return None
        resolved = resolves(gone.journal)
        await undo.undo(self._machine, gone.journal, others.handed_over(gone.journal, self._journals()))
        if resolved:
            await self._naming.pass_on(gone.link.index, self._named())
        return gone

    def _journals(self) -> list[Journal]:
        return [each.journal for each in self._attached.values()]

    def _named(self) -> list[Named]:
        return [_named(each.link, each.journal, each.configuration) for each in self._attached.values()]

    def _recover_resolv_conf(self) -> int:
        """The file in /etc outlives a reboot, its journal in /run does not."""
        path = self._places.resolv_conf
        place = Place(path, self._state / "none")
        if not resolvfile.is_ours(path) or not os.path.lexists(place.beside):
            return 0
        try:
            if any(self._claims(file, path) for file in journals(self._state)):
                return 0
            return int(resolvfile.restore(place))
        except OSError as error:
            log.warning("%s was not restored: %s", path, error.strerror or error)
            return 0

    def _claims(self, file: Path, path: Path) -> bool:
        try:
            changes = Journal.load(file).changes
        except (ValueError, TypeError):
            return False
        return any(isinstance(change, ResolvFile) and change.path == str(path) for change in changes)


def _named(link: Link, journal: Journal, configuration: ModeConfiguration) -> Named:
    return Named(link.name, link.index, journal, configuration)


def stays_closed(gateway: str) -> str:
    """A line for a person."""
    tunnel = f"kill_switch: what belongs into the tunnel to {gateway} stays unreachable"
    return f"{tunnel} until it is up again, or `lotor vd {gateway}`"


def _no_ipv6(attachment: Attachment) -> str:
    """Why the device cannot have IPv6; empty when it can."""
    if not sysctl.takes_ipv6(attachment.device):
        return "this host has IPv6 switched off"
    return f"an MTU of {attachment.mtu} is too small for IPv6" if attachment.mtu < LEAST_IPV6_MTU else ""


@frozen
class _Work:
    """The changes of one connection, kind by kind."""

    machine: Machine
    journal: Journal
    link: Link
    attachment: Attachment

    async def address(self) -> None:
        link = self.link
        up = LinkUp(link.name, link.index, self.attachment.mtu, link.mtu, link.up)
        await undo.make(self.machine, self.journal, up)
        for address in self.attachment.configuration.addresses:
            with suppress(FileExistsError):
                await undo.make(self.machine, self.journal, AddressMade(link.index, str(address)))

    async def guard(self, slot: int) -> None:
        """Before the address is there."""
        given, link, network = self.attachment.configuration, self.link, self.machine.network
        name = firewall.table_name(link.name, link.index, str(slot))
        rules = firewall.led(link.leading, firewall.lease_rules(link.index, given.addresses))
        packets = Table("inet", name, rules)
        neighbours = Table("arp", name, firewall.arp_rules(link.index, given.address))

        async def outer() -> list[str]:
            return [await network.way_to(self.attachment.path.remote.address, OUTER_MARK)]

        await guard.shut(self.machine, self.journal, packets, outer)
        await guard.hush(self.machine, self.journal, neighbours)
        await guard.clamp(self.machine, self.journal, link)

    async def routes(self, slot: int) -> None:
        plan = await self.plan(slot)
        for network in plan.refused:
            log.warning("%s stays in the tunnel: neither a private network nor one of this host's own link", network)
        for route in plan.routes:
            await undo.make(self.machine, self.journal, RouteMade(**asdict(route)))
        for rule in plan.rules:
            await undo.make(self.machine, self.journal, RuleMade(**asdict(rule)))

    async def plan(self, slot: int) -> routing.Routing:
        return routing.plan(self.attachment.configuration, self.attachment.path, await self._host_facts(), slot)

    async def closing(self) -> Closing:
        """What keeps the host closed while this connection is down; it has no name yet."""
        given, around = self.attachment.configuration, await self._host_facts()
        beside, _ = routing.beside_of(given.split_local, around.connected)
        return Closing(
            "",
            str(self.attachment.path.remote.address),
            self.attachment.remote,
            kill_switch.belonging(given),
            [str(each) for each in beside],
            around.outer,
            by_policies=self.link.leading is Leading.POLICIES,
        )

    async def _host_facts(self) -> HostFacts:
        around = HostFacts(self.link.index, ipv6=sysctl.has_ipv6())
        network = self.machine.network
        try:
            outer = await network.link(await network.way_to(self.attachment.path.remote.address, OUTER_MARK))
        except OSError as error:
            log.warning("the way to the gateway is not known: %s", error.strerror or error)
            return around
        connected = tuple(await network.connected(outer.index))
        strict = sysctl.strict_reverse_path(outer.name)
        return replace(around, connected=connected, strict_reverse_path=strict, outer=outer.index)
