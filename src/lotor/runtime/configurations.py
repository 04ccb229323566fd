"""What this gateway tells a client: a lease, what the back end granted, and the administrator's values for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum, auto
from functools import partial
from ipaddress import IPv4Address

from lotor.model.configuration import LONGEST_BANNER, ModeConfiguration
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.reasons.local import NoModeConfig
from lotor.ports.leases import Lease, Leases
from lotor.runtime.lanes import Lanes

POOL_SECONDS = 10.0
"""A pool that does not answer for so long counts as a refusal; the next step of the session is tried nevertheless."""


ALONE = IPv4Address("255.255.255.255")
"""The mask for an address from elsewhere of which nobody says what network it is in."""


class Step(Enum):
    """What waits for the lease of one session."""

    ACQUIRE = auto()
    RELEASE = auto()


class GatewayConfigurations:
    """Answers `AcquireConfiguration`. `template` is what is the same for everybody, whose address is not used, and
    `groups` the same for members of a group; both are asked every time, so that a reload counts at once."""

    def __init__(
        self,
        leases: Leases,
        template: Callable[[], ModeConfiguration | None],
        groups: Callable[[], Mapping[str, ModeConfiguration]] = dict,
    ) -> None:
        self._leases = leases
        self._template = template
        self._groups = groups
        self._lanes = Lanes(POOL_SECONDS)

    async def acquire(self, session: int, user: str, grants: Grants) -> ModeConfiguration | Failure:
        """A lease is its session's, whether or not anybody still waits: the end of the session gives it back."""
        values = self._template()
        if values is None:
            return Failure(NoModeConfig())
        asked = self._lanes.put(session, Step.ACQUIRE, partial(self._leases.acquire, session, user, grants))
        lease = await asyncio.shield(asked)
        if isinstance(lease, Failure):
            return lease
        return _told(self._groups().get(lease.group, values), lease, grants)

    def release(self, session: int) -> None:
        self._lanes.follow(session, Step.RELEASE, partial(self._leases.release, session))

    async def settled(self) -> None:
        """Until every lease that is given back is."""
        await self._lanes.settled()


def _told(values: ModeConfiguration, lease: Lease, grants: Grants) -> ModeConfiguration:
    """What was granted goes before what the configuration says, value by value."""
    told = replace(
        values,
        address=lease.address,
        netmask=grants.netmask or lease.netmask or values.netmask or ALONE,
        dns=grants.dns4 or values.dns,
        wins=grants.wins4 or values.wins,
        domain=grants.default_domain.encode() or values.domain,
        split_dns=tuple(each.encode() for each in grants.split_dns) or values.split_dns,
        split_include=grants.routes or values.split_include,
        split_local=() if grants.routes else values.split_local,
        banner=_banner(values, grants),
        address6=lease.address6,
        dns6=grants.dns6 or values.dns6,
        split_include6=grants.routes6 or values.split_include6,
        group=lease.group,
        groups=lease.groups,
        unkept=lease.unkept,
    )
    # a reload may bring IPv6 values before the pool, which is made at the start, has addresses for them
    return told if lease.address6 is not None else told.without_ipv6()


def _banner(values: ModeConfiguration, grants: Grants) -> bytes:
    """The message for the person stands first: clients show a banner, and hardly one shows what XAUTH says with a
    login that was accepted."""
    banner = grants.banner.encode() or values.banner
    message = grants.message.encode()
    return (message + b"\n" + banner if message and banner else message or banner)[:LONGEST_BANNER]
