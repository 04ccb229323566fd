"""What a daemon has of the kernel's ESP: its device, and the SA pairs of its own sessions, one daemon after another.

Nothing is there unless the configuration wants the kernel's engine. What an SA pair may be stands in `warden/pairs`;
here is how many there may be, how often the kernel is asked, and that nothing of a dead daemon is left.
"""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lotor.hosts.at_once import at_once
from lotor.hosts.xfrm.entries import OWN_REQIDS
from lotor.model.child import Child
from lotor.model.network import Network, Path, lies_in
from lotor.model.policy import Side
from lotor.ports.esp import Expired, Moved
from lotor.ports.host_esp import HostEsp, KernelDevice, Leading
from lotor.privsep.budget import Budget
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
from lotor.privsep.frames import MOST_ASKED
from lotor.privsep.serving import Denied, Handler, Late, Reply, handling
from lotor.warden.hosting import MOST_ATTACHED
from lotor.warden.pairs import (
    Grounds,
    bring_their_own,
    demand_gateway,
    demand_numbers,
    demand_path,
    is_lent,
    side_of_pair,
)
from lotor.warden.ups import MOST_WITHOUT_ADDRESS

OF_A_SESSION = 16
"""SA pairs: one for each of eight networks, and the one that it replaces."""
MOST_PAIRS = len(OWN_REQIDS)
"""Each has a number among these."""
ENDS_OF_A_SESSION, MOST_ENDS = 128, 4 * MOST_PAIRS
"""Networks that SA pairs join, one with one: each costs three policies. A session may have a split tunnel of 32 at each
IP version, twice while it is renewed."""
ANY_ENDS = 1_024
"""Of one SA pair, however few sessions there are: that of IKEv2 has 32 networks at each side at most."""
MOST_OPENED, OPENED_AGAIN = 4, 10.0
"""Devices that the kernel is asked for at once, and another one for each such time (seconds): where it refuses, or has
to be cleaned first, that takes a while."""
MOST_CHANGED, CHANGED_AGAIN = 16_384, 1 / 2_000
"""Networks whose SA pairs are installed, activated or moved at once, and another one for each such time (seconds): ten
times what comes with logins, and so many may move at once."""
MOST_COUNTED, COUNTED_AGAIN = 2 * MOST_PAIRS, 1 / 20_000
"""SA pairs whose counters are asked for at once, and another one for each such time (seconds): of many sessions all are
looked at every few seconds."""
MOST_UNDER_WAY = 8 * MOST_ASKED
"""Changes, also those that the daemon does not wait for any more: twice as many as it may ask for."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the daemon's wishes are judged by, as it is now. `wanted`: whether a configuration in force wants the
    kernel's engine. `tunnel`: the TUN device that the daemon has. `leases`: how many of its sessions have an address of
    the pool."""

    wanted: Callable[[], bool]
    tunnel: Callable[[], str | None]
    leases: Callable[[], int]
    grounds: Grounds


@dataclass(slots=True, eq=False)
class _Pair:
    """One that is in the kernel, or on its way. `ends`: how many networks it joins. `lent`: what it joins may be taken
    back. `order`: what is asked for it is done one after the other."""

    side: Side
    local: tuple[Network, ...]
    remote: tuple[Network, ...]
    ends: int
    lent: bool
    order: asyncio.Lock = field(default_factory=asyncio.Lock)

    def covers(self, child: Child) -> bool:
        """Whether a pair in its place may join the same, since it would join nothing else."""
        return (
            not self.lent and _within(child.local_networks, self.local) and _within(child.remote_networks, self.remote)
        )


