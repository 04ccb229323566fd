"""Addresses are given when the rules of `network { }` hold for them, and the host's network is as a configuration wants
it.

Whose address it is decides what it may reach. An owned daemon chooses no groups: it is the warden that knows who has
logged in, and looks up which groups that is in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from lotor import config
from lotor.auth.accounts import OF_THE_HOST, Accounts
from lotor.config.settings import Settings
from lotor.hosts.network import NetworkHost
from lotor.hosts.network_table import Plan
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.quantity import quantity
from lotor.model.reasons.local import PoolFault
from lotor.ports.leases import Lease, Leases
from lotor.warden.pool_routes import PoolRoutes, networks_of

log = logging.getLogger(__name__)

NOBODY = ""
"""Who holds an address without a login that this warden has accepted: rules for everyone are his."""


class AdmittedLeases:
    """Implements `ports.leases.Leases`. `proved`: whether a user has logged in."""

    def __init__(self, leases: Leases, network: NetworkHost, proved: Callable[[str], bool]) -> None:
        self._leases = leases
        self._network = network
        self._proved = proved

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        lease = await self._leases.acquire(session, user, grants)
        if isinstance(lease, Failure):
            return lease
        try:
            await self._network.admit(session, user if self._proved(user) else NOBODY, lease.addresses)
        except OSError as error:
            await self.release(session)  # also of what it had before: another one may get the address
            return Failure(PoolFault(error.strerror or str(error)))
        return lease

    async def release(self, session: int) -> None:
        self._network.dismiss(session)
        await self._leases.release(session)


class LedNetwork:
    """The host's network, for one configuration after another."""

    def __init__(self, network: NetworkHost, pool: PoolRoutes) -> None:
        self._network = network
        self._pool = pool
        self._looks: asyncio.Task[None] | None = None

    async def adapt(self, settings: Settings) -> list[str]:
        """Network and pool are as these settings want them. Returns sentences for a person. Raises `OSError`, and
        nothing has changed."""
        former = self._network.plan
        await self._network.use(plan_of(settings, self._pool))
        try:
            return await self._pool.adapt(settings)
        except BaseException:
            await self._network.use(former)
            raise

    async def lead(self, device: str) -> None:
        """Clients come by this device. Raises `OSError`."""
        await self._network.lead(device)
        plan = self._network.plan
        if plan is not None:
            self._looks = asyncio.get_running_loop().create_task(_tell_obstacles(plan, device))

    async def let_go(self) -> None:
        """The device is gone."""
        await self._drop_look()
        try:
            await self._network.lead(None)
        except OSError as error:
            log.warning("%s", error.strerror or error)

    async def stop(self) -> None:
        await self._drop_look()
        await self._network.stop()

    async def clean(self) -> None:
        """What a killed gateway left goes."""
        try:
            if undone := await self._network.clean():
                what = quantity(undone, "change")
                log.warning("undone on this host: %s that an earlier lotor left for its network", what)
        except OSError as error:
            log.warning("%s", error.strerror or error)

    async def _drop_look(self) -> None:
        if self._looks is not None:
            self._looks.cancel()
            await asyncio.wait({self._looks})
            self._looks = None


def plan_of(settings: Settings, pool: PoolRoutes | None = None) -> Plan | None:
    """What the `network` block asks for; None where nothing is set up. `pool`: sessions may hold addresses of another
    one than that of the settings."""
    if settings.network is None or not config.is_gateway(settings):
        return None
    return Plan(settings.network, tuple(pool.networks(settings) if pool is not None else networks_of(settings)))


def groups_of(accounts: Accounts | None = None) -> Callable[[str], frozenset[str]]:
    """The groups of this host that a user is in; the one without a name is in none. Raises `OSError`."""
    found = accounts or Accounts(OF_THE_HOST)

    def groups(user: str) -> frozenset[str]:
        try:
            return found.groups_of(user) if user != NOBODY else frozenset()
        except OSError as error:
            what = f"the groups of users are not known: {error.filename} cannot be read ({error.strerror})"
            raise OSError(error.errno, what) from None

    return groups


async def _tell_obstacles(plan: Plan, device: str) -> None:
    from lotor.hosts import network_state  # only a host with network { } reads other programs' rules

    try:
        for line in await network_state.warnings(plan, device):
            log.warning("%s", line)
    except (OSError, ValueError) as error:
        log.info("whether a firewall drops packets of clients is not known: %s", error)
