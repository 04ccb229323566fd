"""`python -m bench.blocking`: the longest step of a warden's event loop, while thousands come, go and die beside a disk
that is well, silent or full. A step counts by the processor time of the loop's thread (so long everybody
else waits); a test shows that nothing in it waits (tests/daemon/test_daemon_loop.py)."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from unittest.mock import patch

from lab.counts import some
from lotor import config
from lotor.config.settings import Accounting
from lotor.daemon import collector
from lotor.model.grants import NO_GRANTS
from lotor.model.kinds import Kind
from lotor.model.login import LoginAttempt, Refused
from lotor.model.network import Address, Network, Peer
from lotor.model.reasons.logins import WrongPassword
from lotor.ports.accounting import Account, Record, Usage
from lotor.privsep.leasing import ACQUIRE_LEASE, Wish
from lotor.store import Store
from lotor.store.spool import Spool
from lotor.warden.accounting import Accounts
from lotor.warden.fixed import FixedAddresses
from lotor.warden.history import History
from lotor.warden.leases import HeldLeases
from lotor.warden.pool_routes import PoolRoutes
from lotor.warden.recording import KeptRecords
from lotor.warden.remembering import RememberedLeases

GATEWAY = """
remote anonymous {
    exchange_mode main; certificate_type x509 "gw.crt" "gw.key";
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14; }
}
mode_cfg { network4 10.64.0.1; pool_size 65000; accounting radius; }
"""
SLICE = 100
"""Logins under way at a time."""
PROMISED = 10.0
"""Milliseconds."""


@dataclass(slots=True)
class Steps:
    """The longest steps, milliseconds of processor time, by what ran."""

    longest: dict[str, float] = field(default_factory=dict)
    number: int = 0

    def note(self, what: str, milliseconds: float) -> None:
        self.number += 1
        self.longest[what] = max(milliseconds, self.longest.get(what, 0.0))


@contextlib.contextmanager
def measured() -> Iterator[Steps]:
    """Each step of any event loop in this thread."""
    steps, run, here = Steps(), asyncio.Handle._run, threading.get_ident()  # noqa: SLF001

    def counted(handle: asyncio.Handle) -> None:
        if threading.get_ident() != here:
            run(handle)
            return
        began = time.thread_time()
        run(handle)
        steps.note(_name(handle), 1000 * (time.thread_time() - began))

    with patch.object(asyncio.Handle, "_run", counted):
        yield steps


def _name(handle: asyncio.Handle) -> str:
    call = getattr(handle, "_callback", None)
    task = getattr(call, "__self__", None)
    coroutine = task.get_coro() if isinstance(task, asyncio.Task) else None
    return str(getattr(coroutine, "__qualname__", None) or getattr(call, "__qualname__", repr(call)))


class Routes:
    """Of a host that has no addresses."""

    async def own(self) -> frozenset[Address]:
        return frozenset()

    async def links(self) -> frozenset[Network]:
        return frozenset()

    async def start(self, device: str, mtu: int, networks: Iterable[Network], partners: Iterable[Network] = ()) -> None:
        pass

    async def serve(self, networks: Iterable[Network], partners: Iterable[Network] = ()) -> None:
        pass

    async def stop(self) -> None:
        pass


class Keeper:
    """Implements `ports.accounting.Keeper`: it takes everything at once."""

    async def take(self, record: Record) -> None:
        del record
        await asyncio.sleep(0)


class Nobody:
    """Implements `ports.auth.LoginBackend`: no password is right."""

    async def judge(self, attempt: LoginAttempt) -> Refused:
        return Refused(WrongPassword(attempt.user))

    async def abandon(self, conversation: bytes) -> None:
        pass


class Gateway:
    """What a warden has of sessions, on a store."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.settings = config.loads(GATEWAY).settings

    async def begin(self) -> None:
        self.store = Store(self.file)
        await self.store.open()
        self.pool = PoolRoutes(Routes())
        await self.pool.adapt(self.settings)
        self.remembered = RememberedLeases(self.pool, self.store, FixedAddresses(self.pool.fix))
        await self.remembered.recall(self.pool)
        self.leases = HeldLeases(self.remembered, count(1))
        history = History(self.store)
        await history.recall(Kind.GATEWAY_DIED)
        await history.obey(self.settings)
        self.accounts = Accounts(Spool(self.store), {Accounting.RADIUS: Keeper()}, history)
        await self.accounts.open()
        self.accounts.use(self.settings.mode_cfg)
        self.records = KeptRecords(Nobody(), self.store)
        await self.records.recall()

    async def login(self, session: int) -> None:
        await self.remembered.acquire(session, f"user{session}", NO_GRANTS)
        with contextlib.suppress(OSError):  # too many wait for the disk
            await self.accounts.start(_account(session))

    async def logout(self, session: int) -> None:
        await self.remembered.release(session)
        with contextlib.suppress(OSError):
            await self.accounts.stop(_account(session), Usage(60, 1, 2, 3, 4), Kind.LOGGED_OUT)

    async def end(self) -> None:
        await self.accounts.close()
        await self.accounts.history.settle()
        await self.remembered.settle()
        await self.records.settle()
        await self.store.close()