class Carrying:
    """For one daemon after another; `let_go` after the end of each."""

    def __init__(self, esp: HostEsp, around: Surroundings) -> None:
        self._esp = esp
        self._around = around
        self._begun = False
        self._opening = asyncio.Lock()
        """The device is made and taken away one after the other."""
        self._device: KernelDevice | None = None
        self._pairs: dict[int, _Pair] = {}
        self._ends = 0
        """Of all of them."""
        self._changes: set[asyncio.Task[Any]] = set()
        """They run to their end, whatever becomes of the daemon."""
        self._told: deque[Expired | Moved] = deque()
        self._hearing: asyncio.Task[None] | None = None
        self._fresh()

    def _fresh(self) -> None:
        self._opened = Budget(MOST_OPENED, OPENED_AGAIN)
        self._changed = Budget(MOST_CHANGED, CHANGED_AGAIN)
        self._counted = Budget(MOST_COUNTED, COUNTED_AGAIN)

    @property
    def device(self) -> str | None:
        """The name of the device that the present daemon has."""
        return self._device.name if self._device is not None else None

    async def open(self, nothing: None) -> Reply:
        """One at a time, and none beside a TUN device."""
        del nothing
        if not self._around.wanted():
            raise Denied("no configuration wants the kernel's ESP")
        if self._begun or self._around.tunnel() is not None:
            raise Denied("a daemon has one device")
        _take(self._opened)
        self._begun = True
        return Reply(await self._change(self._open()))

    async def close(self, nothing: None) -> Reply:
        """Also of a device that is still being made."""
        del nothing
        if self._begun:
            await self._change(self._close())
        return Reply(None)

    async def install(self, child: Child) -> Reply:
        leading = self._demand_device().leading
        demand_numbers(child)
        if child.id in self._pairs:
            raise OSError(errno.EEXIST, f"SA pair {child.id} is installed already")
        pair = self._judged(child, leading)
        self._demand_room(pair.ends)
        _take(self._changed, pair.ends)
        self._pairs[child.id] = pair
        self._ends += pair.ends
        try:
            await self._change(self._install(child, pair))
        except Denied:
            self._forget(child.id, pair)
            raise
        return Reply(None)

    def _judged(self, child: Child, leading: Leading) -> _Pair:
        grounds, before = self._around.grounds, self._pairs.get(child.replaces or 0)
        demand_path(child.path, grounds)
        covered = before is not None and before.covers(child)
        side = before.side if before is not None and covered else side_of_pair(child, grounds, leading)
        if side is Side.CLIENT:
            demand_gateway(child.path, grounds)
        own, away = child.local_networks, child.remote_networks
        return _Pair(side, own, away, len(own) * len(away), is_lent(child, grounds))

    async def activate(self, child: int) -> Reply:
        self._demand_device()
        if (pair := self._pairs.get(child)) is not None:
            _take(self._changed, pair.ends)
            await self._change(_in_order(pair, self._esp.activate(child)))
        return Reply(None)

    async def remove(self, child: int) -> Reply:
        pair = self._pairs.get(child)
        return Reply(await self._change(self._remove(child, pair)) if pair is not None else None)

    async def move(self, move: Move) -> Reply:
        self._demand_device()
        if (pair := self._pairs.get(move.child)) is not None:
            self._demand_path(move.path, pair)
            _take(self._changed, pair.ends)
            await self._change(_in_order(pair, self._esp.move(move.child, move.path)))
        return Reply(None)

    async def counters(self, children: tuple[int, ...]) -> Reply:
        known = [each for each in dict.fromkeys(children) if each in self._pairs]
        _take(self._counted, len(children))
        return Reply(dict(await self._change(self._esp.counters(known))) if known else {})

    async def notices(self, nothing: None) -> Reply:
        """What was heard is kept for the next question where this one is withdrawn."""
        del nothing
        self._demand_device()
        if not self._told:
            hearing = self._hearing = self._hearing or _begun(self._hear())
            await asyncio.wait({hearing})
            if hearing.cancelled():
                raise _gone()
            hearing.result()
        count = min(MOST_AT_ONCE, len(self._told))
        return Reply(tuple(self._told.popleft() for _ in range(count)))

    async def let_go(self) -> None:
        """The daemon is dead. Returns when no SA, policy or device of it is left. Raises `OSError`."""
        if self._changes:
            await asyncio.wait(tuple(self._changes))
        await self._drop_hearing()
        self._forget_all()
        self._fresh()
        begun, self._begun, self._device = self._begun, False, None
        if begun:
            await self._esp.close()

    def _demand_device(self) -> KernelDevice:
        """Raises `OSError`."""
        if self._device is None:
            raise _gone()
        return self._device

    def _demand_room(self, ends: int) -> None:
        """Raises `Late`."""
        sessions, pairs = self._sessions(), len(self._pairs)
        few = pairs < min(MOST_PAIRS, OF_A_SESSION * sessions)
        if not few or self._ends + ends > min(MOST_ENDS, ENDS_OF_A_SESSION * sessions + ANY_ENDS):
            raise Late(f"{pairs} SA pairs are there, which join {self._ends} networks")

    def _sessions(self) -> int:
        """How many may have SA pairs."""
        clients = MOST_ATTACHED if any(self._around.grounds.blocks(Side.CLIENT)) else 0
        others = MOST_WITHOUT_ADDRESS if any(bring_their_own(self._around.grounds)) else 0
        return self._around.leases() + clients + others

    def _demand_path(self, path: Path, pair: _Pair) -> None:
        demand_path(path, self._around.grounds)
        if pair.side is Side.CLIENT:
            demand_gateway(path, self._around.grounds)

    async def _open(self) -> KernelDevice:
        async with self._opening:
            try:
                device = self._device = await self._esp.open()
            except BaseException:
                self._begun = False
                raise
            return device

    async def _close(self) -> None:
        async with self._opening:
            self._device = None
            await self._drop_hearing()
            self._forget_all()
            await self._esp.close()
            self._begun = False

    async def _install(self, child: Child, pair: _Pair) -> None:
        async with pair.order:
            try:
                await self._esp.install(child)
            except BaseException:
                self._forget(child.id, pair)
                raise

    async def _remove(self, child: int, pair: _Pair) -> Any:
        async with pair.order:
            last = await self._esp.remove(child)
            self._forget(child, pair)
            return last

    def _forget(self, child: int, pair: _Pair) -> None:
        if self._pairs.get(child) is pair:
            del self._pairs[child]
            self._ends -= pair.ends

    def _forget_all(self) -> None:
        self._pairs.clear()
        self._told.clear()
        self._ends = 0

    async def _hear(self) -> None:
        """Until there is something of a pair that is there."""
        try:
            while not self._told:
                told = await self._esp.notices()
                self._told.extend(each for each in told if each.child in self._pairs)
        finally:
            self._hearing = None

    async def _drop_hearing(self) -> None:
        if (hearing := self._hearing) is not None:
            hearing.cancel()
            await asyncio.wait({hearing})

    async def _change(self, work: Coroutine[Any, Any, T]) -> T:
        """Goes on when the daemon withdraws it: half of it would stay in the kernel. Raises `Denied` where a daemon has
        withdrawn more than it may ask for."""
        if len(self._changes) >= MOST_UNDER_WAY:
            work.close()
            raise Denied(f"{len(self._changes)} changes of SA pairs wait for their turn")
        return await at_once(work, self._goes_on)

    def _goes_on(self, task: asyncio.Task[Any]) -> None:
        task.add_done_callback(_heard)
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)


