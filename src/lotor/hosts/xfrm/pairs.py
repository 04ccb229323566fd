"""`ports.HostEsp` over the kernel's tables: SA pairs become SAs and policies, what the kernel tells becomes notices."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lotor.hosts.at_once import at_once
from lotor.hosts.xfrm import pair as pairs
from lotor.hosts.xfrm.device import Device
from lotor.hosts.xfrm.entries import (
    OWN_INTERFACE,
    Overrun,
    PoliciesLost,
    PolicyGone,
    PolicySet,
    SaExpired,
    SaMapped,
    SaTaken,
    Told,
    Wanted,
)
from lotor.hosts.xfrm.following import Following, Led
from lotor.hosts.xfrm.means import Means, Wishes
from lotor.hosts.xfrm.notices import Notices
from lotor.hosts.xfrm.pair import Common, Half, Pair
from lotor.hosts.xfrm.policies import Policies
from lotor.hosts.xfrm.reqids import Reqids
from lotor.hosts.xfrm.sas import LostError, Sas
from lotor.hosts.xfrm.table import XfrmTable
from lotor.model.child import Child, Counters
from lotor.model.network import Instant, Path
from lotor.ports.esp import Ending, Expired, Moved
from lotor.ports.host_esp import KernelDevice, Leading

log = logging.getLogger(__name__)

T = TypeVar("T")

STAYS = 0.1
"""Seconds for which a pair stays where it followed a packet to: a peer that sends each packet from somewhere else keeps
nobody busy, and uses few sequence numbers up."""
FOLLOWS_AGAIN = 10.0
"""Seconds until it tries once more to go where it could not."""
LOOKS_AGAIN = 1.0
"""Seconds: all SAs are looked at so often at most, whoever has the kernel tell too much."""
AT_ONCE = 64
"""Of what the kernel tells, before others get their turn."""
MOST_ENDS = 1024
"""Of one SA pair: each local network with each remote one costs three policies."""
FEW, OF_ALL = 8, 4
"""SA pairs whose figures are asked for one by one, or one in so many of all; beyond, all are told at once."""


@dataclass(slots=True)
class _Open:
    """What there is between `open` and `close`."""

    device: Device
    common: Common
    table: XfrmTable
    policies: Policies
    sas: Sas
    following: Following
    pairs: dict[int, Pair]
    reqids: Reqids = field(default_factory=Reqids)
    sharing: dict[int, dict[int, Pair]] = field(default_factory=dict)
    """By the reqid that they receive by."""
    hearing: asyncio.Task[None] | None = None
    doubtful: bool = False
    """Something was told that nobody heard, or understood."""
    looked: Instant | None = None
    later: asyncio.TimerHandle | None = None
    """When policies are looked at, though nobody asks."""


class XfrmEsp:
    """`ports.HostEsp` of this network namespace. Changes are made one after the other, each to its end or taken back,
    also where the caller stops waiting: SA pairs share policies."""

    def __init__(self, means: Means, wishes: Wishes, clock: Callable[[], Instant] = time.monotonic) -> None:
        self._means = means
        self._wishes = wishes
        self._clock = clock
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Task[Any]] = set()
        self._opened: _Open | None = None
        self._leaving: _Open | None = None
        """What `close` could not take away."""
        self._notices = Notices()

    async def open(self) -> KernelDevice:
        try:
            return await self._finished(self._open())
        except asyncio.CancelledError:
            self._begin(self._close())
            raise

    async def close(self) -> None:
        await self._finished(self._close())

    async def install(self, child: Child) -> None:
        try:
            await self._finished(self._install(child))
        except asyncio.CancelledError:
            self._begin(self._take_back(child))
            raise

    async def activate(self, child: int) -> None:
        await self._finished(self._activate(child))

    async def remove(self, child: int) -> Counters | None:
        return await self._finished(self._remove(child))

    async def move(self, child: int, path: Path) -> None:
        await self._finished(self._move_by_order(child, path))

    async def counters(self, children: Iterable[int]) -> Mapping[int, Counters]:
        return await self._finished(self._counters(tuple(children)))

    async def notices(self) -> tuple[Expired | Moved, ...]:
        return await self._notices.take()

    async def _finished(self, work: Coroutine[Any, Any, T]) -> T:
        """In the order of these calls, and to the end."""
        return await at_once(self._in_turn(work), self._goes_on)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """The same, where nobody waits."""
        self._goes_on(asyncio.get_running_loop().create_task(self._in_turn(work)))

    def _goes_on(self, task: asyncio.Task[Any]) -> None:
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _in_turn(self, work: Coroutine[Any, Any, T]) -> T:
        async with self._turn:
            return await work

    async def _open(self) -> KernelDevice:
        if self._opened is not None:
            raise OSError(
                errno.EALREADY, f"the kernel's ESP is open already, with the device {self._opened.device.name}"
            )
        await self._close()
        capabilities = await self._means.probe()
        device = await self._means.devices.make(self._wishes.mtu)
        async with contextlib.AsyncExitStack() as undone:
            undone.push_async_callback(self._means.devices.remove, device)
            table = self._means.table()
            undone.callback(table.close)
            if left := await table.flush():
                log.warning("%d SAs and policies that a killed lotor left in the kernel are gone", left)
            undone.pop_all()
        interface = OWN_INTERFACE if device.leading is Leading.ROUTES else 0
        common = Common(interface, self._wishes.mark, self._wishes.offload)
        policies, sas, pairs = Policies(table), Sas(table), dict[int, Pair]()
        engine = Led(table, policies, sas, pairs, self._lose)
        following = Following(engine, interface, self._clock)
        self._opened = _Open(device, common, table, policies, sas, following, pairs)
        self._notices.begin()
        self._opened.hearing = asyncio.get_running_loop().create_task(self._hear(self._opened))
        hindrance = self._means.hindrance(self._wishes.offload) if self._wishes.offload else ""
        return KernelDevice(device.name, self._wishes.mtu, device.leading, capabilities, hindrance)

    async def _close(self) -> None:
        """Where something stays, the next call takes it away."""
        self._leaving, self._opened = self._opened or self._leaving, None
        if (leaving := self._leaving) is None:
            return
        if leaving.later is not None:
            leaving.later.cancel()
        if leaving.hearing is not None:
            leaving.hearing.cancel()
            await asyncio.wait({leaving.hearing})
        async with contextlib.AsyncExitStack() as undone:
            undone.push_async_callback(self._means.devices.remove, leaving.device)
            await leaving.table.flush()
        leaving.table.close()
        self._leaving = None

    async def _install(self, child: Child) -> None:
        opened = self._needed()
        if child.id in opened.pairs:
            raise OSError(errno.EEXIST, f"SA pair {child.id} is installed already")
        if len(child.local_networks) * len(child.remote_networks) > MOST_ENDS:
            raise OSError(errno.E2BIG, f"an SA pair has more than {MOST_ENDS} pairs of networks: name fewer")
        await self._mend(opened)
        pair = self._made(opened, child)
        try:
            await opened.sas.install(pair)
            opened.pairs[child.id] = pair
            await opened.policies.add(pair)
        except BaseException:
            await self._clear(opened, pair)
            raise

    def _made(self, opened: _Open, child: Child) -> Pair:
        own = opened.reqids.take()
        pair = pairs.make(child, own, opened.common, self._clock())
        replaced = opened.pairs.get(child.replaces) if child.replaces is not None else None
        alike = opened.policies.claims.alike(pair)
        for each in (replaced, alike):
            if each is not None and pair.may_share(opened.sharing[each.shared].values()):
                pair.sharing(each.shared)
                break
        opened.following.begin(pair)
        opened.reqids.share(pair.shared)
        opened.sharing.setdefault(pair.shared, {})[child.id] = pair
        return pair

    async def _take_back(self, child: Child) -> None:
        pair = self._opened and self._opened.pairs.get(child.id)
        if pair and pair.child is child:
            await self._remove(child.id)

    async def _activate(self, child: int) -> None:
        opened, pair = self._found(child)
        if opened is not None and pair is not None and not pair.over:
            await opened.policies.activate(pair)
            await opened.following.follow(pair)

    async def _remove(self, child: int) -> Counters | None:
        opened, pair = self._found(child)
        if opened is None or pair is None:
            return None
        await self._clear(opened, pair)
        self._notices.forget(child)
        return pair.counters(self._clock())

    async def _clear(self, opened: _Open, pair: Pair) -> None:
        """Nothing of it stays: what the kernel does not take away now, it does later."""
        if opened.pairs.get(pair.child.id) is pair:
            del opened.pairs[pair.child.id]
        try:
            await opened.policies.remove(pair)
        except OSError as error:
            log.warning("a policy stays in the kernel for now: %s", error.strerror or error)
        await opened.sas.remove(pair)
        opened.reqids.free(pair.own)
        opened.reqids.free(pair.shared)
        del opened.sharing[pair.shared][pair.child.id]
        if not opened.sharing[pair.shared]:
            del opened.sharing[pair.shared]
        await self._mend(opened)

    async def _mend(self, opened: _Open) -> None:
        """What the kernel refused before."""
        await opened.sas.mend()
        with contextlib.suppress(OSError):
            await opened.policies.settle(())
        with contextlib.suppress(OSError):
            await self._look_around(opened)
        with contextlib.suppress(OSError):
            await opened.following.look()

    async def _move_by_order(self, child: int, path: Path) -> None:
        opened, pair = self._found(child)
        if opened is not None and pair is not None:
            pair.refused = None
            await self._move(opened, pair, path)

    async def _move(self, opened: _Open, pair: Pair, path: Path) -> None:
        if pair.over or pair.is_at(path):
            return
        await opened.sas.mend()
        try:
            await opened.sas.move(pair, path, lambda: opened.policies.settle(pair.ends), self._clock())
        except LostError as lost:
            await self._lose(pair, lost)
        else:
            pair.path = path
            await opened.following.follow(pair)

    async def _counters(self, children: tuple[int, ...]) -> Mapping[int, Counters]:
        opened = self._opened
        if opened is None:
            return {}
        await self._mend(opened)
        wanted = {child: opened.pairs[child] for child in children if child in opened.pairs}
        now = self._clock()
        await self._look(opened, list(wanted.values()), now)
        return {child: pair.counters(now) for child, pair in wanted.items()}

    async def _look(self, opened: _Open, some: list[Pair], now: Instant) -> None:
        if len(some) > FEW and OF_ALL * len(some) > len(opened.pairs):
            states = {state.id: state for state in await opened.table.states()}
            for pair in some:
                opened.sas.read(pair, states)
        else:
            for pair in some:
                await opened.sas.look(pair)
        for pair in some:
            if pair.is_lost(now):
                await self._miss(opened, pair)

    async def _lose(self, pair: Pair, lost: LostError) -> None:
        if lost.ending is Ending.TAKEN_AWAY:
            await self._miss(self._needed(), pair)
        else:
            await self._end(self._needed(), pair, lost.ending, str(lost))

    async def _miss(self, opened: _Open, pair: Pair) -> None:
        """An SA is not there, and the kernel has said nothing of it yet."""
        await self._end(opened, pair, Ending.LIFETIME if pair.is_over(self._clock()) else Ending.TAKEN_AWAY)

    async def _end(self, opened: _Open, pair: Pair, ending: Ending, why: str = "") -> None:
        """Nothing is carried, and figures stay until `remove`."""
        if ending is not Ending.LIFETIME:
            log.warning("SA pair %d ends: %s", pair.child.id, ": ".join(filter(None, (ending.value, why))))
        try:
            await opened.policies.settle(opened.policies.claims.ended(pair))
        except OSError as error:
            log.warning("a policy stays in the kernel for now: %s", error.strerror or error)
        await opened.sas.remove(pair)
        with contextlib.suppress(OSError):  # the kernel gives up by itself after half a minute
            await opened.table.unwait(pair.outbound.sa.id)
        self._notices.ended(pair.child.id, ending)

    async def _hear(self, opened: _Open) -> None:
        try:
            async for told in _unhurried(opened.table.told()):
                if self._matters(opened, told):
                    await self._finished(self._heard(opened, told))
        except OSError as error:
            self._notices.broken(error)
        except Exception:
            log.exception("what the kernel told of an SA was not understood")
            self._notices.broken(OSError(errno.EIO, "what the kernel told of an SA was not understood"))
        else:
            self._notices.broken(OSError(errno.EPIPE, "the kernel tells nothing of its SAs any more"))

    def _matters(self, opened: _Open, told: Told) -> bool:
        """Most does not, and costs no turn: the kernel may tell of a move with each packet of a peer, and it tells of
        what was removed from here."""
        match told:
            case SaMapped():
                return self._who_follows(opened, told) is not None
            case SaExpired() | SaTaken():
                return opened.sas.owner(told.state.id) is not None
            case PolicyGone():
                return opened.following.matters(told.selector)
        return True

    async def _heard(self, opened: _Open, told: Told) -> None:
        """What the kernel would not say more of is looked for when the next one asks."""
        if opened is not self._opened:
            return
        try:
            match told:
                case SaExpired() | SaTaken():
                    await self._expired(opened, told)
                case SaMapped():
                    await self._mapped(opened, told)
                case Overrun():
                    opened.doubtful = opened.following.doubtful = True
                    await self._mend(opened)
                case PoliciesLost() | PolicyGone() | PolicySet() | Wanted():
                    sas_doubtful = await opened.following.changed(told)
                    opened.doubtful = opened.doubtful or sas_doubtful
                    await self._mend(opened)
        except OSError as error:
            opened.doubtful = True
            log.warning("the kernel's SAs are looked at again later: %s", error.strerror or error)
        self._look_later(opened)

    def _look_later(self, opened: _Open) -> None:
        """Others may change policies faster than they are looked at; traffic waits for the last change."""
        if opened.following.doubtful and opened.later is None:
            opened.later = asyncio.get_running_loop().call_later(LOOKS_AGAIN, self._look_now, opened)

    def _look_now(self, opened: _Open) -> None:
        opened.later = None
        if opened is self._opened:
            self._begin(self._mended(opened))

    async def _mended(self, opened: _Open) -> None:
        if opened is self._opened:
            await self._mend(opened)
            self._look_later(opened)

    async def _expired(self, opened: _Open, told: SaExpired | SaTaken) -> None:
        """Of an SA that is not there any more or again nothing is believed."""
        pair = opened.sas.owner(told.state.id)
        half = next((each for each in pair.halves if each.sa.id == told.state.id), None) if pair else None
        if pair is None or half is None or half.sa.reqid != told.state.reqid:
            return
        if isinstance(told, SaExpired) and not told.hard:
            self._aged(pair)
        elif await opened.table.state(half.sa.id) is None:
            await opened.sas.expired(half, told.state)
            await self._end(opened, pair, Ending.LIFETIME if isinstance(told, SaExpired) else Ending.TAKEN_AWAY)

    def _aged(self, pair: Pair) -> None:
        if not pair.soft_told:
            pair.soft_told = True
            self._notices.aged(pair.child.id)

    async def _mapped(self, opened: _Open, told: SaMapped) -> None:
        """Another one may have changed something meanwhile."""
        pair, now, remote = self._who_follows(opened, told), self._clock(), told.remote
        if pair is None:
            return
        pair.followed = now
        try:
            await self._move(opened, pair, pair.path.to(remote))
        except OSError as error:
            text = "SA pair %d does not follow its peer to %s: %s"
            level = logging.DEBUG if remote == pair.refused else logging.WARNING
            log.log(level, text, pair.child.id, remote, error.strerror or error)
            pair.refused = remote
            return
        if not pair.over:
            pair.refused = None
            self._notices.moved(pair.child.id, remote)

    def _who_follows(self, opened: _Open, told: SaMapped) -> Pair | None:
        """What came in by the SA that is there now. Another IP version has another address here, which IKE finds
        out."""
        pair, remote = opened.sas.owner(told.id), told.remote
        if pair is None or told.id != pair.inbound.sa.id or not pairs.in_udp(pair):
            return None
        if remote == pair.path.remote or remote.address.version != pair.path.remote.address.version:
            return None
        stays = FOLLOWS_AGAIN if remote == pair.refused else STAYS
        return pair if pair.followed is None or self._clock() >= pair.followed + stays else None

    async def _look_around(self, opened: _Open) -> None:
        """Where something was told that nobody heard. A peer that moved is told of again with its next packet."""
        if not opened.doubtful:
            return
        now = self._clock()
        if opened.looked is not None and now < opened.looked + LOOKS_AGAIN:
            return
        opened.looked = now
        states = {state.id: state for state in await opened.table.states()}
        for pair in list(opened.pairs.values()):
            if pair.over:
                continue
            opened.sas.read(pair, states)
            lost: list[Half] = [half for half in pair.halves if half.sa.id not in states]
            for half in lost:
                await opened.sas.expired(half, None)
            if lost:
                await self._miss(opened, pair)
            elif pair.is_old(now):
                self._aged(pair)
        opened.doubtful = False

    def _needed(self) -> _Open:
        if self._opened is None:
            raise OSError(errno.ENOTCONN, "the kernel's ESP is not open")
        return self._opened

    def _found(self, child: int) -> tuple[_Open | None, Pair | None]:
        opened = self._opened
        return opened, None if opened is None else opened.pairs.get(child)


async def _unhurried(told: AsyncIterator[Told]) -> AsyncIterator[Told]:
    """A kernel that has always something to tell does not keep the event loop."""
    count = 0
    async for each in told:
        yield each
        count += 1
        if count % AT_ONCE == 0:
            await asyncio.sleep(0)
