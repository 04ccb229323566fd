"""The warden: every engine that needs rights or secrets, and the configuration that they obey.

It outlives the daemon: what must survive the daemon's death (leases, the memory of guesses and of proved users) is
here, and what a dead daemon held is let go of.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from lotor import config
from lotor._native import device_mtu
from lotor.auth.current import CurrentLogins
from lotor.auth.housed import Housed
from lotor.auth.ticket_file import TicketFile
from lotor.auth.tickets import TicketLogins
from lotor.config.provision import Provision
from lotor.config.settings import Settings
from lotor.hooks.scripts import ScriptHooks
from lotor.hosts.client import LinuxHost
from lotor.hosts.gateway import GatewayHost
from lotor.hosts.network import NetworkHost
from lotor.hosts.routing import OUTER_MARK
from lotor.hosts.sockets import HostSockets
from lotor.hosts.tun import HostTunnels
from lotor.hosts.xfrm.leftovers import take_away
from lotor.model.algorithms import EspSuite
from lotor.model.grants import Grants
from lotor.model.member import Member
from lotor.model.network import OUTER_MTU, Address
from lotor.model.quantity import quantity
from lotor.model.reasons.ends import GatewayDied
from lotor.ports.fleet import Fleet
from lotor.ports.host import Attachment, GatewayRoutes, Host, Leaving
from lotor.ports.host_esp import HostEsp
from lotor.ports.interface import TunDevice, Tunnels
from lotor.ports.leases import Leases
from lotor.ports.orders import Whom, Why
from lotor.privsep.hosting import scripts_of
from lotor.privsep.privileged import Privileged
from lotor.store import Store
from lotor.store.spool import Spool
from lotor.warden import membership
from lotor.warden.accounting import Accounts, new_session_ids
from lotor.warden.admitting import AdmittedLeases, Giving, LedNetwork, groups_of
from lotor.warden.back_ends import LedBackEnds, NoBackEnds
from lotor.warden.current import CurrentSigner
from lotor.warden.demands import Obeying, ordering
from lotor.warden.engines import logins_of
from lotor.warden.fixed import FixedAddresses
from lotor.warden.fleet_leases import FleetLeases
from lotor.warden.fleet_watch import LAST_PATIENCE, FleetWatch
from lotor.warden.gateways import FleetGateways, Own, heard
from lotor.warden.history import History
from lotor.warden.housing import HousedLeases
from lotor.warden.judged_fleet import JudgedFleet
from lotor.warden.keepers import keepers
from lotor.warden.led_esp import LedEsp
from lotor.warden.loading import Holding, Lacking, asked_of_kernel
from lotor.warden.orders import Orders
from lotor.warden.owing import Owing
from lotor.warden.pool_routes import PoolRoutes
from lotor.warden.recording import KeptRecords
from lotor.warden.remembering import RememberedLeases
from lotor.warden.shared_logins import SharedLogins
from lotor.warden.ticketing import terms_of

log = logging.getLogger(__name__)

THREADS = 4
"""For signatures, which take milliseconds each."""
PENDING = 60.0
"""Seconds in which a configuration that was read again is taken over, or forgotten: a daemon may have what it names
until then."""


async def carries_all(settings: Settings) -> frozenset[EspSuite]:
    """A kernel that lacks nothing."""
    del settings
    return frozenset()


@dataclass(frozen=True, slots=True)
class Hold:
    """The engines that change this host or open its sockets; `esp` makes the kernel's as settings ask for it, and
    `lacking` says what the kernel does not carry of them."""

    sockets: HostSockets
    tunnels: Tunnels
    host: Host
    routes: GatewayRoutes
    network: NetworkHost = field(default_factory=lambda: NetworkHost(groups_of=groups_of()))
    store: Store = field(default_factory=lambda: Store(None))
    back_ends: LedBackEnds = field(default_factory=NoBackEnds)
    esp: Callable[[Settings], HostEsp | None] = lambda _: None
    lacking: Lacking = carries_all


class LedTunnels:
    """Implements `ports.interface.Tunnels`: the routes to the pool lead to the newest device, and clients come by
    it."""

    def __init__(self, tunnels: Tunnels, pool: PoolRoutes, network: LedNetwork) -> None:
        self._tunnels = tunnels
        self._pool = pool
        self._network = network

    async def open(self) -> TunDevice:
        device = await self._tunnels.open()
        try:
            await self._network.lead(device.name)
            await self._pool.begin(device.name, device_mtu(OUTER_MTU))
        except BaseException:
            device.close()
            raise
        return device


class CountedHost:
    """Implements `ports.host.Host`. `attached`: the sessions that this host is set up for."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.attached: set[int] = set()

    async def admit(self, attachment: Attachment) -> None:
        await self._host.admit(attachment)

    async def attach(self, attachment: Attachment) -> None:
        await self._host.attach(attachment)
        self.attached.discard(attachment.follows)
        self.attached.add(attachment.session)

    async def detach(self, session: int, leaving: Leaving = Leaving.OPEN) -> None:
        self.attached.discard(session)
        await self._host.detach(session, leaving)

    async def closed(self) -> tuple[str, ...]:
        return await self._host.closed()

    async def open(self, gateways: tuple[str, ...]) -> int:
        return await self._host.open(gateways)

    async def changed(self, seen: int) -> int:
        return await self._host.changed(seen)

    async def portal(self, seconds: int) -> int:
        return await self._host.portal(seconds)

    async def release(self) -> None:
        await self._host.release()

    async def recover(self) -> int:
        return await self._host.recover()


