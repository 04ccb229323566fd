"""Accounts of the gateway's sessions, kept by whom the configuration names. They outlive the daemon, whose own sessions
alone it may tell of."""

from __future__ import annotations

import asyncio
import errno
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from lotor.accounting.journal import JournalAccounting
from lotor.config.settings import Accounting, ModeCfg
from lotor.model.kinds import Kind
from lotor.model.quantity import quantity
from lotor.model.reasons.ends import DaemonDied, GatewayDied, ShutDown
from lotor.ports.accounting import Account, Backlog, Keeper, Status, Usage, port_of
from lotor.ports.orders import Whom
from lotor.privsep.accounting import BACKLOG, INTERIM, START, STOP, Over, Used, is_id
from lotor.privsep.budget import Budget
from lotor.privsep.leasing import LONGEST_USER
from lotor.privsep.serving import Denied, Handler, Late, Reply, handling
from lotor.store import Store
from lotor.store.spool import Spool
from lotor.warden.delivery import Delivery
from lotor.warden.history import AT_ONCE, History

log = logging.getLogger(__name__)

KEY_OCTETS = 6
MOST_OPEN = 65_536
"""Sessions of one daemon with an account, as many as addresses."""
MOST_STARTS, ANOTHER_START = 2_048, 1 / 200
"""Accounts that a daemon may begin at once, and another one for each such time (seconds): handshakes come no faster."""
MOST_INTERIMS, ANOTHER_INTERIM = 2_048, 1 / 500
"""The same for what is told between start and stop: `runtime.interims` tells of 400 a second."""
LAST_WORDS = 3.0
"""Seconds at the end of the program in which the keeper hears of it; what it does not take waits on disk."""
ASTRAY = 60.0
"""Seconds by which a daemon's word of when a session began may differ from this process's clock."""


def new_session_ids() -> str:
    """How the ids of one daemon's sessions begin: two of a million have the same in 1 of 500 cases."""
    return secrets.token_hex(KEY_OCTETS)


class Accounts:
    """Implements `ports.accounting.SpooledAccounting`. `open` before everything else; `close` at the end, whatever was
    before. Of a client nothing is told."""

    def __init__(self, spool: Spool, keepers: Mapping[Accounting, Keeper], history: History | None = None) -> None:
        self._spool = spool
        self.history = history or History(Store(None))
        self._deliveries = {kind: Delivery(kind.value, keeper, spool) for kind, keeper in keepers.items()}
        self._kind = Accounting.NONE
        self._begun: dict[str, _Begun] = {}
        """For whom each session has begun, also where its start was lost; none for nobody."""
        self._telling: set[asyncio.Task[None]] = set()
        self._opened = False
        spool.grown = self._grown

    async def open(self) -> None:
        """Sessions that an earlier program left end now."""
        await self.leave(None, GatewayDied.kind)
        self._opened = True

    def use(self, mode_cfg: ModeCfg | None) -> None:
        """From now on sessions that begin are told to whom the configuration names. With the first configuration what
        waits is told: its back ends are up."""
        kind = mode_cfg.accounting if mode_cfg is not None and self._opened else Accounting.NONE
        if self._opened:
            for each in self._deliveries.values():
                each.start()
        before, self._kind = self._kind, kind
        if kind is not before:
            self._tell(before, Status.OFF)
            self._tell(kind, Status.ON)

    async def start(self, account: Account) -> None:
        await self.history.start(account)
        if self._kind is not Accounting.NONE:
            self._begun[account.id] = _Begun(self._kind, account)
            await self._spool.begin(self._kind.value, account)

    async def interim(self, account: Account, usage: Usage) -> None:
        await self.history.interim(account, usage)
        if (begun := self._begun.get(account.id)) is not None:
            await self._spool.go_on(begun.now(account), usage)

    async def stop(self, account: Account, usage: Usage, why: Kind) -> None:
        await self.history.stop(account, usage, why)
        if (begun := self._begun.pop(account.id, None)) is not None:
            await self._spool.end(begun.kind.value, begun.now(account), usage, why)

    async def owes(self, kind: Accounting) -> bool:
        """Whether that keeper has something to hear still: records wait for it, or will. Also where nobody knows."""
        if self._telling or any(each.kind is kind for each in self._begun.values()):
            return True
        try:
            return self._spool.unwritten or (await self._spool.backlog(kind.value)).records > 0
        except OSError:
            return True

    def reclass(self, whom: Whom, classes: tuple[bytes, ...]) -> None:
        """What is told of these sessions has these from now on (Class in a CoA-Request)."""
        for begun in self._begun.values():
            if _is_meant(whom, begun.account):
                begun.classes = classes

    async def leave(self, beginning: str | None, why: Kind, lived: Callable[[Account], int] | None = None) -> None:
        """Whatever is open, with ids that begin so, ends now: nobody will tell of it."""
        await self.history.leave(beginning, why)
        for number in [each for each in self._begun if each.startswith(beginning or "")]:
            del self._begun[number]
        stops = await self._spool.leave(beginning, why, lived)
        if stops:
            log.warning("accounting: %s without an end, which is now", quantity(len(stops), "session"))
        for turn, each in enumerate(stops, 1):
            if each.account is not None and each.usage is not None:
                await JournalAccounting().stop(each.account, each.usage, why)
            if turn % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def backlog(self) -> tuple[Backlog, ...]:
        found = []
        for each in self._deliveries.values():
            waiting = await self._spool.backlog(each.name)
            if waiting.records or each.silent is not None:
                silent = int(_now() - each.silent) if each.silent is not None else None
                found.append(Backlog(each.name, waiting.records, waiting.since, silent))
        return tuple(found)

    async def close(self) -> None:
        if not self._opened:
            return
        self._opened = False
        await self.leave(None, ShutDown.kind)
        self._tell(self._kind, Status.OFF)
        while self._telling:
            await asyncio.wait(self._telling)
        if (delivery := self._deliveries.get(self._kind)) is not None and delivery.silent is None:
            await delivery.finished(LAST_WORDS)
        for each in self._deliveries.values():
            await each.stop()
        await self._spool.settle()

    def _tell(self, kind: Accounting, status: Status) -> None:
        """Nobody waits for the disk."""
        if kind in self._deliveries:
            task = asyncio.get_running_loop().create_task(self._told(kind, status))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _told(self, kind: Accounting, status: Status) -> None:
        try:
            await self._spool.tell(kind.value, status)
        except OSError as error:
            log.error("accounting %s: %s", kind.value, error.strerror)  # noqa: TRY400 - the sentence says all

    def _grown(self) -> None:
        for each in self._deliveries.values():
            each.grown()


