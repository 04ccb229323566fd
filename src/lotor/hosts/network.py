"""A gateway's host as `network { }` wants it: forwarding, proxy ARP and neighbour discovery, a table of nftables.

What it changes stands in a journal of its own, which outlives a program that only applies it (`lotor network apply`):
whoever comes next takes it back first. A host where another lotor that runs has done so is left to that one.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

from lotor.hosts import network_table, nftables, undo
from lotor.hosts.changes import Change, Machine, OwnTable, Proxied
from lotor.hosts.journal import SUFFIX, Journal
from lotor.hosts.network_needs import needs
from lotor.hosts.network_table import FAMILY, TABLE, TUNNELS, Plan
from lotor.hosts.nftables import Command
from lotor.hosts.owner import Owner
from lotor.hosts.watch import (
    NETLINK_NETFILTER,
    NFTABLES,
    RTMGRP_LINK,
    Message,
    Watch,
    link_of,
    removes,
)
from lotor.model.frozen import frozen
from lotor.model.network import Address, Network
from lotor.ports.host_esp import Leading

log = logging.getLogger(__name__)

STATE = Path("/run/lotor/network")
MOST_QUEUED = 2_000
"""Changes of sets in one run of nft; where more wait, the table is made anew."""
AGAIN = 5.0
"""Seconds after a refusal until the kernel is asked again for what the table should be."""
BEHIND = (
    "the rules of network { } are not in the kernel as they should be, and may let somebody through whom they deny; "
    f"that is tried again every {AGAIN:g} s, and nobody gets an address before"
)
BLIND = (
    "the rules of network { } know clients by their device, and this kernel has no xfrm interfaces: try "
    "`modprobe xfrm_interface`, or write `engine userspace;`"
)
NO_GROUPS: frozenset[str] = frozenset()


@frozen
class Whose:
    """Whose addresses they are. `groups` came with the login; `filter` is the one that counts, empty for none."""

    user: str
    groups: frozenset[str] = NO_GROUPS
    filter: str = ""


@frozen
class Member:
    """A session with addresses, and the sets that they are in."""

    who: Whose
    addresses: frozenset[Address]
    sets: frozenset[str]


class NetworkHost:
    """One for a process. `groups_of` says which groups a proved user is in, and raises `OSError` where that cannot be
    known."""

    def __init__(
        self,
        state: Path = STATE,
        machine: Machine | None = None,
        groups_of: Callable[[str], frozenset[str]] = lambda _: NO_GROUPS,
    ) -> None:
        self._state = state
        self._machine = machine or Machine()
        self._groups_of = groups_of
        self._journal: Journal | None = None
        self._plan: Plan | None = None
        self._clients: tuple[Network, ...] = ()
        """Of the plan as it was given; single addresses may have joined it since."""
        self._tunnels: frozenset[str] = frozenset()
        self._by_policies = False
        """The device in `_tunnels` is none that clients' packets come by: policies lead them."""
        self._members: dict[int, Member] = {}
        self._queue: list[Command] = []
        self._stale = False
        """The sets in the kernel are not what they should be: nobody gets in before they are."""
        self._turn = asyncio.Lock()
        self._work: asyncio.Task[None] | None = None
        self._watches = (
            Watch(NETLINK_NETFILTER, NFTABLES, self._is_ours, self._look),
            Watch(socket.NETLINK_ROUTE, RTMGRP_LINK, self._is_proxied, self._answer_again),
        )

    @property
    def plan(self) -> Plan | None:
        """What this host is set up for."""
        return self._plan

    async def use(self, plan: Plan | None) -> None:
        """The host is as the plan wants it, whatever the plan before wanted; None: as it was before any. Raises
        `OSError`, and nothing has changed."""
        async with self._turn:
            if plan is None:
                await self._take_back()
                return
            self._refuse_blind(plan)
            await self._adopt(plan)
            self._clients = plan.clients
        self._hurry()

    async def _adopt(self, plan: Plan) -> None:
        """In our turn. Raises `OSError`, and nothing has changed."""
        journal = self._journal or await self._begin()
        made: list[Change] = []
        try:
            kept = await self._prepare(journal, plan, made)
            members, tunnels = self._sorted(plan), self._tunnels
            await self._replace(journal, plan, members)
            now = self._sorted(plan)  # somebody may have come or gone meanwhile
        except BaseException:
            self._stale |= self._plan is not None
            await self._retract(journal, made)
            await self._drop_if_new(journal)
            self._hurry()
            raise
        self._journal, self._plan, self._members = journal, plan, now
        self._queue, self._stale = [], (now, self._tunnels) != (members, tunnels)
        for watch in self._watches:
            watch.start()
        await self._retract(journal, [each for each in journal.changes if each not in (*kept, *made)])

    async def lead(self, device: str | None, leading: Leading | None = None) -> None:
        """Clients' packets come by this device from now on. `leading`: of one of the kernel's ESP. Raises `OSError`."""
        self._by_policies = leading is Leading.POLICIES
        self._refuse_blind(self._plan)
        tunnels = frozenset({device} if device is not None else ())
        for what, names in (("delete", self._tunnels - tunnels), ("add", tunnels - self._tunnels)):
            if names and self._has_table:
                self._queue.append(network_table.changing(what, TUNNELS, sorted(names)))
        self._tunnels = tunnels
        await self._settle()

    def _refuse_blind(self, plan: Plan | None) -> None:
        if self._by_policies and plan is not None and plan.network.rules:
            raise OSError(errno.EOPNOTSUPP, BLIND)

    @property
    def filters(self) -> frozenset[str]:
        """Those that rules name."""
        return self._plan.filters if self._plan is not None else frozenset()

    def groups_of(self, user: str) -> frozenset[str]:
        """Those of this host that a proved user is in. Raises `OSError`."""
        return self._groups_of(user)

    async def admit(self, session: int, who: Whose, addresses: frozenset[Address]) -> None:
        """Rules by group, by user and by filter hold for the addresses of a proved user when this returns. Raises
        `OSError`, and then they do not, and nobody may have the addresses."""
        member = Member(who, addresses, self._sets_of(who, self._plan))
        known = self._members.get(session)
        if known == member:
            await self._settle()
            return
        if known is not None:
            self._leave(session)
        self._members[session] = member
        self._queue += self._changes("add", member)
        try:
            await self._cover(addresses)
            await self._settle()
        except OSError:
            self.dismiss(session)
            raise

    def dismiss(self, session: int) -> None:
        """The addresses are nobody's any more. Unknown sessions are ignored."""
        self._leave(session)
        self._hurry()

    def _hurry(self) -> None:
        """What waits gets into the kernel without anybody who waits for it, however often that takes."""
        if self._waits and (self._work is None or self._work.done()):
            self._work = asyncio.get_running_loop().create_task(self._catch_up())

    async def stop(self) -> None:
        """Everything as it was before; also without a plan, and again."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait({self._work})
        async with self._turn:
            await self._take_back()

    async def clean(self) -> int:
        """Takes back what a program left here that does not run any more; how many changes that were. Raises `OSError`
        where one that runs has it."""
        async with self._turn:
            return await self._clean()

    @property
    def _has_table(self) -> bool:
        if self._plan is None or self._journal is None:
            return False
        return any(isinstance(each, OwnTable) for each in self._journal.changes)

    async def _clean(self) -> int:
        left = standing(self._state)
        if left is None:
            return 0
        if left.owner.lives():
            raise OSError(errno.EBUSY, taken(left.owner))
        undone = await undo.undo(self._machine, left)
        if left.changes:
            raise OSError(errno.EBUSY, f"what an earlier lotor changed here could not be undone, see {left.file}")
        return undone

    async def _begin(self) -> Journal:
        await self._clean()
        return Journal.begin(self._state, _name())

    async def _drop_if_new(self, journal: Journal) -> None:
        if self._journal is None:
            await undo.undo(self._machine, journal)

    async def _take_back(self) -> None:
        for watch in self._watches:
            watch.stop()
        self._queue.clear()
        self._stale, self._plan = False, None
        if self._journal is not None:
            await undo.undo(self._machine, self._journal)
            if not self._journal.changes:  # what stays is still ours, and undone the next time
                self._journal = None

    async def _retract(self, journal: Journal, changes: Iterable[Change]) -> None:
        unwanted = list(changes)
        if not unwanted:
            return
        await undo.undo_some(self._machine, journal, unwanted)
        for each in journal.changes:  # an address may have been in one that went, too
            if isinstance(each, Proxied):
                await self._answer(each)

    async def _answer(self, proxied: Proxied) -> None:
        try:
            await proxied.make(self._machine)
        except OSError as error:
            log.warning("%s", error.strerror or error)

    async def _prepare(self, journal: Journal, plan: Plan, made: list[Change]) -> list[Change]:
        """Switches and proxies; what is made joins `made`. Returns those that were made before and are still wanted."""
        kept, missing = await needs(self._machine, plan, journal.changes)
        tables: list[Change] = [each for each in journal.changes if isinstance(each, OwnTable)]
        if plan.rows() and not tables:
            missing.append(OwnTable(FAMILY, TABLE))
        for each in missing:
            await self._make(journal, each)
            made.append(each)
        return [*kept, *(tables if plan.rows() else ())]

    async def _make(self, journal: Journal, change: Change) -> None:
        if not isinstance(change, OwnTable):
            await undo.make(self._machine, journal, change)
            return
        try:
            await undo.make_whole(self._machine, journal, change)
        except undo.NotMadeError as error:
            raise _not_made(errno.EIO, str(error)) from None

    async def _replace(self, journal: Journal, plan: Plan, members: dict[int, Member]) -> None:
        """The whole table in one transaction; what is queued is in it, and what comes meanwhile stays queued."""
        self._queue = []
        if any(isinstance(each, OwnTable) for each in journal.changes) and plan.rows():
            await self._run(network_table.replacing(plan, self._elements(plan, members)))

    async def _run(self, commands: Iterable[Command]) -> None:
        try:
            await nftables.tell(self._machine.commands, commands)
        except OSError as error:
            raise _not_made(error.errno, error.strerror) from None

    def _elements(self, plan: Plan, members: dict[int, Member]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {**{name: [] for name in plan.sets()}, TUNNELS: sorted(self._tunnels)}
        for member in members.values():
            for name in member.sets:
                for address in member.addresses:
                    found[f"{name}_{address.version}"].append(str(address))
        return found

    def _sets_of(self, who: Whose, plan: Plan | None) -> frozenset[str]:
        if plan is None:
            return frozenset()
        own = self._groups_of(who.user) if plan.groups and plan.by_host else NO_GROUPS
        return frozenset(plan.of(who.user, who.groups | own, who.filter))

    async def _cover(self, addresses: frozenset[Address]) -> None:
        """What is done for the clients' addresses is done for these as well, which a back end granted from elsewhere.
        Raises `OSError`."""
        if self._covers(addresses):
            return
        async with self._turn:
            plan = self._plan  # of now: a reload may have had the turn before
            if plan is None or self._covers(addresses):
                return
            held = {each for member in self._members.values() for each in member.addresses}
            beside = [ip_network(each) for each in sorted(held, key=str) if not _within({each}, self._clients)]
            await self._adopt(replace(plan, clients=(*self._clients, *beside)))
        self._hurry()

    def _covers(self, addresses: frozenset[Address]) -> bool:
        plan = self._plan
        return plan is None or not plan.covers_alone or _within(addresses, plan.clients)

    def _sorted(self, plan: Plan) -> dict[int, Member]:
        """The sessions, in the sets of a new plan."""
        return {
            session: Member(each.who, each.addresses, self._sets_of(each.who, plan))
            for session, each in self._members.items()
        }

    def _changes(self, what: str, member: Member) -> list[Command]:
        if not self._has_table:
            return []
        return [
            network_table.changing(what, f"{name}_{address.version}", [str(address)])
            for name in sorted(member.sets)
            for address in member.addresses
        ]

    def _leave(self, session: int) -> None:
        member = self._members.pop(session, None)
        if member is not None:
            self._queue += self._changes("delete", member)

    @property
    def _waits(self) -> bool:
        return self._plan is not None and (self._stale or bool(self._queue))

    async def _settle(self) -> None:
        """Until everything that is queued, or on its way, is in the kernel, with what others queued meanwhile, in one
        transaction. Raises `OSError`."""
        if not (self._queue or self._stale or self._turn.locked()):
            return
        async with self._turn:
            batch, self._queue = self._queue, []
            if self._plan is None or not (batch or self._stale):
                return
            try:
                await self._pass_on(batch)
            except BaseException:  # also where this one is cancelled: others wait for the same batch
                self._stale = True
                self._hurry()
                raise

    async def _pass_on(self, batch: list[Command]) -> None:
        if not self._stale and len(batch) <= MOST_QUEUED:
            try:
                await self._run(batch)
            except OSError:
                log.debug("the table is made anew in place of a change that was refused")
            else:
                return
        await self._renew()

    async def _renew(self) -> None:
        """The table as it should be now, whatever is there."""
        if self._plan is None or self._journal is None:
            return
        self._stale = True
        await self._replace(self._journal, self._plan, self._members)
        self._stale = False

    async def _catch_up(self) -> None:
        told = False
        while self._waits:
            try:
                await self._settle()
            except OSError as error:
                if not told:
                    log.error("%s: %s", BEHIND, error.strerror)  # noqa: TRY400 - it says all
                told = True
                await asyncio.sleep(AGAIN)
        if told:
            log.warning("the table %s %s of nftables is as it should be again", FAMILY, TABLE)

    def _is_ours(self, message: Message) -> bool:
        return removes(message, [TABLE])

    def _proxies(self) -> list[Proxied]:
        changes = self._journal.changes if self._journal is not None else ()
        return [each for each in changes if isinstance(each, Proxied)]

    def _is_proxied(self, message: Message) -> bool:
        index = link_of(message)
        return any(each.index == index for each in self._proxies())

    async def _answer_again(self) -> None:
        """The kernel forgets for whom it answers on a device that goes down."""
        async with self._turn:
            for each in self._proxies():
                await self._answer(each)

    async def _look(self) -> None:
        async with self._turn:
            if not self._has_table:
                return
            try:
                if (FAMILY, TABLE) in await nftables.tables(self._machine.commands):
                    return
                await self._renew()
                log.warning("somebody removed the table %s %s of nftables: it was made anew", FAMILY, TABLE)
            except (OSError, ValueError) as error:
                self._stale = True
                log.error("the table %s %s that somebody removed was not made anew: %s", FAMILY, TABLE, error)  # noqa: TRY400 - it says all
                self._hurry()


def standing(state: Path = STATE) -> Journal | None:
    """The journal of whoever set this network namespace up. Raises `OSError` for one that cannot be read."""
    file = state / f"{_name()}{SUFFIX}"
    try:
        return Journal.load(file)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        what = f"{file} is not a journal that can be undone ({error}): undo its changes by hand and delete it"
        raise OSError(errno.EBADMSG, what) from None


def _name() -> str:
    """Of the journal in this network namespace."""
    return f"network-{Owner.myself().namespace}"


def _not_made(code: int | None, why: str | None) -> OSError:
    return OSError(code, f"the table {FAMILY} {TABLE} of nftables was not made: {why}")


def taken(owner: Owner) -> str:
    return (
        f"process {owner.pid} of lotor has set up this host's network already: end it, or take network {{ }} out here"
    )


def _within(addresses: Iterable[Address], networks: Iterable[Network]) -> bool:
    known = tuple(networks)
    return all(any(address in network for network in known) for address in addresses)