class Warden:
    """`first` is the configuration to start with, and `load` reads it anew: `ConfigError` with everything that is wrong
    with it. `privileged` is what needs rights, as ports; it works from `start` to `stop`."""

    def __init__(self, load: Callable[[], Holding], first: Holding, hold: Hold) -> None:
        self._load = load
        self._hold = hold
        self._executor = ThreadPoolExecutor(THREADS, "lotor-keys")
        self._signer, self._logins, self._hooks = CurrentSigner(self._executor), CurrentLogins(), ScriptHooks({})
        self._pool, self._host = PoolRoutes(hold.routes), CountedHost(hold.host)
        self._network = LedNetwork(hold.network, self._pool)
        self._esp = LedEsp(lambda: hold.esp(self._loaded.settings), self._pool, self._network)
        self._housed = Housed()
        self.store = hold.store
        self.orders = Orders()
        self._shared = FleetLeases(self._pool, self._lost)
        self._remembered = RememberedLeases(self._shared, hold.store, FixedAddresses(self._pool.fix))
        kept_by = keepers(hold.back_ends, hold.store, self._pam_service)
        self.accounts = Accounts(Spool(hold.store), kept_by, History(hold.store))
        self.records = KeptRecords(self._logins, hold.store)
        self._tickets = TicketLogins(self.records.logins, self._logins, TicketFile())
        self.gateways = FleetGateways(Own(lambda: self.fleet, self._own_name, self._waiting, self._away))
        ordered = ordering(self.orders, self.accounts)
        self._obeying = Obeying(hold.back_ends, ordered, lambda: self._loaded.settings)
        self._loaded = first
        self._loading: asyncio.Future[Holding] | None = None
        self._pending: Holding | None = None
        self._forgets: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self._member: Member | None = None
        self.fleet_watch: FleetWatch | None = None
        self._shared_logins: SharedLogins | None = None
        self._owing = Owing(self.accounts, hold.back_ends, self._turn)
        self._followers: list[Callable[[Settings], None]] = []
        self._reloads: Callable[[bool], None] = lambda _: None
        self.privileged = Privileged(
            signer=self._signer,
            logins=self._tickets,
            leases=self.leases(lambda *_: True),
            sockets=hold.sockets,
            tunnels=LedTunnels(hold.tunnels, self._pool, self._network),
            esp=self._esp,
            host=self._host,
            hooks=self._hooks,
            accounting=self.accounts,
            session_ids=new_session_ids(),
            records=self.records,
            orders=self.orders,
            gateways=self.gateways,
            tickets=self._tickets,
        )

    @property
    def settings(self) -> tuple[Settings, ...]:
        """The configurations in force: the present one, and the one that a reload is about to take over."""
        return tuple(each.settings for each in (self._loaded, self._pending) if each is not None)

    async def start(self) -> None:
        """Undoes what a crashed warden left on this host. Raises `OSError`."""
        if undone := await self._host.recover() + await take_away():
            log.warning("undone on this host: %s that an earlier lotor left there", quantity(undone, "change"))
        if config.is_gateway(self._loaded.settings):
            await self._network.clean()
        await self.store.open()
        self._member = await asyncio.to_thread(membership.member_of, self._loaded.settings)
        if config.is_gateway(self._loaded.settings):
            await self.accounts.history.recall(GatewayDied.kind)
            await self.accounts.open()
        await self.records.recall()
        await self._use(self._loaded)
        await self._remembered.recall(self._pool)
        await self._join()
        if config.is_gateway(self._loaded.settings):
            self._obeying.start()

    async def _join(self) -> None:
        """From here on this gateway is one of the fleet that its configuration names. Raises `OSError` where it may not
        be."""
        fleet = self._hold.back_ends.fleet
        if fleet is None or self._member is None:
            return
        watch = self.fleet_watch = FleetWatch(JudgedFleet(fleet), self._member.lease)
        self._shared.begin(watch)
        if self._shared_logins is not None:
            watch.follow(self._shared_logins.hear)
        self.records.share(watch)
        self.accounts.history.fleet.begin(watch, self._member.name)
        watch.follow(heard(self.orders))
        await watch.begin()

    async def _leave(self) -> None:
        await self._shared.end()
        if self.fleet_watch is not None:
            await self.accounts.history.fleet.end(self.fleet_watch, LAST_PATIENCE)
            await self.fleet_watch.end()

    def _own_name(self) -> str:
        return self._member.name if self._member is not None else ""

    def _away(self) -> str:
        """Why the fleet's database is known not to answer, and since when; empty: it is not."""
        watch = self.fleet_watch
        if watch is None or watch.away is None or watch.seconds_away is None:
            return ""
        return f"{watch.away.why} (for {watch.seconds_away:.0f} s)"

    def _waiting(self) -> int:
        """What the fleet's database is told once it answers."""
        return self._shared.waiting + self.records.fleet.waiting + self.accounts.history.fleet.waiting

    def _lost(self, address: Address) -> None:
        """Another gateway has it."""
        self.orders.tell(Whom(inside=address), Why.LEASE_LOST)

    def _keeps_rates(self) -> bool:
        """What carries ESP does: the kernel does not."""
        return not self._esp.led

    def leases(self, proved: Callable[[str, Grants], bool]) -> Leases:
        """`proved`: whether a user has logged in with these grants."""
        network, giving = self._hold.network, self._giving
        admitted = AdmittedLeases(self._remembered, network, proved, giving, limits=self._keeps_rates)
        return HousedLeases(admitted, self._housed)

    @property
    def fleet(self) -> Fleet | None:
        """What several gateways know together; None: this one stands alone."""
        return self.fleet_watch.fleet if self.fleet_watch is not None else None

    @property
    def back_ends(self) -> LedBackEnds:
        return self._hold.back_ends

    def _giving(self) -> Giving:
        named = frozenset(each.group for each in self._loaded.settings.sainfos if each.group is not None)
        return Giving(self._pool.mode_cfg, named)

    def _pam_service(self) -> str | None:
        mode_cfg = self._loaded.settings.mode_cfg
        return mode_cfg.pam_service if mode_cfg is not None else None

    @property
    def sockets(self) -> HostSockets:
        return self._hold.sockets

    def holder(self, addresses: frozenset[Address]) -> str | None:
        """The user of the one lease of a session that has them all; None where there is none."""
        return self._pool.holder(addresses)

    def present(self) -> Provision:
        """The provision of the configuration in force."""
        return self._loaded.provision

    def follow(self, follower: Callable[[Settings], None]) -> None:
        """`follower` is called with the settings of each configuration that is taken over; it must not raise."""
        self._followers.append(follower)

    def follow_reloads(self, follower: Callable[[bool], None]) -> None:
        """`follower` hears that a reload is under way, and that it is over, whatever came of it; it must not raise."""
        self._reloads = follower

    @property
    def sessions(self) -> int:
        """Of people who have an address of the pool."""
        return self._pool.sessions

    @property
    def tunnels(self) -> int:
        """Of this host to gateways."""
        return len(self._host.attached)

    async def prepare(self) -> Provision:
        """Reads the configuration anew; nothing changes yet. Raises `ConfigError`."""
        self._forget()
        self._reloads(True)
        try:
            loaded = await self._read()
            if self._esp.led:
                loaded = await asked_of_kernel(loaded, self._hold.lacking)
        except BaseException:
            self._reloads(False)
            raise
        self._forget()
        self._pending = loaded
        self._forgets = asyncio.get_running_loop().call_later(PENDING, self._let_pass)
        return loaded.provision

    async def _read(self) -> Holding:
        """Waits for a load that is under way before it begins another one."""
        while self._loading is not None and not self._loading.done():
            await asyncio.wait({self._loading})
        self._loading = asyncio.get_running_loop().run_in_executor(None, self._load)
        return await asyncio.shield(self._loading)

    async def take_over(self) -> tuple[str, ...]:
        """Puts the configuration that was prepared last into force, also where the caller is cancelled. Returns
        sentences for a person. Raises `OSError`, and nothing has changed."""
        pending = self._pending
        self._forget()
        if pending is None:
            raise OSError(errno.ESTALE, "what was read of the configuration is out of date: reload it again")
        using = asyncio.get_running_loop().create_task(self._use(pending))
        using.add_done_callback(lambda _: self._reloads(False))
        return tuple(await asyncio.shield(using))

    async def withdraw(self) -> None:
        """What was prepared last will not be taken over."""
        self._let_pass()

    def _let_pass(self) -> None:
        self._forget()
        self._reloads(False)

    def _forget(self) -> None:
        """Forgets the configuration that was prepared, if there is one."""
        self._pending = None
        if self._forgets is not None:
            self._forgets.cancel()
            self._forgets = None

    async def _use(self, loaded: Holding) -> list[str]:
        back_ends = self._hold.back_ends
        scripts = scripts_of(loaded.settings.remotes)
        async with self._turn:
            await self._owing.use(self._within_fleet(loaded.settings), self._member)
            try:
                told = await self._network.adapt(loaded.settings)
            except BaseException:
                await self._owing.use(self._within_fleet(self._loaded.settings), self._member)
                raise
            self._signer.use(loaded.keyring)
            self._logins.use(
                logins_of(
                    loaded.settings.mode_cfg,
                    back_ends,
                    self._housed,
                    self._shares(loaded.settings),
                    loaded.settings.fleet_key.path if loaded.settings.fleet_key is not None else None,
                )
            )
            self.records.obey(loaded.settings)
            self._tickets.terms = terms_of(loaded.settings)
            self._remembered.fixed.obey(loaded.settings)
            self._shared.while_away = loaded.settings.while_store_away
            self._hooks.replace(scripts)
            self.accounts.use(loaded.settings.mode_cfg)
            self._hold.sockets.by_kernel = loaded.settings.engine.asks_kernel
            await self.accounts.history.obey(loaded.settings)
            self._loaded = loaded
        for follower in self._followers:
            follower(loaded.settings)
        return told

    def _within_fleet(self, settings: Settings) -> Settings:
        """A reload takes a gateway into no fleet, and out of none: it may name another way to the database."""
        return replace(settings, fleet=settings.fleet or self._loaded.settings.fleet)

    def _shares(self, settings: Settings) -> SharedLogins | None:
        """What is shared of logins, by these settings."""
        fleet = self._hold.back_ends.fleet
        if fleet is None or self._member is None:
            return None
        if self._shared_logins is None:
            self._shared_logins = SharedLogins(JudgedFleet(fleet), self._member.name)
        self._shared_logins.obey(settings)
        return self._shared_logins

    async def let_go(self) -> None:
        """Removes the routes to a device that is gone, and forgets what a dead daemon had prepared. A take-over that is
        under way ends first: the next daemon begins with the configuration in force."""
        self._let_pass()
        async with self._turn:
            await self._esp.close()
            await self._pool.end()
            await self._network.let_go()

    async def release(self) -> None:
        """A person ends the program: before `stop`."""
        await self._host.release()

    async def stop(self) -> None:
        self._owing.stop()
        await self._obeying.stop()
        await self.let_go()
        await self._network.stop()
        await self.accounts.close()
        if self._shared_logins is not None:
            await self._shared_logins.stop()
        await self._leave()
        await self._hold.back_ends.stop()
        await self.accounts.history.settle()
        await self._remembered.settle()
        await self.records.settle()
        await self.store.close()
        self._executor.shutdown(wait=False, cancel_futures=True)


def hold(settings: Settings | None = None, back_ends: LedBackEnds | None = None) -> Hold:
    """The engines of this host, for a program that starts with these settings; only a gateway has a store on disk.
    `back_ends` are those beyond it."""
    named = settings.store if settings is not None and config.is_gateway(settings) else None
    store = Store(named.path if named is not None else None)
    beyond = NoBackEnds() if back_ends is None else back_ends
    near = HostSockets(OUTER_MARK), HostTunnels(), LinuxHost(), GatewayHost()
    return Hold(*near, store=store, back_ends=beyond, esp=_esp_of, lacking=_lacking_of)


def _esp_of(settings: Settings) -> HostEsp | None:
    """None where nothing is asked of the kernel: what speaks to it is not even loaded."""
    if not settings.engine.asks_kernel:
        return None
    from lotor.hosts.xfrm.host import host_esp

    return host_esp(settings)


async def _lacking_of(settings: Settings) -> frozenset[EspSuite]:
    from lotor.hosts.xfrm.host import lacking

    return await lacking(settings)
