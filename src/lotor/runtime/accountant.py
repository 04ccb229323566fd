"""Accounts of a gateway's sessions: a start when the tunnel is up, records in between, one stop when the session has
ended and its SA pairs are counted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial

from lotor.ike.events import Ended, Event, Regranted, Up
from lotor.model.child import Counters
from lotor.model.frozen import frozen
from lotor.model.grants import Grants
from lotor.model.network import Address, Network
from lotor.model.policy import Side
from lotor.model.reason import Reason
from lotor.model.text import clean
from lotor.ports.accounting import LONGEST_GROUPS, LONGEST_MACHINE, Account, Accounting, Usage
from lotor.runtime.faults import trace
from lotor.runtime.interims import Interims
from lotor.runtime.lanes import Lanes, within
from lotor.runtime.sessions import Register, Session

log = logging.getLogger(__name__)

ENGINE_SECONDS = 10.0
"""An engine that is silent for longer has not taken what it was told."""


class Step(Enum):
    """What waits for one account."""

    START = auto()
    INTERIM = auto()
    STOP = auto()


@dataclass(slots=True, eq=False)
class _Open:
    """An account that has begun, in the loop's clock. What a server changes is in `account` from then on."""

    account: Account
    session: Session
    began: float


@frozen
class Figures:
    """`counters` are the packet engine's, of SA pairs; `emptied` waits until it has removed those of a session that are
    going."""

    counters: Callable[[Iterable[int]], Awaitable[Mapping[int, Counters]]]
    emptied: Callable[[int], Awaitable[None]]


def never(session: Session) -> float | None:
    """No record between start and stop."""
    del session
    return None


class Accountant:
    """Subscribes to the driver, and holds nobody up: each account has a line of its own. `interval`: seconds between
    two records of a session that is up. `close` at the end."""

    def __init__(
        self,
        engine: Accounting,
        register: Register,
        figures: Figures,
        interval: Callable[[Session], float | None] = never,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._register = register
        self._figures = figures
        self._wall = wall
        self._open: dict[int, _Open] = {}
        self._interims = Interims(lambda session: interval(self._open[session].session), self._meanwhile, _now)
        self._lanes = Lanes()

    def follow(self, event: Event) -> None:
        match event:
            case Up():
                self._begin(event)
            case Regranted(session=session, grants=grants):
                self._change(session, grants)
            case Ended(session=session, reason=reason):
                self._end(session, reason)

    async def close(self, reason: Reason) -> None:
        """Until every account that began is stopped and told: also those whose end nobody told of."""
        for session in tuple(self._open):
            self._end(session, reason)
        self._interims.stop()
        await self._lanes.settled()

    def _begin(self, event: Up) -> None:
        session = self._register.get(event.session)
        if session is None or session.side is not Side.GATEWAY or event.session in self._open:
            return
        where = (event.user, event.path.remote, _inside(session), self._wall())
        granted = (_told(session.grants.groups), session.grants.accounting_classes)
        account = Account(
            session.key,
            *where,
            *granted,
            called=event.path.local.address,
            client=clean(session.vendor),
            machine=clean(session.machine, longest=LONGEST_MACHINE),
            ike=session.ike,
            resumed=session.resumed,
            suite=str(session.suite) if session.suite is not None else "",
        )
        self._open[event.session] = _Open(account, session, _now())
        self._interims.begin(event.session)
        start = partial(self._engine.start, account)
        self._lanes.follow(session.id, Step.START, partial(_put_down, session.id, start))

    def _change(self, number: int, grants: Grants) -> None:
        """The next record comes in an interval of those that count now."""
        opened = self._open.get(number)
        if opened is not None:
            opened.account = replace(opened.account, accounting_classes=grants.accounting_classes)
            self._interims.begin(number)

    def _end(self, number: int, reason: Reason) -> None:
        opened = self._open.pop(number, None)
        if opened is not None:
            self._interims.end(number)
            seconds = int(_now() - opened.began)
            self._lanes.follow(opened.session.id, Step.STOP, partial(self._stop, opened, seconds, reason))

    async def _meanwhile(self, due: list[int]) -> None:
        """The engine that does not count now is asked again in the next interval."""
        opened = [self._open[each] for each in due]
        try:
            counters = await self._figures.counters([child for each in opened for child in each.session.counted])
        except OSError:
            return
        for each in opened:
            if self._open.get(each.session.id) is each:
                usage = _usage(int(_now() - each.began), each.session.traffic(counters))
                record = partial(self._engine.interim, each.account, usage)
                step = partial(_put_down, each.session.id, record)
                self._lanes.follow(each.session.id, Step.INTERIM, step)

    async def _stop(self, opened: _Open, seconds: int, reason: Reason) -> None:
        await self._figures.emptied(opened.session.id)
        usage = _usage(seconds, opened.session.traffic({}))
        await _put_down(opened.session.id, partial(self._engine.stop, opened.account, usage, reason.kind))


async def _put_down(session: int, record: Callable[[], Awaitable[None]]) -> None:
    """What the engine does not take is lost, and said."""
    try:
        await within(ENGINE_SECONDS, record)
    except OSError as error:
        why = error.strerror or str(error) or "no answer"
    except Exception as error:  # noqa: BLE001 - the stop of this account is asked for all the same
        why = f"internal error: {trace(error)}"
    else:
        return
    log.error("accounting of session %d did not take what follows: %s", session, why)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _inside(session: Session) -> tuple[Address | Network, ...]:
    """What was given, else what the client brought: the far networks of its SA pairs."""
    given = session.configuration
    if given is not None:
        return given.addresses
    brought = (network for up in session.children.values() for network in up.child.remote_networks)
    return tuple(_host_or_network(each) for each in dict.fromkeys(brought))


def _told(groups: frozenset[str]) -> frozenset[str]:
    """Those that an account has room for, in the order of their names."""
    kept, room = set(), LONGEST_GROUPS
    for each in sorted(groups):
        room -= len(each.encode()) + 4  # its length, too
        if room < 0:
            break
        kept.add(each)
    return frozenset(kept)


def _host_or_network(network: Network) -> Address | Network:
    return network.network_address if network.num_addresses == 1 else network


def _usage(seconds: int, total: Counters) -> Usage:
    return Usage(seconds, total.octets_in, total.octets_out, total.packets_in, total.packets_out)