def _account(session: int) -> Account:
    source = Peer(IPv4Address(0xC6120000 + session), 4500)
    return Account(f"a-{session}", f"user{session}", source, (IPv4Address("10.64.0.1"),), 1.8e9)


async def many(each: Callable[[int], Awaitable[None]], numbers: Iterable[int]) -> None:
    rest = list(numbers)
    while rest:
        some, rest = rest[:SLICE], rest[SLICE:]
        await asyncio.gather(*(each(number) for number in some))


async def come_and_go(gateway: Gateway, sessions: int) -> None:
    await many(gateway.login, range(1, sessions + 1))
    await many(gateway.logout, range(1, sessions + 1))


async def silent(gateway: Gateway, sessions: int) -> None:
    """The disk answers nobody meanwhile. Each account waits for it as long as it may, so that they come at once."""
    hold = threading.Event()
    held = asyncio.ensure_future(gateway.store.run(lambda _: hold.wait(600)))
    await asyncio.sleep(0)
    with patch("lotor.store.store.PATIENCE", 0.001):
        await come_and_go(gateway, sessions)
    hold.set()
    await held


async def full(gateway: Gateway, sessions: int) -> None:
    """The disk is full after the first rows."""

    def fill(connection: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]
        connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    await gateway.store.run(fill)
    with patch("lotor.store.behind.PAUSE", 0.05):
        await come_and_go(gateway, sessions)
        await asyncio.sleep(0.3)
    await gateway.store.run(lambda connection: connection.execute("PRAGMA max_page_count = 1073741823"))


async def daemon_dies(gateway: Gateway, sessions: int) -> None:
    """With everybody who was there."""
    acquire = gateway.leases.rows()[ACQUIRE_LEASE.number]

    async def come(number: int) -> None:
        await acquire(Wish(number, f"user{number}", NO_GRANTS))
        await gateway.accounts.start(_account(number))

    await many(come, range(1, sessions + 1))
    await gateway.accounts.leave("a-", Kind.DAEMON_DIED)
    await gateway.leases.let_go()


async def bans(gateway: Gateway, sessions: int) -> None:
    """A thousand, in force and listed, and guesses from everywhere."""
    for number in range(1000):
        await gateway.records.ban(f"192.0.{number // 256}.{number % 256}", 3600)
        await asyncio.sleep(0)  # they come one by one, over the line

    async def guess(number: int) -> None:
        attempt = LoginAttempt("alice", (), Peer(IPv4Address(0xC0000000 + number), 500))
        await gateway.records.logins.judge(attempt)

    await many(guess, range(sessions))
    await gateway.records.bans()


async def stops(gateway: Gateway, sessions: int) -> None:
    """With everybody who was there."""
    await many(gateway.login, range(1, sessions + 1))
    await gateway.end()


FLOWS = {
    "come and go": come_and_go,
    "a disk is silent": silent,
    "a disk is full": full,
    "the daemon dies": daemon_dies,
    "a thousand bans": bans,
    "the gateway stops": stops,
}


async def _flow(name: str, sessions: int, directory: Path) -> Steps:
    gateway = Gateway(directory / f"{name.replace(' ', '-')}.db")
    await gateway.begin()
    with measured() as steps:
        await FLOWS[name](gateway, sessions)
    if name != "the gateway stops":
        await gateway.end()
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=some, default=10_000)
    parser.add_argument("--no-collector", action="store_true", help="without Python's collector of cycles")
    parser.add_argument("--shown", type=some, default=3, help="the longest steps of each flow")
    parser.add_argument("flows", nargs="*", default=list(FLOWS), metavar="FLOW")
    wishes = parser.parse_args()
    collector.settle()
    if wishes.no_collector:
        gc.disable()
    worst = 0.0
    with tempfile.TemporaryDirectory() as directory:
        for name in wishes.flows:
            steps = asyncio.run(_flow(name, wishes.sessions, Path(directory)))
            gc.collect()
            order = sorted(steps.longest.items(), key=lambda each: -each[1])[: wishes.shown]
            told = ", ".join(f"{what} {milliseconds:.1f} ms" for what, milliseconds in order)
            print(f"{name}: {wishes.sessions} sessions, {steps.number} steps, the longest: {told}", flush=True)
            worst = max(worst, order[0][1])
    print(f"the longest step of all: {worst:.1f} ms of {PROMISED:.0f} that are promised")
    sys.exit(worst > PROMISED)


if __name__ == "__main__":
    main()
