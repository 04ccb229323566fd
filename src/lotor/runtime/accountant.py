"""Accounts of a gateway's sessions: a start when the tunnel is up, one stop when the session has ended and its SA pairs
are counted, and what they carried in between where somebody wants to know."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial

from lotor.ike.events import Ended, Event, Up
from lotor.model.child import Counters
from lotor.model.network import Address, Network
from lotor.model.policy import Side
from lotor.model.reason import Reason
from lotor.ports.accounting import Account, Accounting, Usage
from lotor.runtime.faults import trace
from lotor.runtime.lanes import Lanes
from lotor.runtime.sessions import Register, Session

log = logging.getLogger(__name__)

ENGINE_SECONDS = 10.0
"""An engine that is silent for longer has not taken what it was told."""
MOST_BEHIND = 4096
"""Sessions that ended and whose stop the engine has still to take, a KiB each; who comes up beyond them is told to the
substitute."""

Later = Callable[[float, Callable[[], None]], asyncio.TimerHandle]
"""The loop's `call_later`."""
Record = Callable[[Accounting], Awaitable[None]]
"""The records, for whichever engine takes them."""


class Step(Enum):
    """What waits for one account: of each kind one, so that an engine that is behind has three at most of each."""

    START = auto()
    INTERIM = auto()
    STOP = auto()


@dataclass(frozen=True, slots=True)
class Books:
    """`engine` is told everything. What it does not take goes to the `substitute`, which takes all, at once; None where
    the engine is such a one. `interim`: seconds between two reports of a session that is up, None for no reports."""

    engine: Accounting
    substitute: Accounting | None = None
    interim: float | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """Where figures come from: `counters` of SA pairs; `emptied` waits until the engine has removed those of a session
    that are going."""

    counters: Callable[[Iterable[int]], Awaitable[Mapping[int, Counters]]]
    emptied: Callable[[int], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Open:
    """An account that has begun. `engine`: it stays with the one that heard of its start; `began` in the loop's clock;
    `alarm`: the next report."""

    account: Account
    session: Session
    engine: Accounting
    began: float
    alarm: asyncio.TimerHandle | None = field(default=None)


class Accountant:
    """Subscribes to the driver, and holds nobody up: each account has a line of its own. `close` at the end."""

    def __init__(
        self,
        books: Books,
        register: Register,
        traffic: Traffic,
        wall: Callable[[], float] = time.time,
        later: Later | None = None,
    ) -> None:
        self._books = books
        self._register = register
        self._traffic = traffic
        self._wall = wall
        self._later = later
        self._open: dict[int, _Open] = {}
        self._lanes = Lanes()
        self._behind = 0

    def follow(self, event: Event) -> None:
        match event:
            case Up():
                self._begin(event)
            case Ended(session=session, reason=reason):
                self._end(session, reason)

    async def close(self, reason: Reason) -> None:
        """Until every account that began is stopped and told: also those whose end nobody told of."""
        for session in tuple(self._open):
            self._end(session, reason)
        await self._lanes.settled()

    def _begin(self, event: Up) -> None:
        session = self._register.get(event.session)
        if session is None or session.side is not Side.GATEWAY or event.session in self._open:
            return
        where = (event.user, event.path.remote, _inside(session), self._wall())
        account = Account(session.key, *where, session.grants.groups, session.grants.accounting_class)
        engine = self._books.engine if self._behind < MOST_BEHIND else self._books.substitute or self._books.engine
        opened = _Open(account, session, engine, self._now())
        self._open[event.session] = opened
        self._put(opened, Step.START, partial(self._tell, opened, lambda taker: taker.start(account)))
        self._wait(opened)

    def _end(self, number: int, reason: Reason) -> None:
        opened = self._open.pop(number, None)
        if opened is None:
            return
        if opened.alarm is not None:
            opened.alarm.cancel()
        self._behind += 1
        seconds = int(self._now() - opened.began)
        self._put(opened, Step.STOP, partial(self._stop, opened, seconds, reason))

    async def _stop(self, opened: _Open, seconds: int, reason: Reason) -> None:
        try:
            await self._traffic.emptied(opened.session.id)
            usage = _usage(seconds, opened.session.traffic({}))
            await self._tell(opened, lambda taker: taker.stop(opened.account, usage, reason))
        finally:
            self._behind -= 1

    # --- reports in between ------------------------------------------------------------------------------------------

    def _wait(self, opened: _Open) -> None:
        if self._books.interim is not None:
            later = self._later or asyncio.get_running_loop().call_later
            opened.alarm = later(self._books.interim, partial(self._report, opened))

    def _report(self, opened: _Open) -> None:
        self._put(opened, Step.INTERIM, partial(self._interim, opened))
        self._wait(opened)

    async def _interim(self, opened: _Open) -> None:
        session, seconds = opened.session, int(self._now() - opened.began)
        usage = _usage(seconds, session.traffic(await self._traffic.counters(session.counted)))
        await self._tell(opened, lambda taker: taker.interim(opened.account, usage))

    # --- the engine --------------------------------------------------------------------------------------------------

    def _put(self, opened: _Open, name: Step, step: Callable[[], Awaitable[None]]) -> None:
        self._lanes.follow(opened.session.id, name, step)

    async def _tell(self, opened: _Open, record: Record) -> None:
        """What the engine does not take is told to the substitute, whole."""
        why = await _refused(record, opened.engine)
        if why is None:
            return
        log.error("accounting of session %d did not take what follows: %s", opened.session.id, why)
        substitute = self._books.substitute
        if substitute is not None and substitute is not opened.engine:
            await record(substitute)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


async def _refused(record: Record, engine: Accounting) -> str | None:
    """Why an engine did not take what it was told; None when it did."""
    limit = asyncio.timeout(ENGINE_SECONDS)
    try:
        async with limit:
            await record(engine)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return "the engine gave it up"
    except OSError as error:
        silent = f"no answer within {ENGINE_SECONDS:g} s"
        return silent if limit.expired() else error.strerror or str(error) or "no answer"
    except Exception as error:  # noqa: BLE001 - the account goes to the substitute, whatever it was
        return f"internal error: {trace(error)}"
    return None


def _inside(session: Session) -> tuple[Address | Network, ...]:
    """What was given, else what the client brought: the far networks of its SA pairs."""
    given = session.configuration
    if given is not None:
        return (given.address, given.address6.ip) if given.address6 is not None else (given.address,)
    brought = (network for up in session.children.values() for network in up.child.remote_networks)
    return tuple(_host_or_network(each) for each in dict.fromkeys(brought))


def _host_or_network(network: Network) -> Address | Network:
    return network.network_address if network.num_addresses == 1 else network


def _usage(seconds: int, total: Counters) -> Usage:
    return Usage(seconds, total.octets_in, total.octets_out, total.packets_in, total.packets_out)