def rows(carrying: Carrying) -> dict[int, Handler]:
    """Handlers by the number of the verb."""
    return dict(
        (
            handling(carrying.open, OPEN_CARRIER),
            handling(carrying.close, CLOSE_CARRIER),
            handling(carrying.install, INSTALL_PAIR),
            handling(carrying.activate, ACTIVATE_PAIR),
            handling(carrying.remove, REMOVE_PAIR),
            handling(carrying.move, MOVE_PAIR),
            handling(carrying.counters, COUNT_PAIRS),
            handling(carrying.notices, PAIRS_TOLD),
        )
    )


def _begun(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(_heard)
    return task


def _heard(task: asyncio.Task[Any]) -> None:
    """Who asked has heard of a fault, or does not want to."""
    if not task.cancelled():
        task.exception()


def _gone() -> OSError:
    return OSError(errno.ENODEV, "the kernel's ESP is not open")


def _take(budget: Budget, times: int = 1) -> None:
    """Raises `Late`."""
    if not budget.take(asyncio.get_running_loop().time(), times):
        raise Late("the kernel is asked too often")


async def _in_order(pair: _Pair, work: Coroutine[Any, Any, T]) -> T:
    async with pair.order:
        return await work


def _within(networks: tuple[Network, ...], others: tuple[Network, ...]) -> bool:
    return all(any(lies_in(each, other) for other in others) for each in networks)
