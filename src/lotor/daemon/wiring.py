"""The running parts of one program, put together around the core: which part hears which events, in which order."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property

from lotor.accounting.beside import BesideJournal
from lotor.accounting.journal import JournalAccounting
from lotor.client.calls import Ground, Parts
from lotor.client.closed import Closed
from lotor.client.comeback import Now
from lotor.client.connections import Connections
from lotor.client.elsewhere import way_to
from lotor.client.keeping import Keeping, Senses, Wishes
from lotor.client.persons import ClientPersons, Files
from lotor.client.requests import Requests
from lotor.client.wallet import Wallet
from lotor.config.accounts import interim_seconds
from lotor.config.methods import closes
from lotor.config.settings import Accounting, RemoteSettings
from lotor.daemon.active_config import ActiveConfig
from lotor.daemon.choosing import Carrying
from lotor.daemon.endings import REASONS
from lotor.daemon.engines import carried
from lotor.daemon.shunning import Shunning
from lotor.explain.attempts import Attempts
from lotor.explain.devices import Devices
from lotor.explain.narrative import line
from lotor.ike.admission import Tally
from lotor.ike.events import Event
from lotor.ike.intents import ChildExpired, PeerMoved, Reload, Shutdown, SpiUnknown
from lotor.ike.v1.schedules import schedule
from lotor.leases.ledger import MemorySessions
from lotor.metrics.counting import Counting
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import NON_ESP_MARKER, Path, Peer
from lotor.model.policy import RemotePolicy, Side
from lotor.model.quantity import quantity
from lotor.model.reason import Reason
from lotor.model.reasons.ends import ShutDown
from lotor.ports.accounting import Backlog
from lotor.ports.carrier import SocketCarrier
from lotor.ports.esp import Broken, Capabilities, Ending, Expired, Moved, Notice, Strange
from lotor.ports.gateways import Gateways
from lotor.ports.interface import TunnelInterface
from lotor.ports.records import Records
from lotor.privsep.privileged import Privileged
from lotor.runtime.accountant import Accountant, Figures
from lotor.runtime.answers import Answers, Sources
from lotor.runtime.associations import Associations
from lotor.runtime.capture import Capture
from lotor.runtime.carriers import Carriers
from lotor.runtime.configurations import GatewayConfigurations
from lotor.runtime.driver import Core, Driver
from lotor.runtime.follower import Engines, Follower
from lotor.runtime.idle import IdleSessions
from lotor.runtime.journal import Journal
from lotor.runtime.ledger import Ledger
from lotor.runtime.logins import Logins
from lotor.runtime.obedience import Obedience
from lotor.runtime.present import Present
from lotor.runtime.rates import Rates
from lotor.runtime.sessions import Register, Session
from lotor.runtime.tls import TlsTable
from lotor.runtime.watches import Watches
from lotor.trust import LocalTrust

log = logging.getLogger(__name__)

THREADS = 4
"""For sums of handshakes, and as many for judgements, which may wait for files: neither waits for the other."""
SHUT_DOWN = ShutDown()


class Wiring:
    """`start` and `stop` once each, in the event loop. `present` is the configuration: a reload replaces it
    there, and so everywhere. `carrying` is what carries ESP, `isakmp` are the sockets of port 500; `capture` gets every
    IKE datagram, where there is one; `broken` is called when the data plane fails."""

    def __init__(
        self,
        core: Core,
        present: Present[ActiveConfig],
        privileged: Privileged,
        carrying: Carrying,
        *,
        isakmp: Iterable[SocketCarrier],
        broken: Callable[[str], None],
        capture: Capture | None = None,
    ) -> None:
        self.present = present
        self._privileged = privileged
        self._engine = carrying.engine
        self._interface = carrying.interface
        self.choice = carrying.choice
        self._capture = capture
        self._broken = broken
        self._executor = ThreadPoolExecutor(THREADS, "lotor-keys")
        self._judging = ThreadPoolExecutor(THREADS, "lotor-trust")
        self._trust = LocalTrust(present.now.trust, self._judging)
        self.configurations = GatewayConfigurations(privileged.leases, self._template, self._groups)
        self.requests = Requests()
        self.register = Register(start=privileged.session_ids)
        self.associations = Associations(carrying.engine, self._lose)
        paths = lambda: [each.path for each in self.register.all()]  # noqa: E731
        self.carriers = Carriers(isakmp, paths, [carrying.carrier])
        self.attempts = Attempts()
        self.devices = Devices(self._side)
        self.rates = Rates(self.register, self.associations.counters, asyncio.get_running_loop().time)
        self.counting = Counting(asyncio.get_running_loop().time)
        self.watches = Watches(asyncio.get_running_loop().call_later)
        self.persons = ClientPersons(self.requests, Files(self._login, privileged.signer.saved_password))
        self.logins = Logins(privileged.logins, self._account)
        disclose = capture.disclose if capture is not None else lambda _: None
        self.driver = Driver(core, self._transmit, Answers(self._sources()).reply, disclose)
        self.idle = IdleSessions(self.register, self.associations.counters, self.driver.command)
        self.follower = Follower(self._engines(), self.register, self.driver.command, self.requests.ready)
        self.accountant = self._accountant()
        self.sessions = MemorySessions()
        self.ledger = Ledger(self.sessions, self.register)
        parts = Parts(self.driver, self.register, self.requests, self.persons, self.follower, self.wallet)
        ground = Ground(self._remotes, self._login, self._way, self._patience)
        senses = Senses(clocks, privileged.host.changed, self.associations.counters, random.SystemRandom().random)
        self.keeping = Keeping(parts, ground, senses, Wishes(self._stays, self._shuts, self._unheard))
        self.follower.use(self.keeping)
        self.connections = Connections(parts, ground, self.keeping)
        self.obedience = Obedience(privileged.orders, self.register, self.driver.command)
        self.closed = Closed(privileged.host, self.keeping.step_aside, time.monotonic)

    @cached_property
    def wallet(self) -> Wallet:
        return Wallet()

    @cached_property
    def tls(self) -> TlsTable:
        return TlsTable(self._privileged.signer, self._lives)

    @cached_property
    def shunning(self) -> Shunning:
        return Shunning(self._privileged.records, self.present, self.driver.command)

    @property
    def records(self) -> Records:
        return self._privileged.records

    @property
    def gateways(self) -> Gateways:
        return self._privileged.gateways

    def start(self) -> None:
        journal = Journal(asyncio.get_running_loop().call_later, self._story, self.watches)
        for subscriber in (self.register.follow, self.attempts.follow, journal.follow, self.counting.follow):
            self.driver.subscribe(subscriber)
        self.driver.subscribe(self.devices.follow)
        self.driver.subscribe(self.persons.follow)
        self.driver.subscribe(self.requests.follow)
        self.driver.subscribe(self.follower.follow)
        self.driver.subscribe(self.keeping.follow)
        self.driver.subscribe(self.wallet.follow)
        self.driver.subscribe(self.accountant.follow)
        self.driver.subscribe(self.ledger.follow)
        self.driver.subscribe(self.logins.follow)
        self.driver.subscribe(self.tls.follow)
        self.carriers.start(self._receive)
        self._engine.start(self._notice)
        self.present.follow(self._take_over)
        self.keeping.start(self.connections.again)
        self.rates.start()
        self.idle.start()
        self.obedience.start()
        self.shunning.start()

    async def stop(self, why: Reason = SHUT_DOWN) -> None:
        """Deletes to every peer, the host as it was, then the engines. `why`: for what all sessions end."""
        self.rates.stop()
        self.idle.stop()
        self.obedience.stop()
        self.shunning.stop()
        await self.keeping.stop(why)
        self.driver.command(Shutdown(why))
        await self.follower.settled()
        await self.accountant.close(why)
        await self.ledger.settled()
        await self.logins.settled()
        await self.configurations.settled()
        self.driver.stop()
        self.carriers.close()
        await self._engine.stop()
        for executor in (self._executor, self._judging):
            executor.shutdown(wait=False, cancel_futures=True)
        self.tls.close()

    def remarks(self) -> list[str]:
        """Sentences of `status` beside the sessions."""
        capture, failures = self._capture, self.attempts.failures
        attempts = quantity(failures, "attempt")
        told = [capture.remark] if capture is not None else []
        told += self.keeping.remarks()
        if self.choice.fell_back:
            told.append(f"ESP is carried in user space: {self.choice.why}")
        if not self.capabilities.rates and self._is_limited():
            told.append("rate limits of sessions are not kept: the kernel carries ESP (docs/kernel.md)")
        if self.admissions().deferring:
            told.append("first messages of strangers are answered when they come again: too many came at once")
        return [*told, f"{attempts} failed since the start: lotor explain tells why"] if failures else told

    @property
    def capabilities(self) -> Capabilities:
        """Of what carries ESP."""
        return self._engine.capabilities

    def _is_limited(self) -> bool:
        """Whether a session should be held to a rate."""
        pairs = (each.child for session in self.register.all() for each in session.children.values())
        return any(child.rate is not None for child in pairs)

    def admissions(self) -> Tally:
        """What became of first messages of strangers."""
        return self.driver.admissions()

    @property
    def interface(self) -> TunnelInterface:
        """Where tunnels end."""
        return self._interface

    def listen(self, subscriber: Callable[[Event], None]) -> None:
        self.driver.subscribe(subscriber)

    def _story(self, session: int) -> str:
        attempt = self.attempts.get(session)
        return line(attempt) if attempt is not None else ""

    def _take_over(self, active: ActiveConfig) -> None:
        """Sessions that are up keep what they have. What the kernel lacks was asked as the configuration was read."""
        self._trust.use(active.trust)
        capabilities = replace(self.capabilities, lacking=active.lacking)
        self.driver.command(Reload(carried(active.policy, capabilities)))

    def _sources(self) -> Sources:
        return Sources(
            signer=self._privileged.signer,
            trust=self._trust,
            logins=self.logins,
            persons=self.persons,
            configurations=self.configurations,
            associations=self.associations,
            interface=self._interface,
            host=self._privileged.host,
            tls=self.tls,
            tickets=self._privileged.tickets,
            wallet=self.wallet,
            executor=self._executor,
            alive=self._lives,
            follows=self._follows,
            ways=lambda gateway, port: way_to(gateway, port, self._way),
        )

    def _lives(self, session: int) -> bool:
        return self.register.get(session) is not None

    def _follows(self, session: int) -> int:
        return self.follower.follows(session)

    def _engines(self) -> Engines:
        return Engines(
            self.associations,
            self._interface,
            self._privileged.host,
            self._privileged.hooks,
            self.configurations.release,
        )

    def _receive(self, data: bytes, path: Path) -> None:
        if self._capture is not None:
            self._capture.received(data, path)
        self.driver.receive(data, path)

    def _transmit(self, data: bytes, path: Path) -> None:
        if self._capture is not None:
            self._capture.sent(data, path)
        self.carriers.transmit(data, path)

    def _notice(self, notice: Notice) -> None:
        match notice:
            case Expired(child=child, hard=hard, ending=ending):
                self.driver.command(ChildExpired(child, hard, REASONS[ending]))
            case Moved(child=child, remote=remote):
                self.driver.command(PeerMoved(child, remote))
            case Strange(spi=spi, path=path, octets=octets):
                # the non-ESP marker that goes before an answer counts as well
                self.driver.command(SpiUnknown(spi, path, octets - len(NON_ESP_MARKER)))
            case Broken(why=why):
                log.error("the data plane stopped: %s", why)
                self._broken(why)

    def _lose(self, child: int) -> None:
        """Its peer has moved, and the engine did not follow: as after a hard lifetime the peer is told, and a client
        asks for another pair, which says why there is none."""
        self.driver.command(ChildExpired(child, hard=True, reason=REASONS[Ending.LEFT_BEHIND]))

    def _side(self, session: int) -> Side | None:
        known = self.register.recall(session)
        return known.side if known is not None else None

    def _account(self, session: int) -> str:
        known = self.register.recall(session)
        return known.key if known is not None else ""

    def _template(self) -> ModeConfiguration | None:
        return self.present.now.template

    def _groups(self) -> Mapping[str, ModeConfiguration]:
        return self.present.now.groups

    def _remotes(self) -> tuple[RemotePolicy, ...]:
        return self.present.now.policy.remotes

    def _block(self, remote: str) -> RemoteSettings | None:
        return next((each for each in self.present.now.settings.remotes if each.name == remote), None)

    def _login(self, remote: str) -> str | None:
        block = self._block(remote)
        return block.xauth_login if block is not None else None

    def _stays(self, remote: str) -> bool:
        """Whether the connections of a block come back by themselves."""
        block = self._block(remote)
        return block is not None and block.auto_connect

    async def backlog(self) -> tuple[Backlog, ...]:
        """Records of accounting that wait; of a client there are none. Nothing where the warden does not tell."""
        if self.present.now.settings.mode_cfg is None:
            return ()
        try:
            return await self._privileged.accounting.backlog()
        except OSError:
            return ()

    def _accountant(self) -> Accountant:
        figures = Figures(self.associations.counters, self.follower.emptied)
        engine = BesideJournal(JournalAccounting(), self._privileged.accounting, self._accounts, self._journal_alone)
        return Accountant(engine, self.register, figures, self._interval)

    def _accounts(self) -> bool:
        """Whether somebody beside the journal keeps accounts, or the sessions of the past."""
        return not self._journal_alone() or self.present.now.settings.history_days > 0

    def _journal_alone(self) -> bool:
        mode_cfg = self.present.now.settings.mode_cfg
        return mode_cfg is None or mode_cfg.accounting is Accounting.NONE

    def _interval(self, session: Session) -> float | None:
        """Seconds between two records of a session that is up."""
        return interim_seconds(self.present.now.settings.mode_cfg, session.grants.accounting_interval)

    def _shuts(self, session: Session) -> bool:
        """Whether what belongs into a tunnel stays unreachable while it is down."""
        block = self._block(session.remote)
        return block is not None and closes(block, session.configuration)

    async def _unheard(self, remote: str) -> None:
        """A gateway does not answer in a network that this host came to: a login page may be in the way."""
        block = self._block(remote)
        if block is None or not block.captive_portal:
            return
        try:
            await self.closed.portal(block.captive_portal)
        except OSError as error:
            log.warning("captive_portal: nothing was opened: %s", error.strerror or error)

    def _patience(self) -> float:
        """Seconds that a gateway is called which does not answer."""
        timer = self.present.now.policy.retransmission
        return sum(schedule(timer.interval, timer.counter))

    async def _way(self, remote: Peer) -> Path:
        return self.carriers.towards(remote, await self._privileged.sockets.source_towards(remote))


def clocks() -> Now:
    """The present instant, on both."""
    return Now(time.clock_gettime(time.CLOCK_MONOTONIC), time.clock_gettime(time.CLOCK_BOOTTIME))