@dataclass(slots=True)
class _Begun:
    """`classes`: what a server has put in place of those that came with the login."""

    kind: Accounting
    account: Account
    classes: tuple[bytes, ...] | None = None

    def now(self, account: Account) -> Account:
        return account if self.classes is None else replace(account, accounting_classes=self.classes)


@dataclass(slots=True)
class _Open:
    account: Account
    since: float


class HeldAccounts:
    """For one daemon, the ids of whose sessions begin with `beginning`. `known`: whether a user may have a session."""

    def __init__(self, accounts: Accounts, beginning: str, known: Callable[[str], bool]) -> None:
        self._accounts = accounts
        self._beginning = beginning
        self._known = known
        self._open: dict[str, _Open] = {}
        self._starts, self._interims = Budget(MOST_STARTS, ANOTHER_START), Budget(MOST_INTERIMS, ANOTHER_INTERIM)

    def rows(self) -> dict[int, Handler]:
        return dict(
            (
                handling(self._start, START),
                handling(self._interim, INTERIM),
                handling(self._stop, STOP),
                handling(self._backlog, BACKLOG),
            )
        )

    async def let_go(self) -> None:
        """The daemon is gone, and its sessions with it."""
        opened, self._open = self._open, {}
        if opened:
            now = time.monotonic()

            def lived(account: Account) -> int:
                return int(now - opened[account.id].since) if account.id in opened else 0

            await self._accounts.leave(f"{self._beginning}-", DaemonDied.kind, lived)

    async def _start(self, account: Account) -> Reply:
        self._demand(account)
        if len(self._open) >= MOST_OPEN:
            raise OSError(errno.ENOBUFS, f"{MOST_OPEN} sessions have an account, no more may")
        if not self._starts.take(_now()):
            raise Denied("more accounts than sessions come")
        now = time.time()
        if abs(account.began - now) > ASTRAY:
            account = replace(account, began=now)
        self._open[account.id] = _Open(account, time.monotonic())
        await self._accounts.start(account)
        return Reply(None)

    async def _interim(self, used: Used) -> Reply:
        opened = self._opened(used.id, used.usage)
        if not self._interims.take(_now()):
            raise OSError(errno.EAGAIN, "too many sessions tell at once what they carry")
        await self._accounts.interim(opened.account, used.usage)
        return Reply(None)

    async def _stop(self, over: Over) -> Reply:
        opened = self._opened(over.id, over.usage)
        del self._open[over.id]
        await self._accounts.stop(opened.account, over.usage, over.why)
        return Reply(None)

    async def _backlog(self, nothing: None) -> Reply:
        del nothing
        return Reply(await self._accounts.backlog())

    def _opened(self, number: str, usage: Usage) -> _Open:
        """Raises `Denied`."""
        if (opened := self._open.get(number)) is None:
            raise Late("no such session has an account")
        if min(usage.seconds, usage.octets_in, usage.octets_out, usage.packets_in, usage.packets_out) < 0:
            raise Denied("no session carries less than nothing")
        return opened

    def _demand(self, account: Account) -> None:
        """Raises `Denied`."""
        if not is_id(account.id, self._beginning):
            raise Denied("a session of this daemon has another id")
        if account.id in self._open:
            raise Denied("the session has an account already")
        if len(account.user.encode()) > LONGEST_USER or not 0 <= account.source.port < 65536:
            raise Denied("no session has such a user or such a port")
        if not self._known(account.user):
            raise Late("nobody with that login has logged in")


def _is_meant(whom: Whom, account: Account) -> bool:
    """As `runtime.obedience` has it, of what accounting knows: that is where the session began. Where it is now the
    daemon has compared; an id or an inside address is of one session, wherever that is."""
    insides, one = (whom.inside, *whom.beside), bool(whom.session) or whom.inside is not None
    return (
        whom.user in {"", account.user}
        and whom.session in {"", account.id}
        and all(each is None or each in account.inside for each in insides)
        and (one or (whom.source in {None, account.source.address} and whom.called in {None, account.called}))
        and whom.port in {None, port_of(account.id)}
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
