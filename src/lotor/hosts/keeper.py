"""Makes again what others take away while a connection is up: routes and addresses that the kernel forgets when a
device goes down, tables of nftables that a new ruleset flushes."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator, Sequence

from lotor.hosts import nftables
from lotor.hosts.changes import AddressMade, Change, Closing, LinkUp, Machine, RouteMade, Table
from lotor.hosts.journal import Journal
from lotor.hosts.watch import NETLINK_NETFILTER, NFTABLES, RTMGRP_LINK, Message, Watch, link_of, removes

log = logging.getLogger(__name__)

NOT_MADE = "a table of nftables that somebody removed was not made anew: %s"
Held = Callable[[], Sequence[Journal]]


class Keeper:
    """`held` are the journals of what is up, read and written under `turn` only. `start` may be called again."""

    def __init__(self, machine: Machine, turn: asyncio.Lock, held: Held) -> None:
        self._machine = machine
        self._turn = turn
        self._held = held
        self._down: set[int] = set()
        self._watches = (
            Watch(socket.NETLINK_ROUTE, RTMGRP_LINK, self._is_our_link, self._look_at_links),
            Watch(NETLINK_NETFILTER, NFTABLES, self._is_our_table, self._look_at_tables),
        )

    def start(self) -> None:
        for watch in self._watches:
            watch.start()

    def stop(self) -> None:
        for watch in self._watches:
            watch.stop()

    def _changes(self) -> Iterator[Change]:
        """Asked for as late as can be: who is held is looked up in files."""
        for journal in self._held():
            yield from journal.changes

    def _is_our_link(self, message: Message) -> bool:
        index = link_of(message)
        return index is not None and any(isinstance(each, LinkUp) and each.index == index for each in self._changes())

    def _is_our_table(self, message: Message) -> bool:
        return removes(message, (each.name for each in self._changes() if isinstance(each, Table | Closing)))

    async def _look_at_links(self) -> None:
        async with self._turn:
            changes = list(self._changes())
            for link in {each.index: each for each in changes if isinstance(each, LinkUp)}.values():
                await self._look_at_link(link, changes)

    async def _look_at_link(self, link: LinkUp, changes: Sequence[Change]) -> None:
        try:
            up = await self._machine.network.is_up(link.index)
        except OSError:
            return  # it is gone: the packet engine tells
        if not up:
            if link.index not in self._down:
                self._down.add(link.index)
                log.warning("the device %s was set down, nothing passes: `ip link set %s up`", link.device, link.device)
            return
        lost = [each for each in changes if isinstance(each, AddressMade | RouteMade) and each.index == link.index]
        made = await self._remake(lost)
        if made or link.index in self._down:
            log.warning("the device %s is up again: %d routes and addresses were made anew", link.device, made)
        self._down.discard(link.index)

    async def _remake(self, changes: Sequence[Change]) -> int:
        made = 0
        for change in changes:
            try:
                await change.make(self._machine)
            except FileExistsError:
                continue
            except OSError as error:
                log.error("what the device lost was not made anew: %s", error.strerror or error)  # noqa: TRY400 - it says all
                continue
            made += 1
        return made

    async def _look_at_tables(self) -> None:
        async with self._turn:
            held = [(one, each) for one in self._held() for each in one.changes if isinstance(each, Table | Closing)]
            try:
                there = await nftables.tables(self._machine.commands)
            except OSError as error:
                log.error("%s", NOT_MADE % (error.strerror or error))  # noqa: TRY400 - it says all
                return
            for journal, table in held:
                if (table.family, table.name) not in there:
                    await self._make_anew(journal, table)

    async def _make_anew(self, journal: Journal, table: Table | Closing) -> None:
        """Another lotor that opens the host removes the table before the journal: what it took away stays away."""
        try:
            await table.make(self._machine)
            if journal.is_there():
                log.warning("somebody removed the table %s of nftables: it was made anew", table.name)
            else:
                await table.undo(self._machine)
        except OSError as error:
            log.error("%s", NOT_MADE % (error.strerror or error))  # noqa: TRY400 - it says all
