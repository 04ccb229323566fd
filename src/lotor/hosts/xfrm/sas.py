"""The SAs of the SA pairs in the kernel: added, looked at, moved to other outer addresses, and taken away."""

from __future__ import annotations

import contextlib
import errno
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from lotor.hosts.xfrm.entries import CompSa, Protocol, Sa, SaId, State
from lotor.hosts.xfrm.others import Terms
from lotor.hosts.xfrm.pair import Half, Outside, Pair, beside, later
from lotor.hosts.xfrm.table import XfrmTable
from lotor.model.algorithms import EspSuite
from lotor.model.child import Encapsulation
from lotor.model.network import Instant, Path
from lotor.ports.esp import Ending

log = logging.getLogger(__name__)

Entries = tuple[Sa, CompSa | None]
Remade = Callable[[], Entries]
"""What comes in the place of SAs that were taken away."""
Lead = Callable[[], Awaitable[None]]
"""Has the policies follow."""


class LostError(Exception):
    """An SA is not there any more, and cannot be again. `ending`: what became of it; the text says more, or nothing."""

    def __init__(self, ending: Ending, text: str = "") -> None:
        super().__init__(text)
        self.ending = ending


class Sas:
    """One call at a time. What cannot be taken away is tried again by `mend`."""

    def __init__(self, table: XfrmTable) -> None:
        self._table = table
        self._owners: dict[SaId, Pair] = {}
        self._debris: dict[SaId, int] = {}
        self._refused: set[tuple[EspSuite, int | None]] = set()
        """What the network device does not take: suites are few, and so are errors."""

    def owner(self, sa: SaId) -> Pair | None:
        """Whose SA it is now: not whose it was."""
        return self._owners.get(sa)

    async def install(self, pair: Pair) -> None:
        """Both directions, or nothing. Packets leave uncompressed where another peer behind the same address has the
        CPI, which every peer takes."""
        for half in pair.halves:
            if half.sa.id in self._owners:
                raise _taken(half.sa)
        refusals = await self._try(pair)
        comp = pair.outbound.comp
        if comp is not None and isinstance(refusals.get(comp.id), FileExistsError) and len(refusals) == 1:
            pair.outbound.sa, pair.outbound.comp = replace(pair.outbound.sa, tunnel=True), None
            refusals = await self._begin(pair)
        for refusal in refusals.values():
            raise refusal
        for half in pair.halves:
            self._keep(pair, half)

    async def _try(self, pair: Pair) -> dict[SaId, OSError]:
        """As `_begin`; what a network device refuses to seal, the kernel seals."""
        refused = await self._begin(pair)
        alone = _left_to_kernel(pair, refused)
        if not alone:
            return refused
        refusals = await self._begin(pair)
        for sa in alone:
            if sa.id not in refusals:
                self._tell_refusal(sa, refused[sa.id])
        return refusals

    async def _begin(self, pair: Pair) -> dict[SaId, OSError]:
        """What the kernel refused; then none is there."""
        entries = [each for half in pair.halves for each in half.entries]
        outcomes = list(zip(entries, await self._table.add_all(entries), strict=True))
        refused = {entry.id: _refusal(entry, came) for entry, came in outcomes if came is not None}
        for entry, came in outcomes if refused else ():
            if not isinstance(came, FileExistsError):
                await self._take(entry.id, entry.reqid, sure=came is None)
        return refused

    async def remove(self, pair: Pair) -> None:
        """What they carried is in the pair afterwards."""
        halves = [half for half in pair.halves if half.there]
        for half in halves:
            self._forget(half)
        last = await self._take_several([(each.id, each.reqid) for half in halves for each in half.entries])
        for half in halves:
            half.close(*(last[each] for each in half.ids), *[None] * (half.comp is None))

    async def look(self, pair: Pair) -> None:
        for half in pair.halves:
            if half.there:
                esp, *comp = [await self._table.state(each) for each in half.ids]
                half.look(esp, *comp or [None])

    def read(self, pair: Pair, states: Mapping[SaId, State]) -> None:
        """As `look`, where all that the kernel has is known."""
        for half in pair.halves:
            if half.there:
                esp, *comp = [states.get(each) for each in half.ids]
                half.look(esp, *comp or [None])

    async def expired(self, half: Half, last: State | None) -> None:
        """The kernel has taken the ESP SA away, whose last figures these are."""
        self._forget(half)
        compressed = None if half.comp is None else await self._take(half.comp.id, half.comp.reqid)
        half.close(last, compressed)

    async def mend(self) -> None:
        """What could not be taken away before."""
        for sa, reqid in list(self._debris.items()):
            await self._take(sa, reqid, sure=False)

    async def move(self, pair: Pair, path: Path, lead: Lead, now: Instant) -> None:
        """What leaves first, so that the peer hears from here soon. `OSError`: it stays where it was, or the rest is
        done by another call. `LostError`: one of the SAs is no more."""
        form = Encapsulation.along(path)
        out, into = (path.local, path.remote, form), (path.remote, path.local, form)
        half = pair.outbound
        if path.remote.address != half.sa.destination.address:
            await self._replace(pair, out, lead, now)
        elif not await self._renumbered(half, out):
            await self._renew(pair, half, lambda: half.at(*out), now)
            await lead()
        if not await self._renumbered(pair.inbound, into):
            await self._renew(pair, pair.inbound, lambda: pair.inbound.at(*into), now)
        await lead()

    async def lead(self, pair: Pair, terms: Terms, lead: Lead, now: Instant) -> None:
        """What leaves is found by these terms from now on. Raises as `move` does."""
        half = pair.outbound
        await self._renew(pair, half, lambda: (terms.of(half.sa), None), now)
        await lead()

    def _keep(self, pair: Pair, half: Half) -> None:
        half.there = True
        self._owners[half.sa.id] = pair

    def _forget(self, half: Half) -> None:
        half.there = False
        del self._owners[half.sa.id]

    async def _renumbered(self, half: Half, outside: Outside) -> bool:
        """Whether other ports were all: the kernel changes neither addresses nor the form of an SA that is there."""
        source, destination, form = outside
        sa = replace(half.sa, source=source, destination=destination)
        addresses = (half.sa.source.address, half.sa.destination.address)
        if (source.address, destination.address) != addresses or form is not half.sa.encapsulation:
            return False
        if sa != half.sa and sa.encapsulation is Encapsulation.UDP:
            try:
                await self._table.update(sa)
            except OSError:
                if await self._table.state(sa.id) is None:
                    raise LostError(Ending.TAKEN_AWAY) from None
                raise
        half.sa = sa
        return True

    async def _replace(self, pair: Pair, outside: Outside, lead: Lead, now: Instant) -> None:
        """The new outbound SA is there before the old one goes: no packet is without one, and none gets a sequence
        number that another one had."""
        half, old = pair.outbound, (pair.outbound.sa, pair.outbound.comp)
        sent = await self._current(half)
        sa, comp = beside(half, outside, sent)
        if sa.id in self._owners:
            raise _taken(sa)
        half.sa, half.comp = await self._add(replace(sa, lifetime=pair.left(half, now)), comp)
        try:
            await lead()
        except OSError:
            new = (half.sa, half.comp)
            half.sa, half.comp = old
            with contextlib.suppress(OSError):
                await lead()
            await self._take_all(*new)
            raise
        del self._owners[old[0].id]
        self._owners[half.sa.id] = pair
        last, compressed = await self._take_all(*old)
        half.close(last, compressed)
        if last is not None and last.sent > half.sa.sequence:
            await self._renew(pair, half, lambda: half.at(*outside), now, last.sent)

    async def _current(self, half: Half) -> int:
        """The last sequence number that was sent."""
        esp, *comp = [await self._table.state(each) for each in half.ids]
        if esp is None:
            raise LostError(Ending.TAKEN_AWAY)
        half.look(esp, *comp or [None])
        return esp.sent

    async def _renew(self, pair: Pair, half: Half, remade: Remade, now: Instant, least: int = 0) -> None:
        """Takes it away, and makes it anew with the numbers that came in, or behind those that went out: packets may
        leave after the kernel has told how many did, and a network device makes nonces of the numbers. What comes in
        the moment between is lost: two SAs of one SPI cannot be at an address, and two windows would let a packet in
        twice."""
        self._forget(half)
        last, compressed = await self._take_all(half.sa, half.comp)
        if last is None:
            raise LostError(Ending.LEFT_BEHIND if half.sa.id in self._debris else Ending.TAKEN_AWAY)
        half.close(last, compressed)
        half.sa = replace(
            half.sa,
            sequence=later(half.sa, max(last.sent, least)) if half.sa.outbound else last.sent,
            received=last.received,
            window=last.window,
            lifetime=pair.left(half, now),
        )
        old = half.sa, half.comp
        try:
            half.sa, half.comp = await self._add(*remade())
        except OSError as error:
            try:
                half.sa, half.comp = await self._add(*old)
            except OSError:
                raise LostError(Ending.LEFT_BEHIND, error.strerror or str(error)) from error
            self._keep(pair, half)
            raise
        self._keep(pair, half)

    async def _add(self, sa: Sa, comp: CompSa | None) -> Entries:
        """As they are there now: where another peer behind the same address has the CPI, packets leave uncompressed,
        which every peer takes."""
        if comp is not None:
            try:
                await self._put(comp)
            except FileExistsError:
                if not sa.outbound:
                    raise _taken(comp) from None
                sa, comp = replace(sa, tunnel=True), None
        try:
            sa = await self._put_esp(sa)
        except OSError as error:
            if comp is not None:
                await self._take(comp.id, comp.reqid)
            if isinstance(error, FileExistsError):
                raise _taken(sa) from None
            raise
        return sa, comp

    async def _put_esp(self, sa: Sa) -> Sa:
        """As it is there now: what a network device refuses to seal, the kernel seals."""
        if not sa.by_device:
            await self._put(sa)
            return sa
        try:
            await self._put(sa)
        except FileExistsError:
            raise
        except OSError as error:
            alone = replace(sa, device="")
            await self._put(alone)
            self._tell_refusal(sa, error)
            return alone
        return sa

    def _tell_refusal(self, sa: Sa, error: OSError) -> None:
        """Once for each suite and cause: a session more tells nothing new."""
        if (sa.suite, error.errno) not in self._refused:
            self._refused.add((sa.suite, error.errno))
            text = "esp_offload %s: the kernel seals %s itself: %s"
            log.warning(text, sa.device, sa.suite, error.strerror or error)

    async def _put(self, entry: Sa | CompSa) -> None:
        """It is not there where this raises, whatever became of the kernel's answer."""
        try:
            await self._table.add(entry)
        except FileExistsError:
            raise
        except OSError:
            await self._take(entry.id, entry.reqid, sure=False)
            raise

    async def _take_all(self, sa: Sa, comp: CompSa | None) -> tuple[State | None, State | None]:
        """Their last figures."""
        esp = await self._take(sa.id, sa.reqid)
        return esp, None if comp is None else await self._take(comp.id, comp.reqid)

    async def _take_several(self, sas: Iterable[tuple[SaId, int]]) -> dict[SaId, State | None]:
        """Of a pair's, with their reqids: the last figures of each."""
        named = dict(sas)
        gone = zip(named.items(), await self._table.remove_all(tuple(named)), strict=True)
        return {sa: self._gone(sa, reqid, came) for (sa, reqid), came in gone}

    async def _take(self, sa: SaId, reqid: int, *, sure: bool = True) -> State | None:
        """`sure`: it is a pair's, and not perhaps another program's."""
        try:
            state = None if sure else await self._table.state(sa)
            ours = sure or (state is not None and state.reqid == reqid)
            last = await self._table.remove(sa) if ours else None
        except OSError as error:
            return self._gone(sa, reqid, error)
        return self._gone(sa, reqid, last)

    def _gone(self, sa: SaId, reqid: int, came: State | OSError | None) -> State | None:
        """Or it is tried again later."""
        if not isinstance(came, OSError):
            self._debris.pop(sa, None)
            return came
        if sa not in self._debris:
            log.warning("an SA stays in the kernel for now: %s", came.strerror or came)
        self._debris[sa] = reqid
        return None


def _refusal(entry: Sa | CompSa, came: OSError) -> OSError:
    """In the words of a pair."""
    return _taken(entry) if isinstance(came, FileExistsError) else came


def _left_to_kernel(pair: Pair, refusals: Mapping[SaId, OSError]) -> list[Sa]:
    """Which SAs of the pair their network device refused: they are to be without it."""
    found = []
    for half in pair.halves:
        refusal = refusals.get(half.sa.id)
        if half.sa.by_device and refusal is not None and not isinstance(refusal, FileExistsError):
            found.append(half.sa)
            half.sa = replace(half.sa, device="")
    return found


def _taken(entry: Sa | CompSa) -> OSError:
    what = "CPI" if entry.id.protocol is Protocol.IPCOMP else "SPI"
    text = f"{what} {entry.id.spi:#010x} at {entry.id.destination} belongs to another SA"
    return OSError(errno.EEXIST, f"{text}: the kernel has one of each number at an address")
