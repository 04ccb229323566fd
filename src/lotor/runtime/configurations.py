"""What this gateway tells a client: a lease, what the back end granted, and the administrator's values for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from functools import partial

from lotor.model.configuration import ModeConfiguration
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.reasons.local import NoModeConfig
from lotor.ports.leases import Lease, Leases
from lotor.runtime.lanes import Lanes

POOL_SECONDS = 10.0
"""A pool that does not answer for so long counts as a refusal; the next step of the session is tried nevertheless."""


class Step(Enum):
    """What waits for the lease of one session."""

    ACQUIRE = auto()
    RELEASE = auto()


class GatewayConfigurations:
    """Answers `AcquireConfiguration`. `template` is what is the same for everybody, whose address is not used; it is
    asked every time, so that a reload counts at once."""

    def __init__(self, leases: Leases, template: Callable[[], ModeConfiguration | None]) -> None:
        self._leases = leases
        self._template = template
        self._lanes = Lanes(POOL_SECONDS)

    async def acquire(self, session: int, user: str, grants: Grants) -> ModeConfiguration | Failure:
        """A lease is its session's, whether or not anybody still waits: the end of the session gives it back."""
        values = self._template()
        if values is None:
            return Failure(NoModeConfig())
        asked = self._lanes.put(session, Step.ACQUIRE, partial(self._leases.acquire, session, user, grants))
        lease = await asyncio.shield(asked)
        return lease if isinstance(lease, Failure) else _told(values, lease, grants)

    def release(self, session: int) -> None:
        self._lanes.follow(session, Step.RELEASE, partial(self._leases.release, session))

    async def settled(self) -> None:
        """Until every lease that is given back is."""
        await self._lanes.settled()


def _told(values: ModeConfiguration, lease: Lease, grants: Grants) -> ModeConfiguration:
    # a reload may bring IPv6 values before the pool, which is made at the start, has addresses for them
    values = values if lease.address6 is not None else values.without_ipv6()
    return replace(
        values,
        address=lease.address,
        netmask=grants.netmask or lease.netmask or values.netmask,
        split_include=grants.routes or values.split_include,
        address6=lease.address6,
    )
